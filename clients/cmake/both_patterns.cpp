// Request-reply and publish-subscribe through cppzmq, both ends in this process.

#include <zmq.hpp>

#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>

static const int rounds = 100;

static void expect (bool condition, const std::string &what)
{
    if (condition)
        return;
    std::cerr << "both_patterns: " << what << std::endl;
    std::exit (1);
}

static std::string receive (zmq::socket_t &socket)
{
    zmq::message_t message;
    const bool received = socket.recv (message, zmq::recv_flags::none).has_value ();
    expect (received, "nothing was received in time");
    return message.to_string ();
}

static void request_reply (zmq::context_t &context)
{
    zmq::socket_t server (context, zmq::socket_type::rep);
    server.set (zmq::sockopt::rcvtimeo, 10000);
    server.bind ("tcp://127.0.0.1:*");
    const std::string endpoint = server.get (zmq::sockopt::last_endpoint);

    std::thread thread ([&server] {
        for (int i = 0; i < rounds; i++) {
            const std::string request = receive (server);
            server.send (zmq::buffer ("World " + request.substr (6)), zmq::send_flags::none);
        }
    });
    zmq::socket_t client (context, zmq::socket_type::req);
    client.set (zmq::sockopt::rcvtimeo, 10000);
    client.connect (endpoint);
    for (int i = 0; i < rounds; i++) {
        client.send (zmq::buffer ("Hello " + std::to_string (i)), zmq::send_flags::none);
        expect (receive (client) == "World " + std::to_string (i), "the answer is wrong");
    }
    thread.join ();
    std::cout << "request-reply: " << rounds << " answers" << std::endl;
}

static void publish_subscribe (zmq::context_t &context)
{
    zmq::socket_t publisher (context, zmq::socket_type::xpub);
    publisher.set (zmq::sockopt::rcvtimeo, 10000);
    publisher.bind ("tcp://127.0.0.1:*");
    zmq::socket_t subscriber (context, zmq::socket_type::sub);
    subscriber.set (zmq::sockopt::rcvtimeo, 10000);
    subscriber.set (zmq::sockopt::subscribe, "update");
    subscriber.connect (publisher.get (zmq::sockopt::last_endpoint));

    // From here on nothing that is published is missed.
    expect (receive (publisher) == std::string ("\1update"), "the subscription is wrong");
    for (int i = 0; i < rounds; i++) {
        publisher.send (zmq::str_buffer ("other"), zmq::send_flags::none);
        publisher.send (zmq::buffer ("update " + std::to_string (i)), zmq::send_flags::none);
    }
    for (int i = 0; i < rounds; i++)
        expect (receive (subscriber) == "update " + std::to_string (i), "the update is wrong");
    std::cout << "publish-subscribe: " << rounds << " updates" << std::endl;
}

int main ()
{
    int major, minor, patch;
    zmq_version (&major, &minor, &patch);
    std::cout << "libzmq " << major << '.' << minor << '.' << patch << std::endl;

    zmq::context_t context;
    request_reply (context);
    publish_subscribe (context);
}
