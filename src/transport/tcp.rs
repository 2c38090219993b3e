//! `tcp://`: `tcp://host:port` to connect, with an optional source as `tcp://source:port;host:port`, and
//! `tcp://interface:port` to bind, where `*` is every interface and port `*` or 0 is any free port.

use super::{Opened, Route, Transport};
use crate::error::{Errno, Result};
use crate::options::SocketOptions;
use socket2::{Domain, SockAddr, SockRef, Socket, TcpKeepalive, Type};
use std::ffi::{OsStr, OsString};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, RawFd};
use std::time::Duration;

pub struct Tcp;

/// Names of hosts and interfaces are text. EINVAL.
fn text(address: &OsStr) -> Result<&str> {
    address.to_str().ok_or(Errno::INVALID)
}

/// Splits at the last colon.
fn split_port(address: &str) -> Result<(&str, &str)> {
    address.rsplit_once(':').ok_or(Errno::INVALID)
}

/// Port text as the reference reads it: decimal digits up to the first other character, cut to 16 bits.
fn parse_port(text: &str, wildcard: bool) -> Result<u16> {
    if text == "0" || (wildcard && text == "*") {
        return Ok(0);
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit);
    let value = digits.fold(0_u64, |value, digit| (value * 10 + u64::from(digit - b'0')) & 0xffff_ffff);
    match value as u16 {
        0 => Err(Errno::INVALID),
        port => Ok(port),
    }
}

/// Brackets around an IPv6 literal are optional.
fn strip_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// A numeric address, with an optional zone (`%eth0` or `%2`) for IPv6.
fn parse_literal(host: &str, port: u16) -> Option<SocketAddr> {
    let (host, zone) = match host.split_once('%') {
        Some((host, zone)) => (host, Some(zone)),
        None => (host, None),
    };
    let ip: IpAddr = host.parse().ok()?;
    match (ip, zone) {
        (IpAddr::V6(ip), Some(zone)) => {
            let scope = match zone.parse::<u32>() {
                Ok(scope) => scope,
                Err(_) => interface_index(zone)?,
            };
            Some(SocketAddr::V6(SocketAddrV6::new(ip, port, 0, scope)))
        }
        (IpAddr::V4(_), Some(_)) => None,
        (ip, None) => Some(SocketAddr::new(ip, port)),
    }
}

fn interface_index(name: &str) -> Option<u32> {
    let name = std::ffi::CString::new(name).ok()?;
    // SAFETY: a NUL-terminated string.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => None,
        index => Some(index),
    }
}

/// A host as getnameinfo(3) writes it: IPv4 behind a socket for both families as a mapped address, and an address that is valid on one
/// link only with the name of the interface.
fn host_text(address: SocketAddr) -> String {
    match address {
        SocketAddr::V6(address) if address.scope_id() != 0 => {
            let scope = interface_name(address.scope_id()).unwrap_or_else(|| address.scope_id().to_string());
            format!("{}%{scope}", address.ip())
        }
        address => address.ip().to_string(),
    }
}

fn interface_name(index: u32) -> Option<String> {
    let mut name = [0 as libc::c_char; libc::IF_NAMESIZE];
    // SAFETY: room for the longest name, which ends with a NUL where there is one.
    unsafe {
        let found = libc::if_indextoname(index, name.as_mut_ptr());
        (!found.is_null()).then(|| std::ffi::CStr::from_ptr(found).to_string_lossy().into_owned())
    }
}

/// First address of an interface in the wanted family.
fn interface_address(name: &str, ipv6: bool) -> Option<IpAddr> {
    let mut list = std::ptr::null_mut::<libc::ifaddrs>();
    // SAFETY: the list is walked as getifaddrs(3) lays it out and freed once.
    unsafe {
        if libc::getifaddrs(&raw mut list) != 0 {
            return None;
        }
        let mut found = None;
        let mut entry = list;
        while !entry.is_null() && found.is_none() {
            let item = &*entry;
            let same = std::ffi::CStr::from_ptr(item.ifa_name).to_bytes() == name.as_bytes();
            if same && !item.ifa_addr.is_null() {
                found = match i32::from((*item.ifa_addr).sa_family) {
                    libc::AF_INET if !ipv6 => {
                        let address = item.ifa_addr.cast::<libc::sockaddr_in>().read_unaligned();
                        Some(IpAddr::V4(Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr))))
                    }
                    libc::AF_INET6 if ipv6 => {
                        let address = item.ifa_addr.cast::<libc::sockaddr_in6>().read_unaligned();
                        Some(IpAddr::V6(Ipv6Addr::from(address.sin6_addr.s6_addr)))
                    }
                    _ => None,
                };
            }
            entry = item.ifa_next;
        }
        libc::freeifaddrs(list);
        found
    }
}

/// With IPV6 on, IPv4 travels as mapped addresses through dual-stack sockets.
fn fit_family(address: SocketAddr, ipv6: bool) -> Option<SocketAddr> {
    match (address, ipv6) {
        (SocketAddr::V4(v4), true) => Some(SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port())),
        (SocketAddr::V6(_), false) => None,
        _ => Some(address),
    }
}

/// Where to bind. ENODEV when there is no such interface or host.
fn local_address(address: &str, ipv6: bool, lookup: bool) -> Result<SocketAddr> {
    let (host, port) = split_port(address)?;
    let port = parse_port(port, true)?;
    let host = strip_brackets(host);
    if host == "*" {
        let any: IpAddr = if ipv6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        return Ok(SocketAddr::new(any, port));
    }
    if let Some(ip) = interface_address(host, ipv6) {
        return Ok(SocketAddr::new(ip, port));
    }
    if let Some(literal) = parse_literal(host, port) {
        return fit_family(literal, ipv6).ok_or(Errno::NO_DEVICE);
    }
    if !lookup {
        return Err(Errno::NO_DEVICE);
    }
    let found = (host, port).to_socket_addrs().map_err(|_| Errno::NO_DEVICE)?;
    found.into_iter().find_map(|address| fit_family(address, ipv6)).ok_or(Errno::NO_DEVICE)
}

/// Where to connect. All addresses of a name, in the resolver's order.
fn remote_addresses(address: &str, ipv6: bool, lookup: bool) -> Result<Vec<SocketAddr>> {
    let (host, port) = split_port(address)?;
    let port = parse_port(port, false)?;
    let host = strip_brackets(host);
    if let Some(literal) = parse_literal(host, port) {
        return Ok(vec![fit_family(literal, ipv6).ok_or(Errno::INVALID)?]);
    }
    if !lookup {
        return Err(Errno::INVALID);
    }
    // An empty host is this one, as getaddrinfo(3) has it.
    let host = if host.is_empty() { "localhost" } else { host };
    let found = (host, port).to_socket_addrs()?;
    let mut addresses: Vec<_> = found.filter_map(|address| fit_family(address, ipv6)).collect();
    addresses.dedup();
    if addresses.is_empty() { Err(Errno::INVALID) } else { Ok(addresses) }
}

/// Splits off an optional source address.
fn split_source(address: &str) -> (Option<&str>, &str) {
    match address.rsplit_once(';') {
        Some((source, target)) => (Some(source), target),
        None => (None, address),
    }
}

fn set_int(socket: &Socket, level: i32, name: i32, value: i32) -> Result<()> {
    // SAFETY: the value lives across the call and has the size given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    };
    if result < 0 { Err(Errno::last()) } else { Ok(()) }
}

/// Ties a socket that is not connected to an interface. What a listener accepts is tied by it: to say so again takes a privilege.
fn bind_to_device(socket: &Socket, options: &SocketOptions) -> Result<()> {
    if options.bind_to_device.is_empty() {
        return Ok(());
    }
    Ok(socket.bind_device(Some(&options.bind_to_device))?)
}

/// Options of listening and connecting sockets alike. Wishes that need a privilege we lack are ignored.
fn tune_any(socket: &Socket, options: &SocketOptions) -> Result<()> {
    if options.type_of_service != 0 {
        let _ = set_int(socket, libc::IPPROTO_IP, libc::IP_TOS, options.type_of_service);
        let _ = set_int(socket, libc::IPPROTO_IPV6, libc::IPV6_TCLASS, options.type_of_service);
    }
    if options.priority != 0 {
        let _ = set_int(socket, libc::SOL_SOCKET, libc::SO_PRIORITY, options.priority);
    }
    if options.busy_poll > 0 {
        let _ = set_int(socket, libc::SOL_SOCKET, libc::SO_BUSY_POLL, options.busy_poll);
    }
    if let Some(size) = options.send_buffer {
        let _ = socket.set_send_buffer_size(size as usize);
    }
    if let Some(size) = options.receive_buffer {
        let _ = socket.set_recv_buffer_size(size as usize);
    }
    Ok(())
}

fn tune_keepalive(socket: &Socket, options: &SocketOptions) -> Result<()> {
    let Some(on) = options.tcp_keepalive else { return Ok(()) };
    socket.set_keepalive(on)?;
    if !on {
        return Ok(());
    }
    let mut keepalive = TcpKeepalive::new();
    if let Some(seconds) = options.tcp_keepalive_idle {
        keepalive = keepalive.with_time(Duration::from_secs(seconds.into()));
    }
    if let Some(seconds) = options.tcp_keepalive_interval {
        keepalive = keepalive.with_interval(Duration::from_secs(seconds.into()));
    }
    if let Some(count) = options.tcp_keepalive_count {
        keepalive = keepalive.with_retries(count);
    }
    // Values the kernel refuses leave its defaults.
    let _ = socket.set_tcp_keepalive(&keepalive);
    Ok(())
}

impl Transport for Tcp {
    fn scheme(&self) -> &'static str {
        "tcp"
    }

    /// What is rejected at once; anything else that does not resolve is retried for ever.
    fn check(&self, address: &OsStr, _options: &SocketOptions) -> Result<()> {
        let address = text(address)?;
        let plausible = |(index, byte): (usize, u8)| match index {
            0 => byte.is_ascii_alphanumeric() || matches!(byte, b'[' | b':'),
            _ => byte.is_ascii_alphanumeric() || b".-:%;[]_*".contains(&byte),
        };
        let port_is_number =
            address.rsplit_once(':').is_some_and(|(_, port)| port.starts_with(|c: char| c.is_ascii_digit()));
        if address.bytes().enumerate().all(plausible) && port_is_number {
            Ok(())
        } else {
            Err(Errno::INVALID)
        }
    }

    fn needs_lookup(&self, address: &OsStr) -> bool {
        let Ok(address) = text(address) else { return false };
        let host = |address: &str| {
            let (host, _) = split_port(address).ok()?;
            parse_literal(strip_brackets(host), 1)
        };
        let (source, target) = split_source(address);
        host(target).is_none() || source.is_some_and(|source| host(source).is_none())
    }

    fn routes(&self, address: &OsStr, options: &SocketOptions) -> Result<Vec<Route>> {
        let (source, target) = split_source(text(address)?);
        let local = match source {
            Some(source) => Some(SockAddr::from(local_address(source, options.ipv6, false)?)),
            None => None,
        };
        let targets = remote_addresses(target, options.ipv6, true)?;
        Ok(targets.into_iter().map(|remote| Route { local: local.clone(), remote: remote.into() }).collect())
    }

    fn destination<'a>(&self, address: &'a OsStr) -> Option<(&'a str, u16)> {
        let (host, port) = split_port(split_source(text(address).ok()?).1).ok()?;
        Some((strip_brackets(host), parse_port(port, false).ok()?))
    }

    fn listen(&self, address: &OsStr, options: &SocketOptions) -> Result<Opened> {
        if let Some(fd) = options.use_fd {
            // The text does not matter.
            // SAFETY: ZMQ_USE_FD hands the descriptor over to the library.
            let socket = unsafe { Socket::from_raw_fd(fd) };
            let endpoint = self.endpoint(&socket.local_addr()?);
            return Ok(Opened { socket, endpoint, remove: Vec::new() });
        }
        let address = text(address)?;
        let mut target = local_address(address, options.ipv6, true)?;
        let socket = match Socket::new(Domain::for_address(target), Type::STREAM, None) {
            Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) && target.is_ipv6() => {
                // The kernel is built without IPv6: fall back to IPv4.
                target = local_address(address, false, true)?;
                Socket::new(Domain::IPV4, Type::STREAM, None)?
            }
            other => other?,
        };
        if target.is_ipv6() {
            let _ = socket.set_only_v6(false);
        }
        bind_to_device(&socket, options)?;
        tune_any(&socket, options)?;
        socket.set_reuse_address(true)?;
        socket.bind(&target.into())?;
        socket.listen(options.backlog)?;
        let endpoint = self.endpoint(&socket.local_addr()?);
        Ok(Opened { socket, endpoint, remove: Vec::new() })
    }

    fn aliases(&self, address: &OsStr, options: &SocketOptions) -> Vec<OsString> {
        let Ok(address) = text(address) else { return Vec::new() };
        let mut found = Vec::new();
        if let Ok(addresses) = remote_addresses(address, options.ipv6, true) {
            found.extend(addresses.into_iter().map(|address| self.endpoint(&address.into())));
        }
        if !address.starts_with('*')
            && let Ok(local) = local_address(address, options.ipv6, true)
        {
            found.push(self.endpoint(&local.into()));
        }
        found
    }

    fn prepare(&self, socket: &Socket, options: &SocketOptions) -> Result<()> {
        bind_to_device(socket, options)?;
        self.tune(socket, options)
    }

    fn tune(&self, socket: &Socket, options: &SocketOptions) -> Result<()> {
        socket.set_tcp_nodelay(true)?;
        tune_any(socket, options)?;
        tune_keepalive(socket, options)?;
        if let Some(limit) = options.tcp_max_retransmit.filter(|limit| !limit.is_zero()) {
            let _ = socket.set_tcp_user_timeout(Some(limit));
        }
        Ok(())
    }

    fn admits(&self, socket: &Socket, options: &SocketOptions) -> bool {
        if options.tcp_accept_filters.is_empty() {
            return true;
        }
        let peer = socket.peer_addr().ok().and_then(|address| address.as_socket());
        peer.is_some_and(|peer| options.tcp_accept_filters.iter().any(|filter| filter.matches(peer.ip())))
    }

    fn peer_address(&self, fd: RawFd) -> String {
        // SAFETY: the caller's stream keeps the descriptor open.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        let peer = SockRef::from(&fd).peer_addr().ok().and_then(|address| address.as_socket());
        peer.map(host_text).unwrap_or_default()
    }

    fn endpoint(&self, address: &SockAddr) -> OsString {
        match address.as_socket() {
            Some(address @ SocketAddr::V6(_)) => {
                format!("tcp://[{}]:{}", host_text(address), address.port()).into()
            }
            Some(address) => format!("tcp://{address}").into(),
            None => OsString::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_read_as_the_reference_reads_them() {
        assert_eq!(parse_port("99999", false), Ok(34463));
        assert_eq!(parse_port("5555abc", false), Ok(5555));
        assert_eq!(parse_port("0", false), Ok(0));
        assert_eq!(parse_port("*", true), Ok(0));
        for text in ["*", "65536", "abc", ""] {
            assert_eq!(parse_port(text, false), Err(Errno::INVALID), "{text}");
        }
    }

    #[test]
    fn bind_addresses() {
        assert_eq!(local_address("*:5", false, false).unwrap().to_string(), "0.0.0.0:5");
        assert_eq!(local_address("*:5", true, false).unwrap().to_string(), "[::]:5");
        assert_eq!(local_address("lo:5", false, false).unwrap().to_string(), "127.0.0.1:5");
        assert_eq!(local_address("127.0.0.1:5", true, false).unwrap().to_string(), "[::ffff:127.0.0.1]:5");
        assert_eq!(local_address("[::1]:5", false, false), Err(Errno::NO_DEVICE));
        assert_eq!(local_address("nosuchif:5", false, false), Err(Errno::NO_DEVICE));
        assert_eq!(local_address("127.0.0.1", false, false), Err(Errno::INVALID));
    }

    #[test]
    fn connect_syntax() {
        let options = SocketOptions::new(crate::options::SocketType::Dealer, false, true);
        for good in
            ["127.0.0.1:1", "localhost:5555", "[::1]:80", ":5555", "no_such.host:1", "lo:0;127.0.0.1:1"]
        {
            assert_eq!(Tcp.check(good.as_ref(), &options), Ok(()), "{good}");
        }
        for bad in ["*:5555", "host:*", "host", "ho st:1", "host:", "host:x1"] {
            assert_eq!(Tcp.check(bad.as_ref(), &options), Err(Errno::INVALID), "{bad}");
        }
    }
}
