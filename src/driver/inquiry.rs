//! Asking the application whether a peer is welcome (ZAP, RFC 27): one request and its reply, through a pipe to the socket that is bound to
//! `inproc://zeromq.zap.01`. No thread waits for the answer; it comes to the link's I/O thread as a command.

use super::handle::LinkHandle;
use super::link::Owner;
use super::reactor::Command;
use crate::connection::Verdict;
use crate::error::Result;
use crate::message::Message;
use crate::pipe::{End, Peer, Readiness};
use std::sync::{Arc, Weak};

/// A question that is not answered yet. Dropping it takes it back.
pub struct Inquiry {
    end: End,
    /// Frames of the reply so far.
    reply: Vec<Vec<u8>>,
}

/// Most frames of a reply that are kept. A right one has seven.
const FRAMES_MAX: usize = 16;

impl Inquiry {
    /// Sends a request. `None`: there is no handler. Fails when there is one that cannot be asked.
    pub fn begin(owner: &dyn Owner, handle: &Arc<LinkHandle>, request: Vec<Vec<u8>>) -> Result<Option<Self>> {
        let asking = Arc::new(Asking(Arc::downgrade(handle)));
        let Some(end) = owner.open_inquiry(asking)? else { return Ok(None) };
        let mut inquiry = Self { end, reply: Vec::new() };
        let last = request.len().saturating_sub(1);
        for (index, frame) in request.into_iter().enumerate() {
            let mut part = Message::from_vec(frame)?;
            part.set_more(index < last);
            inquiry.end.tx.push(part);
        }
        inquiry.end.tx.flush();
        Ok(Some(inquiry))
    }

    /// The answer, once it is complete. A handler that closes without one leaves the peer to the deadline of the handshake.
    pub fn poll(&mut self) -> Option<Verdict> {
        loop {
            while let Some(part) = self.end.rx.pop() {
                if self.reply.len() < FRAMES_MAX {
                    self.reply.push(part.data().to_vec());
                }
                if !part.more() {
                    return Some(Verdict::Reply(std::mem::take(&mut self.reply)));
                }
            }
            if self.end.rx.poll() != Readiness::Ready {
                return None;
            }
        }
    }
}

impl Drop for Inquiry {
    /// Nothing more is wanted of the handler.
    fn drop(&mut self) {
        self.end.tx.close();
    }
}

/// A link, as the handler's socket tells it that there is an answer.
struct Asking(Weak<LinkHandle>);

impl Asking {
    fn tell(&self) {
        if let Some(handle) = self.0.upgrade() {
            handle.post(Command::Verdict);
        }
    }
}

impl Peer for Asking {
    fn readable(&self) {
        self.tell();
    }

    fn writable(&self) {}

    fn closed(&self) {}
}
