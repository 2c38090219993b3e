//! What others tell a socket: new pipes, input, room, peers that left.
//!
//! Anybody may post; the socket looks at its inbox at the start of each call, and while it waits. When no
//! application thread is in a call, an I/O thread may do it (`Inbox::attend`), so that peers that left are
//! cleaned up without the application's help.

use super::Socket;
use crate::driver::LinkHandle;
use crate::error::Result;
use crate::io::{Mailbox, Waker};
use crate::message::Message;
use crate::pattern::{Origin, PipeId};
use crate::pipe::{End, Peer};
use crate::sync::Cell;
use crate::sync::global::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, Weak};

/// A piece of news.
pub enum News {
    Attach(Box<Attachment>),
    Readable(Arc<Party>),
    Writable(Arc<Party>),
    Closed(Arc<Party>),
    Hiccup(Arc<Party>),
    /// A connecting link has ended by itself, for good.
    Ended(Arc<LinkHandle>),
}

/// A new pipe.
pub struct Attachment {
    pub party: Arc<Party>,
    pub end: End,
    pub origin: Origin,
    /// The link at the other end; `None` for inproc.
    pub link: Option<Arc<LinkHandle>>,
}

/// What the other side adds to the limits of a pipe.
#[derive(Clone, Copy, Default)]
pub enum Share {
    /// Nothing: a link, or an inproc peer that is not there yet.
    #[default]
    Nothing,
    /// High-water marks of the inproc peer.
    Peer { send_hwm: usize, receive_hwm: usize },
}

impl Share {
    /// Limit of the queue towards the peer.
    pub fn sending(self, own: usize) -> usize {
        match self {
            Self::Nothing => own,
            Self::Peer { receive_hwm, .. } => combined(own, receive_hwm),
        }
    }

    /// Limit of the queue from the peer.
    pub fn receiving(self, own: usize) -> usize {
        match self {
            Self::Nothing => own,
            Self::Peer { send_hwm, .. } => combined(send_hwm, own),
        }
    }
}

/// High-water mark of an inproc queue: the sender's and the receiver's shares; none when either has none.
fn combined(sending: usize, receiving: usize) -> usize {
    if sending == 0 || receiving == 0 { 0 } else { sending + receiving }
}

/// See the module documentation.
pub struct Inbox {
    pub mailbox: Mailbox<News>,
    cell: &'static Cell<Socket>,
    /// Tells this socket from a later one in the same cell.
    pub serial: u64,
    closed: AtomicBool,
    /// Threads that found nothing to do and are going to wait for news.
    waiters: AtomicU32,
    /// Links may have kept back something to be batched.
    pub naps: AtomicBool,
}

/// A thread that is going to wait for news of a socket, or waits.
pub struct Waiting(Arc<Inbox>);

impl Waiting {
    /// What the thread waits for.
    pub fn waker(&self) -> &Waker {
        &self.0.mailbox.waker
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiters.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Inbox {
    pub fn new(cell: &'static Cell<Socket>, serial: u64) -> Arc<Self> {
        Arc::new(Self {
            mailbox: Mailbox::new(),
            cell,
            serial,
            closed: AtomicBool::new(false),
            waiters: AtomicU32::new(0),
            naps: AtomicBool::new(false),
        })
    }

    /// The handle of the socket.
    pub fn handle(&self) -> *mut std::ffi::c_void {
        self.cell.as_handle()
    }

    /// Adds news. A closed socket turns new pipes away.
    pub fn post(&self, news: News) {
        self.mailbox.post(news);
        if self.closed.load(Ordering::Acquire) {
            self.empty();
        }
    }

    /// The socket is closed.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.empty();
        // Another thread may wait in a call on this socket.
        self.mailbox.waker.notify();
    }

    fn empty(&self) {
        while let Some(news) = self.mailbox.pop() {
            if let News::Attach(attachment) = news {
                attachment.end.close();
            }
        }
    }

    /// Handles the news on the calling thread. False when an application thread is in a call on the socket: it may do that itself, or
    /// have looked already, so the caller tries again later.
    pub fn attend(&self) -> bool {
        if !self.mailbox.waker.is_pending() {
            return true;
        }
        let Some(mut guard) = self.cell.try_lock() else { return false };
        let socket = guard.as_mut().filter(|socket| socket.serial() == self.serial);
        if let Some(socket) = socket
            && self.mailbox.waker.is_pending()
        {
            socket.handle_news();
            // What changed may be what the application is about to wait for, perhaps on the descriptor.
            self.mailbox.waker.notify();
        }
        true
    }

    /// Makes the socket give up what it has opened to pass a pipe's queues. False: a thread is in a call on it.
    fn reclaim(&self, pipe: PipeId) -> bool {
        let Some(mut guard) = self.cell.try_lock() else { return false };
        let socket = guard.as_mut().filter(|socket| socket.serial() == self.serial);
        if let Some(end) = socket.and_then(|socket| socket.pipes.end(pipe)) {
            end.end_passing();
        }
        true
    }

    /// Announces a wait. Called while the socket is in use, so that whoever uses it next, and takes the news, knows.
    pub fn begin_wait(self: &Arc<Self>) -> Waiting {
        self.waiters.fetch_add(1, Ordering::AcqRel);
        Waiting(self.clone())
    }

    /// News were taken: those who wait for them look again, too. Whoever looks does not count as one of them meanwhile.
    pub fn renotify(&self) {
        if self.waiters.load(Ordering::Acquire) > 0 {
            self.mailbox.waker.notify();
        }
    }

    /// Interrupts a wait, so that the waiting call looks at the state of its context.
    pub fn wake(&self) {
        self.mailbox.waker.notify();
    }

    /// ZMQ_FD.
    pub fn expose(&self) -> Result<std::os::fd::RawFd> {
        self.mailbox.waker.expose()
    }
}

const NOT_ATTACHED: u32 = u32::MAX;

/// A socket's side of one pipe, as its peer knows it.
pub struct Party {
    me: Weak<Self>,
    /// Set at once, or for an inproc connect that waits for its bind, at the bind.
    inbox: OnceLock<Arc<Inbox>>,
    slot: AtomicU32,
    /// What an inproc peer adds to the limits, once it is there.
    share: OnceLock<Share>,
    /// Written to the peer when its socket leaves, because the peer wants to hear it (ZMQ_DISCONNECT_MSG).
    last_words: OnceLock<Vec<u8>>,
}

impl Party {
    /// A party of a socket that may not be known yet.
    pub fn new(inbox: Option<Arc<Inbox>>) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            inbox: inbox.map_or_else(OnceLock::new, OnceLock::from),
            slot: AtomicU32::new(NOT_ATTACHED),
            share: OnceLock::new(),
            last_words: OnceLock::new(),
        })
    }

    /// Names the socket of a party made without.
    pub fn belong_to(&self, inbox: Arc<Inbox>) {
        let _ = self.inbox.set(inbox);
    }

    /// The pipe, while it is attached.
    pub fn pipe(&self) -> Option<PipeId> {
        match self.slot.load(Ordering::Relaxed) {
            NOT_ATTACHED => None,
            slot => Some(PipeId(slot)),
        }
    }

    /// Called by the socket at attach and detach.
    pub fn set_pipe(&self, pipe: Option<PipeId>) {
        self.slot.store(pipe.map_or(NOT_ATTACHED, |pipe| pipe.0), Ordering::Relaxed);
    }

    /// An inproc peer is there, and adds to the limits.
    pub fn add_share(&self, share: Share) {
        let _ = self.share.set(share);
    }

    /// What the other side adds to the limits.
    pub fn share(&self) -> Share {
        self.share.get().copied().unwrap_or_default()
    }

    /// Sets what an inproc peer wants to hear when this party leaves.
    pub fn promise(&self, last_words: Option<Vec<u8>>) {
        if let Some(words) = last_words {
            let _ = self.last_words.set(words);
        }
    }

    /// What was promised. Without memory for it, nothing.
    pub fn last_words(&self) -> Option<Message> {
        Message::from_slice(self.last_words.get()?).ok()
    }

    fn tell(&self, news: impl FnOnce(Arc<Self>) -> News) {
        if let (Some(inbox), Some(me)) = (self.inbox.get(), self.me.upgrade()) {
            inbox.post(news(me));
        }
    }
}

impl Peer for Party {
    fn readable(&self) {
        self.tell(News::Readable);
    }

    fn writable(&self) {
        self.tell(News::Writable);
    }

    fn closed(&self) {
        self.tell(News::Closed);
    }

    fn hiccup(&self) {
        self.tell(News::Hiccup);
    }

    fn keeps_back(&self) {
        if let Some(inbox) = self.inbox.get() {
            // Relaxed: news from another thread only come earlier than the end of the nap, which sees to what is kept.
            inbox.naps.store(true, Ordering::Relaxed);
        }
    }

    fn reclaim(&self) -> bool {
        // Without a pipe there is nothing to give up.
        let (Some(inbox), Some(pipe)) = (self.inbox.get(), self.pipe()) else { return true };
        inbox.reclaim(pipe)
    }
}
