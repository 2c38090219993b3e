#define _GNU_SOURCE
#include "security.h"

#include <pthread.h>
#include <string.h>

#define NAME "a user of 24 characters."
#define PASSWORD "secret \xff\x01 bytes"
#define DOMAIN "interop"
/* Of the realm that capi-tests/gssapi/kdc.sh makes. */
#define PRINCIPAL "client@ZMQ.TEST"
#define SERVICE "zmq@localhost"

static const char SERVER_SECRET[] = "interop.server.key.0123456789.abcdefghij";
static const char CLIENT_SECRET[] = "interop.client.key.9876543210.jihgfedcba";

/* The handler, in a thread of its own. */
static struct {
    void *socket;
    pthread_t thread;
    const char *mechanism;
    unsigned char client_key[32];
    int judged;
} handler;

static void set(void *socket, int option, const void *value, size_t size)
{
    if (zmq_setsockopt(socket, option, value, size) != 0)
        fail("option %d: %s", option, zmq_strerror(zmq_errno()));
}

static size_t frame(char *buffer, size_t space)
{
    int size = zmq_recv(handler.socket, buffer, space, 0);
    if (size < 0)
        return (size_t)-1;
    if ((size_t)size > space)
        fail("ZAP: a frame of %d bytes", size);
    return (size_t)size;
}

static void expect(const char *what, const void *value, size_t size)
{
    char buffer[256];
    if (frame(buffer, sizeof buffer) != size || memcmp(buffer, value, size) != 0)
        fail("ZAP: wrong %s", what);
}

/* Judges until its context ends. */
static void *judge(void *unused)
{
    char buffer[256];
    (void)unused;
    while (frame(buffer, sizeof buffer) == 3) {
        if (memcmp(buffer, "1.0", 3) != 0)
            fail("ZAP: wrong version");
        expect("request id", "1", 1);
        expect("domain", DOMAIN, strlen(DOMAIN));
        frame(buffer, sizeof buffer); /* address */
        frame(buffer, sizeof buffer); /* routing id */
        expect("mechanism", handler.mechanism, strlen(handler.mechanism));
        if (strcmp(handler.mechanism, "GSSAPI") == 0) {
            expect("principal", PRINCIPAL, strlen(PRINCIPAL));
        } else if (strcmp(handler.mechanism, "PLAIN") == 0) {
            expect("user name", NAME, strlen(NAME));
            expect("password", PASSWORD, strlen(PASSWORD));
        } else {
            expect("key", handler.client_key, sizeof handler.client_key);
        }
        int more = 1;
        size_t size = sizeof more;
        require(zmq_getsockopt(handler.socket, ZMQ_RCVMORE, &more, &size) == 0 && !more, "ZAP: the end of the request");
        handler.judged++;
        static const char *const reply[] = {"1.0", "1", "200", "fine", "somebody", ""};
        for (int i = 0; i < 6; i++)
            require(zmq_send(handler.socket, reply[i], strlen(reply[i]), i < 5 ? ZMQ_SNDMORE : 0) >= 0, "ZAP reply");
    }
    require(zmq_errno() == ETERM, "ZAP: recv");
    zmq_close(handler.socket);
    return NULL;
}

static void start_handler(void *context, const char *mechanism)
{
    handler.mechanism = mechanism;
    handler.socket = zmq_socket(context, ZMQ_REP);
    require(handler.socket && zmq_bind(handler.socket, "inproc://zeromq.zap.01") == 0, "ZAP handler");
    require(pthread_create(&handler.thread, NULL, judge, NULL) == 0, "thread");
}

static void begin_gssapi(void *context, const side_t *side, int server, int plaintext)
{
    const int one = 1;
    set(side->socket, ZMQ_GSSAPI_PLAINTEXT, &plaintext, sizeof plaintext);
    if (!server) {
        set(side->socket, ZMQ_GSSAPI_SERVICE_PRINCIPAL, SERVICE, strlen(SERVICE));
        return;
    }
    set(side->socket, ZMQ_ZAP_DOMAIN, DOMAIN, strlen(DOMAIN));
    set(side->socket, ZMQ_GSSAPI_SERVER, &one, sizeof one);
    set(side->socket, ZMQ_GSSAPI_PRINCIPAL, SERVICE, strlen(SERVICE));
    start_handler(context, "GSSAPI");
}

void begin_security(void *context, const side_t *side, const char *mechanism, int is_a)
{
    if (strcmp(mechanism, "null") == 0)
        return;
    int plain = strncmp(mechanism, "plain", 5) == 0;
    int server = (mechanism[strlen(mechanism) - 1] == 'a') == is_a;
    if (strncmp(mechanism, "gssapi", 6) == 0) {
        begin_gssapi(context, side, server, strstr(mechanism, "plain") != NULL);
        return;
    }
    char server_public[41], client_public[41];
    const int one = 1;
    require(zmq_curve_public(server_public, SERVER_SECRET) == 0, "zmq_curve_public");
    require(zmq_curve_public(client_public, CLIENT_SECRET) == 0, "zmq_curve_public");
    if (server) {
        require(zmq_z85_decode(handler.client_key, client_public) != NULL, "zmq_z85_decode");
        set(side->socket, ZMQ_ZAP_DOMAIN, DOMAIN, strlen(DOMAIN));
        set(side->socket, plain ? ZMQ_PLAIN_SERVER : ZMQ_CURVE_SERVER, &one, sizeof one);
        if (!plain)
            set(side->socket, ZMQ_CURVE_SECRETKEY, SERVER_SECRET, 41);
        start_handler(context, plain ? "PLAIN" : "CURVE");
    } else if (plain) {
        set(side->socket, ZMQ_PLAIN_USERNAME, NAME, strlen(NAME));
        set(side->socket, ZMQ_PLAIN_PASSWORD, PASSWORD, strlen(PASSWORD));
    } else {
        set(side->socket, ZMQ_CURVE_SERVERKEY, server_public, 41);
        set(side->socket, ZMQ_CURVE_PUBLICKEY, client_public, 41);
        set(side->socket, ZMQ_CURVE_SECRETKEY, CLIENT_SECRET, 41);
    }
}

void end_security(void)
{
    if (!handler.socket)
        return;
    pthread_join(handler.thread, NULL);
    if (handler.judged == 0)
        fail("the ZAP handler was never asked");
}
