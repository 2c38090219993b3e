/*  The time that publisher and subscriber compare. */

#ifndef SNAIL_H
#define SNAIL_H

#include "example.h"

/*  Of the clock that machines have in common, as far as they keep it right. */
static inline int64_t wall_clock_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
