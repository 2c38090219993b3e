//! Tests of the table: what a row promises is checked for every row.

use super::number::*;
use super::table::{Empty, Row, Rule, TABLE};
use super::{Mechanism, SocketOptions, SocketType};
use crate::error::{Errno, Result};

fn fresh() -> SocketOptions {
    SocketOptions::new(SocketType::Dealer, false, true)
}

fn set_int(options: &mut SocketOptions, number: i32, value: i32) -> Result<()> {
    options.set(number, Some(&value.to_ne_bytes()))
}

fn int(options: &SocketOptions, number: i32) -> i32 {
    let mut out = [0; 4];
    assert_eq!(options.get(number, &mut out), Ok(4), "option {number}");
    i32::from_ne_bytes(out)
}

fn string(options: &SocketOptions, number: i32) -> Vec<u8> {
    let mut out = [0xff; 300];
    let size = options.get(number, &mut out).unwrap();
    assert!(out[size..].iter().all(|byte| *byte == 0), "option {number} zeroes the rest");
    out[..size].to_vec()
}

/// Everything that can be read, to find out whether something changed.
fn snapshot(options: &SocketOptions) -> Vec<(i32, usize, Vec<u8>)> {
    let mut all = Vec::new();
    for row in TABLE {
        for size in [4, 8, 32, 300] {
            let mut out = vec![0; size];
            if options.get(row.number, &mut out).is_ok() {
                all.push((row.number, size, out));
            }
        }
    }
    all
}

#[track_caller]
fn refused(options: &mut SocketOptions, row: &Row, value: Option<&[u8]>) {
    let before = snapshot(options);
    assert_eq!(options.set(row.number, value), Err(Errno::INVALID), "{} to {value:?}", row.name);
    assert_eq!(snapshot(options), before, "{} to {value:?}", row.name);
}

#[test]
fn numbers_are_sorted_and_unique() {
    assert!(TABLE.is_sorted_by(|a, b| a.number < b.number));
}

#[test]
fn numbers_without_a_row_are_invalid() {
    let mut options = fresh();
    for number in (-1..140).chain([i32::MIN, i32::MAX]) {
        if TABLE.iter().all(|row| row.number != number) {
            assert_eq!(set_int(&mut options, number, 0), Err(Errno::INVALID), "option {number}");
            for size in [0, 4, 8, 300] {
                assert_eq!(options.get(number, &mut vec![0; size]), Err(Errno::INVALID), "option {number}");
            }
        }
    }
}

#[test]
fn wrong_sizes_and_values_are_invalid_and_change_nothing() {
    let mut options = fresh();
    let fits = |size: usize, sizes: &[usize]| sizes.contains(&size);
    for row in TABLE {
        for size in (0..=17).chain([32, 40, 41, 254, 255, 256, 300]) {
            let accepted = match row.rule {
                Rule::Int { set: Some(_), .. } | Rule::Switch { .. } => fits(size, &[4]),
                Rule::Signed { .. } | Rule::Unsigned { .. } => fits(size, &[8]),
                Rule::Bytes { empty, max, .. } => (size > 0 || empty == Empty::Always) && size <= max,
                // These have tests of their own.
                Rule::Parsed { .. } | Rule::Gssapi { .. } => continue,
                _ => false,
            };
            if !accepted {
                refused(&mut options, row, Some(&vec![0; size]));
            }
        }
        match row.rule {
            Rule::Bytes { empty, .. } if empty != Empty::Never => {}
            Rule::Parsed { .. } | Rule::Gssapi { .. } => {}
            _ => refused(&mut options, row, None),
        }
        match row.rule {
            Rule::Int { set: Some(_), min, max, .. } => {
                for value in
                    min.checked_sub(1).into_iter().chain(max.checked_add(1)).chain([i32::MIN, i32::MAX])
                {
                    if value < min || value > max {
                        refused(&mut options, row, Some(&value.to_ne_bytes()));
                    }
                }
            }
            Rule::Switch { any: false, .. } => {
                for value in [-1, 2, i32::MIN, i32::MAX] {
                    refused(&mut options, row, Some(&value.to_ne_bytes()));
                }
            }
            _ => {}
        }
    }
}

#[test]
fn limits_can_be_set_and_read_back() {
    for row in TABLE {
        let mut options = fresh();
        match row.rule {
            Rule::Int { set: Some(_), min, max, .. } => {
                for value in [min, max] {
                    assert_eq!(set_int(&mut options, row.number, value), Ok(()), "{}", row.name);
                    if row.number != ZMQ_HEARTBEAT_TTL {
                        assert_eq!(int(&options, row.number), value, "{}", row.name);
                    }
                }
            }
            Rule::Switch { any, get, .. } => {
                for (value, read) in [(1, 1), (0, 0), (-5, 1)].into_iter().take(if any { 3 } else { 2 }) {
                    assert_eq!(set_int(&mut options, row.number, value), Ok(()), "{}", row.name);
                    if get.is_some() {
                        assert_eq!(int(&options, row.number), read, "{}", row.name);
                    }
                }
            }
            Rule::Signed { .. } | Rule::Unsigned { .. } => {
                let value = i64::MIN.to_ne_bytes();
                assert_eq!(options.set(row.number, Some(&value)), Ok(()));
                let mut out = [0; 8];
                assert_eq!(options.get(row.number, &mut out), Ok(8));
                assert_eq!(out, value);
            }
            Rule::Bytes { empty, max, text, get, .. } => {
                let longest = vec![b'x'; max.min(299)];
                assert_eq!(options.set(row.number, Some(&longest)), Ok(()), "{}", row.name);
                if get.is_some() {
                    let read = string(&options, row.number);
                    assert_eq!(read.len(), longest.len() + usize::from(text), "{}", row.name);
                    assert_eq!(options.get(row.number, &mut vec![0; read.len() - 1]), Err(Errno::INVALID));
                }
                let cleared = options.set(row.number, None);
                assert_eq!(cleared.is_ok(), empty != Empty::Never, "{}", row.name);
                if get.is_some() && cleared.is_ok() {
                    assert_eq!(string(&options, row.number).len(), usize::from(text), "{}", row.name);
                }
            }
            _ => {}
        }
    }
}

#[test]
fn ints_are_read_into_four_bytes_and_no_more() {
    let options = SocketOptions::new(SocketType::Client, false, true);
    for row in TABLE {
        let loose = match row.rule {
            Rule::Int { get: Some(_), .. } | Rule::Switch { get: Some(_), .. } => false,
            Rule::LooseInt { .. } => true,
            _ => continue,
        };
        for size in [0, 3, 4, 5, 8, 16] {
            let mut out = vec![0xff; size];
            let accepted = size == 4 || loose && size > 4;
            assert_eq!(options.get(row.number, &mut out), accepted.then_some(4).ok_or(Errno::INVALID));
            let touched = out.iter().skip(4).any(|byte| *byte != 0xff);
            assert_eq!(touched, accepted && size > 4);
        }
    }
    assert_eq!(int(&options, ZMQ_THREAD_SAFE), 1);
}

#[test]
fn a_fresh_socket() {
    let options = fresh();
    let defaults = [
        (ZMQ_SNDHWM, 1000),
        (ZMQ_RCVHWM, 1000),
        (ZMQ_LINGER, -1),
        (ZMQ_RECONNECT_IVL, 100),
        (ZMQ_RECONNECT_IVL_MAX, 0),
        (ZMQ_BACKLOG, 100),
        (ZMQ_RATE, 100),
        (ZMQ_RECOVERY_IVL, 10000),
        (ZMQ_SNDBUF, -1),
        (ZMQ_RCVBUF, -1),
        (ZMQ_RCVTIMEO, -1),
        (ZMQ_SNDTIMEO, -1),
        (ZMQ_MULTICAST_HOPS, 1),
        (ZMQ_HANDSHAKE_IVL, 30000),
        (ZMQ_HEARTBEAT_IVL, 0),
        (ZMQ_HEARTBEAT_TTL, 0),
        (ZMQ_HEARTBEAT_TIMEOUT, -1),
        (ZMQ_CONNECT_TIMEOUT, 0),
        (ZMQ_TCP_MAXRT, 0),
        (ZMQ_USE_FD, -1),
        (ZMQ_MECHANISM, 0),
        (ZMQ_IMMEDIATE, 0),
        (ZMQ_IPV6, 0),
        (ZMQ_IPV4ONLY, 1),
        (ZMQ_TCP_KEEPALIVE, -1),
        (ZMQ_TCP_KEEPALIVE_CNT, -1),
        (ZMQ_TCP_KEEPALIVE_IDLE, -1),
        (ZMQ_TCP_KEEPALIVE_INTVL, -1),
        (ZMQ_TOS, 0),
        (ZMQ_MULTICAST_MAXTPDU, 1500),
        (ZMQ_IN_BATCH_SIZE, 8192),
        (ZMQ_OUT_BATCH_SIZE, 8192),
        (ZMQ_MULTICAST_LOOP, 1),
        (ZMQ_CONFLATE, 0),
        (ZMQ_INVERT_MATCHING, 0),
        (ZMQ_PRIORITY, 0),
        (ZMQ_BUSY_POLL, 0),
        (ZMQ_RECONNECT_STOP, 0),
        (ZMQ_PLAIN_SERVER, 0),
        (ZMQ_CURVE_SERVER, 0),
        (ZMQ_ROUTER_NOTIFY, 0),
        (ZMQ_THREAD_SAFE, 0),
        (ZMQ_TYPE, 5),
    ];
    for (number, value) in defaults {
        assert_eq!(int(&options, number), value, "option {number}");
    }
    assert_eq!(options.max_message_size, -1);
    assert_eq!(options.message_size_limit(), u64::MAX);
    assert_eq!(options.affinity, 0);
    assert_eq!(string(&options, ZMQ_ROUTING_ID), b"");
    for number in [ZMQ_PLAIN_USERNAME, ZMQ_PLAIN_PASSWORD, ZMQ_ZAP_DOMAIN, ZMQ_SOCKS_PROXY, ZMQ_BINDTODEVICE]
    {
        assert_eq!(string(&options, number), b"\0");
    }
    assert_eq!(string(&options, ZMQ_SOCKS_USERNAME), b"\0");
}

#[test]
fn what_the_type_and_the_context_change() {
    for socket_type in SocketType::all() {
        let zero = matches!(socket_type, SocketType::Sub | SocketType::Xsub | SocketType::Dish);
        let linger = |blocky| int(&SocketOptions::new(socket_type, false, blocky), ZMQ_LINGER);
        assert_eq!((linger(true), linger(false)), (if zero { 0 } else { -1 }, 0), "{socket_type:?}");
    }
    let options = SocketOptions::new(SocketType::Pair, true, true);
    assert_eq!((int(&options, ZMQ_IPV6), int(&options, ZMQ_IPV4ONLY)), (1, 0));
}

#[test]
fn set_only_options_cannot_be_read() {
    let options = fresh();
    let set_only = [
        ZMQ_TCP_ACCEPT_FILTER,
        ZMQ_IPC_FILTER_PID,
        ZMQ_IPC_FILTER_UID,
        ZMQ_IPC_FILTER_GID,
        ZMQ_METADATA,
        ZMQ_WSS_KEY_PEM,
        ZMQ_WSS_CERT_PEM,
        ZMQ_WSS_TRUST_PEM,
        ZMQ_WSS_HOSTNAME,
        ZMQ_WSS_TRUST_SYSTEM,
        ZMQ_HELLO_MSG,
        ZMQ_DISCONNECT_MSG,
        ZMQ_HICCUP_MSG,
    ];
    for number in set_only {
        for size in [0, 1, 4, 8, 32, 300] {
            assert_eq!(options.get(number, &mut vec![0; size]), Err(Errno::INVALID), "option {number}");
        }
    }
}

#[test]
fn heartbeat_ttl_is_kept_in_tenths() {
    let mut options = fresh();
    for (value, read) in [(6_553_599, 6_553_500), (50, 0), (-99, 0), (199, 100)] {
        assert_eq!(set_int(&mut options, ZMQ_HEARTBEAT_TTL, value), Ok(()));
        assert_eq!(int(&options, ZMQ_HEARTBEAT_TTL), read);
    }
    for value in [6_553_600, -100] {
        assert_eq!(set_int(&mut options, ZMQ_HEARTBEAT_TTL, value), Err(Errno::INVALID));
    }
}

#[test]
fn off_values_are_off() {
    let mut options = fresh();
    assert!(options.reconnect_delay().is_some());
    for value in [0, -1] {
        set_int(&mut options, ZMQ_RECONNECT_IVL, value).unwrap();
        assert_eq!((options.reconnect_delay(), int(&options, ZMQ_RECONNECT_IVL)), (None, value));
    }
    assert_eq!(options.heartbeat_deadline(), None);
    set_int(&mut options, ZMQ_HEARTBEAT_IVL, 50).unwrap();
    assert_eq!(options.heartbeat_deadline(), options.heartbeat_interval);
    set_int(&mut options, ZMQ_HEARTBEAT_TIMEOUT, 0).unwrap();
    assert_eq!(options.heartbeat_deadline(), None);
    assert_eq!(set_int(&mut options, ZMQ_HEARTBEAT_TIMEOUT, -1), Err(Errno::INVALID));
}

#[test]
fn the_last_security_option_selects_the_mechanism() {
    let mut options = fresh();
    let mut step = |number, value: Option<&[u8]>| {
        options.set(number, value).unwrap();
        (options.mechanism, options.as_server)
    };
    let (on, off) = (1i32.to_ne_bytes(), 0i32.to_ne_bytes());
    assert_eq!(step(ZMQ_PLAIN_USERNAME, Some(b"me")), (Mechanism::Plain, false));
    assert_eq!(step(ZMQ_CURVE_PUBLICKEY, Some(&[7; 32])), (Mechanism::Curve, false));
    assert_eq!(step(ZMQ_CURVE_SERVER, Some(&on)), (Mechanism::Curve, true));
    assert_eq!(step(ZMQ_CURVE_SECRETKEY, Some(&[7; 32])), (Mechanism::Curve, true));
    assert_eq!(step(ZMQ_CURVE_SERVERKEY, Some(&[7; 32])), (Mechanism::Curve, false));
    assert_eq!(step(ZMQ_CURVE_SERVER, Some(&off)), (Mechanism::Null, false));
    assert_eq!(step(ZMQ_PLAIN_SERVER, Some(&on)), (Mechanism::Plain, true));
    assert_eq!(step(ZMQ_ZAP_DOMAIN, Some(b"d")), (Mechanism::Plain, true));
    assert_eq!(step(ZMQ_PLAIN_PASSWORD, None), (Mechanism::Null, true));
    assert_eq!(int(&options, ZMQ_PLAIN_SERVER), 0);
    assert_eq!(string(&options, ZMQ_PLAIN_USERNAME), b"me\0");
}

#[test]
fn invalid_security_options_change_nothing() {
    let mut options = fresh();
    options.set(ZMQ_PLAIN_SERVER, Some(&1i32.to_ne_bytes())).unwrap();
    let long = [b'x'; 256];
    for row in TABLE {
        match row.number {
            ZMQ_PLAIN_USERNAME | ZMQ_PLAIN_PASSWORD => {
                refused(&mut options, row, Some(&long));
                refused(&mut options, row, Some(b""));
            }
            ZMQ_PLAIN_SERVER | ZMQ_CURVE_SERVER => {
                refused(&mut options, row, Some(&2i32.to_ne_bytes()));
                refused(&mut options, row, Some(&[1]));
                refused(&mut options, row, None);
            }
            ZMQ_CURVE_PUBLICKEY | ZMQ_CURVE_SECRETKEY | ZMQ_CURVE_SERVERKEY => {
                refused(&mut options, row, None);
                for size in (0..60).filter(|size| ![32, 40, 41].contains(size)) {
                    refused(&mut options, row, Some(&vec![b'0'; size]));
                }
                refused(&mut options, row, Some(&[b'~'; 40]));
                refused(&mut options, row, Some(&[b'0'; 41]));
                refused(&mut options, row, Some(&[0; 41]));
            }
            _ => {}
        }
    }
}

#[test]
fn gssapi_where_the_system_has_it() {
    let numbers = [
        ZMQ_GSSAPI_SERVER,
        ZMQ_GSSAPI_PRINCIPAL,
        ZMQ_GSSAPI_SERVICE_PRINCIPAL,
        ZMQ_GSSAPI_PLAINTEXT,
        ZMQ_GSSAPI_PRINCIPAL_NAMETYPE,
        ZMQ_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE,
    ];
    let mut options = fresh();
    if !crate::gssapi::is_available() {
        for number in numbers {
            assert_eq!(set_int(&mut options, number, 1), Err(Errno::INVALID));
            assert_eq!(options.get(number, &mut [0; 4]), Err(Errno::INVALID));
        }
        return;
    }
    for number in [numbers[1], numbers[2]] {
        let mut options = fresh();
        assert_eq!(string(&options, number), b"\0");
        for wrong in [None, Some(&[][..]), Some(&[b'a'; 256])] {
            assert_eq!(options.set(number, wrong), Err(Errno::INVALID));
        }
        assert_eq!(options.mechanism, Mechanism::Null);
        options.set(number, Some(&[b'a'; 255])).unwrap();
        assert_eq!(string(&options, number), [&[b'a'; 255][..], b"\0"].concat());
        assert_eq!(options.mechanism, Mechanism::Gssapi);
    }
    for (number, valid) in [(numbers[0], 0..2), (numbers[3], 0..2), (numbers[4], 0..3), (numbers[5], 0..3)] {
        let mut options = fresh();
        for value in [i32::MIN, -1, 0, 1, 2, 3, i32::MAX] {
            let before = int(&options, number);
            let result = set_int(&mut options, number, value);
            assert_eq!(result.is_ok(), valid.contains(&value), "{value} for {number}");
            assert_eq!(int(&options, number), if result.is_ok() { value } else { before });
        }
        assert_eq!(options.set(number, None), Err(Errno::INVALID));
        let selects = number == ZMQ_GSSAPI_SERVER;
        assert_eq!(options.mechanism == Mechanism::Gssapi, selects, "{number}");
    }
    // Being no server of GSSAPI is GSSAPI all the same, and only the name of a service makes a client.
    set_int(&mut options, ZMQ_PLAIN_SERVER, 1).unwrap();
    options.set(ZMQ_GSSAPI_PRINCIPAL, Some(b"me")).unwrap();
    assert_eq!(int(&options, ZMQ_GSSAPI_SERVER), 1);
    options.set(ZMQ_GSSAPI_SERVICE_PRINCIPAL, Some(b"you")).unwrap();
    assert_eq!(int(&options, ZMQ_GSSAPI_SERVER), 0);
    set_int(&mut options, ZMQ_PLAIN_SERVER, 1).unwrap();
    assert_eq!((int(&options, ZMQ_GSSAPI_SERVER), int(&options, ZMQ_MECHANISM)), (0, 1));
    set_int(&mut options, ZMQ_GSSAPI_SERVER, 0).unwrap();
    assert_eq!((int(&options, ZMQ_PLAIN_SERVER), int(&options, ZMQ_MECHANISM)), (0, 3));
}

#[test]
fn curve_keys_in_all_their_forms() {
    let mut options = fresh();
    let text = super::z85::encode(&[0x5a; 32]).unwrap();
    let with_nul = [&text[..], b"\0"].concat();
    for form in [&[0x5a; 32][..], &text, &with_nul] {
        let mut options = fresh();
        options.set(ZMQ_CURVE_SERVERKEY, Some(form)).unwrap();
        assert_eq!(options.curve_server_key, [0x5a; 32]);
        let (mut binary, mut read) = ([0; 32], [0xff; 41]);
        assert_eq!(options.get(ZMQ_CURVE_SERVERKEY, &mut binary), Ok(32));
        assert_eq!(options.get(ZMQ_CURVE_SERVERKEY, &mut read), Ok(41));
        assert_eq!((&binary, &read[..]), (&[0x5a; 32], &with_nul[..]));
        assert_eq!(options.get(ZMQ_CURVE_SERVERKEY, &mut [0; 40]), Err(Errno::INVALID));
        assert_eq!(options.get(ZMQ_CURVE_SERVERKEY, &mut [0; 42]), Err(Errno::INVALID));
    }
    // Text that ends early covers the front of the key.
    let mut short = [0; 41];
    short[..5].copy_from_slice(b"%nSc0");
    options.set(ZMQ_CURVE_PUBLICKEY, Some(&short)).unwrap();
    assert_eq!(options.curve_public_key[..5], [0xff, 0xff, 0xff, 0xff, 0]);
}

#[test]
fn filters_add_up_until_cleared() {
    let mut options = fresh();
    for text in [&b"127.0.0.1"[..], b"10.0.0.0/8"] {
        assert_eq!(options.set(ZMQ_TCP_ACCEPT_FILTER, Some(text)), Ok(()));
    }
    for text in [&b""[..], b"localhost", b"::1", b"10.0.0.0/33"] {
        assert_eq!(options.set(ZMQ_TCP_ACCEPT_FILTER, Some(text)), Err(Errno::INVALID));
    }
    assert_eq!(options.tcp_accept_filters.len(), 2);
    assert_eq!(options.set(ZMQ_TCP_ACCEPT_FILTER, None), Ok(()));
    assert!(options.tcp_accept_filters.is_empty());

    for number in [ZMQ_IPC_FILTER_PID, ZMQ_IPC_FILTER_UID, ZMQ_IPC_FILTER_GID] {
        assert_eq!(set_int(&mut options, number, 5), Ok(()));
        assert_eq!(set_int(&mut options, number, 5), Ok(()));
        assert_eq!(options.set(number, Some(&[0; 8])), Err(Errno::INVALID));
    }
    let filters = &options.ipc_filters;
    assert_eq!((&filters.pids[..], &filters.uids[..], &filters.gids[..]), (&[5][..], &[5][..], &[5][..]));
    assert_eq!(options.set(ZMQ_IPC_FILTER_UID, None), Ok(()));
    assert!(options.ipc_filters.uids.is_empty() && !options.ipc_filters.is_empty());
}

#[test]
fn metadata_keeps_the_first_value_of_a_name() {
    let mut options = fresh();
    for text in ["X-a:1", "X-b:2:3", "X-a:4", "X-:vv"] {
        assert_eq!(options.set(ZMQ_METADATA, Some(text.as_bytes())), Ok(()), "{text}");
    }
    let long = format!("X-{}:v", "n".repeat(254));
    let four_bytes = "X-:v";
    for text in ["", "X-a", ":value", "X-ab:", "Y-ab:v", "x-ab:v", four_bytes, &long] {
        assert_eq!(options.set(ZMQ_METADATA, Some(text.as_bytes())), Err(Errno::INVALID), "{text}");
    }
    assert_eq!(options.set(ZMQ_METADATA, None), Err(Errno::INVALID));
    let pairs: Vec<_> = options.metadata.iter().map(|(name, value)| (&name[..], &value[..])).collect();
    assert_eq!(pairs, [(&b"X-a"[..], &b"1"[..]), (b"X-b", b"2:3"), (b"X-", b"vv")]);
}
