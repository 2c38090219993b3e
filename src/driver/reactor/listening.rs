//! Listeners, and the peers they accept.

use super::*;

impl Reactor {
    pub(super) fn listen(&mut self, number: u64, entry: ListenerEntry) {
        if let Err(error) = entry.listener.watch(&self.thread.poller, LISTENER | number) {
            debug!("{}: cannot be watched: {error}", entry.listener.endpoint().display());
        }
        self.thread.load.fetch_add(1, Ordering::Relaxed);
        self.listeners.insert(number, entry);
    }

    pub(super) fn accept(&mut self, number: u64) {
        for _ in 0..ACCEPT_BUDGET {
            let Some(entry) = self.listeners.get(&number) else { return };
            match entry.listener.accept(&entry.settings.options) {
                Accepted::Peer(socket) => {
                    let (listener, settings) = (entry.listener.clone(), entry.settings.clone());
                    let least = entry.threads.iter().min_by_key(|thread| thread.load.load(Ordering::Relaxed));
                    match least {
                        Some(thread) if !Arc::ptr_eq(thread, &self.thread) => {
                            thread.mailbox.post(Command::Accepted { socket, listener, number, settings });
                        }
                        _ => self.adopt_peer(socket, &listener, number, settings),
                    }
                }
                Accepted::Refused => {
                    debug!("{}: a peer was refused", entry.listener.endpoint().display());
                    entry.report_failure(0);
                }
                Accepted::Exhausted(error) => {
                    debug!("{}: accepting pauses: {error}", entry.listener.endpoint().display());
                    entry.report_failure(error.raw() as u64);
                    entry.listener.rest();
                    self.timers.set(Instant::now() + ACCEPT_PAUSE, Purpose::Accept(number));
                    return;
                }
                Accepted::Nobody | Accepted::Closed => return,
            }
        }
    }

    pub(super) fn resume_accept(&mut self, number: u64) {
        if let Some(entry) = self.listeners.get(&number)
            && let Err(error) = entry.listener.watch(&self.thread.poller, LISTENER | number)
        {
            debug!("{}: cannot be watched: {error}", entry.listener.endpoint().display());
        }
    }

    pub(super) fn adopt_peer(
        &mut self,
        socket: Socket,
        listener: &Listener,
        number: u64,
        settings: Arc<LinkSettings>,
    ) {
        if listener.is_closed() {
            return;
        }
        let handle = LinkHandle::new(self.thread.clone(), Some(number));
        let gate = settings.gate.enter();
        let transport = listener.transport();
        let mut link = Link::new(handle, settings, Role::Accept(number), transport, State::Waiting, gate);
        link.note_peer(listener.endpoint(), socket.as_raw_fd());
        let key = self.insert(link);
        self.with_link(key, |reactor, key| reactor.begin_handshake(key, socket));
    }

    pub(super) fn unlisten(&mut self, number: u64, linger: Option<Duration>) {
        if self.listeners.remove(&number).is_some() {
            self.thread.load.fetch_sub(1, Ordering::Relaxed);
        }
        let accepted =
            |link: &&Link| matches!(link.role, Role::Accept(from) if from == number) && !link.lingering;
        let keys: Vec<u64> = self
            .links
            .iter()
            .flatten()
            .filter(accepted)
            .map(|link| link.handle.key.load(Ordering::Relaxed))
            .collect();
        for key in keys {
            self.with_link(key, |reactor, key| {
                reactor.begin_linger(key, linger);
            });
        }
    }
}

pub(super) struct ListenerEntry {
    pub(super) listener: Arc<Listener>,
    pub(super) settings: Arc<LinkSettings>,
    pub(super) threads: Arc<[Arc<IoThread>]>,
}

impl ListenerEntry {
    pub(super) fn report_failure(&self, code: u64) {
        let report = Report::bound(event::ACCEPT_FAILED, code, self.listener.endpoint());
        self.settings.owner.report(&report);
    }
}
