//! Bytes of `zmq_setsockopt` and `zmq_getsockopt` to values and back, with the size rules of the C interface.
//!
//! A value to set is `None` for (NULL, 0). A buffer to fill has the length of the caller's `*len`; the returned
//! number is what `*len` becomes. Every wrong size is EINVAL.

use crate::error::{Errno, Result};

/// An `int`: exactly four bytes.
pub fn parse_int(value: Option<&[u8]>) -> Result<i32> {
    sized(value).map(i32::from_ne_bytes)
}

/// An `int64_t`: exactly eight bytes.
pub fn parse_i64(value: Option<&[u8]>) -> Result<i64> {
    sized(value).map(i64::from_ne_bytes)
}

/// A `uint64_t`: exactly eight bytes.
pub fn parse_u64(value: Option<&[u8]>) -> Result<u64> {
    sized(value).map(u64::from_ne_bytes)
}

/// An `int` that is 0 or 1.
pub fn parse_bool01(value: Option<&[u8]>) -> Result<bool> {
    match parse_int(value)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Errno::INVALID),
    }
}

/// Any `int`; not zero means on.
pub fn parse_bool_any(value: Option<&[u8]>) -> Result<bool> {
    Ok(parse_int(value)? != 0)
}

/// An `int` that is not negative; not zero means on.
pub fn parse_nonnegative_flag(value: Option<&[u8]>) -> Result<bool> {
    match parse_int(value)? {
        ..0 => Err(Errno::INVALID),
        number => Ok(number != 0),
    }
}

/// An `int` within `range`.
pub fn parse_int_in(value: Option<&[u8]>, range: impl std::ops::RangeBounds<i32>) -> Result<i32> {
    let number = parse_int(value)?;
    if range.contains(&number) { Ok(number) } else { Err(Errno::INVALID) }
}

/// Writes an `int`; the buffer must have exactly four bytes.
pub fn write_int(out: &mut [u8], number: i32) -> Result<usize> {
    write_sized(out, &number.to_ne_bytes())
}

/// Writes an `int64_t`; the buffer must have exactly eight bytes.
pub fn write_i64(out: &mut [u8], number: i64) -> Result<usize> {
    write_sized(out, &number.to_ne_bytes())
}

/// Writes a `uint64_t`; the buffer must have exactly eight bytes.
pub fn write_u64(out: &mut [u8], number: u64) -> Result<usize> {
    write_sized(out, &number.to_ne_bytes())
}

/// Writes an `int` into four bytes or more, as RCVMORE, FD, EVENTS, THREAD_SAFE and TOPICS_COUNT do. The rest of the
/// buffer is zeroed, the new length is four.
pub fn write_loose_int(out: &mut [u8], number: i32) -> Result<usize> {
    write_bytes(out, &number.to_ne_bytes())
}

/// Writes text and its NUL, and zeroes the rest. The new length includes the NUL.
pub fn write_string(out: &mut [u8], text: &[u8]) -> Result<usize> {
    if out.len() <= text.len() {
        return Err(Errno::INVALID);
    }
    write_bytes(out, text).map(|size| size + 1)
}

/// Writes bytes without a NUL, and zeroes the rest.
pub fn write_bytes(out: &mut [u8], bytes: &[u8]) -> Result<usize> {
    let (head, rest) = out.split_at_mut_checked(bytes.len()).ok_or(Errno::INVALID)?;
    head.copy_from_slice(bytes);
    rest.fill(0);
    Ok(bytes.len())
}

fn sized<const N: usize>(value: Option<&[u8]>) -> Result<[u8; N]> {
    value.and_then(|bytes| bytes.try_into().ok()).ok_or(Errno::INVALID)
}

fn write_sized(out: &mut [u8], bytes: &[u8]) -> Result<usize> {
    if out.len() != bytes.len() {
        return Err(Errno::INVALID);
    }
    write_bytes(out, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags() {
        let bytes = |number: i32| number.to_ne_bytes();
        assert_eq!(parse_bool01(Some(&bytes(1))), Ok(true));
        assert_eq!(parse_bool01(Some(&bytes(2))), Err(Errno::INVALID));
        assert_eq!(parse_bool_any(Some(&bytes(-7))), Ok(true));
        assert_eq!(parse_nonnegative_flag(Some(&bytes(2))), Ok(true));
        assert_eq!(parse_nonnegative_flag(Some(&bytes(-1))), Err(Errno::INVALID));
        assert_eq!(parse_int(None), Err(Errno::INVALID));
        assert_eq!(parse_int(Some(&[1, 0, 0])), Err(Errno::INVALID));
        assert_eq!(parse_int_in(Some(&bytes(4)), 0..=3), Err(Errno::INVALID));
    }

    #[test]
    fn loose_and_strict_sizes() {
        let mut out = [0xff; 8];
        assert_eq!(write_int(&mut out, 5), Err(Errno::INVALID));
        assert_eq!(out, [0xff; 8]);
        assert_eq!(write_loose_int(&mut out, 5), Ok(4));
        assert_eq!(
            u64::from_ne_bytes(out),
            u64::from_ne_bytes([5i32.to_ne_bytes(), [0; 4]].concat().try_into().unwrap())
        );
        assert_eq!(write_loose_int(&mut out[..3], 5), Err(Errno::INVALID));
        assert_eq!(write_u64(&mut out, 1), Ok(8));
    }

    #[test]
    fn strings_count_their_nul() {
        let mut out = [0xff; 6];
        assert_eq!(write_string(&mut out[..3], b"abc"), Err(Errno::INVALID));
        assert_eq!(write_string(&mut out, b"abc"), Ok(4));
        assert_eq!(&out, b"abc\0\0\0");
        assert_eq!(write_string(&mut [1], b""), Ok(1));
        assert_eq!(write_string(&mut [], b""), Err(Errno::INVALID));
        assert_eq!(write_bytes(&mut out, b"xy"), Ok(2));
        assert_eq!(&out, b"xy\0\0\0\0");
    }
}
