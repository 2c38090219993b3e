/* Events of zmq_socket_monitor, one by one. Include after check.h. */
#ifndef CAPI_EVENTS_H
#define CAPI_EVENTS_H

/* A PAIR socket that hears about the connections of another socket. */
MAYBE_UNUSED static void *watch (void *socket, int events)
{
    static int number;
    char address[40];
    sprintf (address, "inproc://monitor-%d", number++);
    OK (zmq_socket_monitor (socket, address, events));
    void *reader = OPEN (ZMQ_PAIR);
    OK (zmq_connect (reader, address));
    return reader;
}

/* The next event and its value; -1 when none comes. The endpoint must be the one that is expected, if one is. */
MAYBE_UNUSED static int next_event (void *reader, const char *endpoint, uint32_t *value, int wait_ms)
{
    uint8_t head[8];
    char text[200];
    uint16_t event;
    if (!await (reader, ZMQ_POLLIN, wait_ms))
        return -1;
    if (zmq_recv (reader, head, sizeof head, 0) != 6 || get_int (reader, ZMQ_RCVMORE) != 1)
        return -2;
    int size = zmq_recv (reader, text, sizeof text - 1, 0);
    if (size < 0 || get_int (reader, ZMQ_RCVMORE))
        return -3;
    text[size] = 0;
    memcpy (&event, head, 2);
    memcpy (value, head + 2, 4);
    if (endpoint && strcmp (text, endpoint) != 0) {
        fail_at (__FILE__, __LINE__, "event %#x is about \"%s\", not \"%s\"", event, text, endpoint);
        return -4;
    }
    return event;
}

/* Waits for an event without sleeping, to be as early as one can be. */
MAYBE_UNUSED static void hear (void *reader)
{
    long long until = now_ms () + ARRIVES_MS;
    while (!(get_int (reader, ZMQ_EVENTS) & ZMQ_POLLIN))
        REQUIRE (now_ms () < until);
}

/* The value of the last event. */
MAYBE_UNUSED static uint32_t value;

#define EVENT(reader, event, endpoint) EQUAL (next_event (reader, endpoint, &value, ARRIVES_MS), event)
#define NO_EVENT(reader) EQUAL (next_event (reader, NULL, &value, 100), -1)

#endif
