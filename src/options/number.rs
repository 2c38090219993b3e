//! The names and numbers of socket types and options, as in zmq.h.
//!
//! Each is written here once: [`super::table`] and the patterns use them, `capi::constants` re-exports them, and the
//! header gets them, with their comments, from this file. What begins with "Draft" is visible in C under
//! ZMQ_BUILD_DRAFT_API. Times are in milliseconds, and types are `int`, unless stated.

use std::ffi::c_int;

// ---- Socket types ----

/// Exactly one peer, both ways.
pub const ZMQ_PAIR: c_int = 0;
/// Sends to every subscriber whose subscription matches.
pub const ZMQ_PUB: c_int = 1;
/// Receives what it subscribed to.
pub const ZMQ_SUB: c_int = 2;
/// Sends a request, receives its reply, in turn.
pub const ZMQ_REQ: c_int = 3;
/// Receives a request, sends its reply, in turn.
pub const ZMQ_REP: c_int = 4;
/// Sends to its peers in turn, receives from all.
pub const ZMQ_DEALER: c_int = 5;
/// Sends to the peer named by the first part, receives with that part in front.
pub const ZMQ_ROUTER: c_int = 6;
/// Receives from all peers.
pub const ZMQ_PULL: c_int = 7;
/// Sends to its peers in turn.
pub const ZMQ_PUSH: c_int = 8;
/// PUB that receives subscriptions as messages.
pub const ZMQ_XPUB: c_int = 9;
/// SUB that sends subscriptions as messages.
pub const ZMQ_XSUB: c_int = 10;
/// Raw TCP, with the connection's id as first part.
pub const ZMQ_STREAM: c_int = 11;
/// Draft: talks to CLIENT sockets by routing id. Thread-safe.
pub const ZMQ_SERVER: c_int = 12;
/// Draft: talks to SERVER sockets. Thread-safe.
pub const ZMQ_CLIENT: c_int = 13;
/// Draft: sends to the groups that peers joined. Thread-safe.
pub const ZMQ_RADIO: c_int = 14;
/// Draft: receives from the groups it joined. Thread-safe.
pub const ZMQ_DISH: c_int = 15;
/// Draft: receives single-part messages from all peers. Thread-safe.
pub const ZMQ_GATHER: c_int = 16;
/// Draft: sends single-part messages to its peers in turn. Thread-safe.
pub const ZMQ_SCATTER: c_int = 17;
/// Draft: UDP datagrams, with the address as first part.
pub const ZMQ_DGRAM: c_int = 18;
/// Draft: talks to other PEER sockets by routing id. Thread-safe.
pub const ZMQ_PEER: c_int = 19;
/// Draft: PAIR for threads, single-part messages. Thread-safe.
pub const ZMQ_CHANNEL: c_int = 20;

// ---- Options of zmq_setsockopt and zmq_getsockopt ----

/// uint64_t: bit mask of I/O threads for new connections; 0 is all of them.
pub const ZMQ_AFFINITY: c_int = 4;
/// 1 to 255 bytes: the name under which a ROUTER peer knows this socket.
pub const ZMQ_ROUTING_ID: c_int = 5;
/// Set only, bytes: adds a subscription to a SUB socket.
pub const ZMQ_SUBSCRIBE: c_int = 6;
/// Set only, bytes: takes a subscription back.
pub const ZMQ_UNSUBSCRIBE: c_int = 7;
/// Multicast rate in kilobits per second.
pub const ZMQ_RATE: c_int = 8;
/// How long multicast data can be repaired.
pub const ZMQ_RECOVERY_IVL: c_int = 9;
/// Bytes of the kernel's send buffer; -1 leaves the system's default.
pub const ZMQ_SNDBUF: c_int = 11;
/// Bytes of the kernel's receive buffer; -1 leaves the system's default.
pub const ZMQ_RCVBUF: c_int = 12;
/// Get only: 1 when the part received last is followed by another of the same message.
pub const ZMQ_RCVMORE: c_int = 13;
/// Get only: the file descriptor that becomes readable when ZMQ_EVENTS may have changed.
pub const ZMQ_FD: c_int = 14;
/// Get only: which of ZMQ_POLLIN and ZMQ_POLLOUT hold now.
pub const ZMQ_EVENTS: c_int = 15;
/// Get only: the socket type.
pub const ZMQ_TYPE: c_int = 16;
/// How long unsent messages are kept after zmq_close; -1 is for ever.
pub const ZMQ_LINGER: c_int = 17;
/// Pause before a lost connection is tried again; 0 and -1 never try again.
pub const ZMQ_RECONNECT_IVL: c_int = 18;
/// Connections the kernel queues for a listener.
pub const ZMQ_BACKLOG: c_int = 19;
/// The pause doubles up to this limit; 0 keeps it constant.
pub const ZMQ_RECONNECT_IVL_MAX: c_int = 21;
/// int64_t: largest part accepted from a peer, in bytes; negative is unlimited.
pub const ZMQ_MAXMSGSIZE: c_int = 22;
/// Messages queued per peer for sending; 0 is unlimited.
pub const ZMQ_SNDHWM: c_int = 23;
/// Messages queued per peer for receiving; 0 is unlimited.
pub const ZMQ_RCVHWM: c_int = 24;
/// Time to live of multicast packets.
pub const ZMQ_MULTICAST_HOPS: c_int = 25;
/// How long receiving blocks; -1 is for ever.
pub const ZMQ_RCVTIMEO: c_int = 27;
/// How long sending blocks; -1 is for ever.
pub const ZMQ_SNDTIMEO: c_int = 28;
/// Get only, text: the endpoint bound or connected last, wildcards replaced.
pub const ZMQ_LAST_ENDPOINT: c_int = 32;
/// Set only, ROUTER: 1 makes sending to an unknown peer fail with EHOSTUNREACH.
pub const ZMQ_ROUTER_MANDATORY: c_int = 33;
/// TCP keep-alive: 1 on, 0 off, -1 the system's default.
pub const ZMQ_TCP_KEEPALIVE: c_int = 34;
/// Unanswered keep-alive probes until a connection is dead; -1 the system's default.
pub const ZMQ_TCP_KEEPALIVE_CNT: c_int = 35;
/// Seconds of silence until the first keep-alive probe; -1 the system's default.
pub const ZMQ_TCP_KEEPALIVE_IDLE: c_int = 36;
/// Seconds between keep-alive probes; -1 the system's default.
pub const ZMQ_TCP_KEEPALIVE_INTVL: c_int = 37;
/// 1 queues messages for established connections only.
pub const ZMQ_IMMEDIATE: c_int = 39;
/// Set only, XPUB: 1 passes duplicate subscriptions on.
pub const ZMQ_XPUB_VERBOSE: c_int = 40;
/// Set only, ROUTER: 1 talks raw TCP.
pub const ZMQ_ROUTER_RAW: c_int = 41;
/// 1 allows IPv6 beside IPv4.
pub const ZMQ_IPV6: c_int = 42;
/// Get only: the security mechanism that the options set so far select.
pub const ZMQ_MECHANISM: c_int = 43;
/// 1 makes the socket a PLAIN server, 0 selects the NULL mechanism.
pub const ZMQ_PLAIN_SERVER: c_int = 44;
/// Text of 1 to 255 bytes: user name of a PLAIN client. NULL selects the NULL mechanism.
pub const ZMQ_PLAIN_USERNAME: c_int = 45;
/// Text of 1 to 255 bytes: password of a PLAIN client. NULL selects the NULL mechanism.
pub const ZMQ_PLAIN_PASSWORD: c_int = 46;
/// 1 makes the socket a CURVE server, 0 selects the NULL mechanism.
pub const ZMQ_CURVE_SERVER: c_int = 47;
/// Own public key: 32 bytes, or Z85 text of 40 characters with or without NUL.
pub const ZMQ_CURVE_PUBLICKEY: c_int = 48;
/// Own secret key, in the same forms.
pub const ZMQ_CURVE_SECRETKEY: c_int = 49;
/// The server's public key, in the same forms; makes the socket a CURVE client.
pub const ZMQ_CURVE_SERVERKEY: c_int = 50;
/// Set only: 1 sends an empty message to each new peer.
pub const ZMQ_PROBE_ROUTER: c_int = 51;
/// Set only, REQ: 1 matches replies to requests by a request id.
pub const ZMQ_REQ_CORRELATE: c_int = 52;
/// Set only, REQ: 1 allows a new request before the reply came.
pub const ZMQ_REQ_RELAXED: c_int = 53;
/// 1 keeps only the newest message.
pub const ZMQ_CONFLATE: c_int = 54;
/// Text of 1 to 255 bytes: the domain told to the ZAP handler.
pub const ZMQ_ZAP_DOMAIN: c_int = 55;
/// Set only, ROUTER: 1 lets a new peer take over the routing id of an older one.
pub const ZMQ_ROUTER_HANDOVER: c_int = 56;
/// Type of service of IP packets.
pub const ZMQ_TOS: c_int = 57;
/// Set only, bytes: routing id of the peer that the next zmq_connect reaches.
pub const ZMQ_CONNECT_ROUTING_ID: c_int = 61;
/// 1 makes the socket a GSSAPI server, 0 a client. Like all GSSAPI options EINVAL where the system has no libgssapi_krb5.so.2.
pub const ZMQ_GSSAPI_SERVER: c_int = 62;
/// Text: own GSSAPI principal. Without one the credentials of the process are used.
pub const ZMQ_GSSAPI_PRINCIPAL: c_int = 63;
/// Text: the server's GSSAPI principal. Makes the socket a client.
pub const ZMQ_GSSAPI_SERVICE_PRINCIPAL: c_int = 64;
/// 1 does not encrypt GSSAPI messages: only the handshake is protected. Both sides have to set it.
pub const ZMQ_GSSAPI_PLAINTEXT: c_int = 65;
/// How long a handshake may take; 0 is without limit.
pub const ZMQ_HANDSHAKE_IVL: c_int = 66;
/// Text: "host:port" of the SOCKS5 proxy for TCP connections. NULL is none.
pub const ZMQ_SOCKS_PROXY: c_int = 68;
/// Set only, XPUB: 1 blocks instead of dropping when a subscriber's queue is full.
pub const ZMQ_XPUB_NODROP: c_int = 69;
/// Set only, XPUB: 1 lets the application decide on subscriptions.
pub const ZMQ_XPUB_MANUAL: c_int = 71;
/// Set only, bytes: message for each new subscriber.
pub const ZMQ_XPUB_WELCOME_MSG: c_int = 72;
/// Set only, STREAM: 1 announces connects and disconnects with empty messages.
pub const ZMQ_STREAM_NOTIFY: c_int = 73;
/// 1 delivers what does not match a subscription.
pub const ZMQ_INVERT_MATCHING: c_int = 74;
/// Interval of PING commands; 0 sends none.
pub const ZMQ_HEARTBEAT_IVL: c_int = 75;
/// How long the peer waits for our traffic until it gives up; rounded down to tenths of a second.
pub const ZMQ_HEARTBEAT_TTL: c_int = 76;
/// How long we wait for the peer's traffic after a PING; by default ZMQ_HEARTBEAT_IVL.
pub const ZMQ_HEARTBEAT_TIMEOUT: c_int = 77;
/// Set only, XPUB: 1 passes duplicate subscriptions and unsubscriptions on.
pub const ZMQ_XPUB_VERBOSER: c_int = 78;
/// How long a TCP connection attempt may take; 0 is the system's limit.
pub const ZMQ_CONNECT_TIMEOUT: c_int = 79;
/// How long sent data may stay unacknowledged by TCP; 0 is the system's limit.
pub const ZMQ_TCP_MAXRT: c_int = 80;
/// Get only: 1 when several threads may use the socket at once.
pub const ZMQ_THREAD_SAFE: c_int = 81;
/// Largest multicast packet in bytes.
pub const ZMQ_MULTICAST_MAXTPDU: c_int = 84;
/// uint64_t: VMCI buffer size. EINVAL where VMCI is not built in.
pub const ZMQ_VMCI_BUFFER_SIZE: c_int = 85;
/// uint64_t: lower limit of the VMCI buffer.
pub const ZMQ_VMCI_BUFFER_MIN_SIZE: c_int = 86;
/// uint64_t: upper limit of the VMCI buffer.
pub const ZMQ_VMCI_BUFFER_MAX_SIZE: c_int = 87;
/// How long a VMCI connection attempt may take.
pub const ZMQ_VMCI_CONNECT_TIMEOUT: c_int = 88;
/// A listening file descriptor that the next zmq_bind takes over; -1 is none.
pub const ZMQ_USE_FD: c_int = 89;
/// Kind of name of ZMQ_GSSAPI_PRINCIPAL.
pub const ZMQ_GSSAPI_PRINCIPAL_NAMETYPE: c_int = 90;
/// Kind of name of ZMQ_GSSAPI_SERVICE_PRINCIPAL.
pub const ZMQ_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE: c_int = 91;
/// Text of up to 16 bytes: the network interface to use. NULL is any.
pub const ZMQ_BINDTODEVICE: c_int = 92;
/// Deprecated. Set only, text: adds "address" or "address/bits" to the peers allowed. NULL allows all.
pub const ZMQ_TCP_ACCEPT_FILTER: c_int = 38;
/// Deprecated. Set only: adds a process id to the ipc peers allowed. NULL removes all.
pub const ZMQ_IPC_FILTER_PID: c_int = 58;
/// Deprecated. Set only: adds a user id to the ipc peers allowed. NULL removes all.
pub const ZMQ_IPC_FILTER_UID: c_int = 59;
/// Deprecated. Set only: adds a group id to the ipc peers allowed. NULL removes all.
pub const ZMQ_IPC_FILTER_GID: c_int = 60;
/// Deprecated: the opposite of ZMQ_IPV6.
pub const ZMQ_IPV4ONLY: c_int = 31;
/// Draft: 1 makes ZAP insist on a ZMQ_ZAP_DOMAIN.
pub const ZMQ_ZAP_ENFORCE_DOMAIN: c_int = 93;
/// Draft: 1 uses the loopback fast path of Windows.
pub const ZMQ_LOOPBACK_FASTPATH: c_int = 94;
/// Draft: set only, text "X-name:value": property told to peers in the handshake.
pub const ZMQ_METADATA: c_int = 95;
/// Draft: 1 delivers own multicast packets on this host.
pub const ZMQ_MULTICAST_LOOP: c_int = 96;
/// Draft: ROUTER: sum of ZMQ_NOTIFY_CONNECT and ZMQ_NOTIFY_DISCONNECT.
pub const ZMQ_ROUTER_NOTIFY: c_int = 97;
/// Draft: set only, XPUB: manual mode that sends to the subscriber handled last.
pub const ZMQ_XPUB_MANUAL_LAST_VALUE: c_int = 98;
/// Draft: text: user name for the SOCKS5 proxy. Empty is no authentication.
pub const ZMQ_SOCKS_USERNAME: c_int = 99;
/// Draft: text: password for the SOCKS5 proxy.
pub const ZMQ_SOCKS_PASSWORD: c_int = 100;
/// Draft: bytes read from a connection at once.
pub const ZMQ_IN_BATCH_SIZE: c_int = 101;
/// Draft: bytes written to a connection at once.
pub const ZMQ_OUT_BATCH_SIZE: c_int = 102;
/// Draft: set only, text: private key of a wss server.
pub const ZMQ_WSS_KEY_PEM: c_int = 103;
/// Draft: set only, text: certificate of a wss server.
pub const ZMQ_WSS_CERT_PEM: c_int = 104;
/// Draft: set only, text: certificates that a wss client trusts.
pub const ZMQ_WSS_TRUST_PEM: c_int = 105;
/// Draft: set only, text: server name that a wss client expects.
pub const ZMQ_WSS_HOSTNAME: c_int = 106;
/// Draft: set only: 1 trusts the system's certificates.
pub const ZMQ_WSS_TRUST_SYSTEM: c_int = 107;
/// Draft: set only, XPUB and XSUB: 1 treats only first parts as subscriptions.
pub const ZMQ_ONLY_FIRST_SUBSCRIBE: c_int = 108;
/// Draft: sum of the ZMQ_RECONNECT_STOP_ reasons that end reconnecting.
pub const ZMQ_RECONNECT_STOP: c_int = 109;
/// Draft: set only, bytes: message sent to each new peer.
pub const ZMQ_HELLO_MSG: c_int = 110;
/// Draft: set only, bytes: message received when a peer is gone.
pub const ZMQ_DISCONNECT_MSG: c_int = 111;
/// Draft: priority of IP packets (SO_PRIORITY).
pub const ZMQ_PRIORITY: c_int = 112;
/// Draft: microseconds of busy polling (SO_BUSY_POLL).
pub const ZMQ_BUSY_POLL: c_int = 113;
/// Draft: set only, bytes: message received when a connection was lost and is tried again.
pub const ZMQ_HICCUP_MSG: c_int = 114;
/// Draft: set only, XSUB: 1 sends every unsubscription on.
pub const ZMQ_XSUB_VERBOSE_UNSUBSCRIBE: c_int = 115;
/// Draft: get only: number of subscriptions.
pub const ZMQ_TOPICS_COUNT: c_int = 116;
/// Draft: congestion control of NORM. EINVAL where NORM is not built in.
pub const ZMQ_NORM_MODE: c_int = 117;
/// Draft: 1 answers NORM senders by unicast.
pub const ZMQ_NORM_UNICAST_NACK: c_int = 118;
/// Draft: NORM buffer in kilobytes.
pub const ZMQ_NORM_BUFFER_SIZE: c_int = 119;
/// Draft: NORM segment in bytes.
pub const ZMQ_NORM_SEGMENT_SIZE: c_int = 120;
/// Draft: NORM segments in a block.
pub const ZMQ_NORM_BLOCK_SIZE: c_int = 121;
/// Draft: NORM parity segments in a block.
pub const ZMQ_NORM_NUM_PARITY: c_int = 122;
/// Draft: NORM parity segments sent unasked.
pub const ZMQ_NORM_NUM_AUTOPARITY: c_int = 123;
/// Draft: 1 lets new NORM data overtake repairs.
pub const ZMQ_NORM_PUSH: c_int = 124;

// ---- Options of zmq_ctx_set and zmq_ctx_get ----

/// Number of I/O threads.
pub const ZMQ_IO_THREADS: c_int = 1;
/// Largest number of sockets.
pub const ZMQ_MAX_SOCKETS: c_int = 2;
/// Get only: upper limit of ZMQ_MAX_SOCKETS.
pub const ZMQ_SOCKET_LIMIT: c_int = 3;
/// Set only: priority of the library's threads.
pub const ZMQ_THREAD_PRIORITY: c_int = 3;
/// Scheduling policy of the library's threads; -1 is the system's default.
pub const ZMQ_THREAD_SCHED_POLICY: c_int = 4;
/// Largest message size in bytes.
pub const ZMQ_MAX_MSGSZ: c_int = 5;
/// Get only: size of zmq_msg_t.
pub const ZMQ_MSG_T_SIZE: c_int = 6;
/// Set only: adds a CPU that the library's threads may use.
pub const ZMQ_THREAD_AFFINITY_CPU_ADD: c_int = 7;
/// Set only: removes such a CPU.
pub const ZMQ_THREAD_AFFINITY_CPU_REMOVE: c_int = 8;
/// What the names of the library's threads begin with.
pub const ZMQ_THREAD_NAME_PREFIX: c_int = 9;
/// 0 makes new sockets start with ZMQ_LINGER 0.
pub const ZMQ_BLOCKY: c_int = 70;
/// Draft: 0 copies received bodies out of the receive buffer.
pub const ZMQ_ZERO_COPY_RECV: c_int = 10;
