/* What options do to the descriptors, connections and threads of the library, as the system sees it. */
#include "check.h"
#include "raw.h"
#include "events.h"
#include "faults.h"

#include <dirent.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/un.h>

/* The descriptors of a bound and a connected socket over this endpoint, from their monitors. */
struct wires
{
    void *bound, *connected;
    int listening, accepted, connecting;
};

static void wire_up (struct wires *wires, void (*prepare) (void *), const char *endpoint)
{
    uint32_t fd;
    wires->bound = OPEN (ZMQ_PULL);
    wires->connected = OPEN (ZMQ_PUSH);
    if (prepare) {
        prepare (wires->bound);
        prepare (wires->connected);
    }
    void *at_bound = watch (wires->bound, ZMQ_EVENT_LISTENING | ZMQ_EVENT_ACCEPTED);
    void *at_connected = watch (wires->connected, ZMQ_EVENT_CONNECTED);
    REQUIRE (zmq_bind (wires->bound, endpoint) == 0);
    OK (zmq_connect (wires->connected, last_endpoint (wires->bound)));
    REQUIRE (next_event (at_bound, NULL, &fd, ARRIVES_MS) == ZMQ_EVENT_LISTENING);
    wires->listening = (int) fd;
    REQUIRE (next_event (at_connected, NULL, &fd, ARRIVES_MS) == ZMQ_EVENT_CONNECTED);
    wires->connecting = (int) fd;
    REQUIRE (next_event (at_bound, NULL, &fd, ARRIVES_MS) == ZMQ_EVENT_ACCEPTED);
    wires->accepted = (int) fd;
    /* Everything has been set when a message gets through. */
    SEND (wires->connected, "x");
    RECV (wires->bound, "x");
}

static int option_of (int fd, int level, int name)
{
    int number = -1;
    socklen_t size = sizeof number;
    return getsockopt (fd, level, name, &number, &size) == 0 ? number : -1;
}

static void set_everything (void *socket)
{
    SET (socket, ZMQ_TOS, 0x28);
    SET (socket, ZMQ_TCP_KEEPALIVE, 1);
    SET (socket, ZMQ_TCP_KEEPALIVE_IDLE, 77);
    SET (socket, ZMQ_TCP_KEEPALIVE_CNT, 3);
    SET (socket, ZMQ_TCP_KEEPALIVE_INTVL, 9);
    SET (socket, ZMQ_TCP_MAXRT, 4321);
    SET (socket, ZMQ_SNDBUF, 40000);
    SET (socket, ZMQ_RCVBUF, 30000);
}

static void set_keepalive_off (void *socket)
{
    SET (socket, ZMQ_TCP_KEEPALIVE, 0);
    SET (socket, ZMQ_TCP_KEEPALIVE_IDLE, 77);
}

static void set_idle_alone (void *socket)
{
    SET (socket, ZMQ_TCP_KEEPALIVE_IDLE, 77); /* counts only together with ZMQ_TCP_KEEPALIVE */
}

static void connections (void)
{
    static const struct
    {
        int level, name, value;
    } rows[] = {{IPPROTO_IP, IP_TOS, 0x28},          {SOL_SOCKET, SO_KEEPALIVE, 1},   {IPPROTO_TCP, TCP_KEEPIDLE, 77},
                {IPPROTO_TCP, TCP_KEEPCNT, 3},       {IPPROTO_TCP, TCP_KEEPINTVL, 9}, {IPPROTO_TCP, TCP_USER_TIMEOUT, 4321},
                {SOL_SOCKET, SO_SNDBUF, 2 * 40000},  {SOL_SOCKET, SO_RCVBUF, 2 * 30000}};
    struct wires plain, set;
    wire_up (&plain, NULL, "tcp://127.0.0.1:*");
    wire_up (&set, set_everything, "tcp://127.0.0.1:*");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int before = checks_failed;
        EQUAL (option_of (set.accepted, rows[i].level, rows[i].name), rows[i].value);
        EQUAL (option_of (set.connecting, rows[i].level, rows[i].name), rows[i].value);
        CHECK (option_of (plain.accepted, rows[i].level, rows[i].name) != rows[i].value);
        CHECK (option_of (plain.connecting, rows[i].level, rows[i].name) != rows[i].value);
        if (checks_failed != before)
            printf ("    ... that was row %zu\n", i);
    }
    /* The listener's marks and buffers are those of the first packets. */
    EQUAL (option_of (set.listening, IPPROTO_IP, IP_TOS), 0x28);
    EQUAL (option_of (set.listening, SOL_SOCKET, SO_SNDBUF), 2 * 40000);
    EQUAL (option_of (set.listening, SOL_SOCKET, SO_RCVBUF), 2 * 30000);
    /* Nobody has to ask for these. */
    EQUAL (option_of (plain.accepted, IPPROTO_TCP, TCP_NODELAY), 1);
    EQUAL (option_of (plain.connecting, IPPROTO_TCP, TCP_NODELAY), 1);
    EQUAL (option_of (plain.listening, SOL_SOCKET, SO_REUSEADDR), 1);
}

static void keepalive_switched_off (void)
{
    struct wires off, alone;
    wire_up (&off, set_keepalive_off, "tcp://127.0.0.1:*");
    wire_up (&alone, set_idle_alone, "tcp://127.0.0.1:*");
    EQUAL (option_of (off.accepted, SOL_SOCKET, SO_KEEPALIVE), 0);
    EQUAL (option_of (off.connecting, SOL_SOCKET, SO_KEEPALIVE), 0);
    EQUAL (option_of (alone.accepted, SOL_SOCKET, SO_KEEPALIVE), 0);
    CHECK (option_of (alone.accepted, IPPROTO_TCP, TCP_KEEPIDLE) != 77);
    CHECK (option_of (alone.connecting, IPPROTO_TCP, TCP_KEEPIDLE) != 77);
}

/* Options of tcp connections do no harm to local ones, whose buffers stay as they are. */
static void local_connections (void)
{
    struct wires plain, set;
    char endpoint[100];
    snprintf (endpoint, sizeof endpoint, "ipc://@effects-%d", (int) getpid ());
    wire_up (&set, set_everything, endpoint);
    strcat (endpoint, "-plain");
    wire_up (&plain, NULL, endpoint);
    EQUAL (option_of (set.accepted, SOL_SOCKET, SO_SNDBUF), option_of (plain.accepted, SOL_SOCKET, SO_SNDBUF));
    EQUAL (option_of (set.connecting, SOL_SOCKET, SO_RCVBUF), option_of (plain.connecting, SOL_SOCKET, SO_RCVBUF));
}

static int have_ipv6 (void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket (AF_INET6, SOCK_STREAM, 0);
    int works = fd != -1 && bind (fd, (struct sockaddr *) &address, sizeof address) == 0;
    if (fd != -1)
        close (fd);
    return works;
}

static void set_ipv6 (void *socket)
{
    SET (socket, ZMQ_IPV6, 1);
    SET (socket, ZMQ_TOS, 0x28);
}

static void set_not_ipv4_only (void *socket)
{
    SET (socket, ZMQ_IPV4ONLY, 0);
}

static void ipv6_connections (void)
{
    struct wires six, same;
    if (!have_ipv6 ()) {
        NOT_SHOWN ("no IPv6");
        return;
    }
    wire_up (&six, set_ipv6, "tcp://[::1]:*");
    EQUAL (option_of (six.accepted, IPPROTO_IPV6, IPV6_TCLASS), 0x28);
    EQUAL (option_of (six.connecting, IPPROTO_IPV6, IPV6_TCLASS), 0x28);
    EQUAL (option_of (six.listening, SOL_SOCKET, SO_DOMAIN), AF_INET6);
    wire_up (&same, set_not_ipv4_only, "tcp://*:*");
    EQUAL (option_of (same.listening, SOL_SOCKET, SO_DOMAIN), AF_INET6);
    EQUAL (option_of (same.listening, IPPROTO_IPV6, IPV6_V6ONLY), 0); /* the other family is served too */
    /* A context's option is that of its sockets. */
    end_context ();
    OK (zmq_ctx_set (context (), ZMQ_IPV6, 1));
    wire_up (&same, NULL, "tcp://*:*");
    EQUAL (option_of (same.listening, SOL_SOCKET, SO_DOMAIN), AF_INET6);
}

/* The kernel tells the length of a listener's queue with its state. */
static void backlog (void)
{
    static const int lengths[] = {0, 7, 100, 1000};
    for (int i = 0; i < 4; i++) {
        void *pull = OPEN (ZMQ_PULL), *reader = watch (pull, ZMQ_EVENT_LISTENING);
        struct tcp_info info;
        socklen_t size = sizeof info;
        if (lengths[i] != 100) /* the default */
            SET (pull, ZMQ_BACKLOG, lengths[i]);
        const char *endpoint = BIND (pull, "tcp");
        EVENT (reader, ZMQ_EVENT_LISTENING, endpoint);
        OK (getsockopt ((int) value, IPPROTO_TCP, TCP_INFO, &info, &size));
        EQUAL (info.tcpi_sacked, lengths[i]);
    }
}

static void set_device (void *socket)
{
    OK (zmq_setsockopt (socket, ZMQ_BINDTODEVICE, "lo", 2));
}

static const char *device_of (int fd)
{
    static char name[2][20];
    static int next;
    socklen_t size = sizeof name[0];
    char *at = name[next++ & 1];
    memset (at, 0, sizeof name[0]);
    return getsockopt (fd, SOL_SOCKET, SO_BINDTODEVICE, at, &size) == 0 ? at : "(none)";
}

static void device (void)
{
    struct wires wires;
    wire_up (&wires, set_device, "tcp://127.0.0.1:*");
    CHECK (strcmp (device_of (wires.listening), "lo") == 0);
    CHECK (strcmp (device_of (wires.accepted), "lo") == 0);
    CHECK (strcmp (device_of (wires.connecting), "lo") == 0);
    /* One that does not exist. */
    void *pull = OPEN (ZMQ_PULL);
    OK (zmq_setsockopt (pull, ZMQ_BINDTODEVICE, "nosuchdev0", 10));
    FAILS (zmq_bind (pull, "tcp://127.0.0.1:*"), ENODEV);
    OK (zmq_setsockopt (pull, ZMQ_BINDTODEVICE, NULL, 0));
    OK (zmq_bind (pull, "tcp://127.0.0.1:*"));
}

/* Runs this in a process of its own, which does not come back. */
static void in_a_child (void (*run) (void))
{
    int status = -1;
    fflush (stdout);
    pid_t child = fork ();
    REQUIRE (child != -1);
    if (child == 0) {
        signal (SIGALRM, SIG_DFL);
        alarm (10);
        if (setjmp (end_of_case) == 0)
            run ();
        if (checks_failed == 0)
            end_context ();
        fflush (stdout);
        _exit (checks_failed != 0);
    }
    EQUAL (waitpid (child, &status, 0), child);
    EQUAL (status, 0);
}

static void listen_on_a_device_without_privileges (void)
{
    enum
    {
        NOBODY = 65534
    };
    if (geteuid () == 0 && (setgroups (0, NULL) != 0 || setgid (NOBODY) != 0 || setuid (NOBODY) != 0)) {
        NOT_SHOWN ("privileges cannot be given up");
        return;
    }
    void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
    set_device (pull);
    int rc = zmq_bind (pull, "tcp://127.0.0.1:*");
    if (rc == -1 && errno == EPERM) {
        NOT_SHOWN ("no privilege to bind to a device");
        return;
    }
    OK (rc);
    OK (zmq_connect (push, last_endpoint (pull)));
    SEND (push, "x");
    REQUIRE (await (pull, ZMQ_POLLIN, 2000));
    RECV (pull, "x");
}

/* What is accepted has the device of the listener, and to set it again would take a privilege. */
static void device_without_privileges (void)
{
    in_a_child (listen_on_a_device_without_privileges);
}

/* From now on the system knows no IPv6. */
static int forget_ipv6 (void)
{
    struct sock_filter steps[] = {
      BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
      BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
      BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, args[0])), /* the lower half */
      BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
      BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
      BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof steps / sizeof steps[0], steps};
    return prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0
           && socket (AF_INET6, SOCK_STREAM, 0) == -1 && errno == EAFNOSUPPORT;
}

static void talk_without_ipv6 (void)
{
    if (!forget_ipv6 ()) {
        NOT_SHOWN ("system calls cannot be filtered");
        return;
    }
    void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
    SET (pull, ZMQ_IPV6, 1);
    SET (push, ZMQ_IPV6, 1);
    OK (zmq_connect (push, BIND (pull, "tcp")));
    SEND (push, "x");
    REQUIRE (await (pull, ZMQ_POLLIN, 2000));
    RECV (pull, "x");
}

/* Who asks for IPv6 as well gets along where there is none. */
static void ipv6_on_a_machine_without_it (void)
{
    in_a_child (talk_without_ipv6);
}

/* A listener that somebody else has made, over either transport; the text of the endpoint does not matter. */
static void used_descriptor (void)
{
    char endpoint[100];
    int tcp = raw_listen (endpoint), local = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
    fcntl (tcp, F_SETFL, O_NONBLOCK);
    SET (pull, ZMQ_USE_FD, tcp);
    OK (zmq_bind (pull, "tcp://127.0.0.1:1"));
    EQUAL (strcmp (last_endpoint (pull), endpoint), 0);
    OK (zmq_connect (push, endpoint));
    SEND (push, "tcp");
    RECV (pull, "tcp");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf (address.sun_path + 1, sizeof address.sun_path - 1, "effects-fd-%d", (int) getpid ());
    OK (bind (local, (struct sockaddr *) &address, (socklen_t) (sizeof address.sun_family + 1 + (size_t) length)));
    OK (listen (local, 10));
    SET (pull, ZMQ_USE_FD, local);
    snprintf (endpoint, sizeof endpoint, "ipc://@effects-fd-%d", (int) getpid ());
    OK (zmq_bind (pull, endpoint));
    void *other = OPEN (ZMQ_PUSH);
    OK (zmq_connect (other, endpoint));
    SEND (other, "ipc");
    RECV (pull, "ipc");
    /* Back to normal. */
    SET (pull, ZMQ_USE_FD, -1);
    OK (zmq_connect (other, BIND (pull, "tcp")));
    CLOSE (push);
    SEND (other, "own");
    RECV (pull, "own");
}

/* Neither an address of a family that is off nor an interface that is not there. */
static void any_text_beside_a_used_tcp_descriptor (void)
{
    static const char *const texts[] = {"tcp://[::1]:5555", "tcp://nosuchinterface0:5555"};
    for (int i = 0; i < 2; i++) {
        char endpoint[100];
        int fd = raw_listen (endpoint), before = checks_failed;
        void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
        fcntl (fd, F_SETFL, O_NONBLOCK);
        EQUAL (get_int (pull, ZMQ_IPV6), 0);
        SET (pull, ZMQ_USE_FD, fd);
        OK (zmq_bind (pull, texts[i]));
        EQUAL (strcmp (last_endpoint (pull), endpoint), 0);
        if (checks_failed != before) {
            printf ("    ... that was %s\n", texts[i]);
            continue;
        }
        OK (zmq_connect (push, endpoint));
        SEND (push, "x");
        RECV (pull, "x");
    }
}

/* It is known by its own path, under which it can be unbound, and no other path is made or touched. */
static void any_text_beside_a_used_ipc_descriptor (void)
{
    static const char *const texts[] = {"ipc://*", "ipc:///no-such-directory/socket"};
    for (int i = 0; i < 2; i++) {
        char endpoint[110];
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        const char *directory = make_directory ();
        int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), before = checks_failed;
        setenv ("TMPDIR", directory, 1); /* where a path would be made */
        snprintf (endpoint, sizeof endpoint, "ipc://%s/own", directory);
        strcpy (address.sun_path, endpoint + strlen ("ipc://"));
        OK (bind (fd, (struct sockaddr *) &address, sizeof address));
        OK (listen (fd, 10));
        void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
        SET (pull, ZMQ_USE_FD, fd);
        OK (zmq_bind (pull, texts[i]));
        EQUAL (strcmp (last_endpoint (pull), endpoint), 0);
        OK (zmq_connect (push, endpoint));
        SEND (push, "x");
        RECV (pull, "x");
        FAILS (zmq_unbind (pull, texts[i]), ENOENT);
        OK (zmq_unbind (pull, endpoint));
        CLOSE (push);
        CLOSE (pull);
        end_context ();
        OK (access (address.sun_path, F_OK)); /* the file is his who made it */
        remove_directory (directory); /* has nothing else in it */
        if (checks_failed != before)
            printf ("    ... that was %s\n", texts[i]);
    }
}

/* ---- threads --------------------------------------------------------------------------------- */

enum
{
    THREADS_MAX = 32
};

/* Names and ids of the threads that the library runs; "" is everybody's prefix. */
static int threads (const char *prefix, int *ids, char (*names)[20])
{
    int count = 0;
    struct dirent *entry;
    DIR *entries = opendir ("/proc/self/task");
    while (entries && (entry = readdir (entries)) && count < THREADS_MAX) {
        char path[300], name[20] = "";
        snprintf (path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        FILE *comm = fopen (path, "r");
        if (!comm)
            continue;
        if (fscanf (comm, "%19[^\n]", name) == 1 && strncmp (name, prefix, strlen (prefix)) == 0
            && atoi (entry->d_name) != (int) getpid ()) {
            ids[count] = atoi (entry->d_name);
            strcpy (names[count++], name);
        }
        fclose (comm);
    }
    if (entries)
        closedir (entries);
    return count;
}

static int have_thread (const char *name)
{
    int ids[THREADS_MAX];
    char names[THREADS_MAX][20];
    int count = threads (name, ids, names), found = 0;
    for (int i = 0; i < count; i++)
        found += strcmp (names[i], name) == 0;
    return found == 1;
}

/* A socket that is used, as threads begin when they are needed, and name themselves. */
static void begin_threads (void)
{
    struct wires wires;
    wire_up (&wires, NULL, "tcp://127.0.0.1:*");
}

static void number_of_threads (void)
{
    static const int counts[] = {1, 2, 5};
    for (int i = 0; i < 3; i++) {
        int ids[THREADS_MAX];
        char names[THREADS_MAX][20], name[20];
        OK (zmq_ctx_set (context (), ZMQ_IO_THREADS, counts[i]));
        begin_threads ();
        EVENTUALLY (threads ("ZMQbg/IO/", ids, names) == counts[i]);
        for (int k = 0; k < counts[i]; k++) {
            snprintf (name, sizeof name, "ZMQbg/IO/%d", k);
            CHECK (have_thread (name));
        }
        end_context ();
        EVENTUALLY (threads ("ZMQbg", ids, names) == 0);
    }
}

static void names_of_threads (void)
{
    OK (zmq_ctx_set (context (), ZMQ_THREAD_NAME_PREFIX, 17));
    begin_threads ();
    EVENTUALLY (have_thread ("17/ZMQbg/IO/0"));
}

static void processors_of_threads (void)
{
    int ids[THREADS_MAX], last = (int) sysconf (_SC_NPROCESSORS_CONF) - 1;
    char names[THREADS_MAX][20];
    cpu_set_t mine, its;
    OK (sched_getaffinity (0, sizeof mine, &mine));
    if (last < 1 || !CPU_ISSET (last, &mine) || !CPU_ISSET (0, &mine)) {
        NOT_SHOWN ("no two processors to choose from");
        return;
    }
    OK (zmq_ctx_set (context (), ZMQ_THREAD_AFFINITY_CPU_ADD, last));
    OK (zmq_ctx_set (context (), ZMQ_THREAD_AFFINITY_CPU_ADD, 0));
    OK (zmq_ctx_set (context (), ZMQ_THREAD_AFFINITY_CPU_REMOVE, 0));
    begin_threads ();
    EVENTUALLY (threads ("ZMQbg/IO/", ids, names) == 1);
    OK (sched_getaffinity (ids[0], sizeof its, &its));
    EQUAL (CPU_COUNT (&its), 1);
    CHECK (CPU_ISSET (last, &its));
    OK (sched_getaffinity (0, sizeof its, &its));
    CHECK (CPU_EQUAL (&mine, &its)); /* ours stays as it was */
}

/* A privilege is needed, without which the reference ends the process. */
static int may_schedule (void)
{
    struct sched_param first = {.sched_priority = 1}, normal = {.sched_priority = 0};
    return sched_setscheduler (0, SCHED_RR, &first) == 0 && sched_setscheduler (0, SCHED_OTHER, &normal) == 0;
}

static void scheduling_of_threads (void)
{
    static const struct
    {
        int policy, priority, its_policy, its_priority, nicer;
    } rows[] = {{SCHED_RR, 7, SCHED_RR, 7, 0},
                {SCHED_FIFO, 3, SCHED_FIFO, 3, 0},
                {SCHED_OTHER, 5, SCHED_OTHER, 0, 1}, /* no priorities there: it is preferred as far as possible */
                {-1, 5, SCHED_OTHER, 0, 1},
                {SCHED_OTHER, -1, SCHED_OTHER, 0, 0},
                {SCHED_BATCH, -1, SCHED_BATCH, 0, 0},
                {SCHED_IDLE, -1, SCHED_IDLE, 0, 0}}; /* a priority of 0 is one for 4.3.4, and none for 4.3.5 */
    if (!may_schedule ()) {
        NOT_SHOWN ("no privilege for real-time scheduling");
        return;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int ids[THREADS_MAX], before = checks_failed;
        char names[THREADS_MAX][20];
        struct sched_param its;
        if (rows[i].policy >= 0)
            OK (zmq_ctx_set (context (), ZMQ_THREAD_SCHED_POLICY, rows[i].policy));
        if (rows[i].priority >= 0)
            OK (zmq_ctx_set (context (), ZMQ_THREAD_PRIORITY, rows[i].priority));
        begin_threads ();
        EVENTUALLY (threads ("ZMQbg/IO/", ids, names) == 1);
        EQUAL (sched_getscheduler (ids[0]), rows[i].its_policy);
        OK (sched_getparam (ids[0], &its));
        EQUAL (its.sched_priority, rows[i].its_priority);
        int own = getpriority (PRIO_PROCESS, 0), given = getpriority (PRIO_PROCESS, (id_t) ids[0]);
        CHECK (rows[i].nicer ? given < own : given == own);
        EQUAL (sched_getscheduler (0), SCHED_OTHER); /* the application's own stay as they are */
        if (checks_failed != before)
            printf ("    ... that was row %zu\n", i);
        end_context ();
        EVENTUALLY (threads ("ZMQbg", ids, names) == 0);
    }
}

/* The I/O thread that holds this descriptor: the number of its epoll instance in the process, or -1. */
static int holder_of (int fd)
{
    int holder = -1;
    struct dirent *entry;
    DIR *entries = opendir ("/proc/self/fdinfo");
    while (entries && (entry = readdir (entries))) {
        char path[300], line[200];
        int watched;
        snprintf (path, sizeof path, "/proc/self/fdinfo/%s", entry->d_name);
        FILE *about = fopen (path, "r");
        while (about && fgets (line, sizeof line, about))
            if (sscanf (line, "tfd: %d", &watched) == 1 && watched == fd)
                holder = atoi (entry->d_name);
        if (about)
            fclose (about);
    }
    if (entries)
        closedir (entries);
    return holder;
}

/* Each bit of the mask is an I/O thread; who listens and who is accepted are with one of them. */
static void affinity (void)
{
    int listeners[3], seen[3] = {-1, -1, -1};
    OK (zmq_ctx_set (context (), ZMQ_IO_THREADS, 3));
    for (int i = 0; i < 6; i++) {
        void *pull = OPEN (ZMQ_PULL), *reader = watch (pull, ZMQ_EVENT_LISTENING);
        uint64_t mask = 1u << i % 3;
        OK (zmq_setsockopt (pull, ZMQ_AFFINITY, &mask, sizeof mask));
        const char *endpoint = BIND (pull, "tcp");
        EVENT (reader, ZMQ_EVENT_LISTENING, endpoint);
        listeners[i % 3] = (int) value;
        EVENTUALLY (holder_of (listeners[i % 3]) != -1);
        if (i < 3)
            seen[i] = holder_of (listeners[i]);
        else
            EQUAL (holder_of (listeners[i % 3]), seen[i % 3]);
    }
    CHECK (seen[0] != seen[1] && seen[1] != seen[2] && seen[0] != seen[2]);
    /* So are both ends of a connection, each with the thread of its own socket. */
    for (int i = 0; i < 9; i++) {
        void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
        void *at_pull = watch (pull, ZMQ_EVENT_ACCEPTED), *at_push = watch (push, ZMQ_EVENT_CONNECTED);
        uint64_t bound = 1u << i % 3, connected = 1u << i / 3;
        OK (zmq_setsockopt (pull, ZMQ_AFFINITY, &bound, sizeof bound));
        OK (zmq_setsockopt (push, ZMQ_AFFINITY, &connected, sizeof connected));
        const char *endpoint = BIND (pull, "tcp");
        OK (zmq_connect (push, endpoint));
        EVENT (at_pull, ZMQ_EVENT_ACCEPTED, endpoint);
        EVENTUALLY (holder_of ((int) value) == seen[i % 3]);
        EVENT (at_push, ZMQ_EVENT_CONNECTED, endpoint);
        EVENTUALLY (holder_of ((int) value) == seen[i / 3]);
        SEND (push, "x");
        RECV (pull, "x");
    }
}

RUN_CASES (CASE (connections), CASE (keepalive_switched_off), CASE (local_connections), CASE (ipv6_connections),
           CASE (backlog), CASE (device), CASE (device_without_privileges), CASE (ipv6_on_a_machine_without_it),
           CASE (used_descriptor), CASE (any_text_beside_a_used_tcp_descriptor), CASE (any_text_beside_a_used_ipc_descriptor),
           CASE (number_of_threads), CASE (names_of_threads), CASE (processors_of_threads), CASE (scheduling_of_threads), CASE (affinity))
