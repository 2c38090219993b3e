//! Constants and types of zmq.h that are not options or socket types; those come from [`crate::options::number`].
//!
//! cbindgen turns each constant into a `#define`, with its comment. What begins with "Draft" goes under
//! ZMQ_BUILD_DRAFT_API. The names are C's, hence the spelling.
#![allow(non_camel_case_types)]

use std::ffi::{CStr, c_int, c_short, c_uchar, c_void};

pub use crate::options::number::*;

/// A message part. Only the zmq_msg_ functions know what is inside; it may be moved with zmq_msg_move alone.
#[repr(C, align(8))]
pub struct zmq_msg_t {
    _opaque: [c_uchar; 64],
}

const _: () = {
    assert!(size_of::<zmq_msg_t>() == size_of::<crate::message::Message>());
    assert!(align_of::<zmq_msg_t>() == align_of::<crate::message::Message>());
};

/// Called once when the memory given to zmq_msg_init_data is no longer needed, on any thread.
pub type zmq_free_fn = unsafe extern "C" fn(data: *mut c_void, hint: *mut c_void);
/// Called by zmq_timers_execute when a timer is due.
pub type zmq_timer_fn = unsafe extern "C" fn(timer_id: c_int, arg: *mut c_void);
/// What a thread of zmq_threadstart runs.
pub type zmq_thread_fn = unsafe extern "C-unwind" fn(arg: *mut c_void);

/// A file descriptor or socket of the operating system.
pub type zmq_fd_t = c_int;

/// What zmq_poll waits for: a socket, or if that is NULL a file descriptor.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct zmq_pollitem_t {
    /// A socket, or NULL.
    pub socket: *mut c_void,
    /// A file descriptor, looked at when socket is NULL.
    pub fd: zmq_fd_t,
    /// Sum of the ZMQ_POLL values to wait for.
    pub events: c_short,
    /// Out: sum of those that hold.
    pub revents: c_short,
}

/// Draft: what a poller reports.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct zmq_poller_event_t {
    /// The socket, or NULL for a file descriptor.
    pub socket: *mut c_void,
    /// The file descriptor, or -1 for a socket.
    pub fd: zmq_fd_t,
    /// What was given when it was added.
    pub user_data: *mut c_void,
    /// Sum of the ZMQ_POLL values that hold.
    pub events: c_short,
}

// ---- Version ----

/// Version of this header: the major number changes when programs break.
pub const ZMQ_VERSION_MAJOR: c_int = 4;
/// Changes when functions are added.
pub const ZMQ_VERSION_MINOR: c_int = 3;
/// Changes with every release.
pub const ZMQ_VERSION_PATCH: c_int = 5;
/// This header defines the integer types of stdint.h.
pub const ZMQ_DEFINED_STDINT: c_int = 1;

// ---- Error numbers ----

/// Base of the error numbers that are no system's.
pub const ZMQ_HAUSNUMERO: c_int = 156384712;
/// The socket is not in a state for this operation.
pub const EFSM: c_int = ZMQ_HAUSNUMERO + 51;
/// The transport does not work with the socket type.
pub const ENOCOMPATPROTO: c_int = ZMQ_HAUSNUMERO + 52;
/// The context is being terminated.
pub const ETERM: c_int = ZMQ_HAUSNUMERO + 53;
/// There is no I/O thread for the task.
pub const EMTHREAD: c_int = ZMQ_HAUSNUMERO + 54;

// ---- Defaults of context options ----

/// Default of ZMQ_IO_THREADS.
pub const ZMQ_IO_THREADS_DFLT: c_int = 1;
/// Default of ZMQ_MAX_SOCKETS.
pub const ZMQ_MAX_SOCKETS_DFLT: c_int = 1023;
/// Default of ZMQ_THREAD_PRIORITY.
pub const ZMQ_THREAD_PRIORITY_DFLT: c_int = -1;
/// Default of ZMQ_THREAD_SCHED_POLICY.
pub const ZMQ_THREAD_SCHED_POLICY_DFLT: c_int = -1;

// ---- Properties for zmq_msg_get ----

/// 1 when another part of the same message follows.
pub const ZMQ_MORE: c_int = 1;
/// 1 when the content is shared with other messages or constant.
pub const ZMQ_SHARED: c_int = 3;
/// Deprecated: the file descriptor that the message came from.
pub const ZMQ_SRCFD: c_int = 2;

// ---- Flags of the functions that send and receive ----

/// Fail with EAGAIN instead of blocking.
pub const ZMQ_DONTWAIT: c_int = 1;
/// Another part of the same message follows.
pub const ZMQ_SNDMORE: c_int = 2;

// ---- Security mechanisms ----

/// No security.
pub const ZMQ_NULL: c_int = 0;
/// User name and password, not encrypted.
pub const ZMQ_PLAIN: c_int = 1;
/// Encrypted and authenticated by public keys.
pub const ZMQ_CURVE: c_int = 2;
/// Kerberos.
pub const ZMQ_GSSAPI: c_int = 3;

// ---- Groups of RADIO and DISH ----

/// Longest group name.
pub const ZMQ_GROUP_MAX_LENGTH: c_int = 255;

// ---- Kinds of names for GSSAPI principals ----

/// A host-based service.
pub const ZMQ_GSSAPI_NT_HOSTBASED: c_int = 0;
/// A local user name.
pub const ZMQ_GSSAPI_NT_USER_NAME: c_int = 1;
/// A Kerberos principal.
pub const ZMQ_GSSAPI_NT_KRB5_PRINCIPAL: c_int = 2;

// ---- What zmq_poll waits for ----

/// A message can be received, or a file descriptor read.
pub const ZMQ_POLLIN: c_int = 1;
/// A message can be sent, or a file descriptor written.
pub const ZMQ_POLLOUT: c_int = 2;
/// A file descriptor has an error or a hang-up.
pub const ZMQ_POLLERR: c_int = 4;
/// A file descriptor has urgent data.
pub const ZMQ_POLLPRI: c_int = 8;
/// Number of items that programs often provide for.
pub const ZMQ_POLLITEMS_DFLT: c_int = 16;

// ---- Capabilities ----

/// zmq_has exists.
pub const ZMQ_HAS_CAPABILITIES: c_int = 1;

// ---- Deprecated kinds of devices ----

/// PULL to PUSH.
pub const ZMQ_STREAMER: c_int = 1;
/// XSUB to XPUB.
pub const ZMQ_FORWARDER: c_int = 2;
/// ROUTER to DEALER.
pub const ZMQ_QUEUE: c_int = 3;

// ---- Socket monitor events ----

/// A connection was made; value: its file descriptor.
pub const ZMQ_EVENT_CONNECTED: c_int = 0x0001;
/// A connection attempt is pending; value: an errno.
pub const ZMQ_EVENT_CONNECT_DELAYED: c_int = 0x0002;
/// A connection will be tried again; value: the pause in milliseconds.
pub const ZMQ_EVENT_CONNECT_RETRIED: c_int = 0x0004;
/// An endpoint is bound; value: its file descriptor.
pub const ZMQ_EVENT_LISTENING: c_int = 0x0008;
/// An endpoint could not be bound; value: an errno.
pub const ZMQ_EVENT_BIND_FAILED: c_int = 0x0010;
/// A peer connected; value: its file descriptor.
pub const ZMQ_EVENT_ACCEPTED: c_int = 0x0020;
/// A peer could not be accepted; value: an errno.
pub const ZMQ_EVENT_ACCEPT_FAILED: c_int = 0x0040;
/// An endpoint was closed; value: its file descriptor.
pub const ZMQ_EVENT_CLOSED: c_int = 0x0080;
/// An endpoint could not be closed; value: an errno.
pub const ZMQ_EVENT_CLOSE_FAILED: c_int = 0x0100;
/// A connection was lost; value: its file descriptor.
pub const ZMQ_EVENT_DISCONNECTED: c_int = 0x0200;
/// The last event of a monitor.
pub const ZMQ_EVENT_MONITOR_STOPPED: c_int = 0x0400;
/// All of them.
pub const ZMQ_EVENT_ALL: c_int = 0xFFFF;
/// A handshake broke off; value: an errno.
pub const ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL: c_int = 0x0800;
/// A handshake is done.
pub const ZMQ_EVENT_HANDSHAKE_SUCCEEDED: c_int = 0x1000;
/// A peer or the ZAP handler broke the protocol; value: a ZMQ_PROTOCOL_ERROR number.
pub const ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL: c_int = 0x2000;
/// A peer was refused; value: the ZAP status code.
pub const ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: c_int = 0x4000;
/// Draft: queue sizes, on request of zmq_socket_monitor_pipes_stats.
pub const ZMQ_EVENT_PIPES_STATS: c_int = 0x10000;
/// Draft: format of the events of zmq_socket_monitor.
pub const ZMQ_CURRENT_EVENT_VERSION: c_int = 1;
/// Draft: newest format of events.
pub const ZMQ_CURRENT_EVENT_VERSION_DRAFT: c_int = 2;
/// Draft: all events of format 1.
pub const ZMQ_EVENT_ALL_V1: c_int = ZMQ_EVENT_ALL;
/// Draft: all events of format 2.
pub const ZMQ_EVENT_ALL_V2: c_int = ZMQ_EVENT_ALL_V1 | ZMQ_EVENT_PIPES_STATS;

// ---- Values of ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL ----

/// ZMTP: anything else.
pub const ZMQ_PROTOCOL_ERROR_ZMTP_UNSPECIFIED: c_int = 0x10000000;
/// ZMTP: a command that does not belong here.
pub const ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND: c_int = 0x10000001;
/// ZMTP: a nonce out of sequence.
pub const ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_SEQUENCE: c_int = 0x10000002;
/// ZMTP: the key exchange failed.
pub const ZMQ_PROTOCOL_ERROR_ZMTP_KEY_EXCHANGE: c_int = 0x10000003;
/// ZMTP: malformed command.
pub const ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED: c_int = 0x10000011;
/// ZMTP: malformed MESSAGE.
pub const ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_MESSAGE: c_int = 0x10000012;
/// ZMTP: malformed HELLO.
pub const ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO: c_int = 0x10000013;
/// ZMTP: malformed INITIATE.
pub const ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_INITIATE: c_int = 0x10000014;
/// ZMTP: malformed ERROR.
pub const ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_ERROR: c_int = 0x10000015;
/// ZMTP: malformed READY.
pub const ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_READY: c_int = 0x10000016;
/// ZMTP: malformed WELCOME.
pub const ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_WELCOME: c_int = 0x10000017;
/// ZMTP: malformed properties.
pub const ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_METADATA: c_int = 0x10000018;
/// ZMTP: decryption failed; perhaps a wrong key.
pub const ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC: c_int = 0x11000001;
/// ZMTP: the peer has another mechanism or role.
pub const ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH: c_int = 0x11000002;
/// ZAP: anything else.
pub const ZMQ_PROTOCOL_ERROR_ZAP_UNSPECIFIED: c_int = 0x20000000;
/// ZAP: malformed reply.
pub const ZMQ_PROTOCOL_ERROR_ZAP_MALFORMED_REPLY: c_int = 0x20000001;
/// ZAP: reply to another request.
pub const ZMQ_PROTOCOL_ERROR_ZAP_BAD_REQUEST_ID: c_int = 0x20000002;
/// ZAP: reply of another version.
pub const ZMQ_PROTOCOL_ERROR_ZAP_BAD_VERSION: c_int = 0x20000003;
/// ZAP: status other than 200, 300, 400, 500.
pub const ZMQ_PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE: c_int = 0x20000004;
/// ZAP: malformed metadata.
pub const ZMQ_PROTOCOL_ERROR_ZAP_INVALID_METADATA: c_int = 0x20000005;
/// WebSocket: anything.
pub const ZMQ_PROTOCOL_ERROR_WS_UNSPECIFIED: c_int = 0x30000000;

// ---- Reasons for ZMQ_RECONNECT_STOP ----

/// Draft: the connection was refused.
pub const ZMQ_RECONNECT_STOP_CONN_REFUSED: c_int = 0x1;
/// Draft: the handshake failed.
pub const ZMQ_RECONNECT_STOP_HANDSHAKE_FAILED: c_int = 0x2;
/// Draft: zmq_disconnect was called.
pub const ZMQ_RECONNECT_STOP_AFTER_DISCONNECT: c_int = 0x4;

// ---- Values of ZMQ_ROUTER_NOTIFY ----

/// Draft: an empty message for each peer that comes.
pub const ZMQ_NOTIFY_CONNECT: c_int = 1;
/// Draft: an empty message for each peer that goes.
pub const ZMQ_NOTIFY_DISCONNECT: c_int = 2;

// ---- Values of ZMQ_NORM_MODE ----

/// Draft: fixed rate.
pub const ZMQ_NORM_FIXED: c_int = 0;
/// Draft: congestion control.
pub const ZMQ_NORM_CC: c_int = 1;
/// Draft: congestion control that heeds loss.
pub const ZMQ_NORM_CCL: c_int = 2;
/// Draft: congestion control that heeds marks of routers.
pub const ZMQ_NORM_CCE: c_int = 3;
/// Draft: the same, heeding nothing else.
pub const ZMQ_NORM_CCE_ECNONLY: c_int = 4;

// ---- Names for zmq_msg_gets ----

/// Draft: the peer's routing id.
pub const ZMQ_MSG_PROPERTY_ROUTING_ID: &CStr = c"Routing-Id";
/// Draft: the peer's socket type.
pub const ZMQ_MSG_PROPERTY_SOCKET_TYPE: &CStr = c"Socket-Type";
/// Draft: who the ZAP handler says the peer is.
pub const ZMQ_MSG_PROPERTY_USER_ID: &CStr = c"User-Id";
/// Draft: the peer's network address.
pub const ZMQ_MSG_PROPERTY_PEER_ADDRESS: &CStr = c"Peer-Address";

// ---- Deprecated names ----

/// Deprecated: another name of ZMQ_DEALER.
pub const ZMQ_XREQ: c_int = ZMQ_DEALER;
/// Deprecated: another name of ZMQ_ROUTER.
pub const ZMQ_XREP: c_int = ZMQ_ROUTER;
/// Deprecated: another name of ZMQ_ROUTING_ID.
pub const ZMQ_IDENTITY: c_int = ZMQ_ROUTING_ID;
/// Deprecated: another name of ZMQ_CONNECT_ROUTING_ID.
pub const ZMQ_CONNECT_RID: c_int = ZMQ_CONNECT_ROUTING_ID;
/// Deprecated: another name of ZMQ_IMMEDIATE.
pub const ZMQ_DELAY_ATTACH_ON_CONNECT: c_int = ZMQ_IMMEDIATE;
/// Deprecated: another name of ZMQ_DONTWAIT.
pub const ZMQ_NOBLOCK: c_int = ZMQ_DONTWAIT;
/// Deprecated: another name of ZMQ_ROUTER_MANDATORY.
pub const ZMQ_FAIL_UNROUTABLE: c_int = ZMQ_ROUTER_MANDATORY;
/// Deprecated: another name of ZMQ_ROUTER_MANDATORY.
pub const ZMQ_ROUTER_BEHAVIOR: c_int = ZMQ_ROUTER_MANDATORY;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Errno;

    #[test]
    fn error_numbers_agree_with_the_library() {
        assert_eq!(EFSM, Errno::STATE.raw());
        assert_eq!(ENOCOMPATPROTO, Errno::INCOMPATIBLE_PROTOCOL.raw());
        assert_eq!(ETERM, Errno::TERMINATED.raw());
        assert_eq!(EMTHREAD, Errno::NO_THREAD.raw());
    }

    #[test]
    fn layouts_are_those_of_the_abi() {
        assert_eq!((size_of::<zmq_msg_t>(), align_of::<zmq_msg_t>()), (64, 8));
        assert_eq!((size_of::<zmq_pollitem_t>(), std::mem::offset_of!(zmq_pollitem_t, revents)), (16, 14));
        assert_eq!(
            (size_of::<zmq_poller_event_t>(), std::mem::offset_of!(zmq_poller_event_t, events)),
            (32, 24)
        );
    }
}
