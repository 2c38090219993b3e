/* CURVE clients against scripted servers with real boxes that break the protocol in one place, in WELCOME or in READY. The reference takes these
 * commands in any order, and finds out by what is in them (ORDER_IS_CHECKED). */
#include "check.h"
#include "raw.h"
#include "events.h"
#include "security.h"
#include "curve_peers.h"

static uint8_t stranger_public[KEY], stranger_secret[KEY];

enum stage
{
    AT_WELCOME,
    AT_READY
};

/* ---- what servers do instead of what they should --------------------------------------------------- */

static void say (struct frame *frame, const char *bytes, size_t size)
{
    frame->flags = FLAG_COMMAND;
    frame->size = size;
    memcpy (frame->body, bytes, size);
}
#define SAYS(name, text)                                                                            \
    static void name (struct peer *peer, struct frame *frame)                                       \
    {                                                                                               \
        (void) peer;                                                                                \
        say (frame, text, sizeof text - 1);                                                         \
    }
SAYS (nothing, "")
SAYS (one_byte, "\5")
SAYS (name_cut, "\7WELC")
SAYS (name_of_welcome, "\7WELCOME")
SAYS (name_of_ready, "\5READY")
SAYS (other_name, "\7WELCOMF                    ")
SAYS (ping, "\4PING\0\1")
SAYS (plain_error, "\5ERROR\3" "999")
SAYS (error_without_reason, "\5ERROR")
SAYS (error_too_short, "\5ERROR\11" "400")
SAYS (unencrypted_ready, "\5READY" META_ROUTER)
SAYS (null_ready, "\5READY\13Socket-Type\0\0\0\6ROUTER")

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
    memset (frame->body + frame->size, 0, 1500 - frame->size);
    frame->size = 1500;
}

static void nonce_changed (struct peer *peer, struct frame *frame)
{
    (void) peer;
    frame->body[frame->body[0] + 1] ^= 1;
}

static void box_changed (struct peer *peer, struct frame *frame)
{
    (void) peer;
    frame->body[frame->size - 1] ^= 1;
}

static void box_by_another (struct peer *peer, struct frame *frame)
{
    if (frame->body[1] == 'W') {
        memcpy (peer->secret_key, stranger_secret, KEY);
        make_welcome (peer, frame);
    } else {
        memcpy (peer->short_secret, stranger_secret, KEY);
        make_ready (peer, frame, META_ROUTER, sizeof META_ROUTER - 1);
    }
}

static void says_hello (struct peer *peer, struct frame *frame)
{
    make_hello (peer, frame);
}

static void says_initiate (struct peer *peer, struct frame *frame)
{
    make_initiate (peer, frame, META_ROUTER, sizeof META_ROUTER - 1);
}

MAYBE_UNUSED static void ready_at_once (struct peer *peer, struct frame *frame)
{
    make_ready (peer, frame, META_ROUTER, sizeof META_ROUTER - 1);
}

static void message_at_once (struct peer *peer, struct frame *frame)
{
    make_message (peer, frame, 0, "early", 5);
    frame->flags = FLAG_COMMAND;
}

MAYBE_UNUSED static void welcome_again (struct peer *peer, struct frame *frame)
{
    make_welcome (peer, frame);
}

static void wrong_type (struct peer *peer, struct frame *frame)
{
    make_ready (peer, frame, "\13Socket-Type\0\0\0\4PULL", 20);
}

static void metadata_cut (struct peer *peer, struct frame *frame)
{
    make_ready (peer, frame, META_ROUTER "\5X-abc\0\0\0\7val", sizeof META_ROUTER - 1 + 13);
}

enum
{
    SILENT = 1 /* closed, with no event but DISCONNECTED */
};

static const struct breach
{
    const char *name;
    enum stage stage;
    void (*commit) (struct peer *, struct frame *);
    unsigned code;
} breaches[] = {
#define ROW(stage, commit, code) {#commit, stage, commit, ZMQ_PROTOCOL_ERROR_ZMTP_##code}
    ROW (AT_WELCOME, nothing, UNEXPECTED_COMMAND),
    ROW (AT_WELCOME, one_byte, UNEXPECTED_COMMAND),
    ROW (AT_WELCOME, name_cut, UNEXPECTED_COMMAND),
    ROW (AT_WELCOME, name_of_welcome, CRYPTOGRAPHIC),
    ROW (AT_WELCOME, other_name, UNEXPECTED_COMMAND),
    ROW (AT_WELCOME, ping, UNEXPECTED_COMMAND),
    ROW (AT_WELCOME, says_hello, UNEXPECTED_COMMAND),
    ROW (AT_WELCOME, says_initiate, UNEXPECTED_COMMAND),
    ROW (AT_WELCOME, message_at_once, UNEXPECTED_COMMAND),
    ROW (AT_WELCOME, error_without_reason, MALFORMED_COMMAND_ERROR),
    ROW (AT_WELCOME, error_too_short, MALFORMED_COMMAND_ERROR),
    ROW (AT_WELCOME, shorter, CRYPTOGRAPHIC),
    ROW (AT_WELCOME, longer, CRYPTOGRAPHIC),
    ROW (AT_WELCOME, huge, CRYPTOGRAPHIC),
    ROW (AT_WELCOME, nonce_changed, CRYPTOGRAPHIC),
    ROW (AT_WELCOME, box_changed, CRYPTOGRAPHIC),
    ROW (AT_WELCOME, box_by_another, CRYPTOGRAPHIC),
    {"plain_error", AT_WELCOME, plain_error, SILENT},

    ROW (AT_READY, nothing, UNEXPECTED_COMMAND),
    ROW (AT_READY, one_byte, UNEXPECTED_COMMAND),
    ROW (AT_READY, name_cut, UNEXPECTED_COMMAND),
    ROW (AT_READY, name_of_ready, MALFORMED_COMMAND_READY),
    ROW (AT_READY, other_name, UNEXPECTED_COMMAND),
    ROW (AT_READY, says_hello, UNEXPECTED_COMMAND),
    ROW (AT_READY, message_at_once, UNEXPECTED_COMMAND),
    ROW (AT_READY, unencrypted_ready, CRYPTOGRAPHIC),
    ROW (AT_READY, null_ready, MALFORMED_COMMAND_READY),
    ROW (AT_READY, shorter, CRYPTOGRAPHIC),
    ROW (AT_READY, longer, CRYPTOGRAPHIC),
    ROW (AT_READY, huge, CRYPTOGRAPHIC),
    ROW (AT_READY, nonce_changed, CRYPTOGRAPHIC),
    ROW (AT_READY, box_changed, CRYPTOGRAPHIC),
    ROW (AT_READY, box_by_another, CRYPTOGRAPHIC),
    ROW (AT_READY, wrong_type, INVALID_METADATA),
    ROW (AT_READY, metadata_cut, INVALID_METADATA),

#ifdef ORDER_IS_CHECKED
    ROW (AT_WELCOME, ready_at_once, UNEXPECTED_COMMAND),
    ROW (AT_WELCOME, null_ready, UNEXPECTED_COMMAND),
    ROW (AT_READY, welcome_again, UNEXPECTED_COMMAND),
#endif
};

/* ---- playing them ------------------------------------------------------------------------------------ */

static void play (const struct breach *breach)
{
    char endpoint[100];
    struct peer peer;
    struct frame frame;
    void *dealer = open_client (ZMQ_DEALER);
    SET (dealer, ZMQ_RECONNECT_IVL, -1);
    SET (dealer, ZMQ_LINGER, 0);
    void *events = watch (dealer, ENDS);
    int listener = raw_listen (endpoint);
    OK (zmq_connect (dealer, endpoint));
    int fd = RAW_ACCEPT (listener);
    RAW_SEND (fd, GREETING_CURVE);
    RAW_EXPECT (fd, GREETING_CURVE);
    begin_server (&peer, fd, server_public, server_secret);
    take_hello (&peer, &frame);
    make_welcome (&peer, &frame);
    if (breach->stage == AT_WELCOME)
        breach->commit (&peer, &frame);
    SEND_FRAME (fd, &frame);
    if (breach->stage == AT_READY) {
        take_initiate (&peer, &frame, META_DEALER, sizeof META_DEALER - 1);
        make_ready (&peer, &frame, META_ROUTER, sizeof META_ROUTER - 1);
        breach->commit (&peer, &frame);
        SEND_FRAME (fd, &frame);
    }
    if (breach->code != SILENT) {
        EVENT (events, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, endpoint);
        if (value != breach->code)
            fail_at (__FILE__, __LINE__, "code %#x instead of %#x", value, breach->code);
    }
    EVENT (events, ZMQ_EVENT_DISCONNECTED, endpoint);
    QUIET (dealer);
    close (fd);
    close (listener);
    CLOSE (events);
    CLOSE (dealer);
}

static void servers_that_break_a_rule (void)
{
    make_keys ();
    box_keypair (stranger_public, stranger_secret);
    for (size_t i = 0; i < sizeof breaches / sizeof *breaches; i++) {
        int failed = checks_failed;
        play (&breaches[i]);
        if (checks_failed != failed)
            printf ("    in %s (%s)\n", breaches[i].name, breaches[i].stage == AT_READY ? "READY" : "WELCOME");
        REQUIRE (checks_failed < 12);
    }
}

RUN_CASES (CASE (servers_that_break_a_rule))
