//! Attempts to connect: addresses, one after the other.

use super::*;

impl Reactor {
    /// Begins an attempt: finds the addresses, here or on a helper thread.
    pub(super) fn attempt(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        let Role::Connect(target) = &link.role else { return };
        let (target, settings) = (target.clone(), link.settings.clone());
        if !target.transport.needs_lookup(&target.address) {
            let routes = target.transport.routes(&target.address, &settings.options);
            return self.resolved(key, routes);
        }
        link.state = State::Resolving;
        // Weak: an answer that comes after the end of the context finds nobody.
        let handle = Arc::downgrade(&link.handle);
        let started = spawn_plain("ZMQbg/Resolver", move || {
            let routes = target.transport.routes(&target.address, &settings.options);
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
                self.connect_next(key, routes);
            }
            Err(error) => {
                self.lost(key, Loss::network(format!("the address cannot be resolved: {error}"), error.raw()))
            }
        }
    }

    /// Tries the routes, the last of the list first.
    pub(super) fn connect_next(&mut self, key: u64, mut routes: Vec<Route>) {
        let mut failure = Errno::INVALID;
        while let Some(route) = routes.pop() {
            let Some(link) = self.link(key) else { return };
            let Role::Connect(target) = &link.role else { return };
            match start_connect(target.transport, &route, &link.settings.options) {
                Ok(Attempt::Connected(socket)) => return self.begin_handshake(key, socket),
                Ok(Attempt::Pending(socket)) => {
                    debug!("{}: connecting", link.endpoint());
                    link.report_attempt(event::CONNECT_DELAYED, libc::EINPROGRESS as u64);
                    let timeout = link.settings.options.connect_timeout.filter(|timeout| !timeout.is_zero());
                    let fd = socket.as_raw_fd();
                    link.state = State::Connecting { socket, routes };
                    return match link.handle.register(fd, Interest::WRITE) {
                        Ok(()) => self.set_timer(key, timeout),
                        Err(error) => self.lost(key, Loss::network(error.to_string(), error.raw())),
                    };
                }
                Err(error) => failure = error,
            }
        }
        if let Some(link) = self.link(key) {
            link.report_attempt(event::CLOSED, 0);
        }
        self.lost(key, attempt_failed(failure));
    }

    /// The kernel has decided about a pending attempt.
    pub(super) fn connect_decided(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        link.handle.unregister();
        let State::Connecting { socket, routes } = std::mem::replace(&mut link.state, State::Waiting) else {
            return;
        };
        match finish_connect(&socket) {
            Ok(()) => self.begin_handshake(key, socket),
            Err(error) if routes.is_empty() => {
                link.report_attempt(event::CLOSED, socket.as_raw_fd() as u64);
                drop(socket);
                self.lost(key, attempt_failed(error));
            }
            Err(_) => self.connect_next(key, routes),
        }
    }
}

pub(super) fn attempt_failed(error: Errno) -> Loss {
    let reason = format!("cannot connect: {error}");
    let kind = if error.raw() == libc::ECONNREFUSED { LossKind::Refused } else { LossKind::Network };
    Loss { kind, reason, report: None }
}
