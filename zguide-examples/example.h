/*  What the example programs share: saying which library they run on, and
    stopping with a readable message. It uses zmq.h and standard C alone. */

#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

/*  Prints the version that the library reports, and the file that the process
    has really mapped (Linux: read from /proc/self/maps). */
static void print_library (const char *program)
{
    int major, minor, patch;
    char line[8192], last[8192] = "";
    FILE *maps;

    setvbuf (stdout, NULL, _IOLBF, BUFSIZ);
    zmq_version (&major, &minor, &patch);
    printf ("%s: libzmq %d.%d.%d\n", program, major, minor, patch);

    maps = fopen ("/proc/self/maps", "r");
    if (!maps)
        return;
    while (fgets (line, sizeof line, maps)) {
        const char *path = strchr (line, '/');
        const char *name = strrchr (line, '/');
        line[strcspn (line, "\n")] = '\0';
        if (path && !strncmp (name, "/libzmq", 7) && strcmp (path, last)) {
            printf ("%s: loaded %s\n", program, path);
            strcpy (last, path);
        }
    }
    fclose (maps);
}

/*  Ends the program when a libzmq call has failed. */
static void check (int ok, const char *what)
{
    if (!ok) {
        fprintf (stderr, "%s: %s\n", what, zmq_strerror (zmq_errno ()));
        exit (1);
    }
}

/*  Argument number n, or a default where it is not given. */
static const char *argument (int argc, char **argv, int n, const char *otherwise)
{
    return argc > n ? argv[n] : otherwise;
}

/*  Receives one message part as a C string, cut to the buffer's size. */
static void receive_text (void *socket, char *buffer, size_t size)
{
    int length = zmq_recv (socket, buffer, size - 1, 0);
    check (length >= 0, "zmq_recv");
    buffer[(size_t) length < size ? (size_t) length : size - 1] = '\0';
}

#endif
