//! Request-reply and publish-subscribe through the crate `zmq`, both ends in this process.

use std::thread;

const ROUNDS: usize = 100;
const TIMEOUT: i32 = 10_000;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Result<()> {
    let (major, minor, patch) = zmq::version();
    println!("libzmq {major}.{minor}.{patch}");
    let context = zmq::Context::new();
    request_reply(&context)?;
    publish_subscribe(&context)
}

fn socket(context: &zmq::Context, kind: zmq::SocketType) -> Result<zmq::Socket> {
    let socket = context.socket(kind)?;
    socket.set_rcvtimeo(TIMEOUT)?;
    Ok(socket)
}

fn endpoint(socket: &zmq::Socket) -> Result<String> {
    socket.bind("tcp://127.0.0.1:*")?;
    Ok(socket.get_last_endpoint()?.map_err(|_| "the endpoint is no text")?)
}

fn receive(socket: &zmq::Socket) -> Result<String> {
    Ok(String::from_utf8(socket.recv_bytes(0)?)?)
}

fn request_reply(context: &zmq::Context) -> Result<()> {
    let server = socket(context, zmq::REP)?;
    let client = socket(context, zmq::REQ)?;
    client.connect(&endpoint(&server)?)?;
    let serving = thread::spawn(move || -> Result<()> {
        for _ in 0..ROUNDS {
            let request = receive(&server)?;
            server.send(&request.replace("Hello", "World"), 0)?;
        }
        Ok(())
    });
    for i in 0..ROUNDS {
        client.send(&format!("Hello {i}"), 0)?;
        assert_eq!(receive(&client)?, format!("World {i}"));
    }
    serving.join().expect("the server panicked")?;
    println!("request-reply: {ROUNDS} answers");
    Ok(())
}

fn publish_subscribe(context: &zmq::Context) -> Result<()> {
    let publisher = socket(context, zmq::XPUB)?;
    let subscriber = socket(context, zmq::SUB)?;
    subscriber.set_subscribe(b"update")?;
    subscriber.connect(&endpoint(&publisher)?)?;

    // From here on nothing that is published is missed.
    assert_eq!(publisher.recv_bytes(0)?, b"\x01update");
    for i in 0..ROUNDS {
        publisher.send("other", 0)?;
        publisher.send(&format!("update {i}"), 0)?;
    }
    for i in 0..ROUNDS {
        assert_eq!(receive(&subscriber)?, format!("update {i}"));
    }
    println!("publish-subscribe: {ROUNDS} updates");
    Ok(())
}
