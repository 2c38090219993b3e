/* A small CurveZMQ of our own (RFC 26), either side, for peers that break its rules. Include after check.h and raw.h.
 *
 * The arithmetic is libsodium's, which is there wherever the reference library is; it is loaded at run time, so that the
 * programs need neither its header nor another option for the linker. */
#ifndef CAPI_SECURITY_H
#define CAPI_SECURITY_H

#include <dlfcn.h>

#define MECHANISM_CURVE "CURVE\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define GREETING_CURVE SIGNATURE "\3\1" MECHANISM_CURVE FILLER

enum
{
    KEY = 32,
    BOX = 16, /* bytes that a box is longer than what is in it */
    HELLO_SIZE = 200,
    WELCOME_SIZE = 168,
    INITIATE_SIZE = 257, /* without metadata */
    COOKIE_SIZE = 96,
    VOUCH_SIZE = 80,
    FRAME_MAX = 2000,
    FLAG_MORE = 1,
    FLAG_COMMAND = 4,
    INNER_MORE = 1,
    INNER_COMMAND = 2
};

/* ---- libsodium ------------------------------------------------------------------------------- */

static int (*box_keypair) (unsigned char *public_key, unsigned char *secret_key);
static int (*box_seal) (unsigned char *box, const unsigned char *plain, unsigned long long size, const unsigned char *nonce,
                        const unsigned char *public_key, const unsigned char *secret_key);
static int (*box_open) (unsigned char *plain, const unsigned char *box, unsigned long long size, const unsigned char *nonce,
                        const unsigned char *public_key, const unsigned char *secret_key);

MAYBE_UNUSED static void load_sodium (void)
{
    void *library = dlopen ("libsodium.so.23", RTLD_NOW | RTLD_LOCAL);
    REQUIRE (library != NULL);
    int (*init) (void);
    *(void **) &init = dlsym (library, "sodium_init");
    *(void **) &box_keypair = dlsym (library, "crypto_box_keypair");
    *(void **) &box_seal = dlsym (library, "crypto_box_easy");
    *(void **) &box_open = dlsym (library, "crypto_box_open_easy");
    REQUIRE (init && box_keypair && box_seal && box_open && init () >= 0);
}

/* ---- frames ---------------------------------------------------------------------------------- */

struct frame
{
    uint8_t flags;
    size_t size;
    uint8_t body[FRAME_MAX];
};

MAYBE_UNUSED static void send_frame_at (int fd, const struct frame *frame, const char *file, int line)
{
    uint8_t bytes[9 + FRAME_MAX];
    size_t head = frame->size > 255 ? 9 : 2;
    memset (bytes, 0, 9);
    bytes[0] = frame->flags | (head == 9 ? 2 : 0);
    if (head == 9) {
        bytes[7] = (uint8_t) (frame->size >> 8);
        bytes[8] = (uint8_t) frame->size;
    } else
        bytes[1] = (uint8_t) frame->size;
    memcpy (bytes + head, frame->body, frame->size);
    raw_send_at (fd, (const char *) bytes, head + frame->size, file, line);
}
#define SEND_FRAME(fd, frame) send_frame_at (fd, frame, __FILE__, __LINE__)

MAYBE_UNUSED static void read_all_at (int fd, uint8_t *data, size_t size, const char *file, int line)
{
    for (size_t got = 0; got < size;) {
        if (!raw_readable (fd, ARRIVES_MS)) {
            fail_at (file, line, "%zu of %zu bytes came in time", got, size);
            longjmp (end_of_case, 1);
        }
        ssize_t n = read (fd, data + got, size - got);
        if (n <= 0) {
            fail_at (file, line, "the connection ended after %zu of %zu bytes", got, size);
            longjmp (end_of_case, 1);
        }
        got += (size_t) n;
    }
}

/* The next frame; its flags come without the one for long frames, which must be set when needed and only then. */
MAYBE_UNUSED static void take_frame_at (int fd, struct frame *frame, const char *file, int line)
{
    uint8_t head[8];
    read_all_at (fd, &frame->flags, 1, file, line);
    read_all_at (fd, head, frame->flags & 2 ? 8 : 1, file, line);
    frame->size = head[0];
    if (frame->flags & 2) {
        frame->size = 0;
        for (int i = 0; i < 8; i++)
            frame->size = frame->size << 8 | head[i];
        if (frame->size <= 255)
            fail_at (file, line, "a long frame of %zu bytes", frame->size);
    }
    frame->flags &= (uint8_t) ~2;
    if (frame->size > FRAME_MAX) {
        fail_at (file, line, "a frame of %zu bytes", frame->size);
        longjmp (end_of_case, 1);
    }
    read_all_at (fd, frame->body, frame->size, file, line);
}
#define TAKE_FRAME(fd, frame) take_frame_at (fd, frame, __FILE__, __LINE__)

/* ---- one end of a CURVE connection ------------------------------------------------------------ */

struct peer
{
    int fd;
    uint8_t public_key[KEY], secret_key[KEY];      /* C and c, or S and s */
    uint8_t short_public[KEY], short_secret[KEY];  /* C' and c', or S' and s' */
    uint8_t their_public[KEY], their_short[KEY];   /* the same of the other end */
    uint8_t cookie[COOKIE_SIZE];                   /* what WELCOME brought, or what ours said */
    const char *sends, *receives;                  /* how nonces of messages begin */
    uint64_t sent, received;                       /* counters of the last frames */
};

MAYBE_UNUSED static void put_counter (uint8_t *at, uint64_t counter)
{
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t) (counter >> (56 - 8 * i));
}

MAYBE_UNUSED static uint64_t counter_at (const uint8_t *at)
{
    uint64_t counter = 0;
    for (int i = 0; i < 8; i++)
        counter = counter << 8 | at[i];
    return counter;
}

/* Nonces are 16 letters and 8 bytes of the frame, or 8 letters and 16 bytes of it. */
MAYBE_UNUSED static const uint8_t *nonce_of (const char *letters, const uint8_t *rest)
{
    static uint8_t nonce[24];
    size_t size = strlen (letters);
    memcpy (nonce, letters, size);
    memcpy (nonce + size, rest, 24 - size);
    return nonce;
}

/* The client's end, with fresh short-term keys. */
MAYBE_UNUSED static void
begin_client (struct peer *peer, int fd, const uint8_t *public_key, const uint8_t *secret_key, const uint8_t *server_key)
{
    memset (peer, 0, sizeof *peer);
    peer->fd = fd;
    memcpy (peer->public_key, public_key, KEY);
    memcpy (peer->secret_key, secret_key, KEY);
    memcpy (peer->their_public, server_key, KEY);
    box_keypair (peer->short_public, peer->short_secret);
    peer->sends = "CurveZMQMESSAGEC";
    peer->receives = "CurveZMQMESSAGES";
}

MAYBE_UNUSED static void begin_server (struct peer *peer, int fd, const uint8_t *public_key, const uint8_t *secret_key)
{
    static const uint8_t unknown[KEY];
    begin_client (peer, fd, public_key, secret_key, unknown);
    peer->sends = "CurveZMQMESSAGES";
    peer->receives = "CurveZMQMESSAGEC";
    for (int i = 0; i < COOKIE_SIZE; i++)
        peer->cookie[i] = (uint8_t) (i * 5 + 1); /* the client just hands it back */
}

static const uint8_t zeros[FRAME_MAX];

MAYBE_UNUSED static void make_hello (struct peer *peer, struct frame *frame)
{
    frame->flags = FLAG_COMMAND;
    frame->size = HELLO_SIZE;
    memset (frame->body, 0, HELLO_SIZE);
    memcpy (frame->body, "\5HELLO\1\0", 8);
    memcpy (frame->body + 80, peer->short_public, KEY);
    put_counter (frame->body + 112, ++peer->sent);
    box_seal (frame->body + 120, zeros, 64, nonce_of ("CurveZMQHELLO---", frame->body + 112), peer->their_public,
              peer->short_secret);
}

MAYBE_UNUSED static void take_hello (struct peer *peer, struct frame *frame)
{
    uint8_t plain[64];
    TAKE_FRAME (peer->fd, frame);
    EQUAL (frame->flags, FLAG_COMMAND);
    EQUAL (frame->size, HELLO_SIZE);
    CHECK (memcmp (frame->body, "\5HELLO\1\0", 8) == 0);
    CHECK (memcmp (frame->body + 8, zeros, 72) == 0);
    memcpy (peer->their_short, frame->body + 80, KEY);
    peer->received = counter_at (frame->body + 112);
    OK (box_open (plain, frame->body + 120, 64 + BOX, nonce_of ("CurveZMQHELLO---", frame->body + 112), peer->their_short,
                  peer->secret_key));
    CHECK (memcmp (plain, zeros, 64) == 0);
}

MAYBE_UNUSED static void make_welcome (struct peer *peer, struct frame *frame)
{
    uint8_t plain[KEY + COOKIE_SIZE];
    frame->flags = FLAG_COMMAND;
    frame->size = WELCOME_SIZE;
    memcpy (frame->body, "\7WELCOME", 8);
    for (int i = 0; i < 16; i++)
        frame->body[8 + i] = (uint8_t) (200 - i); /* need not be random for our purpose */
    memcpy (plain, peer->short_public, KEY);
    memcpy (plain + KEY, peer->cookie, COOKIE_SIZE);
    box_seal (frame->body + 24, plain, sizeof plain, nonce_of ("WELCOME-", frame->body + 8), peer->their_short,
              peer->secret_key);
}

MAYBE_UNUSED static void take_welcome (struct peer *peer, struct frame *frame)
{
    uint8_t plain[KEY + COOKIE_SIZE];
    TAKE_FRAME (peer->fd, frame);
    EQUAL (frame->flags, FLAG_COMMAND);
    EQUAL (frame->size, WELCOME_SIZE);
    CHECK (memcmp (frame->body, "\7WELCOME", 8) == 0);
    OK (box_open (plain, frame->body + 24, sizeof plain + BOX, nonce_of ("WELCOME-", frame->body + 8), peer->their_public,
                  peer->short_secret));
    memcpy (peer->their_short, plain, KEY);
    memcpy (peer->cookie, plain + KEY, COOKIE_SIZE);
}

/* Writes [C][nonce][box of C' and S], which the metadata follow in INITIATE. */
MAYBE_UNUSED static void
make_vouch (const struct peer *peer, uint8_t *plain, const uint8_t *for_short, const uint8_t *for_server, const uint8_t *secret)
{
    uint8_t inside[2 * KEY];
    memcpy (plain, peer->public_key, KEY);
    for (int i = 0; i < 16; i++)
        plain[KEY + i] = (uint8_t) (100 + i);
    memcpy (inside, for_short, KEY);
    memcpy (inside + KEY, for_server, KEY);
    box_seal (plain + KEY + 16, inside, sizeof inside, nonce_of ("VOUCH---", plain + KEY), peer->their_short, secret);
}

MAYBE_UNUSED static void seal_initiate (struct peer *peer, struct frame *frame, const uint8_t *plain, size_t size)
{
    frame->flags = FLAG_COMMAND;
    frame->size = 113 + size + BOX;
    memcpy (frame->body, "\10INITIATE", 9);
    memcpy (frame->body + 9, peer->cookie, COOKIE_SIZE);
    put_counter (frame->body + 105, ++peer->sent);
    box_seal (frame->body + 113, plain, size, nonce_of ("CurveZMQINITIATE", frame->body + 105), peer->their_short,
              peer->short_secret);
}

MAYBE_UNUSED static void
make_initiate (struct peer *peer, struct frame *frame, const char *metadata, size_t metadata_size)
{
    uint8_t plain[FRAME_MAX];
    size_t size = KEY + 16 + VOUCH_SIZE;
    make_vouch (peer, plain, peer->short_public, peer->their_public, peer->secret_key);
    memcpy (plain + size, metadata, metadata_size);
    seal_initiate (peer, frame, plain, size + metadata_size);
}

/* Checks all that is in it; `metadata` is what it must bring. */
MAYBE_UNUSED static void
take_initiate (struct peer *peer, struct frame *frame, const char *metadata, size_t metadata_size)
{
    uint8_t plain[FRAME_MAX], inside[2 * KEY];
    TAKE_FRAME (peer->fd, frame);
    EQUAL (frame->flags, FLAG_COMMAND);
    EQUAL (frame->size, INITIATE_SIZE + metadata_size);
    CHECK (memcmp (frame->body, "\10INITIATE", 9) == 0);
    CHECK (memcmp (frame->body + 9, peer->cookie, COOKIE_SIZE) == 0);
    peer->received = counter_at (frame->body + 105);
    OK (box_open (plain, frame->body + 113, frame->size - 113, nonce_of ("CurveZMQINITIATE", frame->body + 105),
                  peer->their_short, peer->short_secret));
    memcpy (peer->their_public, plain, KEY);
    OK (box_open (inside, plain + KEY + 16, VOUCH_SIZE, nonce_of ("VOUCH---", plain + KEY), peer->their_public,
                  peer->short_secret));
    CHECK (memcmp (inside, peer->their_short, KEY) == 0);
    CHECK (memcmp (inside + KEY, peer->public_key, KEY) == 0);
    CHECK (memcmp (plain + KEY + 16 + VOUCH_SIZE, metadata, metadata_size) == 0);
}

MAYBE_UNUSED static void
make_ready (struct peer *peer, struct frame *frame, const char *metadata, size_t metadata_size)
{
    frame->flags = FLAG_COMMAND;
    frame->size = 14 + metadata_size + BOX;
    memcpy (frame->body, "\5READY", 6);
    put_counter (frame->body + 6, ++peer->sent);
    box_seal (frame->body + 14, (const uint8_t *) metadata, metadata_size, nonce_of ("CurveZMQREADY---", frame->body + 6),
              peer->their_short, peer->short_secret);
}

MAYBE_UNUSED static void
take_ready (struct peer *peer, struct frame *frame, const char *metadata, size_t metadata_size)
{
    uint8_t plain[FRAME_MAX];
    TAKE_FRAME (peer->fd, frame);
    EQUAL (frame->flags, FLAG_COMMAND);
    EQUAL (frame->size, 14 + metadata_size + BOX);
    CHECK (memcmp (frame->body, "\5READY", 6) == 0);
    peer->received = counter_at (frame->body + 6);
    OK (box_open (plain, frame->body + 14, frame->size - 14, nonce_of ("CurveZMQREADY---", frame->body + 6),
                  peer->their_short, peer->short_secret));
    CHECK (memcmp (plain, metadata, metadata_size) == 0);
}

MAYBE_UNUSED static void
make_message (struct peer *peer, struct frame *frame, uint8_t inner_flags, const char *text, size_t size)
{
    uint8_t plain[FRAME_MAX];
    plain[0] = inner_flags;
    memcpy (plain + 1, text, size);
    frame->flags = 0;
    frame->size = 16 + 1 + size + BOX;
    memcpy (frame->body, "\7MESSAGE", 8);
    put_counter (frame->body + 8, ++peer->sent);
    box_seal (frame->body + 16, plain, 1 + size, nonce_of (peer->sends, frame->body + 8), peer->their_short,
              peer->short_secret);
}

/* A message with exactly this inside and the next counter. */
MAYBE_UNUSED static void
take_message_at (struct peer *peer, uint8_t inner_flags, const char *text, size_t size, const char *file, int line)
{
    struct frame frame;
    uint8_t plain[FRAME_MAX];
    take_frame_at (peer->fd, &frame, file, line);
    check_equal (frame.flags, 0, 0, "outer flags", file, line);
    check_equal ((long long) frame.size, (long long) (33 + size), 0, "size of the frame", file, line);
    check_true (memcmp (frame.body, "\7MESSAGE", 8) == 0, 0, "MESSAGE", file, line);
    check_equal ((long long) counter_at (frame.body + 8), (long long) peer->received + 1, 0, "counter", file, line);
    peer->received = counter_at (frame.body + 8);
    if (frame.size < 33
        || box_open (plain, frame.body + 16, frame.size - 16, nonce_of (peer->receives, frame.body + 8), peer->their_short,
                     peer->short_secret) != 0) {
        fail_at (file, line, "a box that does not open");
        longjmp (end_of_case, 1);
    }
    check_equal (plain[0], inner_flags, 0, "inner flags", file, line);
    if (frame.size == 33 + size && memcmp (plain + 1, text, size) != 0)
        fail_at (file, line, "\"%s\" came instead of \"%s\"", printable (plain + 1, size), printable (text, size));
}
#define TAKE_MESSAGE(peer, inner_flags, literal)                                                    \
    take_message_at (peer, inner_flags, literal, sizeof literal - 1, __FILE__, __LINE__)

MAYBE_UNUSED static void
say_at (struct peer *peer, uint8_t inner_flags, const char *text, size_t size, const char *file, int line)
{
    struct frame frame;
    make_message (peer, &frame, inner_flags, text, size);
    send_frame_at (peer->fd, &frame, file, line);
}
#define SAY(peer, inner_flags, literal) say_at (peer, inner_flags, literal, sizeof literal - 1, __FILE__, __LINE__)

#endif
