/*
 * The limit of inproc, without any library: two threads and a ring of 64-byte slots, about as large as the high-water marks allow by
 * default. Each message is written to a slot, shown at once, and read; nothing is allocated, nobody is woken.
 */
#define _GNU_SOURCE
#include "common.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 2048, REPORT = 512, SPINS = 1000 };

typedef struct {
    char bytes[64];
} slot_t;

static slot_t *slots;
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
    slot_t message = {{0}};
    long limit = SLOTS;
    for (long i = 0; i < options->count; i++) {
        if (i == limit)
            limit = SLOTS + await_count(&taken, i - SLOTS);
        memcpy(message.bytes, &i, sizeof i);
        slots[i % SLOTS] = message;
        atomic_store_explicit(&shown, i + 1, memory_order_release);
    }
    return NULL;
}

void raw_queue(const options_t *options)
{
    require_system(posix_memalign((void **)&slots, 128, SLOTS * sizeof *slots) == 0, "posix_memalign");
    pthread_t writer;
    double cpu = -cpu_seconds(), start = 0;
    require_system(pthread_create(&writer, NULL, write_slots, (void *)options) == 0, "pthread_create");
    long count = 0;
    for (long i = 0; i < options->count; i++) {
        if (i == count)
            count = await_count(&shown, i);
        slot_t message = slots[i % SLOTS];
        long number;
        memcpy(&number, message.bytes, sizeof number);
        if (number != i)
            fail("message %ld in the place of %ld", number, i);
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
