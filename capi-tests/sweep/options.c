#define _GNU_SOURCE
/* Prints what every option number does on every socket type and on contexts: many values and sizes, and what is read afterwards
   in which buffers; and what functions of one number answer. Run on two libraries, the output must be the same. */
#include <zmq.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct
{
    const char *name;
    int type;
} types[] = {{"PAIR", ZMQ_PAIR}, {"PUB", ZMQ_PUB},       {"SUB", ZMQ_SUB},   {"REQ", ZMQ_REQ},
             {"REP", ZMQ_REP},   {"DEALER", ZMQ_DEALER}, {"ROUTER", ZMQ_ROUTER}, {"PULL", ZMQ_PULL},
             {"PUSH", ZMQ_PUSH}, {"XPUB", ZMQ_XPUB},     {"XSUB", ZMQ_XSUB}, {"STREAM", ZMQ_STREAM}};

static const int values[] = {INT_MIN, -100, -2,  -1,  0,     1,     2,       3,       4,
                             7,       100,  255, 256, 65535, 65536, 6553500, 6553600, INT_MAX};
static const int sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 31, 32, 33, 39, 40, 41, 42, 64, 254, 255, 256, 300, 1000};
static const char *const texts[] = {"a:b",    "X-a:b",      "a:", ":b",                "127.0.0.1",     "127.0.0.1/8",
                                    "::1/128", "1.2.3.4/33", "lo", "tcp://127.0.0.1:1", "127.0.0.1:1080"};

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define BIGGEST 1024
#define SHOWN 48
#define OPTIONS 130

/* Socket type and option number, at the head of each line. */
static char label[40];

static const char *outcome (int rc)
{
    return rc == 0 ? "ok" : errno == EINVAL ? "EINVAL" : strerror (errno);
}

/* What is read in a buffer of this size. */
static void print_value (void *socket, int option, size_t size)
{
    unsigned char buffer[BIGGEST];
    memset (buffer, 0xee, sizeof buffer);
    size_t length = size;
    int rc = zmq_getsockopt (socket, option, buffer, &length);
    printf (" %zu=%s", size, outcome (rc));
    if (rc != 0)
        return;
    printf ("/%zu:", length);
    if (option == ZMQ_FD)
        return; /* a number of its own in each process */
    size_t end = size;
    while (end > length && buffer[end - 1] == 0)
        end--; /* what follows the value is zero, or it is shown */
    for (size_t i = 0; i < end && i < SHOWN; i++)
        printf ("%02x", buffer[i]);
}

static void set (void *socket, int option, const char *what, long number, const void *value, size_t size)
{
    int rc = zmq_setsockopt (socket, option, value, size);
    printf ("%s %s %ld: %s", label, what, number, outcome (rc));
    print_value (socket, option, sizeof (int));
    print_value (socket, option, sizeof (int64_t));
    print_value (socket, option, BIGGEST);
    printf ("\n");
}

static void sweep (int type, int option)
{
    void *context = zmq_ctx_new (), *socket = zmq_socket (context, type);
    char body[BIGGEST];
    int zero = 0;
    printf ("%s fresh:", label);
    for (size_t size = 0; size <= 44; size++)
        print_value (socket, option, size);
    print_value (socket, option, 255);
    print_value (socket, option, BIGGEST);
    printf ("\n");
    set (socket, option, "null", 0, NULL, 0);
    set (socket, option, "empty", 0, "", 0);
    for (size_t i = 0; i < COUNT (values); i++) {
        int64_t wide = values[i];
        set (socket, option, "int", values[i], &values[i], sizeof (int));
        set (socket, option, "int64", values[i], &wide, sizeof wide);
    }
    for (size_t i = 0; i < COUNT (sizes); i++) {
        memset (body, 'a', sizeof body);
        set (socket, option, "letters", sizes[i], body, (size_t) sizes[i]);
        memset (body, 0, sizeof body);
        set (socket, option, "zeros", sizes[i], body, (size_t) sizes[i]);
    }
    for (size_t i = 0; i < COUNT (texts); i++)
        set (socket, option, texts[i], (long) strlen (texts[i]), texts[i], strlen (texts[i]));
    zmq_setsockopt (socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_close (socket);
    zmq_ctx_term (context);
}

/* Context options: each number, each value on its own context. */
static void sweep_context (int option)
{
    for (size_t i = 0; i < COUNT (values); i++) {
        void *context = zmq_ctx_new ();
        errno = 0;
        int before = zmq_ctx_get (context, option);
        printf ("context %d before: %d %s\n", option, before, before < 0 ? outcome (-1) : "");
        int rc = zmq_ctx_set (context, option, values[i]);
        printf ("context %d int %d: %s\n", option, values[i], outcome (rc));
        int after = zmq_ctx_get (context, option);
        printf ("context %d after: %d %s\n", option, after, after < 0 ? outcome (-1) : "");
        zmq_ctx_term (context);
    }
}

/* Everything else that takes a number and answers with one, or with a text. */
static void sweep_numbers (void)
{
    static const char *const features[] = {"ipc",  "pgm",  "tipc",   "norm", "curve", "gssapi", "draft", "ws",
                                           "vmci", "null", "CURVE", "",     "tcp",   "inproc", "plain"};
    zmq_msg_t message;
    void *context = zmq_ctx_new ();
    for (int number = -5; number < 200; number++)
        printf ("strerror %d: %s\n", number, zmq_strerror (number));
    for (int number = ZMQ_HAUSNUMERO; number < ZMQ_HAUSNUMERO + 100; number++)
        printf ("strerror %d: %s\n", number, zmq_strerror (number));
    zmq_msg_init_size (&message, 5);
    for (int number = -5; number < 20; number++) {
        printf ("msg_get %d: %d", number, zmq_msg_get (&message, number));
        printf (" msg_set: %s\n", outcome (zmq_msg_set (&message, number, 1)));
    }
    zmq_msg_close (&message);
    for (int number = -5; number < 12; number++) {
        void *socket = zmq_socket (context, number);
        printf ("socket %d: %s\n", number, outcome (socket ? 0 : -1));
        if (socket)
            zmq_close (socket);
    }
    for (size_t i = 0; i < COUNT (features); i++)
        printf ("has-%s %d\n", features[i], zmq_has (features[i]));
    zmq_ctx_term (context);
}

int main (void)
{
    sweep_numbers ();
    for (int option = -2; option < OPTIONS; option++)
        sweep_context (option);
    for (size_t t = 0; t < COUNT (types); t++)
        for (int option = 0; option < OPTIONS; option++) {
            int status = 0;
            snprintf (label, sizeof label, "%s %d", types[t].name, option);
            fflush (stdout);
            pid_t child = fork ();
            if (child == 0) {
                alarm (20);
                sweep (types[t].type, option);
                fflush (stdout);
                _exit (0);
            }
            if (child < 0 || waitpid (child, &status, 0) != child || status != 0)
                printf ("%s ended with status %d\n", label, status);
        }
    return 0;
}
