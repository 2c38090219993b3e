/* Runs the cases that the runner wants, and tells it which one is under way.
 *
 * CONFORMANCE_ONLY and CONFORMANCE_SKIP: names of cases, with a comma between them. */
#define _GNU_SOURCE
#include "case.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void zmq_version (int *major, int *minor, int *patch);

__attribute__ ((constructor)) static void begin (void)
{
    /* What was printed before a crash has to arrive. */
    setvbuf (stdout, NULL, _IOLBF, 0);
    Dl_info info;
    if (dladdr (dlsym (RTLD_DEFAULT, "zmq_version"), &info))
        printf ("LIBRARY %s\n", info.dli_fname);
}

static int listed (const char *variable, const char *name)
{
    const char *list = getenv (variable);
    size_t length = strlen (name);
    while (list && *list) {
        size_t item = strcspn (list, ",");
        if (item == length && strncmp (list, name, item) == 0)
            return 1;
        list += item + (list[item] == ',');
    }
    return 0;
}

void conformance_case (void (*function) (void), const char *name, int line)
{
    if (getenv ("CONFORMANCE_ONLY") && !listed ("CONFORMANCE_ONLY", name))
        return;
    if (listed ("CONFORMANCE_SKIP", name))
        return;
    printf ("\nCASE %s\n", name);
    UnityDefaultTestRun (function, name, line);
}
