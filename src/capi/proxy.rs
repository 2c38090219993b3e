//! Proxies.

use super::error::{OrMinusOne, guard};
use crate::error::{Errno, Result};
use crate::message::Message;
use crate::socket::{self, Item, POLL_IN, POLL_OUT, Socket};
use crate::sync::Cell;
use std::ffi::{c_int, c_void};

const DONT_WAIT: c_int = super::constants::ZMQ_DONTWAIT;
const SEND_MORE: c_int = super::constants::ZMQ_SNDMORE;

/// Messages moved in one direction before the other gets its turn.
const BURST: usize = 1000;

/// Frames and bytes of one socket, as STATISTICS reports them.
#[derive(Default, Clone, Copy)]
struct Traffic {
    received: u64,
    received_bytes: u64,
    sent: u64,
    sent_bytes: u64,
}

#[derive(PartialEq, Eq)]
enum State {
    Active,
    Paused,
    Terminated,
}

/// What came of moving messages one way.
#[derive(Default)]
struct Moved {
    any: bool,
    /// The other side has no room.
    waits: bool,
}

struct Proxy {
    front: *mut c_void,
    back: *mut c_void,
    capture: *mut c_void,
    control: *mut c_void,
    state: State,
    front_traffic: Traffic,
    back_traffic: Traffic,
    /// Each part on its way.
    message: Message,
}

impl Proxy {
    /// Moves what there is, and waits when nothing moved.
    fn run(&mut self) -> Result<()> {
        // A side whose input waits for room on the other side is not asked for input again, but for that room.
        let mut front_waits = false;
        let mut back_waits = false;
        // One socket that is both sides is asked for input alone: what it gets it gives back.
        let single = self.front == self.back;
        while self.state != State::Terminated {
            if self.has_orders()? {
                self.obey()?;
                continue;
            }
            let active = self.state == State::Active;
            if active {
                let forward = self.forward(true)?;
                let backward = if single { Moved::default() } else { self.forward(false)? };
                if forward.any || backward.any {
                    continue;
                }
                (front_waits, back_waits) = (forward.waits, backward.waits);
            }
            let wanted = |input_waits: bool, output_wanted: bool| {
                let input = if active && !input_waits { POLL_IN } else { 0 };
                input | if active && output_wanted { POLL_OUT } else { 0 }
            };
            socket::poll_serving(&mut [
                item(self.front, wanted(front_waits, back_waits)),
                item(if single { std::ptr::null_mut() } else { self.back }, wanted(back_waits, front_waits)),
                item(self.control, POLL_IN),
            ])?;
        }
        Ok(())
    }

    /// Orders come before messages.
    fn has_orders(&self) -> Result<bool> {
        Ok(!self.control.is_null() && socket::has_input(socket::find(self.control)?)?)
    }

    /// Moves whole messages, until there is no input, no room, or the burst is over.
    fn forward(&mut self, to_back: bool) -> Result<Moved> {
        let (from, to) = if to_back { (self.front, self.back) } else { (self.back, self.front) };
        let (source, target) = (socket::find(from)?, socket::find(to)?);
        let mut moved = Moved::default();
        for _ in 0..BURST {
            if to != from && !socket::has_room(target)? {
                moved.waits = true;
                break;
            }
            match socket::recv_in_service(source, &mut self.message) {
                // Also a socket that never receives, or not in its present state.
                Err(Errno::AGAIN | Errno::NOT_SUPPORTED | Errno::STATE) => break,
                result => result?,
            }
            moved.any = true;
            loop {
                let more = self.message.more();
                self.pass_on(to_back, target)?;
                if !more {
                    break;
                }
                socket::recv_into(source, &mut self.message, 0, false)?;
            }
        }
        Ok(moved)
    }

    /// Sends a part on, and a copy to the capture socket.
    fn pass_on(&mut self, to_back: bool, target: &'static Cell<Socket>) -> Result<()> {
        let flags = if self.message.more() { SEND_MORE } else { 0 };
        let size = self.message.len() as u64;
        if !self.capture.is_null() {
            socket::send(socket::find(self.capture)?, &mut self.message.share(), flags)?;
        }
        socket::send(target, &mut self.message, flags)?;
        let (source, target) = match to_back {
            true => (&mut self.front_traffic, &mut self.back_traffic),
            false => (&mut self.back_traffic, &mut self.front_traffic),
        };
        source.received += 1;
        source.received_bytes += size;
        target.sent += 1;
        target.sent_bytes += size;
        Ok(())
    }

    /// One command from the control socket. A REP socket owes an answer to each.
    fn obey(&mut self) -> Result<()> {
        let command = socket::recv(socket::find(self.control)?, DONT_WAIT, false);
        let command = match command {
            Err(Errno::AGAIN) => return Ok(()),
            result => result?,
        };
        let mut more = command.more();
        while more {
            more = socket::recv(socket::find(self.control)?, 0, false)?.more();
        }
        match command.data() {
            b"PAUSE" => self.state = State::Paused,
            b"RESUME" => self.state = State::Active,
            b"TERMINATE" => self.state = State::Terminated,
            b"STATISTICS" => return self.report(),
            _ => {}
        }
        if socket::is_reply(socket::find(self.control)?)? {
            socket::send(socket::find(self.control)?, &mut Message::new(), 0)?;
        }
        Ok(())
    }

    fn report(&self) -> Result<()> {
        let numbers = [self.front_traffic, self.back_traffic]
            .map(|traffic| [traffic.received, traffic.received_bytes, traffic.sent, traffic.sent_bytes]);
        for (index, number) in numbers.as_flattened().iter().enumerate() {
            let flags = if index < 7 { SEND_MORE } else { 0 };
            socket::send(
                socket::find(self.control)?,
                &mut Message::from_slice(&number.to_ne_bytes())?,
                flags,
            )?;
        }
        Ok(())
    }
}

fn item(socket: *mut c_void, wanted: i16) -> Item {
    Item::new(socket, -1, wanted)
}

fn run(front: *mut c_void, back: *mut c_void, capture: *mut c_void, control: *mut c_void) -> Result<()> {
    if front.is_null() || back.is_null() {
        return Err(Errno::FAULT);
    }
    if !capture.is_null() {
        // Before anything is moved, that it could not have a copy of.
        super::socket::with_socket(capture, |_| Ok(()))?;
    }
    let mut proxy = Proxy {
        front,
        back,
        capture,
        control,
        state: State::Active,
        front_traffic: Traffic::default(),
        back_traffic: Traffic::default(),
        message: Message::new(),
    };
    proxy.run()
}

/// Moves messages between two sockets, in both directions, until an error ends it; a copy of each goes to `capture_`, if
/// that is not NULL. Returns -1.
///
/// # Errors
/// - EFAULT: a NULL socket.
/// - ENOTSOCK: not a socket.
/// - ETERM: the context is ending: the normal way out.
/// - EINTR: a signal came.
/// - Others of the two sockets.
///
/// # Safety
/// - any argument: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_proxy(
    frontend_: *mut c_void,
    backend_: *mut c_void,
    capture_: *mut c_void,
) -> c_int {
    guard(|| run(frontend_, backend_, capture_, std::ptr::null_mut())).or_minus_one()
}

/// The same, obeying the messages PAUSE, RESUME, TERMINATE and STATISTICS on `control_`. Returns 0 after TERMINATE.
///
/// # Errors
/// - As zmq_proxy.
///
/// # Safety
/// - any argument: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_proxy_steerable(
    frontend_: *mut c_void,
    backend_: *mut c_void,
    capture_: *mut c_void,
    control_: *mut c_void,
) -> c_int {
    guard(|| run(frontend_, backend_, capture_, control_)).or_minus_one()
}

/// Deprecated: zmq_proxy without capture; the type is ignored.
///
/// # Errors
/// - As zmq_proxy.
///
/// # Safety
/// - any argument: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_device(type_: c_int, frontend_: *mut c_void, backend_: *mut c_void) -> c_int {
    let _ = type_;
    guard(|| run(frontend_, backend_, std::ptr::null_mut(), std::ptr::null_mut())).or_minus_one()
}
