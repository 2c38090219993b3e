//! The C border: the functions of zmq.h.
//!
//! Knows: C pointers, errno, handles. Each function checks and converts its arguments, calls one safe function of
//! the rooms below, and maps the result. A panic below becomes EFAULT, never unwinds into C. The documentation of
//! these functions becomes the comments of zmq.h.
//!
//! Safety, once for all: a pointer that is documented as "NULL or ..." may be NULL, which is answered with an errno;
//! any other wrong pointer is undefined, as in C. Handles are an exception: any value may be passed
//! as a context or socket, and only live ones are accepted.

pub mod constants;
pub mod context;
pub mod draft;
pub mod error;
pub mod message;
pub mod poll;
pub mod poller;
pub mod proxy;
pub mod socket;
pub mod timers;
pub mod transfer;
pub mod utility;
pub mod z85;
