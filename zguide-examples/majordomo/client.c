/*  Majordomo, the synchronous client: one request at a time, tried again after a timeout.

    client BROKER SERVICE NAME REQUESTS TIMEOUT-MS TRIES */

#include "mdp_client.h"

int main (int argc, char **argv)
{
    const char *service = argument (argc, argv, 2, "echo");
    const char *name = argument (argc, argv, 3, "client");
    int requests = atoi (argument (argc, argv, 4, "100"));
    int timeout = atoi (argument (argc, argv, 5, "2500"));
    int tries = atoi (argument (argc, argv, 6, "3"));
    int number, status = 0;
    struct mdp_client client;
    void *context;

    stop_on_signals ();
    print_library ("client");
    context = zmq_ctx_new ();
    mdp_client_open (&client, context, argument (argc, argv, 1, "tcp://127.0.0.1:5555"));
    for (number = 1; number <= requests && !status; number++) {
        struct message request, reply;
        char asked[96], text[96];

        sprintf (asked, "%.32s %d", name, number);
        message_init (&request);
        message_append_text (&request, asked);
        if (mdp_client_ask (&client, service, &request, &reply, timeout, tries)) {
            printf ("client: gives up at %d\n", number);
            status = 1;
        } else {
            message_text (&reply, 0, text, sizeof text);
            printf (strcmp (text, asked) ? "client: strange reply to %d: %s\n" : "client: reply %d: %s\n", number, text);
            message_clear (&reply);
        }
    }
    printf ("client: %d requests asked again\n", client.again);
    mdp_client_close (&client);
    zmq_ctx_term (context);
    return status;
}
