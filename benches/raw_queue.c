/*
 * The limit of inproc, without any library: two threads and a ring of 64-byte slots, about as large as the high-water marks allow by
 * default. Each message is written to a slot, shown at once, and read; nothing is allocated, nobody is woken.
 *
 * The body of a message too large for a slot lies in a second ring, one place for each slot: the writer copies it there, as an
 * application has to, and the reader gets the pointer and does not look further. The sender of `throughput` leaves the body as it
 * was allocated unless with --copy, so that this figure is a limit only for senders with something to say.
 */
#define _GNU_SOURCE
#include "common.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 2048, REPORT = 512, SPINS = 1000, CACHE_LINE = 64 };

typedef struct {
    long number;
    char *body;
    char short_body[64 - sizeof(long) - sizeof(char *)];
} slot_t;

static slot_t *slots;
static char *bodies;
/* Bytes from one body to the next; 0: the messages fit into the slots. */
static size_t stride;
static _Alignas(128) atomic_long shown;
static _Alignas(128) atomic_long taken;

/* Waits until the counter has passed a number; what it is then. */
static long await_count(atomic_long *counter, long passed)
{
    for (int spins = 0;; spins++) {
        long count = atomic_load_explicit(counter, memory_order_acquire);
        if (count > passed)
            return count;
        if (spins > SPINS)
            sched_yield();
    }
}

static void *write_slots(void *argument)
{
    const options_t *options = argument;
    slot_t message = {.body = NULL};
    char *contents = calloc(1, options->size + 1);
    long limit = SLOTS;
    for (long i = 0; i < options->count; i++) {
        if (i == limit)
            limit = SLOTS + await_count(&taken, i - SLOTS);
        message.number = i;
        if (stride > 0) {
            message.body = bodies + (size_t)(i % SLOTS) * stride;
            memcpy(message.body, contents, options->size);
        }
        slots[i % SLOTS] = message;
        atomic_store_explicit(&shown, i + 1, memory_order_release);
    }
    free(contents);
    return NULL;
}

void raw_queue(const options_t *options)
{
    require_system(posix_memalign((void **)&slots, 128, SLOTS * sizeof *slots) == 0, "posix_memalign");
    if (options->size > sizeof slots->short_body) {
        stride = (options->size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
        require_system(posix_memalign((void **)&bodies, CACHE_LINE, SLOTS * stride) == 0, "posix_memalign");
        memset(bodies, 0, SLOTS * stride);
    }
    pthread_t writer;
    double cpu = -cpu_seconds(), start = 0;
    require_system(pthread_create(&writer, NULL, write_slots, (void *)options) == 0, "pthread_create");
    long count = 0;
    for (long i = 0; i < options->count; i++) {
        if (i == count)
            count = await_count(&shown, i);
        slot_t message = slots[i % SLOTS];
        if (message.number != i)
            fail("message %ld in the place of %ld", message.number, i);
        if (stride > 0 && message.body != bodies + (size_t)(i % SLOTS) * stride)
            fail("message %ld has the body of another", i);
        if ((i + 1) % REPORT == 0)
            atomic_store_explicit(&taken, i + 1, memory_order_release);
        if (i == 0)
            start = now();
    }
    double seconds = now() - start;
    pthread_join(writer, NULL);
    cpu += cpu_seconds();
    printf("msgs_per_s=%.0f cpu_s_per_million=%.4f\n", (double)(options->count - 1) / seconds,
           cpu / (double)options->count * 1e6);
}
