//! bind, connect, unbind, disconnect.

use super::Socket;
use super::inbox::{Attachment, News, Party, Share};
use super::owner::{LinkOwner, link_limits};
use crate::connection::{ClientKeys, Config, HeartbeatConfig, Names, Principal, Security, Zap};
use crate::context::{Bound, PendingConnect, next_serial};
use crate::crypto::SecretKey;
use crate::driver::{Command, IoThread, LinkHandle, LinkSettings, Notices, Report, Target, event};
use crate::error::{Errno, Result};
use crate::message::{Message, Metadata};
use crate::options::{Mechanism, SocketOptions, SocketType};
use crate::pattern::{LinkTraits, Origin};
use crate::pipe::{Limits, pipe};
use crate::sync::{Ordering, fence};
use crate::transport::{self, Listener, Proxy, Transport};
use std::ffi::{OsStr, OsString};
use std::sync::{Arc, Weak};

/// One bind or connect of a socket.
pub struct Endpoint {
    /// What unbind and disconnect must name: the resolved text of a bind, the given text of a connect.
    text: OsString,
    kind: Kind,
}

enum Kind {
    Listener { number: u64, listener: Arc<Listener>, threads: Arc<[Arc<IoThread>]> },
    Link(Arc<LinkHandle>),
    InprocBind,
    InprocConnect(Arc<Party>),
}

/// Socket types whose second connect to the same endpoint does nothing, nor a connect to what the same socket has bound.
fn connects_once(kind: SocketType) -> bool {
    matches!(kind, SocketType::Dealer | SocketType::Sub | SocketType::Pub | SocketType::Req)
}

/// Facts about this socket that its connections act on.
fn connection_config(options: &SocketOptions, traits: LinkTraits) -> Config {
    let kind = options.socket_type;
    let limit = u64::try_from(options.max_message_size).ok();
    Config {
        socket_name: kind.name(),
        socket_number: kind.number() as u8,
        peers: kind.peers(),
        routing_id: options.routing_id.clone(),
        sends_identity: matches!(kind, SocketType::Req | SocketType::Dealer | SocketType::Router),
        uses_identity: matches!(kind, SocketType::Router | SocketType::Rep),
        publishes: matches!(kind, SocketType::Pub | SocketType::Xpub),
        request_envelope: kind == SocketType::Req,
        max_message_size: limit,
        properties: options
            .metadata
            .iter()
            .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.clone()))
            .collect(),
        heartbeat: HeartbeatConfig {
            interval: options.heartbeat_interval.unwrap_or_default(),
            timeout: options.heartbeat_deadline().unwrap_or_default(),
            ttl: std::time::Duration::from_millis(u64::from(options.heartbeat_ttl) * 100),
        },
        raw: traits.raw,
        chunk_max: options.in_batch_size as u64,
        security: security(options),
        zap: Zap { domain: options.zap_domain.clone(), enforce: options.zap_enforce_domain },
    }
}

/// The mechanism and the role in it, as the options were set last.
fn security(options: &SocketOptions) -> Security {
    match (options.mechanism, options.as_server) {
        (Mechanism::Null, _) => Security::Null,
        (Mechanism::Plain, true) => Security::PlainServer,
        (Mechanism::Plain, false) => Security::PlainClient {
            username: options.plain_username.clone(),
            password: options.plain_password.clone(),
        },
        (Mechanism::Curve, true) => Security::CurveServer(SecretKey::from_bytes(&options.curve_secret_key)),
        (Mechanism::Curve, false) => Security::CurveClient(Box::new(ClientKeys {
            public: options.curve_public_key,
            secret: SecretKey::from_bytes(&options.curve_secret_key),
            server: options.curve_server_key,
        })),
        (Mechanism::Gssapi, true) => Security::GssapiServer(Box::new(names(options))),
        (Mechanism::Gssapi, false) => Security::GssapiClient(Box::new(names(options))),
    }
}

/// What GSSAPI is to call both sides.
fn names(options: &SocketOptions) -> Names {
    let principal = |text: &Vec<u8>, kind| (!text.is_empty()).then(|| Principal { text: text.clone(), kind });
    Names {
        own: principal(&options.gssapi_principal, options.gssapi_principal_kind),
        service: principal(&options.gssapi_service, options.gssapi_service_kind),
        plaintext: options.gssapi_plaintext,
    }
}

/// The proxy that makes a connection for us: for transports that can go through one, and not to nowhere.
fn proxy(options: &SocketOptions, transport: &dyn Transport, address: &OsStr) -> Option<Proxy> {
    if options.socks_proxy.is_empty() {
        return None;
    }
    transport.destination(address)?;
    Some(Proxy {
        address: String::from_utf8_lossy(&options.socks_proxy).into_owned(),
        username: options.socks_username.clone(),
        password: options.socks_password.clone(),
    })
}

/// Messages that the links of this socket add, where its type has any (the draft API names them).
fn notices(options: &SocketOptions, traits: LinkTraits) -> Notices {
    use SocketType::{Client, Dealer, Peer, Rep, Req, Router, Server};
    let text = |types: &[SocketType], text: &[u8]| {
        (types.contains(&options.socket_type) && !text.is_empty()).then(|| text.to_vec())
    };
    Notices {
        hello: text(&[Dealer, Router, Rep, Client, Server, Peer], &options.hello_message),
        peer_came: traits.notify_connect,
        peer_left: traits.notify_disconnect,
        disconnect: text(&[Router, Rep, Server, Peer], &options.disconnect_message),
        hiccup: text(&[Dealer, Req, Client, Peer], &options.hiccup_message),
    }
}

impl Socket {
    /// `routing_id`: for pipes that are made later (ZMQ_CONNECT_ROUTING_ID with ZMQ_IMMEDIATE).
    fn link_settings(&self, routing_id: Option<Vec<u8>>) -> Arc<LinkSettings> {
        let traits = self.pattern.link_traits();
        Arc::new(LinkSettings {
            options: self.options.clone(),
            config: Arc::new(connection_config(&self.options, traits)),
            notices: notices(&self.options, traits),
            owner: Arc::new(LinkOwner {
                inbox: self.inbox.clone(),
                monitor: self.monitor.clone(),
                routing_id,
                names: self.context.names.clone(),
            }),
            gate: self.context.gate.clone(),
        })
    }

    /// The transport of an endpoint, if this socket may use it.
    fn transport(&self, scheme: &str) -> Result<&'static dyn transport::Transport> {
        let multicast = matches!(scheme, "pgm" | "epgm");
        let publishes =
            matches!(self.kind, SocketType::Pub | SocketType::Sub | SocketType::Xpub | SocketType::Xsub);
        if scheme == "udp" || (multicast && !publishes) {
            return Err(Errno::INCOMPATIBLE_PROTOCOL);
        }
        transport::find(scheme)
    }

    /// `zmq_bind`.
    pub fn bind(&mut self, endpoint: &OsStr) -> Result<()> {
        self.enter()?;
        let (scheme, address) = transport::split(endpoint)?;
        if scheme == "inproc" {
            return self.bind_inproc(endpoint, address);
        }
        let transport = self.transport(scheme)?;
        let threads = self.context.threads(self.options.affinity)?;
        let thread = self.context.thread(self.options.affinity)?;
        let opened = Listener::open(transport, address, &self.options);
        let listener = Arc::new(opened.inspect_err(|error| self.report_failed_bind(address, *error))?);
        let text = listener.endpoint().to_owned();
        self.monitor.report(&Report::bound(event::LISTENING, listener.descriptor(), &text));
        let number = next_serial();
        thread.mailbox.post(Command::Listen {
            number,
            listener: listener.clone(),
            settings: self.link_settings(None),
            threads: threads.clone(),
        });
        self.last_endpoint.clone_from(&text);
        self.endpoints.push(Endpoint { text, kind: Kind::Listener { number, listener, threads } });
        Ok(())
    }

    fn report_failed_bind(&self, address: &OsStr, error: Errno) {
        let opened = [libc::EADDRINUSE, libc::EADDRNOTAVAIL, libc::EACCES].contains(&error.raw());
        if opened {
            self.monitor.report(&Report::bound(event::CLOSED, 0, ""));
        }
        self.monitor.report(&Report::bound(event::BIND_FAILED, error.raw() as u64, address));
    }

    fn bind_inproc(&mut self, endpoint: &OsStr, name: &OsStr) -> Result<()> {
        let (send_hwm, receive_hwm) = (self.options.send_hwm as usize, self.options.receive_hwm as usize);
        let bound = Bound {
            inbox: self.inbox.clone(),
            send_hwm,
            receive_hwm,
            routing_id: self.options.routing_id.clone(),
            answers: matches!(self.kind, SocketType::Rep | SocketType::Router | SocketType::Server),
            notices: notices(&self.options, self.pattern.link_traits()),
            monitors: self.monitors.clone(),
        };
        let notices = bound.notices.clone();
        let waiting = self.context.names.lock().bind(name, bound).ok_or(Errno::ADDRESS_IN_USE)?;
        for mut pending in waiting {
            let share = Share::Peer { send_hwm: pending.send_hwm, receive_hwm: pending.receive_hwm };
            pending.end.rx.set_high_water(share.receiving(receive_hwm));
            pending.end.tx.set_high_water(share.sending(send_hwm));
            pending.end.tx.push_uncounted(self.introduction());
            notices.hello().into_iter().for_each(|hello| pending.end.tx.push(hello));
            pending.end.tx.flush();
            pending.caller.promise(notices.disconnect.clone());
            pending.caller.add_share(Share::Peer { send_hwm, receive_hwm });
            let party = pending.party;
            party.add_share(share);
            party.belong_to(self.inbox.clone());
            // The peer may have left before it could say so: then its end of the pipe says it.
            fence(Ordering::SeqCst);
            let left = pending.end.rx.is_closed();
            let origin = Origin { inproc: true, ..Origin::default() };
            self.attach(party.clone(), pending.end, &origin, None);
            if left {
                self.inbox.post(News::Closed(party));
            }
        }
        self.remove_ended();
        self.last_endpoint = endpoint.to_owned();
        self.endpoints.push(Endpoint { text: endpoint.to_owned(), kind: Kind::InprocBind });
        Ok(())
    }

    /// What an inproc peer learns about this socket.
    fn introduction(&self) -> Message {
        Message::control(Arc::new(Metadata::new(self.options.routing_id.clone())))
    }

    /// `zmq_connect`. Returns before anything has happened on the network.
    pub fn connect(&mut self, endpoint: &OsStr) -> Result<()> {
        self.enter()?;
        let (scheme, address) = transport::split(endpoint)?;
        if scheme == "inproc" {
            return self.connect_inproc(endpoint, address);
        }
        let transport = self.transport(scheme)?;
        transport.check(address, &self.options)?;
        if connects_once(self.kind) && self.endpoints.iter().any(|known| known.text == endpoint) {
            return Ok(());
        }
        let thread = self.context.thread(self.options.affinity)?;
        let routing_id = self.pattern.take_connect_routing_id()?;
        let handle = LinkHandle::new(thread.clone(), None);
        let has_pipe = !self.options.immediate;
        if has_pipe {
            let party = Party::new(Some(self.inbox.clone()));
            let (ours, links) = pipe(link_limits(&self.options), party.clone(), handle.clone());
            handle.supply(links);
            let origin = Origin { connected: true, inproc: false, routing_id: routing_id.clone() };
            self.attach(party, ours, &origin, Some(handle.clone()));
        }
        let target = Target {
            transport,
            address: address.to_owned(),
            endpoint: endpoint.to_owned(),
            proxy: proxy(&self.options, transport, address),
        };
        thread.mailbox.post(Command::Connect {
            handle: handle.clone(),
            settings: self.link_settings(routing_id),
            target: Arc::new(target),
            has_pipe,
            gate: self.context.gate.enter(),
        });
        self.last_endpoint = endpoint.to_owned();
        self.endpoints.push(Endpoint { text: endpoint.to_owned(), kind: Kind::Link(handle) });
        Ok(())
    }

    fn connect_inproc(&mut self, endpoint: &OsStr, name: &OsStr) -> Result<()> {
        let routing_id = self.pattern.take_connect_routing_id()?;
        let (send_hwm, receive_hwm) = (self.options.send_hwm as usize, self.options.receive_hwm as usize);
        let conflate = self.options.conflates();
        let ours = Party::new(Some(self.inbox.clone()));
        let context = self.context.clone();
        let mut names = context.names.lock();
        let bound = names.find(name).cloned();
        let theirs = Party::new(bound.as_ref().map(|bound| bound.inbox.clone()));
        let share = match &bound {
            Some(bound) => Share::Peer { send_hwm: bound.send_hwm, receive_hwm: bound.receive_hwm },
            None => Share::Nothing,
        };
        let limits = Limits {
            forward: share.sending(send_hwm),
            backward: share.receiving(receive_hwm),
            conflate_forward: conflate && self.kind != SocketType::Sub,
            conflate_backward: conflate && self.kind != SocketType::Pub,
        };
        let (mut end, mut far) = pipe(limits, ours.clone(), theirs.clone());
        let notices = notices(&self.options, self.pattern.link_traits());
        end.tx.push_uncounted(self.introduction());
        notices.hello().into_iter().for_each(|hello| end.tx.push(hello));
        end.tx.flush();
        let far_origin = Origin { inproc: true, ..Origin::default() };
        match bound {
            Some(bound) => {
                drop(names);
                far.tx.push_uncounted(Message::control(Arc::new(Metadata::new(bound.routing_id))));
                bound.notices.hello().into_iter().for_each(|hello| far.tx.push(hello));
                far.tx.flush();
                ours.promise(bound.notices.disconnect);
                ours.add_share(share);
                theirs.add_share(Share::Peer { send_hwm, receive_hwm });
                let attachment = Attachment { party: theirs, end: far, origin: far_origin, link: None };
                bound.inbox.post(News::Attach(Box::new(attachment)));
                if let Some(monitor) = bound.monitors.as_ref().and_then(Weak::upgrade) {
                    // Nobody uses that socket until the next event: what waited for this reader is written now.
                    bound.inbox.attend();
                    monitor.flush();
                }
            }
            None => {
                names.wait_for(
                    name,
                    PendingConnect { party: theirs, caller: ours.clone(), end: far, send_hwm, receive_hwm },
                );
                drop(names);
            }
        }
        self.last_endpoint = endpoint.to_owned();
        self.endpoints.push(Endpoint { text: endpoint.to_owned(), kind: Kind::InprocConnect(ours.clone()) });
        self.attach(ours, end, &Origin { connected: true, inproc: true, routing_id }, None);
        self.remove_ended();
        Ok(())
    }

    /// `zmq_unbind` and `zmq_disconnect`, which are the same: ends every bind and connect known under this text.
    pub fn remove_endpoint(&mut self, endpoint: &OsStr) -> Result<()> {
        self.enter()?;
        let (scheme, address) = transport::split(endpoint)?;
        if self.remove_exactly(endpoint) {
            return Ok(());
        }
        if scheme != "inproc" {
            let transport = transport::find(scheme)?;
            if transport.aliases(address, &self.options).iter().any(|alias| self.remove_exactly(alias)) {
                return Ok(());
            }
        }
        Err(Errno::NO_ENTRY)
    }

    /// A link has ended for good: its endpoint can be connected again.
    pub(super) fn forget_link(&mut self, link: &Arc<LinkHandle>) {
        self.endpoints
            .retain(|endpoint| !matches!(&endpoint.kind, Kind::Link(handle) if Arc::ptr_eq(handle, link)));
    }

    /// An inproc peer is gone, and does not come back.
    pub(super) fn forget_inproc(&mut self, party: &Arc<Party>) {
        self.endpoints.retain(
            |endpoint| !matches!(&endpoint.kind, Kind::InprocConnect(own) if Arc::ptr_eq(own, party)),
        );
    }

    fn remove_exactly(&mut self, text: &OsStr) -> bool {
        let before = self.endpoints.len();
        let (gone, kept) =
            std::mem::take(&mut self.endpoints).into_iter().partition(|known| known.text == text);
        self.endpoints = kept;
        for endpoint in gone {
            self.end_endpoint(endpoint);
        }
        self.endpoints.len() < before
    }

    pub(super) fn close_endpoints(&mut self) {
        for endpoint in std::mem::take(&mut self.endpoints) {
            self.end_endpoint(endpoint);
        }
    }

    fn end_endpoint(&mut self, endpoint: Endpoint) {
        match endpoint.kind {
            Kind::Listener { number, listener, threads } => {
                let descriptor = listener.descriptor();
                let (event, value) = match listener.close() {
                    Ok(()) => (event::CLOSED, descriptor),
                    Err(error) => (event::CLOSE_FAILED, error.raw() as u64),
                };
                self.monitor.report(&Report::bound(event, value, &endpoint.text));
                // Nothing more is exchanged with its peers, whoever drives their connections now.
                let accepted = self.attached.iter().flatten().filter_map(|attached| attached.link.as_ref());
                accepted
                    .filter(|link| link.listener() == Some(number))
                    .for_each(|link| link.stop_receiving());
                self.handle_news();
                let linger = self.options.linger;
                for thread in threads.iter() {
                    thread.mailbox.post(Command::Unlisten { number, linger });
                }
            }
            Kind::Link(handle) => {
                handle.set_linger(self.options.linger);
                let pipe = self.pipes.ids().find(|id| self.is_link(*id, &handle));
                if let Some(id) = pipe {
                    self.detach(id);
                }
                // Also where there was a pipe: with ZMQ_IMMEDIATE the link may have let go of it already.
                handle.release();
            }
            Kind::InprocBind => {
                let name = transport::split(&endpoint.text).map(|(_, name)| name).unwrap_or_default();
                self.context.names.lock().unbind(name, self.inbox.serial);
            }
            Kind::InprocConnect(party) => {
                if let Some(id) = party.pipe() {
                    self.detach(id);
                }
            }
        }
    }

    fn is_link(&self, id: crate::pattern::PipeId, handle: &Arc<LinkHandle>) -> bool {
        let attached = self.attached.get(id.0 as usize).and_then(Option::as_ref);
        attached.and_then(|attached| attached.link.as_ref()).is_some_and(|link| Arc::ptr_eq(link, handle))
    }
}
