//! Kerberos and its like: the only door to the system's GSSAPI library (RFC 2743), which is loaded when it is first needed.
//!
//! Knows: names, credentials, security contexts, tokens. Must not know: commands, connections, who sends which token to whom.
//!
//! Everything here that acquires, initiates or accepts may block: it reads files and talks to servers in the network.

mod library;

use library::{CONTINUE_NEEDED, Handle, Library, RawBuffer, RawOid, Status, library};
use parking_lot::Mutex;
use std::ffi::c_void;
use std::fmt;
use std::ptr::{null, null_mut};
use std::sync::Arc;

/// True when the system has the library.
pub fn is_available() -> bool {
    library().is_some()
}

/// Why something failed, in the library's words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error(String);

impl Error {
    pub fn missing(what: &str) -> Self {
        Self(format!("{what} is missing"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

type Result<T> = std::result::Result<T, Error>;

/// How the text of a name is to be read. The numbers are those of zmq.h.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[repr(i32)]
pub enum NameKind {
    /// "service@host".
    #[default]
    HostBased = 0,
    /// A user of this system's realm.
    User = 1,
    /// "primary/instance@REALM".
    Principal = 2,
}

impl NameKind {
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::HostBased, Self::User, Self::Principal].into_iter().find(|kind| *kind as i32 == number)
    }

    /// RFC 2744 ("GSS_C_NT_HOSTBASED_SERVICE", "GSS_C_NT_USER_NAME") and RFC 1964, section 2.1.1.
    fn oid(self) -> &'static [u8] {
        match self {
            Self::HostBased => b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04",
            Self::User => b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x01",
            Self::Principal => b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01",
        }
    }
}

/// Whose credential, whose context.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Usage {
    Initiate = 1,
    Accept = 2,
}

/// Bits of what a context can do.
mod flag {
    pub const MUTUAL: u32 = 2;
    pub const REPLAY: u32 = 4;
    pub const SEQUENCE: u32 = 8;
}

fn loaded() -> Result<&'static Library> {
    library().ok_or_else(|| Error("the system has no GSSAPI library".to_owned()))
}

fn input(bytes: &[u8]) -> RawBuffer {
    RawBuffer { length: bytes.len(), value: bytes.as_ptr().cast_mut().cast() }
}

/// Bytes that the library has allocated.
pub struct Buffer {
    library: &'static Library,
    raw: RawBuffer,
}

// SAFETY: memory of nobody else, which any thread may free.
unsafe impl Send for Buffer {}

impl Buffer {
    fn new(library: &'static Library) -> Self {
        Self { library, raw: RawBuffer { length: 0, value: null_mut() } }
    }
}

impl std::ops::Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        if self.raw.value.is_null() {
            return &[];
        }
        // SAFETY: the library has filled so many bytes there, and they stay until `drop`.
        unsafe { std::slice::from_raw_parts(self.raw.value.cast(), self.raw.length) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: a buffer that the library has filled, or an empty one.
        unsafe { (self.library.release_buffer)(&mut 0, &raw mut self.raw) };
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes)", self.len())
    }
}

/// The texts of both numbers that a function gave.
#[cold]
fn describe(library: &'static Library, what: &str, major: Status, minor: Status) -> Error {
    let mut text = what.to_owned();
    for (number, kind) in [(major, 1), (minor, 2)] {
        let (mut more, mut buffer) = (0, Buffer::new(library));
        // SAFETY: places for all results; no mechanism is asked for. One of several texts is enough.
        let status = unsafe {
            (library.display_status)(&mut 0, number, kind, null(), &raw mut more, &raw mut buffer.raw)
        };
        if number != 0 && status == 0 {
            text.push_str(": ");
            text.push_str(&String::from_utf8_lossy(&buffer));
        }
    }
    Error(text)
}

/// Somebody's name.
#[derive(Debug)]
pub struct Name {
    library: &'static Library,
    raw: Handle,
}

// SAFETY: the library's names belong to no thread.
unsafe impl Send for Name {}

impl Name {
    pub fn import(text: &[u8], kind: NameKind) -> Result<Self> {
        let library = loaded()?;
        let oid = kind.oid();
        let oid = RawOid { length: oid.len() as u32, elements: oid.as_ptr().cast() };
        let mut name = Self { library, raw: null_mut() };
        let mut minor = 0;
        // SAFETY: a buffer and a type that outlive the call, and places for the results.
        let status =
            unsafe { (library.import_name)(&raw mut minor, &input(text), &raw const oid, &raw mut name.raw) };
        if status != 0 {
            return Err(describe(library, "the name is no name", status, minor));
        }
        Ok(name)
    }

    /// As it is shown: "client@REALM".
    pub fn display(&self) -> Result<Vec<u8>> {
        let mut buffer = Buffer::new(self.library);
        let mut minor = 0;
        // SAFETY: a name of the library's, and places for the results; the type is not asked for.
        let status =
            unsafe { (self.library.display_name)(&raw mut minor, self.raw, &raw mut buffer.raw, null_mut()) };
        if status != 0 {
            return Err(describe(self.library, "the peer's name cannot be shown", status, minor));
        }
        Ok(buffer.to_vec())
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        if !self.raw.is_null() {
            // SAFETY: a name of the library's that nobody else has.
            unsafe { (self.library.release_name)(&mut 0, &raw mut self.raw) };
        }
    }
}

/// What proves that we are who we say: a ticket, or a key.
#[derive(Debug)]
pub struct Credential {
    library: &'static Library,
    raw: Handle,
}

// SAFETY: the library's credentials belong to no thread, and have locks of their own.
unsafe impl Send for Credential {}

impl Credential {
    /// May block.
    pub fn acquire(name: &Name, usage: Usage) -> Result<Self> {
        let library = name.library;
        let mut credential = Self { library, raw: null_mut() };
        let mut minor = 0;
        // SAFETY: a name of the library's and a place for the credential; what is NULL is not asked for.
        let status = unsafe {
            (library.acquire_cred)(
                &raw mut minor,
                name.raw,
                0,
                null(),
                usage as i32,
                &raw mut credential.raw,
                null_mut(),
                null_mut(),
            )
        };
        if status != 0 {
            return Err(describe(library, "no credential", status, minor));
        }
        Ok(credential)
    }
}

impl Drop for Credential {
    fn drop(&mut self) {
        if !self.raw.is_null() {
            // SAFETY: a credential of the library's that nobody else has.
            unsafe { (self.library.release_cred)(&mut 0, &raw mut self.raw) };
        }
    }
}

/// What two parties agree on, token by token.
#[derive(Debug)]
pub struct Context {
    library: &'static Library,
    raw: Handle,
}

// SAFETY: the library's contexts belong to no thread; `&mut self` and the lock of `Session` keep them from being used by two at once.
unsafe impl Send for Context {}

/// What came of a token.
#[derive(Debug)]
pub struct Step {
    /// For the other party; may be empty.
    pub token: Vec<u8>,
    /// Nothing more is wanted of the other party.
    pub complete: bool,
    /// Who the other party is, where we accept.
    pub peer: Option<Name>,
}

/// Why there will be no context, and perhaps a token that tells the other party.
#[derive(Debug)]
pub struct Refusal {
    pub error: Error,
    pub token: Vec<u8>,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, token: Vec::new() }
    }
}

impl Context {
    pub fn new() -> Result<Self> {
        Ok(Self { library: loaded()?, raw: null_mut() })
    }

    /// Asks for a context with `target`, or goes on with its token. The other party has to prove who it is, and nothing may be
    /// repeated, left out or exchanged. Without a credential that of the process is taken. May block.
    pub fn initiate(
        &mut self,
        credential: Option<&Credential>,
        target: &Name,
        token: &[u8],
    ) -> std::result::Result<Step, Refusal> {
        let library = self.library;
        let mut buffer = Buffer::new(library);
        let (mut minor, mut flags) = (0, 0);
        // SAFETY: handles of the library's or NULL, a buffer that outlives the call, places for the results; what is NULL is not asked for.
        let status = unsafe {
            (library.init_sec_context)(
                &raw mut minor,
                credential.map_or(null_mut(), |credential| credential.raw),
                &raw mut self.raw,
                target.raw,
                null(),
                flag::MUTUAL | flag::REPLAY | flag::SEQUENCE,
                0,
                null(),
                &input(token),
                null_mut(),
                &raw mut buffer.raw,
                &raw mut flags,
                null_mut(),
            )
        };
        let step = self.step("no context", status, minor, &buffer, None)?;
        if step.complete && flags & flag::MUTUAL == 0 {
            return Err(Error("the server has not proved who it is".to_owned()).into());
        }
        Ok(step)
    }

    /// Takes a token of somebody who asks for a context. Without a credential any key of the process is taken. May block.
    pub fn accept(
        &mut self,
        credential: Option<&Credential>,
        token: &[u8],
    ) -> std::result::Result<Step, Refusal> {
        let library = self.library;
        let mut buffer = Buffer::new(library);
        let mut peer = Name { library, raw: null_mut() };
        let mut minor = 0;
        // SAFETY: as above.
        let status = unsafe {
            (library.accept_sec_context)(
                &raw mut minor,
                &raw mut self.raw,
                credential.map_or(null_mut(), |credential| credential.raw),
                &input(token),
                null(),
                &raw mut peer.raw,
                null_mut(),
                &raw mut buffer.raw,
                null_mut(),
                null_mut(),
                null_mut(),
            )
        };
        let peer = (!peer.raw.is_null()).then_some(peer);
        self.step("the client is not accepted", status, minor, &buffer, peer)
    }

    /// What both have in common. A status with anything but "more is needed" is no success: an old token, or one that came before.
    fn step(
        &self,
        what: &str,
        status: Status,
        minor: Status,
        token: &[u8],
        peer: Option<Name>,
    ) -> std::result::Result<Step, Refusal> {
        if status & !CONTINUE_NEEDED != 0 {
            return Err(Refusal {
                error: describe(self.library, what, status, minor),
                token: token.to_vec(),
            });
        }
        Ok(Step { token: token.to_vec(), complete: status == 0, peer })
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if !self.raw.is_null() {
            // SAFETY: a context of the library's that nobody else has; no last token is asked for.
            unsafe { (self.library.delete_sec_context)(&mut 0, &raw mut self.raw, null_mut()) };
        }
    }
}

/// A context that is complete. Its copies may be used from several threads.
#[derive(Clone, Debug)]
pub struct Session(Arc<Mutex<Context>>);

impl From<Context> for Session {
    fn from(context: Context) -> Self {
        Self(Arc::new(Mutex::new(context)))
    }
}

impl Session {
    /// Encrypts.
    pub fn wrap(&self, content: &[u8]) -> Result<Buffer> {
        let context = self.0.lock();
        let library = context.library;
        let mut buffer = Buffer::new(library);
        let (mut minor, mut encrypted) = (0, 0);
        // SAFETY: a context of the library's, a buffer that outlives the call, places for the results.
        let status = unsafe {
            (library.wrap)(
                &raw mut minor,
                context.raw,
                1,
                0,
                &input(content),
                &raw mut encrypted,
                &raw mut buffer.raw,
            )
        };
        if status != 0 || encrypted == 0 {
            return Err(describe(library, "cannot encrypt", status, minor));
        }
        Ok(buffer)
    }

    /// Checks and decrypts. Fails also for what was only signed, repeated, or came out of order.
    pub fn unwrap(&self, token: &[u8]) -> Result<Buffer> {
        let context = self.0.lock();
        let library = context.library;
        let mut buffer = Buffer::new(library);
        let (mut minor, mut encrypted) = (0, 0);
        // SAFETY: a context of the library's, a buffer that outlives the call, places for the results; the quality is not asked for.
        let status = unsafe {
            (library.unwrap)(
                &raw mut minor,
                context.raw,
                &input(token),
                &raw mut buffer.raw,
                &raw mut encrypted,
                null_mut::<c_void>().cast(),
            )
        };
        if status != 0 || encrypted == 0 {
            return Err(describe(library, "cannot decrypt", status, minor));
        }
        Ok(buffer)
    }
}
