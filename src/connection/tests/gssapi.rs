//! GSSAPI as far as it goes without a ticket: what is not a token, not in turn, or a token of nobody.

use super::*;
use crate::connection::failure::code;
use crate::connection::mechanism::gssapi::cipher;
use crate::gssapi::{Context, NameKind, Session};

fn names(plaintext: bool) -> Box<Names> {
    let principal = |text: &str| Some(Principal { text: text.into(), kind: NameKind::Principal });
    Box::new(Names {
        own: principal("nobody/nowhere@NO.REALM.TEST"),
        service: principal("zmq/nowhere@NO.REALM.TEST"),
        plaintext,
    })
}

fn client() -> Config {
    Config { security: Security::GssapiClient(names(false)), ..dealer() }
}

fn server() -> Config {
    Config { security: Security::GssapiServer(names(false)), ..router() }
}

/// A side that has had its greeting.
fn greeted(config: Config) -> Handshake {
    let mut handshake = Handshake::new(Arc::new(config));
    handshake.handle_input(&greeting(3, 1, "GSSAPI")).unwrap();
    handshake.take_output();
    handshake
}

fn initiate(token: &[u8]) -> Vec<u8> {
    command("INITIATE", &[&(token.len() as u32).to_be_bytes(), token].concat())
}

fn fails(result: Result<usize, Failure>, number: u32) {
    assert_eq!(result.unwrap_err().kind, FailureKind::Protocol(Some(number)));
}

#[test]
fn who_has_the_word() {
    let mut client = greeted(client());
    assert!(client.take_negotiation().is_some() && client.take_negotiation().is_none());
    let mut server = greeted(server());
    assert!(server.take_negotiation().is_none());
    server.handle_input(&initiate(b"token")).unwrap();
    assert!(server.take_negotiation().is_some() && server.take_negotiation().is_none());
    assert!(server.take_output().is_empty() && !server.is_ready());
}

#[test]
fn every_truncated_and_extended_initiate_is_refused() {
    let token = [7; 20];
    let whole = [b"\x08INITIATE\0\0\0\x14", &token[..]].concat();
    for size in (0..whole.len()).chain([whole.len() + 1, whole.len() + 300]) {
        let mut body = whole.clone();
        body.resize(size, 0);
        let expected = if size < 9 { code::MALFORMED_COMMAND } else { code::MALFORMED_COMMAND_INITIATE };
        fails(greeted(server()).handle_input(&frame(4, &body)), expected);
    }
    for length in [0u32, 19, 21, 0x1400_0000, u32::MAX] {
        let body = [&length.to_be_bytes(), &token[..]].concat();
        let result = greeted(server()).handle_input(&command("INITIATE", &body));
        fails(result, code::MALFORMED_COMMAND_INITIATE);
    }
    // In pieces of any size it is complete with its last byte.
    let bytes = initiate(&token);
    let mut handshake = greeted(server());
    for byte in &bytes {
        assert!(handshake.take_negotiation().is_none());
        assert_eq!(handshake.handle_input(&[*byte]), Ok(1));
    }
    assert!(handshake.take_negotiation().is_some());
}

#[test]
fn nothing_else_comes_first() {
    let others = [
        command("READY", b""),
        command("HELLO", b""),
        command("ERROR", b"\x03400"),
        command("MESSAGE", b"\0\0\0\x01x"),
    ];
    for other in others {
        fails(greeted(server()).handle_input(&other), code::UNEXPECTED_COMMAND);
    }
    fails(greeted(server()).handle_input(&frame(4, b"")), code::MALFORMED_COMMAND);
}

#[test]
fn nobody_speaks_while_a_step_is_run() {
    for input in [initiate(b"more"), frame(4, b""), command("READY", b"")] {
        fails(greeted(client()).handle_input(&input), code::UNEXPECTED_COMMAND);
        let mut handshake = greeted(server());
        handshake.handle_input(&initiate(b"token")).unwrap();
        fails(handshake.handle_input(&input), code::UNEXPECTED_COMMAND);
        // At once as well.
        fails(
            greeted(server()).handle_input(&[initiate(b"token"), input].concat()),
            code::UNEXPECTED_COMMAND,
        );
    }
}

#[test]
fn a_token_is_no_larger_than_a_handshake_allows() {
    let header = [&b"\x06"[..], &(config::HANDSHAKE_FRAME_MAX + 1).to_be_bytes()].concat();
    let failure = greeted(server()).handle_input(&header).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Protocol(None));
}

#[test]
fn tokens_of_nobody_end_in_silence() {
    // The server's name is that of nobody, or it takes whatever key there is.
    let anybody = Config { security: Security::GssapiServer(Box::default()), ..router() };
    for config in [server(), anybody] {
        for token in [&b""[..], b"x", &[0x60; 200]] {
            let mut handshake = greeted(config.clone());
            handshake.handle_input(&initiate(token)).unwrap();
            let mut negotiation = handshake.take_negotiation().unwrap();
            negotiation.run();
            let result = handshake.handle_negotiation(negotiation);
            let refused = matches!(&result, Err(failure) if failure.kind == FailureKind::Refused(None));
            // An empty token may be answered with an offer, which makes nobody known.
            assert!(refused || token.is_empty() && result.is_ok());
            assert!(!handshake.is_ready());
        }
    }
}

#[test]
fn a_step_that_was_not_run_is_no_success() {
    let mut handshake = greeted(client());
    let negotiation = handshake.take_negotiation().unwrap();
    let failure = handshake.handle_negotiation(negotiation).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Refused(None));
}

#[test]
fn nobody_downgrades_to_gssapi_or_from_it() {
    for config in [client(), server()] {
        for name in ["NULL", "PLAIN", "CURVE", "GSSAPIX", "gssapi"] {
            let mut handshake = Handshake::new(Arc::new(config.clone()));
            fails(handshake.handle_input(&greeting(3, 1, name)), code::MECHANISM_MISMATCH);
        }
        for old in [&[0u8, 5][..], &[1, 5, 0, 0]] {
            let mut handshake = Handshake::new(Arc::new(config.clone()));
            let result = handshake.handle_input(&[SIGNATURE, old].concat());
            assert_eq!(result.unwrap_err().kind, FailureKind::Protocol(None));
        }
    }
    let mut handshake = Handshake::new(Arc::new(dealer()));
    fails(handshake.handle_input(&greeting(3, 1, "GSSAPI")), code::MECHANISM_MISMATCH);
}

#[test]
fn what_is_no_message() {
    // A context that nobody has agreed to opens nothing.
    let Ok(context) = Context::new() else { return };
    let session = Session::from(context);
    let whole = [b"\x07MESSAGE\0\0\0\x20", &[5; 32][..]].concat();
    let fails = |body: &[u8], number: u32| {
        let failure = cipher::open(&session, body).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Protocol(Some(number)), "{} bytes", body.len());
    };
    for size in (0..whole.len()).chain([whole.len() + 1, whole.len() + 300]) {
        let mut body = whole.clone();
        body.resize(size, 0);
        fails(&body, if size < 8 { code::MALFORMED_COMMAND } else { code::MALFORMED_COMMAND_MESSAGE });
    }
    fails(&whole, code::CRYPTOGRAPHIC);
    fails(b"\x07MESSAGE\0\0\0\0", code::CRYPTOGRAPHIC);
    fails(b"\x05READY", code::UNEXPECTED_COMMAND);
    fails(b"hello", code::MALFORMED_COMMAND);
    assert!(cipher::append(&session, 0, &[b"\0", b"content"], &mut Vec::new()).is_err());
}

/// Half of a connection with a context that nobody has agreed to. `None` where the system has no GSSAPI.
pub(crate) fn half_that_cannot_wrap() -> Option<SendHalf> {
    let ciphers = mechanism::cipher::Ciphers::gssapi(Context::new().ok()?.into());
    Some(SendHalf::new(&Arc::new(dealer()), Version::V3_1, Some(ciphers.sealer)))
}

#[test]
fn what_cannot_be_wrapped_is_not_sent() {
    let Some(mut half) = half_that_cannot_wrap() else { return };
    let mut batch = WriteBatch::new();
    assert!(!half.is_broken());
    for flags in [0, MORE, SUBSCRIBE] {
        half.encode(message(flags, b"\x01secret"), &mut batch);
        half.encode_ping(&mut batch);
        assert!(half.is_broken() && batch.is_empty());
    }
}
