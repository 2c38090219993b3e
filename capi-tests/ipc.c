/* ipc: paths, the wildcard, abstract names, stealing, limits. */
#include "check.h"
#include "events.h"
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* A directory of the case for its files. */
static const char *directory (void)
{
    static char path[64];
    if (!path[0]) {
        const char *base = getenv ("TMPDIR");
        snprintf (path, sizeof path, "%s/capi-XXXXXX", base && strlen (base) < 40 ? base : "/tmp");
        REQUIRE (mkdtemp (path));
    }
    return path;
}

static const char *path_endpoint (const char *name)
{
    static char buffers[4][110];
    static int next;
    char *buffer = buffers[next++ & 3];
    snprintf (buffer, sizeof buffers[0], "ipc://%s/%s", directory (), name);
    return buffer;
}

static void clean_up (const char *endpoint)
{
    unlink (endpoint + 6);
    rmdir (directory ());
}

static void path (void)
{
    void *a = OPEN (ZMQ_PULL), *b = OPEN (ZMQ_PUSH);
    const char *endpoint = path_endpoint ("socket");
    struct stat about;
    OK (zmq_bind (a, endpoint));
    EQUAL (strcmp (last_endpoint (a), endpoint), 0);
    CHECK (stat (endpoint + 6, &about) == 0 && S_ISSOCK (about.st_mode));
    OK (zmq_connect (b, endpoint));
    SEND (b, "hello");
    RECV (a, "hello");
    FAILS (zmq_unbind (a, path_endpoint ("socke")), ENOENT);
    OK (zmq_unbind (a, endpoint));
    FAILS (zmq_unbind (a, endpoint), ENOENT);
    clean_up (endpoint);
}

/* A path and an abstract name that are no UTF-8, wherever they are shown. */
static void names_are_bytes (void)
{
    char names[2][110];
    snprintf (names[0], sizeof names[0], "ipc://@capi-caf\xe9-%d", (int) getpid ());
    strcpy (names[1], path_endpoint ("caf\xe9"));
    for (int i = 0; i < 2; i++) {
        void *a = OPEN (ZMQ_PULL), *b = OPEN (ZMQ_PUSH);
        void *at_a = watch (a, ZMQ_EVENT_ALL), *at_b = watch (b, ZMQ_EVENT_ALL);
        OK (zmq_bind (a, names[i]));
        EQUAL (strcmp (last_endpoint (a), names[i]), 0);
        EVENT (at_a, ZMQ_EVENT_LISTENING, names[i]);
        OK (zmq_connect (b, names[i]));
        EQUAL (strcmp (last_endpoint (b), names[i]), 0);
        EVENT (at_b, ZMQ_EVENT_CONNECTED, names[i]);
        EVENT (at_a, ZMQ_EVENT_ACCEPTED, names[i]);
        SEND (b, "hello");
        RECV (a, "hello");
        OK (zmq_disconnect (b, names[i]));
        OK (zmq_unbind (a, names[i]));
        FAILS (zmq_unbind (a, names[i]), ENOENT);
    }
    clean_up (names[1]);
}

/* Only names that the library made up are removed by it. */
static void file_stays_behind (void)
{
    const char *endpoint = path_endpoint ("stays");
    for (int closes = 0; closes < 2; closes++) {
        void *pull = OPEN (ZMQ_PULL);
        OK (zmq_bind (pull, endpoint));
        if (closes)
            CLOSE (pull);
        else
            OK (zmq_unbind (pull, endpoint));
        end_context ();
        OK (access (endpoint + 6, F_OK));
    }
    clean_up (endpoint);
}

static void connect_first (void)
{
    void *a = OPEN (ZMQ_PULL), *b = OPEN (ZMQ_PUSH);
    const char *endpoint = path_endpoint ("later");
    SET (b, ZMQ_RECONNECT_IVL, 10);
    OK (zmq_connect (b, endpoint));
    SEND (b, "early");
    OK (zmq_bind (a, endpoint));
    RECV (a, "early");
    clean_up (endpoint);
}

static void abstract_name (void)
{
    void *a = OPEN (ZMQ_PULL), *b = OPEN (ZMQ_PUSH);
    char name[60];
    struct sockaddr_un address;
    snprintf (name, sizeof name, "ipc://@capi-abstract-%d", (int) getpid ());
    OK (zmq_bind (a, name));
    EQUAL (strcmp (last_endpoint (a), name), 0);
    OK (zmq_connect (b, name));
    SEND (b, "hello");
    RECV (a, "hello");
    FAILS (zmq_bind (OPEN (ZMQ_PULL), name), EADDRINUSE); /* these are not stolen */
    FAILS (zmq_bind (a, "ipc://@"), EINVAL);
    /* No NUL is part of the name. */
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memset (&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    memcpy (address.sun_path + 1, name + 7, strlen (name) - 7);
    OK (connect (fd, (struct sockaddr *) &address,
                 (socklen_t) (offsetof (struct sockaddr_un, sun_path) + strlen (name) - 6)));
    close (fd);
}

static void wildcard (void)
{
    void *a = OPEN (ZMQ_PULL), *b = OPEN (ZMQ_PUSH), *c = OPEN (ZMQ_PULL);
    char endpoint[110], parent[110];
    struct stat about;
    setenv ("TMPDIR", directory (), 1);
    OK (zmq_bind (a, "ipc://*"));
    OK (zmq_bind (c, "ipc://*"));
    strcpy (endpoint, last_endpoint (a));
    CHECK (strcmp (endpoint, last_endpoint (c)) != 0);
    EQUAL (strncmp (endpoint + 6, directory (), strlen (directory ())), 0);
    CHECK (stat (endpoint + 6, &about) == 0 && S_ISSOCK (about.st_mode));
    OK (zmq_connect (b, endpoint));
    SEND (b, "hello");
    RECV (a, "hello");
    end_context ();
    CHECK (stat (endpoint + 6, &about) == -1 && errno == ENOENT); /* removed, with its directory */
    strcpy (parent, endpoint + 6);
    *strrchr (parent, '/') = 0;
    CHECK (stat (parent, &about) == -1 && errno == ENOENT);
    rmdir (directory ());
}

static void existing_path_is_taken_over (void)
{
    void *first = OPEN (ZMQ_PULL), *second = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
    const char *endpoint = path_endpoint ("stolen");
    OK (zmq_bind (first, endpoint));
    OK (zmq_bind (second, endpoint));
    OK (zmq_connect (push, endpoint));
    SEND (push, "for the second");
    RECV (second, "for the second");
    QUIET (first);
    clean_up (endpoint);
}

static void file_left_by_another_program (void)
{
    const char *endpoint = path_endpoint ("old");
    struct sockaddr_un address;
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memset (&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    strcpy (address.sun_path, endpoint + 6);
    OK (bind (fd, (struct sockaddr *) &address, sizeof address));
    close (fd);
    void *a = OPEN (ZMQ_PULL), *b = OPEN (ZMQ_PUSH);
    OK (zmq_bind (a, endpoint));
    OK (zmq_connect (b, endpoint));
    SEND (b, "hello");
    RECV (a, "hello");
    clean_up (endpoint);
}

static void limits (void)
{
    char endpoint[300];
    void *s = OPEN (ZMQ_PULL);
    strcpy (endpoint, "ipc://");
    memset (endpoint + 6, 'p', sizeof endpoint - 7);
    endpoint[sizeof endpoint - 1] = 0;
    FAILS (zmq_bind (s, endpoint), ENAMETOOLONG);
    FAILS (zmq_connect (s, endpoint), ENAMETOOLONG);
    endpoint[6 + 108] = 0;
    FAILS (zmq_bind (s, endpoint), ENAMETOOLONG);
    FAILS (zmq_connect (s, endpoint), ENAMETOOLONG);
    endpoint[6 + 107] = 0;
    OK (zmq_connect (s, endpoint)); /* the longest; nobody is there */
    FAILS (zmq_bind (s, "ipc://"), EINVAL);
    FAILS (zmq_connect (s, "ipc://"), EINVAL);
    FAILS (zmq_bind (s, "ipc:///no/such/directory/socket"), ENOENT);
    OK (zmq_connect (s, "ipc:///no/such/directory/socket"));
}

static void user_filter (void)
{
    uid_t me = getuid (), other = me + 1;
    for (int allowed = 0; allowed < 2; allowed++) {
        void *a = OPEN (ZMQ_PULL), *b = OPEN (ZMQ_PUSH);
        OK (zmq_setsockopt (a, ZMQ_IPC_FILTER_UID, allowed ? &me : &other, sizeof me));
        SET (b, ZMQ_RECONNECT_IVL, 10);
        SET (b, ZMQ_IMMEDIATE, 1);
        OK (zmq_connect (b, BIND (a, "ipc")));
        if (allowed) {
            SEND (b, "hello");
            RECV (a, "hello");
        } else
            EQUAL (await (b, ZMQ_POLLOUT, QUIET_MS), 0);
    }
}

static void unbind_ends_accepted_connections (void)
{
    void *a, *b;
    JOIN (a, ZMQ_PULL, b, ZMQ_PUSH, "ipc");
    SET (b, ZMQ_RECONNECT_IVL, 10);
    SEND (b, "one");
    RECV (a, "one");
    char endpoint[100];
    strcpy (endpoint, last_endpoint (a));
    OK (zmq_unbind (a, endpoint));
    void *next = OPEN (ZMQ_PULL);
    EVENTUALLY (get_int (a, ZMQ_EVENTS) == 0 && zmq_bind (next, endpoint) == 0);
    /* The connecter finds the new owner by itself; until then the old one may still take messages. */
    EVENTUALLY (zmq_send (b, "x", 1, ZMQ_DONTWAIT) >= -1 && get_int (a, ZMQ_EVENTS) >= 0 && await (next, ZMQ_POLLIN, 10));
}

RUN_CASES (CASE (path), CASE (connect_first), CASE (abstract_name), CASE (names_are_bytes), CASE (file_stays_behind), CASE (wildcard),
           CASE (existing_path_is_taken_over), CASE (file_left_by_another_program), CASE (limits), CASE (user_filter),
           CASE (unbind_ends_accepted_connections))
