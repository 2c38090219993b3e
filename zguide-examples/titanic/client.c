/*  Titanic, a client: hands in requests, comes back for the replies, and closes them.

    client BROKER SERVICE NAME REQUESTS

    The service has to send back what it gets. Each request has several frames,
    an empty one and one of arbitrary bytes among them; the reply has to be equal. */

#include "../majordomo/mdp_client.h"

#define TIMEOUT 500 /* ms */
#define TRIES 60
#define POLL 20 /* ms until it is asked again whether a reply is there */

static struct mdp_client titanic;

static void fill (struct message *message, const char *name, int number)
{
    unsigned char bytes[1000];
    unsigned value = (unsigned) number * 2654435761u;
    char text[96];
    size_t i;

    for (i = 0; i < sizeof bytes; i++) {
        value = value * 1103515245u + 12345u;
        bytes[i] = (unsigned char) (value >> 16);
    }
    sprintf (text, "%.32s %d", name, number);
    message_init (message);
    message_append_text (message, text);
    message_append (message, "", 0);
    message_append (message, bytes, sizeof bytes);
}

static int same (struct message *one, int skip, struct message *other)
{
    int i;
    if (one->count - skip != other->count)
        return 0;
    for (i = 0; i < other->count; i++)
        if (!message_equals (one, i + skip, message_data (other, i), message_size (other, i)))
            return 0;
    return 1;
}

/*  Asks one of the services about an id. Returns the status, -1 when there is no answer. */
static int ask_about (const char *service, const char *id, struct message *reply)
{
    struct message request;
    char code[16];

    message_init (&request);
    message_append_text (&request, id);
    if (mdp_client_ask (&titanic, service, &request, reply, TIMEOUT, TRIES))
        return -1;
    return atoi (message_text (reply, 0, code, sizeof code));
}

int main (int argc, char **argv)
{
    const char *service = argument (argc, argv, 2, "echo");
    const char *name = argument (argc, argv, 3, "client");
    int requests = atoi (argument (argc, argv, 4, "10"));
    char (*ids)[64] = calloc ((size_t) requests + 1, sizeof *ids);
    struct message request, reply;
    void *context;
    int number, status = 1;

    stop_on_signals ();
    print_library ("client");
    context = zmq_ctx_new ();
    mdp_client_open (&titanic, context, argument (argc, argv, 1, "tcp://127.0.0.1:5555"));

    for (number = 1; number <= requests; number++) {
        fill (&request, name, number);
        message_insert (&request, 0, service, strlen (service));
        if (mdp_client_ask (&titanic, "titanic.request", &request, &reply, TIMEOUT, TRIES))
            goto end;
        if (!message_is (&reply, 0, "200") || reply.count != 2) {
            message_clear (&reply);
            printf ("client: %d was not accepted\n", number);
            goto end;
        }
        message_text (&reply, 1, ids[number], sizeof ids[number]);
        message_clear (&reply);
        printf ("client: accepted %d %s\n", number, ids[number]);
    }
    for (number = 1; number <= requests; number++) {
        int code, again;
        while ((code = ask_about ("titanic.reply", ids[number], &reply)) == 300) {
            message_clear (&reply);
            if (pause_ms (POLL) < 0)
                goto end;
        }
        if (code != 200) {
            if (code >= 0)
                message_clear (&reply);
            printf ("client: no reply to %d: %d\n", number, code);
            goto end;
        }
        fill (&request, name, number);
        printf ("client: %s reply %d\n", same (&reply, 1, &request) ? "the right" : "a wrong", number);
        message_clear (&request);
        /*  The same question has the same answer, until it is closed. */
        again = ask_about ("titanic.reply", ids[number], &request);
        printf ("client: asked again: %s\n", again == 200 && same (&reply, 0, &request) ? "the same" : "another answer");
        if (again >= 0)
            message_clear (&request);
        message_clear (&reply);
        code = ask_about ("titanic.close", ids[number], &reply);
        if (code >= 0)
            message_clear (&reply);
        again = ask_about ("titanic.reply", ids[number], &reply);
        if (again >= 0)
            message_clear (&reply);
        printf ("client: closed %d: %d, then %d\n", number, code, again);
    }
    status = 0;
end:
    free (ids);
    mdp_client_close (&titanic);
    zmq_ctx_term (context);
    return status;
}
