//! Whether application threads may drive connections themselves.

use crate::sync::global::{AtomicU32, Ordering};

/// Counts forks of this process: a context made before a fork is not usable in the child.
static FORKS: AtomicU32 = AtomicU32::new(0);

extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// The process generation. Differs between a parent and its forked child.
pub fn generation() -> u32 {
    static INSTALLED: std::sync::Once = std::sync::Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: the handler only increments an atomic, which is allowed after fork.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
    FORKS.load(Ordering::Relaxed)
}

fn switched_on(name: &str) -> bool {
    std::env::var_os(name).is_none_or(|value| value != "off")
}

/// False with `ZMQ_OXIDE_INLINE=off`: then I/O threads alone read and write.
pub fn inline_driving() -> bool {
    static ON: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *ON.get_or_init(|| switched_on("ZMQ_OXIDE_INLINE"))
}

/// False with `ZMQ_OXIDE_SPIN=off`, or on a single processor: then waits sleep at once.
pub fn spinning() -> bool {
    static ON: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *ON.get_or_init(|| {
        switched_on("ZMQ_OXIDE_SPIN")
            && std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1)
    })
}
