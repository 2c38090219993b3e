/*
 * The conversations: what each side of a pattern does once both know the endpoint.
 */
#ifndef INTEROP_PATTERNS_H
#define INTEROP_PATTERNS_H

#include "message.h"

typedef struct {
    plan_t plan;
    void *socket;
    int type;    /* of this side's socket */
    int other;   /* type of the other side's socket */
    int binding; /* this side binds */
} side_t;

typedef struct {
    const char *name;
    int types[2]; /* socket types of side a and side b */
    void (*sides[2])(const side_t *side);
    int lockstep; /* one message at a time: the plan is shorter */
    void (*prepare)(const side_t *side); /* options besides those of prepare_socket, or NULL */
} pattern_t;

const pattern_t *find_pattern(const char *name);
void list_patterns(void);

/* Options that must stand before bind or connect. */
void prepare_socket(const side_t *side);

/* The pipes between the two processes: a line out on stdout, a line in on stdin. */
void tell(const char *line);
void hear(const char *line);
int heard_within(int milliseconds);

#endif
