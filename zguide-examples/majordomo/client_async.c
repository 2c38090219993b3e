/*  Majordomo, the asynchronous client: many requests under way at a time.

    client_async BROKER SERVICE NAME REQUESTS TIMEOUT-MS

    The protocol carries no number, so the request does. When nothing has come for that
    long the broker may have died with everything it had: what is
    unanswered is asked again, on a new socket. */

#include "mdp_client.h"

#define WINDOW 32

int main (int argc, char **argv)
{
    const char *service = argument (argc, argv, 2, "echo");
    const char *name = argument (argc, argv, 3, "client");
    int requests = atoi (argument (argc, argv, 4, "100"));
    int timeout = atoi (argument (argc, argv, 5, "2500"));
    int sent = 0, answered = 0, duplicates = 0, again = 0, number;
    char *done = calloc ((size_t) requests + 1, 1);
    struct mdp_client client;
    struct message message;
    void *context;
    char text[96];

    stop_on_signals ();
    print_library ("client_async");
    context = zmq_ctx_new ();
    mdp_client_open (&client, context, argument (argc, argv, 1, "tcp://127.0.0.1:5555"));

    while (answered < requests) {
        int ready;
        while (sent < requests && sent - answered < WINDOW) {
            sprintf (text, "%.32s %d", name, ++sent);
            message_init (&message);
            message_append_text (&message, text);
            mdp_client_send (&client, service, &message);
        }
        ready = wait_readable (client.socket, clock_ms () + timeout);
        if (ready < 0)
            break;
        if (ready == 0) {
            mdp_client_connect (&client);
            for (number = 1; number <= sent; number++)
                if (!done[number]) {
                    sprintf (text, "%.32s %d", name, number);
                    message_init (&message);
                    message_append_text (&message, text);
                    mdp_client_send (&client, service, &message);
                    again++;
                }
            printf ("client_async: nothing comes, asks again\n");
        } else if (mdp_client_receive (&client, &message) == 0) {
            message_text (&message, 0, text, sizeof text);
            if (strncmp (text, name, strlen (name)) || sscanf (text + strlen (name), "%d", &number) != 1 || number < 1
                || number > sent)
                printf ("client_async: strange reply: %s\n", text);
            else if (done[number])
                duplicates++;
            else {
                done[number] = 1;
                answered++;
                printf ("client_async: reply %d: %s\n", number, text);
            }
            message_clear (&message);
        }
    }
    printf ("client_async: %d requests, %d replies, %d duplicates, %d asked again\n", sent, answered, duplicates, again);
    free (done);
    mdp_client_close (&client);
    zmq_ctx_term (context);
    return 0;
}
