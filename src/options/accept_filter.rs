//! Who may connect to a listener: TCP_ACCEPT_FILTER and the IPC_FILTER_* options.

use crate::error::{Errno, Result};
use std::net::{IpAddr, Ipv6Addr};

/// A network of allowed addresses: "address" or "address/bits" of ZMQ_TCP_ACCEPT_FILTER.
///
/// IPv4 addresses are held in their IPv6-mapped form, so that a filter means the same on an IPv4 listener and on
/// a dual-stack one, where peers show up mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TcpAcceptFilter {
    network: u128,
    mask: u128,
}

impl TcpAcceptFilter {
    /// Reads a literal; host names are not looked up. An IPv6 literal needs `ipv6`. Brackets are allowed.
    /// Everything else is EINVAL.
    pub fn parse(text: &[u8], ipv6: bool) -> Result<Self> {
        // What follows a NUL is invisible to C, which counts it into the length now and then.
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        let text = std::str::from_utf8(text).map_err(|_| Errno::INVALID)?;
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address = match address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => inner.parse::<Ipv6Addr>().map(IpAddr::V6),
            None => address.parse(),
        };
        let address = address.map_err(|_| Errno::INVALID)?;
        if address.is_ipv6() && !ipv6 {
            return Err(Errno::INVALID);
        }
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                bits.parse().map_err(|_| Errno::INVALID)?
            }
            Some(_) => return Err(Errno::INVALID),
            None => width,
        };
        if bits > width {
            return Err(Errno::INVALID);
        }
        let host_bits = width - bits;
        let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
        Ok(Self { network: mapped(address) & mask, mask })
    }

    /// True when the filter lets this peer in.
    pub fn matches(&self, peer: IpAddr) -> bool {
        mapped(peer) & self.mask == self.network
    }
}

fn mapped(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
    .to_bits()
}

/// The peers an ipc listener lets in, by ZMQ_IPC_FILTER_PID, _UID and _GID; no filter lets everybody in.
///
/// A peer passes when any list names it: its process, its user, its primary group, or a group it is a member of.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct IpcFilters {
    pub pids: Vec<libc::pid_t>,
    pub uids: Vec<libc::uid_t>,
    pub gids: Vec<libc::gid_t>,
}

impl IpcFilters {
    /// True when everybody may connect.
    pub fn is_empty(&self) -> bool {
        self.pids.is_empty() && self.uids.is_empty() && self.gids.is_empty()
    }

    /// Whether a peer with these credentials may connect; `is_member` answers whether the user `uid` belongs to a
    /// group, and is only asked when nothing else matched.
    pub fn matches(
        &self,
        pid: libc::pid_t,
        uid: libc::uid_t,
        gid: libc::gid_t,
        is_member: impl FnMut(&libc::gid_t) -> bool,
    ) -> bool {
        self.is_empty()
            || self.pids.contains(&pid)
            || self.uids.contains(&uid)
            || self.gids.contains(&gid)
            || self.gids.iter().any(is_member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(filter: &str, peer: &str) -> bool {
        TcpAcceptFilter::parse(filter.as_bytes(), true).unwrap().matches(peer.parse().unwrap())
    }

    #[test]
    fn networks() {
        assert!(matches("127.0.0.1", "127.0.0.1"));
        assert!(matches("127.0.0.1", "::ffff:127.0.0.1"));
        assert!(!matches("127.0.0.1", "127.0.0.2"));
        assert!(matches("10.1.0.0/16", "10.1.255.3"));
        assert!(!matches("10.1.0.0/16", "10.2.0.1"));
        assert!(matches("10.1.2.3/15", "10.0.9.9"));
        assert!(matches("0.0.0.0/0", "1.2.3.4"));
        assert!(!matches("0.0.0.0/0", "2001:db8::1"));
        assert!(matches("::/0", "1.2.3.4"));
        assert!(matches("2001:db8::/32", "2001:db8:5::1"));
        assert!(matches("[::1]", "::1"));
        assert!(matches("127.0.0.1\0", "127.0.0.1"));
    }

    #[test]
    fn what_is_refused() {
        for text in
            ["", "localhost", "*", "127.0.0", "127.0.0.1/", "127.0.0.1/33", "127.0.0.1/-1", "127.0.0.1/x"]
                .into_iter()
                .chain([
                    "::1/129",
                    "127.0.0.1/+8",
                    "127.0.0.1/8/8",
                    "[127.0.0.1]",
                    "eth0",
                    "127.0.0.1/99999999999",
                ])
        {
            assert_eq!(TcpAcceptFilter::parse(text.as_bytes(), true), Err(Errno::INVALID), "{text}");
        }
        assert_eq!(TcpAcceptFilter::parse(b"::1", false), Err(Errno::INVALID));
        assert!(TcpAcceptFilter::parse(b"127.0.0.1", false).is_ok());
    }

    #[test]
    fn ipc_filters_pass_on_any_match() {
        let nobody = |_: &libc::gid_t| false;
        let mut filters = IpcFilters::default();
        assert!(filters.matches(1, 2, 3, nobody));
        filters.gids.push(7);
        assert!(!filters.matches(1, 2, 3, nobody));
        assert!(filters.matches(1, 2, 7, nobody));
        assert!(filters.matches(1, 2, 3, |gid| *gid == 7));
        filters.uids.push(2);
        assert!(filters.matches(1, 2, 3, nobody));
    }
}
