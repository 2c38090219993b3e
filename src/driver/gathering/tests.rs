//! The set of streams between an I/O thread, whose part the tests play, and one that waits.

use super::*;
use crate::config::LEASE_PATIENCE;
use crate::io::Mailbox;
use crate::sync::fork_generation;
use crate::sync::global::AtomicUsize;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

const STREAM: u64 = 7;

struct Scene {
    thread: Arc<IoThread>,
    set: Arc<Gathering>,
    near: UnixStream,
    far: UnixStream,
}

impl Scene {
    /// A set with one stream of which nothing has come.
    fn new() -> Self {
        let thread = Arc::new(IoThread {
            mailbox: Arc::new(Mailbox::new()),
            poller: Arc::new(Poller::new().unwrap()),
            index: 0,
            load: AtomicUsize::new(0),
            generation: fork_generation(),
        });
        let set = Gathering::new(&thread).unwrap();
        let (near, far) = UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        set.poller().add(near.as_raw_fd(), STREAM, Interest::READ).unwrap();
        let scene = Self { thread, set, near, far };
        assert!(matches!(scene.command(), Some(Command::Gather(_))));
        scene
    }

    fn command(&self) -> Option<Command> {
        self.thread.mailbox.pop()
    }

    /// Whether the I/O thread is told that a stream of the set is ready.
    fn is_reported(&self) -> bool {
        let mut events = Vec::new();
        self.thread.poller.wait(&mut events, Some(Duration::ZERO)).unwrap();
        assert!(events.iter().all(|event| event.key == self.set.key()));
        events.iter().any(|event| event.readable)
    }

    fn wait_once(&self) {
        assert!(self.set.adopt());
        self.set.leave();
    }

    /// Waits that follow each other closely; on a busy machine some do not.
    fn lease(&self) {
        for _ in 0..1000 {
            self.wait_once();
            if self.set.is_leased() {
                return;
            }
        }
        panic!("no lease");
    }

    /// So many looks of the I/O thread; whether the last one was for a lease that goes on.
    fn look_after(&self, times: usize) -> bool {
        let mut seen = None;
        for _ in 0..times {
            seen = self.set.look_after(seen);
        }
        seen.is_some()
    }
}

#[test]
fn the_io_thread_watches_while_nobody_waits() {
    let mut scene = Scene::new();
    assert!(!scene.is_reported() && !scene.set.is_held());
    scene.far.write_all(b"x").unwrap();
    assert!(scene.is_reported());
    assert_eq!(scene.set.ready().iter().map(|event| event.key).collect::<Vec<_>>(), [STREAM]);
    assert!(!scene.set.read_leased(), "that is the I/O thread's to read");
}

#[test]
fn one_waiting_thread_has_all_the_streams() {
    let mut scene = Scene::new();
    scene.far.write_all(b"x").unwrap();
    assert!(scene.set.adopt());
    assert!(scene.set.is_held() && !scene.is_reported());
    assert!(!scene.set.adopt(), "another thread waits already");
    assert_eq!(scene.set.ready().len(), 1);
    scene.set.leave();
    assert!(!scene.set.is_held() && !scene.set.is_leased());
    assert!(scene.is_reported(), "what it did not read is found by the I/O thread");
}

#[test]
fn waits_that_follow_each_other_keep_the_streams() {
    let mut scene = Scene::new();
    scene.wait_once();
    assert!(scene.command().is_none() && !scene.set.is_leased());
    scene.lease();
    assert!(scene.set.is_held());
    assert!(matches!(scene.command(), Some(Command::LookAfter(set)) if Arc::ptr_eq(&set, &scene.set)));
    scene.far.write_all(b"x").unwrap();
    assert!(!scene.is_reported());
    scene.wait_once();
    assert!(scene.command().is_none(), "who looks after it comes already");
    scene.set.give_back();
    assert!(!scene.set.is_leased() && scene.is_reported());
    scene.wait_once();
    assert!(!scene.set.is_leased(), "the waits before count no more");
}

#[test]
fn the_io_thread_takes_back_what_nobody_uses() {
    let mut scene = Scene::new();
    scene.lease();
    scene.far.write_all(b"x").unwrap();
    assert!(scene.look_after(1), "the first look compares with nothing");
    assert!(scene.set.is_leased() && !scene.is_reported());
    assert!(!scene.look_after(LEASE_PATIENCE as usize + 2));
    assert!(!scene.set.is_leased() && scene.is_reported());
}

#[test]
fn a_thread_that_waits_is_left_alone() {
    let mut scene = Scene::new();
    scene.lease();
    assert!(scene.set.adopt());
    scene.far.write_all(b"x").unwrap();
    scene.look_after(100);
    assert!(scene.set.is_held() && !scene.is_reported());
    scene.set.leave();
    scene.set.give_back();
    assert!(scene.is_reported());
}

#[test]
fn what_was_kept_makes_a_lease() {
    let scene = Scene::new();
    assert!(scene.set.adopt());
    scene.set.note_kept(STREAM);
    scene.set.leave();
    assert!(scene.set.is_leased());
    assert_eq!(scene.set.keeping.lock().len(), 1);
    scene.set.give_back();
    assert!(scene.set.keeping.lock().is_empty(), "nothing is kept for who does not come");
    assert!(scene.set.adopt());
    scene.set.leave();
    assert!(!scene.set.is_leased(), "what an earlier wait has brought says nothing");
}

#[test]
fn a_set_that_is_dropped_leaves_nothing_behind() {
    let Scene { thread, set, near, mut far } = Scene::new();
    let key = set.key();
    far.write_all(b"x").unwrap();
    drop(set);
    let mut events = Vec::new();
    thread.poller.wait(&mut events, Some(Duration::ZERO)).unwrap();
    assert!(events.is_empty());
    assert!(matches!(thread.mailbox.pop(), Some(Command::Disperse(gone)) if gone == key));
    drop(near);
}
