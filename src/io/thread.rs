//! The loop of an I/O thread.

use super::{Event, Interest, Mailbox, Poller};
use crate::error::{Errno, Result};
use crate::sync::Deferral;
use std::cell::Cell;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

/// The poller key of the mailbox; a handler's own keys are smaller.
const MAILBOX_KEY: u64 = u64::MAX;

thread_local! {
    static IS_IO_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// True on the library's own threads.
pub fn is_io_thread() -> bool {
    IS_IO_THREAD.with(Cell::get)
}

/// What an I/O thread does. No method may block.
pub trait Handler {
    type Command: Send;

    /// A command from another thread. False ends the loop.
    fn command(&mut self, command: Self::Command) -> bool;

    /// A watched descriptor is ready.
    fn event(&mut self, event: Event);

    /// Does what is due at `now` and returns the next deadline.
    fn timers(&mut self, now: Instant) -> Option<Instant>;
}

/// How the library's threads are started.
#[derive(Clone, Debug, Default)]
pub struct ThreadSettings {
    /// Put before the name, as `prefix/name`.
    pub prefix: String,
    /// Scheduling policy and priority, where the application asked for them.
    pub policy: Option<i32>,
    pub priority: Option<i32>,
    /// Processors to run on; empty is all.
    pub processors: Vec<usize>,
}

/// Starts a thread of the library: named, with all signals blocked, scheduled as the application asked.
pub fn start(
    name: &str,
    settings: &ThreadSettings,
    body: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>> {
    let name =
        if settings.prefix.is_empty() { name.to_owned() } else { format!("{}/{name}", settings.prefix) };
    let settings = settings.clone();
    with_signals_blocked(|| {
        std::thread::Builder::new()
            .name(name)
            .spawn(move || {
                IS_IO_THREAD.with(|flag| flag.set(true));
                apply(&settings);
                body();
            })
            .map_err(Errno::from)
    })
}

/// Starts a helper thread that nobody waits for (name resolution).
pub fn spawn_plain(name: &str, body: impl FnOnce() + Send + 'static) -> Result<()> {
    start(name, &ThreadSettings::default(), body).map(drop)
}

/// A new thread inherits the signal mask, so signals are blocked before it exists: none is ever delivered to it.
fn with_signals_blocked<R>(work: impl FnOnce() -> R) -> R {
    /// Puts the mask back, however the work ends.
    struct Mask(libc::sigset_t);
    impl Drop for Mask {
        fn drop(&mut self) {
            // SAFETY: the mask that this thread had.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut()) };
        }
    }
    // SAFETY: both sets live across the calls.
    let _mask = unsafe {
        let mut all = std::mem::zeroed::<libc::sigset_t>();
        let mut old = std::mem::zeroed::<libc::sigset_t>();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, &raw mut old);
        Mask(old)
    };
    work()
}

/// Scheduling wishes are best effort: without the privilege the thread runs as any other.
fn apply(settings: &ThreadSettings) {
    // SAFETY: plain system calls on the calling thread, with structures that outlive them.
    unsafe {
        if !settings.processors.is_empty() {
            let mut set = std::mem::zeroed::<libc::cpu_set_t>();
            for &cpu in settings.processors.iter().filter(|&&cpu| cpu < libc::CPU_SETSIZE as usize) {
                libc::CPU_SET(cpu, &mut set);
            }
            libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
        }
        let real_time = matches!(settings.policy, Some(libc::SCHED_FIFO | libc::SCHED_RR));
        if let Some(policy) = settings.policy {
            // Only the real-time policies have priorities.
            let priority = if real_time { settings.priority.unwrap_or(1) } else { 0 };
            let parameters = libc::sched_param { sched_priority: priority };
            libc::pthread_setschedparam(libc::pthread_self(), policy, &raw const parameters);
        }
        if !real_time && settings.priority.is_some_and(|priority| priority > 0) {
            // As the reference does, whatever the number: 20 steps up.
            let nice = libc::getpriority(libc::PRIO_PROCESS, 0);
            libc::setpriority(libc::PRIO_PROCESS, 0, nice - 20);
        }
    }
}

/// Watches the mailbox; done once, before the loop starts.
pub fn watch_mailbox<T>(poller: &Poller, mailbox: &Mailbox<T>) -> Result<()> {
    poller.add(mailbox.waker.fd()?, MAILBOX_KEY, Interest::READ)
}

/// Runs until the handler ends it.
pub fn run<H: Handler>(handler: &mut H, poller: &Poller, mailbox: &Arc<Mailbox<H::Command>>) {
    let mut events = Vec::with_capacity(64);
    loop {
        let deferral = Deferral::begin();
        if mailbox.has_news() {
            // Those that are there now: a command may lead to another, and descriptors and timers have their turn between.
            for _ in 0..mailbox.waiting() {
                let Some(command) = mailbox.pop() else { break };
                if !handler.command(command) {
                    return;
                }
            }
        }
        let now = Instant::now();
        let deadline = handler.timers(now);
        let mut timeout = deadline.map(|at| at.saturating_duration_since(now));
        drop(deferral);
        let sleeping = mailbox.waker.begin_sleep();
        if !sleeping {
            timeout = Some(std::time::Duration::ZERO);
        }
        // A failing epoll_wait leaves nothing to do but try again; pausing keeps that from using the processor.
        if poller.wait(&mut events, timeout).is_err() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        if sleeping {
            mailbox.waker.end_sleep();
        }
        let _deferral = Deferral::begin();
        for event in events.drain(..) {
            if event.key == MAILBOX_KEY {
                mailbox.waker.drain();
            } else {
                handler.event(event);
            }
        }
    }
}
