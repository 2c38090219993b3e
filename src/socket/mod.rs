//! Sockets: what is behind a `void *socket`.
//!
//! Knows: its pattern, its pipes, its endpoints; blocking and timeouts (`wait`), readiness (`poll`). Must not
//! know: routing rules, connections, C. A socket is used by one thread at a time, which the `Cell` it lives in
//! sees to; calls that wait let go of it meanwhile.

mod adoption;
mod endpoints;
mod inbox;
mod monitor;
mod owner;
mod poll;
mod poller;
mod relay;
mod spin;
mod wait;

pub use inbox::{Inbox, Party};
pub use monitor::{Monitor, Monitors};
pub use poll::{Item, POLL_ERROR, POLL_IN, POLL_OUT, POLL_PRIORITY, poll, poll_serving};
pub use poller::{Event, Poller, Target, wait_for_events};
pub use relay::{Stop, relay};
pub use wait::{find, has_input, has_room, is_reply, recv, recv_in_service, recv_into, send, sleep_on};

use crate::config::{SEND_CHUNK, SEND_OVERHEAD};
use crate::context::{Context, next_serial};
use crate::driver::{LinkHandle, Report, event};
use crate::error::{Errno, Result};
use crate::message::{Message, Traffic};
use crate::options::{SocketOptions, SocketType, number as n, value};
use crate::pattern::{self, Dropped, Leftover, Mode, Origin, Pattern, PipeId, Pipes};
use crate::pipe::End;
use crate::sync::{Cell, Deferral, Registry, Standing};
use adoption::Adoption;
use endpoints::Endpoint;
use inbox::{Attachment, News};
use spin::Spin;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

/// Every open socket of the process.
pub static SOCKETS: Registry<Socket> = Registry::new();

/// See the module documentation.
pub struct Socket {
    kind: SocketType,
    context: Arc<Context>,
    inbox: Arc<Inbox>,
    options: SocketOptions,
    pattern: Box<dyn Pattern>,
    pipes: Pipes,
    /// By pipe number: who is at the other end.
    attached: Vec<Option<Attached>>,
    endpoints: Vec<Endpoint>,
    last_endpoint: OsString,
    receive_more: bool,
    /// All that the application sent and received.
    sent: Traffic,
    received: Traffic,
    spin: Spin,
    /// The last wait came to a sleep.
    sleeps: bool,
    /// Bytes sent since the links' pipes were last written from here, roughly.
    unwritten: usize,
    monitor: Arc<Monitor>,
    /// Set on a socket of the library's own, that a monitor reports to.
    monitors: Monitors,
    adoption: Adoption,
    /// A call has failed because the context is ending.
    told_of_end: bool,
}

/// What the socket keeps of a pipe besides its end.
struct Attached {
    party: Arc<Party>,
    link: Option<Arc<LinkHandle>>,
}

/// Opens a socket. EINVAL for an unknown type, EMFILE at the limit, ETERM when the context is ending.
pub fn open(context: &Arc<Context>, kind: i32) -> Result<&'static Cell<Socket>> {
    if context.is_foreign() {
        return Err(Errno::INTERRUPTED);
    }
    if context.is_terminating() {
        return Err(Errno::TERMINATED);
    }
    let kind = SocketType::from_number(kind).ok_or(Errno::INVALID)?;
    let pattern = pattern::create(kind).ok_or(Errno::INVALID)?;
    let options = {
        let options = context.options.lock();
        SocketOptions::new(kind, options.ipv6, options.blocky)
    };
    let mut made = None;
    let cell = SOCKETS.insert(|cell| {
        let inbox = Inbox::new(cell, next_serial());
        made = Some(inbox.clone());
        Socket {
            kind,
            context: context.clone(),
            inbox,
            options,
            pattern,
            pipes: Pipes::default(),
            attached: Vec::new(),
            endpoints: Vec::new(),
            last_endpoint: OsString::new(),
            receive_more: false,
            sent: Traffic::default(),
            received: Traffic::default(),
            spin: Spin::new(),
            sleeps: false,
            unwritten: 0,
            monitor: Arc::default(),
            monitors: None,
            adoption: Adoption::default(),
            told_of_end: false,
        }
    });
    let (Some(cell), Some(inbox)) = (cell, made) else { return Err(Errno::TOO_MANY_FILES) };
    // The descriptor is made now: a socket that could be opened can also wait.
    if let Err(error) = inbox.mailbox.waker.fd().and_then(|_| context.admit(&inbox)) {
        drop(cell.lock().take());
        SOCKETS.free(cell);
        return Err(error);
    }
    Ok(cell)
}

/// Closes the socket in a cell. ENOTSOCK when there is none. What is unsent lingers in the background.
pub fn close(cell: &'static Cell<Socket>) -> Result<()> {
    if cell.standing() == Standing::Inherited {
        // What the socket holds is the parent's, and is not touched.
        cell.abandon();
        return Ok(());
    }
    // Also while the socket ends, which may write what was kept back.
    let _deferral = Deferral::begin();
    let mut socket = wait::own(cell)?.lock().take().ok_or(Errno::NOT_A_SOCKET)?;
    socket.shut();
    SOCKETS.free(cell);
    Ok(())
}

impl Socket {
    /// Tells this socket from any other of the process.
    pub fn serial(&self) -> u64 {
        self.inbox.serial
    }

    /// Begins a call that may change what the socket is ready for, so that pollers look at it again. ETERM when the
    /// context is ending; otherwise the news are handled.
    pub fn enter(&mut self) -> Result<()> {
        self.begin_transfer()?;
        // Last: handling the news may have opened something.
        self.pipes.end_passing();
        Ok(())
    }

    /// The same for a call that only sends or receives.
    #[inline]
    fn begin_transfer(&mut self) -> Result<()> {
        self.check_context()?;
        self.take_notice();
        Ok(())
    }

    #[inline]
    fn take_notice(&mut self) {
        if self.inbox.mailbox.waker.wants_attention() {
            self.give_attention();
        }
    }

    #[cold]
    fn give_attention(&mut self) {
        if self.inbox.mailbox.waker.is_watched() {
            self.inbox.mailbox.waker.tell_watchers();
        }
        if self.inbox.mailbox.waker.is_pending() {
            self.handle_news();
        }
    }

    /// ETERM when the context is ending, otherwise the news are handled.
    fn look_in(&mut self) -> Result<()> {
        self.check_context()?;
        if self.inbox.mailbox.waker.is_pending() {
            self.handle_news();
        }
        self.pipes.end_passing();
        Ok(())
    }

    /// ETERM when the context is ending.
    #[inline]
    fn check_context(&mut self) -> Result<()> {
        if self.context.is_terminating() {
            self.told_of_end = true;
            return Err(Errno::TERMINATED);
        }
        Ok(())
    }

    /// [`Socket::check_context`] for options: ETERM only once another call on this socket has said so, as in the
    /// reference. A thread that is told of the end by one of its sockets still sets ZMQ_LINGER of the others, before it
    /// closes them.
    fn check_for_options(&mut self) -> Result<()> {
        if self.told_of_end { self.check_context() } else { Ok(()) }
    }

    /// Does what others told this socket.
    #[cold]
    pub fn handle_news(&mut self) {
        if self.inbox.mailbox.has_news() {
            for _ in 0..self.inbox.mailbox.waiting() {
                let Some(news) = self.inbox.mailbox.pop() else { break };
                self.handle(news);
            }
            // What changed may be what another thread is about to wait for.
            self.inbox.renotify();
            // The end of the context may have been announced together with these news, after this call had asked for it.
            if self.context.is_terminating() {
                self.inbox.wake();
            }
        }
        self.remove_ended();
    }

    fn handle(&mut self, news: News) {
        match news {
            News::Attach(attachment) => {
                let Attachment { party, end, origin, link } = *attachment;
                self.attach(party, end, &origin, link);
            }
            News::Readable(party) => {
                if let Some(id) = party.pipe() {
                    self.pattern.readable(&mut self.pipes, id);
                }
            }
            News::Writable(party) => {
                if let Some(id) = party.pipe() {
                    self.pattern.writable(&mut self.pipes, id);
                }
            }
            News::Closed(party) => {
                if let Some(id) = party.pipe() {
                    self.pipes.forbid_writing(id);
                    if self.pattern.closed(&mut self.pipes, id) == Leftover::Discard {
                        self.detach(id);
                    }
                }
            }
            News::Hiccup(party) => {
                if let Some(id) = party.pipe() {
                    self.pattern.hiccup(&mut self.pipes, id);
                }
            }
            News::Ended(link) => self.forget_link(&link),
        }
    }

    fn attach(&mut self, party: Arc<Party>, end: End, origin: &Origin, link: Option<Arc<LinkHandle>>) {
        let id = self.pipes.insert(end, origin.inproc);
        party.set_pipe(Some(id));
        let slot = id.0 as usize;
        if self.attached.len() <= slot {
            self.attached.resize_with(slot + 1, || None);
        }
        if let Some(link) = &link {
            self.adoption.note_attached(link);
        }
        self.attached[slot] = Some(Attached { party, link });
        self.pattern.attach(&mut self.pipes, id, origin);
        // A new pipe is awake, and announces nothing before somebody has looked at it: who waits at the descriptor is to look.
        self.inbox.mailbox.waker.notify();
    }

    /// Removes a pipe, with whatever is unread in it.
    fn detach(&mut self, id: PipeId) {
        if self.pipes.end(id).is_none() {
            return;
        }
        self.pattern.detach(&mut self.pipes, id);
        // A link that has closed this pipe may have another one.
        let was_open = self.pipes.is_open(id);
        let mut last_words = None;
        if let Some(attached) = self.attached.get_mut(id.0 as usize).and_then(Option::take) {
            attached.party.set_pipe(None);
            if attached.link.is_none() {
                self.forget_inproc(&attached.party);
            }
            last_words = attached.party.last_words();
            if let Some(link) = &attached.link {
                link.set_linger(self.options.linger);
                if was_open {
                    link.part();
                }
            }
        }
        if let Some(mut end) = self.pipes.remove(id) {
            end.end_passing();
            if let Some(words) = last_words {
                end.tx.rollback();
                end.tx.push(words);
                end.tx.flush();
            }
            end.close();
        }
        if self.pipes.is_empty() {
            self.attached = Vec::new();
        }
    }

    #[inline]
    fn remove_ended(&mut self) {
        while let Some(id) = self.pipes.take_ended() {
            self.detach(id);
        }
    }

    /// Leaves a notice for whoever waits, when a look was cut short.
    #[inline]
    fn look_again(&mut self) {
        if std::mem::take(&mut self.pipes.look_again) {
            self.inbox.mailbox.waker.notify();
        }
    }

    /// Sends a part if there is room now.
    #[inline(always)]
    pub fn try_send(&mut self, message: &mut Message, mode: Mode) -> Result<()> {
        self.begin_transfer()?;
        let (size, more) = (message.len(), message.more());
        if let Err(error) = self.pattern.send(&mut self.pipes, message, mode) {
            self.look_again();
            return Err(error);
        }
        self.sent.count(size, more);
        self.remove_ended();
        self.unwritten += size + SEND_OVERHEAD;
        if self.unwritten >= SEND_CHUNK {
            self.unwritten = 0;
            self.end_naps();
        }
        Ok(())
    }

    /// Receives a part into `place` if there is one now.
    #[inline(always)]
    pub fn try_recv(&mut self, place: &mut Message, with_metadata: bool) -> Result<()> {
        self.begin_transfer()?;
        self.pipes.with_metadata = with_metadata;
        let received = self.pattern.recv_into(&mut self.pipes, place);
        self.remove_ended();
        self.look_again();
        received?;
        self.receive_more = place.more();
        self.received.count(place.len(), self.receive_more);
        Ok(())
    }

    /// Whether a part could be received now.
    fn has_input(&mut self) -> Result<bool> {
        Ok(self.events_of_waiter()? & POLL_IN != 0)
    }

    /// Whether a part would be taken now: POLL_OUT for a thread that goes on sending.
    pub(super) fn has_room(&mut self) -> Result<bool> {
        self.begin_transfer()?;
        Ok(self.pattern.can_send(&mut self.pipes))
    }

    /// ZMQ_EVENTS: what would not block now.
    pub fn events(&mut self) -> Result<i16> {
        self.check_context()?;
        self.end_leases();
        self.look_in()?;
        Ok(self.ready_for())
    }

    /// The same for a thread that is going to wait, and reads the connections itself then.
    fn events_of_waiter(&mut self) -> Result<i16> {
        self.look_in()?;
        Ok(self.ready_for())
    }

    fn ready_for(&mut self) -> i16 {
        let mut events = 0;
        if self.pattern.can_recv(&mut self.pipes) {
            events |= POLL_IN;
        }
        if self.pattern.can_send(&mut self.pipes) {
            events |= POLL_OUT;
        }
        self.remove_ended();
        self.look_again();
        events
    }

    /// `zmq_socket_get_peer_state`: POLL_OUT when a message for this peer would be taken. EHOSTUNREACH, ENOTSUP.
    pub fn peer_state(&mut self, routing_id: &[u8]) -> Result<i16> {
        self.enter()?;
        let room = self.pattern.can_send_to(&mut self.pipes, routing_id)?;
        Ok(if room { POLL_OUT } else { 0 })
    }

    /// `zmq_setsockopt`; `None` is (NULL, 0).
    pub fn set_option(&mut self, option: i32, value: Option<&[u8]>) -> Result<()> {
        self.check_for_options()?;
        self.take_notice();
        self.pipes.end_passing();
        if let Some(result) = self.pattern.set_option(&mut self.pipes, option, value.unwrap_or_default()) {
            if let Some(notify) = self.pattern.int_option(n::ZMQ_ROUTER_NOTIFY) {
                self.options.router_notify = notify;
            }
            return result;
        }
        self.options.set(option, value)?;
        match option {
            n::ZMQ_SNDHWM => self.update_high_water(true),
            n::ZMQ_RCVHWM => self.update_high_water(false),
            _ => {}
        }
        Ok(())
    }

    /// New limits apply to the pipes there are.
    fn update_high_water(&mut self, sending: bool) {
        let ids: Vec<_> = self.pipes.ids().collect();
        for id in ids {
            let Some(attached) = &self.attached[id.0 as usize] else { continue };
            let share = attached.party.share();
            let Some(end) = self.pipes.end(id) else { continue };
            if sending {
                end.tx.set_high_water(share.sending(self.options.send_hwm as usize));
                self.pattern.writable(&mut self.pipes, id);
            } else {
                end.rx.set_high_water(share.receiving(self.options.receive_hwm as usize));
            }
        }
    }

    /// `zmq_getsockopt`: fills `out`, returns the new `*len`.
    pub fn option(&mut self, option: i32, out: &mut [u8]) -> Result<usize> {
        self.check_for_options()?;
        match option {
            n::ZMQ_TYPE => value::write_int(out, self.kind.number()),
            n::ZMQ_RCVMORE => value::write_loose_int(out, i32::from(self.receive_more)),
            n::ZMQ_THREAD_SAFE => value::write_loose_int(out, i32::from(self.kind.is_thread_safe())),
            n::ZMQ_LAST_ENDPOINT => value::write_string(out, self.last_endpoint.as_bytes()),
            n::ZMQ_FD => {
                value::write_loose_int(out, 0)?;
                self.end_leases();
                value::write_loose_int(out, self.inbox.expose()?)
            }
            n::ZMQ_EVENTS => {
                value::write_loose_int(out, 0)?;
                self.inbox.mailbox.waker.settle();
                let events = self.events()?;
                value::write_loose_int(out, i32::from(events))
            }
            n::ZMQ_ROUTING_ID if self.pattern.shown_routing_id().is_some() => {
                value::write_bytes(out, self.pattern.shown_routing_id().unwrap_or_default())
            }
            _ => match self.pattern.int_option(option) {
                Some(number) if option == n::ZMQ_TOPICS_COUNT => value::write_loose_int(out, number),
                Some(number) => value::write_int(out, number),
                None => self.options.get(option, out),
            },
        }
    }

    fn log_traffic(&self) {
        let Self { sent, received, pipes, .. } = self;
        let Dropped { full, unreachable, unwanted } = pipes.dropped;
        crate::log::debug!(
            "{} socket {:p} closed: {sent} sent, {received} received; \
             dropped: {full} to full peers, {unreachable} to unknown peers, {unwanted} without a subscription",
            self.kind.name(),
            self.inbox.handle()
        );
    }

    /// `zmq_socket_monitor_pipes_stats`: the monitor is told how much waits in each pipe. EINVAL when nobody has asked for such
    /// events, EAGAIN without pipes.
    pub fn report_queues(&mut self) -> Result<()> {
        self.enter()?;
        if !self.monitor.wants(event::PIPES_STATS) {
            return Err(Errno::INVALID);
        }
        if self.pipes.is_empty() {
            return Err(Errno::AGAIN);
        }
        let ids: Vec<_> = self.pipes.ids().collect();
        for id in ids {
            let link = self
                .attached
                .get(id.0 as usize)
                .and_then(Option::as_ref)
                .and_then(|attached| attached.link.as_ref());
            match (link, self.pipes.end(id)) {
                (Some(link), Some(end)) => link.ask_for_statistics(end.tx.queued()),
                (None, Some(end)) => self.monitor.report(&Report::queues(end.tx.queued(), end.rx.queued())),
                (_, None) => {}
            }
        }
        Ok(())
    }

    /// Lets go of everything: endpoints, pipes, the context.
    fn shut(&mut self) {
        self.handle_news();
        self.pipes.end_passing();
        self.log_traffic();
        self.close_endpoints();
        self.monitor.stop();
        let ids: Vec<_> = self.pipes.ids().collect();
        for id in ids {
            self.detach(id);
        }
        self.inbox.close();
        self.context.dismiss(self.inbox.serial);
    }
}
