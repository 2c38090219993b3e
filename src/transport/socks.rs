//! The client's side of SOCKS5 (RFC 1928; RFC 1929 for user name and password), without I/O.
//!
//! Replies are read to their last byte and no further: what follows belongs to the connection.

use crate::error::{Errno, Result};
use std::net::IpAddr;
use zeroize::Zeroizing;

/// What a link needs to know of its proxy.
pub struct Proxy {
    /// host:port.
    pub address: String,
    pub username: Vec<u8>,
    pub password: Zeroizing<Vec<u8>>,
}

/// A conversation with a proxy about one connection. After an error, only dropping it is useful.
pub struct Socks {
    /// The request to send once the proxy has accepted us.
    request: Vec<u8>,
    /// Sub-negotiation of RFC 1929; `None` without a user name.
    credentials: Option<Vec<u8>>,
    output: Vec<u8>,
    /// Bytes of the present reply.
    reply: Vec<u8>,
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Method,
    Credentials,
    Connect,
    Done,
}

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const PASSWORD: u8 = 2;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Appends text behind its length. EINVAL above 255 bytes.
fn push_short(output: &mut Vec<u8>, text: &[u8]) -> Result<()> {
    output.push(u8::try_from(text.len()).map_err(|_| Errno::INVALID)?);
    output.extend_from_slice(text);
    Ok(())
}

impl Socks {
    /// Asks for a connection to `host` (a name, which the proxy resolves, or a literal) and `port`. EINVAL: a text of more than 255
    /// bytes.
    pub fn new(proxy: &Proxy, host: &str, port: u16) -> Result<Self> {
        let mut request = vec![VERSION, CONNECT, 0];
        match host.parse() {
            Ok(IpAddr::V4(ip)) => {
                request.push(IPV4);
                request.extend_from_slice(&ip.octets());
            }
            Ok(IpAddr::V6(ip)) => {
                request.push(IPV6);
                request.extend_from_slice(&ip.octets());
            }
            Err(_) => {
                request.push(NAME);
                push_short(&mut request, host.as_bytes())?;
            }
        }
        request.extend_from_slice(&port.to_be_bytes());
        let mut credentials = None;
        let mut method = NO_AUTHENTICATION;
        if !proxy.username.is_empty() {
            let mut text = vec![1];
            push_short(&mut text, &proxy.username)?;
            push_short(&mut text, &proxy.password)?;
            credentials = Some(text);
            method = PASSWORD;
        }
        let output = vec![VERSION, 1, method];
        Ok(Self { request, credentials, output, reply: Vec::new(), step: Step::Method })
    }

    /// What to write now. Each byte is returned once.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// How many bytes to read next, at most; 0 when the proxy has connected us.
    pub fn wanted(&self) -> usize {
        let size = match self.step {
            Step::Method | Step::Credentials => 2,
            Step::Connect => match (self.reply.get(3), self.reply.get(4)) {
                (Some(&IPV4), _) => 10,
                (Some(&IPV6), _) => 22,
                (Some(_), Some(&name)) => 7 + usize::from(name),
                // The kind of address, and the length of a name.
                _ => 5,
            },
            Step::Done => 0,
        };
        size.saturating_sub(self.reply.len())
    }

    /// Takes what was read, no more than was wanted. EPROTO: the proxy does not speak SOCKS5 or does not accept us. ECONNREFUSED: it
    /// cannot or will not connect us.
    pub fn handle_input(&mut self, input: &[u8]) -> Result<()> {
        self.reply.extend_from_slice(input);
        self.check()?;
        if self.wanted() > 0 {
            return Ok(());
        }
        let reply = std::mem::take(&mut self.reply);
        self.step = match (self.step, self.credentials.take()) {
            (Step::Method, Some(credentials)) if reply.get(1) == Some(&PASSWORD) => {
                self.output = credentials;
                Step::Credentials
            }
            (Step::Method | Step::Credentials, _) => {
                self.output = std::mem::take(&mut self.request);
                Step::Connect
            }
            (Step::Connect | Step::Done, _) => Step::Done,
        };
        Ok(())
    }

    /// Looks at each byte as soon as it is there.
    fn check(&self) -> Result<()> {
        let byte = |index: usize| self.reply.get(index).copied();
        let version = if self.step == Step::Credentials { 1 } else { VERSION };
        if byte(0).is_some_and(|byte| byte != version) {
            return Err(Errno::PROTOCOL);
        }
        match (self.step, byte(1)) {
            (Step::Method, Some(NO_AUTHENTICATION)) | (_, None | Some(0)) => {}
            (Step::Method, Some(PASSWORD)) if self.credentials.is_some() => {}
            (Step::Connect, Some(_)) => return Err(Errno::CONNECTION_REFUSED),
            _ => return Err(Errno::PROTOCOL),
        }
        let connect = self.step == Step::Connect;
        if connect && byte(2).is_some_and(|reserved| reserved != 0) {
            return Err(Errno::PROTOCOL);
        }
        match byte(3) {
            Some(kind) if connect && !matches!(kind, IPV4 | NAME | IPV6) => Err(Errno::PROTOCOL),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(username: &str, password: &str) -> Proxy {
        Proxy {
            address: String::new(),
            username: username.into(),
            password: password.as_bytes().to_vec().into(),
        }
    }

    /// Feeds one byte at a time, never more than is wanted.
    fn feed(socks: &mut Socks, bytes: &[u8]) -> Result<()> {
        for byte in bytes {
            assert!(socks.wanted() > 0, "no more than the reply is read");
            socks.handle_input(&[*byte])?;
        }
        Ok(())
    }

    #[test]
    fn without_a_user_for_each_kind_of_address() {
        let request = |host: &str| {
            let mut socks = Socks::new(&proxy("", "unused"), host, 0x1234).unwrap();
            assert_eq!(socks.take_output(), [5, 1, 0]);
            feed(&mut socks, &[5, 0]).unwrap();
            (socks.take_output(), socks)
        };
        let (output, mut socks) = request("10.1.2.3");
        assert_eq!(output, [5, 1, 0, 1, 10, 1, 2, 3, 0x12, 0x34]);
        feed(&mut socks, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
        assert_eq!(socks.wanted(), 0);
        let (output, mut socks) = request("::1");
        assert_eq!(output[..4], [5, 1, 0, 4]);
        assert_eq!((output.len(), output[19]), (22, 1));
        feed(&mut socks, &[&[5, 0, 0, 4][..], &[0; 18]].concat()).unwrap();
        assert_eq!(socks.wanted(), 0);
        let (output, mut socks) = request("host");
        assert_eq!(output, [&[5, 1, 0, 3, 4][..], b"host", &[0x12, 0x34]].concat());
        feed(&mut socks, &[5, 0, 0, 3, 2, b'x', b'y', 0, 0]).unwrap();
        assert_eq!(socks.wanted(), 0);
        assert!(Socks::new(&proxy("", ""), &"h".repeat(256), 1).is_err());
    }

    #[test]
    fn with_a_user() {
        let mut socks = Socks::new(&proxy("me", "secret"), "host", 1).unwrap();
        assert_eq!(socks.take_output(), [5, 1, 2]);
        feed(&mut socks, &[5, 2]).unwrap();
        assert_eq!(socks.take_output(), b"\x01\x02me\x06secret");
        feed(&mut socks, &[1, 0]).unwrap();
        assert_eq!(socks.take_output(), b"\x05\x01\0\x03\x04host\0\x01");
        // A proxy may do without.
        let mut socks = Socks::new(&proxy("me", "secret"), "host", 1).unwrap();
        feed(&mut socks, &[5, 0]).unwrap();
        assert!(socks.take_output().ends_with(b"\x04host\0\x01"));
    }

    #[test]
    fn refusals_and_nonsense() {
        let refused = |username: &str, bytes: &[u8]| {
            let mut socks = Socks::new(&proxy(username, ""), "host", 1).unwrap();
            feed(&mut socks, bytes).unwrap_err()
        };
        for (username, bytes, error) in [
            ("", &[4][..], Errno::PROTOCOL),
            ("", &[5, 2], Errno::PROTOCOL),
            ("", &[5, 255], Errno::PROTOCOL),
            ("u", &[5, 255], Errno::PROTOCOL),
            ("u", &[5, 2, 5], Errno::PROTOCOL),
            ("u", &[5, 2, 1, 1], Errno::PROTOCOL),
            ("", &[5, 0, 4], Errno::PROTOCOL),
            ("", &[5, 0, 5, 1], Errno::CONNECTION_REFUSED),
            ("", &[5, 0, 5, 0, 1], Errno::PROTOCOL),
            ("", &[5, 0, 5, 0, 0, 2], Errno::PROTOCOL),
        ] {
            assert_eq!(refused(username, bytes), error, "{bytes:?}");
        }
    }
}
