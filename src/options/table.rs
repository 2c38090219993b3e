//! The table: one row per option that every socket type has.
//!
//! A row says which number, which values are valid, what a fresh socket has, and how the value gets into
//! [`SocketOptions`] and out again. A row without setter is get-only, one without getter set-only. The
//! meaning of each option is documented at its number in [`super::number`].

use super::accept_filter::TcpAcceptFilter;
use super::number as n;
use super::socket::{Mechanism, SocketOptions};
use super::value::{self, write_bytes, write_int, write_loose_int, write_string};
use super::z85;
use crate::error::{Errno, Result};
use crate::gssapi::NameKind;
use std::time::Duration;
use zeroize::{Zeroize, Zeroizing};

type Setter<T> = fn(&mut SocketOptions, T);
type Getter<T> = fn(&SocketOptions) -> T;

/// One option.
pub struct Row {
    /// As in zmq.h.
    pub number: i32,
    /// As in zmq.h, without the prefix.
    pub name: &'static str,
    /// Type, range, default and access.
    pub rule: Rule,
}

/// How a value is checked and stored.
pub enum Rule {
    /// An `int` from `min` to `max`. The setter must also take the default, which may lie outside.
    Int { min: i32, max: i32, default: i32, set: Option<Setter<i32>>, get: Option<Getter<i32>> },
    /// An `int` as a switch: only 0 and 1, or with `any` every number.
    Switch { any: bool, default: bool, set: Setter<bool>, get: Option<Getter<bool>> },
    /// A get-only `int` that also fits larger buffers.
    LooseInt { get: Getter<i32> },
    /// Any `int64_t`.
    Signed { default: i64, set: Setter<i64>, get: Getter<i64> },
    /// Any `uint64_t`.
    Unsigned { default: u64, set: Setter<u64>, get: Getter<u64> },
    /// Up to `max` bytes, empty by default. Text is read with a NUL, bytes without.
    Bytes {
        empty: Empty,
        max: usize,
        text: bool,
        set: fn(&mut SocketOptions, Vec<u8>),
        get: Option<BytesGetter>,
    },
    /// Something with rules of its own.
    Parsed { set: ParsedSetter, get: Option<ParsedGetter> },
    /// The same where the system has GSSAPI; elsewhere as if it were not built in.
    Gssapi { set: ParsedSetter, get: ParsedGetter },
    /// Get-only; only the socket knows.
    Socket,
    /// Belongs to a part that is not built in: EINVAL, as in a reference library without it.
    NotBuilt,
}

type BytesGetter = fn(&SocketOptions) -> &[u8];
type ParsedSetter = fn(&mut SocketOptions, Option<&[u8]>) -> Result<()>;
type ParsedGetter = fn(&SocketOptions, &mut [u8]) -> Result<usize>;

/// How a byte string becomes empty again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Empty {
    /// By (NULL, 0) only.
    ByNull,
    /// By (NULL, 0) and by any other pointer with length 0.
    Always,
    /// Never.
    Never,
}

/// The row of an option number; EINVAL when there is none.
pub fn row(number: i32) -> Result<&'static Row> {
    let index = TABLE.binary_search_by_key(&number, |row| row.number).map_err(|_| Errno::INVALID)?;
    Ok(&TABLE[index])
}

/// Gives every option its default.
pub(super) fn install_defaults(options: &mut SocketOptions) {
    for row in TABLE {
        match row.rule {
            Rule::Int { set: Some(set), default, .. } => set(options, default),
            Rule::Switch { set, default, .. } => set(options, default),
            Rule::Signed { set, default, .. } => set(options, default),
            Rule::Unsigned { set, default, .. } => set(options, default),
            _ => {}
        }
    }
}

impl Row {
    /// Checks and stores a value. EINVAL, and no change, when it is not valid.
    pub fn set(&self, options: &mut SocketOptions, value: Option<&[u8]>) -> Result<()> {
        match self.rule {
            Rule::Int { min, max, set: Some(set), .. } => {
                set(options, value::parse_int_in(value, min..=max)?)
            }
            Rule::Switch { any: true, set, .. } => set(options, value::parse_bool_any(value)?),
            Rule::Switch { any: false, set, .. } => set(options, value::parse_bool01(value)?),
            Rule::Signed { set, .. } => set(options, value::parse_i64(value)?),
            Rule::Unsigned { set, .. } => set(options, value::parse_u64(value)?),
            Rule::Bytes { empty, max, set, .. } => set(options, parse_bytes(value, empty, max)?.to_vec()),
            Rule::Parsed { set, .. } => set(options, value)?,
            Rule::Gssapi { set, .. } if crate::gssapi::is_available() => set(options, value)?,
            Rule::Int { set: None, .. }
            | Rule::LooseInt { .. }
            | Rule::Gssapi { .. }
            | Rule::Socket
            | Rule::NotBuilt => {
                return Err(Errno::INVALID);
            }
        }
        Ok(())
    }

    /// Writes the value and returns the new length. EINVAL when it cannot be read, or not in this size.
    pub fn get(&self, options: &SocketOptions, out: &mut [u8]) -> Result<usize> {
        match self.rule {
            Rule::Int { get: Some(get), .. } => write_int(out, get(options)),
            Rule::Switch { get: Some(get), .. } => write_int(out, get(options).into()),
            Rule::LooseInt { get } => write_loose_int(out, get(options)),
            Rule::Signed { get, .. } => value::write_i64(out, get(options)),
            Rule::Unsigned { get, .. } => value::write_u64(out, get(options)),
            Rule::Bytes { text: true, get: Some(get), .. } => write_string(out, get(options)),
            Rule::Bytes { text: false, get: Some(get), .. } => write_bytes(out, get(options)),
            Rule::Parsed { get: Some(get), .. } => get(options, out),
            Rule::Gssapi { get, .. } if crate::gssapi::is_available() => get(options, out),
            _ => Err(Errno::INVALID),
        }
    }
}

/// The bytes to store; empty clears.
fn parse_bytes(value: Option<&[u8]>, empty: Empty, max: usize) -> Result<&[u8]> {
    match value {
        Some(bytes) if !bytes.is_empty() && bytes.len() <= max => Ok(bytes),
        None if empty != Empty::Never => Ok(&[]),
        Some([]) if empty == Empty::Always => Ok(&[]),
        _ => Err(Errno::INVALID),
    }
}

// ---- How rows are written ----

const ANY: i32 = i32::MIN;
const MAX: i32 = i32::MAX;

const fn int(
    number: i32,
    name: &'static str,
    min: i32,
    default: i32,
    set: Setter<i32>,
    get: Getter<i32>,
) -> Row {
    int_to(number, name, [min, MAX], default, set, get)
}

const fn int_to(
    number: i32,
    name: &'static str,
    [min, max]: [i32; 2],
    default: i32,
    set: Setter<i32>,
    get: Getter<i32>,
) -> Row {
    Row { number, name, rule: Rule::Int { min, max, default, set: Some(set), get: Some(get) } }
}

const fn int_read_only(number: i32, name: &'static str, get: Getter<i32>) -> Row {
    Row { number, name, rule: Rule::Int { min: ANY, max: MAX, default: 0, set: None, get: Some(get) } }
}

const fn switch(number: i32, name: &'static str, default: bool, set: Setter<bool>, get: Getter<bool>) -> Row {
    Row { number, name, rule: Rule::Switch { any: false, default, set, get: Some(get) } }
}

const fn switch_any(
    number: i32,
    name: &'static str,
    default: bool,
    set: Setter<bool>,
    get: Getter<bool>,
) -> Row {
    Row { number, name, rule: Rule::Switch { any: true, default, set, get: Some(get) } }
}

const fn text(
    number: i32,
    name: &'static str,
    empty: Empty,
    max: usize,
    set: fn(&mut SocketOptions, Vec<u8>),
    get: BytesGetter,
) -> Row {
    Row { number, name, rule: Rule::Bytes { empty, max, text: true, set, get: Some(get) } }
}

/// Bytes of any length that cannot be read back.
const fn write_only(number: i32, name: &'static str, set: fn(&mut SocketOptions, Vec<u8>)) -> Row {
    let rule = Rule::Bytes { empty: Empty::Always, max: usize::MAX, text: false, set, get: None };
    Row { number, name, rule }
}

const fn parsed(number: i32, name: &'static str, set: ParsedSetter, get: Option<ParsedGetter>) -> Row {
    Row { number, name, rule: Rule::Parsed { set, get } }
}

const fn gssapi(number: i32, name: &'static str, set: ParsedSetter, get: ParsedGetter) -> Row {
    Row { number, name, rule: Rule::Gssapi { set, get } }
}

const fn of_socket(number: i32, name: &'static str) -> Row {
    Row { number, name, rule: Rule::Socket }
}

const fn not_built(number: i32, name: &'static str) -> Row {
    Row { number, name, rule: Rule::NotBuilt }
}

/// Longest user name, password, routing id, domain.
const SHORT: usize = 255;
/// Longest interface name, as the reference counts.
const INTERFACE: usize = 16;
/// HEARTBEAT_TTL travels as 16 bits of tenths of a second.
const TTL_MAX: i32 = u16::MAX as i32 * 100 + 99;

/// Sorted by number. Options of single socket types are in the patterns.
#[rustfmt::skip]
pub static TABLE: &[Row] = &[
    Row { number: n::ZMQ_AFFINITY, name: "AFFINITY",
        rule: Rule::Unsigned { default: 0, set: |o, v| o.affinity = v, get: |o| o.affinity } },
    Row { number: n::ZMQ_ROUTING_ID, name: "ROUTING_ID",
        rule: Rule::Bytes { empty: Empty::Never, max: SHORT, text: false,
            set: |o, v| o.routing_id = v, get: Some(|o| &o.routing_id) } },
    int(n::ZMQ_RATE, "RATE", 1, 100, |o, v| o.rate = count(v), |o| number(o.rate)),
    int(n::ZMQ_RECOVERY_IVL, "RECOVERY_IVL", 0, 10_000,
        |o, v| o.recovery_interval = duration(v), |o| millis(o.recovery_interval)),
    int(n::ZMQ_SNDBUF, "SNDBUF", -1, -1, |o, v| o.send_buffer = unless_minus(v), |o| or_minus(o.send_buffer)),
    int(n::ZMQ_RCVBUF, "RCVBUF", -1, -1, |o, v| o.receive_buffer = unless_minus(v), |o| or_minus(o.receive_buffer)),
    of_socket(n::ZMQ_RCVMORE, "RCVMORE"),
    of_socket(n::ZMQ_FD, "FD"),
    of_socket(n::ZMQ_EVENTS, "EVENTS"),
    int_read_only(n::ZMQ_TYPE, "TYPE", |o| o.socket_type.number()),
    int(n::ZMQ_LINGER, "LINGER", -1, -1, |o, v| o.linger = or_forever(v), |o| forever_is_minus(o.linger)),
    int(n::ZMQ_RECONNECT_IVL, "RECONNECT_IVL", -1, 100,
        |o, v| o.reconnect_interval = or_forever(v), |o| forever_is_minus(o.reconnect_interval)),
    int(n::ZMQ_BACKLOG, "BACKLOG", 0, 100, |o, v| o.backlog = v, |o| o.backlog),
    int(n::ZMQ_RECONNECT_IVL_MAX, "RECONNECT_IVL_MAX", 0, 0,
        |o, v| o.reconnect_interval_max = duration(v), |o| millis(o.reconnect_interval_max)),
    Row { number: n::ZMQ_MAXMSGSIZE, name: "MAXMSGSIZE",
        rule: Rule::Signed { default: -1, set: |o, v| o.max_message_size = v, get: |o| o.max_message_size } },
    int(n::ZMQ_SNDHWM, "SNDHWM", 0, 1000, |o, v| o.send_hwm = count(v), |o| number(o.send_hwm)),
    int(n::ZMQ_RCVHWM, "RCVHWM", 0, 1000, |o, v| o.receive_hwm = count(v), |o| number(o.receive_hwm)),
    int(n::ZMQ_MULTICAST_HOPS, "MULTICAST_HOPS", 1, 1,
        |o, v| o.multicast_hops = count(v), |o| number(o.multicast_hops)),
    int(n::ZMQ_RCVTIMEO, "RCVTIMEO", -1, -1,
        |o, v| o.receive_timeout = or_forever(v), |o| forever_is_minus(o.receive_timeout)),
    int(n::ZMQ_SNDTIMEO, "SNDTIMEO", -1, -1,
        |o, v| o.send_timeout = or_forever(v), |o| forever_is_minus(o.send_timeout)),
    switch(n::ZMQ_IPV4ONLY, "IPV4ONLY", true, |o, v| o.ipv6 = !v, |o| !o.ipv6),
    of_socket(n::ZMQ_LAST_ENDPOINT, "LAST_ENDPOINT"),
    int_to(n::ZMQ_TCP_KEEPALIVE, "TCP_KEEPALIVE", [-1, 1], -1,
        |o, v| o.tcp_keepalive = unless_minus(v).map(|on| on != 0), |o| o.tcp_keepalive.map_or(-1, i32::from)),
    int(n::ZMQ_TCP_KEEPALIVE_CNT, "TCP_KEEPALIVE_CNT", -1, -1,
        |o, v| o.tcp_keepalive_count = unless_minus(v), |o| or_minus(o.tcp_keepalive_count)),
    int(n::ZMQ_TCP_KEEPALIVE_IDLE, "TCP_KEEPALIVE_IDLE", -1, -1,
        |o, v| o.tcp_keepalive_idle = unless_minus(v), |o| or_minus(o.tcp_keepalive_idle)),
    int(n::ZMQ_TCP_KEEPALIVE_INTVL, "TCP_KEEPALIVE_INTVL", -1, -1,
        |o, v| o.tcp_keepalive_interval = unless_minus(v), |o| or_minus(o.tcp_keepalive_interval)),
    parsed(n::ZMQ_TCP_ACCEPT_FILTER, "TCP_ACCEPT_FILTER", add_tcp_filter, None),
    switch(n::ZMQ_IMMEDIATE, "IMMEDIATE", false, |o, v| o.immediate = v, |o| o.immediate),
    switch(n::ZMQ_IPV6, "IPV6", false, |o, v| o.ipv6 = v, |o| o.ipv6),
    int_read_only(n::ZMQ_MECHANISM, "MECHANISM", |o| o.mechanism as i32),
    parsed(n::ZMQ_PLAIN_SERVER, "PLAIN_SERVER",
        |o, v| set_server(o, v, Mechanism::Plain), Some(|o, out| write_int(out, serves(o, Mechanism::Plain)))),
    parsed(n::ZMQ_PLAIN_USERNAME, "PLAIN_USERNAME",
        |o, v| set_plain(o, v, |o| &mut o.plain_username), Some(|o, out| write_string(out, &o.plain_username))),
    parsed(n::ZMQ_PLAIN_PASSWORD, "PLAIN_PASSWORD",
        |o, v| set_plain(o, v, |o| &mut *o.plain_password), Some(|o, out| write_string(out, &o.plain_password))),
    parsed(n::ZMQ_CURVE_SERVER, "CURVE_SERVER",
        |o, v| set_server(o, v, Mechanism::Curve), Some(|o, out| write_int(out, serves(o, Mechanism::Curve)))),
    parsed(n::ZMQ_CURVE_PUBLICKEY, "CURVE_PUBLICKEY",
        |o, v| set_key(o, v, |o| &mut o.curve_public_key), Some(|o, out| write_key(out, &o.curve_public_key))),
    parsed(n::ZMQ_CURVE_SECRETKEY, "CURVE_SECRETKEY",
        |o, v| set_key(o, v, |o| &mut *o.curve_secret_key), Some(|o, out| write_key(out, &o.curve_secret_key))),
    parsed(n::ZMQ_CURVE_SERVERKEY, "CURVE_SERVERKEY",
        |o, v| {
            set_key(o, v, |o| &mut o.curve_server_key)?;
            o.as_server = false;
            Ok(())
        },
        Some(|o, out| write_key(out, &o.curve_server_key))),
    switch(n::ZMQ_CONFLATE, "CONFLATE", false, |o, v| o.conflate = v, |o| o.conflate),
    text(n::ZMQ_ZAP_DOMAIN, "ZAP_DOMAIN", Empty::Never, SHORT, |o, v| o.zap_domain = v, |o| &o.zap_domain),
    int(n::ZMQ_TOS, "TOS", 0, 0, |o, v| o.type_of_service = v, |o| o.type_of_service),
    parsed(n::ZMQ_IPC_FILTER_PID, "IPC_FILTER_PID",
        |o, v| add_ipc_filter(&mut o.ipc_filters.pids, v, |id| id), None),
    parsed(n::ZMQ_IPC_FILTER_UID, "IPC_FILTER_UID",
        |o, v| add_ipc_filter(&mut o.ipc_filters.uids, v, |id| id as u32), None),
    parsed(n::ZMQ_IPC_FILTER_GID, "IPC_FILTER_GID",
        |o, v| add_ipc_filter(&mut o.ipc_filters.gids, v, |id| id as u32), None),
    gssapi(n::ZMQ_GSSAPI_SERVER, "GSSAPI_SERVER",
        |o, v| {
            o.as_server = value::parse_bool01(v)?;
            o.mechanism = Mechanism::Gssapi;
            Ok(())
        },
        |o, out| write_int(out, serves(o, Mechanism::Gssapi))),
    gssapi(n::ZMQ_GSSAPI_PRINCIPAL, "GSSAPI_PRINCIPAL",
        |o, v| set_principal(o, v, |o| &mut o.gssapi_principal), |o, out| write_string(out, &o.gssapi_principal)),
    gssapi(n::ZMQ_GSSAPI_SERVICE_PRINCIPAL, "GSSAPI_SERVICE_PRINCIPAL",
        |o, v| {
            set_principal(o, v, |o| &mut o.gssapi_service)?;
            o.as_server = false;
            Ok(())
        },
        |o, out| write_string(out, &o.gssapi_service)),
    gssapi(n::ZMQ_GSSAPI_PLAINTEXT, "GSSAPI_PLAINTEXT",
        |o, v| {
            o.gssapi_plaintext = value::parse_bool01(v)?;
            Ok(())
        },
        |o, out| write_int(out, o.gssapi_plaintext.into())),
    int(n::ZMQ_HANDSHAKE_IVL, "HANDSHAKE_IVL", 0, 30_000,
        |o, v| o.handshake_interval = unless_off(v), |o| off_is_zero(o.handshake_interval)),
    text(n::ZMQ_SOCKS_PROXY, "SOCKS_PROXY", Empty::ByNull, usize::MAX,
        |o, v| o.socks_proxy = v, |o| &o.socks_proxy),
    switch_any(n::ZMQ_INVERT_MATCHING, "INVERT_MATCHING", false,
        |o, v| o.invert_matching = v, |o| o.invert_matching),
    int(n::ZMQ_HEARTBEAT_IVL, "HEARTBEAT_IVL", 0, 0,
        |o, v| o.heartbeat_interval = unless_off(v), |o| off_is_zero(o.heartbeat_interval)),
    // The lower limit is what the reference's division lets pass as zero.
    int_to(n::ZMQ_HEARTBEAT_TTL, "HEARTBEAT_TTL", [-99, TTL_MAX], 0,
        |o, v| o.heartbeat_ttl = (v / 100) as u16, |o| i32::from(o.heartbeat_ttl) * 100),
    int(n::ZMQ_HEARTBEAT_TIMEOUT, "HEARTBEAT_TIMEOUT", 0, -1,
        |o, v| o.heartbeat_timeout = or_forever(v), |o| forever_is_minus(o.heartbeat_timeout)),
    int(n::ZMQ_CONNECT_TIMEOUT, "CONNECT_TIMEOUT", 0, 0,
        |o, v| o.connect_timeout = unless_off(v), |o| off_is_zero(o.connect_timeout)),
    int(n::ZMQ_TCP_MAXRT, "TCP_MAXRT", 0, 0,
        |o, v| o.tcp_max_retransmit = unless_off(v), |o| off_is_zero(o.tcp_max_retransmit)),
    Row { number: n::ZMQ_THREAD_SAFE, name: "THREAD_SAFE",
        rule: Rule::LooseInt { get: |o| o.socket_type.is_thread_safe().into() } },
    int(n::ZMQ_MULTICAST_MAXTPDU, "MULTICAST_MAXTPDU", 1, 1500,
        |o, v| o.multicast_max_tpdu = count(v), |o| number(o.multicast_max_tpdu)),
    not_built(n::ZMQ_VMCI_BUFFER_SIZE, "VMCI_BUFFER_SIZE"),
    not_built(n::ZMQ_VMCI_BUFFER_MIN_SIZE, "VMCI_BUFFER_MIN_SIZE"),
    not_built(n::ZMQ_VMCI_BUFFER_MAX_SIZE, "VMCI_BUFFER_MAX_SIZE"),
    not_built(n::ZMQ_VMCI_CONNECT_TIMEOUT, "VMCI_CONNECT_TIMEOUT"),
    int(n::ZMQ_USE_FD, "USE_FD", -1, -1,
        |o, v| o.use_fd = (v >= 0).then_some(v), |o| o.use_fd.unwrap_or(-1)),
    gssapi(n::ZMQ_GSSAPI_PRINCIPAL_NAMETYPE, "GSSAPI_PRINCIPAL_NAMETYPE",
        |o, v| set_name_kind(&mut o.gssapi_principal_kind, v), |o, out| write_int(out, o.gssapi_principal_kind as i32)),
    gssapi(n::ZMQ_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE, "GSSAPI_SERVICE_PRINCIPAL_NAMETYPE",
        |o, v| set_name_kind(&mut o.gssapi_service_kind, v), |o, out| write_int(out, o.gssapi_service_kind as i32)),
    text(n::ZMQ_BINDTODEVICE, "BINDTODEVICE", Empty::ByNull, INTERFACE,
        |o, v| o.bind_to_device = v, |o| &o.bind_to_device),
    switch_any(n::ZMQ_ZAP_ENFORCE_DOMAIN, "ZAP_ENFORCE_DOMAIN", false,
        |o, v| o.zap_enforce_domain = v, |o| o.zap_enforce_domain),
    switch_any(n::ZMQ_LOOPBACK_FASTPATH, "LOOPBACK_FASTPATH", false,
        |o, v| o.loopback_fastpath = v, |o| o.loopback_fastpath),
    parsed(n::ZMQ_METADATA, "METADATA", add_metadata, None),
    switch_any(n::ZMQ_MULTICAST_LOOP, "MULTICAST_LOOP", true, |o, v| o.multicast_loop = v, |o| o.multicast_loop),
    int_read_only(n::ZMQ_ROUTER_NOTIFY, "ROUTER_NOTIFY", |o| o.router_notify),
    text(n::ZMQ_SOCKS_USERNAME, "SOCKS_USERNAME", Empty::Always, SHORT,
        |o, v| o.socks_username = v, |o| &o.socks_username),
    text(n::ZMQ_SOCKS_PASSWORD, "SOCKS_PASSWORD", Empty::Always, SHORT,
        |o, v| o.socks_password = v.into(), |o| &o.socks_password),
    int(n::ZMQ_IN_BATCH_SIZE, "IN_BATCH_SIZE", 1, 8192,
        |o, v| o.in_batch_size = v as usize, |o| o.in_batch_size as i32),
    int(n::ZMQ_OUT_BATCH_SIZE, "OUT_BATCH_SIZE", 1, 8192,
        |o, v| o.out_batch_size = v as usize, |o| o.out_batch_size as i32),
    write_only(n::ZMQ_WSS_KEY_PEM, "WSS_KEY_PEM", |o, v| o.wss_key = v),
    write_only(n::ZMQ_WSS_CERT_PEM, "WSS_CERT_PEM", |o, v| o.wss_certificate = v),
    write_only(n::ZMQ_WSS_TRUST_PEM, "WSS_TRUST_PEM", |o, v| o.wss_trust = v),
    write_only(n::ZMQ_WSS_HOSTNAME, "WSS_HOSTNAME", |o, v| o.wss_hostname = v),
    Row { number: n::ZMQ_WSS_TRUST_SYSTEM, name: "WSS_TRUST_SYSTEM",
        rule: Rule::Switch { any: false, default: false, set: |o, v| o.wss_trust_system = v, get: None } },
    int(n::ZMQ_RECONNECT_STOP, "RECONNECT_STOP", ANY, 0, |o, v| o.reconnect_stop = v, |o| o.reconnect_stop),
    write_only(n::ZMQ_HELLO_MSG, "HELLO_MSG", |o, v| o.hello_message = v),
    write_only(n::ZMQ_DISCONNECT_MSG, "DISCONNECT_MSG", |o, v| o.disconnect_message = v),
    int(n::ZMQ_PRIORITY, "PRIORITY", 0, 0, |o, v| o.priority = v, |o| o.priority),
    int(n::ZMQ_BUSY_POLL, "BUSY_POLL", ANY, 0, |o, v| o.busy_poll = v, |o| o.busy_poll),
    write_only(n::ZMQ_HICCUP_MSG, "HICCUP_MSG", |o, v| o.hiccup_message = v),
    not_built(n::ZMQ_NORM_MODE, "NORM_MODE"),
    not_built(n::ZMQ_NORM_UNICAST_NACK, "NORM_UNICAST_NACK"),
    not_built(n::ZMQ_NORM_BUFFER_SIZE, "NORM_BUFFER_SIZE"),
    not_built(n::ZMQ_NORM_SEGMENT_SIZE, "NORM_SEGMENT_SIZE"),
    not_built(n::ZMQ_NORM_BLOCK_SIZE, "NORM_BLOCK_SIZE"),
    not_built(n::ZMQ_NORM_NUM_PARITY, "NORM_NUM_PARITY"),
    not_built(n::ZMQ_NORM_NUM_AUTOPARITY, "NORM_NUM_AUTOPARITY"),
    not_built(n::ZMQ_NORM_PUSH, "NORM_PUSH"),
];

// ---- Between C's numbers and the fields' types ----

fn count(number: i32) -> u32 {
    number.max(0) as u32
}

fn number(count: u32) -> i32 {
    count as i32
}

fn unless_minus(number: i32) -> Option<u32> {
    u32::try_from(number).ok()
}

fn or_minus(count: Option<u32>) -> i32 {
    count.map_or(-1, number)
}

fn duration(millis: i32) -> Duration {
    Duration::from_millis(count(millis).into())
}

fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

/// -1 is for ever (or never, for intervals).
fn or_forever(millis: i32) -> Option<Duration> {
    (millis >= 0).then(|| duration(millis))
}

fn forever_is_minus(timeout: Option<Duration>) -> i32 {
    timeout.map_or(-1, millis)
}

/// 0 is off.
fn unless_off(millis: i32) -> Option<Duration> {
    (millis > 0).then(|| duration(millis))
}

fn off_is_zero(timeout: Option<Duration>) -> i32 {
    timeout.map_or(0, millis)
}

// ---- Options with rules of their own ----

fn set_server(options: &mut SocketOptions, value: Option<&[u8]>, mechanism: Mechanism) -> Result<()> {
    options.as_server = value::parse_bool01(value)?;
    options.mechanism = if options.as_server { mechanism } else { Mechanism::Null };
    Ok(())
}

fn serves(options: &SocketOptions, mechanism: Mechanism) -> i32 {
    (options.as_server && options.mechanism == mechanism).into()
}

/// A user name or password makes a PLAIN client; NULL goes back to the NULL mechanism and keeps the text.
fn set_plain(
    options: &mut SocketOptions,
    value: Option<&[u8]>,
    field: fn(&mut SocketOptions) -> &mut Vec<u8>,
) -> Result<()> {
    if value.is_none() {
        options.mechanism = Mechanism::Null;
        return Ok(());
    }
    let text = parse_bytes(value, Empty::Never, SHORT)?.to_vec();
    std::mem::replace(field(options), text).zeroize();
    options.mechanism = Mechanism::Plain;
    options.as_server = false;
    Ok(())
}

/// 32 bytes as they are; 40 or 41 as Z85 text up to the first NUL, which may cover only the front of the key.
fn set_key(
    options: &mut SocketOptions,
    value: Option<&[u8]>,
    field: fn(&mut SocketOptions) -> &mut [u8; 32],
) -> Result<()> {
    let bytes = value.ok_or(Errno::INVALID)?;
    let decoded;
    let key = match bytes.len() {
        32 => bytes,
        40 | 41 => {
            decoded = Zeroizing::new(z85::decode(bytes.split(|byte| *byte == 0).next().unwrap_or_default())?);
            &decoded[..]
        }
        _ => return Err(Errno::INVALID),
    };
    field(options)[..key.len()].copy_from_slice(key);
    options.mechanism = Mechanism::Curve;
    Ok(())
}

/// 32 bytes get the key as it is, 41 its Z85 text.
fn write_key(out: &mut [u8], key: &[u8; 32]) -> Result<usize> {
    match out.len() {
        32 => write_bytes(out, key),
        41 => write_string(out, &Zeroizing::new(z85::encode(key)?)),
        _ => Err(Errno::INVALID),
    }
}

/// A name makes a side of a GSSAPI connection.
fn set_principal(
    options: &mut SocketOptions,
    value: Option<&[u8]>,
    field: fn(&mut SocketOptions) -> &mut Vec<u8>,
) -> Result<()> {
    *field(options) =
        value.filter(|text| !text.is_empty() && text.len() <= SHORT).ok_or(Errno::INVALID)?.to_vec();
    options.mechanism = Mechanism::Gssapi;
    Ok(())
}

fn set_name_kind(kind: &mut NameKind, value: Option<&[u8]>) -> Result<()> {
    *kind = NameKind::from_number(value::parse_int(value)?).ok_or(Errno::INVALID)?;
    Ok(())
}

fn add_tcp_filter(options: &mut SocketOptions, value: Option<&[u8]>) -> Result<()> {
    match parse_bytes(value, Empty::ByNull, SHORT)? {
        [] => options.tcp_accept_filters.clear(),
        text => options.tcp_accept_filters.push(TcpAcceptFilter::parse(text, options.ipv6)?),
    }
    Ok(())
}

/// Ids of processes, users and groups are four bytes on every system we build for.
fn add_ipc_filter<T: PartialEq>(filters: &mut Vec<T>, value: Option<&[u8]>, id: fn(i32) -> T) -> Result<()> {
    if value.is_none() {
        filters.clear();
        return Ok(());
    }
    let id = id(value::parse_int(value)?);
    if !filters.contains(&id) {
        filters.push(id);
    }
    Ok(())
}

/// "X-name:value". The first colon splits; the first value of a name stays. Four bytes are taken for an `int`,
/// and refused.
fn add_metadata(options: &mut SocketOptions, value: Option<&[u8]>) -> Result<()> {
    let text = value.filter(|text| text.len() != 4).ok_or(Errno::INVALID)?;
    let colon = text.iter().position(|byte| *byte == b':').ok_or(Errno::INVALID)?;
    let (name, value) = (&text[..colon], &text[colon + 1..]);
    if !name.starts_with(b"X-") || name.len() > SHORT || value.is_empty() {
        return Err(Errno::INVALID);
    }
    if options.metadata.iter().all(|(known, _)| known != name) {
        options.metadata.push((name.to_vec(), value.to_vec()));
    }
    Ok(())
}
