//! PLAIN, CURVE and ZAP: whole conversations, and everything that can be done to them.

use super::*;
use crate::connection::failure::code;
use crate::connection::mechanism::curve::client::ClientKeys;
use crate::connection::zap::{Verdict, Zap};
use crate::crypto::SecretKey;

fn reply(status: &str, user: &str, properties: &[u8]) -> Verdict {
    let frames = ["", "1.0", "1", status, "text", user].map(|frame| frame.as_bytes().to_vec());
    Verdict::Reply(frames.into_iter().chain([properties.to_vec()]).collect())
}

fn accepted() -> Verdict {
    reply("200", "somebody", &property("Level", b"high"))
}

fn plain_client() -> Config {
    let security = Security::PlainClient { username: b"me".to_vec(), password: b"secret".to_vec().into() };
    Config { security, ..dealer() }
}

fn plain_server() -> Config {
    Config { security: Security::PlainServer, ..router() }
}

fn secret(number: u8) -> SecretKey {
    SecretKey::from_bytes(&[number; 32])
}

fn curve_client() -> Config {
    let (server, own) = (secret(1), secret(2));
    let keys = ClientKeys { public: own.public_key(), secret: own, server: server.public_key() };
    Config { security: Security::CurveClient(Box::new(keys)), ..dealer() }
}

fn curve_server() -> Config {
    Config { security: Security::CurveServer(secret(1)), ..router() }
}

/// Two sides, and what the first of them writes can be changed on its way.
struct Pair {
    sides: [Handshake; 2],
    wires: [Vec<u8>; 2],
    requests: Vec<Vec<Vec<u8>>>,
}

impl Pair {
    fn new(client: Config, server: Config) -> Self {
        let sides = [Handshake::new(Arc::new(client)), Handshake::new(Arc::new(server))];
        Self { sides, wires: [Vec::new(), Vec::new()], requests: Vec::new() }
    }

    /// Lets one side read what has come for it, at most `most` bytes.
    fn turn(&mut self, side: usize, most: usize) -> Result<(), Failure> {
        let count = self.wires[side].len().min(most);
        let input: Vec<u8> = self.wires[side].drain(..count).collect();
        let result = self.sides[side].handle_input(&input);
        let output = self.sides[side].take_output();
        self.wires[1 - side].extend(output);
        let used = result?;
        self.wires[side].splice(0..0, input[used..].iter().copied());
        if let Some(request) = self.sides[side].take_request(|| "10.0.0.1".to_owned()) {
            self.requests.push(request);
        }
        Ok(())
    }

    fn judge(&mut self, verdict: Verdict) -> Result<(), Failure> {
        let result = self.sides[1].handle_verdict(verdict);
        let output = self.sides[1].take_output();
        self.wires[0].extend(output);
        result
    }

    /// Exchanges what there is until both wait.
    fn settle(&mut self) -> Result<(), Failure> {
        for side in [0, 1, 0, 1, 0, 1, 0, 1, 0, 1] {
            self.turn(side, usize::MAX)?;
        }
        Ok(())
    }

    fn is_ready(&self) -> bool {
        self.sides.iter().all(Handshake::is_ready)
    }

    fn finish(self) -> [Established; 2] {
        assert!(self.is_ready() && self.wires == [vec![], vec![]]);
        self.sides.map(Handshake::finish)
    }
}

fn connected(client: Config, server: Config) -> [Established; 2] {
    let mut pair = Pair::new(client, server);
    pair.settle().unwrap();
    pair.judge(accepted()).unwrap();
    pair.settle().unwrap();
    pair.finish()
}

#[test]
fn both_mechanisms_in_pieces_of_any_size() {
    let mut random = Random(5);
    for round in 0..100 {
        let (client, server) =
            if round % 2 == 0 { (plain_client(), plain_server()) } else { (curve_client(), curve_server()) };
        let mut pair = Pair::new(Config { routing_id: b"me".to_vec(), ..client }, server);
        for _ in 0..5000 {
            let side = random.below(2);
            let most = random.below(40);
            pair.turn(side, most).unwrap();
            if pair.requests.len() == 1 && random.below(10) == 0 {
                pair.judge(accepted()).unwrap();
                pair.requests.push(Vec::new());
            }
        }
        let [left, right] = pair.finish();
        assert_eq!(right.routing_id, b"me");
        assert_eq!(right.approval.user_id.as_deref(), Some(&b"somebody"[..]));
        assert_eq!(right.approval.properties, [("Level".into(), b"high".to_vec())]);
        assert_eq!(left.properties[0], ("Socket-Type".into(), b"ROUTER".to_vec()));
    }
}

#[test]
fn requests_say_who_asks_for_what() {
    let expected = |mechanism: &str| {
        ["", "1.0", "1", "there", "10.0.0.1", "id", mechanism].map(|frame| frame.as_bytes().to_vec()).to_vec()
    };
    let zap = Zap { domain: b"there".to_vec(), enforce: false };
    let with_domain = |config: Config| Config { zap: zap.clone(), routing_id: b"id".to_vec(), ..config };

    let mut pair = Pair::new(plain_client(), with_domain(plain_server()));
    pair.settle().unwrap();
    assert_eq!(pair.requests, [[expected("PLAIN"), vec![b"me".to_vec(), b"secret".to_vec()]].concat()]);

    let mut pair = Pair::new(curve_client(), with_domain(curve_server()));
    pair.settle().unwrap();
    assert_eq!(pair.requests, [[expected("CURVE"), vec![secret(2).public_key().to_vec()]].concat()]);

    let mut pair = Pair::new(dealer(), with_domain(router()));
    pair.settle().unwrap();
    assert_eq!(pair.requests, [expected("NULL")]);
    assert!(!pair.is_ready());
    pair.judge(accepted()).unwrap();
    pair.settle().unwrap();
    assert!(pair.is_ready());
}

#[test]
fn when_the_handler_is_asked_and_needed() {
    let zap = |domain: &str, enforce| Zap { domain: domain.into(), enforce };
    // Client, server, policy; asked; what follows when there is no handler.
    let cases: [(Config, Config, Zap, bool, bool); 9] = [
        (dealer(), router(), zap("", false), false, true),
        (dealer(), router(), zap("", true), false, true),
        (dealer(), router(), zap("d", false), true, true),
        (dealer(), router(), zap("d", true), true, false),
        (plain_client(), plain_server(), zap("", false), true, false),
        (curve_client(), curve_server(), zap("", false), true, true),
        (curve_client(), curve_server(), zap("d", false), true, true),
        (curve_client(), curve_server(), zap("", true), false, true),
        (curve_client(), curve_server(), zap("d", true), true, false),
    ];
    for (index, (client, server, zap, asked, served)) in cases.into_iter().enumerate() {
        let mut pair = Pair::new(client, Config { zap, ..server });
        pair.settle().unwrap();
        assert_eq!(pair.requests.len(), usize::from(asked), "case {index}");
        assert_eq!(pair.is_ready(), !asked, "case {index}");
        if asked {
            let result = pair.judge(Verdict::NoHandler);
            assert_eq!(result.is_ok(), served, "case {index}");
            assert!(served || result.unwrap_err().kind == FailureKind::NoVerdict);
            pair.settle().unwrap();
            assert_eq!(pair.is_ready(), served, "case {index}");
        }
    }
}

#[test]
fn denied_peers_learn_why() {
    for (client, server) in [(plain_client(), plain_server()), (curve_client(), curve_server())] {
        for (status, number) in [("300", 300), ("400", 400), ("500", 500)] {
            let mut pair = Pair::new(client.clone(), server.clone());
            pair.settle().unwrap();
            let failure = pair.judge(reply(status, "", b"")).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Refused(Some(number)));
            if number == 300 {
                assert_eq!(pair.wires[0], b"");
                continue;
            }
            let data = [b"\x03", status.as_bytes()].concat();
            if matches!(server.security, Security::PlainServer) {
                assert_eq!(pair.wires[0], [b"\x04\x09^RROR", &data[..]].concat());
            } else {
                assert_eq!(pair.wires[0], command("ERROR", &data));
            }
            let failure = pair.turn(0, usize::MAX).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Authentication(number));
        }
    }
}

#[test]
fn both_spellings_of_an_error_in_plain() {
    for error in [&b"\x04\x0a\x05ERROR\x03400"[..], b"\x04\x09^RROR\x03400"] {
        let mut pair = Pair::new(plain_client(), plain_server());
        pair.settle().unwrap();
        pair.wires[0].extend(error);
        assert_eq!(pair.turn(0, usize::MAX).unwrap_err().kind, FailureKind::Authentication(400));
    }
}

#[test]
fn wrong_replies_of_the_handler() {
    let right = ["", "1.0", "1", "200", "", "", ""].map(|frame| frame.as_bytes().to_vec()).to_vec();
    let change = |at: usize, text: &str| {
        let mut frames = right.clone();
        frames[at] = text.as_bytes().to_vec();
        frames
    };
    let cases = [
        (change(0, "x"), code::ZAP_UNSPECIFIED),
        (change(1, "1.1"), code::ZAP_BAD_VERSION),
        (change(1, ""), code::ZAP_BAD_VERSION),
        (change(2, "2"), code::ZAP_BAD_REQUEST_ID),
        (change(3, "100"), code::ZAP_INVALID_STATUS_CODE),
        (change(3, "2000"), code::ZAP_INVALID_STATUS_CODE),
        (change(6, "\x05nonsense"), code::ZAP_INVALID_METADATA),
        (right[..6].to_vec(), code::ZAP_MALFORMED_REPLY),
        ([&right[..], &right[..1]].concat(), code::ZAP_MALFORMED_REPLY),
        (vec![], code::ZAP_MALFORMED_REPLY),
    ];
    for (frames, expected) in cases {
        let mut pair = Pair::new(plain_client(), plain_server());
        pair.settle().unwrap();
        let shown = format!("{frames:?}");
        let failure = pair.judge(Verdict::Reply(frames)).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Protocol(Some(expected)), "{shown}");
        assert!(!pair.is_ready());
    }
}

#[test]
fn nobody_downgrades() {
    for server in [plain_server(), curve_server()] {
        for client in [dealer(), plain_client(), curve_client()] {
            let mut pair = Pair::new(client, server.clone());
            let names = [0, 1].map(|side| format!("{:?}", pair.sides[side]));
            let same = ["Plain", "Curve"].iter().any(|name| names.iter().all(|text| text.contains(name)));
            let result = pair.settle();
            let mismatch = matches!(&result, Err(failure) if failure.kind == FailureKind::Protocol(Some(code::MECHANISM_MISMATCH)));
            assert_eq!(mismatch, !same, "{names:?}");
        }
        for old in [&[0u8, 5][..], &[1, 5, 0, 0]] {
            let mut handshake = Handshake::new(Arc::new(server.clone()));
            let result = handshake.handle_input(&[SIGNATURE, old].concat());
            assert_eq!(result.unwrap_err().kind, FailureKind::Protocol(None));
        }
        // Two of the same role.
        let mut pair = Pair::new(server.clone(), server.clone());
        pair.settle().unwrap();
        assert!(!pair.is_ready());
    }
    for client in [plain_client(), curve_client()] {
        let mut pair = Pair::new(client.clone(), client);
        let failure = pair.settle().unwrap_err();
        assert_eq!(failure.kind, FailureKind::Protocol(Some(code::UNEXPECTED_COMMAND)));
    }
}

#[test]
fn golden_plain() {
    let hello = b"\x04\x10\x05HELLO\x02me\x06secret";
    let metadata = [property("Socket-Type", b"DEALER"), property("Identity", b"")].concat();
    let mut pair = Pair::new(plain_client(), plain_server());
    pair.turn(0, 0).unwrap();
    pair.turn(1, usize::MAX).unwrap();
    pair.turn(0, usize::MAX).unwrap();
    pair.turn(1, usize::MAX).unwrap();
    pair.turn(0, usize::MAX).unwrap();
    assert!(pair.wires[1].ends_with(hello));
    pair.turn(1, usize::MAX).unwrap();
    pair.judge(accepted()).unwrap();
    assert_eq!(pair.wires[0], b"\x04\x08\x07WELCOME");
    pair.turn(0, usize::MAX).unwrap();
    assert_eq!(pair.wires[1], command("INITIATE", &metadata));
}

/// Frames of one direction, headers included.
fn split(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Ok(Some((header, size))) = Framing::New.parse(bytes) {
        let (frame, rest) = bytes.split_at(size + header.size as usize);
        frames.push(frame.to_vec());
        bytes = rest;
    }
    assert!(bytes.is_empty());
    frames
}

/// The next command of a side, taken off the wire to the other one.
fn intercept(pair: &mut Pair, side: usize) -> Vec<u8> {
    let mut frames = split(&std::mem::take(&mut pair.wires[1 - side]));
    assert_eq!(frames.len(), 1);
    frames.remove(0)
}

/// A pair whose next command, taken off the wire, is: 0 HELLO, 1 WELCOME, 2 INITIATE, 3 READY.
fn pair_at(step: usize, client: &Config, server: &Config) -> (Pair, Vec<u8>) {
    let mut pair = Pair::new(client.clone(), server.clone());
    // The greetings, and nothing of what follows them.
    let mut left = [64, 64];
    while left != [0, 0] {
        for side in [0, 1] {
            let count = left[side].min(pair.wires[side].len());
            pair.turn(side, count).unwrap();
            left[side] -= count;
        }
    }
    let asked_after = if matches!(server.security, Security::PlainServer) { 0 } else { 2 };
    for at in 0..step {
        let frame = intercept(&mut pair, at % 2);
        assert_eq!(deliver(&mut pair, at, &frame), None);
        if at == asked_after {
            pair.judge(accepted()).unwrap();
        }
    }
    let frame = intercept(&mut pair, step % 2);
    (pair, frame)
}

fn deliver(pair: &mut Pair, step: usize, frame: &[u8]) -> Option<FailureKind> {
    let side = 1 - step % 2;
    pair.wires[side].extend(frame);
    let result = pair.turn(side, usize::MAX);
    assert!(result.is_ok() || !pair.sides[side].is_ready());
    result.err().map(|failure| failure.kind)
}

/// A command frame with another body.
fn reframed(body: &[u8]) -> Vec<u8> {
    let (header, size) = Framing::New.header(4, body.len());
    [&header[..size], body].concat()
}

fn body_of(frame: &[u8]) -> &[u8] {
    let (_, size) = Framing::New.parse(frame).unwrap().unwrap();
    &frame[size..]
}

#[test]
fn golden_sizes_of_curve() {
    let (client, server) = (config("PUSH", 8, &["PULL"]), config("PULL", 7, &["PUSH"]));
    let client = Config { security: curve_client().security, ..client };
    let server = Config { security: curve_server().security, ..server };
    let sizes = [(0, 200), (1, 168), (2, 277), (3, 50)];
    for (step, size) in sizes {
        let (_, frame) = pair_at(step, &client, &server);
        assert_eq!(body_of(&frame).len(), size, "step {step}");
    }
}

#[test]
fn every_changed_byte_of_a_curve_handshake_is_noticed() {
    let (client, server) = (curve_client(), curve_server());
    for step in 0..4 {
        let (_, frame) = pair_at(step, &client, &server);
        for at in 0..body_of(&frame).len() {
            let (mut pair, frame) = pair_at(step, &client, &server);
            let mut body = body_of(&frame).to_vec();
            body[at] ^= 1;
            // HELLO has 72 bytes of padding that nobody looks at.
            let padding = step == 0 && (8..80).contains(&at);
            let failure = deliver(&mut pair, step, &reframed(&body));
            assert_eq!(failure.is_none(), padding, "step {step}, byte {at}");
        }
    }
}

#[test]
fn every_truncated_and_extended_command_is_refused() {
    for (client, server) in [(plain_client(), plain_server()), (curve_client(), curve_server())] {
        let curve = matches!(server.security, Security::CurveServer(_));
        for step in 0..4 {
            let (_, frame) = pair_at(step, &client, &server);
            let whole = body_of(&frame).len();
            for size in (0..whole).chain([whole + 1, whole + 300]) {
                let (mut pair, frame) = pair_at(step, &client, &server);
                let mut body = body_of(&frame).to_vec();
                body.resize(size, 0);
                let failure = deliver(&mut pair, step, &reframed(&body));
                // In PLAIN, properties may end after each whole one, and a READY may have none.
                if curve || step < 2 {
                    assert!(matches!(failure, Some(FailureKind::Protocol(_))), "step {step}, {size} bytes");
                }
            }
        }
    }
}

#[test]
fn commands_that_come_twice_or_out_of_turn() {
    for (client, server) in [(plain_client(), plain_server()), (curve_client(), curve_server())] {
        for step in 0..3 {
            for other in 0..4 {
                if other == step {
                    continue;
                }
                let (_, frame) = pair_at(other, &client, &server);
                let (mut pair, _) = pair_at(step, &client, &server);
                let failure = deliver(&mut pair, step, &frame);
                assert!(matches!(failure, Some(FailureKind::Protocol(Some(_)))), "{other} for {step}");
            }
            let (mut pair, frame) = pair_at(step, &client, &server);
            let failure = deliver(&mut pair, step, &[&frame[..], &frame[..]].concat());
            // What comes behind a finished handshake is an unknown command to the connection.
            let finished = pair.sides[1].is_ready();
            assert!(finished || matches!(failure, Some(FailureKind::Protocol(Some(_)))), "twice {step}");
            assert!(!finished || step == 2 && pair.wires[1] == frame, "twice {step}");
        }
    }
}

#[test]
fn nothing_can_be_replayed_on_another_connection() {
    let (client, server) = (curve_client(), curve_server());
    for step in 1..4 {
        let (_, recorded) = pair_at(step, &client, &server);
        let (mut pair, _) = pair_at(step, &client, &server);
        let failure = deliver(&mut pair, step, &recorded);
        assert_eq!(failure, Some(FailureKind::Protocol(Some(code::CRYPTOGRAPHIC))), "step {step}");
    }
    // A HELLO can, but its sender does not get further without the client's secret.
    let (_, recorded) = pair_at(0, &client, &server);
    let (mut pair, _) = pair_at(0, &client, &server);
    assert_eq!(deliver(&mut pair, 0, &recorded), None);
}

#[test]
fn wrong_keys() {
    let other = Config { security: Security::CurveServer(secret(9)), ..router() };
    let mut pair = Pair::new(curve_client(), other);
    let failure = pair.settle().unwrap_err();
    assert_eq!(failure.kind, FailureKind::Protocol(Some(code::CRYPTOGRAPHIC)));

    // A public key that is not that of the secret one: the vouch does not open.
    let Security::CurveClient(mut keys) = curve_client().security else { unreachable!() };
    keys.public = secret(7).public_key();
    let mut pair = Pair::new(Config { security: Security::CurveClient(keys), ..dealer() }, curve_server());
    let failure = pair.settle().unwrap_err();
    assert_eq!(failure.kind, FailureKind::Protocol(Some(code::CRYPTOGRAPHIC)));

    // No key at all.
    let Security::CurveClient(mut keys) = curve_client().security else { unreachable!() };
    keys.server = [0; 32];
    let mut pair = Pair::new(Config { security: Security::CurveClient(keys), ..dealer() }, curve_server());
    let failure = pair.settle().unwrap_err();
    assert_eq!(failure.kind, FailureKind::Protocol(Some(code::CRYPTOGRAPHIC)));
}

fn sealed(send: &mut SendHalf, message: Message) -> Vec<u8> {
    let mut batch = WriteBatch::new();
    send.encode(message, &mut batch);
    write_out(&mut batch, usize::MAX)
}

#[test]
fn messages_through_curve() {
    let [mut client, mut server] = connected(curve_client(), Config { publishes: true, ..curve_server() });
    let mut random = Random(3);
    let mut wire = Vec::new();
    let mut expected = Vec::new();
    let mut batch = WriteBatch::new();
    for round in 0..300 {
        let size = [0, 1, 32, 33, 254, 255, 256, 2047, 2048, 9000, 70_000][random.below(11)];
        let body = random.bytes(size);
        let flags = if random.below(3) == 0 { MORE } else { 0 };
        client.send.encode(message(flags, &body), &mut batch);
        expected.push(part(flags, &body));
        if flags == 0 && round % 7 == 0 {
            client.send.encode_pong(b"context", &mut batch);
            client.send.encode_ping(&mut batch);
            expected.push(Event::Pong(Vec::new()));
            client.send.encode(message(SUBSCRIBE, b"\x01topic"), &mut batch);
            expected.push(part(SUBSCRIBE, b"\x01topic"));
            client.send.encode(message(CANCEL, b"\x00topic"), &mut batch);
            expected.push(part(CANCEL, b"\x00topic"));
        }
        wire.extend(write_out(&mut batch, usize::MAX));
    }
    // Nothing of what is inside shows: every frame is a MESSAGE without flags.
    assert!(split(&wire).iter().all(|frame| frame[0] & 5 == 0 && body_of(frame).starts_with(b"\x07MESSAGE")));
    let mut log = Log::new();
    let mut rest = &wire[..];
    while !rest.is_empty() {
        let count = (1 + random.below(100_000)).min(rest.len());
        let used = match server.receive.body_tail() {
            Some((bytes, room)) => {
                let count = room.min(count);
                bytes.extend_from_slice(&rest[..count]);
                server.receive.body_filled(&mut log).unwrap();
                count
            }
            None => server.receive.decode(&rest[..count], &mut log).unwrap(),
        };
        rest = &rest[used..];
    }
    assert_eq!(log.events, expected);
}

#[test]
fn golden_sizes_of_messages() {
    let [mut client, mut server] = connected(curve_client(), curve_server());
    let frame = sealed(&mut client.send, message(0, b"hello"));
    assert_eq!((&frame[..2], frame.len()), (&b"\0\x26"[..], 40));
    // HELLO had counter 1, INITIATE 2; the server's READY had 1.
    assert_eq!(frame[2..18], *b"\x07MESSAGE\0\0\0\0\0\0\0\x03");
    let frame = sealed(&mut client.send, message(0, [0; 300]));
    assert_eq!((&frame[..9], frame.len()), (&b"\x02\0\0\0\0\0\0\x01\x4d"[..], 342));
    assert_eq!(sealed(&mut server.send, message(0, b""))[2..18], *b"\x07MESSAGE\0\0\0\0\0\0\0\x02");
}

#[test]
fn what_is_done_to_messages_is_noticed() {
    let fresh = || {
        let [mut client, server] = connected(curve_client(), curve_server());
        let frames: Vec<_> =
            ["first", "second", "third"].map(|text| sealed(&mut client.send, message(0, text))).into();
        (server.receive, frames)
    };
    let outcome = |mut receive: ReceiveHalf, input: &[u8]| {
        let mut log = Log::new();
        let result = receive.decode(input, &mut log);
        (log.events.len(), result.err().map(|failure| failure.kind))
    };
    let fails = |number| Some(FailureKind::Protocol(Some(number)));
    let (receive, frames) = fresh();
    assert_eq!(outcome(receive, &frames.concat()), (3, None));
    let (receive, frames) = fresh();
    assert_eq!(outcome(receive, &[&frames[0][..], &frames[2]].concat()), (2, None), "a gap is no crime");
    let (receive, frames) = fresh();
    assert_eq!(outcome(receive, &[&frames[0][..], &frames[0]].concat()), (1, fails(code::INVALID_SEQUENCE)));
    let (receive, frames) = fresh();
    assert_eq!(outcome(receive, &[&frames[1][..], &frames[0]].concat()), (1, fails(code::INVALID_SEQUENCE)));
    let (receive, _) = fresh();
    let (_, frames) = fresh();
    assert_eq!(outcome(receive, &frames[0]), (0, fails(code::CRYPTOGRAPHIC)), "of another connection");
    let (receive, _) = fresh();
    assert_eq!(outcome(receive, b"\0\x05hello"), (0, fails(code::MALFORMED_COMMAND)));
    let (receive, _) = fresh();
    assert_eq!(outcome(receive, &command("PING", b"\0\0")), (0, fails(code::UNEXPECTED_COMMAND)));
    for size in 8..33 {
        let (receive, frames) = fresh();
        let frame = frame(0, &body_of(&frames[0])[..size]);
        assert_eq!(outcome(receive, &frame), (0, fails(code::MALFORMED_COMMAND_MESSAGE)));
    }
    for at in 0..frames[0].len() - 2 {
        let (receive, frames) = fresh();
        let mut body = body_of(&frames[0]).to_vec();
        body[at] ^= 0x80;
        let (events, failure) = outcome(receive, &frame(0, &body));
        // A counter that was raised fails to open, one that was lowered is out of sequence.
        assert!(events == 0 && matches!(failure, Some(FailureKind::Protocol(Some(_)))), "byte {at}");
    }
    // What came back to where it came from: each direction has its own nonces.
    let [mut client, _] = connected(curve_client(), curve_server());
    let frame = sealed(&mut client.send, message(0, "mirror"));
    assert_eq!(outcome(client.receive, &frame), (0, fails(code::CRYPTOGRAPHIC)));
}
