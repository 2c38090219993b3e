/*  Compiled with: -std=gnu11 -shared -fPIC */
/*  To be preloaded: prints what a program does to make its files last, in which order, and
    on demand kills the program just before step number CRASH_AT. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int steps;

static const char *last_part (const char *path)
{
    const char *slash = strrchr (path, '/');
    return slash ? slash + 1 : path;
}

static void step (const char *what, const char *first, const char *second)
{
    const char *crash_at = getenv ("CRASH_AT");
    char line[1024];
    int length = snprintf (line, sizeof line, "disk: %s %s %s\n", what, last_part (first), last_part (second));

    if (crash_at && ++steps == atoi (crash_at))
        raise (SIGKILL);
    fflush (stdout);
    if (write (1, line, (size_t) length) != length)
        abort ();
}

int fsync (int file)
{
    int (*next) (int) = (int (*) (int)) dlsym (RTLD_NEXT, "fsync");
    char link[64], path[1024];
    ssize_t size;

    snprintf (link, sizeof link, "/proc/self/fd/%d", file);
    size = readlink (link, path, sizeof path - 1);
    path[size > 0 ? size : 0] = '\0';
    step ("fsync", path, "");
    return next (file);
}

int rename (const char *from, const char *to)
{
    int (*next) (const char *, const char *) = (int (*) (const char *, const char *)) dlsym (RTLD_NEXT, "rename");
    step ("rename", from, to);
    return next (from, to);
}

int remove (const char *path)
{
    int (*next) (const char *) = (int (*) (const char *)) dlsym (RTLD_NEXT, "remove");
    step ("remove", path, "");
    return next (path);
}
