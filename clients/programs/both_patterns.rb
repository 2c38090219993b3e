# Request-reply and publish-subscribe through ffi-rzmq.

require 'ffi-rzmq'

ROUNDS = 100

def expect(condition, what)
  abort "both_patterns: #{what}: #{ZMQ::Util.error_string}" unless condition
end

def socket(context, kind)
  socket = context.socket(kind)
  expect socket.setsockopt(ZMQ::RCVTIMEO, 10_000) == 0, 'RCVTIMEO'
  socket
end

def bound(socket)
  expect socket.bind('tcp://127.0.0.1:*') == 0, 'bind'
  endpoint = []
  expect socket.getsockopt(ZMQ::LAST_ENDPOINT, endpoint) == 0, 'LAST_ENDPOINT'
  endpoint[0].delete("\0")
end

def receive(socket)
  text = +''
  expect socket.recv_string(text) >= 0, 'recv'
  text
end

def send(socket, text)
  expect socket.send_string(text) >= 0, 'send'
end

puts "libzmq #{LibZMQ.version.values_at(:major, :minor, :patch).join('.')}"
context = ZMQ::Context.new

server = socket(context, ZMQ::REP)
client = socket(context, ZMQ::REQ)
expect client.connect(bound(server)) == 0, 'connect'
ROUNDS.times do |i|
  send client, "Hello #{i}"
  send server, receive(server).sub('Hello', 'World')
  expect receive(client) == "World #{i}", 'the answer is wrong'
end
puts "request-reply: #{ROUNDS} answers"

publisher = socket(context, ZMQ::XPUB)
subscriber = socket(context, ZMQ::SUB)
expect subscriber.setsockopt(ZMQ::SUBSCRIBE, 'update') == 0, 'SUBSCRIBE'
expect subscriber.connect(bound(publisher)) == 0, 'connect'
expect receive(publisher) == "\1update", 'the subscription is wrong'
ROUNDS.times do |i|
  send publisher, 'other'
  send publisher, "update #{i}"
end
ROUNDS.times { |i| expect receive(subscriber) == "update #{i}", 'the update is wrong' }
puts "publish-subscribe: #{ROUNDS} updates"

[server, client, publisher, subscriber].each(&:close)
context.terminate
