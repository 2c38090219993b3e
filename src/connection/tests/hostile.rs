//! Peers that lie, stop in the middle, or speak nonsense.

use super::*;

/// A whole conversation of a peer up to and including some messages.
fn conversation() -> Vec<u8> {
    let properties = [property("Socket-Type", b"SUB"), property("Identity", b"id"), property("X-a", b"")];
    [
        greeting(3, 1, "NULL"),
        command("READY", &properties.concat()),
        command("SUBSCRIBE", b"topic"),
        frame(1, b"first"),
        command("PING", b"\0\x0acontext"),
        frame(0, &[3; 255]),
        b"\x02\0\0\0\0\0\0\x01\0".to_vec(),
        vec![4; 256],
        command("CANCEL", b"topic"),
    ]
    .concat()
}

/// Plays a whole peer against a connection, in pieces; nothing may panic.
fn play(config: &Arc<Config>, mut input: &[u8], random: &mut Random, most: usize) -> usize {
    let mut handshake = Handshake::new(config.clone());
    while !handshake.is_ready() {
        if input.is_empty() {
            return 0;
        }
        let count = (1 + random.below(most)).min(input.len());
        match handshake.handle_input(&input[..count]) {
            Ok(used) => input = &input[used..],
            Err(_) => return 0,
        }
        handshake.take_output();
    }
    let mut receive = handshake.finish().receive;
    let mut log = Log::new();
    while !input.is_empty() {
        let count = (1 + random.below(most)).min(input.len());
        let used = match receive.body_tail() {
            Some((bytes, room)) => {
                let count = room.min(count);
                bytes.extend_from_slice(&input[..count]);
                receive.body_filled(&mut log).map(|()| count)
            }
            None => receive.decode(&input[..count], &mut log),
        };
        let Ok(used) = used else { break };
        input = &input[used..];
    }
    log.events.len()
}

#[test]
fn every_truncation_of_a_conversation() {
    let config = Arc::new(xpub());
    let input = conversation();
    let mut random = Random(7);
    let mut events = 0;
    for end in 0..=input.len() {
        let now = play(&config, &input[..end], &mut random, usize::MAX);
        assert_eq!(now, play(&config, &input[..end], &mut random, 1));
        assert!(now >= events, "more input cannot make less of it");
        events = now;
    }
    assert_eq!(events, 7);
}

#[test]
fn every_truncation_of_every_command() {
    let commands = ["READY", "ERROR", "SUBSCRIBE", "CANCEL", "PING", "PONG", "JOIN", "LEAVE", "HELLO"];
    let ready = [property("Socket-Type", b"SUB"), property("X", b"value")].concat();
    for name in commands {
        for data in [&ready[..], b"", b"\x03400", b"\0\x01context-of-a-ping-that-is-long"] {
            let whole = [&[name.len() as u8], name.as_bytes(), data].concat();
            for end in 0..=whole.len() {
                let bytes = [&[4, end as u8], &whole[..end]].concat();
                let (events, result) = decode(&xpub(), Version::V3_1, &[&bytes[..], b"\0\x02hi"].concat());
                assert_eq!((events.last(), result), (Some(&part(0, "hi")), Ok(())));
                let mut handshake = Handshake::new(Arc::new(xpub()));
                handshake.handle_input(&greeting(3, 1, "NULL")).unwrap();
                let result = handshake.handle_input(&bytes);
                assert_eq!(result.is_ok(), handshake.is_ready());
                assert!(name == "READY" || result.is_err());
            }
        }
    }
}

#[test]
fn damaged_conversations() {
    let configs = [Arc::new(xpub()), Arc::new(config("REQ", 3, &["SUB"]))];
    let whole = conversation();
    let mut random = Random(11);
    for _ in 0..20_000 {
        let mut input = whole.clone();
        for _ in 0..=random.below(4) {
            let at = random.below(input.len());
            input[at] = [0, 1, 2, 3, 4, 6, 0x7f, 0xff, random.below(256) as u8][random.below(9)];
        }
        let most = [1, 7, 100, 1000][random.below(4)];
        let config = &configs[random.below(2)];
        play(config, &input, &mut random, most);
    }
}

#[test]
fn noise() {
    let config = Arc::new(xpub());
    let mut random = Random(13);
    for _ in 0..5_000 {
        let count = random.below(600);
        let noise = random.bytes(count);
        play(&config, &noise, &mut random, 50);
        for version in [Version::V1_0, Version::V2_0, Version::V3_0, Version::V3_1] {
            let _ = decode(&config, version, &noise);
        }
    }
}

#[test]
fn lengths_are_not_believed() {
    for length in [1 << 31, 1 << 40, i64::MAX as u64, 1 << 63, u64::MAX - 8, u64::MAX] {
        for version in [Version::V1_0, Version::V3_1] {
            let mut receive = ReceiveHalf::new(&dealer(), version, None);
            let mut log = Log::new();
            let header = match version {
                Version::V1_0 => [&[0xff], &length.to_be_bytes()[..], &[0]].concat(),
                _ => [&[2], &length.to_be_bytes()[..]].concat(),
            };
            let input = [&header[..], &[1; 5000]].concat();
            let result = receive.decode(&input, &mut log);
            let body = length - u64::from(version == Version::V1_0);
            if i64::try_from(body).is_err() {
                assert_eq!(result.unwrap_err().kind, FailureKind::Protocol(None));
                continue;
            }
            assert_eq!(result.unwrap(), input.len());
            // Memory that other tests have left may be twice as large.
            assert!(receive.body_tail().unwrap().0.capacity() <= 2 * config::FIRST_PIECE);
            assert!(log.events.is_empty());
        }
    }
}

#[test]
fn handshake_frames_are_small() {
    let hello = |size: u64| [&greeting(3, 1, "NULL")[..], &[6], &size.to_be_bytes()].concat();
    let feed = |config: Config, input: &[u8]| Handshake::new(Arc::new(config)).handle_input(input);
    assert!(feed(dealer(), &hello(config::HANDSHAKE_FRAME_MAX)).is_ok());
    for size in [config::HANDSHAKE_FRAME_MAX + 1, 1 << 40, u64::MAX] {
        assert_eq!(feed(dealer(), &hello(size)).unwrap_err().kind, FailureKind::Protocol(None));
    }
    // MAXMSGSIZE counts here too, if it is smaller.
    let limited = || Config { max_message_size: Some(40), ..dealer() };
    assert!(feed(limited(), &hello(40)).is_ok());
    assert!(feed(limited(), &hello(41)).is_err());
    let identity = [SIGNATURE, &[1, 5, 2], &(1_u64 << 20).to_be_bytes()].concat();
    assert!(feed(router(), &identity).is_err());
    assert!(feed(router(), b"\0").is_err(), "a 1.0 frame of length zero");
    assert!(feed(router(), b"\xff\0\0\0\0\0\0\0\0\0").is_err());
    assert!(feed(router(), b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\0").is_err());
}

#[test]
fn many_properties_cost_no_more_than_they_may() {
    let data: Vec<u8> = (0..9000_u16)
        .flat_map(|number| [&[2], &number.to_be_bytes()[..], &[0, 0, 0, 0]].concat())
        .chain(property("Socket-Type", b"SUB"))
        .collect();
    let size = data.len() as u64 + 6;
    let input = [&greeting(3, 1, "NULL")[..], &[6], &size.to_be_bytes(), b"\x05READY", &data].concat();
    let mut handshake = Handshake::new(Arc::new(xpub()));
    assert_eq!(handshake.handle_input(&input).unwrap(), input.len());
    handshake.take_output();
    assert_eq!(handshake.finish().properties.len(), config::PROPERTIES_MAX);
}
