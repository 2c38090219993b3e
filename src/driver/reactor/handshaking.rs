//! From a connected socket to a connection whose halves are at work.

use super::*;

impl Reactor {
    pub(super) fn begin_handshake(&mut self, key: u64, socket: Socket) {
        let Some(link) = self.link(key) else { return };
        debug!("{}: connected", link.name());
        let stream = Arc::new(Stream::from(socket));
        let connected = match link.role {
            Role::Connect(_) => event::CONNECTED,
            Role::Accept(_) => event::ACCEPTED,
        };
        link.note_remote(stream.raw());
        link.report(connected, stream.raw() as u64, stream.raw());
        if link.settings.config.raw {
            return self.begin_raw(key, stream);
        }
        let handshake = Box::new(Handshake::new(link.settings.config.clone()));
        let timeout = link.settings.options.handshake_interval.filter(|interval| !interval.is_zero());
        let registered = link.handle.register(stream.raw(), Interest::READ);
        link.state = State::Handshaking {
            stream,
            handshake,
            output: Vec::new(),
            refused: false,
            told: false,
            inquiry: None,
        };
        if let Err(error) = registered {
            return self.lost(key, Loss::network(error.to_string(), error.raw()));
        }
        self.set_timer(key, timeout);
        if connected == event::ACCEPTED {
            // Who was fast has sent its greeting already: both parts of ours can then be written at once.
            self.read_handshake(key);
        }
        self.write_handshake(key);
    }

    /// A plain stream of bytes is a connection at once.
    fn begin_raw(&mut self, key: u64, stream: Arc<Stream>) {
        let Some(link) = self.link(key) else { return };
        let established = Established::raw(&link.settings.config);
        let registered = link.handle.register(stream.raw(), Interest::READ);
        match registered {
            Ok(()) => self.go_to_work(key, stream, established, Vec::new()),
            Err(error) => self.lost(key, Loss::network(error.to_string(), error.raw())),
        }
    }

    /// Writes what the handshake has to say.
    pub(super) fn write_handshake(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        let State::Handshaking { stream, handshake, output, .. } = &mut link.state else { return };
        output.extend(handshake.take_output());
        let mut written = 0;
        while written < output.len() {
            match stream.write(&[IoSlice::new(&output[written..])]) {
                Ok(0) => break,
                Ok(count) => written += count,
                // The read side will find out; what the peer said before is still worth reading.
                Err(_) => written = output.len(),
            }
        }
        output.drain(..written);
        let unsent = !output.is_empty();
        link.handle.want_write(unsent);
    }

    pub(super) fn read_handshake(&mut self, key: u64) {
        for _ in 0..BUDGET {
            let Some(link) = self.link(key) else { return };
            let State::Handshaking { stream, handshake, refused, told, .. } = &mut link.state else { return };
            let mut refusal = None;
            let fd = stream.raw();
            let outcome = with_read_buffer(|buffer| match stream.read(buffer) {
                Ok(Read::WouldBlock) => Ok(None),
                Ok(Read::End) => Err(Loss::network("the peer closed during the handshake", libc::EPIPE)),
                Err(error) => Err(Loss::network(format!("during the handshake: {error}"), error.raw())),
                // The peer was refused or refused us: wait for it to close.
                Ok(Read::Bytes(_)) if *refused => Ok(Some(Vec::new())),
                Ok(Read::Bytes(count)) => match handshake.handle_input(&buffer[..count]) {
                    Ok(consumed) => Ok(Some(buffer[consumed..count].to_vec())),
                    Err(Failure { kind: FailureKind::Refused(status), reason }) => {
                        debug!("the peer refused the connection: {reason}");
                        *refused = true;
                        *told |= status.is_some();
                        refusal = status;
                        Ok(Some(Vec::new()))
                    }
                    Err(failure) => Err(loss_of(failure)),
                },
            });
            if let Some(status) = refusal {
                link.report(event::HANDSHAKE_FAILED_AUTH, u64::from(status), fd);
            }
            let rest = match outcome {
                Ok(None) => return,
                Ok(Some(rest)) => rest,
                // What we owe the peer is written even so: it learns why.
                Err(loss) => {
                    self.write_handshake(key);
                    return self.lost(key, loss);
                }
            };
            self.write_handshake(key);
            self.go_on(key);
            if self.establish_if_ready(key, rest) {
                return;
            }
        }
    }

    /// Has done elsewhere what the handshake wants to be done there.
    fn go_on(&mut self, key: u64) {
        self.negotiate(key);
        self.ask(key);
    }

    /// Has a step run that may block. An attempt that is over by then is not worth it, and its outcome is nobody's.
    fn negotiate(&mut self, key: u64) {
        let helpers = [self.acceptors.clone(), self.initiators.clone()];
        let Some(link) = self.link(key) else { return };
        let State::Handshaking { stream, handshake, .. } = &mut link.state else { return };
        let Some(mut negotiation) = handshake.take_negotiation() else { return };
        let (handle, stream) = (Arc::downgrade(&link.handle), Arc::downgrade(stream));
        let started = helpers[usize::from(negotiation.is_remote())].run(move || {
            if stream.strong_count() == 0 {
                return;
            }
            // Lost in a panic, it has no outcome, which is a failure.
            if catch_unwind(AssertUnwindSafe(|| negotiation.run())).is_err() {
                debug!("internal error: a step of a handshake is lost");
            }
            if let Some(handle) = handle.upgrade() {
                handle.post(|handle| Command::Negotiated { handle, stream, negotiation });
            }
        });
        if let Err(error) = started {
            self.lost(key, Loss::network(format!("no thread for the handshake: {error}"), error.raw()));
        }
    }

    /// A step was run.
    pub(super) fn negotiated(&mut self, key: u64, of: &Weak<Stream>, negotiation: Box<Negotiation>) {
        let Some(link) = self.link(key) else { return };
        let State::Handshaking { stream, handshake, refused: false, .. } = &mut link.state else { return };
        if !Weak::ptr_eq(of, &Arc::downgrade(stream)) {
            return;
        }
        let outcome = handshake.handle_negotiation(negotiation);
        self.settle(key, outcome);
        self.go_on(key);
        self.establish_if_ready(key, Vec::new());
    }

    /// Has the peer judged, if the handshake wants that.
    fn ask(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        let State::Handshaking { stream, handshake, refused: false, .. } = &mut link.state else { return };
        let address = || link.transport.peer_address(stream.raw());
        let Some(request) = handshake.take_request(address) else { return };
        match Inquiry::begin(&*link.settings.owner, &link.handle, request) {
            Ok(Some(begun)) => {
                if let State::Handshaking { inquiry, .. } = &mut link.state {
                    *inquiry = Some(begun);
                }
                // So that the link is told when there is something.
                self.verdict(key);
            }
            Ok(None) => self.judge(key, Verdict::NoHandler),
            // Whoever cannot be judged does not come in.
            Err(error) => {
                let reason =
                    format!("the ZAP handler cannot be asked (it has to be a REP or ROUTER): {error}");
                self.lost(key, Loss::network(reason, libc::EFAULT));
            }
        }
    }

    /// The ZAP handler has answered, or is gone.
    pub(super) fn verdict(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        let State::Handshaking { inquiry, .. } = &mut link.state else { return };
        let Some(verdict) = inquiry.as_mut().and_then(Inquiry::poll) else { return };
        *inquiry = None;
        self.judge(key, verdict);
        self.establish_if_ready(key, Vec::new());
    }

    fn judge(&mut self, key: u64, verdict: Verdict) {
        let Some(link) = self.link(key) else { return };
        let State::Handshaking { handshake, .. } = &mut link.state else { return };
        let outcome = handshake.handle_verdict(verdict);
        self.settle(key, outcome);
    }

    /// Acts on what the handshake made of something that was done elsewhere.
    fn settle(&mut self, key: u64, outcome: std::result::Result<(), Failure>) {
        let Some(link) = self.link(key) else { return };
        let State::Handshaking { stream, refused, told, .. } = &mut link.state else { return };
        let fd = stream.raw();
        let status = match outcome {
            Err(Failure { kind: FailureKind::Refused(status), ref reason }) => {
                debug!("{reason}");
                *refused = true;
                *told |= status.is_some();
                status
            }
            _ => None,
        };
        if let Some(status) = status {
            link.report(event::HANDSHAKE_FAILED_AUTH, u64::from(status), fd);
        }
        self.write_handshake(key);
        match outcome {
            Err(failure) if !matches!(failure.kind, FailureKind::Refused(_)) => {
                self.lost(key, loss_of(failure));
            }
            _ => {}
        }
    }

    /// True when there is no handshake to go on with.
    fn establish_if_ready(&mut self, key: u64, rest: Vec<u8>) -> bool {
        let Some(link) = self.link(key) else { return true };
        let State::Handshaking { handshake, refused, output, .. } = &link.state else { return true };
        if *refused || !handshake.is_ready() {
            return false;
        }
        let output = output.clone();
        self.establish(key, rest, &output);
        true
    }

    /// The handshake is done.
    pub(super) fn establish(&mut self, key: u64, rest: Vec<u8>, unsent: &[u8]) {
        let Some(link) = self.link(key) else { return };
        if !unsent.is_empty() {
            // The kernel did not take the end of our handshake: rare enough to give up on this connection.
            return self.lost(key, Loss::network("the peer does not read", libc::EAGAIN));
        }
        let state = std::mem::replace(&mut link.state, State::Stopped);
        let State::Handshaking { stream, handshake, .. } = state else { return };
        let established = handshake.finish();
        debug!("{}: handshake done, ZMTP {:?}", link.name(), established.version);
        self.go_to_work(key, stream, established, rest);
    }

    /// Makes the pipe if there is none, and lets the halves go to work.
    fn go_to_work(&mut self, key: u64, stream: Arc<Stream>, established: Established, rest: Vec<u8>) {
        let Some(link) = self.link(key) else { return };
        // Not before: a peer that turns us away each time is not to be asked ever again at the shortest interval.
        link.backoff.reset();
        link.connections += 1;
        let metadata = Arc::new(describe_peer(link, &stream, &established));
        // Before, there were neither heartbeats nor the event.
        let since_3_0 = established.version >= Version::V3_0;
        let config = if since_3_0 { link.settings.config.heartbeat } else { Default::default() };
        let heartbeat = Heartbeat::new(&config, Instant::now());
        let deadline = heartbeat.poll_timeout();
        let traffic = link.handle.traffic.load(Ordering::Relaxed);
        link.state = State::Established { stream: stream.clone(), heartbeat, traffic };
        let connected = matches!(link.role, Role::Connect(_));
        let (handle, settings) = (link.handle.clone(), link.settings.clone());
        if link.has_pipe {
            handle.with_receive(|pump| pump.announce(metadata));
        } else {
            link.has_pipe = true;
            handle.supply(settings.owner.open_pipe(&handle, &settings.options, connected, &metadata));
        }
        if since_3_0 {
            // When the pipe is there, since whoever hears of it may send at once, and before anything comes through it.
            link.report(event::HANDSHAKE_SUCCEEDED, 0, stream.raw());
        }
        let notices = &settings.notices;
        let first = established.injected.into_iter().chain(notices.first()).collect();
        let last = notices.last(connected);
        handle.with_receive(|pump| pump.connect(stream.clone(), established.receive, rest, first, last));
        handle.with_send(|pump| pump.connect(stream, established.send, notices.hello()));
        // One that left through the connection before asks nothing of this peer.
        handle.take_pinged();
        handle.note_established();
        self.set_deadline(key, deadline);
        self.attend(&settings.owner);
        self.drive_receive(key);
        self.drive_send(key);
    }
}

/// What applications can ask about the peer (`zmq_msg_gets`). What the transport and the ZAP handler vouch for comes
/// first, so that a peer cannot claim it.
fn describe_peer(link: &Link, stream: &Stream, established: &Established) -> Metadata {
    let mut metadata = Metadata::new(established.routing_id.clone());
    metadata.set_descriptor(stream.raw());
    metadata.insert("Peer-Address", link.peer_address(stream).as_bytes());
    let approval = &established.approval;
    if let Some(user_id) = &approval.user_id {
        metadata.insert("User-Id", user_id);
    }
    for (name, value) in &approval.properties {
        metadata.insert(name, value);
    }
    for (name, value) in &established.properties {
        metadata.insert(name, value);
    }
    metadata
}
