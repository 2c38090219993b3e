/* Host names with several addresses, in a hosts file of the test's own. The reference tries the first address only. */
#include "check.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define NAME "several.addresses.test"

/* Gives the calling process a hosts file with this text. 0 when it may not have one: that takes privileges. */
static int use_hosts (const char *text)
{
    char path[] = "/tmp/hosts-XXXXXX";
    if (unshare (CLONE_NEWNS) != 0 || mount ("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        printf ("    not shown: no mount namespace without privileges\n");
        return 0;
    }
    int fd = mkstemp (path);
    REQUIRE (fd >= 0);
    EQUAL (write (fd, text, strlen (text)), (ssize_t) strlen (text));
    OK (fchmod (fd, 0644));
    close (fd);
    umount2 ("/etc/hosts", MNT_DETACH); /* that of an earlier case in this process */
    REQUIRE (mount (path, "/etc/hosts", NULL, MS_BIND, NULL) == 0); /* else a case would write the real one */
    OK (unlink (path));
    return 1;
}

/* A server on one of the addresses only, and a client that makes a single attempt. */
static void reaches (const char *server)
{
    char endpoint[100];
    void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
    snprintf (endpoint, sizeof endpoint, "tcp://%s:*", server);
    OK (zmq_bind (pull, endpoint));
    size_t size = sizeof endpoint;
    OK (zmq_getsockopt (pull, ZMQ_LAST_ENDPOINT, endpoint, &size));
    int port = atoi (strrchr (endpoint, ':') + 1);
    snprintf (endpoint, sizeof endpoint, "tcp://" NAME ":%d", port);
    SET (push, ZMQ_RECONNECT_IVL, -1);
    SET (pull, ZMQ_RCVTIMEO, 5000);
    OK (zmq_connect (push, endpoint));
    SEND (push, "hello");
    RECV (pull, "hello");
}

static void every_address_is_tried (void)
{
    /* Whichever the resolver puts first, for one of the two servers it is the wrong one. */
    if (!use_hosts ("127.0.0.1 localhost\n127.0.0.7 " NAME "\n127.0.0.8 " NAME "\n"))
        return;
    reaches ("127.0.0.7");
    reaches ("127.0.0.8");
}

static void a_later_answer_counts (void)
{
    /* The name means something else by the time of the next attempt. */
    if (!use_hosts ("127.0.0.7 " NAME "\n"))
        return;
    void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
    char endpoint[100];
    OK (zmq_bind (pull, "tcp://127.0.0.8:*"));
    size_t size = sizeof endpoint;
    OK (zmq_getsockopt (pull, ZMQ_LAST_ENDPOINT, endpoint, &size));
    int port = atoi (strrchr (endpoint, ':') + 1);
    snprintf (endpoint, sizeof endpoint, "tcp://" NAME ":%d", port);
    SET (push, ZMQ_RECONNECT_IVL, 50);
    OK (zmq_connect (push, endpoint));
    SEND (push, "hello");
    QUIET (pull);
    FILE *hosts = fopen ("/etc/hosts", "w");
    REQUIRE (hosts != NULL);
    fputs ("127.0.0.8 " NAME "\n", hosts);
    fclose (hosts);
    SET (pull, ZMQ_RCVTIMEO, 5000);
    RECV (pull, "hello");
}

RUN_CASES (CASE (every_address_is_tried), CASE (a_later_answer_counts))
