//! What a drive reports, over a real stream whose other end nobody reads.

use super::*;
use crate::connection::Version;
use crate::connection::tests::dealer;
use crate::connection::tests::gssapi::half_that_cannot_wrap;
use crate::pipe::testing::Nobody;
use crate::pipe::{End, Limits, pipe};
use std::io::Read;
use std::os::unix::net::UnixStream;

/// A connected pump, the socket's end of its pipe, and the peer's end of its stream.
fn pump() -> (SendPump, End, UnixStream) {
    pump_with(SendHalf::new(&Arc::new(dealer()), Version::V3_1, None))
}

fn pump_with(half: SendHalf) -> (SendPump, End, UnixStream) {
    pump_limited(half, 0)
}

fn pump_limited(half: SendHalf, forward: usize) -> (SendPump, End, UnixStream) {
    let limits = Limits { forward, backward: 0, conflate_forward: false, conflate_backward: false };
    let (near, far) = pipe(limits, Arc::new(Nobody), Arc::new(Nobody));
    let (ours, peer) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let mut pump = SendPump { inlet: Some(far.rx), ..SendPump::default() };
    pump.connect(Arc::new(Stream::new(ours.into())), half, None);
    (pump, near, peer)
}

/// More than the kernel takes.
fn flood(end: &mut End) {
    for _ in 0..4000 {
        end.tx.send(&mut Message::from_slice(&[7; 1000]).unwrap());
    }
}

#[test]
fn a_burst_ends_in_a_nap() {
    let (mut pump, mut end, _peer) = pump();
    flood(&mut end);
    assert_eq!(pump.drive(Vec::new(), 1, true), Sent::Napping);
    assert!(pump.napping);
}

#[test]
fn a_small_limit_allows_no_nap() {
    for (limit, naps) in [(1, false), (7, false), (8, true)] {
        let (mut pump, mut end, _peer) =
            pump_limited(SendHalf::new(&Arc::new(dealer()), Version::V3_1, None), limit);
        for _ in 0..8 {
            end.tx.send(&mut Message::from_slice(&[7; 1000]).unwrap());
        }
        assert_eq!(pump.drive(Vec::new(), 1, true) == Sent::Napping, naps, "{limit}");
        assert_eq!(pump.napping, naps, "{limit}");
    }
}

#[test]
fn a_pipe_that_its_socket_closed_allows_no_nap() {
    let (mut pump, mut end, _peer) = pump();
    flood(&mut end);
    end.close();
    assert_eq!(pump.drive(Vec::new(), 1, true), Sent::More);
    // A pump that is blocked in a nap is not watched for room to write.
    assert!(!pump.napping);
    assert_eq!(pump.drive(Vec::new(), 1000, true), Sent::Blocked);
    assert!(!pump.napping);
}

#[test]
fn closing_ends_a_nap_at_the_next_drive() {
    let (mut pump, mut end, _peer) = pump();
    flood(&mut end);
    assert_eq!(pump.drive(Vec::new(), 1, true), Sent::Napping);
    end.close();
    assert_eq!(pump.drive(Vec::new(), 1, false), Sent::More);
    assert!(!pump.napping);
}

#[test]
fn what_cannot_be_wrapped_ends_the_stream() {
    let Some(half) = half_that_cannot_wrap() else { return };
    let (mut pump, mut end, mut peer) = pump_with(half);
    end.tx.send(&mut Message::from_slice(b"secret").unwrap());
    assert_eq!(pump.drive(Vec::new(), 1, true), Sent::Unconnected);
    // Nothing comes, and then the end.
    let mut received = Vec::new();
    peer.read_to_end(&mut received).unwrap();
    assert_eq!(received, b"");
    assert_eq!(pump.drive(vec![Control::Ping], 1, true), Sent::Unconnected);
    assert!(pump.is_drained());
}

#[test]
fn what_was_said_to_a_lost_connection_is_not_said_to_the_next() {
    let (mut pump, mut end, _gone) = pump();
    let say = |end: &mut End, byte: u8| end.tx.send(&mut Message::from_slice(&[byte]).unwrap());
    say(&mut end, 1);
    pump.disconnect();
    pump.discard();
    say(&mut end, 2);
    let (ours, mut peer) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let half = SendHalf::new(&Arc::new(dealer()), Version::V3_1, None);
    pump.connect(Arc::new(Stream::new(ours.into())), half, None);
    say(&mut end, 3);
    assert_eq!(pump.drive(Vec::new(), 10, false), Sent::Idle);
    end.tx.push_uncounted(Message::control(Arc::new(Metadata::new(Vec::new()))));
    say(&mut end, 4);
    assert_eq!(pump.drive(Vec::new(), 10, false), Sent::Idle);
    let mut frame = [0; 16];
    assert_eq!(peer.read(&mut frame).unwrap(), 3);
    assert_eq!(frame[..3], [0, 1, 4]);
}

#[test]
fn nothing_follows_a_ping_in_its_batch() {
    let (mut pump, mut end, _peer) = pump();
    flood(&mut end);
    // What the kernel takes ends within the flood; the PING was before it.
    assert_eq!(pump.drive(vec![Control::Ping], 1, false), Sent::More);
    assert!(std::mem::take(&mut pump.pinged));
    assert_eq!(pump.drive(Vec::new(), 1000, false), Sent::Blocked);
    pump.drive(vec![Control::Ping], 1, false);
    assert!(!pump.pinged, "the kernel has not taken it");
}
