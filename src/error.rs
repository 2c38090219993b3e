//! The one error type of the library: a C `errno` value that is never zero.
//!
//! Inside the library it travels in `Result`; only `capi` turns it into `errno` and `-1`.

use std::fmt;
use std::io;

/// A C error number: one of the system's, or one of ØMQ's own (156384712 and above).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(i32);

/// Result of anything that can fail with an error number.
pub type Result<T> = std::result::Result<T, Errno>;

/// ZMQ_HAUSNUMERO of zmq.h: the base of the error numbers that no system defines.
const BASE: i32 = 156_384_712;

impl Errno {
    pub const AGAIN: Self = Self(libc::EAGAIN);
    pub const INTERRUPTED: Self = Self(libc::EINTR);
    pub const INVALID: Self = Self(libc::EINVAL);
    pub const FAULT: Self = Self(libc::EFAULT);
    pub const NO_MEMORY: Self = Self(libc::ENOMEM);
    pub const TOO_MANY_FILES: Self = Self(libc::EMFILE);
    pub const NOT_SUPPORTED: Self = Self(libc::ENOTSUP);
    pub const NOT_A_SOCKET: Self = Self(libc::ENOTSOCK);
    pub const PROTOCOL_NOT_SUPPORTED: Self = Self(libc::EPROTONOSUPPORT);
    pub const ADDRESS_IN_USE: Self = Self(libc::EADDRINUSE);
    pub const NO_DEVICE: Self = Self(libc::ENODEV);
    pub const NO_ENTRY: Self = Self(libc::ENOENT);
    pub const NAME_TOO_LONG: Self = Self(libc::ENAMETOOLONG);
    pub const HOST_UNREACHABLE: Self = Self(libc::EHOSTUNREACH);
    pub const CONNECTION_REFUSED: Self = Self(libc::ECONNREFUSED);
    pub const TIMED_OUT: Self = Self(libc::ETIMEDOUT);
    pub const FAMILY_NOT_SUPPORTED: Self = Self(libc::EAFNOSUPPORT);
    pub const PROTOCOL: Self = Self(libc::EPROTO);
    pub const BAD_FD: Self = Self(libc::EBADF);
    pub const STATE: Self = Self(BASE + 51);
    pub const INCOMPATIBLE_PROTOCOL: Self = Self(BASE + 52);
    pub const TERMINATED: Self = Self(BASE + 53);
    pub const NO_THREAD: Self = Self(BASE + 54);

    /// The error of the system call that just failed on this thread.
    pub fn last() -> Self {
        Self::from(io::Error::last_os_error())
    }

    /// The number as C sees it.
    pub const fn raw(self) -> i32 {
        self.0
    }
}

impl From<io::Error> for Errno {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(code) if code != 0 => Self(code),
            _ => match error.kind() {
                io::ErrorKind::InvalidInput => Self::INVALID,
                io::ErrorKind::OutOfMemory => Self::NO_MEMORY,
                io::ErrorKind::WouldBlock => Self::AGAIN,
                _ => Self(libc::EIO),
            },
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Errno({}: {self})", self.0)
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::STATE => f.write_str("Operation cannot be accomplished in current state"),
            Self::INCOMPATIBLE_PROTOCOL => f.write_str("The protocol is not compatible with the socket type"),
            Self::TERMINATED => f.write_str("Context was terminated"),
            Self::NO_THREAD => f.write_str("No thread available"),
            Self::HOST_UNREACHABLE => f.write_str("Host unreachable"),
            Self(code) => write!(f, "{}", io::Error::from_raw_os_error(code)),
        }
    }
}
