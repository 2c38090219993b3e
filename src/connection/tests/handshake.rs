//! Handshakes, mostly as recorded from the reference.

use super::*;

const READY_DEALER: &[u8] = b"\x04\x29\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0";

/// Feeds bytes and returns everything that was written, the first ten bytes included.
fn converse(handshake: &mut Handshake, input: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut output = handshake.take_output();
    let used = handshake.handle_input(input)?;
    assert_eq!(used, input.len());
    output.extend(handshake.take_output());
    Ok(output)
}

fn fails(config: Config, input: &[u8]) -> FailureKind {
    let config = Arc::new(config);
    let mut at_once = Handshake::new(config.clone());
    at_once.take_output();
    let failure = at_once.handle_input(input).expect_err("should have failed");
    assert!(!failure.reason.is_empty() && !at_once.is_ready());
    let mut bytewise = Handshake::new(config);
    let mut kind = None;
    for byte in input {
        bytewise.take_output();
        if let Err(failure) = bytewise.handle_input(&[*byte]) {
            kind = Some(failure.kind);
            break;
        }
    }
    // Byte by byte our READY is always out in time, so that an early ERROR becomes a late one.
    if !matches!(failure.kind, FailureKind::Refused(_)) {
        assert_eq!(kind, Some(failure.kind));
    }
    failure.kind
}

#[test]
fn greeting_is_written_in_three_steps() {
    let mut handshake = Handshake::new(Arc::new(dealer()));
    let peer = greeting(3, 1, "NULL");
    assert_eq!(handshake.take_output(), SIGNATURE);
    assert_eq!(converse(&mut handshake, &peer[..9]).unwrap(), b"");
    assert_eq!(converse(&mut handshake, &peer[9..10]).unwrap(), [3]);
    let third = converse(&mut handshake, &peer[10..11]).unwrap();
    assert_eq!(third, [b"\x01NULL", &[0; 48][..]].concat());
    assert_eq!(converse(&mut handshake, &peer[11..63]).unwrap(), b"");
    assert_eq!(converse(&mut handshake, &peer[63..]).unwrap(), READY_DEALER);
    assert!(!handshake.is_ready());
}

#[test]
fn golden_ready_with_routing_id_and_properties() {
    let mut config = dealer();
    config.routing_id = b"myid".to_vec();
    config.properties = vec![("X-zz".into(), b"y:w".to_vec()), ("X-a".into(), b"b".to_vec())];
    let output = converse(&mut Handshake::new(Arc::new(config)), &greeting(3, 1, "NULL")).unwrap();
    let mut expected = b"\xff\0\0\0\0\0\0\0\x05\x7f\x03\x01NULL".to_vec();
    expected.resize(64, 0);
    expected.extend(b"\x04\x42\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\x04myid");
    expected.extend(b"\x03X-a\0\0\0\x01b\x04X-zz\0\0\0\x03y:w");
    assert_eq!(output, expected);
}

#[test]
fn ready_above_255_bytes_is_a_long_frame() {
    let mut config = dealer();
    config.properties = vec![("X-big".into(), vec![b'x'; 300])];
    let output = converse(&mut Handshake::new(Arc::new(config)), &greeting(3, 1, "NULL")).unwrap();
    let size = READY_DEALER.len() - 2 + 6 + 4 + 300;
    assert_eq!(output[64..73], [&[6], &(size as u64).to_be_bytes()[..]].concat());
    assert_eq!(output.len(), 73 + size);
}

#[test]
fn two_of_ours_connect_in_pieces_of_any_size() {
    let mut random = Random(1);
    for _ in 0..300 {
        let (mut left, mut right) = (dealer(), router());
        left.routing_id = b"me".to_vec();
        right.routing_id = random.bytes(4);
        let mut sides = [Handshake::new(Arc::new(left)), Handshake::new(Arc::new(right))];
        let mut wires = [Vec::new(), Vec::new()];
        for turn in 0.. {
            let (from, to) = (turn % 2, 1 - turn % 2);
            assert!(turn < 10_000, "no progress");
            wires[to].extend(sides[from].take_output());
            let count = random.below(wires[to].len() + 1);
            let used = sides[to].handle_input(&wires[to][..count]).unwrap();
            assert!(used == count || sides[to].is_ready());
            wires[to].drain(..used);
            if sides.iter().all(Handshake::is_ready) {
                break;
            }
        }
        assert_eq!(wires, [vec![], vec![]]);
        assert!(sides.iter_mut().all(|side| side.take_output().is_empty()));
        let [left, right] = sides.map(Handshake::finish);
        assert_eq!((left.version, right.version), (Version::V3_1, Version::V3_1));
        assert_eq!((left.routing_id, right.routing_id), (vec![], b"me".to_vec()));
        assert_eq!(right.properties[0], ("Socket-Type".into(), b"DEALER".to_vec()));
        assert_eq!(right.properties[1], ("Identity".into(), b"me".to_vec()));
        assert!(right.injected.is_empty());
    }
}

#[test]
fn what_follows_ready_is_not_consumed() {
    for minor in [0, 1] {
        let mut input = greeting(3, minor, "NULL");
        input.extend(command("READY", &property("Socket-Type", b"SUB")));
        let end = input.len();
        input.extend(frame(0, b"\x01A"));
        input.extend(command("SUBSCRIBE", b"B"));
        let mut handshake = Handshake::new(Arc::new(xpub()));
        assert_eq!(handshake.handle_input(&input).unwrap(), end);
        assert_eq!(handshake.handle_input(&input[end..]).unwrap(), 0);
        handshake.take_output();
        let mut established = handshake.finish();
        assert_eq!(established.version, if minor == 0 { Version::V3_0 } else { Version::V3_1 });
        let mut log = Log::new();
        established.receive.decode(&input[end..], &mut log).unwrap();
        assert_eq!(log.events, [part(0, "\x01A"), part(SUBSCRIBE, "\x01B")]);
    }
}

#[test]
fn versions_of_the_peer() {
    for (major, minor, version) in [
        (3, 0, Version::V3_0),
        (3, 1, Version::V3_1),
        (3, 9, Version::V3_1),
        (2, 0, Version::V3_1),
        (4, 0, Version::V3_1),
        (255, 7, Version::V3_1),
    ] {
        let mut handshake = Handshake::new(Arc::new(dealer()));
        let input = [greeting(major, minor, "NULL"), command("READY", b"")].concat();
        converse(&mut handshake, &input).unwrap();
        assert_eq!(handshake.finish().version, version);
    }
}

#[test]
fn version_2_0_peer_of_a_router() {
    let mut handshake = Handshake::new(Arc::new(router()));
    let input = [SIGNATURE, &[1, 5]].concat();
    assert_eq!(converse(&mut handshake, &input).unwrap(), [SIGNATURE, &[3, 6, 0, 0]].concat());
    assert_eq!(converse(&mut handshake, b"\0\x03abc").unwrap(), b"");
    let mut established = handshake.finish();
    assert_eq!((established.version, &established.routing_id[..]), (Version::V2_0, &b"abc"[..]));
    assert!(established.properties.is_empty());
    let mut log = Log::new();
    established.receive.decode(b"\0\x05hello\x04\x0c\x09SUBSCRIBEAB", &mut log).unwrap();
    assert_eq!(log.events, [part(0, "hello")]);
    let mut batch = WriteBatch::new();
    established.send.encode(message(0, "xxx"), &mut batch);
    established.send.encode_ping(&mut batch);
    established.send.encode_pong(b"", &mut batch);
    assert_eq!(write_out(&mut batch, 1), b"\0\x03xxx");
}

#[test]
fn version_1_0_peer_with_a_greeting() {
    let mut config = router();
    config.routing_id = b"rid".to_vec();
    let mut handshake = Handshake::new(Arc::new(config));
    let input = [SIGNATURE, &[0, 5]].concat();
    assert_eq!(converse(&mut handshake, &input).unwrap(), b"\xff\0\0\0\0\0\0\0\x04\x7f\x03\x06\x04\0rid");
    converse(&mut handshake, b"\x04\0abc").unwrap();
    let established = handshake.finish();
    assert_eq!((established.version, &established.routing_id[..]), (Version::V1_0, &b"abc"[..]));
}

#[test]
fn unversioned_peer_of_an_xpub_is_subscribed_to_everything() {
    let mut handshake = Handshake::new(Arc::new(xpub()));
    assert_eq!(converse(&mut handshake, b"\x01\0").unwrap(), SIGNATURE);
    let mut established = handshake.finish();
    assert_eq!(established.injected.len(), 1);
    assert_eq!(established.injected[0].data(), b"\x01");
    let mut batch = WriteBatch::new();
    established.send.encode(message(0, "ABC"), &mut batch);
    assert_eq!(write_out(&mut batch, 9), b"\x04\0ABC");
}

#[test]
fn unversioned_peer_of_a_router() {
    // The identity frame in its short form, and in the long form that looks like a signature for nine bytes.
    for identity in [&b"\x04\0abc"[..], b"\xff\0\0\0\0\0\0\0\x04\0abc"] {
        let mut config = router();
        config.routing_id = b"rid".to_vec();
        let mut handshake = Handshake::new(Arc::new(config));
        let input = [identity, b"\x06\0hello"].concat();
        let used = handshake.handle_input(&input).unwrap();
        assert_eq!(used, identity.len());
        assert_eq!(handshake.take_output(), b"\xff\0\0\0\0\0\0\0\x04\x7frid");
        let mut established = handshake.finish();
        assert_eq!((established.version, &established.routing_id[..]), (Version::V1_0, &b"abc"[..]));
        assert!(established.injected.is_empty());
        let mut log = Log::new();
        established.receive.decode(&input[used..], &mut log).unwrap();
        assert_eq!(log.events, [part(0, "hello")]);
    }
}

#[test]
fn unversioned_peer_without_routing_id() {
    // In the long form the frame is complete with its header: nothing more need come.
    for identity in [&b"\x01\0"[..], b"\xff\0\0\0\0\0\0\0\x01\0"] {
        let mut handshake = Handshake::new(Arc::new(router()));
        converse(&mut handshake, identity).unwrap();
        assert!(handshake.is_ready());
    }
}

#[test]
fn old_peers_are_refused_when_they_should_authenticate() {
    for input in [&b"\x01\0"[..], &[SIGNATURE, &[1, 5, 0, 0]].concat(), &[SIGNATURE, &[0, 5, 1, 0]].concat()]
    {
        let zap = Zap { domain: b"d".to_vec(), enforce: false };
        let config = Config { zap, ..router() };
        assert_eq!(fails(config, input), FailureKind::Protocol(None));
    }
}

#[test]
fn mechanisms_are_compared_in_all_twenty_bytes() {
    for name in ["PLAIN", "CURVE", "", "NULL2", "null", "NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0x"] {
        let kind = fails(dealer(), &greeting(3, 1, name));
        assert_eq!(kind, FailureKind::Protocol(Some(0x1100_0002)));
    }
    // as-server and filler are ignored.
    let mut input = greeting(3, 1, "NULL");
    input[32..].fill(0xff);
    input.extend(command("READY", b""));
    let mut handshake = Handshake::new(Arc::new(dealer()));
    converse(&mut handshake, &input).unwrap();
    assert!(handshake.is_ready());
}

#[test]
fn rules_of_ready() {
    let ready = |data: &[u8]| [greeting(3, 1, "NULL"), command("READY", data)].concat();
    for data in [
        &b""[..],
        &property("Socket-Type", b"ROUTER"),
        &property("socket-type", b"PUB"),
        &property("", b""),
        // Cut off exactly where the value would begin: nothing is left over.
        &property("X-cut", b"value")[..10],
    ] {
        let mut handshake = Handshake::new(Arc::new(dealer()));
        converse(&mut handshake, &ready(data)).unwrap();
        assert!(handshake.is_ready(), "{data:?}");
    }
    for data in [
        &property("Socket-Type", b"PUB")[..],
        &property("Socket-Type", b"ROUTERx"),
        &property("Socket-Type", b""),
        b"\x01",
        &[&property("X", b"")[..], b"\0"].concat(),
        &property("X-cut", b"value")[..11],
        &property("X-cut", b"value")[..9],
        b"\x05X",
        b"\x01X\xff\xff\xff\xffshort",
    ] {
        assert_eq!(fails(dealer(), &ready(data)), FailureKind::Protocol(None), "{data:?}");
    }
    let unexpected = FailureKind::Protocol(Some(0x1000_0001));
    let hello = |bytes: &[u8]| fails(dealer(), &[&greeting(3, 1, "NULL"), bytes].concat());
    assert_eq!(hello(&command("PING", b"\0\0")), unexpected);
    assert_eq!(hello(&command("READ", b"")), unexpected);
    assert_eq!(hello(b"\x04\0"), unexpected);
    assert_eq!(hello(b"\0\0"), unexpected);
    // The COMMAND flag is not required.
    let mut handshake = Handshake::new(Arc::new(dealer()));
    converse(&mut handshake, &[&greeting(3, 1, "NULL")[..], b"\xf8\x06\x05READY"].concat()).unwrap();
    assert!(handshake.is_ready());
}

#[test]
fn properties_keep_their_order_and_the_first_of_equal_names() {
    let data = [
        property("X-foo", b"1"),
        property("Socket-Type", b"REQ"),
        property("X-foo", b"2"),
        property("Identity", &[7; 300]),
        property("User-Id", b"me"),
    ];
    let mut input = greeting(3, 1, "NULL");
    let body = [b"\x05READY", &data.concat()[..]].concat();
    input.push(2);
    input.extend((body.len() as u64).to_be_bytes());
    input.extend(body);
    for (config, routing_id) in
        [(router(), vec![7; 300]), (Config { uses_identity: false, ..router() }, vec![])]
    {
        let mut handshake = Handshake::new(Arc::new(config));
        converse(&mut handshake, &input).unwrap();
        let established = handshake.finish();
        let names: Vec<_> = established.properties.iter().map(|(name, _)| &name[..]).collect();
        assert_eq!(names, ["X-foo", "Socket-Type", "Identity", "User-Id"]);
        assert_eq!(established.properties[0].1, b"1");
        assert_eq!(established.routing_id, routing_id);
    }
}

#[test]
fn error_command() {
    let error = |data: &[u8]| {
        let mut handshake = Handshake::new(Arc::new(dealer()));
        converse(&mut handshake, &greeting(3, 1, "NULL")).unwrap();
        handshake.handle_input(&command("ERROR", data)).unwrap_err().kind
    };
    assert_eq!(error(b"\x03400"), FailureKind::Authentication(400));
    assert_eq!(error(b"\x03300 trailing"), FailureKind::Authentication(300));
    assert_eq!(error(b"\x03500"), FailureKind::Authentication(500));
    assert_eq!(error(b"\x03200"), FailureKind::Protocol(None));
    assert_eq!(error(b"\x044000"), FailureKind::Protocol(None));
    assert_eq!(error(b"\0"), FailureKind::Protocol(None));
    let malformed = FailureKind::Protocol(Some(0x1000_0015));
    assert_eq!(error(b""), malformed);
    assert_eq!(error(b"\x04400"), malformed);
    // Before our READY is out, the peer is waited for and tried again.
    let early = |data| fails(dealer(), &[greeting(3, 1, "NULL"), command("ERROR", data)].concat());
    assert_eq!(early(b"\x03400"), FailureKind::Refused(Some(400)));
    assert_eq!(early(b"\x03bad"), FailureKind::Refused(None));
}
