/*  A peer that talks nonsense: half of a protocol, too many parts, ids of nobody, noise.

    garbage dealer|req|push|pub ENDPOINT MESSAGES SEED */

#include "example.h"

static unsigned state;

static unsigned roll (unsigned sides)
{
    state = state * 1103515245u + 12345u;
    return (state >> 16) % sides;
}

/*  What the protocols of these examples are made of. */
static const char *const words[] = {
    "", "", "", "MDPC01", "MDPW01", "\001", "\002", "\003", "\004", "\005", "echo", "mmi.service", "mmi.", "titanic.request",
    "titanic.reply", "titanic.close", "READY", "PING", "PONG", "ICANHAZ?", "KTHXBAI", "HUGZ", "12345678", "ttl=1\n", "ttl=",
    "/t/", "local", "cloud", "3 1 1", "-1", "../../x", "0123456789ABCDEF0123456789ABCDEF",
};

/*  Beginnings after which a receiver looks at the rest. */
static const char *const beginnings[][4] = {
    {"", "MDPC01", "echo", NULL},        {"", "MDPC01", "mmi.service", NULL}, {"", "MDPC01", "titanic.request", NULL},
    {"", "MDPC01", "titanic.reply", NULL}, {"", "MDPC01", "titanic.close", NULL}, {"", "MDPW01", "\001", NULL},
    {"", "MDPW01", "\003", NULL},        {"", "MDPW01", "\004", NULL},        {"ICANHAZ?", NULL},
    {"", NULL},                          {"\001", NULL},                      {NULL},
};

static void add (struct message *message, const char *word)
{
    message_append_text (message, word);
}

int main (int argc, char **argv)
{
    static const struct { const char *name; int type; } types[] = {
        {"dealer", ZMQ_DEALER}, {"req", ZMQ_REQ}, {"push", ZMQ_PUSH}, {"pub", ZMQ_XPUB}};
    const char *type = argument (argc, argv, 1, "dealer");
    int messages = atoi (argument (argc, argv, 3, "1000")), i, j;
    void *context, *socket = NULL;

    stop_on_signals ();
    print_library ("garbage");
    state = (unsigned) atoi (argument (argc, argv, 4, "1"));
    context = zmq_ctx_new ();
    for (i = 0; i < 4; i++)
        if (!strcmp (type, types[i].name))
            socket = open_socket (context, types[i].type);
    if (!socket)
        return 2;
    if (!strcmp (type, "req"))
        set_option (socket, ZMQ_REQ_RELAXED, 1);
    check (zmq_connect (socket, argument (argc, argv, 2, "tcp://127.0.0.1:5555")) == 0, "zmq_connect");
    if (!strcmp (type, "pub")) {
        struct message subscription;
        check (wait_readable (socket, -1) == 1, "interrupted");
        message_receive (&subscription, socket);
        message_clear (&subscription);
    }
    for (i = 0; i < messages; i++) {
        const char *const *beginning = beginnings[roll (sizeof beginnings / sizeof beginnings[0])];
        int parts = (int) roll (roll (10) ? 6 : 20);
        struct message message;

        message_init (&message);
        while (*beginning)
            add (&message, *beginning++);
        for (j = 0; j < parts || message.count == 0; j++)
            if (roll (5))
                add (&message, words[roll (sizeof words / sizeof words[0])]);
            else {
                unsigned char noise[300];
                size_t size = roll (sizeof noise), k;
                for (k = 0; k < size; k++)
                    noise[k] = (unsigned char) roll (256);
                message_append (&message, noise, size);
            }
        if (wait_writable (socket, clock_ms () + 10000) == 1)
            message_send (&message, socket);
        message_clear (&message);
        /*  What comes back is not of interest. */
        while (strcmp (type, "push") && strcmp (type, "req") && message_receive (&message, socket) == 0)
            message_clear (&message);
    }
    printf ("garbage: sent %d messages\n", messages);
    zmq_close (socket);
    zmq_ctx_term (context);
    return 0;
}
