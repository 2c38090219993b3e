// Request-reply and publish-subscribe through zeromq 5, which is built on the installed libzmq.

const zmq = require('zeromq');

const ROUNDS = 100;
console.log(`libzmq ${zmq.version}`);
const timer = setTimeout(() => { throw new Error('no end in time'); }, 30000);

function bound(socket) {
  return new Promise((resolve, reject) => {
    socket.bind('tcp://127.0.0.1:*', (error) => (error ? reject(error) : resolve(socket.last_endpoint)));
  });
}

async function requestReply() {
  const server = zmq.socket('rep');
  const client = zmq.socket('req');
  server.on('message', (request) => server.send(request.toString().replace('Hello', 'World')));
  client.connect(await bound(server));
  for (let i = 0; i < ROUNDS; i++) {
    const answer = new Promise((resolve) => client.once('message', resolve));
    client.send(`Hello ${i}`);
    if ((await answer).toString() !== `World ${i}`) throw new Error('the answer is wrong');
  }
  console.log(`request-reply: ${ROUNDS} answers`);
  client.close();
  server.close();
}

async function publishSubscribe() {
  const publisher = zmq.socket('xpub');
  const subscriber = zmq.socket('sub');
  const subscribed = new Promise((resolve) => publisher.once('message', resolve));
  subscriber.subscribe('update');
  subscriber.connect(await bound(publisher));
  if ((await subscribed).toString() !== '\u0001update') throw new Error('the subscription is wrong');
  let count = 0;
  const all = new Promise((resolve, reject) => {
    subscriber.on('message', (message) => {
      if (message.toString() !== `update ${count}`) reject(new Error('the update is wrong'));
      if (++count === ROUNDS) resolve();
    });
  });
  for (let i = 0; i < ROUNDS; i++) {
    publisher.send('other');
    publisher.send(`update ${i}`);
  }
  await all;
  console.log(`publish-subscribe: ${ROUNDS} updates`);
  subscriber.close();
  publisher.close();
}

requestReply().then(publishSubscribe).then(() => clearTimeout(timer));
