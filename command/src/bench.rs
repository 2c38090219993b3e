//! `bench`: a short comparison with the libzmq of the machine. `make bench` has the long one.
//!
//! The libraries take turns, each time in a process that has no other, and the medians are shown.

use crate::library::{self, Library, Result};
use std::env;
use std::ffi::{CStr, CString, OsStr, c_int, c_void};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::Instant;

const TURNS: usize = 5;
const REQUESTS: usize = 4_000;
const MESSAGES: usize = 400_000;
const SMALL: usize = 64;
const LARGE: usize = 64 * 1024;
const LARGE_MESSAGES: usize = 8_000;

const REQ: c_int = 3;
const REP: c_int = 4;
const PULL: c_int = 7;
const PUSH: c_int = 8;
const LAST_ENDPOINT: c_int = 32;
const RCVTIMEO: c_int = 27;
const SNDTIMEO: c_int = 28;
/// Long enough for a machine that is busy otherwise; a library that loses a message must not hang the command.
static TIMEOUT: c_int = 30_000;

struct Case {
    name: &'static str,
    unit: &'static str,
    more_is_better: bool,
    measure: fn(Library) -> Result<f64>,
}

const CASES: [Case; 4] = [
    Case { name: "request-reply, tcp, 64 bytes", unit: "us", more_is_better: false, measure: round_trip },
    Case {
        name: "PUSH to PULL, tcp, 64 bytes",
        unit: "messages/s",
        more_is_better: true,
        measure: small_tcp,
    },
    Case { name: "PUSH to PULL, tcp, 64 kB", unit: "MB/s", more_is_better: true, measure: large_tcp },
    Case {
        name: "PUSH to PULL, inproc, 64 bytes",
        unit: "messages/s",
        more_is_better: true,
        measure: small_inproc,
    },
];

/// Prints the table.
pub fn compare() -> Result<ExitCode> {
    let ours = library::ours()?;
    let Some((other, path)) = library::of_the_machine(&ours) else {
        return Err("no other libzmq is found on this machine".to_string());
    };
    println!("ours:      {}", ours.display());
    println!("machine's: libzmq {}, {}", other.version(), path.display());

    let mut results = [vec![Vec::new(); CASES.len()], vec![Vec::new(); CASES.len()]];
    for _ in 0..TURNS {
        for (library, results) in [&ours, &path].into_iter().zip(&mut results) {
            for (values, value) in results.iter_mut().zip(in_own_process(library)?) {
                values.push(value);
            }
        }
    }
    println!("{:<32} {:>12} {:>12}  {:<11}", "", "machine's", "ours", "");
    for (index, case) in CASES.iter().enumerate() {
        let (mine, theirs) = (median(&mut results[0][index]), median(&mut results[1][index]));
        let times = if case.more_is_better { mine / theirs } else { theirs / mine };
        println!(
            "{:<32} {theirs:>12.1} {mine:>12.1}  {:<11} {times:>5.2} times as fast",
            case.name, case.unit
        );
    }
    println!("medians of {TURNS} turns; the two ends are threads of one process");
    Ok(ExitCode::SUCCESS)
}

fn in_own_process(library: &Path) -> Result<Vec<f64>> {
    let command = env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(command)
        .arg("bench-one")
        .arg(library)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let values: Vec<f64> = text.lines().filter_map(|line| line.parse().ok()).collect();
    if !output.status.success() || values.len() != CASES.len() {
        return Err(format!("{} could not be measured", library.display()));
    }
    Ok(values)
}

/// One value of each case, for `in_own_process`.
pub fn measure(library: &OsStr) -> Result<ExitCode> {
    let library = Library::load(library)?;
    for case in &CASES {
        println!("{}", (case.measure)(library)?);
    }
    Ok(ExitCode::SUCCESS)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

// ------------------------------------------------------------------------------------------------- the cases

fn round_trip(library: Library) -> Result<f64> {
    let context = Context::new(library)?;
    let server = context.socket(REP)?;
    let endpoint = server.bind(c"tcp://127.0.0.1:*")?;
    let serving = thread::spawn(move || {
        let mut buffer = [0; SMALL];
        for _ in 0..REQUESTS {
            server.recv(&mut buffer)?;
            server.send(&buffer)?;
        }
        Ok::<(), String>(())
    });
    let client = context.socket(REQ)?;
    client.connect(&endpoint)?;
    let mut buffer = [0; SMALL];
    let mut one = || client.send(&buffer).and_then(|()| client.recv(&mut buffer));
    // The first includes the connection.
    one()?;
    let begin = Instant::now();
    for _ in 1..REQUESTS {
        one()?;
    }
    let each = begin.elapsed().as_secs_f64() * 1e6 / (REQUESTS - 1) as f64;
    serving.join().map_err(|_| "the server panicked")??;
    Ok(each)
}

fn small_tcp(library: Library) -> Result<f64> {
    one_way(library, c"tcp://127.0.0.1:*", SMALL, MESSAGES)
}

fn small_inproc(library: Library) -> Result<f64> {
    one_way(library, c"inproc://bench", SMALL, MESSAGES)
}

fn large_tcp(library: Library) -> Result<f64> {
    Ok(one_way(library, c"tcp://127.0.0.1:*", LARGE, LARGE_MESSAGES)? * LARGE as f64 / 1e6)
}

/// Messages a second.
fn one_way(library: Library, endpoint: &CStr, size: usize, count: usize) -> Result<f64> {
    let context = Context::new(library)?;
    let receiver = context.socket(PULL)?;
    let endpoint = receiver.bind(endpoint)?;
    let sender = context.socket(PUSH)?;
    sender.connect(&endpoint)?;
    let sending = thread::spawn(move || {
        let body = vec![0; size];
        (0..count).try_for_each(|_| sender.send(&body))
    });
    let mut buffer = vec![0; size];
    // The first includes the connection.
    receiver.recv(&mut buffer)?;
    let begin = Instant::now();
    for _ in 1..count {
        receiver.recv(&mut buffer)?;
    }
    let seconds = begin.elapsed().as_secs_f64();
    sending.join().map_err(|_| "the sender panicked")??;
    Ok((count - 1) as f64 / seconds)
}

// -------------------------------------------------------------------------------------- contexts and sockets

/// A context; declared before its sockets it is terminated after they are closed.
struct Context {
    library: Library,
    handle: *mut c_void,
}

impl Context {
    fn new(library: Library) -> Result<Context> {
        // SAFETY: takes nothing.
        let handle = unsafe { (library.ctx_new)() };
        if handle.is_null() { Err("no context".to_string()) } else { Ok(Context { library, handle }) }
    }

    fn socket(&self, kind: c_int) -> Result<Socket> {
        // SAFETY: the context is open.
        let handle = unsafe { (self.library.socket)(self.handle, kind) };
        if handle.is_null() {
            return Err("no socket".to_string());
        }
        let socket = Socket { library: self.library, handle };
        for option in [RCVTIMEO, SNDTIMEO] {
            // SAFETY: the option is an int, and the pointer leads to one.
            let code = unsafe {
                (self.library.setsockopt)(handle, option, (&raw const TIMEOUT).cast(), size_of::<c_int>())
            };
            check(code, "zmq_setsockopt")?;
        }
        Ok(socket)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the context is open, and not used after this.
        unsafe { (self.library.ctx_term)(self.handle) };
    }
}

struct Socket {
    library: Library,
    handle: *mut c_void,
}

// SAFETY: a socket may move to another thread, as long as one at a time uses it; `Socket` is not Sync.
unsafe impl Send for Socket {}

impl Socket {
    fn bind(&self, endpoint: &CStr) -> Result<CString> {
        // SAFETY: the socket is open and the endpoint a C string.
        check(unsafe { (self.library.bind)(self.handle, endpoint.as_ptr()) }, "zmq_bind")?;
        let mut bound = vec![0u8; 256];
        let mut size = bound.len();
        // SAFETY: the buffer has the size that is given.
        let code = unsafe {
            (self.library.getsockopt)(self.handle, LAST_ENDPOINT, bound.as_mut_ptr().cast(), &mut size)
        };
        check(code, "zmq_getsockopt")?;
        CStr::from_bytes_until_nul(&bound)
            .map(CStr::to_owned)
            .map_err(|_| "an endpoint without end".to_string())
    }

    fn connect(&self, endpoint: &CStr) -> Result<()> {
        // SAFETY: the socket is open and the endpoint a C string.
        check(unsafe { (self.library.connect)(self.handle, endpoint.as_ptr()) }, "zmq_connect")
    }

    fn send(&self, body: &[u8]) -> Result<()> {
        // SAFETY: the socket is open, and the body has that length.
        check(unsafe { (self.library.send)(self.handle, body.as_ptr().cast(), body.len(), 0) }, "zmq_send")
    }

    fn recv(&self, buffer: &mut [u8]) -> Result<()> {
        // SAFETY: the socket is open, and the buffer has that length.
        check(
            unsafe { (self.library.recv)(self.handle, buffer.as_mut_ptr().cast(), buffer.len(), 0) },
            "zmq_recv",
        )
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: the socket is open, and not used after this.
        unsafe { (self.library.close)(self.handle) };
    }
}

fn check(code: c_int, name: &str) -> Result<()> {
    if code < 0 { Err(format!("{name} failed")) } else { Ok(()) }
}
