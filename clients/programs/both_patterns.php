<?php
// Request-reply and publish-subscribe through PHP's zmq.

const ROUNDS = 100;

function expect(bool $condition, string $what): void
{
    if (!$condition) {
        fwrite(STDERR, "both_patterns: $what\n");
        exit(1);
    }
}

function socket(ZMQContext $context, int $kind): ZMQSocket
{
    $socket = new ZMQSocket($context, $kind);
    $socket->setSockOpt(ZMQ::SOCKOPT_RCVTIMEO, 10000);
    return $socket;
}

function bound(ZMQSocket $socket): string
{
    $socket->bind('tcp://127.0.0.1:*');
    return rtrim($socket->getSockOpt(ZMQ::SOCKOPT_LAST_ENDPOINT), "\0");
}

$context = new ZMQContext(1, false);
echo 'libzmq ', ZMQ::LIBZMQ_VER, "\n";

$server = socket($context, ZMQ::SOCKET_REP);
$client = socket($context, ZMQ::SOCKET_REQ);
$client->connect(bound($server));
for ($i = 0; $i < ROUNDS; $i++) {
    $client->send("Hello $i");
    $server->send(str_replace('Hello', 'World', $server->recv()));
    expect($client->recv() === "World $i", 'the answer is wrong');
}
echo 'request-reply: ', ROUNDS, " answers\n";

$publisher = socket($context, ZMQ::SOCKET_XPUB);
$subscriber = socket($context, ZMQ::SOCKET_SUB);
$subscriber->setSockOpt(ZMQ::SOCKOPT_SUBSCRIBE, 'update');
$subscriber->connect(bound($publisher));
expect($publisher->recv() === "\1update", 'the subscription is wrong');
for ($i = 0; $i < ROUNDS; $i++) {
    $publisher->send('other');
    $publisher->send("update $i");
}
for ($i = 0; $i < ROUNDS; $i++) {
    expect($subscriber->recv() === "update $i", 'the update is wrong');
}
echo 'publish-subscribe: ', ROUNDS, " updates\n";
