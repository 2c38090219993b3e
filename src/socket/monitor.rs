//! Monitoring: what happens to a socket's connections, as messages on a socket of its own (`zmq_socket_monitor`).
//!
//! Reports come from I/O threads and from the application's calls. They are written at once, never waited for: until the first
//! reader connects they are kept, up to a limit; a reader that is too slow loses reports, each as a whole.

use super::{Socket, open};
use crate::config::MONITOR_BACKLOG;
use crate::context::Context;
use crate::driver::{Report, event};
use crate::error::{Errno, Result};
use crate::message::Message;
use crate::options::number as n;
use crate::sync::Cell;
use crate::sync::global::{AtomicU64, Ordering};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Weak};

/// How a report is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Two frames: event and value, the endpoint.
    First,
    /// Draft. Event, number of values, each value, local and remote endpoint.
    Second,
    /// Any other version is accepted, and nothing is written.
    Silent,
}

/// The monitor of one socket, active or not.
#[derive(Default)]
pub struct Monitor {
    /// Events asked for; 0 while inactive.
    wanted: AtomicU64,
    active: Mutex<Option<Active>>,
}

struct Active {
    cell: &'static Cell<Socket>,
    format: Format,
    /// Reports that came before a reader.
    waiting: VecDeque<Vec<Message>>,
    /// Reports that a slow reader did not get.
    lost: u64,
}

impl Monitor {
    /// True when somebody wants to know: a report is only made then.
    #[inline]
    pub fn wants(&self, event: u64) -> bool {
        // Relaxed: what is reported around the start or the stop of a monitor may be seen or not.
        self.wanted.load(Ordering::Relaxed) & event != 0
    }

    /// Begins to report to a socket of type `kind`, bound to `endpoint`.
    pub fn start(
        self: &Arc<Self>,
        context: &Arc<Context>,
        endpoint: &OsStr,
        wanted: u64,
        format: Format,
        kind: i32,
    ) -> Result<()> {
        let cell = open(context, kind)?;
        let bound = match &mut *cell.lock() {
            Some(socket) => {
                socket.monitors = Some(Arc::downgrade(self));
                socket
                    .options
                    .set(n::ZMQ_LINGER, Some(&0_i32.to_ne_bytes()))
                    .and_then(|()| socket.bind(endpoint))
            }
            None => Err(Errno::TERMINATED),
        };
        if let Err(error) = bound {
            let _ = super::close(cell);
            return Err(error);
        }
        *self.active.lock() = Some(Active { cell, format, waiting: VecDeque::new(), lost: 0 });
        self.wanted.store(wanted, Ordering::Relaxed);
        Ok(())
    }

    /// Writes the last report and closes the socket. False when there was no monitor.
    pub fn stop(&self) {
        let wanted = self.wanted.swap(0, Ordering::Relaxed);
        let mut slot = self.active.lock();
        let Some(mut active) = slot.take() else { return };
        if wanted & event::MONITOR_STOPPED != 0 {
            active.lift_limit();
            active.write(&Report::bound(event::MONITOR_STOPPED, 0, ""));
        }
        drop(slot);
        let _ = super::close(active.cell);
    }

    /// Reports an event if it is wanted.
    pub fn report(&self, report: &Report) {
        if self.wants(report.event)
            && let Some(active) = &mut *self.active.lock()
        {
            active.write(report);
        }
    }

    /// A reader has come: it gets what waited for it.
    pub fn flush(&self) {
        if let Some(active) = &mut *self.active.lock() {
            active.flush();
        }
    }
}

impl Active {
    fn write(&mut self, report: &Report) {
        if self.format == Format::Silent {
            return;
        }
        let Ok(parts) = self.format.encode(report) else { return };
        self.flush();
        if !self.waiting.is_empty() {
            return self.keep(parts);
        }
        if let Err((parts, reader)) = send(self.cell, parts) {
            if reader { self.lose() } else { self.keep(parts) }
        }
    }

    /// The last report is what a reader waits for in the end, however slow it is.
    fn lift_limit(&self) {
        if let Some(socket) = &mut *self.cell.lock() {
            let _ = socket.set_option(n::ZMQ_SNDHWM, Some(&0_i32.to_ne_bytes()));
        }
    }

    fn flush(&mut self) {
        while let Some(parts) = self.waiting.pop_front() {
            match send(self.cell, parts) {
                Ok(()) => {}
                Err((_, true)) => self.lose(),
                Err((parts, false)) => return self.waiting.push_front(parts),
            }
        }
    }

    fn keep(&mut self, parts: Vec<Message>) {
        if self.waiting.len() < MONITOR_BACKLOG {
            self.waiting.push_back(parts);
        } else {
            self.lose();
        }
    }

    fn lose(&mut self) {
        self.lost += 1;
        crate::log::debug!("a monitor has lost {} events so far: its reader is too slow", self.lost);
    }
}

/// Sends a whole message. On failure returns it, and whether there is a reader at all.
fn send(cell: &'static Cell<Socket>, parts: Vec<Message>) -> std::result::Result<(), (Vec<Message>, bool)> {
    match &mut *cell.lock() {
        Some(socket) => socket.send_whole(parts).map_err(|parts| (parts, !socket.pipes.is_empty())),
        None => Ok(()),
    }
}

impl Format {
    pub fn from_version(version: i32) -> Self {
        match version {
            1 => Self::First,
            2 => Self::Second,
            _ => Self::Silent,
        }
    }

    /// The parts of a report. Numbers are in the byte order of the machine.
    fn encode(self, report: &Report) -> Result<Vec<Message>> {
        let mut parts = Vec::new();
        let mut add = |bytes: &[u8]| Message::from_slice(bytes).map(|part| parts.push(part));
        if self == Self::First {
            let mut head = [0; 6];
            head[..2].copy_from_slice(&(report.event as u16).to_ne_bytes());
            head[2..].copy_from_slice(&(report.value as u32).to_ne_bytes());
            add(&head)?;
            add(report.endpoint().as_bytes())?;
        } else {
            add(&report.event.to_ne_bytes())?;
            let values: Vec<u64> = [report.value].into_iter().chain(report.second_value).collect();
            add(&(values.len() as u64).to_ne_bytes())?;
            values.iter().try_for_each(|value| add(&value.to_ne_bytes()))?;
            add(report.local.as_bytes())?;
            add(report.remote.as_bytes())?;
        }
        let last = parts.len() - 1;
        parts[..last].iter_mut().for_each(|part| part.set_more(true));
        Ok(parts)
    }
}

/// The monitor that a socket belongs to, if it is one of the library's own.
pub type Monitors = Option<Weak<Monitor>>;

impl Socket {
    /// `zmq_socket_monitor_versioned`. Without an endpoint the monitor is stopped.
    pub fn monitor(&mut self, endpoint: Option<&OsStr>, events: u64, version: i32, kind: i32) -> Result<()> {
        self.enter()?;
        let Some(endpoint) = endpoint else {
            self.monitor.stop();
            return Ok(());
        };
        if version == 1 && events >> 16 != 0 {
            return Err(Errno::INVALID);
        }
        let (scheme, _) = crate::transport::split(endpoint)?;
        if scheme != "inproc" {
            return Err(Errno::PROTOCOL_NOT_SUPPORTED);
        }
        self.monitor.stop();
        if ![n::ZMQ_PAIR, n::ZMQ_PUB, n::ZMQ_PUSH].contains(&kind) {
            return Err(Errno::INVALID);
        }
        self.monitor.start(&self.context, endpoint, events, Format::from_version(version), kind)
    }

    /// Sends a message of the library's own, also while the context is ending. On failure returns it.
    fn send_whole(&mut self, mut parts: Vec<Message>) -> std::result::Result<(), Vec<Message>> {
        if self.inbox.mailbox.waker.is_pending() {
            self.handle_news();
        }
        for index in 0..parts.len() {
            // Only the first part can be refused.
            if self.pattern.send(&mut self.pipes, &mut parts[index], super::Mode::NonBlocking).is_err() {
                return if index == 0 { Err(parts) } else { Ok(()) };
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        let report = Report {
            local: "tcp://here".into(),
            remote: "tcp://there".into(),
            ..Report::new(event::CONNECTED, 7)
        };
        let first = Format::First.encode(&report).unwrap();
        assert_eq!(first[0].data(), [&1_u16.to_ne_bytes()[..], &7_u32.to_ne_bytes()].concat());
        assert_eq!(first[1].data(), b"tcp://there");
        assert!(first[0].more() && !first[1].more());
        let second = Format::Second.encode(&report).unwrap();
        let data: Vec<_> = second.iter().map(Message::data).collect();
        let number = |number: u64| number.to_ne_bytes();
        assert_eq!(data[..3], [&number(1), &number(1), &number(7)]);
        assert_eq!(data[3..], [&b"tcp://here"[..], b"tcp://there"]);
        assert_eq!(second.iter().filter(|part| part.more()).count(), 4);
        let queues = Format::Second.encode(&Report::queues(3, 4)).unwrap();
        let data: Vec<_> = queues.iter().map(Message::data).collect();
        assert_eq!(data, [&number(0x10000)[..], &number(2), &number(3), &number(4), b"", b""]);
    }
}
