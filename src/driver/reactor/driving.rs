//! Moving bytes on the I/O thread, and looking after those who move them elsewhere.

use super::*;

impl Reactor {
    pub(super) fn drive_send(&mut self, key: u64) {
        let Some(link) = self.link(key).filter(|link| link.closing.is_none()) else { return };
        let (handle, lingering) = (link.handle.clone(), link.lingering);
        // Subscriptions wait for room in the socket, which may not be used for long.
        let subscriber = link.settings.resubscribes().then(|| link.settings.owner.clone());
        let Some(mut pump) = handle.send.try_hold() else { return self.remind(key, &handle) };
        let controls = handle.take_controls(&pump);
        // In a burst the application's thread goes on where this one stops.
        let budget = if pump.napping && !lingering { 1 } else { BUDGET };
        let sent = pump.drive(controls, budget, !lingering);
        pump.wrote = false;
        let more = handle.note_sent(&mut pump, sent) && sent != Sent::Ended;
        if pump.release() | more {
            handle.post(Command::Send);
        }
        if let Some(owner) = subscriber {
            self.attend(&owner);
        }
        match sent {
            Sent::Napping => self.nap(key),
            Sent::Ended if lingering => self.close(key),
            // What is left cannot be sent on this connection any more; nobody else may be reading it.
            Sent::Unconnected if lingering && self.is_established(key) => {
                self.lost(key, Loss::network("the peer is gone", libc::EPIPE));
            }
            _ if lingering => {
                self.finish_if_drained(key);
            }
            _ => {}
        }
    }

    /// A half is held, and its holder marked. One that is kept is let go of now, or when its thread finds the mark; the thread may be just
    /// leaving a call, though, and not come back for long.
    fn remind(&mut self, key: u64, handle: &LinkHandle) {
        if handle.reclaim() {
            return;
        }
        let Some(link) = self.link(key) else { return };
        if !std::mem::replace(&mut link.reminding, true) {
            self.timers.set(Instant::now() + REMIND_AGAIN, Purpose::Remind(key));
        }
    }

    pub(super) fn drive_again(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        link.reminding = false;
        self.drive_receive(key);
        self.drive_send(key);
    }

    pub(super) fn is_established(&mut self, key: u64) -> bool {
        self.link(key).is_some_and(|link| matches!(link.state, State::Established { .. }))
    }

    /// Looks at the pipe again in a moment.
    pub(super) fn nap(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        link.handle.begin_nap();
        if !std::mem::replace(&mut link.napping, true) {
            self.begin_nap(key, NAP);
        }
    }

    /// The more links nap, the longer it takes a burst to come round to each again.
    fn begin_nap(&mut self, key: u64, least: Duration) {
        self.naps += 1;
        let length = least.max(NAP_STEP * self.naps);
        self.timers.set(Instant::now() + length, Purpose::Nap(key));
    }

    pub(super) fn end_nap(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        let lingering = link.lingering;
        match link.handle.look_at_nap(lingering) {
            Nap::Again => return self.begin_nap(key, NAP),
            Nap::Urged => return self.begin_nap(key, NAP_GRACE),
            Nap::Over => {}
        }
        link.napping = false;
        // SeqCst: see `LinkHandle::leave_room`. A thread that waits until the kernel takes more will write, or tell us.
        link.handle.napping.store(false, Ordering::SeqCst);
        if !link.handle.awaiting_room.load(Ordering::SeqCst) {
            self.drive_send(key);
        }
    }

    /// Handles the news of a socket: now, or when no application thread is in a call on it. The one that is may have looked already, and
    /// not come back for long.
    pub(super) fn attend(&mut self, owner: &Arc<dyn Owner>) {
        if owner.attend() || self.unattended.iter().any(|other| Arc::ptr_eq(other, owner)) {
            return;
        }
        if self.unattended.is_empty() {
            self.timers.set(Instant::now() + ATTEND_AGAIN, Purpose::Attend);
        }
        self.unattended.push(owner.clone());
    }

    pub(super) fn attend_again(&mut self) {
        for owner in std::mem::take(&mut self.unattended) {
            if catch_unwind(AssertUnwindSafe(|| self.attend(&owner))).is_err() {
                debug!("internal error: news of a socket are left to its next call");
            }
        }
    }

    /// Looks whether an adopted stream is still in use.
    pub(super) fn check_lease(&mut self, key: u64, uses: Option<u32>) {
        let Some(link) = self.link(key) else { return };
        if let Some(uses) = link.handle.check_lease(uses) {
            self.timers.set(Instant::now() + LEASE, Purpose::Lease(key, uses));
        } else {
            link.handle.give_up_kept();
        }
    }

    /// The same for streams that are watched together.
    pub(super) fn look_after(&mut self, key: u64, uses: Option<u32>) {
        let Some(set) = self.gatherings.get(&key).and_then(Weak::upgrade) else { return };
        if let Some(uses) = set.look_after(uses) {
            self.timers.set(Instant::now() + LEASE, Purpose::Lease(key, uses));
        }
    }

    /// Streams that are watched together, by nobody else now, are ready.
    pub(super) fn gathered_events(&mut self, key: u64) {
        let Some(set) = self.gatherings.get(&key).and_then(Weak::upgrade) else { return };
        for event in set.ready() {
            self.with_link(event.key, |reactor, key| reactor.link_event(key, event));
        }
    }

    pub(super) fn drive_receive(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        let handle = link.handle.clone();
        let Some(mut pump) = handle.receive.try_hold() else { return self.remind(key, &handle) };
        let mut effects = SideEffects::default();
        let received = pump.drive(BUDGET, &mut effects);
        handle.note_room(&mut pump, &received);
        let ahead = matches!(received, Received::Drained | Received::More) && pump.is_far_ahead();
        let left = ahead && handle.leave_to_reader();
        let marked = pump.release();
        if handle.apply(effects) {
            self.drive_send(key);
        }
        match received {
            Received::Drained | Received::Blocked | Received::Unconnected => {}
            Received::More if left => {}
            Received::More => handle.post(Command::Receive),
            Received::Over(ending) => return self.over(key, ending),
        }
        if marked {
            handle.post(Command::Receive);
        }
    }

    /// The receive half found the end of an established connection.
    pub(super) fn over(&mut self, key: u64, ending: Ending) {
        let loss = match ending {
            Ending::Closed => Loss::network("the peer closed the connection", libc::EPIPE),
            Ending::Network(error) => Loss::network(error.to_string(), error.raw()),
            Ending::Failure(failure) => loss_of(failure),
        };
        self.lost(key, loss);
    }

    pub(super) fn link_event(&mut self, key: u64, event: Event) {
        let Some(link) = self.link(key) else { return };
        match &link.state {
            State::Connecting { .. } => self.connect_decided(key),
            State::Proxying { .. } => self.ask_proxy(key),
            State::Handshaking { .. } => {
                if event.writable {
                    self.write_handshake(key);
                }
                if event.readable || event.failed {
                    self.read_handshake(key);
                }
            }
            State::Established { .. } => {
                let handle = link.handle.clone();
                if event.writable {
                    handle.want_write(false);
                    self.drive_send(key);
                }
                let ends = event.ended || event.failed;
                if event.readable || (ends && handle.note_end()) {
                    self.drive_receive(key);
                }
                if event.failed && self.is_established(key) && !handle.is_reading() {
                    handle.want_write(false);
                    handle.park();
                }
            }
            State::Resolving | State::Waiting | State::Stopped => {}
        }
    }

    /// Tells the monitor how much waits in the pipe of a link.
    pub(super) fn report_queues(&mut self, key: u64, outbound: usize) {
        let Some(link) = self.link(key) else { return };
        let State::Established { stream, .. } = &link.state else { return };
        link.report_on(Report::queues(outbound, link.handle.queued()), stream.raw());
    }
}
