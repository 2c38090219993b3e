//! PUB: XPUB that receives nothing.

use super::xpub::Xpub;
use super::{Heed, Leftover, Mode, Origin, Pattern, PipeId, Pipes};
use crate::error::Result;
use crate::message::Message;

/// See the module documentation. Takes all options of XPUB.
pub struct Publish {
    xpub: Xpub,
}

impl Default for Publish {
    fn default() -> Self {
        Self { xpub: Xpub::send_only() }
    }
}

impl Pattern for Publish {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, origin: &Origin) {
        self.xpub.attach(pipes, id, origin);
    }

    fn readable(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.xpub.readable(pipes, id);
    }

    fn writable(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.xpub.writable(pipes, id);
    }

    fn closed(&mut self, pipes: &mut Pipes, id: PipeId) -> Leftover {
        self.xpub.closed(pipes, id)
    }

    fn detach(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.xpub.detach(pipes, id);
    }

    #[inline]
    fn send(&mut self, pipes: &mut Pipes, message: &mut Message, mode: Mode) -> Result<()> {
        self.xpub.send(pipes, message, mode)
    }

    fn heeds(&self) -> Heed {
        self.xpub.heeds()
    }

    fn can_send(&mut self, pipes: &mut Pipes) -> bool {
        self.xpub.can_send(pipes)
    }

    fn set_option(&mut self, pipes: &mut Pipes, option: i32, value: &[u8]) -> Option<Result<()>> {
        self.xpub.set_option(pipes, option, value)
    }

    fn int_option(&self, option: i32) -> Option<i32> {
        self.xpub.int_option(option)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Errno;
    use crate::options::number as n;
    use crate::pattern::testing::*;

    #[test]
    fn sends_to_subscribers_and_receives_nothing() {
        let (mut world, mut publish) = (World::new(), Publish::default());
        let (a, b) = (world.accept(&mut publish, b""), world.accept(&mut publish, b""));
        world.peer_sends(a, &[b"\x01news"]);
        world.peer_sends(b, &[b"\x01"]);
        world.peer_sends(b, &[b"upstream, discarded", b"\x01x"]);
        world.send(&mut publish, &[b"newspaper", b"body"]).unwrap();
        world.send(&mut publish, &[b"other"]).unwrap();
        assert_eq!(world.peer_receives(a), Some(parts(&[b"newspaper", b"body"])));
        assert_eq!(world.peer_receives(a), None);
        assert_eq!(world.peer_receives(b), Some(parts(&[b"newspaper", b"body"])));
        assert_eq!(world.peer_receives(b), Some(parts(&[b"other"])));
        assert_eq!(world.recv(&mut publish), Err(Errno::NOT_SUPPORTED));
        assert!(!world.can_recv(&mut publish) && world.can_send(&mut publish));
        assert_eq!(publish.int_option(n::ZMQ_TOPICS_COUNT), Some(3));
        world.lose(&mut publish, b);
        assert_eq!(publish.int_option(n::ZMQ_TOPICS_COUNT), Some(1));
        world.send(&mut publish, &[b"nobody wants this"]).unwrap();
        assert_eq!(world.set(&mut publish, n::ZMQ_XPUB_NODROP, 1), Some(Ok(())));
    }
}
