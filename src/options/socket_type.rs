//! Socket types: numbers, ZMTP names, and who may talk to whom.

use super::number as n;

/// What a socket is. The discriminants are the numbers of zmq.h.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(i32)]
pub enum SocketType {
    Pair = n::ZMQ_PAIR,
    Pub = n::ZMQ_PUB,
    Sub = n::ZMQ_SUB,
    Req = n::ZMQ_REQ,
    Rep = n::ZMQ_REP,
    Dealer = n::ZMQ_DEALER,
    Router = n::ZMQ_ROUTER,
    Pull = n::ZMQ_PULL,
    Push = n::ZMQ_PUSH,
    Xpub = n::ZMQ_XPUB,
    Xsub = n::ZMQ_XSUB,
    Stream = n::ZMQ_STREAM,
    Server = n::ZMQ_SERVER,
    Client = n::ZMQ_CLIENT,
    Radio = n::ZMQ_RADIO,
    Dish = n::ZMQ_DISH,
    Gather = n::ZMQ_GATHER,
    Scatter = n::ZMQ_SCATTER,
    Dgram = n::ZMQ_DGRAM,
    Peer = n::ZMQ_PEER,
    Channel = n::ZMQ_CHANNEL,
}

/// One row per type: the type, its ZMTP name, the names of the peers it accepts, thread-safe or not.
type Row = (SocketType, &'static str, &'static [&'static str], bool);

/// Indexed by the type's number. RFC 23 (ZMTP 3.0) names the classic pairs, the draft RFCs 41 to 51 the others.
const ROWS: [Row; 21] = {
    use SocketType::*;
    [
        (Pair, "PAIR", &["PAIR"], false),
        (Pub, "PUB", &["SUB", "XSUB"], false),
        (Sub, "SUB", &["PUB", "XPUB"], false),
        (Req, "REQ", &["REP", "ROUTER"], false),
        (Rep, "REP", &["REQ", "DEALER"], false),
        (Dealer, "DEALER", &["REP", "DEALER", "ROUTER"], false),
        (Router, "ROUTER", &["REQ", "DEALER", "ROUTER"], false),
        (Pull, "PULL", &["PUSH"], false),
        (Push, "PUSH", &["PULL"], false),
        (Xpub, "XPUB", &["SUB", "XSUB"], false),
        (Xsub, "XSUB", &["PUB", "XPUB"], false),
        (Stream, "STREAM", &[], false),
        (Server, "SERVER", &["CLIENT"], true),
        (Client, "CLIENT", &["SERVER"], true),
        (Radio, "RADIO", &["DISH"], true),
        (Dish, "DISH", &["RADIO"], true),
        (Gather, "GATHER", &["SCATTER"], true),
        (Scatter, "SCATTER", &["GATHER"], true),
        (Dgram, "DGRAM", &["DGRAM"], false),
        (Peer, "PEER", &["PEER"], true),
        (Channel, "CHANNEL", &["CHANNEL"], true),
    ]
};

impl SocketType {
    /// All types, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.0)
    }

    /// The type that zmq.h gives this number.
    pub fn from_number(number: i32) -> Option<Self> {
        ROWS.get(usize::try_from(number).ok()?).map(|row| row.0)
    }

    /// The number in zmq.h.
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// The value of the ZMTP property Socket-Type.
    pub const fn name(self) -> &'static str {
        ROWS[self as usize].1
    }

    /// The Socket-Type values of the peers it talks to; exact and case-sensitive.
    pub const fn peers(self) -> &'static [&'static str] {
        ROWS[self as usize].2
    }

    /// True when a peer that names itself `peer` in the handshake is acceptable.
    pub fn accepts(self, peer: &[u8]) -> bool {
        self.peers().iter().any(|name| name.as_bytes() == peer)
    }

    /// ZMQ_THREAD_SAFE: several threads may use the socket at once.
    pub const fn is_thread_safe(self) -> bool {
        ROWS[self as usize].3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_order_and_peers_agree() {
        for (index, row) in ROWS.iter().enumerate() {
            assert_eq!(row.0 as usize, index);
            assert_eq!(SocketType::from_number(index as i32), Some(row.0));
            for peer in row.0.peers() {
                let other = SocketType::all().find(|t| t.name() == *peer).unwrap();
                assert!(other.accepts(row.1.as_bytes()), "{other:?} must accept {:?} back", row.0);
            }
        }
        assert_eq!(SocketType::from_number(-1), None);
        assert_eq!(SocketType::from_number(21), None);
        assert_eq!(SocketType::Channel.number(), 20);
        assert!(!SocketType::Pub.accepts(b"sub"));
    }
}
