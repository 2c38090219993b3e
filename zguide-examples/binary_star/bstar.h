/*  Binary Star: which one of two servers is the active one.

    This is the decision alone, without a socket: what the peer says it is, what clients
    want, and how long the silence has lasted. The rules are in the README. */

#ifndef BSTAR_H
#define BSTAR_H

#include "example.h"

enum bstar_state
{
    BSTAR_PRIMARY = 1, /* the primary, just started: waits for its peer */
    BSTAR_BACKUP,      /* the backup, just started: waits for its peer */
    BSTAR_ACTIVE,      /* serves clients */
    BSTAR_PASSIVE,     /* waits for the active one to disappear */
    BSTAR_SPLIT        /* was active, as its peer was; serves nobody any more */
};

/*  A peer counts as gone after so many intervals of silence. */
#define BSTAR_LIVENESS 3

/*  The status of a program that ends because both servers were active. */
#define BSTAR_SPLIT_STATUS 3

struct bstar
{
    enum bstar_state state;
    int primary;
    int incomplete;       /* passive, and has not yet got the state of its peer: must not lead */
    int64_t interval;     /* between messages about the state, in ms */
    int64_t seen_at;      /* when this server itself was last known to run */
    int64_t peer_expires; /* when the peer counts as gone */
    long said, heard;     /* numbers of the last message to the peer, and from it */
    long trust_from;      /* a message from a peer that has not heard this one is old */
};

static inline void bstar_init (struct bstar *bstar, int primary, int64_t interval)
{
    bstar->state = primary ? BSTAR_PRIMARY : BSTAR_BACKUP;
    bstar->primary = primary;
    bstar->incomplete = 0;
    bstar->interval = interval;
    bstar->said = bstar->heard = bstar->trust_from = 0;
    bstar->seen_at = clock_ms ();
    bstar->peer_expires = clock_ms () + BSTAR_LIVENESS * interval;
    printf ("bstar: the %s waits for its peer\n", primary ? "primary" : "backup");
}

static inline void bstar_become (struct bstar *bstar, enum bstar_state state, const char *why)
{
    static const char *const names[] = {"", "waiting", "waiting", "active", "passive", "out of service"};
    bstar->state = state;
    /*  That the peer was active before this one was is no contradiction. */
    if (state == BSTAR_ACTIVE)
        bstar->trust_from = bstar->said + 1;
    printf ("bstar: the %s is %s: %s\n", bstar->primary ? "primary" : "backup", names[state], why);
}

/*  To be called first whenever the program has waited. An active server that was
    itself stopped for so long that it counts as gone must not serve: its peer may have taken
    over. It finds out as a passive one, and not from what the peer had said meanwhile. */
static inline void bstar_woke_up (struct bstar *bstar)
{
    int64_t now = clock_ms ();
    if (now - bstar->seen_at > 2 * bstar->interval) {
        bstar->peer_expires = now + 2 * BSTAR_LIVENESS * bstar->interval;
        bstar->trust_from = bstar->said + 1;
        if (bstar->state == BSTAR_ACTIVE)
            bstar_become (bstar, BSTAR_PASSIVE, "it was stopped for too long");
    }
    bstar->seen_at = now;
}

/*  Writes the message that goes to the peer at each interval. One that is incomplete
    is as good as just started: its peer has to lead. */
static inline void bstar_say (struct bstar *bstar, char *text)
{
    enum bstar_state state;

    bstar_woke_up (bstar);
    state = bstar->state;
    if (state == BSTAR_PASSIVE && bstar->incomplete)
        state = bstar->primary ? BSTAR_PRIMARY : BSTAR_BACKUP;
    sprintf (text, "%d %ld %ld", (int) state, ++bstar->said, bstar->heard);
}

/*  Takes a message of the peer. When both are active, each has changed its state
    without the other, and only a person can tell which one is right: both go out of
    service. */
static inline void bstar_on_peer (struct bstar *bstar, const char *text)
{
    int64_t expires = clock_ms () + BSTAR_LIVENESS * bstar->interval;
    long heard_by_peer;
    int peer;

    if (sscanf (text, "%d %ld %ld", &peer, &bstar->heard, &heard_by_peer) != 3)
        return;
    if (expires > bstar->peer_expires)
        bstar->peer_expires = expires;
    if (heard_by_peer < bstar->trust_from)
        return;
    switch (bstar->state) {
        case BSTAR_PRIMARY:
            if (peer == BSTAR_BACKUP)
                bstar_become (bstar, BSTAR_ACTIVE, "its backup is there");
            else if (peer == BSTAR_ACTIVE)
                bstar_become (bstar, BSTAR_PASSIVE, "its peer is active");
            /*  A passive peer has been there longer: it is going to lead. */
            break;
        case BSTAR_BACKUP:
            if (peer == BSTAR_ACTIVE)
                bstar_become (bstar, BSTAR_PASSIVE, "its peer is active");
            break;
        case BSTAR_ACTIVE:
            if (peer == BSTAR_ACTIVE || peer == BSTAR_SPLIT)
                bstar_become (bstar, BSTAR_SPLIT, "both were active");
            break;
        case BSTAR_PASSIVE:
            if ((peer == BSTAR_PRIMARY || peer == BSTAR_BACKUP) && (!bstar->incomplete || bstar->primary))
                bstar_become (bstar, BSTAR_ACTIVE, "its peer has been started again");
            else if (peer == BSTAR_PASSIVE && bstar->primary && !bstar->incomplete)
                bstar_become (bstar, BSTAR_ACTIVE, "its peer is passive, too");
            break;
        case BSTAR_SPLIT:
            break;
    }
}

/*  A client wants to be served. Returns 1 when it may be. A client that comes to
    a passive server has not been served by the active one: that is its vote, and
    with the peer's silence it is enough. */
static inline int bstar_on_client (struct bstar *bstar)
{
    if ((bstar->state == BSTAR_PRIMARY || bstar->state == BSTAR_PASSIVE) && clock_ms () >= bstar->peer_expires)
        bstar_become (bstar, BSTAR_ACTIVE, "its peer is silent and a client has come");
    return bstar->state == BSTAR_ACTIVE;
}

#endif
