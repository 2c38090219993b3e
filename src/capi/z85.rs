//! Z85 text, and keys for CURVE in that form.

use super::error::{OrMinusOne, OrNull, guard};
use crate::crypto::SecretKey;
use crate::error::{Errno, Result};
use crate::options::z85;
use std::ffi::{CStr, c_char, c_int};
use std::slice;
use zeroize::Zeroizing;

/// Writes `size` bytes of binary data as Z85 text with a NUL, and returns `dest`.
///
/// # Errors
/// Returns NULL.
/// - EINVAL: `size` is no multiple of 4, or a pointer is NULL.
///
/// # Safety
/// - `dest`: NULL, or room for size * 5 / 4 + 1 characters.
/// - `data`: NULL, or `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_z85_encode(dest: *mut c_char, data: *const u8, size: usize) -> *mut c_char {
    guard(|| {
        let data = match size {
            0 => &[],
            _ if data.is_null() => return Err(Errno::INVALID),
            // SAFETY: the caller's promise, with NULL ruled out.
            _ => unsafe { slice::from_raw_parts(data, size) },
        };
        let text = z85::encode(data)?;
        // SAFETY: the caller's promise: this is the length it asks for.
        unsafe { write_text(dest, &text) }
    })
    .or_null()
}

/// Writes the bytes of a Z85 text, 4 for each 5 characters, and returns `dest`.
///
/// # Errors
/// Returns NULL and writes nothing.
/// - EINVAL: the text is empty, no multiple of 5 characters long or no Z85 text, or a pointer is NULL.
///
/// # Safety
/// - `dest`: NULL, or room for 4 bytes for each 5 characters.
/// - `string`: NULL, or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_z85_decode(dest: *mut u8, string: *const c_char) -> *mut u8 {
    guard(|| {
        if string.is_null() || dest.is_null() {
            return Err(Errno::INVALID);
        }
        // SAFETY: the caller's promise, with NULL ruled out.
        let data = z85::decode(unsafe { CStr::from_ptr(string) }.to_bytes())?;
        // SAFETY: the caller's promise; the vector is ours, so that the two do not overlap.
        unsafe { dest.copy_from_nonoverlapping(data.as_ptr(), data.len()) };
        Ok(dest)
    })
    .or_null()
}

/// Makes a new pair of CURVE keys, each 40 characters of Z85 text and a NUL.
///
/// # Errors
/// - EINVAL: a pointer is NULL.
/// - an error of the system's source of random numbers.
///
/// # Safety
/// - `z85_public_key`, `z85_secret_key`: NULL, or room for 41 characters each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_curve_keypair(
    z85_public_key: *mut c_char,
    z85_secret_key: *mut c_char,
) -> c_int {
    guard(|| {
        let secret = SecretKey::generate()?;
        let texts = [z85::encode(&secret.public_key())?, z85::encode(secret.as_bytes())?].map(Zeroizing::new);
        // SAFETY: the caller's promise: a key in this form has 40 characters.
        unsafe {
            write_text(z85_public_key, &texts[0])?;
            write_text(z85_secret_key, &texts[1])?;
        }
        Ok(())
    })
    .or_minus_one()
}

/// Writes the public key that belongs to a secret one, as 40 characters of Z85 text and a NUL.
///
/// # Errors
/// - EINVAL: the secret key is not 40 characters of Z85 text, or a pointer is NULL.
///
/// # Safety
/// - `z85_public_key`: NULL, or room for 41 characters.
/// - `z85_secret_key`: NULL, or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_curve_public(
    z85_public_key: *mut c_char,
    z85_secret_key: *const c_char,
) -> c_int {
    guard(|| {
        if z85_secret_key.is_null() {
            return Err(Errno::INVALID);
        }
        // SAFETY: the caller's promise.
        let bytes = Zeroizing::new(z85::decode(unsafe { CStr::from_ptr(z85_secret_key) }.to_bytes())?);
        let secret = SecretKey::from_bytes(bytes[..].try_into().map_err(|_| Errno::INVALID)?);
        let text = z85::encode(&secret.public_key())?;
        // SAFETY: the caller's promise: a key in this form has 40 characters.
        unsafe { write_text(z85_public_key, &text) }?;
        Ok(())
    })
    .or_minus_one()
}

/// Writes text and a NUL. EINVAL for NULL.
///
/// # Safety
/// `dest` is NULL, or has room for the text and a NUL.
unsafe fn write_text(dest: *mut c_char, text: &[u8]) -> Result<*mut c_char> {
    if dest.is_null() {
        return Err(Errno::INVALID);
    }
    // SAFETY: the caller's promise; the text is ours, so that the two do not overlap.
    unsafe {
        dest.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), text.len());
        dest.add(text.len()).write(0);
    }
    Ok(dest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    #[test]
    fn round_trip_through_c() {
        let (mut text, mut data) = ([1 as c_char; 11], [0u8; 8]);
        let bytes = [0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b];
        // SAFETY: the buffers have the sizes that are asked for.
        unsafe {
            assert_eq!(zmq_z85_encode(text.as_mut_ptr(), bytes.as_ptr(), 8), text.as_mut_ptr());
            assert_eq!(CStr::from_ptr(text.as_ptr()), c"HelloWorld");
            assert_eq!(zmq_z85_decode(data.as_mut_ptr(), text.as_ptr()), data.as_mut_ptr());
        }
        assert_eq!(data, bytes);
    }

    #[test]
    fn what_is_refused() {
        let (mut text, mut data) = ([1 as c_char; 11], [7u8; 8]);
        // SAFETY: the buffers are large enough for what could be written.
        unsafe {
            assert!(zmq_z85_encode(text.as_mut_ptr(), data.as_ptr(), 3).is_null());
            assert!(zmq_z85_decode(data.as_mut_ptr(), c"HelloWorl".as_ptr()).is_null());
            assert!(zmq_z85_decode(data.as_mut_ptr(), c"Hello#####".as_ptr()).is_null());
            assert!(zmq_z85_decode(data.as_mut_ptr(), ptr::null()).is_null());
            assert_eq!(zmq_z85_encode(text.as_mut_ptr(), ptr::null(), 0), text.as_mut_ptr());
        }
        assert_eq!((text[0], data), (0, [7; 8]));
    }
}
