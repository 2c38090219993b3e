/* GSSAPI where the reference does it in another way: verdicts of ZAP that count, subscriptions that arrive, waiting that nobody else notices. */
#define ZMQ_BUILD_DRAFT_API
#include "../check.h"
#include "../raw.h"
#include "../events.h"
#include "peer.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>

#define SERVICE "zmq@localhost"

static void *open_server (int type)
{
    void *socket = OPEN (type);
    SET (socket, ZMQ_GSSAPI_SERVER, 1);
    return socket;
}

static void *open_client (int type)
{
    void *socket = OPEN (type);
    OK (zmq_setsockopt (socket, ZMQ_GSSAPI_SERVICE_PRINCIPAL, SERVICE, strlen (SERVICE)));
    SET (socket, ZMQ_RECONNECT_IVL, 30);
    return socket;
}

/* A path in the folder of the test. */
static const char *in_folder (const char *form, const char *file)
{
    static char text[300];
    snprintf (text, sizeof text, "%s%s/%s", form, getenv ("GSSAPI_FOLDER"), file);
    return text;
}

/* ---- ZAP ------------------------------------------------------------------------------------- */

static void answer (void *handler, const char *status)
{
    CHECK (await (handler, ZMQ_POLLIN, ARRIVES_MS));
    discard (handler, ARRIVES_MS);
    const char *const frames[] = {"1.0", "1", status, "", "", ""};
    for (int i = 0; i < 6; i++)
        send_at (handler, frames[i], strlen (frames[i]), i < 5 ? ZMQ_SNDMORE : 0, __FILE__, __LINE__);
}

static void who_is_denied_stays_outside (void)
{
    static const char *const verdicts[] = {"300", "400", "500"};
    void *handler = OPEN (ZMQ_REP);
    OK (zmq_bind (handler, "inproc://zeromq.zap.01"));
    for (int i = 0; i < 6; i++) {
        const char *verdict = verdicts[i / 2];
        int tells = i >= 2;
        void *server = open_server (ZMQ_DEALER), *client = open_client (ZMQ_DEALER);
        SET (server, ZMQ_GSSAPI_PLAINTEXT, i % 2);
        SET (client, ZMQ_GSSAPI_PLAINTEXT, i % 2);
        int watched = ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_CONNECT_RETRIED;
        void *at_server = watch (server, watched), *at_client = watch (client, watched);
        OK (zmq_connect (client, BIND (server, "tcp")));
        zmq_send (client, "secret", 6, ZMQ_DONTWAIT);
        answer (handler, verdict);
        EVENT (at_server, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, NULL);
        EQUAL (value, (uint32_t) atoi (verdict));
        if (tells) {
            EVENT (at_client, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, NULL);
            EQUAL (value, (uint32_t) atoi (verdict));
        }
        NO_EVENT (at_client);
        NO_EVENT (at_server);
        QUIET (server);
        CLOSE (client);
        CLOSE (server);
    }
}

static void nobody_judges_though_somebody_must (void)
{
    void *server = open_server (ZMQ_DEALER), *client = open_client (ZMQ_DEALER);
    SET (server, ZMQ_ZAP_ENFORCE_DOMAIN, 1);
    OK (zmq_setsockopt (server, ZMQ_ZAP_DOMAIN, "domain", 6));
    void *events = watch (server, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    OK (zmq_connect (client, BIND (server, "tcp")));
    EVENT (events, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, NULL);
    EQUAL (value, EFAULT);
    zmq_send (client, "secret", 6, ZMQ_DONTWAIT);
    QUIET (server);
}

/* ---- subscriptions ---------------------------------------------------------------------------- */

static void subscriptions_arrive (void)
{
    void *xpub = open_server (ZMQ_XPUB), *sub = open_client (ZMQ_SUB);
    OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "topic", 5));
    OK (zmq_connect (sub, BIND (xpub, "tcp")));
    RECV (xpub, "\1topic");
    SEND (xpub, "other news");
    SEND (xpub, "topic and news");
    RECV (sub, "topic and news");
    OK (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, "topic", 5));
    RECV_BYTES (xpub, "\0topic", 6, 0);
}

/* A raw client up to and including READY of both sides. */
static void join_server (struct peer *peer, const char *endpoint, const char *own, size_t own_size, const char *ready, size_t ready_size)
{
    struct frame frame;
    int fd = RAW_CONNECT (endpoint);
    RAW_SEND (fd, GREETING_GSSAPI);
    RAW_EXPECT (fd, GREETING_GSSAPI);
    make_initiate (peer, fd, SERVICE, &frame);
    SEND_FRAME (fd, &frame);
    take_answer (peer, &frame);
    RAW_SEND (fd, "\4\0");
    hear_at (peer, FLAG_COMMAND, 0, ready, ready_size, __FILE__, __LINE__);
    say_at (peer, FLAG_COMMAND, 0, own, own_size, __FILE__, __LINE__);
}
#define JOIN_SERVER(peer, endpoint, own, ready)                                                     \
    join_server (peer, endpoint, own, sizeof own - 1, ready, sizeof ready - 1)

static void subscriptions_in_every_form (void)
{
    struct peer peer;
    void *xpub = open_server (ZMQ_XPUB);
    SET (xpub, ZMQ_XPUB_VERBOSER, 1);
    JOIN_SERVER (&peer, BIND (xpub, "tcp"), READY_OF ("SUB", "\3"), READY_OF ("XPUB", "\4"));
    SAY (&peer, INNER_SUBSCRIBE, "flag");
    RECV (xpub, "\1flag");
    SAY (&peer, INNER_COMMAND, "\11SUBSCRIBEcommand");
    RECV (xpub, "\1command");
    SAY (&peer, 0, "\1message");
    RECV (xpub, "\1message");
    SAY (&peer, INNER_CANCEL, "flag");
    RECV_BYTES (xpub, "\0flag", 5, 0);
    SEND (xpub, "flag");
    SEND (xpub, "message");
    HEAR (&peer, 0, "message");
    close (peer.fd);
    /* To those who do not publish it means nothing. */
    void *pull = open_server (ZMQ_PULL);
    JOIN_SERVER (&peer, BIND (pull, "tcp"), READY_OF ("PUSH", "\4"), READY_OF ("PULL", "\4"));
    SAY (&peer, INNER_SUBSCRIBE, "flag");
    SAY (&peer, INNER_CANCEL, "flag");
    SAY (&peer, 0x50, "unknown");
    SAY (&peer, 0, "right");
    RECV (pull, "right");
    close (peer.fd);
}

/* ---- what a peer may say ---------------------------------------------------------------------- */

static void an_error_counts_when_it_is_wrapped (void)
{
    for (int wrapped = 0; wrapped < 2; wrapped++) {
        char endpoint[100];
        struct peer peer;
        struct frame frame;
        void *client = open_client (ZMQ_DEALER);
        void *events = watch (client, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
        int listener = raw_listen (endpoint);
        OK (zmq_connect (client, endpoint));
        int fd = RAW_ACCEPT (listener);
        RAW_SEND (fd, GREETING_GSSAPI);
        RAW_EXPECT (fd, GREETING_GSSAPI);
        answer_initiate (&peer, fd, &frame);
        SEND_FRAME (fd, &frame);
        RAW_EXPECT (fd, "\4\0");
        if (wrapped)
            SAY_READY (&peer, "\5ERROR\003400");
        else
            RAW_SEND (fd, "\4\12\5ERROR\003400");
        EVENT (events, wrapped ? ZMQ_EVENT_HANDSHAKE_FAILED_AUTH : ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, NULL);
        EQUAL (value, wrapped ? 400 : ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND);
        RAW_CLOSED (fd);
        close (fd);
        close (listener);
    }
}

/* Signed is not enough. */
static void what_is_not_encrypted_is_refused (void)
{
    struct peer peer;
    struct frame frame;
    uint32_t minor;
    int encrypted = 0;
    uint8_t plain[] = "\0readable";
    gss_buffer in = {sizeof plain - 1, plain}, out = {0, NULL};
    void *pull = open_server (ZMQ_PULL);
    void *events = watch (pull, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
    JOIN_SERVER (&peer, BIND (pull, "tcp"), READY_OF ("PUSH", "\4"), READY_OF ("PULL", "\4"));
    OK ((int) gss_wrap (&minor, peer.context, 0, 0, &in, &encrypted, &out));
    EQUAL (encrypted, 0);
    make_sized (&frame, 0, MESSAGE_NAME, 8, out.value, out.length);
    SEND_FRAME (peer.fd, &frame);
    EVENT (events, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, NULL);
    EQUAL (value, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC);
    RAW_CLOSED (peer.fd);
    QUIET (pull);
    close (peer.fd);
}

/* A client whose token is for somebody else is told, and then left alone until its time is up. */
static void a_token_that_is_refused (void)
{
    struct peer peer;
    struct frame frame;
    void *server = open_server (ZMQ_DEALER);
    SET (server, ZMQ_HANDSHAKE_IVL, 500);
    OK (zmq_setsockopt (server, ZMQ_GSSAPI_PRINCIPAL, "other@localhost", 15));
    void *events = watch (server, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
    int fd = RAW_CONNECT (BIND (server, "tcp"));
    RAW_SEND (fd, GREETING_GSSAPI);
    RAW_EXPECT (fd, GREETING_GSSAPI);
    make_initiate (&peer, fd, SERVICE, &frame);
    SEND_FRAME (fd, &frame);
    TAKE_FRAME (fd, &frame);
    gss_buffer token = sized_at (&frame, FLAG_COMMAND, INITIATE_NAME, __FILE__, __LINE__);
    CHECK (token.length > 0);
    RAW_SEND (fd, "\4\0");
    EVENT (events, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, NULL);
    RAW_CLOSED (fd);
    close (fd);
}

/* ---- who needs what --------------------------------------------------------------------------- */

/* A server needs its key and no ticket, a client its ticket and no key. */
static void each_role_needs_its_own (void)
{
    setenv ("KRB5_KTNAME", in_folder ("FILE:", "servers.keytab"), 1);
    setenv ("KRB5_CLIENT_KTNAME", in_folder ("FILE:", "no-such-file"), 1);
    void *server = open_server (ZMQ_DEALER), *client = open_client (ZMQ_DEALER);
    OK (zmq_setsockopt (server, ZMQ_GSSAPI_PRINCIPAL, SERVICE, strlen (SERVICE)));
    OK (zmq_setsockopt (client, ZMQ_GSSAPI_PRINCIPAL, "client", 6));
    SET (client, ZMQ_GSSAPI_PRINCIPAL_NAMETYPE, ZMQ_GSSAPI_NT_USER_NAME);
    OK (zmq_connect (client, BIND (server, "tcp")));
    SEND (client, "hello");
    RECV (server, "hello");
}

/* ---- waiting ---------------------------------------------------------------------------------- */

/* A key distribution centre that takes requests and says nothing: where they come in. */
static int silent_centre (void)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int silent, listening;
    /* A port that both protocols have free. */
    for (;;) {
        memset (&address, 0, sizeof address);
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
        silent = socket (AF_INET, SOCK_DGRAM, 0);
        listening = socket (AF_INET, SOCK_STREAM, 0);
        OK (bind (listening, (struct sockaddr *) &address, size));
        OK (getsockname (listening, (struct sockaddr *) &address, &size));
        if (bind (silent, (struct sockaddr *) &address, size) == 0)
            break;
        close (silent);
        close (listening);
    }
    OK (listen (listening, 10));
    setenv ("KRB5_CONFIG", in_folder ("", "silent"), 1);
    FILE *config = fopen (in_folder ("", "silent"), "w");
    REQUIRE (config != NULL);
    fprintf (config,
             "[libdefaults]\ndefault_realm = ZMQ.TEST\ndns_lookup_kdc = false\nrdns = false\ndns_canonicalize_hostname = false\n"
             "[realms]\nZMQ.TEST = {\nkdc = 127.0.0.1:%d\n}\n[domain_realm]\nlocalhost = ZMQ.TEST\n",
             ntohs (address.sin_port));
    fclose (config);
    return silent; /* `listening` stays open, and nobody accepts */
}

static void a_silent_centre_holds_up_nobody_else (void)
{
    int silent = silent_centre ();
    /* One I/O thread for all. The ticket that is wanted cannot be there yet. */
    void *server = open_server (ZMQ_DEALER), *waiting = open_client (ZMQ_DEALER);
    OK (zmq_setsockopt (waiting, ZMQ_GSSAPI_SERVICE_PRINCIPAL, "nobody@localhost", 16));
    void *one = OPEN (ZMQ_PAIR), *two = OPEN (ZMQ_PAIR);
    OK (zmq_connect (waiting, BIND (server, "tcp")));
    /* It asks. */
    CHECK (raw_readable (silent, ARRIVES_MS));
    long long start = now_ms ();
    OK (zmq_connect (one, BIND (two, "tcp")));
    for (int i = 0; i < 100; i++) {
        SEND (one, "question");
        RECV (two, "question");
        SEND (two, "answer");
        RECV (one, "answer");
    }
    /* Nor does it keep anybody from leaving. */
    CLOSE (waiting);
    CLOSE (server);
    CLOSE (one);
    CLOSE (two);
    end_context ();
    CHECK (now_ms () - start < 4000);
    close (silent);
}

/* Threads of this process that have this name. */
static int threads_named (const char *name)
{
    int found = 0;
    DIR *tasks = opendir ("/proc/self/task");
    REQUIRE (tasks != NULL);
    for (struct dirent *task; (task = readdir (tasks));) {
        char path[300], text[40] = "";
        snprintf (path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
        FILE *file = fopen (path, "r");
        if (file && fgets (text, sizeof text, file))
            found += strncmp (text, name, strlen (name)) == 0;
        if (file)
            fclose (file);
    }
    closedir (tasks);
    return found;
}

/* The time for a handshake is over as ever, and attempts that wait do not pile up. */
static void attempts_go_on_while_a_centre_is_silent (void)
{
    int silent = silent_centre ();
    void *server = open_server (ZMQ_DEALER), *waiting = open_client (ZMQ_DEALER);
    OK (zmq_setsockopt (waiting, ZMQ_GSSAPI_SERVICE_PRINCIPAL, "nobody@localhost", 16));
    SET (waiting, ZMQ_HANDSHAKE_IVL, 50);
    SET (waiting, ZMQ_RECONNECT_IVL, 1);
    void *events = watch (waiting, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    OK (zmq_connect (waiting, BIND (server, "tcp")));
    CHECK (raw_readable (silent, ARRIVES_MS));
    int most = 0;
    for (int i = 0; i < 12; i++) {
        EVENT (events, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, NULL);
        int now = threads_named ("ZMQbg/Initiate");
        most = now > most ? now : most;
    }
    CHECK (most >= 1 && most <= 4);
    close (silent);
}

/* Strangers with tokens of their own making cost themselves a connection each, and nobody else anything. */
static void strangers_and_a_good_client (void)
{
    enum
    {
        STRANGERS = 200
    };
    static int fds[STRANGERS];
    void *server = open_server (ZMQ_DEALER), *client = open_client (ZMQ_DEALER);
    SET (server, ZMQ_BACKLOG, STRANGERS);
    const char *endpoint = BIND (server, "tcp");
    for (int i = 0; i < STRANGERS; i++) {
        fds[i] = RAW_CONNECT (endpoint);
        RAW_SEND (fds[i], GREETING_GSSAPI "\4\27\10INITIATE\0\0\0\12`abcdefghi");
    }
    OK (zmq_connect (client, endpoint));
    SEND (client, "hello");
    RECV (server, "hello");
    for (int i = 0; i < STRANGERS; i++)
        close (fds[i]);
    SEND (client, "hello again");
    RECV (server, "hello again");
}

RUN_CASES (CASE (who_is_denied_stays_outside), CASE (nobody_judges_though_somebody_must), CASE (subscriptions_arrive),
           CASE (subscriptions_in_every_form), CASE (an_error_counts_when_it_is_wrapped), CASE (what_is_not_encrypted_is_refused),
           CASE (a_token_that_is_refused), CASE (each_role_needs_its_own), CASE (a_silent_centre_holds_up_nobody_else),
           CASE (attempts_go_on_while_a_centre_is_silent),
           CASE (strangers_and_a_good_client))
