use super::*;
use crate::pattern::testing::*;
use n::*;

fn router() -> (World, Router) {
    (World::new(), Router::default())
}

#[test]
fn the_first_part_names_the_peer() {
    let (mut world, mut router) = router();
    assert!(world.can_send(&mut router), "always");
    let (a, b) = (world.accept(&mut router, b"A"), world.accept(&mut router, &[b'B'; 255]));
    assert!(!world.can_recv(&mut router));
    world.peer_sends(a, &[b"1", b"2"]);
    world.peer_sends(b, &[b""]);
    assert!(world.can_recv(&mut router));
    assert_eq!(world.recv(&mut router), Ok(parts(&[b"A", b"1", b"2"])));
    assert_eq!(world.recv(&mut router), Ok(parts(&[&[b'B'; 255], b""])));
    assert_eq!(world.recv(&mut router), Err(Errno::AGAIN));
    world.send(&mut router, &[&[b'B'; 255], b"x", b"y"]).unwrap();
    world.send(&mut router, &[b"A", b"z"]).unwrap();
    assert_eq!(world.peer_receives(b), Some(parts(&[b"x", b"y"])));
    assert_eq!(world.peer_receives(a), Some(parts(&[b"z"])));
    world.send(&mut router, &[b"A"]).unwrap();
    world.send(&mut router, &[b"A", b"still an id"]).unwrap();
    assert_eq!(world.peer_receives(a), Some(parts(&[b"still an id"])));
}

/// Traps 49 and 59.
#[test]
fn peers_without_an_id_are_numbered_and_both_parts_carry_metadata() {
    let (mut world, mut router) = router();
    let (a, b) = (world.accept(&mut router, b""), world.accept(&mut router, b""));
    world.pipes.with_metadata = true;
    let mut numbers = Vec::new();
    for peer in [a, b] {
        world.peer_sends(peer, &[b"x"]);
        let id = world.recv_part(&mut router).unwrap();
        assert!(id.more() && id.metadata().is_some());
        assert_eq!((id.len(), id.data()[0]), (5, 0));
        numbers.push(u32::from_be_bytes(id.data()[1..].try_into().unwrap()));
        assert!(world.recv_part(&mut router).unwrap().metadata().is_some());
        world.send(&mut router, &[id.data(), b"reply"]).unwrap();
        assert_eq!(world.peer_receives(peer), Some(parts(&[b"reply"])));
    }
    assert_eq!(numbers[1], numbers[0].wrapping_add(1));
}

/// An I/O thread that is as fast as the sender takes each message before the next one comes.
#[test]
fn a_small_limit_that_is_reached_again_and_again_is_noticed() {
    for (limit, mandatory, noticed) in [(1, 1, true), (7, 1, true), (8, 1, false), (1, 0, false)] {
        let (mut world, mut router) = router();
        assert_eq!(world.set(&mut router, ZMQ_ROUTER_MANDATORY, mandatory), Some(Ok(())));
        let peer = world.accept_of(&mut router, b"A", limit);
        let mut refused = 0;
        for _ in 0..200 {
            if let Err(error) = world.send(&mut router, &[b"A", b"x"]) {
                assert_eq!(error, Errno::AGAIN);
                assert!(std::mem::take(&mut world.pipes.look_again), "whoever waits now is told at once");
                world.send(&mut router, &[b"A", b"x"]).unwrap();
                refused += 1;
            }
            assert_eq!(world.peer_receives(peer), Some(parts(&[b"x"])));
        }
        assert_eq!(refused > 0, noticed, "limit {limit}: {refused}");
    }
}

#[test]
fn who_does_something_else_between_or_has_several_peers_is_not_refused() {
    let (mut world, mut router) = router();
    assert_eq!(world.set(&mut router, ZMQ_ROUTER_MANDATORY, 1), Some(Ok(())));
    let (a, b) = (world.accept_of(&mut router, b"A", 1), world.accept_of(&mut router, b"B", 1));
    for round in 0..300 {
        for (peer, name) in [(a, b"A"), (b, b"B")] {
            world.send(&mut router, &[name, b"x"]).unwrap();
            assert_eq!(world.peer_receives(peer), Some(parts(&[b"x"])));
            if round < 100 {
                continue;
            }
            if round < 200 {
                world.peer_sends(peer, &[b"y"]);
                assert_eq!(world.recv(&mut router), Ok(parts(&[name, b"y"])));
            } else {
                assert!(world.can_send(&mut router));
            }
            world.send(&mut router, &[name, b"x"]).unwrap();
            assert_eq!(world.peer_receives(peer), Some(parts(&[b"x"])));
        }
    }
}

/// Trap 48.
#[test]
fn unknown_and_full_peers() {
    let (mut world, mut router) = router();
    let peer = world.accept_of(&mut router, b"A", 1);
    world.send(&mut router, &[b"nobody", b"x", b"y"]).unwrap();
    for _ in 0..2 {
        world.send(&mut router, &[b"A", b"x", b"y"]).unwrap();
    }
    assert_eq!(world.set(&mut router, ZMQ_ROUTER_MANDATORY, 1), Some(Ok(())));
    assert!(!world.can_send(&mut router));
    assert_eq!(world.send(&mut router, &[b"nobody", b"x"]), Err(Errno::HOST_UNREACHABLE));
    assert_eq!(world.send(&mut router, &[b"A", b"x"]), Err(Errno::AGAIN));
    assert_eq!(world.peer_receives(peer), Some(parts(&[b"x", b"y"])));
    assert_eq!(world.peer_receives(peer), None, "dropped as a whole");
    assert!(world.can_send(&mut router));
    world.send(&mut router, &[b"A", b"z"]).unwrap();
    assert_eq!(world.peer_receives(peer), Some(parts(&[b"z"])));
    world.peer_sends(peer, &[b"unread"]);
    world.lose(&mut router, peer);
    assert_eq!(world.send(&mut router, &[b"A", b"x"]), Err(Errno::HOST_UNREACHABLE), "sockets.md 16");
    assert_eq!(world.recv(&mut router), Ok(parts(&[b"A", b"unread"])));
}

#[test]
fn a_peer_that_dies_within_a_message_swallows_the_rest() {
    let (mut world, mut router) = router();
    let peer = world.accept(&mut router, b"A");
    for bytes in [b"A", b"1"] {
        router.send(&mut world.pipes, &mut part(bytes, true), Mode::Blocking).unwrap();
    }
    world.lose(&mut router, peer);
    let peer = world.accept(&mut router, b"A");
    world.send(&mut router, &[b"rest"]).unwrap();
    assert_eq!(world.peer_receives(peer), None);
    world.send(&mut router, &[b"A", b"whole"]).unwrap();
    assert_eq!(world.peer_receives(peer), Some(parts(&[b"whole"])));
}

/// Trap 50.
#[test]
fn a_duplicate_is_ignored_for_ever() {
    let (mut world, mut router) = router();
    let (first, second) = (world.accept(&mut router, b"A"), world.accept(&mut router, b"A"));
    world.peer_sends(second, &[b"never read"]);
    assert!(!world.can_recv(&mut router));
    world.send(&mut router, &[b"A", b"x"]).unwrap();
    assert_eq!(world.peer_receives(first), Some(parts(&[b"x"])));
    world.lose(&mut router, first);
    assert_eq!(world.recv(&mut router), Err(Errno::AGAIN), "not promoted");
    world.send(&mut router, &[b"A", b"x"]).unwrap();
    assert_eq!(world.peer_receives(second), None);
    world.lose(&mut router, second);
    assert!(world.pipes.is_empty());
}

/// Trap 61, where we are better than the reference.
#[test]
fn a_peer_that_comes_back_is_no_duplicate_of_itself() {
    let (mut world, mut router) = router();
    let old = world.accept(&mut router, b"K");
    world.peer_sends(old, &[b"1"]);
    world.peer_sends(old, &[b"2"]);
    assert_eq!(world.recv(&mut router), Ok(parts(&[b"K", b"1"])));
    world.lose(&mut router, old);
    let new = world.accept(&mut router, b"K");
    world.peer_sends(new, &[b"3"]);
    world.send(&mut router, &[b"K", b"hello"]).unwrap();
    assert_eq!(world.peer_receives(new), Some(parts(&[b"hello"])));
    assert_eq!(world.recv(&mut router), Ok(parts(&[b"K", b"2"])));
    assert_eq!(world.recv(&mut router), Ok(parts(&[b"K", b"3"])));
    assert_eq!(world.recv(&mut router), Err(Errno::AGAIN));
    world.send(&mut router, &[b"K", b"still there"]).unwrap();
    assert_eq!(world.peer_receives(new), Some(parts(&[b"still there"])));
}

#[test]
fn handover_retires_the_old_peer_after_the_message_being_read() {
    let (mut world, mut router) = router();
    world.set(&mut router, ZMQ_ROUTER_HANDOVER, 1).unwrap().unwrap();
    let old = world.accept(&mut router, b"A");
    world.peer_sends(old, &[b"1", b"2"]);
    world.peer_sends(old, &[b"never read"]);
    assert_eq!(world.recv_part(&mut router).unwrap().data(), b"A");
    for bytes in [b"A", b"x"] {
        router.send(&mut world.pipes, &mut part(bytes, true), Mode::Blocking).unwrap();
    }
    let new = world.accept(&mut router, b"A");
    world.send(&mut router, &[b"swallowed"]).unwrap();
    world.send(&mut router, &[b"A", b"y"]).unwrap();
    assert_eq!(world.peer_receives(old), None);
    assert_eq!(world.peer_receives(new), Some(parts(&[b"y"])));
    assert_eq!(world.recv(&mut router), Ok(parts(&[b"1", b"2"])));
    world.peer_sends(new, &[b"3"]);
    assert_eq!(world.recv(&mut router), Ok(parts(&[b"A", b"3"])));
    assert_eq!(world.recv(&mut router), Err(Errno::AGAIN));
    world.lose(&mut router, old);
    world.send(&mut router, &[b"A", b"z"]).unwrap();
    assert_eq!(world.peer_receives(new), Some(parts(&[b"z"])));
}

#[test]
fn connect_routing_id_counts_before_the_peer_is_there() {
    let (mut world, mut router) = router();
    let set = |world: &mut World, router: &mut Router, id: &[u8]| {
        router.set_option(&mut world.pipes, ZMQ_CONNECT_ROUTING_ID, id)
    };
    assert_eq!(set(&mut world, &mut router, b""), Some(Err(Errno::INVALID)));
    assert_eq!(set(&mut world, &mut router, b"mine"), Some(Ok(())));
    assert_eq!(router.take_connect_routing_id(), Ok(Some(b"mine".to_vec())));
    assert_eq!(router.take_connect_routing_id(), Ok(None), "used once");
    let peer = world.connect(&mut router, Some(b"mine"));
    world.send(&mut router, &[b"mine", b"x"]).unwrap();
    assert_eq!(world.peer_receives(peer), Some(parts(&[b"x"])));
    world.peer_announces(peer, b"its own");
    world.peer_sends(peer, &[b"y"]);
    assert_eq!(world.recv(&mut router), Ok(parts(&[b"mine", b"y"])));
    set(&mut world, &mut router, b"mine").unwrap().unwrap();
    assert_eq!(router.take_connect_routing_id(), Err(Errno::ADDRESS_IN_USE));
}

#[test]
fn a_connecting_peer_is_known_once_it_announced_itself_and_keeps_its_first_id() {
    let (mut world, mut router) = router();
    world.set(&mut router, ZMQ_ROUTER_MANDATORY, 1).unwrap().unwrap();
    let peer = world.connect(&mut router, None);
    assert_eq!(world.send(&mut router, &[b"A", b"x"]), Err(Errno::HOST_UNREACHABLE));
    assert!(!world.can_send(&mut router));
    world.peer_announces(peer, b"A");
    world.send(&mut router, &[b"A", b"x"]).unwrap();
    assert_eq!(world.peer_receives(peer), Some(parts(&[b"x"])));
    world.peer_sends(peer, &[b"1"]);
    world.peer_announces(peer, b"B");
    world.peer_sends(peer, &[b"2"]);
    assert_eq!(world.recv(&mut router), Ok(parts(&[b"A", b"1"])));
    assert_eq!(world.recv(&mut router), Ok(parts(&[b"A", b"2"])));
}

#[test]
fn an_anonymous_peer_that_spoke_and_left_is_heard() {
    let (mut world, mut router) = router();
    let (named, silent, plain) = (
        world.connect(&mut router, None),
        world.connect(&mut router, None),
        world.connect(&mut router, None),
    );
    world.peer_announces(named, b"A");
    world.peer_sends(named, &[b"x"]);
    world.peer_sends(plain, &[b"y"]);
    for peer in [named, silent, plain] {
        world.peer_closes(peer);
        world.pipes.forbid_writing(peer);
    }
    assert_eq!(router.closed(&mut world.pipes, silent), Leftover::Discard);
    world.detach(&mut router, silent);
    assert_eq!(router.closed(&mut world.pipes, named), Leftover::Keep);
    assert_eq!(router.closed(&mut world.pipes, plain), Leftover::Keep);
    let mut seen = Vec::new();
    while let Ok(message) = router.recv(&mut world.pipes) {
        seen.push(message.data().to_vec());
    }
    assert_eq!(seen.len(), 4);
    assert_eq!(seen[..2], parts(&[b"A", b"x"]));
    assert_eq!((seen[2].len(), &seen[3][..]), (5, &b"y"[..]));
    world.send(&mut router, &[b"A", b"dropped"]).unwrap();
}

#[test]
fn a_disconnect_within_a_message_does_not_cut_it() {
    let (mut world, mut router) = router();
    let peer = world.accept(&mut router, b"A");
    world.peer_sends(peer, &[b"1", b"2"]);
    world.peer_sends(peer, &[b"lost"]);
    assert_eq!(world.recv_part(&mut router).unwrap().data(), b"A");
    world.detach(&mut router, peer);
    assert!(world.can_recv(&mut router));
    assert_eq!(world.recv(&mut router), Ok(parts(&[b"1", b"2"])));
    assert_eq!(world.recv(&mut router), Err(Errno::AGAIN));
}

#[test]
fn options() {
    let (mut world, mut router) = router();
    for option in [ZMQ_ROUTER_MANDATORY, ZMQ_ROUTER_RAW, ZMQ_ROUTER_HANDOVER, ZMQ_PROBE_ROUTER] {
        assert_eq!(world.set(&mut router, option, 7), Some(Ok(())));
        assert_eq!(world.set(&mut router, option, -1), Some(Err(Errno::INVALID)));
        assert_eq!(router.set_option(&mut world.pipes, option, &[1]), Some(Err(Errno::INVALID)));
        assert_eq!(router.int_option(option), None, "not readable");
    }
    assert_eq!(world.set(&mut router, ZMQ_ROUTER_NOTIFY, 4), Some(Err(Errno::INVALID)));
    assert_eq!(world.set(&mut router, ZMQ_ROUTER_NOTIFY, 3), Some(Ok(())));
    assert_eq!(router.int_option(ZMQ_ROUTER_NOTIFY), Some(3));
    assert_eq!(world.set(&mut router, ZMQ_SUBSCRIBE, 0), None);
    let peer = world.accept(&mut router, b"A");
    assert_eq!(world.peer_receives(peer), Some(parts(&[b""])), "the probe");
}
