//! Helper threads: work that may block, and that no I/O thread can do.

use super::thread::spawn_plain;
use crate::config::HELPER_QUEUE;
use crate::error::{Errno, Result};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

type Work = Box<dyn FnOnce() + Send>;

/// A queue, and a few threads that are there as long as there is something in it.
pub struct Helpers {
    name: &'static str,
    limit: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    threads: usize,
    queue: VecDeque<Work>,
}

impl Helpers {
    /// At most `limit` threads at once.
    pub fn new(name: &'static str, limit: usize) -> Arc<Self> {
        Arc::new(Self { name, limit, state: Mutex::default() })
    }

    /// Has work done, in the order in which it comes; nobody waits for it. Fails when there is no thread that could do it, and when
    /// too much waits already: what is queued for strangers must not grow.
    pub fn run(self: &Arc<Self>, work: impl FnOnce() + Send + 'static) -> Result<()> {
        let mut state = self.state.lock();
        if state.queue.len() >= HELPER_QUEUE {
            return Err(Errno::AGAIN);
        }
        state.queue.push_back(Box::new(work));
        if state.threads == self.limit {
            return Ok(());
        }
        state.threads += 1;
        drop(state);
        let helpers = self.clone();
        let Err(error) = spawn_plain(self.name, move || helpers.serve()) else { return Ok(()) };
        let mut state = self.state.lock();
        state.threads -= 1;
        if state.threads > 0 {
            // Another one will come to it.
            return Ok(());
        }
        state.queue.clear();
        Err(error)
    }

    fn serve(&self) {
        loop {
            let work = {
                let mut state = self.state.lock();
                let Some(work) = state.queue.pop_front() else {
                    state.threads -= 1;
                    return;
                };
                work
            };
            if catch_unwind(AssertUnwindSafe(work)).is_err() {
                crate::log::debug!("internal error: work of a helper thread is lost");
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    #[test]
    fn never_more_threads_than_allowed_and_nothing_is_lost() {
        let helpers = Helpers::new("test", 2);
        let (busy, most) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
        let (sender, receiver) = channel();
        for number in 0..200 {
            let (busy, most, sender) = (busy.clone(), most.clone(), sender.clone());
            let work = move || {
                let now = {
                    let mut busy = busy.lock();
                    *busy += 1;
                    *busy
                };
                let before = *most.lock();
                *most.lock() = before.max(now);
                std::thread::yield_now();
                *busy.lock() -= 1;
                sender.send(number).unwrap();
                if number == 7 {
                    panic!("work that fails");
                }
            };
            helpers.run(work).unwrap();
        }
        let mut done: Vec<_> =
            (0..200).map(|_| receiver.recv_timeout(Duration::from_secs(20)).unwrap()).collect();
        done.sort_unstable();
        assert_eq!(done, (0..200).collect::<Vec<_>>());
        assert!(*most.lock() <= 2);
    }
}
