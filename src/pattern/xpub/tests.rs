use super::*;
use crate::pattern::testing::*;
use n::*;

fn xpub(options: &[i32]) -> (World, Xpub) {
    let (mut world, mut xpub) = (World::new(), Xpub::default());
    for &option in options {
        assert_eq!(world.set(&mut xpub, option, 1), Some(Ok(())));
    }
    (world, xpub)
}

/// All messages there are to receive, parts joined.
fn received(world: &mut World, xpub: &mut Xpub) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| world.recv(xpub).ok()).flatten().collect()
}

/// Trap 40.
#[test]
fn the_first_subscription_and_the_last_unsubscription_are_received() {
    let (mut world, mut xpub) = xpub(&[]);
    let (a, b) = (world.accept(&mut xpub, b""), world.accept(&mut xpub, b""));
    for peer in [a, b, a] {
        world.peer_sends_part(peer, Subscription { wanted: true, topic: b"t" }.command().unwrap());
    }
    assert!(world.can_recv(&mut xpub));
    assert_eq!(received(&mut world, &mut xpub), parts(&[b"\x01t"]));
    assert_eq!(xpub.int_option(ZMQ_TOPICS_COUNT), Some(1));
    world.peer_sends(a, &[b"\x00t"]);
    assert_eq!(received(&mut world, &mut xpub), parts(&[]));
    world.send(&mut xpub, &[b"topic"]).unwrap();
    assert_eq!(world.peer_receives(a), None, "subscribed twice, unsubscribed once: gone");
    assert_eq!(world.peer_receives(b), Some(parts(&[b"topic"])));
    world.peer_sends_part(b, Subscription { wanted: false, topic: b"t" }.command().unwrap());
    world.peer_sends(b, &[b"\x00unknown"]);
    assert_eq!(received(&mut world, &mut xpub), parts(&[b"\x00t", b"\x00unknown"]));
    assert!(!world.can_recv(&mut xpub));
}

#[test]
fn verbose_and_verboser() {
    for (option, expected) in [
        (ZMQ_XPUB_VERBOSE, &[&b"\x01t"[..], b"\x01t", b"\x00t"][..]),
        (ZMQ_XPUB_VERBOSER, &[b"\x01t", b"\x01t", b"\x00t", b"\x00t"]),
    ] {
        let (mut world, mut xpub) = xpub(&[option]);
        let (a, b) = (world.accept(&mut xpub, b""), world.accept(&mut xpub, b""));
        for message in [b"\x01t", b"\x00t"] {
            world.peer_sends(a, &[message]);
            world.peer_sends(b, &[message]);
            world.pump(&mut xpub);
        }
        assert_eq!(received(&mut world, &mut xpub), parts(expected));
    }
    // VERBOSE after VERBOSER turns verbose unsubscriptions off.
    let (mut world, mut xpub) = xpub(&[ZMQ_XPUB_VERBOSER, ZMQ_XPUB_VERBOSE]);
    let (a, b) = (world.accept(&mut xpub, b""), world.accept(&mut xpub, b""));
    world.peer_sends(a, &[b"\x01t"]);
    world.peer_sends(b, &[b"\x01t"]);
    world.pump(&mut xpub);
    world.peer_sends(a, &[b"\x00t"]);
    assert_eq!(received(&mut world, &mut xpub), parts(&[b"\x01t", b"\x01t"]));
}

#[test]
fn a_lost_peer_unsubscribes_sorted() {
    for verboser in [0, 1] {
        let (mut world, mut xpub) = xpub(&[]);
        world.set(&mut xpub, ZMQ_XPUB_VERBOSER, verboser).unwrap().unwrap();
        let (a, b) = (world.accept(&mut xpub, b""), world.accept(&mut xpub, b""));
        for topic in [b"\x01z", b"\x01s", b"\x01a"] {
            world.peer_sends(a, &[topic]);
        }
        world.peer_sends(b, &[b"\x01s"]);
        received(&mut world, &mut xpub);
        world.lose(&mut xpub, a);
        let expected: &[&[u8]] =
            if verboser == 1 { &[b"\x00a", b"\x00s", b"\x00z"] } else { &[b"\x00a", b"\x00z"] };
        assert_eq!(received(&mut world, &mut xpub), parts(expected));
        assert_eq!(world.pipes.len(), 1);
    }
}

#[test]
fn what_a_peer_said_before_it_left_is_heard() {
    let (mut world, mut xpub) = xpub(&[]);
    let peer = world.accept(&mut xpub, b"me");
    world.peer_sends(peer, &[b"\x01t"]);
    world.peer_sends(peer, &[b"upstream", b"two"]);
    world.lose(&mut xpub, peer);
    assert!(world.pipes.is_empty());
    world.pipes.with_metadata = true;
    let subscription = world.recv_part(&mut xpub).unwrap();
    assert_eq!(subscription.data(), b"\x01t");
    assert_eq!(subscription.metadata().unwrap().routing_id(), b"me");
    assert!(!subscription.more());
    let upstream = world.recv_part(&mut xpub).unwrap();
    assert!(upstream.more() && upstream.data() == b"upstream" && upstream.metadata().is_some());
    assert!(!world.recv_part(&mut xpub).unwrap().more());
    let gone = world.recv_part(&mut xpub).unwrap();
    assert!(gone.data() == b"\x00t" && gone.metadata().is_none());
}

#[test]
fn user_messages_and_only_first_subscribe() {
    let (mut world, mut xpub) = xpub(&[]);
    let peer = world.accept(&mut xpub, b"");
    world.peer_sends(peer, &[b"user", b"\x01t", b""]);
    assert_eq!(world.recv(&mut xpub), Ok(parts(&[b"user", b"\x01t"])), "a later part subscribes");
    assert_eq!(world.recv(&mut xpub), Ok(parts(&[b""])));
    world.set(&mut xpub, ZMQ_ONLY_FIRST_SUBSCRIBE, 1).unwrap().unwrap();
    world.peer_sends(peer, &[b"user", b"\x01u"]);
    assert_eq!(world.recv(&mut xpub), Ok(parts(&[b"user", b"\x01u"])));
    assert_eq!(xpub.int_option(ZMQ_TOPICS_COUNT), Some(1));
    world.peer_sends(peer, &[b"\x01v", b"\x01w"]);
    assert_eq!(received(&mut world, &mut xpub), parts(&[b"\x01v", b"\x01w"]));
}

/// Trap 41.
#[test]
fn subscriptions_that_are_there_at_attach_count_at_once() {
    let (mut world, mut xpub) = xpub(&[]);
    let welcome = vec![b'w'; 50];
    xpub.set_option(&mut world.pipes, ZMQ_XPUB_WELCOME_MSG, &welcome).unwrap().unwrap();
    let peer = world.pipe();
    world.peer_sends(peer, &[b"\x01"]);
    xpub.attach(&mut world.pipes, peer, &Origin { inproc: true, ..Origin::default() });
    xpub.send(&mut world.pipes, &mut part(b"x", false), Mode::NonBlocking).unwrap();
    assert_eq!(world.peer_receives(peer), Some(vec![welcome]));
    assert_eq!(world.peer_receives(peer), Some(parts(&[b"x"])));
    xpub.set_option(&mut world.pipes, ZMQ_XPUB_WELCOME_MSG, &[]).unwrap().unwrap();
    let next = world.accept(&mut xpub, b"");
    assert_eq!(world.peer_receives(next), None);
}

/// Trap 38.
#[test]
fn full_peers_miss_messages_or_stop_them() {
    let (mut world, mut xpub) = xpub(&[]);
    let (small, large) = (world.accept_of(&mut xpub, b"", 1), world.accept(&mut xpub, b""));
    for peer in [small, large] {
        world.peer_sends(peer, &[b"\x01"]);
    }
    for message in [b"1", b"2"] {
        world.send(&mut xpub, &[message, b"tail"]).unwrap();
    }
    world.set(&mut xpub, ZMQ_XPUB_NODROP, 1).unwrap().unwrap();
    assert_eq!(world.send(&mut xpub, &[b"3", b"tail"]), Err(Errno::AGAIN));
    assert!(world.can_send(&mut xpub), "POLLOUT all the same");
    assert_eq!(world.peer_receives(small), Some(parts(&[b"1", b"tail"])));
    assert_eq!(world.peer_receives(small), None);
    world.send(&mut xpub, &[b"3", b"tail"]).unwrap();
    assert_eq!(world.peer_receives(small), Some(parts(&[b"3", b"tail"])));
    for message in [b"1", b"2", b"3"] {
        assert_eq!(world.peer_receives(large), Some(parts(&[message, b"tail"])));
    }
    assert_eq!(world.peer_receives(large), None, "what failed was sent to nobody");
}

#[test]
fn manual_subscriptions_are_the_applications() {
    let (mut world, mut xpub) = xpub(&[]);
    let set = |world: &mut World, xpub: &mut Xpub, option, topic: &[u8]| {
        xpub.set_option(&mut world.pipes, option, topic).unwrap()
    };
    assert_eq!(set(&mut world, &mut xpub, ZMQ_SUBSCRIBE, b"x"), Err(Errno::INVALID));
    world.set(&mut xpub, ZMQ_XPUB_MANUAL, 1).unwrap().unwrap();
    assert_eq!(set(&mut world, &mut xpub, ZMQ_SUBSCRIBE, b"nobody yet"), Ok(()));
    let (a, b) = (world.accept(&mut xpub, b""), world.accept(&mut xpub, b""));
    world.peer_sends(a, &[b"\x01A"]);
    world.peer_sends(b, &[b"\x01B"]);
    assert_eq!(world.recv(&mut xpub), Ok(parts(&[b"\x01A"])));
    assert_eq!(set(&mut world, &mut xpub, ZMQ_SUBSCRIBE, b"XA"), Ok(()));
    assert_eq!(world.recv(&mut xpub), Ok(parts(&[b"\x01B"])));
    assert_eq!(set(&mut world, &mut xpub, ZMQ_SUBSCRIBE, b"XB"), Ok(()));
    for message in [&b"A"[..], b"B", b"XA", b"XB"] {
        world.send(&mut xpub, &[message]).unwrap();
    }
    assert_eq!(world.peer_receives(a), Some(parts(&[b"XA"])));
    assert_eq!(world.peer_receives(b), Some(parts(&[b"XB"])));
    assert_eq!((world.peer_receives(a), world.peer_receives(b)), (None, None));

    world.peer_sends(a, &[b"\x00A"]);
    world.peer_sends(a, &[b"\x01A"]);
    assert_eq!(received(&mut world, &mut xpub), parts(&[b"\x00A", b"\x01A"]));
    assert_eq!(set(&mut world, &mut xpub, ZMQ_UNSUBSCRIBE, b"XA"), Ok(()));
    world.send(&mut xpub, &[b"XA"]).unwrap();
    assert_eq!(world.peer_receives(a), None);

    world.peer_sends(b, &[b"\x01C"]);
    world.lose(&mut xpub, b);
    assert_eq!(
        received(&mut world, &mut xpub),
        parts(&[b"\x01C", b"\x00B", b"\x00C"]),
        "what it had asked for"
    );
    let c = world.accept(&mut xpub, b"");
    assert_eq!(c, b, "the number is used again");
    assert_eq!(set(&mut world, &mut xpub, ZMQ_SUBSCRIBE, b""), Ok(()), "its author is gone");
    world.send(&mut xpub, &[b"x"]).unwrap();
    assert_eq!(world.peer_receives(c), None);
}

#[test]
fn a_subscription_received_after_its_author_left_serves_nobody() {
    let (mut world, mut xpub) = xpub(&[ZMQ_XPUB_MANUAL]);
    let a = world.accept(&mut xpub, b"");
    world.peer_sends(a, &[b"\x01A"]);
    world.lose(&mut xpub, a);
    let c = world.accept(&mut xpub, b"");
    assert_eq!(c, a);
    assert_eq!(world.recv(&mut xpub), Ok(parts(&[b"\x01A"])));
    xpub.set_option(&mut world.pipes, ZMQ_SUBSCRIBE, b"").unwrap().unwrap();
    world.send(&mut xpub, &[b"x"]).unwrap();
    assert_eq!(world.peer_receives(c), None);
    assert_eq!(xpub.int_option(ZMQ_TOPICS_COUNT), Some(0));
}

#[test]
fn manual_last_value_reaches_the_last_peer_once() {
    let (mut world, mut xpub) = xpub(&[ZMQ_XPUB_MANUAL_LAST_VALUE]);
    let (a, b) = (world.accept(&mut xpub, b""), world.accept(&mut xpub, b""));
    for peer in [a, b] {
        world.peer_sends(peer, &[b"\x01t"]);
        assert_eq!(world.recv(&mut xpub), Ok(parts(&[b"\x01t"])));
        xpub.set_option(&mut world.pipes, ZMQ_SUBSCRIBE, b"t").unwrap().unwrap();
        world.send(&mut xpub, &[b"t last", b"tail"]).unwrap();
        assert_eq!(world.peer_receives(peer), Some(parts(&[b"t last", b"tail"])));
        world.send(&mut xpub, &[b"t all"]).unwrap();
        assert_eq!(world.peer_receives(a), Some(parts(&[b"t all"])));
    }
    assert_eq!(world.peer_receives(b), Some(parts(&[b"t all"])));
    assert_eq!((world.peer_receives(a), world.peer_receives(b)), (None, None));
}

#[test]
fn inverted_matching() {
    let (mut world, mut xpub) = xpub(&[ZMQ_INVERT_MATCHING]);
    assert_eq!(xpub.int_option(ZMQ_INVERT_MATCHING), Some(1));
    let (a, b) = (world.accept(&mut xpub, b""), world.accept(&mut xpub, b""));
    world.peer_sends(a, &[b"\x01t"]);
    world.send(&mut xpub, &[b"topic"]).unwrap();
    world.send(&mut xpub, &[b"other"]).unwrap();
    assert_eq!(world.peer_receives(a), Some(parts(&[b"other"])));
    assert_eq!(world.peer_receives(b), Some(parts(&[b"topic"])));
    assert_eq!(world.peer_receives(b), Some(parts(&[b"other"])));
}

#[test]
fn peers_with_several_matching_topics_get_one_copy_and_may_leave_midway() {
    let (mut world, mut xpub) = xpub(&[]);
    let (a, b) = (world.accept(&mut xpub, b""), world.accept(&mut xpub, b""));
    for topic in [&b"\x01"[..], b"\x01t", b"\x01to"] {
        world.peer_sends(a, &[topic]);
        world.peer_sends(b, &[topic]);
    }
    world.pump(&mut xpub);
    xpub.send(&mut world.pipes, &mut part(b"topic", true), Mode::Blocking).unwrap();
    world.lose(&mut xpub, b);
    let late = world.accept(&mut xpub, b"");
    world.peer_sends(late, &[b"\x01"]);
    world.send(&mut xpub, &[b"tail"]).unwrap();
    assert_eq!(world.peer_receives(a), Some(parts(&[b"topic", b"tail"])));
    assert_eq!((world.peer_receives(a), world.peer_receives(late)), (None, None));
    world.send(&mut xpub, &[b"next"]).unwrap();
    assert_eq!(world.peer_receives(late), Some(parts(&[b"next"])));
}

#[test]
fn options() {
    let (mut world, mut xpub) = xpub(&[]);
    for option in [
        ZMQ_XPUB_VERBOSE,
        ZMQ_XPUB_VERBOSER,
        ZMQ_XPUB_NODROP,
        ZMQ_XPUB_MANUAL,
        ZMQ_XPUB_MANUAL_LAST_VALUE,
        ZMQ_ONLY_FIRST_SUBSCRIBE,
    ] {
        assert_eq!(world.set(&mut xpub, option, 2), Some(Ok(())));
        assert_eq!(world.set(&mut xpub, option, -1), Some(Err(Errno::INVALID)));
        assert_eq!(xpub.set_option(&mut world.pipes, option, &[]), Some(Err(Errno::INVALID)));
        assert_eq!(xpub.int_option(option), None);
    }
    assert_eq!(world.set(&mut xpub, ZMQ_INVERT_MATCHING, -5), Some(Ok(())));
    assert_eq!(world.set(&mut xpub, ZMQ_ROUTER_RAW, 1), None);
}
