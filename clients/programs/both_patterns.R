# Request-reply and publish-subscribe through pbdZMQ.

suppressPackageStartupMessages(library(pbdZMQ))

rounds <- 100
types <- ZMQ.ST()
options <- ZMQ.SO()
cat("libzmq ", format(zmq.version()), "\n", sep = "")

context <- zmq.ctx.new()
new_socket <- function(kind) {
    socket <- zmq.socket(context, kind)
    zmq.setsockopt(socket, options$RCVTIMEO, 10000L)
    socket
}
bound <- function(socket) {
    port <- random_open_port()
    stopifnot(zmq.bind(socket, sprintf("tcp://127.0.0.1:%d", port)) == 0)
    sprintf("tcp://127.0.0.1:%d", port)
}
send <- function(socket, text) zmq.msg.send(charToRaw(text), socket, serialize = FALSE)
receive <- function(socket) rawToChar(zmq.msg.recv(socket, unserialize = FALSE))

server <- new_socket(types$REP)
client <- new_socket(types$REQ)
zmq.connect(client, bound(server))
for (i in seq_len(rounds)) {
    send(client, paste("Hello", i))
    send(server, sub("Hello", "World", receive(server)))
    stopifnot(receive(client) == paste("World", i))
}
cat("request-reply:", rounds, "answers\n")

publisher <- new_socket(types$XPUB)
subscriber <- new_socket(types$SUB)
zmq.setsockopt(subscriber, options$SUBSCRIBE, "update")
zmq.connect(subscriber, bound(publisher))
stopifnot(receive(publisher) == "\001update")
for (i in seq_len(rounds)) {
    send(publisher, "other")
    send(publisher, paste("update", i))
}
for (i in seq_len(rounds)) stopifnot(receive(subscriber) == paste("update", i))
cat("publish-subscribe:", rounds, "updates\n")

for (socket in list(server, client, publisher, subscriber)) zmq.close(socket)
zmq.ctx.destroy(context)
