/*  Majordomo, service discovery: asks the broker who is there, through the Majordomo
    Management Interface, https://rfc.zeromq.org/spec/8/

    lookup BROKER SERVICE... */

#include "mdp_client.h"

static void ask (struct mdp_client *client, const char *service, const char *about)
{
    struct message request, reply;
    char code[16];

    message_init (&request);
    message_append_text (&request, about);
    if (mdp_client_ask (client, service, &request, &reply, 2500, 3)) {
        printf ("lookup: no reply\n");
        return;
    }
    printf ("lookup: %s %s: %s\n", service, about, message_text (&reply, 0, code, sizeof code));
    message_clear (&reply);
}

int main (int argc, char **argv)
{
    struct mdp_client client;
    void *context;
    int i;

    stop_on_signals ();
    print_library ("lookup");
    context = zmq_ctx_new ();
    mdp_client_open (&client, context, argument (argc, argv, 1, "tcp://127.0.0.1:5555"));
    for (i = 2; i < argc; i++)
        ask (&client, "mmi.service", argv[i]);
    ask (&client, "mmi.weather", "tomorrow");
    mdp_client_close (&client);
    zmq_ctx_term (context);
    return 0;
}
