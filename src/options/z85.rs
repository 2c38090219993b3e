//! Z85 (RFC 32): four bytes as five printable characters, base 85, most significant digit first.

use crate::error::{Errno, Result};

/// The digits, by value.
const DIGITS: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/// Marks a byte that is no digit.
const NO_DIGIT: u8 = 0xff;

/// The value of each byte as a digit.
const VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut index = 0;
    while index < DIGITS.len() {
        values[DIGITS[index] as usize] = index as u8;
        index += 1;
    }
    values
};

/// The text of `data`, without a NUL. EINVAL when its length is no multiple of four.
pub fn encode(data: &[u8]) -> Result<Vec<u8>> {
    if !data.len().is_multiple_of(4) {
        return Err(Errno::INVALID);
    }
    let mut text = Vec::with_capacity(data.len() / 4 * 5);
    for group in data.chunks_exact(4) {
        let mut number = group.iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
        let mut characters = [0; 5];
        for character in characters.iter_mut().rev() {
            *character = DIGITS[(number % 85) as usize];
            number /= 85;
        }
        text.extend_from_slice(&characters);
    }
    Ok(text)
}

/// The bytes of `text`. EINVAL when its length is zero or no multiple of five, a character is no digit, or a
/// group's number does not fit in 32 bits.
pub fn decode(text: &[u8]) -> Result<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(5) {
        return Err(Errno::INVALID);
    }
    let mut data = Vec::with_capacity(text.len() / 5 * 4);
    for group in text.chunks_exact(5) {
        let mut number = 0u32;
        for character in group {
            let digit = VALUES[usize::from(*character)];
            if digit == NO_DIGIT {
                return Err(Errno::INVALID);
            }
            number = number
                .checked_mul(85)
                .and_then(|shifted| shifted.checked_add(u32::from(digit)))
                .ok_or(Errno::INVALID)?;
        }
        data.extend_from_slice(&number.to_be_bytes());
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_32() {
        let bytes = [0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b];
        assert_eq!(encode(&bytes).unwrap(), b"HelloWorld");
        assert_eq!(decode(b"HelloWorld").unwrap(), bytes);
    }

    #[test]
    fn the_largest_group() {
        assert_eq!(encode(&[0xff; 4]).unwrap(), b"%nSc0");
        assert_eq!(decode(b"%nSc0").unwrap(), [0xff; 4]);
        assert_eq!(decode(b"%nSc1"), Err(Errno::INVALID));
        assert_eq!(decode(b"#####"), Err(Errno::INVALID));
    }

    #[test]
    fn what_is_refused() {
        assert_eq!(encode(b""), Ok(vec![]));
        assert_eq!(encode(b"abc"), Err(Errno::INVALID));
        for text in [&b""[..], b"0000", b"000000", b"000 0", b"0000~", b"0000\x80"] {
            assert_eq!(decode(text), Err(Errno::INVALID), "{text:?}");
        }
    }
}
