//! The options that every socket type has, in the types the other rooms use.

use super::accept_filter::{IpcFilters, TcpAcceptFilter};
use super::socket_type::SocketType;
use super::table;
use crate::error::Result;
use crate::gssapi::NameKind;
use std::fmt;
use std::os::fd::RawFd;
use std::time::Duration;
use zeroize::Zeroizing;

/// The security mechanism that a connection speaks. The discriminants are the numbers of zmq.h.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[repr(i32)]
pub enum Mechanism {
    #[default]
    Null = 0,
    Plain = 1,
    Curve = 2,
    Gssapi = 3,
}

/// Everything that can be set on any socket. Options of single socket types live in the patterns.
///
/// [`SocketOptions::set`] is the only way in for values of applications; inside the library fields are read
/// directly. A connection or listener works on the clone that was taken when it was asked for.
#[derive(Clone)]
pub struct SocketOptions {
    /// What the socket is.
    pub socket_type: SocketType,
    /// Bit mask of I/O threads; 0 is all.
    pub affinity: u64,
    /// Own name, up to 255 bytes; empty is none. STREAM stores the id it handed out last.
    pub routing_id: Vec<u8>,
    /// Messages queued towards each peer; 0 is unlimited.
    pub send_hwm: u32,
    /// Messages queued from each peer; 0 is unlimited.
    pub receive_hwm: u32,
    /// How long a blocking send waits; `None` is for ever, zero does not block.
    pub send_timeout: Option<Duration>,
    /// How long a blocking receive waits; `None` is for ever, zero does not block.
    pub receive_timeout: Option<Duration>,
    /// How long unsent messages are kept after close; `None` is for ever.
    pub linger: Option<Duration>,
    /// Largest part accepted, in bytes; negative is unlimited. See [`SocketOptions::message_size_limit`].
    pub max_message_size: i64,
    /// Only established connections get a pipe.
    pub immediate: bool,
    /// As set. See [`SocketOptions::conflates`].
    pub conflate: bool,
    /// Deliver what does not match.
    pub invert_matching: bool,

    /// First pause before reconnecting as set; `None` (-1) and zero both mean never.
    /// See [`SocketOptions::reconnect_delay`].
    pub reconnect_interval: Option<Duration>,
    /// Upper limit of the growing pause; zero keeps it constant.
    pub reconnect_interval_max: Duration,
    /// Sum of ZMQ_RECONNECT_STOP_ values.
    pub reconnect_stop: i32,
    /// Limit of one connection attempt; `None` is the system's.
    pub connect_timeout: Option<Duration>,
    /// Limit of the handshake; `None` is without.
    pub handshake_interval: Option<Duration>,
    /// Interval of PING commands; `None` sends none.
    pub heartbeat_interval: Option<Duration>,
    /// What PING tells the peer, in tenths of a second, as on the wire (ZMTP 3.1, "Heartbeating"); 0 is none.
    pub heartbeat_ttl: u16,
    /// As set; `None` is the heartbeat interval. See [`SocketOptions::heartbeat_deadline`].
    pub heartbeat_timeout: Option<Duration>,

    /// Connections the kernel queues for a listener.
    pub backlog: i32,
    /// A listening fd to adopt.
    pub use_fd: Option<RawFd>,
    /// SO_SNDBUF; `None` is the system's default.
    pub send_buffer: Option<u32>,
    /// SO_RCVBUF; `None` is the system's default.
    pub receive_buffer: Option<u32>,
    /// Dual-stack sockets and IPv6 names.
    pub ipv6: bool,
    /// SO_KEEPALIVE; `None` is the system's default, and then the three values below are not used.
    pub tcp_keepalive: Option<bool>,
    /// TCP_KEEPCNT, in probes.
    pub tcp_keepalive_count: Option<u32>,
    /// TCP_KEEPIDLE, in seconds.
    pub tcp_keepalive_idle: Option<u32>,
    /// TCP_KEEPINTVL, in seconds.
    pub tcp_keepalive_interval: Option<u32>,
    /// TCP_USER_TIMEOUT; `None` is the system's.
    pub tcp_max_retransmit: Option<Duration>,
    /// Peers that a tcp listener lets in; empty lets everybody in.
    pub tcp_accept_filters: Vec<TcpAcceptFilter>,
    /// Peers that an ipc listener lets in.
    pub ipc_filters: IpcFilters,
    /// IP_TOS and IPV6_TCLASS; 0 leaves them alone.
    pub type_of_service: i32,
    /// SO_PRIORITY; 0 leaves it alone.
    pub priority: i32,
    /// SO_BUSY_POLL in microseconds; only applied when positive.
    pub busy_poll: i32,
    /// SO_BINDTODEVICE; empty is none.
    pub bind_to_device: Vec<u8>,
    /// Stored for programs written for Windows.
    pub loopback_fastpath: bool,
    /// Bytes read from a connection at once.
    pub in_batch_size: usize,
    /// Bytes written to a connection at once.
    pub out_batch_size: usize,

    /// "host:port" of a SOCKS5 proxy; empty is none.
    pub socks_proxy: Vec<u8>,
    /// User name for the proxy; empty is no authentication.
    pub socks_username: Vec<u8>,
    /// Password for the proxy.
    pub socks_password: Zeroizing<Vec<u8>>,

    /// Multicast rate in kilobits per second.
    pub rate: u32,
    /// How long multicast data can be repaired.
    pub recovery_interval: Duration,
    /// Time to live of multicast packets.
    pub multicast_hops: u32,
    /// Largest multicast packet in bytes.
    pub multicast_max_tpdu: u32,
    /// Own multicast packets come back on this host.
    pub multicast_loop: bool,

    /// What the setters selected last.
    pub mechanism: Mechanism,
    /// Role in the handshake, shared by all mechanisms.
    pub as_server: bool,
    /// User name of a PLAIN client.
    pub plain_username: Vec<u8>,
    /// Password of a PLAIN client.
    pub plain_password: Zeroizing<Vec<u8>>,
    /// Own long-term public key.
    pub curve_public_key: [u8; 32],
    /// Own long-term secret key.
    pub curve_secret_key: Zeroizing<[u8; 32]>,
    /// The server's long-term public key.
    pub curve_server_key: [u8; 32],
    /// Own GSSAPI principal; empty is whoever the process is.
    pub gssapi_principal: Vec<u8>,
    /// How it is to be read.
    pub gssapi_principal_kind: NameKind,
    /// The GSSAPI principal of the server that a client talks to.
    pub gssapi_service: Vec<u8>,
    /// How it is to be read.
    pub gssapi_service_kind: NameKind,
    /// GSSAPI says who the peer is, and encrypts nothing.
    pub gssapi_plaintext: bool,
    /// Domain for the ZAP handler; empty is none.
    pub zap_domain: Vec<u8>,
    /// ZAP insists on a domain, as RFC 27 asks for.
    pub zap_enforce_domain: bool,
    /// Names ("X-...") and values told to peers in the handshake; names are unique.
    pub metadata: Vec<(Vec<u8>, Vec<u8>)>,

    /// Private key of a wss server (PEM).
    pub wss_key: Vec<u8>,
    /// Certificate of a wss server (PEM).
    pub wss_certificate: Vec<u8>,
    /// Certificates that a wss client trusts (PEM).
    pub wss_trust: Vec<u8>,
    /// Server name that a wss client expects.
    pub wss_hostname: Vec<u8>,
    /// A wss client trusts the system's certificates.
    pub wss_trust_system: bool,

    /// Sent to each new peer; empty is none.
    pub hello_message: Vec<u8>,
    /// Delivered to the application when a peer is gone; empty is none.
    pub disconnect_message: Vec<u8>,
    /// Delivered to the application when a connection is being retried; empty is none.
    pub hiccup_message: Vec<u8>,
    /// Sum of ZMQ_NOTIFY_ values. Set by the ROUTER pattern, readable on every type.
    pub router_notify: i32,
}

impl SocketOptions {
    /// What a fresh socket has. `ipv6` and `blocky` are the context's.
    pub fn new(socket_type: SocketType, ipv6: bool, blocky: bool) -> Self {
        let mut options = Self::blank(socket_type);
        table::install_defaults(&mut options);
        options.ipv6 = ipv6;
        // Types that only receive have nothing worth waiting for.
        let receives_only = matches!(socket_type, SocketType::Sub | SocketType::Xsub | SocketType::Dish);
        if receives_only || !blocky {
            options.linger = Some(Duration::ZERO);
        }
        options
    }

    /// `zmq_setsockopt`: `None` is (NULL, 0). Any error is EINVAL, and leaves everything as it was.
    pub fn set(&mut self, number: i32, value: Option<&[u8]>) -> Result<()> {
        table::row(number)?.set(self, value)
    }

    /// `zmq_getsockopt`: fills `out`, which is as long as the caller's `*len`, and returns the new `*len`.
    /// Any error is EINVAL, and leaves `out` as it was.
    pub fn get(&self, number: i32, out: &mut [u8]) -> Result<usize> {
        table::row(number)?.get(self, out)
    }

    /// Largest part accepted from a peer, in bytes.
    pub fn message_size_limit(&self) -> u64 {
        u64::try_from(self.max_message_size).unwrap_or(u64::MAX)
    }

    /// ZMQ_CONFLATE as far as the socket type heeds it.
    pub fn conflates(&self) -> bool {
        use SocketType::{Dealer, Pub, Pull, Push, Sub};
        self.conflate && matches!(self.socket_type, Dealer | Push | Pull | Pub | Sub)
    }

    /// First pause before reconnecting; `None` never reconnects.
    pub fn reconnect_delay(&self) -> Option<Duration> {
        self.reconnect_interval.filter(|interval| !interval.is_zero())
    }

    /// How long after a PING the peer may stay silent; `None` when there are no heartbeats, or no limit.
    pub fn heartbeat_deadline(&self) -> Option<Duration> {
        let interval = self.heartbeat_interval?;
        Some(self.heartbeat_timeout.unwrap_or(interval)).filter(|timeout| !timeout.is_zero())
    }

    /// Everything zero, off or empty; the defaults that differ are in the table.
    fn blank(socket_type: SocketType) -> Self {
        Self {
            socket_type,
            affinity: 0,
            routing_id: Vec::new(),
            send_hwm: 0,
            receive_hwm: 0,
            send_timeout: None,
            receive_timeout: None,
            linger: None,
            max_message_size: 0,
            immediate: false,
            conflate: false,
            invert_matching: false,
            reconnect_interval: None,
            reconnect_interval_max: Duration::ZERO,
            reconnect_stop: 0,
            connect_timeout: None,
            handshake_interval: None,
            heartbeat_interval: None,
            heartbeat_ttl: 0,
            heartbeat_timeout: None,
            backlog: 0,
            use_fd: None,
            send_buffer: None,
            receive_buffer: None,
            ipv6: false,
            tcp_keepalive: None,
            tcp_keepalive_count: None,
            tcp_keepalive_idle: None,
            tcp_keepalive_interval: None,
            tcp_max_retransmit: None,
            tcp_accept_filters: Vec::new(),
            ipc_filters: IpcFilters::default(),
            type_of_service: 0,
            priority: 0,
            busy_poll: 0,
            bind_to_device: Vec::new(),
            loopback_fastpath: false,
            in_batch_size: 0,
            out_batch_size: 0,
            socks_proxy: Vec::new(),
            socks_username: Vec::new(),
            socks_password: Zeroizing::default(),
            rate: 0,
            recovery_interval: Duration::ZERO,
            multicast_hops: 0,
            multicast_max_tpdu: 0,
            multicast_loop: false,
            mechanism: Mechanism::Null,
            as_server: false,
            plain_username: Vec::new(),
            plain_password: Zeroizing::default(),
            curve_public_key: [0; 32],
            curve_secret_key: Zeroizing::default(),
            curve_server_key: [0; 32],
            gssapi_principal: Vec::new(),
            gssapi_principal_kind: NameKind::default(),
            gssapi_service: Vec::new(),
            gssapi_service_kind: NameKind::default(),
            gssapi_plaintext: false,
            zap_domain: Vec::new(),
            zap_enforce_domain: false,
            metadata: Vec::new(),
            wss_key: Vec::new(),
            wss_certificate: Vec::new(),
            wss_trust: Vec::new(),
            wss_hostname: Vec::new(),
            wss_trust_system: false,
            hello_message: Vec::new(),
            disconnect_message: Vec::new(),
            hiccup_message: Vec::new(),
            router_notify: 0,
        }
    }
}

impl fmt::Debug for SocketOptions {
    /// Brief, so that no password or key gets into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketOptions")
            .field("socket_type", &self.socket_type)
            .field("mechanism", &self.mechanism)
            .finish_non_exhaustive()
    }
}
