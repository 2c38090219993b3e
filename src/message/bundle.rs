//! Small messages of a single part side by side in one body, for peers that get them all.
//!
//! Each is laid out as a frame of ZMTP 2.0 and later (RFC 23: flags, size in one byte or in eight, body), so that a
//! connection that writes such frames passes the whole on as it is.

use super::{Message, Traffic, shelf};
use crate::config::{BUNDLE_BYTES, BUNDLED_MAX};
use crate::error::Result;

/// In the flags of a frame: the size has eight bytes.
const LONG: u8 = 0x02;
const HEADER_MAX: usize = 9;

/// See the module documentation.
#[derive(Default)]
pub struct Bundle {
    bytes: Vec<u8>,
    traffic: Traffic,
}

impl Bundle {
    /// Whether a message can be in one.
    #[inline]
    pub fn suits(message: &Message) -> bool {
        !message.more() && !message.is_special() && message.len() <= BUNDLED_MAX
    }

    /// Gets the memory for one. False: there is none.
    pub fn prepare(&mut self) -> bool {
        // The last message comes before it is full.
        const SIZE: usize = BUNDLE_BYTES + HEADER_MAX + BUNDLED_MAX;
        if self.bytes.capacity() == 0 {
            self.bytes = shelf::take(SIZE);
        }
        self.bytes.capacity() > 0 || self.bytes.try_reserve_exact(SIZE).is_ok()
    }

    /// Adds a message that suits, after [`Bundle::prepare`].
    #[inline]
    pub fn push(&mut self, message: &Message) {
        let body = message.data();
        match u8::try_from(body.len()) {
            Ok(short) => self.bytes.extend_from_slice(&[0, short]),
            Err(_) => {
                self.bytes.push(LONG);
                self.bytes.extend_from_slice(&(body.len() as u64).to_be_bytes());
            }
        }
        self.bytes.extend_from_slice(body);
        self.traffic.count(body.len(), false);
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether there is enough in it.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= BUNDLE_BYTES
    }

    /// All of it as one body, and what it counts for. Fails with ENOMEM.
    pub fn take(&mut self) -> (Result<Message>, Traffic) {
        let traffic = std::mem::take(&mut self.traffic);
        if self.bytes.len() < BUNDLE_BYTES / 2 {
            // A copy is no larger than it has to be, and the memory stays for the next one.
            let message = Message::from_slice(&self.bytes);
            self.bytes.clear();
            return (message, traffic);
        }
        (Message::from_vec(std::mem::take(&mut self.bytes)), traffic)
    }

    /// The bodies of the messages in one.
    pub fn bodies(mut bundle: &[u8]) -> impl Iterator<Item = &[u8]> {
        std::iter::from_fn(move || {
            let (header, size) = match *bundle {
                [flags, short, ..] if flags & LONG == 0 => (2, usize::from(short)),
                [_, ref rest @ ..] => (HEADER_MAX, u64::from_be_bytes(*rest.first_chunk()?) as usize),
                [] => return None,
            };
            let body = bundle.get(header..header + size)?;
            bundle = &bundle[header + size..];
            Some(body)
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let mut bundle = Bundle::default();
        let bodies: Vec<Vec<u8>> =
            [0, 1, 33, 255, 256, BUNDLED_MAX].map(|size| vec![size as u8; size]).into();
        for body in &bodies {
            let message = Message::from_slice(body).unwrap();
            assert!(bundle.prepare());
            assert!(Bundle::suits(&message));
            bundle.push(&message);
        }
        let (message, traffic) = bundle.take();
        assert!(bundle.is_empty());
        assert_eq!(traffic.messages, bodies.len() as u64);
        assert_eq!(traffic.bytes, bodies.iter().map(Vec::len).sum::<usize>() as u64);
        let out: Vec<_> = Bundle::bodies(message.unwrap().data()).map(<[u8]>::to_vec).collect();
        assert_eq!(out, bodies);
    }

    #[test]
    fn parts_and_large_bodies_do_not_suit() {
        let mut part = Message::from_slice(b"part").unwrap();
        part.set_more(true);
        assert!(!Bundle::suits(&part));
        assert!(!Bundle::suits(&Message::from_slice(&[0; BUNDLED_MAX + 1]).unwrap()));
    }
}
