//! A fence in two unequal halves.
//!
//! Two threads that each write a word and then read the other's need a full fence on both sides, or each may miss what the other
//! wrote. Where one side passes there millions of times a second and the other seldom, membarrier(2) lets the seldom one pay for
//! both: it makes every processor that runs this process pass a full fence, wherever it is. The busy side then only has to
//! keep the compiler from reordering.

use super::global::{AtomicU8, Ordering};

const UNKNOWN: u8 = 0;
const AVAILABLE: u8 = 1;
const MISSING: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);

/// Whether the kernel has what the pair needs. To be asked before a [`light`] fence is used. The first to ask may wait for some milliseconds, if
/// the process has several threads by then.
pub fn is_available() -> bool {
    if cfg!(loom) {
        return true;
    }
    match STATE.load(Ordering::Relaxed) {
        UNKNOWN => {
            let state =
                if command(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) { AVAILABLE } else { MISSING };
            STATE.store(state, Ordering::Relaxed);
            state == AVAILABLE
        }
        state => state == AVAILABLE,
    }
}

/// The busy side's half, between its write and its read.
#[inline(always)]
pub fn light() {
    #[cfg(not(loom))]
    std::sync::atomic::compiler_fence(Ordering::SeqCst);
    // Loom has no membarrier: it explores the pair as two full fences.
    #[cfg(loom)]
    super::fence(Ordering::SeqCst);
}

/// The seldom side's half, between its write and its read: a system call that interrupts the other processors.
#[cold]
pub fn heavy() {
    #[cfg(not(loom))]
    if !command(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED) {
        // Forbidden since it was asked for, by a sandbox that came later, or to be asked for anew, after a fork.
        STATE.store(UNKNOWN, Ordering::Relaxed);
        if !is_available() || !command(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED) {
            // Nobody is to begin with it any more.
            STATE.store(MISSING, Ordering::Relaxed);
            // No processor keeps a write to itself for so long.
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
    #[cfg(loom)]
    super::fence(Ordering::SeqCst);
}

fn command(number: libc::c_int) -> bool {
    // SAFETY: takes three integers and touches no memory.
    unsafe { libc::syscall(libc::SYS_membarrier, number, 0, 0) == 0 }
}
