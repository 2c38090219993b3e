//! Cryptography: the only door to libsodium, which does most of it, and to dryoc, which authenticates, and seals and opens large boxes.
//!
//! Knows: NaCl's box and secretbox (X25519, XSalsa20, Poly1305), random numbers, wiping. Must not know: commands, connections, what is
//! encrypted.
//!
//! Keys are wiped from memory when they are dropped, and `Debug` does not show them. Random numbers come straight from the system: libsodium's own
//! function ends the process when there are none.

use crate::error::{Errno, Result};
use dryoc::classic::crypto_box::{
    crypto_box_detached_afternm_inplace, crypto_box_open_detached_afternm_inplace,
};
use dryoc::classic::crypto_onetimeauth::crypto_onetimeauth;
use libsodium_sys as sodium;
use std::fmt;
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// Bytes of every key.
pub const KEY: usize = 32;
/// Bytes of a nonce.
pub const NONCE: usize = 24;
/// Bytes of the tag that authenticates a box.
pub const TAG: usize = 16;

/// A public key of X25519 (RFC 7748).
pub type PublicKey = [u8; KEY];

/// Lets libsodium look which instructions the processor has. Without that it works, slowly.
fn prepare() {
    static READY: OnceLock<i32> = OnceLock::new();
    // SAFETY: may be called at any time, from any thread.
    READY.get_or_init(|| unsafe { sodium::sodium_init() });
}

/// A secret key of X25519.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<[u8; KEY]>);

impl SecretKey {
    pub fn from_bytes(bytes: &[u8; KEY]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// A new key. Fails with the error of the system's source of random numbers.
    pub fn generate() -> Result<Self> {
        Ok(Self(Zeroizing::new(random()?)))
    }

    pub fn as_bytes(&self) -> &[u8; KEY] {
        &self.0
    }

    /// The public key that belongs to it.
    pub fn public_key(&self) -> PublicKey {
        prepare();
        let mut public = [0; KEY];
        // SAFETY: both have the size of a key.
        unsafe { sodium::crypto_scalarmult_curve25519_base(public.as_mut_ptr(), self.0.as_ptr()) };
        public
    }
}

/// A key that seals and opens boxes: what two parties share, or what one has for itself.
#[derive(Clone)]
pub struct BoxKey(Zeroizing<[u8; KEY]>);

impl BoxKey {
    /// What the owners of two pairs of keys share. `None` for a public key that would give anybody the same.
    pub fn shared(public: &PublicKey, secret: &SecretKey) -> Option<Self> {
        prepare();
        let mut key = Zeroizing::new([0; KEY]);
        // SAFETY: all three have the size of a key.
        let result = unsafe {
            sodium::crypto_box_curve25519xsalsa20poly1305_beforenm(
                key.as_mut_ptr(),
                public.as_ptr(),
                secret.0.as_ptr(),
            )
        };
        (result == 0).then_some(Self(key))
    }

    pub fn from_bytes(bytes: &[u8; KEY]) -> Self {
        prepare();
        Self(Zeroizing::new(*bytes))
    }

    /// Encrypts in place, and returns the tag. Never to be used twice with the same nonce.
    pub fn seal(&self, nonce: &[u8; NONCE], body: &mut [u8]) -> [u8; TAG] {
        let mut tag = [0; TAG];
        let (data, size) = (body.as_mut_ptr(), body.len() as u64);
        // SAFETY: pointers and size of one slice; encrypting in place is allowed.
        unsafe {
            sodium::crypto_secretbox_detached(
                data,
                tag.as_mut_ptr(),
                data,
                size,
                nonce.as_ptr(),
                self.0.as_ptr(),
            )
        };
        tag
    }

    /// Decrypts in place. False, and nothing is changed, when the tag is not that of the body.
    pub fn open(&self, nonce: &[u8; NONCE], tag: &[u8; TAG], body: &mut [u8]) -> bool {
        let (data, size) = (body.as_mut_ptr(), body.len() as u64);
        // SAFETY: pointers and size of one slice; decrypting in place is allowed.
        let result = unsafe {
            sodium::crypto_secretbox_open_detached(
                data,
                data,
                tag.as_ptr(),
                size,
                nonce.as_ptr(),
                self.0.as_ptr(),
            )
        };
        result == 0
    }
}

/// A [`BoxKey`] for many boxes whose nonces begin with the same 16 bytes and end with a counter.
///
/// The boxes are the same. For small ones, what depends on the 16 bytes alone is computed once, and the key stream is asked for in whole [`STEP`]s,
/// because the last, incomplete one would cost as much for each block of 64 bytes. Together that halves the time of boxes of a few hundred bytes.
/// Those from `LARGE` on are dryoc's business, which uses wider instructions where the processor has them.
#[derive(Clone)]
pub struct CounterKey {
    whole: BoxKey,
    prefix: [u8; 16],
    /// The key of the stream that belongs to the prefix.
    own: Zeroizing<[u8; KEY]>,
}

/// From so many bytes on dryoc takes less time than libsodium: at 512 bytes 0.47 instead of 0.69 microseconds, at 64 KiB 19 instead of 33; at
/// 300 as much, at 100 0.40 instead of 0.34.
const LARGE: usize = 512;
/// Bytes of key stream that libsodium makes at once: 4 blocks. Sealing needs up to so much room behind the content.
pub const STEP: usize = 256;
/// The first bytes of the key stream are the key of the authenticator.
pub const MARGIN: usize = 32;

impl CounterKey {
    pub fn new(key: &BoxKey, prefix: &[u8; 16]) -> Self {
        let mut own = Zeroizing::new([0; KEY]);
        // SAFETY: 32 bytes of output, 16 of input, 32 of key, and the default constant.
        unsafe {
            sodium::crypto_core_hsalsa20(own.as_mut_ptr(), prefix.as_ptr(), key.0.as_ptr(), std::ptr::null())
        };
        Self { whole: key.clone(), prefix: *prefix, own }
    }

    fn nonce(&self, counter: &[u8; 8]) -> [u8; NONCE] {
        let mut nonce = [0; NONCE];
        nonce[..16].copy_from_slice(&self.prefix);
        nonce[16..].copy_from_slice(counter);
        nonce
    }

    /// Encrypts what lies in `bytes` from `at` on, and returns the tag. The [`MARGIN`] bytes before `at` are overwritten with
    /// nonsense; they have to be there.
    pub fn seal(&self, counter: &[u8; 8], bytes: &mut Vec<u8>, at: usize) -> [u8; TAG] {
        let Some(start) = at.checked_sub(MARGIN) else { return [0; TAG] };
        let length = bytes.len();
        if let Some(body) = bytes.get_mut(at..).filter(|body| body.len() >= LARGE) {
            let mut tag = [0; TAG];
            crypto_box_detached_afternm_inplace(body, &mut tag, &self.nonce(counter), &self.whole.0);
            return tag;
        }
        bytes.get_mut(start..at).unwrap_or_default().fill(0);
        bytes.resize(start + (length - start).next_multiple_of(STEP), 0);
        self.stream(counter, 0, bytes.get_mut(start..).unwrap_or_default());
        bytes.truncate(length);
        let Some((key, body)) = bytes.get(start..).and_then(|rest| rest.split_first_chunk::<MARGIN>()) else {
            return [0; TAG];
        };
        authenticate(key, body)
    }

    /// Decrypts what lies in `bytes` from `at` on. False, and nothing is changed, when the tag is not its own.
    pub fn open(&self, counter: &[u8; 8], tag: &[u8; TAG], bytes: &mut Vec<u8>, at: usize) -> bool {
        if let Some(body) = bytes.get_mut(at..).filter(|body| body.len() >= LARGE) {
            let nonce = self.nonce(counter);
            return crypto_box_open_detached_afternm_inplace(body, tag, &nonce, &self.whole.0).is_ok();
        }
        let mut first = [0; STEP];
        self.stream(counter, 0, &mut first);
        let opened = self.open_with(&first, counter, tag, bytes, at);
        // SAFETY: pointer and size of one array. Unlike the byte by byte wiping of `Zeroizing` this takes no time.
        unsafe { sodium::sodium_memzero(first.as_mut_ptr().cast(), STEP) };
        opened
    }

    /// `first` is the beginning of the key stream.
    fn open_with(
        &self,
        first: &[u8; STEP],
        counter: &[u8; 8],
        tag: &[u8; TAG],
        bytes: &mut Vec<u8>,
        at: usize,
    ) -> bool {
        let length = bytes.len();
        let (Some(body), Some(key)) = (bytes.get_mut(at..), first.first_chunk::<MARGIN>()) else {
            return false;
        };
        if !equal(&authenticate(key, body), tag) {
            return false;
        }
        body.iter_mut().zip(&first[MARGIN..]).for_each(|(byte, stream)| *byte ^= stream);
        let rest = at + STEP - MARGIN;
        if length > rest {
            bytes.resize(rest + (length - rest).next_multiple_of(STEP), 0);
            self.stream(counter, (STEP / 64) as u64, bytes.get_mut(rest..).unwrap_or_default());
            bytes.truncate(length);
        }
        true
    }

    /// Adds the key stream from the given block of 64 bytes on.
    fn stream(&self, counter: &[u8; 8], block: u64, bytes: &mut [u8]) {
        let (data, size) = (bytes.as_mut_ptr(), bytes.len() as u64);
        // SAFETY: pointer and size of one slice, which may be input and output at once; 8 bytes of nonce, 32 of key.
        unsafe {
            sodium::crypto_stream_salsa20_xor_ic(data, data, size, counter.as_ptr(), block, self.own.as_ptr())
        };
    }
}

/// Poly1305.
fn authenticate(key: &[u8; MARGIN], body: &[u8]) -> [u8; TAG] {
    let mut tag = [0; TAG];
    crypto_onetimeauth(&mut tag, body, key);
    tag
}

/// Bytes from the system's source of random numbers. Fails with that one's error.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let filled = getrandom::fill(&mut bytes);
    filled.map(|()| bytes).map_err(|error| error.raw_os_error().map_or(Errno::INVALID, os_error))
}

fn os_error(code: i32) -> Errno {
    std::io::Error::from_raw_os_error(code).into()
}

/// Whether both are equal, in a time that does not tell where they differ.
pub fn equal(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    // SAFETY: both are as long as the left one.
    unsafe { sodium::sodium_memcmp(left.as_ptr().cast(), right.as_ptr().cast(), left.len()) == 0 }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

impl fmt::Debug for BoxKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxKey(..)")
    }
}

impl fmt::Debug for CounterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CounterKey(..)")
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
