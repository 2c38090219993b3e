/*  The library loaded and unloaded by hand, alone and beside another libzmq.

        loading CASE LIBRARY [OTHER-LIBRARY]

    Each case has to end with 0, in time and without a signal. */

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*  Not from zmq.h: this program is not linked with any libzmq. */
enum { REQ = 3, REP = 4, PUB = 1, SUB = 2, XPUB = 9, SUBSCRIBE = 6, RCVTIMEO = 27, LAST_ENDPOINT = 32 };

typedef struct {
    void *handle;
    void (*version) (int *, int *, int *);
    void *(*ctx_new) (void);
    int (*ctx_term) (void *);
    void *(*socket) (void *, int);
    int (*close) (void *);
    int (*bind) (void *, const char *);
    int (*connect) (void *, const char *);
    int (*setsockopt) (void *, int, const void *, size_t);
    int (*getsockopt) (void *, int, void *, size_t *);
    int (*send) (void *, const void *, size_t, int);
    int (*recv) (void *, void *, size_t, int);
} library_t;

#define expect(condition) \
    do { \
        if (!(condition)) { \
            fprintf (stderr, "line %d: %s\n", __LINE__, #condition); \
            _exit (1); \
        } \
    } while (0)

static library_t load (const char *path)
{
    library_t library;

    library.handle = dlopen (path, RTLD_NOW | RTLD_LOCAL);
    if (!library.handle) {
        fprintf (stderr, "%s\n", dlerror ());
        _exit (1);
    }
#define FIND(name) \
    *(void **) &library.name = dlsym (library.handle, "zmq_" #name); \
    expect (library.name)
    FIND (version);
    FIND (ctx_new);
    FIND (ctx_term);
    FIND (socket);
    FIND (close);
    FIND (bind);
    FIND (connect);
    FIND (setsockopt);
    FIND (getsockopt);
    FIND (send);
    FIND (recv);
    return library;
}

static void *new_socket (const library_t *library, void *context, int type)
{
    int timeout = 10000;
    void *socket = library->socket (context, type);

    expect (socket);
    expect (library->setsockopt (socket, RCVTIMEO, &timeout, sizeof timeout) == 0);
    return socket;
}

/*  Both patterns between two libraries, which may be the same. */
static void both_patterns (const library_t *one, const library_t *other, int rounds)
{
    void *one_context = one->ctx_new (), *other_context = other->ctx_new ();
    void *server = new_socket (one, one_context, REP), *client = new_socket (other, other_context, REQ);
    void *publisher = new_socket (one, one_context, XPUB), *subscriber = new_socket (other, other_context, SUB);
    char endpoint[256], text[16];
    size_t size = sizeof endpoint;
    int i;

    expect (one->bind (server, "tcp://127.0.0.1:*") == 0);
    expect (one->getsockopt (server, LAST_ENDPOINT, endpoint, &size) == 0);
    expect (other->connect (client, endpoint) == 0);
    for (i = 0; i < rounds; i++) {
        expect (other->send (client, "Hello", 5, 0) == 5);
        expect (one->recv (server, text, sizeof text, 0) == 5);
        expect (one->send (server, "World", 5, 0) == 5);
        expect (other->recv (client, text, sizeof text, 0) == 5 && memcmp (text, "World", 5) == 0);
    }

    size = sizeof endpoint;
    expect (one->bind (publisher, "tcp://127.0.0.1:*") == 0);
    expect (one->getsockopt (publisher, LAST_ENDPOINT, endpoint, &size) == 0);
    expect (other->setsockopt (subscriber, SUBSCRIBE, "up", 2) == 0);
    expect (other->connect (subscriber, endpoint) == 0);
    expect (one->recv (publisher, text, sizeof text, 0) == 3);
    for (i = 0; i < rounds; i++) {
        expect (one->send (publisher, "other", 5, 0) == 5);
        expect (one->send (publisher, "update", 6, 0) == 6);
        expect (other->recv (subscriber, text, sizeof text, 0) == 6);
    }

    expect (one->close (server) == 0 && one->close (publisher) == 0);
    expect (other->close (client) == 0 && other->close (subscriber) == 0);
    expect (one->ctx_term (one_context) == 0);
    expect (other->ctx_term (other_context) == 0);
}

/*  Loaded, used and unloaded again, many times. */
static void case_dlclose (const char *path, const char *other)
{
    int i;

    (void) other;
    for (i = 0; i < 20; i++) {
        library_t library = load (path);
        both_patterns (&library, &library, 10);
        expect (dlclose (library.handle) == 0);
    }
}

static void *use_and_end (void *argument)
{
    both_patterns ((library_t *) argument, (library_t *) argument, 10);
    return NULL;
}

/*  Threads that have used the library end when it is already unloaded. */
static pthread_barrier_t used, unloaded;

static void *use_and_wait (void *argument)
{
    both_patterns ((library_t *) argument, (library_t *) argument, 10);
    pthread_barrier_wait (&used);
    pthread_barrier_wait (&unloaded);
    return NULL;
}

static void case_dlclose_before_threads_end (const char *path, const char *other)
{
    library_t library = load (path);
    pthread_t threads[4];
    int i;

    (void) other;
    pthread_barrier_init (&used, NULL, 5);
    pthread_barrier_init (&unloaded, NULL, 5);
    for (i = 0; i < 4; i++)
        expect (pthread_create (&threads[i], NULL, use_and_wait, &library) == 0);
    pthread_barrier_wait (&used);
    expect (dlclose (library.handle) == 0);
    pthread_barrier_wait (&unloaded);
    for (i = 0; i < 4; i++)
        expect (pthread_join (threads[i], NULL) == 0);
}

static void case_dlclose_after_threads_end (const char *path, const char *other)
{
    int round, i;

    (void) other;
    for (round = 0; round < 5; round++) {
        library_t library = load (path);
        pthread_t threads[4];

        for (i = 0; i < 4; i++)
            expect (pthread_create (&threads[i], NULL, use_and_end, &library) == 0);
        for (i = 0; i < 4; i++)
            expect (pthread_join (threads[i], NULL) == 0);
        expect (dlclose (library.handle) == 0);
    }
}

/*  Unloaded with a context that was never terminated: its threads still run. */
static void case_dlclose_with_open_context (const char *path, const char *other)
{
    library_t library = load (path);
    void *context = library.ctx_new ();
    void *server = new_socket (&library, context, REP), *client = new_socket (&library, context, REQ);
    char endpoint[256];
    size_t size = sizeof endpoint;

    (void) other;
    expect (library.bind (server, "tcp://127.0.0.1:*") == 0);
    expect (library.getsockopt (server, LAST_ENDPOINT, endpoint, &size) == 0);
    expect (library.connect (client, endpoint) == 0);
    expect (library.send (client, "Hello", 5, 0) == 5);
    expect (dlclose (library.handle) == 0);
    /*  Loaded again: what it finds must be whole. */
    library = load (path);
    both_patterns (&library, &library, 10);
    expect (dlclose (library.handle) == 0);
}

/*  Two libraries, each the server of the other, in one thread. */
static void case_two_libraries (const char *path, const char *other_path)
{
    library_t one = load (path), other = load (other_path);

    both_patterns (&one, &other, 100);
    both_patterns (&other, &one, 100);
    both_patterns (&one, &one, 100);
    both_patterns (&other, &other, 100);
}

typedef struct {
    const library_t *one, *other;
} couple_t;

static void *use_couple (void *argument)
{
    couple_t *couple = (couple_t *) argument;

    both_patterns (couple->one, couple->other, 100);
    return NULL;
}

/*  The same in several threads at once. */
static void case_two_libraries_in_threads (const char *path, const char *other_path)
{
    library_t one = load (path), other = load (other_path);
    couple_t couples[4] = {{&one, &other}, {&other, &one}, {&one, &one}, {&other, &other}};
    pthread_t threads[4];
    int i;

    for (i = 0; i < 4; i++)
        expect (pthread_create (&threads[i], NULL, use_couple, &couples[i]) == 0);
    for (i = 0; i < 4; i++)
        expect (pthread_join (threads[i], NULL) == 0);
}

/*  One of them goes, the other stays. */
static void case_two_libraries_one_unloaded (const char *path, const char *other_path)
{
    library_t one = load (path), other = load (other_path);

    both_patterns (&one, &other, 10);
    expect (dlclose (one.handle) == 0);
    both_patterns (&other, &other, 10);
    one = load (path);
    expect (dlclose (other.handle) == 0);
    both_patterns (&one, &one, 10);
}

#define CASE(name) { #name, case_##name }

static const struct {
    const char *name;
    void (*function) (const char *, const char *);
} cases[] = {
    CASE (dlclose), CASE (dlclose_before_threads_end), CASE (dlclose_after_threads_end), CASE (dlclose_with_open_context),
    CASE (two_libraries), CASE (two_libraries_in_threads), CASE (two_libraries_one_unloaded),
};

int main (int argc, char **argv)
{
    size_t i, count = sizeof cases / sizeof cases[0];

    for (i = 0; i < count; i++)
        if (argc < 2)
            puts (cases[i].name);
        else if (argc == 4 && strcmp (argv[1], cases[i].name) == 0) {
            cases[i].function (argv[2], argv[3]);
            return 0;
        }
    return argc < 2 ? 0 : 2;
}
