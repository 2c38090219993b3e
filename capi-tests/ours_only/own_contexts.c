/* Contexts that cannot begin. The reference ends the process then. */
#include "../check.h"

#include <dirent.h>
#include <sys/resource.h>

static int entries_of (const char *path)
{
    int count = 0;
    DIR *entries = opendir (path);
    REQUIRE (entries != NULL);
    while (readdir (entries))
        count++;
    closedir (entries);
    return count;
}

/* Descriptors for some of the threads only: those that have begun end, and nothing is left of them. */
static void descriptors_for_some_threads (void)
{
    struct rlimit limit, less;
    OK (zmq_ctx_set (context (), ZMQ_IO_THREADS, 4));
    int threads = entries_of ("/proc/self/task"), descriptors = entries_of ("/proc/self/fd");
    REQUIRE (getrlimit (RLIMIT_NOFILE, &limit) == 0);
    int next = dup (0);
    close (next);
    for (int more = 0; more <= 6 && checks_failed == 0; more++) {
        less = limit;
        less.rlim_cur = (rlim_t) (next + more);
        for (int i = 0; i < 5 && checks_failed == 0; i++) {
            REQUIRE (setrlimit (RLIMIT_NOFILE, &less) == 0);
            NOTHING (zmq_socket (context (), ZMQ_PULL), EMFILE);
            REQUIRE (setrlimit (RLIMIT_NOFILE, &limit) == 0);
            EVENTUALLY (entries_of ("/proc/self/task") == threads);
            EVENTUALLY (entries_of ("/proc/self/fd") == descriptors);
        }
        if (checks_failed)
            printf ("    ... that was with %d descriptors\n", more);
    }
    void *pull, *push;
    JOIN (pull, ZMQ_PULL, push, ZMQ_PUSH, "tcp");
    SEND (push, "x");
    RECV (pull, "x");
}

RUN_CASES (CASE (descriptors_for_some_threads))
