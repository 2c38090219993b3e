/*  The names that programs give their own things: none of them may be taken by the
    header, as a macro or as anything else that does not begin with zmq_ or ZMQ_. */

#include <zmq.h>
#include <stdio.h>
#include <string.h>

/*  At file level, where functions and types would clash as well. */
static int context, socket_, message, msg, poll_, version, error, event, events, options, option;
static int frame, frames, router, dealer, req, rep, pub, sub, push, pull, pair, stream, xpub, xsub;
static int server, client, worker, broker, peer, identity, routing_id, endpoint, address, monitor, pipe_;
static int timeout, linger, hwm, size, length, count, data, hint, flags, more, last, first, key, value, optval, optvallen;
static int capture, control, frontend, backend, proxy, timers, timer, interval, arg, user_data, queue, buffer, capacity;
static int major, minor, patch, errnum, curve, plain, null, radio, dish, group, scatter, gather, channel, dgram;
static int item, items, nitems, timer_id, handler, fn, ffn, n, s, fd, revents, rc, id, type, io_threads, max_sockets;

struct zmsg { int zframe; };
enum state { START, READY, DONE, BIND, CONNECT, SEND, RECV, POLLIN_, ERROR, DEBUG, DRAFT, EVENT, OPTION, HAVE_TIMERS };
typedef int zctx_t, zsock_t, zpoll_t, msg_t, pollitem_t, free_fn, thread_fn;

static int add (int *numbers[], int how_many)
{
    int sum = 0, index;
    for (index = 0; index < how_many; index++)
        sum += *numbers[index] + 1;
    return sum;
}

int main (void)
{
    int *numbers[] = {
        &context, &socket_, &message, &msg, &poll_, &version, &error, &event, &events, &options, &option, &frame, &frames,
        &router, &dealer, &req, &rep, &pub, &sub, &push, &pull, &pair, &stream, &xpub, &xsub, &server, &client, &worker,
        &broker, &peer, &identity, &routing_id, &endpoint, &address, &monitor, &pipe_, &timeout, &linger, &hwm, &size,
        &length, &count, &data, &hint, &flags, &more, &last, &first, &key, &value, &optval, &optvallen, &capture, &control,
        &frontend, &backend, &proxy, &timers, &timer, &interval, &arg, &user_data, &queue, &buffer, &capacity, &major,
        &minor, &patch, &errnum, &curve, &plain, &null, &radio, &dish, &group, &scatter, &gather, &channel, &dgram, &item,
        &items, &nitems, &timer_id, &handler, &fn, &ffn, &n, &s, &fd, &revents, &rc, &id, &type, &io_threads, &max_sockets,
    };
    int how_many = (int) (sizeof numbers / sizeof numbers[0]);
    struct zmsg zmsg = {HAVE_TIMERS};
    zmq_pollitem_t pollitem = {NULL, 0, ZMQ_POLLIN, 0};
    zmq_msg_t zmq_message;

    zmq_version (&major, &minor, &patch);
    if (zmq_msg_init_size (&zmq_message, 4) || zmq_msg_close (&zmq_message) || zmsg.zframe != 13 || pollitem.revents)
        return 1;
    major = minor = patch = 0;
    printf ("names: %d of %d\n", add (numbers, how_many), how_many);
    return 0;
}
