//! Messages: the 64 bytes behind `zmq_msg_t`.
//!
//! Knows: how a body is stored and shared, and what travels with it (MORE, metadata, routing id, group).
//! Must not know: sockets, pipes, the wire.
//!
//! A message part is one of
//! - *inline*: up to 33 bytes inside the 64;
//! - *shared*: a counted block, either the library's or the application's memory;
//! - *constant*: a pointer to memory that lives for ever;
//! - *control*: not for users; carries what a connection learnt about its peer through a pipe, in order.
//!
//! No pointer into the struct is kept inside it, because users move `zmq_msg_t` bitwise. The tag is zero in a
//! closed message and in zeroed memory, so both are told apart from a valid one.

mod block;
mod bundle;
mod content;
mod metadata;
mod shelf;
mod traffic;

pub use bundle::Bundle;
pub use content::FreeFn;
pub use metadata::Metadata;
pub use shelf::take as memory_for;
pub use traffic::Traffic;

use crate::config::REUSE_MAX;
use crate::error::Result;
use content::Content;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::sync::Arc;

/// Returns memory that is kept for further messages to the allocator.
pub fn give_back() {
    block::give_back();
    shelf::give_back();
}

/// Largest body kept inside the message, as in the reference: a copy of a larger one is ZMQ_SHARED.
pub const INLINE_MAX: usize = 33;

/// Up to this size the tail of a vector is copied into a block of its own, which is one allocation instead of two.
const COPY_MAX: usize = 2048;

/// More parts of the same message follow.
pub const MORE: u8 = 0x01;
/// The body is `\x01topic`, and goes to a ZMTP 3.1 peer as a SUBSCRIBE command.
pub const SUBSCRIBE: u8 = 0x02;
/// The body is `\x00topic`, and goes to a ZMTP 3.1 peer as a CANCEL command.
pub const CANCEL: u8 = 0x04;
/// The content was handed out to more than one message (ZMQ_SHARED).
const SHARED: u8 = 0x80;

/// How the body is stored. Zero is no valid tag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Kind {
    Inline = 0x51,
    Shared = 0x52,
    Constant = 0x53,
    Control = 0x54,
}

#[derive(Clone, Copy)]
#[repr(C)]
union Body {
    inline: [u8; 40],
    content: Content,
    constant: (*const u8, usize),
}

/// One message part. See the module documentation.
#[repr(C, align(8))]
pub struct Message {
    body: Body,
    metadata: Option<Arc<Metadata>>,
    group: Option<Arc<[u8; 256]>>,
    routing_id: u32,
    kind: Kind,
    flags: u8,
    inline_size: u8,
    spare: u8,
}

const _: () = assert!(size_of::<Message>() == 64 && align_of::<Message>() == 8);

// SAFETY: content is counted atomically and only written through `&mut`, or by users who share it knowingly;
// application memory comes with a free function that zmq.h documents as callable from any thread.
unsafe impl Send for Message {}
// SAFETY: `&Message` only reads.
unsafe impl Sync for Message {}

impl Message {
    /// An empty message.
    #[inline]
    pub const fn new() -> Self {
        Self::build(Kind::Inline, Body { inline: [0; 40] }, 0)
    }

    #[inline]
    const fn build(kind: Kind, body: Body, inline_size: u8) -> Self {
        Self { body, metadata: None, group: None, routing_id: 0, kind, flags: 0, inline_size, spare: 0 }
    }

    /// A copy of `bytes`. Fails with ENOMEM.
    #[inline]
    pub fn from_slice(bytes: &[u8]) -> Result<Self> {
        let mut message = Self::new();
        message.make_room(bytes.len())?;
        message.fill(bytes);
        Ok(message)
    }

    /// Makes a message with a body of `size` bytes for the caller to fill in, where there is none: nothing is read from the place. On failure
    /// (ENOMEM) it holds an empty message.
    #[inline]
    pub fn init_sized(place: &mut MaybeUninit<Self>, size: usize) -> Result<()> {
        place.write(Self::new()).make_room(size)
    }

    /// Replaces the content by a body of `size` bytes for the caller to fill in. On failure (ENOMEM) the message is empty. A block that
    /// fits is used again: a program that receives into the same message each time allocates nothing.
    ///
    /// This and [`Message::assign`] build in place. A message that is built elsewhere and then moved is written in small
    /// pieces and at once read in large ones, which a processor's store buffer cannot forward: it waits.
    #[inline]
    pub fn assign_sized(&mut self, size: usize) -> Result<()> {
        // SAFETY: see `len`.
        if self.kind == Kind::Shared && size > INLINE_MAX && unsafe { &mut self.body.content }.reuse(size) {
            self.clear_properties();
            return Ok(());
        }
        self.clear();
        self.make_room(size)
    }

    /// Gives an empty message a body of `size` bytes.
    #[inline(always)]
    fn make_room(&mut self, size: usize) -> Result<()> {
        if size <= INLINE_MAX {
            self.inline_size = size as u8;
        } else {
            self.body.content = Content::allocate(size)?;
            self.kind = Kind::Shared;
        }
        Ok(())
    }

    /// Replaces the content by a copy of `bytes`. On failure (ENOMEM) the message is empty.
    #[inline]
    pub fn assign(&mut self, bytes: &[u8]) -> Result<()> {
        if self.kind == Kind::Inline && bytes.len() <= INLINE_MAX {
            self.clear_properties();
            self.inline_size = bytes.len() as u8;
        } else {
            self.assign_sized(bytes.len())?;
        }
        self.fill(bytes);
        Ok(())
    }

    #[inline]
    fn fill(&mut self, bytes: &[u8]) {
        debug_assert_eq!(self.len(), bytes.len());
        // SAFETY: both callers made room for exactly that many bytes, which nobody else can see yet.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.data_mut_ptr(), bytes.len()) };
    }

    /// Drops the content; what is left is an empty message.
    #[inline(always)]
    pub fn clear(&mut self) {
        let content = self.shared_content();
        (self.kind, self.inline_size) = (Kind::Inline, 0);
        self.clear_properties();
        if let Some(content) = content {
            // SAFETY: the tag no longer says that the message has it.
            unsafe { content.release() };
        }
    }

    /// Drops the content before something else is put into the message. A small block of its own stays, for [`Message::assign_sized`]
    /// to use again, and so do the properties: whoever receives from the same peer again finds its metadata in place.
    #[inline]
    pub fn clear_to_reuse(&mut self) {
        let content = self.shared_content();
        if content.is_some_and(|content| content.is_reusable(REUSE_MAX)) {
            return;
        }
        (self.kind, self.inline_size) = (Kind::Inline, 0);
        if let Some(content) = content {
            // SAFETY: the tag no longer says that the message has it.
            unsafe { content.release() };
        }
    }

    #[inline]
    fn shared_content(&self) -> Option<Content> {
        match self.kind {
            // SAFETY: see `len`.
            Kind::Shared => Some(unsafe { self.body.content }),
            _ => None,
        }
    }

    /// Drops everything but the content.
    #[inline]
    fn clear_properties(&mut self) {
        (self.flags, self.routing_id) = (0, 0);
        // A test first: both are nearly always empty.
        if self.metadata.is_some() {
            self.metadata = None;
        }
        if self.group.is_some() {
            self.group = None;
        }
    }

    /// A message over a vector's memory, not copied when it is larger than an inline body.
    pub fn from_vec(bytes: Vec<u8>) -> Result<Self> {
        if bytes.len() <= INLINE_MAX {
            return Self::from_slice(&bytes);
        }
        Ok(Self::build(Kind::Shared, Body { content: Content::from_vec(bytes)? }, 0))
    }

    /// A message over what follows the first `start` bytes of a vector; copied only when it is small.
    pub fn from_vec_tail(bytes: Vec<u8>, start: usize) -> Result<Self> {
        let tail = bytes.get(start..).unwrap_or_default();
        if tail.len() <= COPY_MAX {
            return Self::from_slice(tail);
        }
        Ok(Self::build(Kind::Shared, Body { content: Content::from_vec_tail(bytes, start)? }, 0))
    }

    /// A message over application memory. `free` is called exactly once, on whichever thread drops the last
    /// reference. Fails with ENOMEM; then `free` is not called.
    ///
    /// # Safety
    /// `data` must be valid for `size` bytes until `free` is called.
    pub unsafe fn from_user(data: *mut u8, size: usize, free: FreeFn, hint: *mut c_void) -> Result<Self> {
        // SAFETY: the caller's promise is passed on.
        let content = unsafe { Content::from_user(data, size, free, hint)? };
        Ok(Self::build(Kind::Shared, Body { content }, 0))
    }

    /// A message over memory that is valid, and unchanged, for ever.
    ///
    /// # Safety
    /// `data` must be valid for `size` bytes for the rest of the process.
    pub unsafe fn constant(data: *const u8, size: usize) -> Self {
        Self::build(Kind::Constant, Body { constant: (data, size) }, 0)
    }

    /// Not for users: announces the peer's metadata in the order of the pipe.
    pub fn control(metadata: Arc<Metadata>) -> Self {
        let mut message = Self::build(Kind::Control, Body { inline: [0; 40] }, 0);
        message.metadata = Some(metadata);
        message
    }

    /// True for a message made by [`Message::control`].
    #[inline]
    pub fn is_control(&self) -> bool {
        self.kind == Kind::Control
    }

    /// Number of bytes in this part.
    #[inline]
    pub fn len(&self) -> usize {
        // One test after the other: of a match the compiler makes a jump through a table.
        if !self.is_indirect() {
            return usize::from(self.inline_size);
        }
        if self.kind == Kind::Shared {
            // SAFETY: the tag says which field is set; this holds for every union access in this file.
            unsafe { self.body.content }.size()
        } else {
            debug_assert_eq!(self.kind, Kind::Constant);
            // SAFETY: as above; nothing else is indirect.
            unsafe { self.body.constant.1 }
        }
    }

    /// True when this part has no bytes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Start of the bytes. Valid until the message is changed, moved or dropped.
    #[inline]
    pub fn data_ptr(&self) -> *const u8 {
        if !self.is_indirect() {
            (&raw const self.body).cast()
        } else if self.kind == Kind::Shared {
            // SAFETY: see `len`.
            unsafe { self.body.content }.data()
        } else {
            debug_assert_eq!(self.kind, Kind::Constant);
            // SAFETY: see `len`.
            unsafe { self.body.constant.0 }
        }
    }

    /// The same for writing. Writing into content that several messages share is visible in all of them.
    #[inline]
    pub fn data_mut_ptr(&mut self) -> *mut u8 {
        match self.kind {
            Kind::Inline | Kind::Control => (&raw mut self.body).cast(),
            _ => self.data_ptr().cast_mut(),
        }
    }

    /// The bytes.
    #[inline]
    pub fn data(&self) -> &[u8] {
        let (data, size) = (self.data_ptr(), self.len());
        if size == 0 {
            return &[];
        }
        // SAFETY: pointer and size describe the body; it lives as long as the message.
        unsafe { std::slice::from_raw_parts(data, size) }
    }

    /// True when the body lives outside the 64 bytes.
    #[inline]
    pub fn is_indirect(&self) -> bool {
        matches!(self.kind, Kind::Shared | Kind::Constant)
    }

    /// A second message with the same body, flags and metadata; large bodies are shared, not copied.
    pub fn share(&mut self) -> Self {
        if self.kind == Kind::Shared {
            self.flags |= SHARED;
        }
        let body = match self.kind {
            // SAFETY: see `len`.
            Kind::Shared => Body { content: unsafe { self.body.content }.share() },
            _ => self.body,
        };
        Self {
            body,
            metadata: self.metadata.clone(),
            group: self.group.clone(),
            routing_id: self.routing_id,
            kind: self.kind,
            flags: self.flags,
            inline_size: self.inline_size,
            spare: 0,
        }
    }

    /// Takes the content and leaves an empty message.
    #[inline]
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// Moves the content to `place`, and leaves an empty message.
    #[inline]
    pub fn move_into(&mut self, place: &mut MaybeUninit<Self>) {
        place.write(self.take());
    }

    /// More parts of the same message follow.
    #[inline]
    pub fn more(&self) -> bool {
        self.flags & MORE != 0
    }

    /// Sets or clears MORE.
    #[inline]
    pub fn set_more(&mut self, more: bool) {
        self.flags = if more { self.flags | MORE } else { self.flags & !MORE };
    }

    /// True when all of `flags` ([`MORE`], [`SUBSCRIBE`], [`CANCEL`]) are set.
    #[inline]
    pub fn has_flags(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }

    /// True for a subscription or its end, and for a message made by [`Message::control`].
    #[inline]
    pub fn is_special(&self) -> bool {
        self.flags & (SUBSCRIBE | CANCEL) != 0 || self.is_control()
    }

    /// Adds flags.
    pub fn add_flags(&mut self, flags: u8) {
        self.flags |= flags;
    }

    /// What a sent message must not inherit from when it was received: MORE, command flags, metadata.
    #[inline]
    pub fn prepare_to_send(&mut self, more: bool) {
        self.flags = (self.flags & SHARED) | u8::from(more);
        if self.metadata.is_some() {
            self.metadata = None;
        }
    }

    /// ZMQ_SHARED: the content was shared by a copy, or is constant.
    pub fn is_shared(&self) -> bool {
        self.flags & SHARED != 0 || self.kind == Kind::Constant
    }

    /// Metadata of the connection this part came from.
    pub fn metadata(&self) -> Option<&Arc<Metadata>> {
        self.metadata.as_ref()
    }

    /// Attaches metadata.
    #[inline]
    pub fn set_metadata(&mut self, metadata: Option<Arc<Metadata>>) {
        self.metadata = metadata;
    }

    /// Takes the metadata out.
    #[inline]
    pub fn take_metadata(&mut self) -> Option<Arc<Metadata>> {
        self.metadata.take()
    }

    /// Draft: routing id of SERVER and PEER; 0 is none.
    pub fn routing_id(&self) -> u32 {
        self.routing_id
    }

    /// Draft: sets the routing id.
    pub fn set_routing_id(&mut self, id: u32) {
        self.routing_id = id;
    }

    /// Draft: group of RADIO and DISH, NUL-terminated, at most 255 bytes.
    pub fn group(&self) -> &std::ffi::CStr {
        match &self.group {
            Some(group) => std::ffi::CStr::from_bytes_until_nul(&group[..]).unwrap_or(c""),
            None => c"",
        }
    }

    /// Draft: sets the group; what exceeds 255 bytes is cut off.
    pub fn set_group(&mut self, name: &[u8]) {
        let size = name.len().min(255);
        let mut group = [0; 256];
        group[..size].copy_from_slice(&name[..size]);
        self.group = (size > 0).then(|| Arc::new(group));
    }

    /// Whether the 64 bytes at `memory` hold a message that was not closed.
    ///
    /// # Safety
    /// `memory` must be readable for 64 bytes and 8-aligned; apart from that its content may be anything that
    /// was once initialised.
    pub unsafe fn is_valid(memory: *const Self) -> bool {
        // SAFETY: reads one byte as a plain integer, whatever it is.
        let tag = unsafe { (&raw const (*memory).kind).cast::<u8>().read() };
        (Kind::Inline as u8..=Kind::Constant as u8).contains(&tag)
    }

    /// Drops the message at `memory` and marks the memory closed.
    ///
    /// # Safety
    /// [`Message::is_valid`] must be true for it.
    pub unsafe fn close(memory: *mut Self) {
        // SAFETY: the caller says there is a message; it is moved out once, and the tag cleared at once, so
        // that a free function which looks at the memory again finds it closed.
        let message = unsafe { memory.read() };
        // SAFETY: writes the tag byte as a plain integer.
        unsafe { (&raw mut (*memory).kind).cast::<u8>().write(0) };
        drop(message);
    }
}

impl Default for Message {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Message {
    #[inline]
    fn drop(&mut self) {
        if self.kind == Kind::Shared {
            // SAFETY: the tag says that the content is set; the message is going away.
            unsafe { self.body.content.release() };
        }
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("kind", &self.kind)
            .field("size", &self.len())
            .field("more", &self.more())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
