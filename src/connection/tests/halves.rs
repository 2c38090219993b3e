//! Messages to bytes and back.

use super::*;
use crate::message::Metadata;

#[test]
fn golden_frames() {
    let subscribe = || message(SUBSCRIBE, "\x01A");
    let cancel = || message(CANCEL, "\0A");
    assert_eq!(encode(Version::V3_1, [subscribe(), cancel()]), b"\x04\x0b\x09SUBSCRIBEA\x04\x08\x06CANCELA");
    assert_eq!(encode(Version::V3_0, [subscribe(), cancel()]), b"\0\x02\x01A\0\x02\0A");
    assert_eq!(encode(Version::V2_0, [subscribe()]), b"\0\x02\x01A");
    assert_eq!(encode(Version::V1_0, [subscribe()]), b"\x03\0\x01A");
    // What an XSUB application writes itself stays a message.
    assert_eq!(encode(Version::V3_1, [message(0, "\x01A")]), b"\0\x02\x01A");
    assert_eq!(encode(Version::V3_1, [message(MORE, ""), message(0, "hello")]), b"\x01\0\0\x05hello");
    assert_eq!(encode(Version::V1_0, [message(MORE, ""), message(0, "ABC")]), b"\x01\x01\x04\0ABC");
    assert_eq!(encode(Version::V3_1, [Message::control(Arc::default())]), b"");
}

#[test]
fn golden_lengths() {
    let start = |version, size| encode(version, [message(0, vec![0; size])])[..2].to_vec();
    assert_eq!(start(Version::V3_1, 0), b"\0\0");
    assert_eq!(start(Version::V3_1, 255), b"\0\xff");
    assert_eq!(encode(Version::V3_1, [message(1, vec![0; 256])])[..9], *b"\x03\0\0\0\0\0\0\x01\0");
    assert_eq!(start(Version::V1_0, 253), b"\xfe\0");
    assert_eq!(encode(Version::V1_0, [message(1, vec![0; 254])])[..10], *b"\xff\0\0\0\0\0\0\0\xff\x01");
    // The reference forgets the LONG flag here.
    let topic = [&[1], &[b't'; 255][..]].concat();
    assert_eq!(encode(Version::V3_0, [message(SUBSCRIBE, &topic)])[..9], *b"\x02\0\0\0\0\0\0\x01\0");
    assert_eq!(encode(Version::V3_1, [message(SUBSCRIBE, &topic)])[..9], *b"\x06\0\0\0\0\0\0\x01\x09");
}

#[test]
fn golden_heartbeats() {
    let mut config = dealer();
    config.heartbeat.ttl = Duration::from_millis(3000);
    let mut send = SendHalf::new(&Arc::new(config), Version::V3_0, None);
    let mut batch = WriteBatch::new();
    send.encode_ping(&mut batch);
    send.encode_pong(b"ctx", &mut batch);
    send.encode_pong(b"0123456789abcdefXXXX", &mut batch);
    assert_eq!(
        write_out(&mut batch, 5),
        b"\x04\x07\x04PING\0\x1e\x04\x08\x04PONGctx\x04\x15\x04PONG0123456789abcdef"
    );
}

#[test]
fn commands_after_the_handshake() {
    let input = [
        command("FOO", b"x"),
        command("ERROR", b"\x03400"),
        b"\x04\0".to_vec(),
        b"\x04\x03\xffab".to_vec(),
        command("PONG", b"ctx"),
        command("PING", b""),
        command("PING", b"\0"),
        command("PING", b"\0\0ctx"),
        command("PING", b"\x02\x910123456789abcdefXXXX"),
        command("PING", b"\xff\xff"),
        frame(1, b"a"),
        command("PING", b"\0\0mid"),
        frame(0, b"b"),
        command("SUBSCRIBE", b""),
        command("CANCEL", b"topic"),
        frame(0xf8, b"upper bits"),
        b"\x02\0\0\0\0\0\0\0\x03abc".to_vec(),
        b"\x06\0\0\0\0\0\0\0\x0b\x09SUBSCRIBEL".to_vec(),
    ]
    .concat();
    let common = [
        Event::Pong(b"ctx".to_vec()),
        Event::Ttl(Duration::from_millis(65_700)),
        Event::Pong(b"0123456789abcdef".to_vec()),
        Event::Ttl(Duration::from_millis(6_553_500)),
        Event::Pong(Vec::new()),
        part(MORE, "a"),
        Event::Pong(b"mid".to_vec()),
        part(0, "b"),
    ];
    let tail = [part(0, "upper bits"), part(0, "abc")];
    for version in [Version::V3_0, Version::V3_1] {
        let subscribed = [part(SUBSCRIBE, "\x01"), part(CANCEL, "\0topic")];
        let expected = [&common[..], &subscribed, &tail, &[part(SUBSCRIBE, "\x01L")]].concat();
        assert_eq!(decode(&xpub(), version, &input), (expected, Ok(())));
        assert_eq!(decode(&dealer(), version, &input), ([&common[..], &tail].concat(), Ok(())));
    }
}

#[test]
fn request_envelope() {
    let req = config("REQ", 3, &["REP", "ROUTER"]);
    let check = |input: &[u8]| decode(&req, Version::V3_1, input).1;
    let failed = Err(FailureKind::Protocol(None));
    assert_eq!(check(b"\x01\0\0\x02r1\x01\0\x01\x01a\0\x01b"), Ok(()));
    assert_eq!(check(b"\x01\x04\0\0\0\x01\x01\0\0\x02r1"), Ok(()));
    assert_eq!(check(b"\x01\0\x04\x07\x04PING\0\0\0\x02r1"), Ok(()));
    assert_eq!(check(b"\0\x07nodelim"), failed);
    assert_eq!(check(b"\0\0"), failed);
    assert_eq!(check(b"\0\x04\0\0\0\x01"), failed);
    assert_eq!(check(b"\x01\x04\0\0\0\x01\x01\x01x"), failed);
    assert_eq!(check(b"\x01\x04\0\0\0\x01\0\0"), failed);
    assert_eq!(check(b"\x01\x03abc"), failed);
    assert_eq!(check(b"\x01\0\0\x02r1\0\x02r2"), failed);
}

#[test]
fn maximum_message_size() {
    let config = Config { max_message_size: Some(100), ..xpub() };
    let failed = Err(FailureKind::Protocol(None));
    for version in [Version::V1_0, Version::V2_0, Version::V3_1] {
        let parts = encode(version, [message(1, [1; 60]), message(0, [2; 60]), message(0, [3; 100])]);
        assert_eq!(decode(&config, version, &parts).1, Ok(()));
        let large = encode(version, [message(0, "ok"), message(0, [3; 101])]);
        assert_eq!(decode(&config, version, &large), (vec![part(0, "ok")], failed));
    }
    assert_eq!(decode(&config, Version::V3_1, &command("SUBSCRIBE", &[0; 91])).1, failed);
    assert_eq!(decode(&config, Version::V3_1, &command("SUBSCRIBE", &[0; 90])).1, Ok(()));
    let none = Config { max_message_size: Some(0), ..dealer() };
    assert_eq!(decode(&none, Version::V3_1, b"\0\0\0\x01x"), (vec![part(0, "")], failed));
}

#[test]
fn without_room_nothing_is_begun() {
    let long = [&b"\x02\0\0\0\0\0\0\x01\x2c"[..], &[9; 300]].concat();
    let input = [
        frame(1, b"a"),
        frame(0, b"b"),
        command("SUBSCRIBE", b"t"),
        long.clone(),
        command("PING", b"\0\0c"),
        frame(0, b"d"),
    ]
    .concat();
    let all = decode(&xpub(), Version::V3_1, &input).0;
    for step in 1..input.len() {
        let mut receive = ReceiveHalf::new(&xpub(), Version::V3_1, None);
        let mut log = Log { events: Vec::new(), room: 0 };
        let mut start = 0;
        let mut stalls = 0;
        while start < input.len() {
            let end = input.len().min(start + step);
            let used = receive.decode(&input[start..end], &mut log).unwrap();
            if used == 0 {
                // Again without room, to the same end; then room for one message.
                assert_eq!(receive.decode(&input[start..end], &mut log).unwrap(), 0);
                log.room += 1;
                stalls += 1;
            }
            start += used;
        }
        assert_eq!(log.events, all);
        assert_eq!(log.room, 0);
        assert!(stalls >= 4);
    }
    // The PING comes through although no message does.
    let mut receive = ReceiveHalf::new(&xpub(), Version::V3_1, None);
    let mut log = Log { events: Vec::new(), room: 0 };
    let ping = [command("PING", b"\0\0c"), frame(0, b"d")].concat();
    assert_eq!(receive.decode(&ping, &mut log).unwrap(), 10);
    assert_eq!(log.events, [Event::Pong(b"c".to_vec())]);
}

#[test]
fn random_messages_in_random_pieces() {
    let sizes = [0, 1, 33, 34, 252, 253, 254, 255, 256, 257, 2047, 2048, 9000, 70_000, 300_000, 700_000];
    for seed in 1..60 {
        let mut random = Random(seed);
        let version = [Version::V1_0, Version::V2_0, Version::V3_0, Version::V3_1][random.below(4)];
        let count = 1 + random.below(60);
        let mut batch = WriteBatch::new();
        let mut send = SendHalf::new(&Arc::new(xpub()), version, None);
        let (mut expected, mut wire) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let kinds = if random.below(4) == 0 { sizes.len() } else { 10 };
            let size = sizes[random.below(kinds)];
            let body = vec![random.below(256) as u8; size];
            let kind = random.below(10);
            if kind == 0 && version >= Version::V3_1 {
                let body = [&[1], &body[..]].concat();
                send.encode(message(SUBSCRIBE, &body), &mut batch);
                expected.push(Event::Part(SUBSCRIBE, body));
            } else if kind == 1 && version >= Version::V3_0 {
                let context = random.bytes(random.0 as usize % 17);
                let data = [&[0, 0], &context[..]].concat();
                super::command::write(super::super::command::PING, &data, batch.arena());
                expected.push(Event::Pong(context));
            } else {
                let flags = u8::from(random.below(3) == 0);
                send.encode(message(flags, &body), &mut batch);
                expected.push(Event::Part(flags, body));
            }
            if random.below(5) == 0 {
                wire.extend(write_out(&mut batch, 1 + random.below(100_000)));
            }
        }
        wire.extend(write_out(&mut batch, 1 + random.below(100_000)));
        let most = [1, 10, 300, 10_000, 1_000_000][random.below(5)].max(wire.len() / 3000);
        let (events, result) = decode_pieces(&xpub(), version, &wire, || 1 + random.below(most));
        assert_eq!(result, Ok(()));
        assert!(events == expected, "seed {seed}");
    }
}

#[test]
fn large_bodies_are_read_into_their_own_memory() {
    for seed in 1..30 {
        let mut random = Random(seed);
        let size = config::DIRECT_MIN + random.below(2_000_000);
        let body = random.bytes(size);
        let wire = encode(Version::V3_1, [message(MORE, &body), message(0, "end")]);
        let mut receive = ReceiveHalf::new(&dealer(), Version::V3_1, None);
        let mut log = Log::new();
        let (mut start, mut direct) = (0, 0);
        assert!(!receive.wants_body());
        while start < wire.len() {
            let most = 1 + random.below(200_000);
            let lent = if random.below(4) == 0 { None } else { receive.body_tail() };
            if let Some((bytes, room)) = lent {
                assert!(room > 0 && room <= size - (start - 9));
                // Memory that other tests have left may be twice as large.
                let bound = (2 * config::FIRST_PIECE).max(start);
                assert!(room <= bound, "{room} bytes of memory after {start}");
                let count = room.min(most);
                bytes.extend_from_slice(&wire[start..start + count]);
                receive.body_filled(&mut log).unwrap();
                start += count;
                direct += count;
            } else {
                let end = wire.len().min(start + 1 + random.below(5000));
                assert_eq!(receive.decode(&wire[start..end], &mut log).unwrap(), end - start);
                start = end;
            }
        }
        assert!(log.events == [Event::Part(MORE, body), part(0, "end")], "seed {seed}");
        assert!(size < 40_000 || direct > size / 4);
    }
}

#[test]
fn a_body_as_large_as_one_before_gets_its_memory_at_once() {
    let size = 10 * config::FIRST_PIECE;
    let header = [&[2], &(size as u64).to_be_bytes()[..]].concat();
    let mut receive = ReceiveHalf::new(&dealer(), Version::V3_1, None);
    let mut log = Log::new();
    let body = vec![7; size];
    let mut rooms = [0; 2];
    for room in &mut rooms {
        receive.decode(&header, &mut log).unwrap();
        *room = receive.body_tail().unwrap().1;
        receive.decode(&body, &mut log).unwrap();
    }
    assert!(rooms[0] <= 2 * config::FIRST_PIECE);
    assert_eq!(rooms[1], size);
}

#[test]
fn a_direct_body_may_end_in_the_buffer() {
    let size = config::DIRECT_MIN;
    let mut receive = ReceiveHalf::new(&dealer(), Version::V3_1, None);
    let mut log = Log::new();
    let header = [&[2], &(size as u64).to_be_bytes()[..]].concat();
    receive.decode(&header, &mut log).unwrap();
    let (bytes, room) = receive.body_tail().unwrap();
    assert_eq!(room, size);
    bytes.resize(size, 5);
    receive.body_filled(&mut log).unwrap();
    assert_eq!(log.events, [part(0, vec![5; size])]);
    receive.body_filled(&mut log).unwrap();
    assert!(receive.body_tail().is_none() && !receive.wants_body());
}

#[test]
fn batch_keeps_order_between_arena_and_large_bodies() {
    let mut batch = WriteBatch::new();
    let mut send = SendHalf::new(&Arc::new(dealer()), Version::V3_1, None);
    let mut expected = Vec::new();
    for round in 0..200_u8 {
        for size in [1, config::ZERO_COPY_MIN, 40, config::ZERO_COPY_MIN - 1, 5000] {
            send.encode(message(0, vec![round; size]), &mut batch);
            expected.extend(encode(Version::V3_1, [message(0, vec![round; size])]));
        }
    }
    assert_eq!(batch.len(), expected.len());
    // Refilled before it is empty, so that the written part is given up meanwhile.
    let mut output = Vec::new();
    for round in 0..400 {
        let mut slices = Vec::new();
        batch.io_slices(&mut slices);
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).take(3001).collect();
        batch.advance(bytes.len());
        output.extend(bytes);
        send.encode(message(0, vec![7; round]), &mut batch);
        expected.extend(encode(Version::V3_1, [message(0, vec![7; round])]));
    }
    output.extend(write_out(&mut batch, 100_000));
    assert!(output == expected);
}

#[test]
fn memory_of_a_batch() {
    let mut batch = WriteBatch::new();
    let mut send = SendHalf::new(&Arc::new(dealer()), Version::V3_1, None);
    send.encode(message(0, "x"), &mut batch);
    let capacity = batch.capacity();
    batch.clear();
    assert!(batch.is_empty() && batch.capacity() == capacity && capacity > 0);
    batch.append(&[], &vec![0; 1 << 20]);
    batch.clear();
    assert_eq!(batch.capacity(), 0, "a large one is given up");
}

#[test]
fn written_bodies_are_dropped_at_once() {
    let mut batch = WriteBatch::new();
    let owner = Arc::new(Metadata::default());
    let mut original = message(0, vec![1; 5000]);
    original.set_metadata(Some(owner.clone()));
    let mut send = SendHalf::new(&Arc::new(dealer()), Version::V3_1, None);
    send.encode(original.share(), &mut batch);
    send.encode(message(0, vec![2; 5000]), &mut batch);
    let mut slices = Vec::new();
    batch.io_slices(&mut slices);
    assert_eq!(slices[1].as_ptr(), original.data().as_ptr(), "a large body is not copied");
    drop(slices);
    batch.advance(9 + 4999);
    assert_eq!(Arc::strong_count(&owner), 3);
    batch.advance(1);
    assert_eq!(Arc::strong_count(&owner), 2);
}

#[test]
fn idle_halves_are_small() {
    assert!(size_of::<SendHalf>() <= 24);
    assert!(size_of::<ReceiveHalf>() <= 80);
    assert!(HEADER_MAX == 10 && Framing::New.header(0, 0).1 == 2);
}
