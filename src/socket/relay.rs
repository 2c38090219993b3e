//! Passing messages on from one socket to another: what a proxy does.

use super::Socket;
use crate::config::{RELAYED, RELAYED_BYTES};
use crate::error::{Errno, Result};
use crate::message::{Message, Traffic};
use crate::pattern::Mode;
use crate::sync::Cell;

/// Why passing on has stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// There is no input.
    NoInput,
    /// The target would not take a message.
    NoRoom,
    /// For now: others that use the sockets have their turn.
    Turn,
    /// The target is in use.
    Busy,
    /// In the middle of a message: the part that was received last was not taken, if `in_hand`; else the next one is
    /// not there.
    Part { in_hand: bool },
}

/// Passes messages on, without waiting, for a thread that waits in [`super::poll_serving`] next: the connections stay its own to
/// read. Both sockets are in use meanwhile, which saves getting them for each part. `message` is the place of each part on
/// its way, and `passed` counts the parts that were passed on.
pub fn relay(
    source: &'static Cell<Socket>,
    target: &'static Cell<Socket>,
    message: &mut Message,
    passed: &mut Traffic,
) -> Result<Stop> {
    let mut source = source.lock();
    let source = source.as_mut().ok_or(Errno::NOT_A_SOCKET)?;
    let Some(mut target) = target.try_lock() else { return Ok(Stop::Busy) };
    let target = target.as_mut().ok_or(Errno::NOT_A_SOCKET)?;
    let stop = relay_some(source, target, message, passed);
    // Who waits for a half of one of the target's connections has it now: a busy proxy is hardly ever out of its sockets.
    target.pipes.end_passing();
    stop
}

fn relay_some(
    source: &mut Socket,
    target: &mut Socket,
    message: &mut Message,
    passed: &mut Traffic,
) -> Result<Stop> {
    if target.has_leases() {
        target.heed()?;
    }
    let limit = passed.bytes + RELAYED_BYTES;
    for _ in 0..RELAYED {
        if passed.bytes >= limit {
            break;
        }
        if !target.has_room()? {
            return Ok(Stop::NoRoom);
        }
        match source.try_recv_in_service(message) {
            // Also a socket that never receives, or not in its present state.
            Err(Errno::AGAIN | Errno::NOT_SUPPORTED | Errno::STATE) => return Ok(Stop::NoInput),
            result => result?,
        }
        loop {
            let (size, more) = (message.len(), message.more());
            message.prepare_to_send(more);
            match target.try_send(message, Mode::Blocking) {
                Err(Errno::AGAIN) => return Ok(Stop::Part { in_hand: true }),
                result => result?,
            }
            passed.count(size, false);
            if !more {
                break;
            }
            match source.try_recv(message, false) {
                Err(Errno::AGAIN) => return Ok(Stop::Part { in_hand: false }),
                result => result?,
            }
        }
    }
    Ok(Stop::Turn)
}
