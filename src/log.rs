//! `ZMQ_LOG=debug`: what the library does, on stderr. Off by default, one relaxed load when off.

use crate::sync::global::{AtomicU32, Ordering};

const UNKNOWN: u32 = 0;
const OFF: u32 = 1;
const ON: u32 = 2;

static STATE: AtomicU32 = AtomicU32::new(UNKNOWN);

/// Whether `ZMQ_LOG=debug` is in the environment.
#[inline]
pub fn enabled() -> bool {
    match STATE.load(Ordering::Relaxed) {
        OFF => false,
        ON => true,
        _ => read_environment(),
    }
}

#[cold]
fn read_environment() -> bool {
    let on = std::env::var_os("ZMQ_LOG").is_some_and(|value| value == "debug");
    STATE.store(if on { ON } else { OFF }, Ordering::Relaxed);
    on
}

/// Writes one line.
pub fn write(arguments: std::fmt::Arguments<'_>) {
    use std::io::Write;
    let line = format!("zmq: {arguments}\n");
    // A closed stderr is no reason to disturb the program.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// Writes a line when logging is on; its arguments are not evaluated otherwise.
macro_rules! debug {
    ($($argument:tt)*) => {
        if $crate::log::enabled() {
            $crate::log::write(format_args!($($argument)*));
        }
    };
}

pub(crate) use debug;
