// Request-reply and publish-subscribe through zeromq 6, whose own libzmq is replaced by preloading.

const zmq = require('zeromq');

const ROUNDS = 100;
console.log(`libzmq ${zmq.version}`);
const timer = setTimeout(() => { throw new Error('no end in time'); }, 30000);

async function bound(socket) {
  await socket.bind('tcp://127.0.0.1:*');
  return socket.lastEndpoint;
}

async function requestReply() {
  const server = new zmq.Reply();
  const client = new zmq.Request();
  client.connect(await bound(server));
  for (let i = 0; i < ROUNDS; i++) {
    await client.send(`Hello ${i}`);
    const [request] = await server.receive();
    await server.send(request.toString().replace('Hello', 'World'));
    const [answer] = await client.receive();
    if (answer.toString() !== `World ${i}`) throw new Error('the answer is wrong');
  }
  console.log(`request-reply: ${ROUNDS} answers`);
  client.close();
  server.close();
}

async function publishSubscribe() {
  const publisher = new zmq.XPublisher();
  const subscriber = new zmq.Subscriber();
  subscriber.subscribe('update');
  subscriber.connect(await bound(publisher));
  const [subscription] = await publisher.receive();
  if (subscription.toString() !== '\u0001update') throw new Error('the subscription is wrong');
  for (let i = 0; i < ROUNDS; i++) {
    await publisher.send(`update ${i}`);
    const [update] = await subscriber.receive();
    if (update.toString() !== `update ${i}`) throw new Error('the update is wrong');
  }
  console.log(`publish-subscribe: ${ROUNDS} updates`);
  subscriber.close();
  publisher.close();
}

requestReply().then(publishSubscribe).then(() => clearTimeout(timer));
