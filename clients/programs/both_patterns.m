% Request-reply and publish-subscribe through Octave's zeromq.

pkg load zeromq

function text = receive (socket)
  assert (zmq_poll (socket, 10000));
  text = char (zmq_recv (socket, 1000, 0));
endfunction

function endpoint = bound (socket)
  assert (zmq_bind (socket, "tcp://127.0.0.1:*"));
  endpoint = strrep (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT), "\0", "");
endfunction

rounds = 100;
[major, minor, patch] = zmq_version ();
printf ("libzmq %d.%d.%d\n", major, minor, patch);

server = zmq_socket (ZMQ_REP);
client = zmq_socket (ZMQ_REQ);
zmq_connect (client, bound (server));
for i = 1:rounds
  zmq_send (client, sprintf ("Hello %d", i));
  zmq_send (server, strrep (receive (server), "Hello", "World"));
  assert (receive (client), sprintf ("World %d", i));
endfor
printf ("request-reply: %d answers\n", rounds);

publisher = zmq_socket (ZMQ_XPUB);
subscriber = zmq_socket (ZMQ_SUB);
zmq_setsockopt (subscriber, ZMQ_SUBSCRIBE, "update");
zmq_connect (subscriber, bound (publisher));
assert (receive (publisher), [char(1) "update"]);
for i = 1:rounds
  zmq_send (publisher, "other");
  zmq_send (publisher, sprintf ("update %d", i));
endfor
for i = 1:rounds
  assert (receive (subscriber), sprintf ("update %d", i));
endfor
printf ("publish-subscribe: %d updates\n", rounds);

zmq_close (server);
zmq_close (client);
zmq_close (publisher);
zmq_close (subscriber);
