//! Proxies.

use super::error::{OrMinusOne, guard};
use crate::error::{Errno, Result};
use crate::message::Message;
use crate::socket::{self, Item, POLL_IN, POLL_OUT};
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

struct Proxy {
    front: *mut c_void,
    back: *mut c_void,
    capture: *mut c_void,
    control: *mut c_void,
    state: State,
    front_traffic: Traffic,
    back_traffic: Traffic,
}

impl Proxy {
    fn run(&mut self) -> Result<()> {
        let mut front_waits = false;
        let mut back_waits = false;
        while self.state != State::Terminated {
            let active = self.state == State::Active;
            // A side whose input waits for room on the other side is not asked for input again, but for that room.
            let wanted = |input_waits: bool, output_wanted: bool| {
                let input = if active && !input_waits { POLL_IN } else { 0 };
                input | if active && output_wanted { POLL_OUT } else { 0 }
            };
            // One socket that is both sides is asked for input alone: what it gets it gives back.
            let single = self.front == self.back;
            let mut items = [
                item(self.front, wanted(front_waits, back_waits)),
                item(if single { std::ptr::null_mut() } else { self.back }, wanted(back_waits, front_waits)),
                item(self.control, POLL_IN),
            ];
            socket::poll(&mut items, None, None)?;
            if items[2].ready != 0 && !self.control.is_null() {
                self.obey()?;
                continue;
            }
            let can_write = |socket| Ok::<_, Errno>(events(socket)? & POLL_OUT != 0);
            if items[0].ready & POLL_IN != 0 || front_waits {
                front_waits = !single && !can_write(self.back)?;
                if !front_waits {
                    self.forward(true)?;
                }
            }
            if !single && (items[1].ready & POLL_IN != 0 || back_waits) {
                back_waits = !can_write(self.front)?;
                if !back_waits {
                    self.forward(false)?;
                }
            }
        }
        Ok(())
    }

    /// Moves whole messages, until there is no input, no room, or the burst is over.
    fn forward(&mut self, to_back: bool) -> Result<()> {
        let (from, to) = if to_back { (self.front, self.back) } else { (self.back, self.front) };
        for _ in 0..BURST {
            let mut more = true;
            let mut first = true;
            while more {
                let mut message =
                    match socket::recv(socket::find(from)?, if first { DONT_WAIT } else { 0 }, true) {
                        Err(Errno::AGAIN) if first => return Ok(()),
                        result => result?,
                    };
                first = false;
                more = message.more();
                let flags = if more { SEND_MORE } else { 0 };
                let size = message.len() as u64;
                if !self.capture.is_null() {
                    socket::send(socket::find(self.capture)?, &mut message.share(), flags)?;
                }
                socket::send(socket::find(to)?, &mut message, flags)?;
                let (source, target) = match to_back {
                    true => (&mut self.front_traffic, &mut self.back_traffic),
                    false => (&mut self.back_traffic, &mut self.front_traffic),
                };
                source.received += 1;
                source.received_bytes += size;
                target.sent += 1;
                target.sent_bytes += size;
            }
            if to != from && events(to)? & POLL_OUT == 0 {
                return Ok(());
            }
        }
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

fn events(socket: *mut c_void) -> Result<i16> {
    super::socket::with_socket(socket, |socket| socket.events())
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
