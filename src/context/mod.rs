//! Contexts: limits, I/O threads, inproc names, termination.
//!
//! Knows: which sockets are open (by their inboxes), which threads run, who bound which inproc name. Must not know:
//! what sockets do. A context ends when every socket is closed and every link has sent what linger allows.

#![forbid(unsafe_code)]

mod inproc;

pub use inproc::{Bound, Names, PendingConnect};

use crate::driver::{Command, Gate, IoThread, Reactor};
use crate::error::{Errno, Result};
use crate::io::{Mailbox, Poller, ThreadSettings, run, start, watch_mailbox};
use crate::options::ContextOptions;
use crate::socket::Inbox;
use crate::sync::global::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::sync::{barrier, fork_generation, watch_forks};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;

/// See the module documentation.
pub struct Context {
    pub options: Mutex<ContextOptions>,
    sockets: Mutex<HashMap<u64, Arc<Inbox>>>,
    threads: Mutex<Option<Threads>>,
    pub names: Arc<Mutex<Names>>,
    pub gate: Arc<Gate>,
    terminating: AtomicBool,
    generation: u32,
}

/// What the first socket fixes: later changes of context options do not matter.
struct Threads {
    max_sockets: usize,
    all: Arc<[Arc<IoThread>]>,
    joins: Vec<JoinHandle<()>>,
}

static NEXT_SERIAL: AtomicU64 = AtomicU64::new(1);

/// A number no other socket or listener of this process has.
pub fn next_serial() -> u64 {
    NEXT_SERIAL.fetch_add(1, Ordering::Relaxed)
}

impl Context {
    /// A context without threads; those start with the first socket.
    pub fn new() -> Result<Arc<Self>> {
        watch_forks();
        // Now, and not by a thread in a hurry: with several threads the kernel takes its time.
        barrier::is_available();
        let gate = Arc::new(Gate::default());
        // Made now, so that ending the context needs no descriptor when there is none left.
        gate.waker.fd()?;
        Ok(Arc::new(Self {
            options: Mutex::new(ContextOptions::new()),
            sockets: Mutex::default(),
            threads: Mutex::new(None),
            names: Arc::default(),
            gate,
            terminating: AtomicBool::new(false),
            generation: fork_generation(),
        }))
    }

    /// True once `zmq_ctx_shutdown` or `zmq_ctx_term` was called.
    #[inline]
    pub fn is_terminating(&self) -> bool {
        self.terminating.load(Ordering::Relaxed)
    }

    /// True in a child forked after the context was made.
    #[inline]
    pub fn is_foreign(&self) -> bool {
        self.generation != fork_generation()
    }

    /// Admits a new socket. EMFILE beyond ZMQ_MAX_SOCKETS, ETERM when the context is ending.
    pub fn admit(&self, inbox: &Arc<Inbox>) -> Result<()> {
        let limit = self.ensure_threads()?;
        let mut sockets = self.sockets.lock();
        if self.is_terminating() {
            return Err(Errno::TERMINATED);
        }
        if sockets.len() >= limit {
            return Err(Errno::TOO_MANY_FILES);
        }
        sockets.insert(inbox.serial, inbox.clone());
        Ok(())
    }

    /// A socket was closed.
    pub fn dismiss(&self, serial: u64) {
        self.sockets.lock().remove(&serial);
        self.gate.waker.notify();
    }

    /// Starts the threads with the first socket. Returns the limit of sockets.
    fn ensure_threads(&self) -> Result<usize> {
        let mut threads = self.threads.lock();
        if let Some(threads) = &*threads {
            return Ok(threads.max_sockets);
        }
        // Under the lock that the end of the context takes to stop the threads.
        if self.is_terminating() {
            return Err(Errno::TERMINATED);
        }
        let options = self.options.lock().clone();
        let settings = ThreadSettings {
            prefix: options.thread_prefix(),
            policy: options.thread_policy,
            priority: options.thread_priority,
            processors: options.thread_cpus.iter().filter_map(|&cpu| usize::try_from(cpu).ok()).collect(),
        };
        let max_sockets = options.max_sockets as usize;
        let (mut all, mut joins) = (Vec::new(), Vec::new());
        for index in 0..options.io_threads as usize {
            match self.start_thread(index, &settings) {
                Ok((thread, join)) => {
                    all.push(thread);
                    joins.push(join);
                }
                Err(error) => {
                    stop(Threads { max_sockets, all: all.into(), joins });
                    return Err(error);
                }
            }
        }
        *threads = Some(Threads { max_sockets, all: all.into(), joins });
        Ok(max_sockets)
    }

    fn start_thread(
        &self,
        index: usize,
        settings: &ThreadSettings,
    ) -> Result<(Arc<IoThread>, JoinHandle<()>)> {
        let thread = Arc::new(IoThread {
            mailbox: Arc::new(Mailbox::new()),
            poller: Arc::new(Poller::new()?),
            index,
            load: AtomicUsize::new(0),
            generation: self.generation,
        });
        watch_mailbox(&thread.poller, &thread.mailbox)?;
        let own = thread.clone();
        let join = start(&format!("ZMQbg/IO/{index}"), settings, move || {
            let mut reactor = Reactor::new(own.clone());
            run(&mut reactor, &own.poller, &own.mailbox);
        })?;
        Ok((thread, join))
    }

    /// I/O threads selected by an affinity mask. EMTHREAD when there is none.
    pub fn threads(&self, affinity: u64) -> Result<Arc<[Arc<IoThread>]>> {
        let threads = self.threads.lock();
        let all = threads.as_ref().map(|threads| threads.all.clone()).ok_or(Errno::NO_THREAD)?;
        if affinity == 0 && !all.is_empty() {
            return Ok(all);
        }
        let chosen: Vec<_> = all
            .iter()
            .filter(|thread| thread.index < 64 && affinity & (1 << thread.index) != 0)
            .cloned()
            .collect();
        if chosen.is_empty() { Err(Errno::NO_THREAD) } else { Ok(chosen.into()) }
    }

    /// The least loaded of the selected I/O threads.
    pub fn thread(&self, affinity: u64) -> Result<Arc<IoThread>> {
        let threads = self.threads(affinity)?;
        threads
            .iter()
            .min_by_key(|thread| thread.load.load(Ordering::Relaxed))
            .cloned()
            .ok_or(Errno::NO_THREAD)
    }

    /// Makes every call on every socket fail with ETERM from now on. May be repeated.
    pub fn shut_down(&self) {
        if self.is_foreign() {
            return; // The wakers of the sockets are the parent's.
        }
        let sockets = self.sockets.lock();
        self.terminating.store(true, Ordering::Release);
        for inbox in sockets.values() {
            inbox.wake();
        }
    }

    /// Waits until every socket is closed and every link is done. EINTR when a signal came; call it again.
    pub fn terminate(&self) -> Result<()> {
        if self.is_foreign() {
            return Err(Errno::INTERRUPTED);
        }
        self.shut_down();
        let pending = self.names.lock().take_pending();
        pending.into_iter().for_each(|pending| pending.end.close());
        loop {
            self.gate.waker.take();
            if self.sockets.lock().is_empty() && self.gate.is_empty() {
                break;
            }
            crate::socket::sleep_on(&self.gate.waker)?;
        }
        let threads = self.threads.lock().take();
        if let Some(threads) = threads {
            stop(threads);
        }
        Ok(())
    }
}

fn stop(threads: Threads) {
    for thread in threads.all.iter() {
        thread.mailbox.post(Command::Stop);
    }
    for join in threads.joins {
        // A thread that panicked has ended all the same.
        let _ = join.join();
    }
    // Commands that came too late hold handles, which hold their thread's mailbox.
    for thread in threads.all.iter() {
        while thread.mailbox.pop().is_some() {}
    }
}
