//! The options of a context.

use super::number as n;
use super::value;
use crate::error::{Errno, Result};
use std::collections::BTreeSet;

/// Upper limit that ZMQ_SOCKET_LIMIT reports.
const SOCKET_LIMIT: i32 = 65_535;
/// Longest prefix of thread names.
const PREFIX_MAX: usize = 16;

/// Everything that can be set on a context. When a value takes effect is the context's business.
#[derive(Clone, Debug)]
pub struct ContextOptions {
    /// Number of I/O threads; with 0 only inproc works.
    pub io_threads: u32,
    /// Largest number of sockets, monitors included.
    pub max_sockets: u32,
    /// Priority of the library's threads; `None` is the system's default.
    pub thread_priority: Option<i32>,
    /// Scheduling policy of the library's threads; `None` is the system's default.
    pub thread_policy: Option<i32>,
    /// CPUs that the library's threads may use; empty is all.
    pub thread_cpus: BTreeSet<i32>,
    /// What thread names begin with.
    pub thread_name_prefix: Vec<u8>,
    /// Stored, not enforced, as in the reference.
    pub max_message_size: i32,
    /// Large bodies may stay in the buffer they were received into.
    pub zero_copy_receive: bool,
    /// What ZMQ_IPV6 of new sockets is.
    pub ipv6: bool,
    /// New sockets linger; otherwise they start with ZMQ_LINGER 0.
    pub blocky: bool,
}

impl Default for ContextOptions {
    fn default() -> Self {
        Self {
            io_threads: 1,
            max_sockets: 1023,
            thread_priority: None,
            thread_policy: None,
            thread_cpus: BTreeSet::new(),
            thread_name_prefix: Vec::new(),
            max_message_size: i32::MAX,
            zero_copy_receive: true,
            ipv6: false,
            blocky: true,
        }
    }
}

impl ContextOptions {
    /// What a fresh context has.
    pub fn new() -> Self {
        Self::default()
    }

    /// `zmq_ctx_set`. Any error is EINVAL, and leaves everything as it was.
    pub fn set(&mut self, number: i32, value: i32) -> Result<()> {
        if number == n::ZMQ_THREAD_NAME_PREFIX {
            self.thread_name_prefix = value.to_string().into_bytes();
            return Ok(());
        }
        // Every other option is a number that is not negative.
        let count = u32::try_from(value).map_err(|_| Errno::INVALID)?;
        match number {
            n::ZMQ_IO_THREADS => self.io_threads = count,
            n::ZMQ_MAX_SOCKETS if count >= 1 => self.max_sockets = count,
            // The number is ZMQ_SOCKET_LIMIT when it is read.
            n::ZMQ_THREAD_PRIORITY => self.thread_priority = Some(value),
            n::ZMQ_THREAD_SCHED_POLICY => self.thread_policy = Some(value),
            n::ZMQ_MAX_MSGSZ => self.max_message_size = value,
            n::ZMQ_THREAD_AFFINITY_CPU_ADD => {
                self.thread_cpus.insert(value);
            }
            n::ZMQ_THREAD_AFFINITY_CPU_REMOVE => {
                if !self.thread_cpus.remove(&value) {
                    return Err(Errno::INVALID);
                }
            }
            n::ZMQ_ZERO_COPY_RECV => self.zero_copy_receive = count != 0,
            n::ZMQ_IPV6 => self.ipv6 = count != 0,
            n::ZMQ_BLOCKY => self.blocky = count != 0,
            _ => return Err(Errno::INVALID),
        }
        Ok(())
    }

    /// `zmq_ctx_get`. EINVAL when the option cannot be read.
    pub fn get(&self, number: i32) -> Result<i32> {
        Ok(match number {
            n::ZMQ_IO_THREADS => self.io_threads as i32,
            n::ZMQ_MAX_SOCKETS => self.max_sockets as i32,
            n::ZMQ_SOCKET_LIMIT => SOCKET_LIMIT,
            n::ZMQ_THREAD_SCHED_POLICY => self.thread_policy.unwrap_or(-1),
            n::ZMQ_MAX_MSGSZ => self.max_message_size,
            n::ZMQ_MSG_T_SIZE => size_of::<crate::message::Message>() as i32,
            n::ZMQ_THREAD_NAME_PREFIX => leading_number(&self.thread_name_prefix),
            n::ZMQ_ZERO_COPY_RECV => self.zero_copy_receive.into(),
            n::ZMQ_IPV6 => self.ipv6.into(),
            n::ZMQ_BLOCKY => self.blocky.into(),
            _ => return Err(Errno::INVALID),
        })
    }

    /// `zmq_ctx_set_ext`: `None` is (NULL, 0). Takes an `int` for every option, and text for the name prefix.
    pub fn set_ext(&mut self, number: i32, value: Option<&[u8]>) -> Result<()> {
        match value {
            Some(text) if number == n::ZMQ_THREAD_NAME_PREFIX && !is_int(text) => {
                if text.is_empty() || text.len() > PREFIX_MAX {
                    return Err(Errno::INVALID);
                }
                self.thread_name_prefix = text.to_vec();
                Ok(())
            }
            _ => self.set(number, value::parse_int(value)?),
        }
    }

    /// `zmq_ctx_get_ext`: fills `out`, which is as long as the caller's `*len`; that length does not change, and
    /// text gets no NUL.
    pub fn get_ext(&self, number: i32, out: &mut [u8]) -> Result<()> {
        let prefix = &self.thread_name_prefix;
        if number == n::ZMQ_THREAD_NAME_PREFIX && out.len() != 4 {
            let head = out.get_mut(..prefix.len()).ok_or(Errno::INVALID)?;
            head.copy_from_slice(prefix);
            return Ok(());
        }
        value::write_int(out, self.get(number)?).map(drop)
    }

    /// What the names of threads begin with. A C string ends at a NUL, and so must the name of a thread.
    pub fn thread_prefix(&self) -> String {
        let prefix = self.thread_name_prefix.split(|byte| *byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(prefix).into_owned()
    }
}

/// Four bytes are an `int`, unless all of them are printable text, which no sensible number is.
fn is_int(value: &[u8]) -> bool {
    value.len() == 4 && !value.iter().all(u8::is_ascii_graphic)
}

/// The number at the start of a text as atoi reads it: 0 when there is none.
fn leading_number(text: &[u8]) -> i32 {
    let digits = usize::from(text.first() == Some(&b'-'));
    let end = text.iter().skip(digits).take_while(|byte| byte.is_ascii_digit()).count() + digits;
    std::str::from_utf8(&text[..end]).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults() {
        let options = ContextOptions::new();
        for (number, value) in
            [(1, 1), (2, 1023), (3, 65535), (4, -1), (5, i32::MAX), (6, 64), (9, 0), (10, 1)]
        {
            assert_eq!(options.get(number), Ok(value), "option {number}");
        }
        assert_eq!(options.get(n::ZMQ_IPV6), Ok(0));
        assert_eq!(options.get(n::ZMQ_BLOCKY), Ok(1));
        for number in [0, 7, 8, 11, 41, 43, 71, -1] {
            assert_eq!(options.get(number), Err(Errno::INVALID), "option {number}");
        }
    }

    #[test]
    fn negative_numbers_are_refused() {
        let mut options = ContextOptions::new();
        for number in [1, 2, 3, 4, 5, 7, 8, 10, 42, 70] {
            let before = options.get(number);
            assert_eq!(options.set(number, -1), Err(Errno::INVALID), "option {number}");
            assert_eq!(options.get(number), before);
        }
        assert_eq!(options.set(n::ZMQ_MAX_SOCKETS, 0), Err(Errno::INVALID));
        assert_eq!(options.set(n::ZMQ_MSG_T_SIZE, 1), Err(Errno::INVALID));
        assert_eq!(options.set(99, 1), Err(Errno::INVALID));
        assert_eq!(options.set(n::ZMQ_IO_THREADS, 0), Ok(()));
    }

    #[test]
    fn three_is_two_options() {
        let mut options = ContextOptions::new();
        assert_eq!(options.set(3, 5), Ok(()));
        assert_eq!(options.thread_priority, Some(5));
        assert_eq!(options.get(3), Ok(65535));
    }

    #[test]
    fn cpus() {
        let mut options = ContextOptions::new();
        assert_eq!(options.set(n::ZMQ_THREAD_AFFINITY_CPU_REMOVE, 1), Err(Errno::INVALID));
        assert_eq!(options.set(n::ZMQ_THREAD_AFFINITY_CPU_ADD, 1), Ok(()));
        assert_eq!(options.set(n::ZMQ_THREAD_AFFINITY_CPU_REMOVE, 1), Ok(()));
        assert!(options.thread_cpus.is_empty());
    }

    #[test]
    fn name_prefix() {
        let mut options = ContextOptions::new();
        assert_eq!(options.thread_prefix(), "");
        assert_eq!(options.set(n::ZMQ_THREAD_NAME_PREFIX, -12), Ok(()));
        assert_eq!(options.get(n::ZMQ_THREAD_NAME_PREFIX), Ok(-12));
        assert_eq!(options.thread_prefix(), "-12");
        assert_eq!(options.set_ext(9, Some(b"seventeen letters")), Err(Errno::INVALID));
        assert_eq!(options.set_ext(9, Some(b"")), Err(Errno::INVALID));
        assert_eq!(options.set_ext(9, None), Err(Errno::INVALID));
        assert_eq!(options.set_ext(9, Some(b"7foobar")), Ok(()));
        assert_eq!(options.get(9), Ok(7));
        assert_eq!(options.thread_prefix(), "7foobar");
        let mut out = [0xff; 16];
        assert_eq!(options.get_ext(9, &mut out[..6]), Err(Errno::INVALID));
        assert_eq!(options.get_ext(9, &mut out), Ok(()));
        assert_eq!(&out[..8], b"7foobar\xff");
        assert_eq!(options.set_ext(9, Some(b"worker\0")), Ok(()));
        assert_eq!(options.thread_prefix(), "worker");
    }

    #[test]
    fn extended_access_to_numbers() {
        let mut options = ContextOptions::new();
        assert_eq!(options.set_ext(1, Some(&3i32.to_ne_bytes())), Ok(()));
        assert_eq!(options.set_ext(1, Some(&[3])), Err(Errno::INVALID));
        let mut out = [0; 4];
        assert_eq!(options.get_ext(1, &mut out), Ok(()));
        assert_eq!(i32::from_ne_bytes(out), 3);
        assert_eq!(options.get_ext(1, &mut [0; 8]), Err(Errno::INVALID));
    }
}
