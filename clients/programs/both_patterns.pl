# Request-reply and publish-subscribe through ZMQ::FFI.

use strict;
use warnings;
use ZMQ::FFI qw(ZMQ_REQ ZMQ_REP ZMQ_SUB ZMQ_XPUB ZMQ_RCVTIMEO ZMQ_LAST_ENDPOINT);

my $rounds  = 100;
# Without a name it would look for a file in the system's directories.
my $context = ZMQ::FFI->new(soname => 'libzmq.so.5');
print 'libzmq ', join('.', $context->version), "\n";

sub socket_of {
    my $socket = $context->socket(shift);
    $socket->set(ZMQ_RCVTIMEO, 'int', 10_000);
    return $socket;
}

sub bound {
    my $socket = shift;
    $socket->bind('tcp://127.0.0.1:*');
    my $endpoint = $socket->get(ZMQ_LAST_ENDPOINT, 'string');
    $endpoint =~ s/\0.*//s;
    return $endpoint;
}

my ($server, $client) = (socket_of(ZMQ_REP), socket_of(ZMQ_REQ));
$client->connect(bound($server));
for my $i (1 .. $rounds) {
    $client->send("Hello $i");
    (my $answer = $server->recv) =~ s/Hello/World/;
    $server->send($answer);
    my $text = $client->recv;
    die "the answer is wrong: $text" unless $text eq "World $i";
}
print "request-reply: $rounds answers\n";

my ($publisher, $subscriber) = (socket_of(ZMQ_XPUB), socket_of(ZMQ_SUB));
$subscriber->subscribe('update');
$subscriber->connect(bound($publisher));
die 'the subscription is wrong' unless $publisher->recv eq "\1update";
for my $i (1 .. $rounds) {
    $publisher->send('other');
    $publisher->send("update $i");
}
for my $i (1 .. $rounds) {
    my $text = $subscriber->recv;
    die "the update is wrong: $text" unless $text eq "update $i";
}
print "publish-subscribe: $rounds updates\n";
