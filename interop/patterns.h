/*
 * The conversations: what each side of a pattern does once both know the endpoint.
 */
#ifndef INTEROP_PATTERNS_H
#define INTEROP_PATTERNS_H

#include "message.h"

enum { LIVES_MAX = 8, ENDPOINT_MAX = 256 };

/* What the processes of a side that is killed again and again have in common. */
typedef struct {
    char endpoint[ENDPOINT_MAX];
    unsigned next[LIVES_MAX + 1]; /* the number after the last message that arrived, of each life of the other side */
} past_t;

typedef struct {
    plan_t plan;
    void *socket;
    int type;    /* of this side's socket */
    int other;   /* type of the other side's socket */
    int binding; /* this side binds */
    /* Where one side is killed: this process is number `life` of that side, and the last of them lives. */
    unsigned life, last_life;
    past_t *past;
} side_t;

typedef struct {
    const char *name;
    int types[2]; /* socket types of side a and side b */
    void (*sides[2])(const side_t *side);
    int lockstep; /* one message at a time: the plan is shorter */
    void (*prepare)(const side_t *side); /* options besides those of prepare_socket, or NULL */
    char killed; /* the side that is killed in the middle, 'a' or 'b', or 0 */
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
