//! The inner parts, one at a time, for counting instructions: `benches/instructions.sh` runs this under callgrind.
//!
//! `inner CASE COUNT` does something COUNT times; what it needs is made before. Only what `measured` calls is counted.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;
use zmq::connection::{Config, ReceiveHalf, Security, SendHalf, Sink, Version, WriteBatch};
use zmq::crypto::{BoxKey, CounterKey, MARGIN};
use zmq::message::Message;
use zmq::routing::{TopicCounts, TopicPipes};

/// Work to be counted. Kept out of line and by its name, because callgrind collects inside of it alone.
#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn measured(work: &mut &mut dyn FnMut()) {
    work();
}

fn measure(mut work: impl FnMut()) {
    measured(&mut (&mut work as &mut dyn FnMut()));
}

fn config() -> Config {
    Config {
        socket_name: "PUSH",
        socket_number: 8,
        peers: &["PULL"],
        routing_id: Vec::new(),
        sends_identity: false,
        uses_identity: false,
        publishes: false,
        request_envelope: false,
        max_message_size: None,
        properties: Vec::new(),
        heartbeat: Default::default(),
        raw: false,
        chunk_max: 8192,
        security: Security::Null,
        zap: Default::default(),
    }
}

/// Takes everything.
#[derive(Default)]
struct Count(usize);

impl Sink for Count {
    fn has_room(&mut self) -> bool {
        true
    }
    fn accept(&mut self, message: Message) {
        self.0 += message.len();
    }
    fn pong(&mut self, _: &[u8]) {}
    fn ping_ttl(&mut self, _: Duration) {}
}

fn queue(count: usize, size: usize) {
    let (mut sender, mut receiver) = zmq::pipe::queue(1000, false);
    let body = vec![1; size];
    let mut place = Message::new();
    measure(|| {
        for _ in 0..count {
            if !sender.has_room() || sender.push_copy(&body, false).is_err() {
                unreachable!("the queue is read after each write");
            }
            black_box(sender.flush());
            black_box(receiver.pop_into(&mut place));
        }
    });
}

fn message(count: usize, size: usize) {
    let body = vec![1; size];
    measure(|| {
        for _ in 0..count {
            black_box(Message::from_slice(black_box(&body)).is_ok());
        }
    });
}

fn message_again(count: usize, size: usize) {
    let body = vec![1; size];
    let mut message = Message::new();
    measure(|| {
        for _ in 0..count {
            message.clear_to_reuse();
            black_box(message.assign(black_box(&body)).is_ok());
        }
    });
}

fn encode(count: usize, size: usize) {
    let mut half = SendHalf::new(&Arc::new(config()), Version::V3_1, None);
    let mut batch = WriteBatch::new();
    let body = vec![1; size];
    let mut messages: Vec<Message> = (0..count).filter_map(|_| Message::from_slice(&body).ok()).collect();
    measure(|| {
        for message in &mut messages {
            half.encode_from(message, &mut batch);
            if batch.len() > 60_000 {
                batch.clear();
            }
        }
    });
}

fn decode(count: usize, size: usize) {
    let mut half = ReceiveHalf::new(&config(), Version::V3_1, None);
    let mut frame =
        if size < 256 { vec![0, size as u8] } else { [&[2][..], &(size as u64).to_be_bytes()].concat() };
    frame.resize(frame.len() + size, 7);
    let input = frame.repeat(count);
    let mut sink = Count::default();
    measure(|| {
        for piece in input.chunks(64 * 1024) {
            black_box(half.decode(piece, &mut sink).is_ok());
        }
    });
    assert_eq!(sink.0, count * size);
}

fn topic(number: usize) -> Vec<u8> {
    format!("market/{}/{number}", number % 97).into_bytes()
}

fn subscribe(count: usize) {
    let topics: Vec<_> = (0..count).map(topic).collect();
    let mut tree = TopicPipes::default();
    measure(|| {
        for topic in &topics {
            black_box(tree.add(topic, zmq::pattern::PipeId(1)));
        }
    });
}

fn matching(count: usize) {
    let mut tree = TopicCounts::default();
    (0..10_000).for_each(|number| _ = tree.add(&topic(number)));
    let data: Vec<_> =
        (0..count).map(|number| [&topic(number % 20_000)[..], b" and a body"].concat()).collect();
    measure(|| {
        for data in &data {
            black_box(tree.matches(data));
        }
    });
}

fn seal(count: usize, size: usize) {
    let key = CounterKey::new(&BoxKey::from_bytes(&[3; 32]), b"CurveZMQMESSAGEC");
    let mut bytes = vec![0; MARGIN + size];
    bytes.reserve(1024);
    measure(|| {
        for counter in 0..count as u64 {
            black_box(key.seal(&counter.to_be_bytes(), &mut bytes, MARGIN));
        }
    });
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [case, count] = &arguments[..] else { return eprintln!("inner CASE COUNT") };
    let count = count.parse().unwrap_or(0);
    match case.as_str() {
        "queue-32" => queue(count, 32),
        "queue-100" => queue(count, 100),
        "message-100" => message(count, 100),
        "message-again-100" => message_again(count, 100),
        "encode-64" => encode(count, 64),
        "encode-1000" => encode(count, 1000),
        "decode-64" => decode(count, 64),
        "decode-1000" => decode(count, 1000),
        "subscribe" => subscribe(count),
        "match" => matching(count),
        "seal-100" => seal(count, 101),
        "seal-65536" => seal(count, 65537),
        _ => eprintln!("there is no case {case}"),
    }
}
