/* Either end of a GSSAPI connection, frame by frame, for peers that break its rules. Include after check.h and raw.h.
 *
 * The tokens are the work of the system's library, which is there wherever the reference is; it is loaded at run time, so that the programs need
 * neither its header nor another option for the linker. */
#ifndef CAPI_GSSAPI_PEER_H
#define CAPI_GSSAPI_PEER_H

#include <dlfcn.h>

#define MECHANISM_GSSAPI "GSSAPI\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define GREETING_GSSAPI SIGNATURE "\3\1" MECHANISM_GSSAPI FILLER

enum
{
    FRAME_MAX = 4000,
    FLAG_COMMAND = 4, /* of frames */
    INNER_MORE = 1,   /* inside of MESSAGE */
    INNER_COMMAND = 2,
    INNER_SUBSCRIBE = 4,
    INNER_CANCEL = 8,
    WANTED = 2 + 4 + 8 /* mutual authentication, no replays, in sequence */
};

/* ---- the library (RFC 2744) ------------------------------------------------------------------ */

typedef struct
{
    size_t length;
    void *value;
} gss_buffer;

typedef struct
{
    uint32_t length;
    const void *elements;
} gss_oid;

static uint32_t (*gss_import) (uint32_t *, const gss_buffer *, const gss_oid *, void **);
static uint32_t (*gss_initiate) (uint32_t *, void *, void **, void *, const gss_oid *, uint32_t, uint32_t, void *,
                                 const gss_buffer *, gss_oid **, gss_buffer *, uint32_t *, uint32_t *);
static uint32_t (*gss_accept) (uint32_t *, void **, void *, const gss_buffer *, void *, void **, gss_oid **, gss_buffer *,
                               uint32_t *, uint32_t *, void **);
static uint32_t (*gss_wrap) (uint32_t *, void *, int, uint32_t, const gss_buffer *, int *, gss_buffer *);
static uint32_t (*gss_unwrap) (uint32_t *, void *, const gss_buffer *, gss_buffer *, int *, uint32_t *);

static void load_gssapi (void)
{
    void *library = dlopen ("libgssapi_krb5.so.2", RTLD_NOW | RTLD_LOCAL);
    REQUIRE (library != NULL);
    *(void **) &gss_import = dlsym (library, "gss_import_name");
    *(void **) &gss_initiate = dlsym (library, "gss_init_sec_context");
    *(void **) &gss_accept = dlsym (library, "gss_accept_sec_context");
    *(void **) &gss_wrap = dlsym (library, "gss_wrap");
    *(void **) &gss_unwrap = dlsym (library, "gss_unwrap");
    REQUIRE (gss_import && gss_initiate && gss_accept && gss_wrap && gss_unwrap);
}

/* ---- frames ---------------------------------------------------------------------------------- */

struct frame
{
    uint8_t flags;
    size_t size;
    uint8_t body[FRAME_MAX];
};

static void send_frame_at (int fd, const struct frame *frame, const char *file, int line)
{
    uint8_t bytes[9 + FRAME_MAX] = {frame->flags};
    size_t head = frame->size > 255 ? 9 : 2;
    if (head == 9) {
        bytes[0] |= 2;
        bytes[7] = (uint8_t) (frame->size >> 8);
        bytes[8] = (uint8_t) frame->size;
    } else
        bytes[1] = (uint8_t) frame->size;
    memcpy (bytes + head, frame->body, frame->size);
    raw_send_at (fd, (const char *) bytes, head + frame->size, file, line);
}
#define SEND_FRAME(fd, frame) send_frame_at (fd, frame, __FILE__, __LINE__)

static void read_all_at (int fd, uint8_t *data, size_t size, const char *file, int line)
{
    for (size_t got = 0; got < size;) {
        ssize_t n = raw_readable (fd, ARRIVES_MS) ? read (fd, data + got, size - got) : 0;
        if (n <= 0) {
            fail_at (file, line, "%zu of %zu bytes came", got, size);
            longjmp (end_of_case, 1);
        }
        got += (size_t) n;
    }
}

/* The next frame; its flags come without the one for long frames. */
static void take_frame_at (int fd, struct frame *frame, const char *file, int line)
{
    uint8_t head[8];
    read_all_at (fd, &frame->flags, 1, file, line);
    read_all_at (fd, head, frame->flags & 2 ? 8 : 1, file, line);
    frame->size = frame->flags & 2 ? (size_t) head[6] << 8 | head[7] : head[0];
    frame->flags &= (uint8_t) ~2;
    if (frame->size > FRAME_MAX) {
        fail_at (file, line, "a frame of %zu bytes", frame->size);
        longjmp (end_of_case, 1);
    }
    read_all_at (fd, frame->body, frame->size, file, line);
}
#define TAKE_FRAME(fd, frame) take_frame_at (fd, frame, __FILE__, __LINE__)

/* A command that is a name of `name_size` bytes, four bytes of length, and data. */
static void make_sized (struct frame *frame, uint8_t flags, const char *name, size_t name_size, const void *data, size_t size)
{
    frame->flags = flags;
    frame->size = name_size + 4 + size;
    memcpy (frame->body, name, name_size);
    for (int i = 0; i < 4; i++)
        frame->body[name_size + (size_t) i] = (uint8_t) (size >> (24 - 8 * i));
    if (size)
        memcpy (frame->body + name_size + 4, data, size);
}
#define INITIATE_NAME "\10INITIATE"
#define MESSAGE_NAME "\7MESSAGE"

/* Checks that a frame is such a command, and gives its data. */
static gss_buffer sized_at (struct frame *frame, uint8_t flags, const char *name, const char *file, int line)
{
    size_t head = strlen (name) + 4, size = 0;
    gss_buffer data = {0, frame->body + head};
    check_equal (frame->flags, flags, 0, "flags of the frame", file, line);
    if (frame->size < head || memcmp (frame->body, name, head - 4) != 0) {
        fail_at (file, line, "\"%s\" came instead of %s", printable (frame->body, frame->size < 20 ? frame->size : 20), name + 1);
        longjmp (end_of_case, 1);
    }
    for (size_t i = head - 4; i < head; i++)
        size = size << 8 | frame->body[i];
    check_equal ((long long) size, (long long) (frame->size - head), 0, "length in the command", file, line);
    data.length = frame->size - head;
    return data;
}

/* ---- one end of a connection ------------------------------------------------------------------ */

struct peer
{
    int fd;
    void *target, *context;
};

/* The client's first token, as INITIATE. */
static void make_initiate (struct peer *peer, int fd, const char *service, struct frame *frame)
{
    static const gss_oid host_based = {10, "\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04"};
    gss_buffer name = {strlen (service), (void *) (uintptr_t) service}, token = {0, NULL};
    uint32_t minor, flags;
    load_gssapi ();
    memset (peer, 0, sizeof *peer);
    peer->fd = fd;
    OK ((int) gss_import (&minor, &name, &host_based, &peer->target));
    EQUAL (gss_initiate (&minor, NULL, &peer->context, peer->target, NULL, WANTED, 0, NULL, NULL, NULL, &token, &flags, NULL), 1);
    make_sized (frame, FLAG_COMMAND, INITIATE_NAME, 9, token.value, token.length);
}

/* Client: takes the server's token, which completes the context. */
static void take_answer (struct peer *peer, struct frame *frame)
{
    uint32_t minor, flags;
    gss_buffer out = {0, NULL};
    TAKE_FRAME (peer->fd, frame);
    gss_buffer token = sized_at (frame, FLAG_COMMAND, INITIATE_NAME, __FILE__, __LINE__);
    EQUAL (gss_initiate (&minor, NULL, &peer->context, peer->target, NULL, WANTED, 0, NULL, &token, NULL, &out, &flags, NULL), 0);
    EQUAL (out.length, 0);
}

/* Server: takes the client's token and makes its own, as INITIATE. */
static void answer_initiate (struct peer *peer, int fd, struct frame *frame)
{
    uint32_t minor, flags;
    void *who = NULL;
    gss_buffer out = {0, NULL};
    load_gssapi ();
    memset (peer, 0, sizeof *peer);
    peer->fd = fd;
    TAKE_FRAME (fd, frame);
    gss_buffer token = sized_at (frame, FLAG_COMMAND, INITIATE_NAME, __FILE__, __LINE__);
    EQUAL (gss_accept (&minor, &peer->context, NULL, &token, NULL, &who, NULL, &out, &flags, NULL, NULL), 0);
    /* At least mutual authentication and no replays. */
    EQUAL (flags & 6, 6);
    make_sized (frame, FLAG_COMMAND, INITIATE_NAME, 9, out.value, out.length);
}

static void make_message (struct peer *peer, struct frame *frame, uint8_t flags, uint8_t inner, const char *text, size_t size)
{
    uint32_t minor;
    int encrypted = 0;
    uint8_t plain[FRAME_MAX];
    gss_buffer in = {1 + size, plain}, out = {0, NULL};
    plain[0] = inner;
    memcpy (plain + 1, text, size);
    OK ((int) gss_wrap (&minor, peer->context, 1, 0, &in, &encrypted, &out));
    EQUAL (encrypted, 1);
    make_sized (frame, flags, MESSAGE_NAME, 8, out.value, out.length);
}

static void say_at (struct peer *peer, uint8_t flags, uint8_t inner, const char *text, size_t size, const char *file, int line)
{
    struct frame frame;
    make_message (peer, &frame, flags, inner, text, size);
    send_frame_at (peer->fd, &frame, file, line);
}
#define SAY(peer, inner, literal) say_at (peer, 0, inner, literal, sizeof literal - 1, __FILE__, __LINE__)
#define SAY_READY(peer, literal) say_at (peer, FLAG_COMMAND, 0, literal, sizeof literal - 1, __FILE__, __LINE__)

/* A wrapped frame with exactly this inside. */
static void
hear_at (struct peer *peer, uint8_t flags, uint8_t inner, const char *text, size_t size, const char *file, int line)
{
    struct frame frame;
    uint32_t minor;
    int encrypted = 0;
    gss_buffer out = {0, NULL};
    take_frame_at (peer->fd, &frame, file, line);
    gss_buffer token = sized_at (&frame, flags, MESSAGE_NAME, file, line);
    check_equal (gss_unwrap (&minor, peer->context, &token, &out, &encrypted, NULL), 0, 0, "gss_unwrap", file, line);
    check_equal (encrypted, 1, 0, "encrypted", file, line);
    const uint8_t *plain = out.value;
    if (out.length != 1 + size || plain[0] != inner || memcmp (plain + 1, text, size) != 0)
        fail_at (file, line, "\"%s\" came, not %d and \"%s\"", out.length ? printable (plain, out.length) : "", inner,
                 printable (text, size));
}
#define HEAR(peer, inner, literal) hear_at (peer, 0, inner, literal, sizeof literal - 1, __FILE__, __LINE__)
#define HEAR_READY(peer, literal) hear_at (peer, FLAG_COMMAND, 0, literal, sizeof literal - 1, __FILE__, __LINE__)

/* Metadata of a READY. */
#define TYPE(literal, size) "\13Socket-Type\0\0\0" size literal
#define READY_OF(type, size) "\5READY" TYPE (type, size)

#endif
