//! Attempts to connect: addresses, one after the other.

use super::*;

impl Reactor {
    /// Begins an attempt: finds the addresses, here or on a helper thread.
    pub(super) fn attempt(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        let Role::Connect(target) = &link.role else { return };
        let (target, settings) = (target.clone(), link.settings.clone());
        if !target.transport.needs_lookup(target.first_hop()) {
            let routes = target.transport.routes(target.first_hop(), &settings.options);
            return self.resolved(key, routes);
        }
        link.state = State::Resolving;
        // Weak: an answer that comes after the end of the context finds nobody.
        let handle = Arc::downgrade(&link.handle);
        let started = spawn_plain("ZMQbg/Resolver", move || {
            let routes = target.transport.routes(target.first_hop(), &settings.options);
            if let Some(handle) = handle.upgrade() {
                handle.post(|handle| Command::Resolved { handle, routes });
            }
        });
        if let Err(error) = started {
            self.lost(key, Loss::network(format!("no thread for name resolution: {error}"), error.raw()));
        }
    }

    pub(super) fn resolved(&mut self, key: u64, routes: Result<Vec<Route>>) {
        match routes {
            Ok(mut routes) => {
                routes.reverse();
                self.connect_next(key, routes, None);
            }
            Err(error) => {
                self.lost(key, Loss::network(format!("the address cannot be resolved: {error}"), error.raw()))
            }
        }
    }

    /// Tries the routes, the last of the list first. `closed`: the socket of the route before.
    pub(super) fn connect_next(&mut self, key: u64, mut routes: Vec<Route>, mut closed: Option<Socket>) {
        let mut failure = Errno::INVALID;
        while let Some(route) = routes.pop() {
            let Some(link) = self.link(key) else { return };
            let Role::Connect(target) = &link.role else { return };
            match start_connect(target.transport, &route, &link.settings.options) {
                Ok(Attempt::Connected(socket)) => return self.connected(key, socket),
                Ok(Attempt::Pending(socket)) => {
                    debug!("{}: connecting", link.name());
                    link.report_attempt(event::CONNECT_DELAYED, libc::EINPROGRESS as u64);
                    let timeout = link.settings.options.connect_timeout.filter(|timeout| !timeout.is_zero());
                    let fd = socket.as_raw_fd();
                    link.state = State::Connecting { socket, routes };
                    return match link.handle.register(fd, Interest::WRITE) {
                        Ok(()) => self.set_timer(key, timeout),
                        Err(error) => self.lost(key, Loss::network(error.to_string(), error.raw())),
                    };
                }
                Ok(Attempt::Refused(error, socket)) => (failure, closed) = (error, Some(socket)),
                Err(error) => failure = error,
            }
        }
        if let (Some(link), Some(socket)) = (self.link(key), closed) {
            link.state = State::Connecting { socket, routes };
        }
        self.lost(key, attempt_failed(failure));
    }

    /// The first hop is made; with a proxy there is a second.
    fn connected(&mut self, key: u64, socket: Socket) {
        let Some(link) = self.link(key) else { return };
        let Role::Connect(target) = &link.role else { return };
        let Some(proxy) = &target.proxy else { return self.begin_handshake(key, socket) };
        debug!("{}: connected to the proxy {}", link.name(), proxy.address);
        let (host, port) = target.transport.destination(&target.address).unwrap_or_default();
        let timeout = link.settings.options.handshake_interval;
        let begun = Socks::new(proxy, host, port)
            .and_then(|socks| link.handle.register(socket.as_raw_fd(), Interest::READ).map(|()| socks));
        match begun {
            Ok(socks) => {
                link.state = State::Proxying { socket, socks: Box::new(socks) };
                self.set_timer(key, timeout);
                self.ask_proxy(key);
            }
            Err(error) => {
                link.state = State::Connecting { socket, routes: Vec::new() };
                self.lost(key, Loss::network(error.to_string(), error.raw()));
            }
        }
    }

    /// Goes on with the conversation with the proxy, as far as its bytes reach.
    pub(super) fn ask_proxy(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        let State::Proxying { socket, socks } = &mut link.state else { return };
        match converse(socket, socks) {
            Ok(false) => {}
            Ok(true) => {
                link.handle.unregister();
                let state = std::mem::replace(&mut link.state, State::Waiting);
                if let State::Proxying { socket, .. } = state {
                    self.begin_handshake(key, socket);
                }
            }
            Err(error) => {
                self.proxy_failed(key, format!("the proxy did not connect us: {error}"), error.raw())
            }
        }
    }

    pub(super) fn proxy_failed(&mut self, key: u64, reason: String, code: i32) {
        let Some(link) = self.link(key) else { return };
        link.handle.unregister();
        self.lost(key, Loss::network(reason, code));
    }

    /// The kernel has decided about a pending attempt.
    pub(super) fn connect_decided(&mut self, key: u64) {
        let Some(Link { state: State::Connecting { socket, .. }, .. }) = self.link(key) else { return };
        let outcome = finish_connect(socket);
        self.route_decided(key, outcome);
    }

    /// An attempt is over: goes on with its connection, or with the next route.
    pub(super) fn route_decided(&mut self, key: u64, outcome: Result<()>) {
        let Some(link) = self.link(key) else { return };
        link.handle.unregister();
        match (std::mem::replace(&mut link.state, State::Waiting), outcome) {
            (State::Connecting { socket, .. }, Ok(())) => self.connected(key, socket),
            (State::Connecting { socket, routes }, Err(_)) if !routes.is_empty() => {
                self.connect_next(key, routes, Some(socket));
            }
            (state, Err(error)) => {
                link.state = state;
                self.lost(key, attempt_failed(error));
            }
            (state, Ok(())) => link.state = state,
        }
    }
}

/// Writes and reads without waiting; true when the proxy has connected us.
fn converse(socket: &Socket, socks: &mut Socks) -> Result<bool> {
    loop {
        let output = socks.take_output();
        // A conversation has a few hundred bytes, and the socket was empty: the kernel takes them at once or never.
        if !output.is_empty() && socket.send_with_flags(&output, libc::MSG_NOSIGNAL)? != output.len() {
            return Err(Errno::PROTOCOL);
        }
        let wanted = socks.wanted();
        if wanted == 0 {
            return Ok(true);
        }
        let mut buffer = [0; 512];
        let room = buffer.get_mut(..wanted).ok_or(Errno::PROTOCOL)?;
        let mut reader = socket;
        match std::io::Read::read(&mut reader, room) {
            Ok(0) => return Err(Errno::PROTOCOL),
            Ok(count) => socks.handle_input(buffer.get(..count).unwrap_or_default())?,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

pub(super) fn attempt_failed(error: Errno) -> Loss {
    let reason = format!("cannot connect: {error}");
    let kind = if error.raw() == libc::ECONNREFUSED { LossKind::Refused } else { LossKind::Network };
    Loss { kind, reason, report: None }
}
