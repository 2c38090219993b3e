/* CURVE servers against scripted clients with real boxes that break the protocol in one place. After the handshake the reference reports a breach and
 * leaves the connection as it is, unheard (DIFFERENCES.md): only ours is held to BREACHES_END_CONNECTIONS. */
#ifndef BREACHES_END_CONNECTIONS
#define BREACHES_END_CONNECTIONS 0
#endif

#include "check.h"
#include "raw.h"
#include "events.h"
#include "security.h"
#include "curve_peers.h"

enum stage
{
    AT_HELLO,
    AT_INITIATE,
    AT_MESSAGE
};

static uint8_t stranger_public[KEY], stranger_secret[KEY];

static void nothing_wrong (struct peer *peer, struct frame *frame)
{
    (void) peer;
    (void) frame;
}

static void no_body (struct peer *peer, struct frame *frame)
{
    (void) peer;
    frame->size = 0;
}

static void one_byte (struct peer *peer, struct frame *frame)
{
    (void) peer;
    frame->size = 1;
}

static void name_alone (struct peer *peer, struct frame *frame)
{
    (void) peer;
    frame->size = 1 + (size_t) frame->body[0];
}

static void name_cut (struct peer *peer, struct frame *frame)
{
    (void) peer;
    frame->size = frame->body[0];
}

static void shorter (struct peer *peer, struct frame *frame)
{
    (void) peer;
    frame->size--;
}

static void longer (struct peer *peer, struct frame *frame)
{
    (void) peer;
    frame->body[frame->size++] = 0;
}

static void huge (struct peer *peer, struct frame *frame)
{
    (void) peer;
    memset (frame->body + frame->size, 'x', 1500 - frame->size);
    frame->size = 1500;
}

static void twice (struct peer *peer, struct frame *frame)
{
    SEND_FRAME (peer->fd, frame);
}

static void other_name (struct peer *peer, struct frame *frame)
{
    (void) peer;
    frame->body[1] ^= 0x20;
}

static void another_hello (struct peer *peer, struct frame *frame)
{
    make_hello (peer, frame);
}

static void another_initiate (struct peer *peer, struct frame *frame)
{
    make_initiate (peer, frame, META_DEALER, sizeof META_DEALER - 1);
}

static void initiate_at_once (struct peer *peer, struct frame *frame)
{
    memset (peer->their_short, 9, KEY);
    make_initiate (peer, frame, META_DEALER, sizeof META_DEALER - 1);
}

static void message_early (struct peer *peer, struct frame *frame)
{
    make_message (peer, frame, 0, "early", 5);
}

static void put (struct frame *frame, uint8_t flags, const char *bytes, size_t size)
{
    frame->flags = flags;
    frame->size = size;
    memcpy (frame->body, bytes, size);
}
#define SAYS(name, flags, bytes)                                                                    \
    static void name (struct peer *peer, struct frame *frame)                                       \
    {                                                                                               \
        (void) peer;                                                                                \
        put (frame, flags, bytes, sizeof bytes - 1);                                                \
    }
SAYS (says_welcome, FLAG_COMMAND, "\7WELCOME")
SAYS (says_ready, FLAG_COMMAND, "\5READY" META_DEALER)
SAYS (says_error, FLAG_COMMAND, "\5ERROR\003400")
SAYS (says_ping, FLAG_COMMAND, "\4PING\0\0")
SAYS (says_subscribe, FLAG_COMMAND, "\11SUBSCRIBEA")
SAYS (says_plain_hello, FLAG_COMMAND, "\5HELLO\2me\6secret")
SAYS (says_message, 0, "unencrypted")
SAYS (says_letters, 0, "\7MESSAGEunencrypted")
SAYS (says_long_letters, 0, "\7MESSAGE unencrypted, and long enough to be a box")
SAYS (says_delimiter, FLAG_MORE, "")

/* HELLO */
static void version_2 (struct peer *peer, struct frame *frame)
{
    (void) peer;
    frame->body[6] = 2;
}

static void version_0 (struct peer *peer, struct frame *frame)
{
    (void) peer;
    frame->body[6] = 0;
}

static void version_1_1 (struct peer *peer, struct frame *frame)
{
    (void) peer;
    frame->body[7] = 1;
}

static void padding_not_zero (struct peer *peer, struct frame *frame)
{
    (void) peer;
    memset (frame->body + 8, 'x', 72);
}

static void other_short_key (struct peer *peer, struct frame *frame)
{
    (void) peer;
    memcpy (frame->body + 80, stranger_public, KEY);
}

static void hello_counter_changed (struct peer *peer, struct frame *frame)
{
    (void) peer;
    frame->body[119]++;
}

static void hello_box_changed (struct peer *peer, struct frame *frame)
{
    (void) peer;
    frame->body[199] ^= 1;
}

static void hello_box_not_of_zeros (struct peer *peer, struct frame *frame)
{
    uint8_t plain[64];
    memset (plain, 7, sizeof plain);
    box_seal (frame->body + 120, plain, 64, nonce_of ("CurveZMQHELLO---", frame->body + 112), peer->their_public,
              peer->short_secret);
}

static void hello_for_another (struct peer *peer, struct frame *frame)
{
    box_seal (frame->body + 120, zeros, 64, nonce_of ("CurveZMQHELLO---", frame->body + 112), stranger_public,
              peer->short_secret);
}

static void hello_with_zero_key (struct peer *peer, struct frame *frame)
{
    (void) peer;
    memset (frame->body + 80, 0, KEY);
}

static void hello_counter_of_zero (struct peer *peer, struct frame *frame)
{
    peer->sent = (uint64_t) -1;
    make_hello (peer, frame);
}

static void hello_counter_of_100 (struct peer *peer, struct frame *frame)
{
    peer->sent = 99;
    make_hello (peer, frame);
}

/* INITIATE */
static void cookie_nonce_changed (struct peer *peer, struct frame *frame)
{
    (void) peer;
    frame->body[9] ^= 1;
}

static void cookie_changed (struct peer *peer, struct frame *frame)
{
    (void) peer;
    frame->body[104] ^= 1;
}

static void initiate_counter_changed (struct peer *peer, struct frame *frame)
{
    (void) peer;
    frame->body[112]++;
}

static void initiate_box_changed (struct peer *peer, struct frame *frame)
{
    (void) peer;
    frame->body[frame->size - 1] ^= 1;
}

static void initiate_by_another (struct peer *peer, struct frame *frame)
{
    memcpy (peer->short_secret, stranger_secret, KEY);
    make_initiate (peer, frame, META_DEALER, sizeof META_DEALER - 1);
}

static void initiate_counter_of_hello (struct peer *peer, struct frame *frame)
{
    peer->sent = 0;
    make_initiate (peer, frame, META_DEALER, sizeof META_DEALER - 1);
}

/* INITIATE whose box opens, with a vouch as wanted. */
static void vouched (struct peer *peer, struct frame *frame, const uint8_t *for_short, const uint8_t *for_server,
                     const uint8_t *secret)
{
    uint8_t plain[300];
    size_t size = KEY + 16 + VOUCH_SIZE;
    make_vouch (peer, plain, for_short, for_server, secret);
    memcpy (plain + size, META_DEALER, sizeof META_DEALER - 1);
    peer->sent--;
    seal_initiate (peer, frame, plain, size + sizeof META_DEALER - 1);
}

static void vouch_for_another_short_key (struct peer *peer, struct frame *frame)
{
    vouched (peer, frame, stranger_public, peer->their_public, peer->secret_key);
}

static void vouch_for_another_server (struct peer *peer, struct frame *frame)
{
    vouched (peer, frame, peer->short_public, stranger_public, peer->secret_key);
}

static void vouch_by_another (struct peer *peer, struct frame *frame)
{
    vouched (peer, frame, peer->short_public, peer->their_public, stranger_secret);
}

/* Says to be somebody whose secret it does not know. */
static void claims_to_be_another (struct peer *peer, struct frame *frame)
{
    memcpy (peer->public_key, stranger_public, KEY);
    vouched (peer, frame, peer->short_public, peer->their_public, peer->secret_key);
}

static void vouch_to_long_term_key (struct peer *peer, struct frame *frame)
{
    uint8_t short_key[KEY], plain[300];
    memcpy (short_key, peer->their_short, KEY);
    memcpy (peer->their_short, peer->their_public, KEY);
    make_vouch (peer, plain, peer->short_public, peer->their_public, peer->secret_key);
    memcpy (peer->their_short, short_key, KEY);
    memcpy (plain + KEY + 16 + VOUCH_SIZE, META_DEALER, sizeof META_DEALER - 1);
    peer->sent--;
    seal_initiate (peer, frame, plain, KEY + 16 + VOUCH_SIZE + sizeof META_DEALER - 1);
}

static void no_vouch (struct peer *peer, struct frame *frame)
{
    peer->sent--;
    seal_initiate (peer, frame, peer->public_key, KEY);
}

static void without_metadata (struct peer *peer, struct frame *frame)
{
    peer->sent--;
    make_initiate (peer, frame, "", 0);
}

#define BRINGS(name, metadata)                                                                      \
    static void name (struct peer *peer, struct frame *frame)                                       \
    {                                                                                               \
        peer->sent--;                                                                               \
        make_initiate (peer, frame, metadata, sizeof metadata - 1);                                 \
    }
BRINGS (wrong_type, META_PUSH)
BRINGS (one_byte_of_metadata, "x")
BRINGS (metadata_cut, META_DEALER "\5X-abc\0\0\0\7val")
BRINGS (metadata_without_length, META_DEALER "\5X-abc\0\0")
BRINGS (metadata_of_no_name, META_DEALER "\0\0\0\0\1v")

/* MESSAGE */
static void counter_again (struct peer *peer, struct frame *frame)
{
    peer->sent--;
    SEND_FRAME (peer->fd, frame);
    make_message (peer, frame, 0, "second", 6);
    peer->sent--;
    make_message (peer, frame, 0, "second", 6);
}

static void counter_of_initiate (struct peer *peer, struct frame *frame)
{
    peer->sent = 1;
    make_message (peer, frame, 0, "first", 5);
}

static void counter_of_zero (struct peer *peer, struct frame *frame)
{
    peer->sent = (uint64_t) -1;
    make_message (peer, frame, 0, "first", 5);
}

static void counter_lower (struct peer *peer, struct frame *frame)
{
    peer->sent = 99;
    make_message (peer, frame, 0, "first", 5);
    SEND_FRAME (peer->fd, frame);
    peer->sent = 98;
    make_message (peer, frame, 0, "second", 6);
}

static void counter_changed (struct peer *peer, struct frame *frame)
{
    (void) peer;
    frame->body[15]++;
}

static void message_box_changed (struct peer *peer, struct frame *frame)
{
    (void) peer;
    frame->body[frame->size - 1] ^= 1;
}

static void message_by_another (struct peer *peer, struct frame *frame)
{
    memcpy (peer->short_secret, stranger_secret, KEY);
    make_message (peer, frame, 0, "first", 5);
}

static void own_direction_reversed (struct peer *peer, struct frame *frame)
{
    peer->sends = "CurveZMQMESSAGES";
    make_message (peer, frame, 0, "first", 5);
}

static void box_of_nothing (struct peer *peer, struct frame *frame)
{
    memcpy (frame->body, "\7MESSAGE", 8);
    put_counter (frame->body + 8, ++peer->sent);
    box_seal (frame->body + 16, zeros, 0, nonce_of (peer->sends, frame->body + 8), peer->their_short, peer->short_secret);
    frame->size = 32;
}

MAYBE_UNUSED static void outer_command (struct peer *peer, struct frame *frame)
{
    (void) peer;
    frame->flags = FLAG_COMMAND;
}

MAYBE_UNUSED static void outer_more (struct peer *peer, struct frame *frame)
{
    (void) peer;
    frame->flags = FLAG_MORE;
}

static void outer_rest (struct peer *peer, struct frame *frame)
{
    (void) peer;
    frame->flags = 0xf8;
}

static void inner_unknown (struct peer *peer, struct frame *frame)
{
    make_message (peer, frame, 0xfc, "first", 5);
}

static void ping_inside (struct peer *peer, struct frame *frame)
{
    make_message (peer, frame, INNER_COMMAND, "\4PING\0\0", 7);
}

MAYBE_UNUSED static void subscribe_inside (struct peer *peer, struct frame *frame)
{
    make_message (peer, frame, INNER_COMMAND, "\11SUBSCRIBEA", 11);
}

MAYBE_UNUSED static void empty_command_inside (struct peer *peer, struct frame *frame)
{
    make_message (peer, frame, INNER_COMMAND, "", 0);
}

enum
{
    FINE = 0,  /* it goes on */
    SILENT = 1 /* closed, with no event but DISCONNECTED */
};

struct breach
{
    const char *name;
    enum stage stage;
    void (*commit) (struct peer *, struct frame *);
    unsigned code;
    const char *delivered;
};
#define ROW(stage, commit, code) {#commit, stage, commit, ZMQ_PROTOCOL_ERROR_ZMTP_##code, NULL}
#define DELIVERS(commit, code, text) {#commit, AT_MESSAGE, commit, code, text}

static const struct breach by_clients[] = {
    ROW (AT_HELLO, no_body, MALFORMED_COMMAND_UNSPECIFIED),
    ROW (AT_HELLO, one_byte, MALFORMED_COMMAND_UNSPECIFIED),
    ROW (AT_HELLO, name_cut, MALFORMED_COMMAND_UNSPECIFIED),
    ROW (AT_HELLO, name_alone, MALFORMED_COMMAND_HELLO),
    ROW (AT_HELLO, shorter, MALFORMED_COMMAND_HELLO),
    ROW (AT_HELLO, longer, MALFORMED_COMMAND_HELLO),
    ROW (AT_HELLO, huge, MALFORMED_COMMAND_HELLO),
    ROW (AT_HELLO, other_name, UNEXPECTED_COMMAND),
    ROW (AT_HELLO, twice, UNEXPECTED_COMMAND),
    ROW (AT_HELLO, initiate_at_once, UNEXPECTED_COMMAND),
    ROW (AT_HELLO, message_early, UNEXPECTED_COMMAND),
    ROW (AT_HELLO, says_welcome, UNEXPECTED_COMMAND),
    ROW (AT_HELLO, says_ready, UNEXPECTED_COMMAND),
    ROW (AT_HELLO, says_error, UNEXPECTED_COMMAND),
    ROW (AT_HELLO, says_ping, UNEXPECTED_COMMAND),
    ROW (AT_HELLO, says_message, MALFORMED_COMMAND_UNSPECIFIED),
    ROW (AT_HELLO, says_plain_hello, MALFORMED_COMMAND_HELLO),
    ROW (AT_HELLO, version_0, MALFORMED_COMMAND_HELLO),
    ROW (AT_HELLO, version_2, MALFORMED_COMMAND_HELLO),
    ROW (AT_HELLO, version_1_1, MALFORMED_COMMAND_HELLO),
    ROW (AT_HELLO, other_short_key, CRYPTOGRAPHIC),
    ROW (AT_HELLO, hello_counter_changed, CRYPTOGRAPHIC),
    ROW (AT_HELLO, hello_box_changed, CRYPTOGRAPHIC),
    ROW (AT_HELLO, hello_for_another, CRYPTOGRAPHIC),
    ROW (AT_HELLO, hello_with_zero_key, CRYPTOGRAPHIC),

    ROW (AT_INITIATE, no_body, MALFORMED_COMMAND_UNSPECIFIED),
    ROW (AT_INITIATE, one_byte, MALFORMED_COMMAND_UNSPECIFIED),
    ROW (AT_INITIATE, name_cut, MALFORMED_COMMAND_UNSPECIFIED),
    ROW (AT_INITIATE, name_alone, MALFORMED_COMMAND_INITIATE),
    ROW (AT_INITIATE, no_vouch, MALFORMED_COMMAND_INITIATE),
    ROW (AT_INITIATE, shorter, CRYPTOGRAPHIC),
    ROW (AT_INITIATE, longer, CRYPTOGRAPHIC),
    ROW (AT_INITIATE, huge, CRYPTOGRAPHIC),
    ROW (AT_INITIATE, other_name, UNEXPECTED_COMMAND),
    ROW (AT_INITIATE, another_hello, UNEXPECTED_COMMAND),
    ROW (AT_INITIATE, message_early, UNEXPECTED_COMMAND),
    ROW (AT_INITIATE, says_ready, UNEXPECTED_COMMAND),
    ROW (AT_INITIATE, says_error, UNEXPECTED_COMMAND),
    ROW (AT_INITIATE, says_ping, UNEXPECTED_COMMAND),
    ROW (AT_INITIATE, says_message, MALFORMED_COMMAND_UNSPECIFIED),
    ROW (AT_INITIATE, cookie_nonce_changed, CRYPTOGRAPHIC),
    ROW (AT_INITIATE, cookie_changed, CRYPTOGRAPHIC),
    ROW (AT_INITIATE, initiate_counter_changed, CRYPTOGRAPHIC),
    ROW (AT_INITIATE, initiate_box_changed, CRYPTOGRAPHIC),
    ROW (AT_INITIATE, initiate_by_another, CRYPTOGRAPHIC),
    ROW (AT_INITIATE, vouch_by_another, CRYPTOGRAPHIC),
    ROW (AT_INITIATE, claims_to_be_another, CRYPTOGRAPHIC),
    ROW (AT_INITIATE, vouch_to_long_term_key, CRYPTOGRAPHIC),
    ROW (AT_INITIATE, vouch_for_another_short_key, KEY_EXCHANGE),
    {"one_byte_of_metadata", AT_INITIATE, one_byte_of_metadata, SILENT, NULL},
    {"metadata_without_length", AT_INITIATE, metadata_without_length, SILENT, NULL},
    {"metadata_cut", AT_INITIATE, metadata_cut, SILENT, NULL},
    {"wrong_type", AT_INITIATE, wrong_type, SILENT, NULL},

    ROW (AT_MESSAGE, no_body, MALFORMED_COMMAND_UNSPECIFIED),
    ROW (AT_MESSAGE, one_byte, MALFORMED_COMMAND_UNSPECIFIED),
    ROW (AT_MESSAGE, name_cut, MALFORMED_COMMAND_UNSPECIFIED),
    ROW (AT_MESSAGE, name_alone, MALFORMED_COMMAND_MESSAGE),
    ROW (AT_MESSAGE, box_of_nothing, MALFORMED_COMMAND_MESSAGE),
    ROW (AT_MESSAGE, shorter, CRYPTOGRAPHIC),
    ROW (AT_MESSAGE, longer, CRYPTOGRAPHIC),
    ROW (AT_MESSAGE, huge, CRYPTOGRAPHIC),
    ROW (AT_MESSAGE, other_name, UNEXPECTED_COMMAND),
    ROW (AT_MESSAGE, another_hello, UNEXPECTED_COMMAND),
    ROW (AT_MESSAGE, another_initiate, UNEXPECTED_COMMAND),
    ROW (AT_MESSAGE, says_ready, UNEXPECTED_COMMAND),
    ROW (AT_MESSAGE, says_error, UNEXPECTED_COMMAND),
    ROW (AT_MESSAGE, says_ping, UNEXPECTED_COMMAND),
    ROW (AT_MESSAGE, says_subscribe, UNEXPECTED_COMMAND),
    ROW (AT_MESSAGE, says_message, MALFORMED_COMMAND_UNSPECIFIED),
    ROW (AT_MESSAGE, says_delimiter, MALFORMED_COMMAND_UNSPECIFIED),
    ROW (AT_MESSAGE, says_letters, MALFORMED_COMMAND_MESSAGE),
    ROW (AT_MESSAGE, says_long_letters, CRYPTOGRAPHIC),
    ROW (AT_MESSAGE, counter_of_initiate, INVALID_SEQUENCE),
    ROW (AT_MESSAGE, counter_of_zero, INVALID_SEQUENCE),
    ROW (AT_MESSAGE, counter_changed, CRYPTOGRAPHIC),
    ROW (AT_MESSAGE, message_box_changed, CRYPTOGRAPHIC),
    ROW (AT_MESSAGE, message_by_another, CRYPTOGRAPHIC),
    ROW (AT_MESSAGE, own_direction_reversed, CRYPTOGRAPHIC),
    DELIVERS (twice, ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_SEQUENCE, "first"),
    DELIVERS (counter_again, ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_SEQUENCE, "first"),
    DELIVERS (counter_lower, ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_SEQUENCE, "first"),

    /* What looks wrong and is let through. */
    {"padding_not_zero", AT_HELLO, padding_not_zero, FINE, NULL},
    {"hello_box_not_of_zeros", AT_HELLO, hello_box_not_of_zeros, FINE, NULL},
    {"hello_counter_of_zero", AT_HELLO, hello_counter_of_zero, FINE, NULL},
    {"hello_counter_of_100", AT_HELLO, hello_counter_of_100, FINE, NULL},
    {"outer_rest", AT_HELLO, outer_rest, FINE, NULL},
    {"vouch_for_another_server", AT_INITIATE, vouch_for_another_server, FINE, NULL},
    {"initiate_counter_of_hello", AT_INITIATE, initiate_counter_of_hello, FINE, NULL},
    {"without_metadata", AT_INITIATE, without_metadata, FINE, NULL},
    {"metadata_of_no_name", AT_INITIATE, metadata_of_no_name, FINE, NULL},
    DELIVERS (nothing_wrong, FINE, "first"),
#if BREACHES_END_CONNECTIONS
    DELIVERS (outer_command, FINE, "first"), /* the reference drops it */
    DELIVERS (outer_more, FINE, "first"),    /* the reference waits for more */
    /* The reference gives commands that are none of the socket's to the application. */
    {"subscribe_inside", AT_MESSAGE, subscribe_inside, FINE, NULL},
    {"empty_command_inside", AT_MESSAGE, empty_command_inside, FINE, NULL},
#endif
    DELIVERS (outer_rest, FINE, "first"),
    DELIVERS (inner_unknown, FINE, "first"),
    {"ping_inside", AT_MESSAGE, ping_inside, FINE, NULL},
};

/* A question and its answer between library sockets. */
static void served (void *good, void *router)
{
    SEND (good, "question");
    RECVMORE (router, "good");
    RECV (router, "question");
    SENDMORE (router, "good");
    SEND (router, "answer");
    RECV (good, "answer");
}

static void *open_good (const char *endpoint)
{
    void *good = open_client (ZMQ_DEALER);
    OK (zmq_setsockopt (good, ZMQ_ROUTING_ID, "good", 4));
    OK (zmq_connect (good, endpoint));
    return good;
}

/* Plays the part of the client up to the stage and commits the breach there. */
/* The next event; where an earlier connection may end at any time, the next but that. */
static int failure (void *events, const char *endpoint, unsigned *code)
{
    int event;
    do
        event = next_event (events, endpoint, code, ARRIVES_MS);
    while (event == ZMQ_EVENT_DISCONNECTED && !BREACHES_END_CONNECTIONS);
    return event;
}

static void play (const struct breach *breach, const char *endpoint, void *router, void *events)
{
    struct peer peer;
    struct frame frame;
    char text[20], from[20];
    dial_client (&peer, endpoint);
    make_hello (&peer, &frame);
    if (breach->stage == AT_HELLO)
        breach->commit (&peer, &frame);
    SEND_FRAME (peer.fd, &frame);
    if (breach->stage > AT_HELLO || breach->code == FINE) {
        take_welcome (&peer, &frame);
        make_initiate (&peer, &frame, META_DEALER, sizeof META_DEALER - 1);
        if (breach->stage == AT_INITIATE)
            breach->commit (&peer, &frame);
        SEND_FRAME (peer.fd, &frame);
    }
    if (breach->stage > AT_INITIATE || breach->code == FINE) {
        take_ready (&peer, &frame, META_ROUTER, sizeof META_ROUTER - 1);
        make_message (&peer, &frame, 0, "first", 5);
        if (breach->stage == AT_MESSAGE)
            breach->commit (&peer, &frame);
        SEND_FRAME (peer.fd, &frame);
    }
    if (breach->delivered) {
        SET (router, ZMQ_RCVTIMEO, ARRIVES_MS);
        EQUAL (zmq_recv (router, from, sizeof from, 0), 5);
        int size = zmq_recv (router, text, sizeof text - 1, 0);
        text[size > 0 ? size : 0] = 0;
        CHECK (strcmp (text, breach->delivered) == 0);
    }
    if (breach->code == FINE) {
        SAY (&peer, 0, "last");
        /* What came before it may be of no interest. */
        do {
            SET (router, ZMQ_RCVTIMEO, ARRIVES_MS);
            REQUIRE (zmq_recv (router, from, sizeof from, 0) == 5);
            int size = zmq_recv (router, text, sizeof text - 1, 0);
            text[size > 0 ? size : 0] = 0;
        } while (strcmp (text, "last") != 0 && (breach->stage < AT_MESSAGE));
        CHECK (strcmp (text, "last") == 0);
        close (peer.fd);
        if (BREACHES_END_CONNECTIONS)
            EVENT (events, ZMQ_EVENT_DISCONNECTED, endpoint);
    } else {
        if (breach->code != SILENT) {
            EQUAL (failure (events, endpoint, &value), ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
            if (value != breach->code)
                fail_at (__FILE__, __LINE__, "code %#x instead of %#x", value, breach->code);
        }
        if (breach->stage < AT_MESSAGE || BREACHES_END_CONNECTIONS) {
            EVENT (events, ZMQ_EVENT_DISCONNECTED, endpoint);
            RAW_CLOSED (peer.fd);
        }
        close (peer.fd);
    }
}

static void clients_that_break_a_rule (void)
{
    make_keys ();
    box_keypair (stranger_public, stranger_secret);
    void *router = open_server (ZMQ_ROUTER), *events = watch (router, ENDS);
    char endpoint[100];
    strcpy (endpoint, BIND (router, "tcp"));
    void *good = open_good (endpoint);
    for (size_t i = 0; i < sizeof by_clients / sizeof *by_clients; i++) {
        int failed = checks_failed;
        play (&by_clients[i], endpoint, router, events);
        if (checks_failed != failed)
            printf ("    in %s (%s)\n", by_clients[i].name, (const char *[]){"HELLO", "INITIATE", "MESSAGE"}[by_clients[i].stage]);
        served (good, router);
        REQUIRE (checks_failed < 8);
    }
    QUIET (router);
    if (BREACHES_END_CONNECTIONS)
        NO_EVENT (events);
}

RUN_CASES (CASE (clients_that_break_a_rule))
