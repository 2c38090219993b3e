//! How connections and links end: retry, linger, close.

use super::*;
use std::os::fd::RawFd;

impl Reactor {
    /// An attempt failed or a connection ended: retry, or end the link.
    pub(super) fn lost(&mut self, key: u64, loss: Loss) {
        self.set_deadline(key, None);
        let Some(link) = self.link(key) else { return };
        if link.closing.is_some() {
            return self.finish(key);
        }
        let Loss { kind, reason, report } = loss;
        let retry = match kind {
            LossKind::Network => true,
            LossKind::Refused => link.settings.options.reconnect_stop & STOP_REFUSED == 0,
            LossKind::Protocol => false,
        };
        let mut reports = Reports::of(link);
        if let State::Handshaking { stream, .. } | State::Established { stream, .. } = &link.state {
            // What breaks the protocol later is reported in the same way.
            if let Some((number, value)) = report
                && (matches!(link.state, State::Handshaking { told: false, .. })
                    || number == event::HANDSHAKE_FAILED_PROTOCOL)
            {
                reports.add(link, number, value, stream.raw());
            }
            reports.add(link, event::DISCONNECTED, stream.raw() as u64, stream.raw());
        }
        if let State::Connecting { socket, .. } | State::Proxying { socket, .. } = &link.state {
            reports.add_attempt(link, event::CLOSED, socket.as_raw_fd() as u64);
        }
        let during_handshake = matches!(link.state, State::Handshaking { .. });
        if during_handshake {
            link.backoff.turn_away();
        }
        let was_attempt = matches!(
            link.state,
            State::Connecting { .. } | State::Proxying { .. } | State::Resolving | State::Waiting
        );
        if was_attempt {
            debug!("{}: {reason}", link.name());
        } else {
            debug!("{}: {} ended: {reason}", link.name(), link.state.name());
        }
        let stop = link.settings.options.reconnect_stop;
        let retry = retry
            && matches!(link.role, Role::Connect(_))
            && !(during_handshake && stop & STOP_HANDSHAKE != 0)
            && !(link.lingering && stop & STOP_AFTER_DISCONNECT != 0);
        // The reports name the descriptor, which must be nobody else's until they were told: hence `_open` below.
        match kind {
            _ if retry => {}
            LossKind::Refused => {
                let _open = self.end_endpoint(key);
                return reports.tell();
            }
            LossKind::Network | LossKind::Protocol => {
                let _open = self.remove(key);
                return reports.tell();
            }
        }
        link.handle.unregister();
        let _open = self.drop_connection(key);
        if let Some(link) = self.link(key)
            && link.lingering
            && self.finish_if_drained(key)
        {
            return reports.tell();
        }
        self.retry(key, was_attempt, reports);
    }

    /// Ends a link that may not try again; the socket may connect to the same endpoint anew. Returns the state it was in, as `remove` does.
    pub(super) fn end_endpoint(&mut self, key: u64) -> Option<State> {
        let link = self.link(key)?;
        let (handle, owner) = (link.handle.clone(), link.settings.owner.clone());
        let state = self.remove(key);
        owner.ended(&handle);
        self.attend(&owner);
        state
    }

    /// Waits for the next attempt, as the options say. `reports`: of what made it necessary.
    fn retry(&mut self, key: u64, was_attempt: bool, reports: Reports) {
        let Some(link) = self.link(key) else { return reports.tell() };
        match link.settings.options.reconnect_delay() {
            Some(_) => {
                reports.tell();
                let pause = link.backoff.next(crate::driver::backoff::random());
                debug!("{}: next attempt in {} ms", link.name(), pause.as_millis());
                link.report_attempt(event::CONNECT_RETRIED, pause.as_millis() as u64);
                link.state = State::Waiting;
                self.set_timer(key, Some(pause));
            }
            // A first attempt that failed leaves the pipe in place for ever, a lost connection ends it.
            None if was_attempt => {
                link.state = State::Stopped;
                reports.tell();
            }
            None => {
                drop(self.end_endpoint(key));
                reports.tell();
            }
        }
    }

    /// Takes the halves off a connection that is gone. What is queued in the pipe stays, except where the socket will
    /// say it again (subscriptions), or where there is no pipe without a connection (ZMQ_IMMEDIATE). Returns the state it was in, whose
    /// descriptor is open until that is dropped.
    fn drop_connection(&mut self, key: u64) -> State {
        let Some(link) = self.link(key) else { return State::Stopped };
        let state = std::mem::replace(&mut link.state, State::Waiting);
        let (handle, settings) = (link.handle.clone(), link.settings.clone());
        take_off(&handle);
        let State::Established { stream, .. } = &state else { return state };
        release_waiters(stream);
        if settings.options.immediate {
            link.has_pipe = false;
            close_pipe(&handle);
        } else {
            if settings.resubscribes() {
                handle.with_send(SendPump::discard);
            }
            handle.with_receive(|pump| {
                if let Some(outlet) = &pump.outlet {
                    outlet.hiccup();
                }
            });
        }
        self.attend(&settings.owner);
        state
    }

    /// The socket closed a pipe of this link: the one there is now, or an earlier one that was closed from here
    /// (ZMQ_IMMEDIATE), which says nothing about the link.
    pub(super) fn pipe_closed(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        if link.handle.with_send(|pump| pump.inlet.as_ref().is_some_and(crate::pipe::Inlet::is_closed)) {
            self.release(key);
        }
    }

    /// The socket let go: send what is left as long as linger allows, then end.
    pub(super) fn release(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        let linger = *link.handle.linger.lock();
        self.begin_linger(key, linger);
    }

    pub(super) fn begin_linger(&mut self, key: u64, linger: Option<Duration>) {
        let Some(link) = self.link(key) else { return };
        if link.lingering {
            return;
        }
        link.lingering = true;
        let (handle, owner) = (link.handle.clone(), link.settings.owner.clone());
        // The socket is told first, so that it writes nothing more. From here on what the peer sends is read and dropped:
        // its answers to heartbeats keep the connection, its end ends it.
        handle.stop_receiving();
        self.attend(&owner);
        let established = self.is_established(key);
        if established {
            handle.set_blocked(false);
            self.drive_send(key);
        }
        if self.finish_if_drained(key) {
            return;
        }
        let stops = self.link(key).is_some_and(|link| {
            link.settings.options.reconnect_stop & STOP_AFTER_DISCONNECT != 0 && !established
        });
        match linger {
            _ if stops => self.finish(key),
            Some(Duration::ZERO) => self.finish(key),
            Some(linger) => {
                let timer = self.timers.set(Instant::now() + linger, Purpose::Linger(key));
                self.replace_linger_timer(key, Some(timer));
            }
            None => {}
        }
    }

    pub(super) fn replace_linger_timer(&mut self, key: u64, timer: Option<TimerId>) {
        let Some(link) = self.link(key) else { return };
        if let Some(old) = std::mem::replace(&mut link.linger_timer, timer) {
            self.timers.cancel(old);
        }
    }

    /// Ends a lingering link that has nothing left to send.
    pub(super) fn finish_if_drained(&mut self, key: u64) -> bool {
        let Some(link) = self.link(key) else { return true };
        let handle = link.handle.clone();
        let Some(mut pump) = handle.send.try_hold() else { return false };
        let drained = pump.is_drained();
        if pump.release() {
            handle.post(Command::Send);
        }
        if drained {
            self.close(key);
        }
        drained
    }

    /// Ends a link that has sent everything, once the peer's kernel has taken it: anything that the peer says to a socket that is
    /// closed already would make the kernel drop what it still holds.
    pub(super) fn close(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        let linger = *link.handle.linger.lock();
        let limit = linger.map_or(CLOSE_LIMIT, |linger| linger.min(CLOSE_LIMIT));
        let State::Established { stream, .. } = &link.state else { return self.finish(key) };
        let (left, now) = (stream.unacknowledged(), Instant::now());
        if left == 0 || limit.is_zero() {
            return self.finish(key);
        }
        let stream = stream.clone();
        match link.closing {
            Some((before, since)) if left >= before && now - since >= limit => return self.finish(key),
            Some((before, _)) if left >= before => {}
            started => {
                link.closing = Some((left, now));
                if started.is_none() {
                    stream.end_writing();
                    self.set_deadline(key, None);
                }
            }
        }
        self.timers.set(Instant::now() + CLOSE_STEP, Purpose::Close(key));
    }

    /// Ends a link for good.
    pub(super) fn finish(&mut self, key: u64) {
        drop(self.remove(key));
    }

    /// The same. Returns the state it was in, whose descriptor is open until that is dropped.
    fn remove(&mut self, key: u64) -> Option<State> {
        self.set_deadline(key, None);
        self.replace_linger_timer(key, None);
        self.link(key)?;
        let link = self.links[slot_of(key)].take()?;
        self.free.push(slot_of(key));
        self.thread.load.fetch_sub(1, Ordering::Relaxed);
        let handle = &link.handle;
        if crate::log::enabled() {
            let (sent, received) = handle.traffic();
            debug!(
                "{}: ended after {} connections; {sent} sent, {received} received",
                link.name(),
                link.connections
            );
        }
        handle.unregister();
        take_off(handle);
        if let State::Handshaking { stream, .. } | State::Established { stream, .. } = &link.state {
            // Input that nobody will read would make the kernel reset the connection, and drop what we sent last.
            with_read_buffer(|buffer| {
                for _ in 0..BUDGET {
                    if !matches!(stream.read(buffer), Ok(Read::Bytes(_))) {
                        break;
                    }
                }
            });
            release_waiters(stream);
        }
        close_pipe(handle);
        self.attend(&link.settings.owner);
        if self.trimming.note_end() {
            self.timers.set(Instant::now() + TRIM_DELAY, Purpose::Trim);
        }
        Some(link.state)
    }

    /// Gives memory of links that are gone back to the system where it is time to.
    pub(super) fn trim(&mut self) {
        let look = self.trimming.look();
        if look.again {
            self.timers.set(Instant::now() + TRIM_DELAY, Purpose::Trim);
        }
        if look.give_back {
            self.links.truncate(self.links.iter().rposition(Option::is_some).map_or(0, |last| last + 1));
            self.free.retain(|&slot| slot < self.links.len());
            self.links.shrink_to_fit();
            self.free.shrink_to_fit();
            crate::memory::give_back();
        }
    }
}

pub(super) fn loss_of(failure: Failure) -> Loss {
    let reason = failure.reason;
    match failure.kind {
        FailureKind::NoMemory => Loss::network(reason, libc::ENOMEM),
        FailureKind::Refused(_) => Loss::network(reason, libc::EPIPE),
        FailureKind::NoVerdict => Loss::network(reason, libc::EFAULT),
        FailureKind::NoRandomness => Loss::network(reason, libc::EAGAIN),
        FailureKind::Protocol(code) => {
            let report = code.map(|code| (event::HANDSHAKE_FAILED_PROTOCOL, u64::from(code)));
            Loss { kind: LossKind::Protocol, reason, report }
        }
        FailureKind::Authentication(status) => {
            let report = Some((event::HANDSHAKE_FAILED_AUTH, u64::from(status)));
            Loss { kind: LossKind::Protocol, reason, report }
        }
    }
}

/// Takes both halves off a connection. The receive half says goodbye to the socket then: what an application sends because of that
/// must not go into the connection that is gone.
fn take_off(handle: &LinkHandle) {
    handle.with_send(SendPump::disconnect);
    handle.with_receive(ReceivePump::disconnect);
}

/// What is told of a connection that has ended, once it is so: whoever hears of it may act on it at once. The addresses can only be had
/// before.
struct Reports {
    owner: Arc<dyn Owner>,
    reports: Vec<Report>,
}

impl Reports {
    fn of(link: &Link) -> Self {
        Self { owner: link.settings.owner.clone(), reports: Vec::new() }
    }

    fn add(&mut self, link: &Link, event: u64, value: u64, fd: RawFd) {
        if self.owner.wants(event) {
            self.reports.push(link.about(Report::new(event, value), fd));
        }
    }

    fn add_attempt(&mut self, link: &Link, event: u64, value: u64) {
        self.reports.extend(link.about_attempt(event, value));
    }

    fn tell(&self) {
        self.reports.iter().for_each(|report| self.owner.report(report));
    }
}

/// A thread that adopted a stream still holds it, and would wait for it for ever: ends the stream for everybody.
fn release_waiters(stream: &Arc<Stream>) {
    if Arc::strong_count(stream) > 1 {
        stream.shutdown();
    }
}

/// Ends both directions of a link's pipe; the socket is told, and what it received stays readable.
fn close_pipe(handle: &Arc<LinkHandle>) {
    let inlet = handle.with_send(|pump| pump.inlet.take());
    let outlet = handle.with_receive(|pump| pump.outlet.take());
    if let Some(mut outlet) = outlet {
        outlet.close();
    }
    drop(inlet);
}
