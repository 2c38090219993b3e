//! Frame headers on the wire.

use super::failure::Failure;

/// More parts of the same message follow. The same bit as [`crate::message::MORE`], in both framings.
pub const MORE: u8 = 0x01;
/// An 8-byte length follows instead of a 1-byte length.
pub const LONG: u8 = 0x02;
/// The body is a command. ZMTP 3.x only.
pub const COMMAND: u8 = 0x04;

/// Longest header: that of a long 1.0 frame.
pub const HEADER_MAX: usize = 10;

/// How frames are laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// Bodies back to back, without headers. Only sent: what comes in has no bounds to look for.
    Raw,
    /// ZMTP 1.0: length, flags, body; the length counts flags and body.
    Old,
    /// ZMTP 2.0 and later: flags, length, body.
    New,
}

/// What a header says. `flags` has MORE and COMMAND at most; bits without a meaning are ignored, as in the
/// reference.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    pub flags: u8,
    pub size: u64,
}

impl Header {
    pub fn more(self) -> bool {
        self.flags & MORE != 0
    }

    pub fn command(self) -> bool {
        self.flags & COMMAND != 0
    }

    /// The body length as a number of bytes in memory, after the check against MAXMSGSIZE.
    pub fn body_size(self, limit: u64) -> Result<usize, Failure> {
        if self.size > limit {
            return Err(Failure::too_large(self.size, limit));
        }
        // More than any allocation can have is a lie, whatever MAXMSGSIZE says.
        match usize::try_from(self.size) {
            Ok(size) if isize::try_from(size).is_ok() => Ok(size),
            _ => Err(Failure::too_large(self.size, limit)),
        }
    }
}

impl Framing {
    /// Reads the header at the start of `bytes`, and says how many bytes it has; `None` when it is not
    /// complete.
    pub fn parse(self, bytes: &[u8]) -> Result<Option<(Header, usize)>, Failure> {
        match self {
            Self::New => Ok(parse_new(bytes)),
            Self::Old => parse_old(bytes),
            Self::Raw => Ok(None),
        }
    }

    /// The header of a frame that we send, and its length. The short form is used whenever it fits.
    pub fn header(self, flags: u8, size: usize) -> ([u8; HEADER_MAX], usize) {
        let mut bytes = [0; HEADER_MAX];
        let long = (size as u64).to_be_bytes();
        match (self, u8::try_from(size)) {
            (Self::Raw, _) => (bytes, 0),
            (Self::New, Ok(short)) => {
                [bytes[0], bytes[1]] = [flags, short];
                (bytes, 2)
            }
            (Self::New, Err(_)) => {
                bytes[0] = flags | LONG;
                bytes[1..9].copy_from_slice(&long);
                (bytes, 9)
            }
            // 0xff announces a long length, and flags count: bodies up to 253 bytes are short.
            (Self::Old, Ok(short @ 0..=253)) => {
                [bytes[0], bytes[1]] = [short + 1, flags & MORE];
                (bytes, 2)
            }
            (Self::Old, _) => {
                bytes[0] = 0xff;
                bytes[1..9].copy_from_slice(&(size as u64 + 1).to_be_bytes());
                bytes[9] = flags & MORE;
                (bytes, 10)
            }
        }
    }
}

/// RFC 37: `frame = flags size body`.
fn parse_new(bytes: &[u8]) -> Option<(Header, usize)> {
    let (&flags, rest) = bytes.split_first()?;
    let kept = flags & (MORE | COMMAND);
    if flags & LONG == 0 {
        let &size = rest.first()?;
        return Some((Header { flags: kept, size: u64::from(size) }, 2));
    }
    let size = u64::from_be_bytes(*rest.first_chunk()?);
    Some((Header { flags: kept, size }, 9))
}

/// RFC 13: `frame = length flags body`.
fn parse_old(bytes: &[u8]) -> Result<Option<(Header, usize)>, Failure> {
    let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
    let (length, flags, header_size) = match first {
        0xff => {
            let Some((length, rest)) = rest.split_first_chunk() else { return Ok(None) };
            (u64::from_be_bytes(*length), rest.first(), 10)
        }
        short => (u64::from(short), rest.first(), 2),
    };
    let Some(size) = length.checked_sub(1) else {
        return Err(Failure::protocol("a ZMTP 1.0 frame of length zero"));
    };
    Ok(flags.map(|flags| (Header { flags: flags & MORE, size }, header_size)))
}

/// A header that arrives in pieces.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeaderBuffer {
    bytes: [u8; HEADER_MAX],
    filled: u8,
}

impl HeaderBuffer {
    /// Takes as much of `input` as the header needs; returns how much that was, and the header once complete.
    pub fn fill(&mut self, framing: Framing, input: &[u8]) -> Result<(usize, Option<Header>), Failure> {
        let mut used = 0;
        loop {
            let filled = usize::from(self.filled);
            let so_far = self.bytes.get(..filled).unwrap_or(&self.bytes);
            if let Some((header, _)) = framing.parse(so_far)? {
                return Ok((used, Some(header)));
            }
            let (Some(slot), Some(&byte)) = (self.bytes.get_mut(filled), input.get(used)) else {
                return Ok((used, None));
            };
            *slot = byte;
            self.filled += 1;
            used += 1;
        }
    }
}
