/* Versions, error texts, capabilities, atomic counters, stopwatch, threads, timers, Z85. */
#include "check.h"

static void version (void)
{
    int major = 0, minor = 0, patch = 0;
    zmq_version (&major, &minor, &patch);
    EQUAL (major, 4);
    EQUAL (minor, 3);
    CHECK (patch >= 0);
}

static void error_texts (void)
{
    static const struct
    {
        int number;
        const char *text;
    } rows[] = {{EFSM, "Operation cannot be accomplished in current state"},
                {ENOCOMPATPROTO, "The protocol is not compatible with the socket type"},
                {ETERM, "Context was terminated"},
                {EMTHREAD, "No thread available"},
                {EHOSTUNREACH, "Host unreachable"}};
    for (int i = 0; i < 5; i++)
        EQUAL (strcmp (zmq_strerror (rows[i].number), rows[i].text), 0);
    static const int system_numbers[] = {0, EAGAIN, EINVAL, EADDRINUSE, EFAULT, ENOTSOCK, 99999};
    for (int i = 0; i < 7; i++)
        EQUAL (strcmp (zmq_strerror (system_numbers[i]), strerror (system_numbers[i])), 0);
    errno = EXDEV;
    int seen = zmq_errno ();
    EQUAL (seen, EXDEV);
}

static void capabilities (void)
{
    EQUAL (zmq_has ("ipc"), 1);
    static const char *const none[] = {"tcp", "inproc", "udp", "IPC", "", "ip", "ipcx", "plain", "nonsense"};
    for (int i = 0; i < 9; i++)
        EQUAL (zmq_has (none[i]), 0);
}

static void counters (void)
{
    void *c = zmq_atomic_counter_new ();
    REQUIRE (c);
    EQUAL (zmq_atomic_counter_value (c), 0);
    EQUAL (zmq_atomic_counter_inc (c), 0); /* the value before */
    EQUAL (zmq_atomic_counter_inc (c), 1);
    EQUAL (zmq_atomic_counter_inc (c), 2);
    EQUAL (zmq_atomic_counter_value (c), 3);
    EQUAL (zmq_atomic_counter_dec (c), 1); /* whether something is left */
    EQUAL (zmq_atomic_counter_dec (c), 1);
    EQUAL (zmq_atomic_counter_dec (c), 0);
    EQUAL (zmq_atomic_counter_dec (c), 1);
    EQUAL (zmq_atomic_counter_value (c), -1);
    zmq_atomic_counter_set (c, 1000);
    EQUAL (zmq_atomic_counter_value (c), 1000);
    zmq_atomic_counter_destroy (&c);
    CHECK (c == NULL);
}

static void count_up (void *counter)
{
    for (int i = 0; i < 20000; i++)
        zmq_atomic_counter_inc (counter);
}

static void counters_in_threads (void)
{
    void *c = zmq_atomic_counter_new (), *threads[4];
    for (int i = 0; i < 4; i++) {
        threads[i] = zmq_threadstart (count_up, c);
        REQUIRE (threads[i]);
    }
    for (int i = 0; i < 4; i++)
        zmq_threadclose (threads[i]); /* waits for its end */
    EQUAL (zmq_atomic_counter_value (c), 80000);
    zmq_atomic_counter_destroy (&c);
}

/* Runs this in a thread of its own in a child, and says how the child has ended. */
static int status_of (void (*run) (void *))
{
    int status = -1, ran = 0;
    pid_t child = fork ();
    if (child == 0) {
        prctl (PR_SET_PDEATHSIG, SIGKILL);
        signal (SIGALRM, SIG_DFL);
        alarm (5);
        void *thread = zmq_threadstart (run, &ran);
        if (!thread)
            _exit (2);
        zmq_threadclose (thread);
        _exit (ran ? 0 : 1);
    }
    REQUIRE (child > 0 && waitpid (child, &status, 0) == child);
    return status;
}

static void use_much_stack (void *ran)
{
    volatile char much[4 << 20];
    for (size_t i = 0; i < sizeof much; i += 1024)
        much[i] = 1;
    *(int *) ran = much[0];
}

static void stack_of_threads (void)
{
    pthread_attr_t attributes;
    size_t usual = 0;
    pthread_attr_init (&attributes);
    pthread_attr_getstacksize (&attributes, &usual);
    pthread_attr_destroy (&attributes);
    if (usual < 8 << 20) {
        NOT_SHOWN ("threads have less than 8 MiB of stack");
        return;
    }
    EQUAL (status_of (use_much_stack), 0);
}

static void leave (void *ran)
{
    *(int *) ran = 1;
    pthread_exit (NULL);
}

static void thread_that_leaves_early (void)
{
    EQUAL (status_of (leave), 0);
}

static void stopwatch (void)
{
    void *w = zmq_stopwatch_start ();
    REQUIRE (w);
    poll (NULL, 0, 30);
    unsigned long first = zmq_stopwatch_intermediate (w);
    unsigned long second = zmq_stopwatch_stop (w);
    CHECK (first >= 28000 && first < 2000000); /* microseconds */
    CHECK (second >= first);
}

static void sleeping (void)
{
    long long start = now_ms ();
    zmq_sleep (1); /* seconds */
    long long took = now_ms () - start;
    CHECK (took >= 990 && took < 3000);
}

static int calls, order[8];
static void note (int id, void *arg)
{
    (void) arg;
    if (calls < 8)
        order[calls] = id;
    calls++;
}

static void timers (void)
{
    void *t = zmq_timers_new ();
    REQUIRE (t);
    EQUAL (zmq_timers_timeout (t), -1);
    OK (zmq_timers_execute (t));
    EQUAL (calls, 0);
    int slow = zmq_timers_add (t, 60, note, NULL), fast = zmq_timers_add (t, 20, note, NULL);
    CHECK (slow > 0 && fast > 0 && slow != fast);
    long timeout = zmq_timers_timeout (t);
    CHECK (timeout > 0 && timeout <= 20);
    OK (zmq_timers_execute (t));
    EQUAL (calls, 0); /* too early */
    EVENTUALLY (zmq_timers_timeout (t) == 0);
    OK (zmq_timers_execute (t));
    EQUAL (calls, 1);
    EQUAL (order[0], fast);
    CHECK (zmq_timers_timeout (t) > 0); /* armed again from now */
    OK (zmq_timers_cancel (t, fast));
    FAILS (zmq_timers_cancel (t, fast), EINVAL);
    FAILS (zmq_timers_cancel (t, 12345), EINVAL);
    FAILS (zmq_timers_set_interval (t, 12345, 1), EINVAL);
    FAILS (zmq_timers_reset (t, 12345), EINVAL);
    OK (zmq_timers_set_interval (t, slow, 40000));
    OK (zmq_timers_reset (t, slow));
    CHECK (zmq_timers_timeout (t) > 30000);
    FAILS (zmq_timers_add (t, 10, NULL, NULL), EFAULT);
    OK (zmq_timers_destroy (&t));
    CHECK (t == NULL);
    FAILS (zmq_timers_timeout (NULL), EFAULT);
    FAILS (zmq_timers_execute (NULL), EFAULT);
    FAILS (zmq_timers_add (NULL, 1, note, NULL), EFAULT);
    FAILS (zmq_timers_cancel (NULL, 1), EFAULT);
}

static void *timer_set;
static void cancel_itself (int id, void *arg)
{
    (void) arg;
    calls++;
    zmq_timers_cancel (timer_set, id);
}

static void timer_cancelled_from_its_handler (void)
{
    timer_set = zmq_timers_new ();
    zmq_timers_add (timer_set, 1, cancel_itself, NULL);
    EVENTUALLY (zmq_timers_execute (timer_set) == 0 && calls > 0);
    EQUAL (zmq_timers_timeout (timer_set), -1);
    EQUAL (calls, 1);
    OK (zmq_timers_destroy (&timer_set));
}

static void z85 (void)
{
    static const unsigned char data[8] = {0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B};
    char text[16];
    unsigned char back[16];
    CHECK (zmq_z85_encode (text, data, 8) == text);
    EQUAL (strcmp (text, "HelloWorld"), 0);
    CHECK (zmq_z85_decode (back, text) == back);
    EQUAL (memcmp (back, data, 8), 0);
    CHECK (zmq_z85_encode (text, data, 7) == NULL && errno == EINVAL);
    CHECK (zmq_z85_encode (text, data, 0) == text && text[0] == 0);
    static const char *const bad[] = {"Hello1", "1234", "%nSc1", "~~~~~", "    \x01"};
    for (int i = 0; i < 5; i++) {
        errno = 0;
        CHECK (zmq_z85_decode (back, bad[i]) == NULL && errno == EINVAL);
    }
    CHECK (zmq_z85_decode (back, "%nSc0") == back);
    EQUAL (memcmp (back, "\xff\xff\xff\xff", 4), 0);
}

RUN_CASES (CASE (version), CASE (error_texts), CASE (capabilities), CASE (counters), CASE (counters_in_threads),
           CASE (stack_of_threads), CASE (thread_that_leaves_early), CASE (stopwatch), CASE (sleeping), CASE (timers), CASE (timer_cancelled_from_its_handler), CASE (z85))
