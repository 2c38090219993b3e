/*  Free workers, in the order in which they became free. */

#ifndef QUEUE_H
#define QUEUE_H

#include "example.h"

/*  A routing id: at most 255 bytes. */
struct address
{
    size_t size;
    unsigned char bytes[255];
};

#define WORKERS 256
struct worker_queue
{
    int count;
    struct address free[WORKERS];
};

static inline struct address address_of (struct message *message, int frame)
{
    struct address address;
    memset (&address, 0, sizeof address);
    address.size = message_size (message, frame);
    if (address.size > sizeof address.bytes)
        address.size = sizeof address.bytes;
    memcpy (address.bytes, message_data (message, frame), address.size);
    return address;
}

static inline void workers_remove (struct worker_queue *workers, int index)
{
    workers->count--;
    memmove (&workers->free[index], &workers->free[index + 1], (workers->count - index) * sizeof workers->free[0]);
}

/*  The sender of a message, its first frame, is free; to be named once, at the end. */
static inline void workers_add (struct worker_queue *workers, struct message *message)
{
    struct address address = address_of (message, 0);
    int i;
    for (i = 0; i < workers->count; i++)
        if (message_equals (message, 0, workers->free[i].bytes, workers->free[i].size))
            workers_remove (workers, i--);
    if (workers->count < WORKERS)
        workers->free[workers->count++] = address;
}

/*  The one that has been free longest. There must be one. */
static inline struct address workers_take (struct worker_queue *workers)
{
    struct address address = workers->free[0];
    workers_remove (workers, 0);
    return address;
}

#endif
