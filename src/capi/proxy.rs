//! Proxies.

use super::error::{OrMinusOne, guard};
use crate::config::{RELAYED, RELAYS};
use crate::error::{Errno, Result};
use crate::message::{Message, Traffic};
use crate::socket::{self, Item, POLL_IN, POLL_OUT, Socket, Stop};
use crate::sync::Cell;
use std::ffi::{c_int, c_void};

const DONT_WAIT: c_int = super::constants::ZMQ_DONTWAIT;
const SEND_MORE: c_int = super::constants::ZMQ_SNDMORE;

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

type Side = &'static Cell<Socket>;

struct Proxy {
    front: *mut c_void,
    back: *mut c_void,
    capture: *mut c_void,
    control: *mut c_void,
    state: State,
    /// Parts that were passed on, and their bytes.
    forward: Traffic,
    backward: Traffic,
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
                let forward = self.pass(true)?;
                let backward = if single { Moved::default() } else { self.pass(false)? };
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

    /// Moves whole messages, until there is no input, no room, or the other direction has its turn.
    fn pass(&mut self, forward: bool) -> Result<Moved> {
        let (from, to) = if forward { (self.front, self.back) } else { (self.back, self.front) };
        let (source, target) = (socket::find(from)?, socket::find(to)?);
        let simple = self.capture.is_null() && from != to;
        let mut moved = Moved::default();
        for _ in 0..RELAYS {
            let before = (self.forward, self.backward);
            let mut stop = if simple { self.relay(forward, source, target)? } else { Stop::Busy };
            if stop == Stop::Busy {
                stop = self.pass_singly(forward, source, target)?;
            }
            moved.any |= before != (self.forward, self.backward);
            match stop {
                Stop::NoInput => break,
                Stop::NoRoom => {
                    moved.waits = true;
                    break;
                }
                Stop::Turn | Stop::Busy | Stop::Part { .. } => {}
            }
        }
        Ok(moved)
    }

    /// With both sockets in use, but for what has to wait in the middle of a message.
    fn relay(&mut self, forward: bool, source: Side, target: Side) -> Result<Stop> {
        let passed = if forward { &mut self.forward } else { &mut self.backward };
        let stop = socket::relay(source, target, &mut self.message, passed)?;
        if let Stop::Part { in_hand } = stop {
            self.pass_rest(forward, source, target, in_hand)?;
        }
        Ok(stop)
    }

    /// With the sockets in use for one part at a time.
    fn pass_singly(&mut self, forward: bool, source: Side, target: Side) -> Result<Stop> {
        for _ in 0..RELAYED {
            if !std::ptr::eq(source, target) && !socket::has_room(target)? {
                return Ok(Stop::NoRoom);
            }
            match socket::recv_in_service(source, &mut self.message) {
                // Also a socket that never receives, or not in its present state.
                Err(Errno::AGAIN | Errno::NOT_SUPPORTED | Errno::STATE) => return Ok(Stop::NoInput),
                result => result?,
            }
            self.pass_rest(forward, source, target, true)?;
        }
        Ok(Stop::Turn)
    }

    /// The rest of a message: what is `in_hand` first.
    fn pass_rest(&mut self, forward: bool, source: Side, target: Side, mut in_hand: bool) -> Result<()> {
        loop {
            if !in_hand {
                socket::recv_into(source, &mut self.message, 0, false)?;
            }
            let more = self.message.more();
            self.pass_part(forward, target)?;
            if !more {
                return Ok(());
            }
            in_hand = false;
        }
    }

    /// Sends a part on, and a copy to the capture socket.
    fn pass_part(&mut self, forward: bool, target: Side) -> Result<()> {
        let flags = if self.message.more() { SEND_MORE } else { 0 };
        let size = self.message.len();
        if !self.capture.is_null() {
            socket::send(socket::find(self.capture)?, &mut self.message.share(), flags)?;
        }
        socket::send(target, &mut self.message, flags)?;
        let passed = if forward { &mut self.forward } else { &mut self.backward };
        passed.count(size, false);
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
        let Self { forward, backward, .. } = self;
        // What each side has received, and what it was given to send.
        let numbers = [forward, backward, backward, forward].map(|passed| [passed.messages, passed.bytes]);
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
        forward: Traffic::default(),
        backward: Traffic::default(),
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
