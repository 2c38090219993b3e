//! `run`: starts a program with our library in place, and says at its end which libraries that replaced.
//!
//! The dynamic linker is told to load ours before anything else, and to write down what it loads. A library that the
//! program was linked with, or brings along, is replaced: its functions are bound to ours. One that the program opens by
//! its full name, to look up functions in it by hand, is not.

use crate::elf;
use crate::library::{self, Result, SONAME};
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::atomic::{AtomicI32, Ordering};

pub fn run(program: &OsStr, arguments: &[OsString]) -> Result<ExitCode> {
    let ours = library::ours()?;
    let notes = Notes::new()?;
    let directory = ours.parent().unwrap_or(Path::new("/"));

    keep_signals();
    adopt_descendants();
    let child = Command::new(program)
        .args(arguments)
        .env("LD_PRELOAD", in_front(ours.as_os_str(), "LD_PRELOAD"))
        .env("LD_LIBRARY_PATH", in_front(directory.as_os_str(), "LD_LIBRARY_PATH"))
        .env("LD_DEBUG", "libs")
        .env("LD_DEBUG_OUTPUT", notes.0.join("loaded"))
        .spawn()
        .inspect_err(|_| notes.remove())
        .map_err(|error| format!("{}: {error}", Path::new(program).display()))?;
    pass_signals_on(child.id());
    let status = wait_for(child.id())
        .inspect_err(|_| notes.remove())
        .map_err(|error| format!("waiting for the program: {error}"))?;

    report(&notes.processes(), &ours);
    if !has_descendants() {
        notes.remove();
    } else {
        let directory = notes.0.display();
        eprintln!(
            "zmq-oxide: processes that the program has started go on; remove {directory} when they have ended"
        );
    }
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Ok(ExitCode::from(code as u8))
}

/// VALUE, then what the variable holds already.
fn in_front(value: &OsStr, variable: &str) -> OsString {
    let mut list = value.to_os_string();
    if let Some(rest) = env::var_os(variable).filter(|rest| !rest.is_empty()) {
        list.push(":");
        list.push(rest);
    }
    list
}

// ------------------------------------------------------------------------------------------------------ processes

/// Processes whose parents end are this one's from now on, so that it knows whether any are left.
fn adopt_descendants() {
    // SAFETY: plain numbers. Where it cannot be done, those are not known.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
}

/// Waits for the end of one process, and on the way for those of others that have become children.
fn wait_for(id: u32) -> std::io::Result<ExitStatus> {
    loop {
        let mut status = 0;
        // SAFETY: room for the status.
        let ended = unsafe { libc::waitpid(-1, &raw mut status, 0) };
        if ended == id as i32 {
            return Ok(ExitStatus::from_raw(status));
        }
        let error = std::io::Error::last_os_error();
        if ended < 0 && error.kind() != std::io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

fn has_descendants() -> bool {
    loop {
        // SAFETY: the status is not asked for.
        match unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) } {
            0 => return true,
            -1 => return false,
            _ => {}
        }
    }
}

// -------------------------------------------------------------------------------------------------------- signals

/// 0 until there is one.
static CHILD: AtomicI32 = AtomicI32::new(0);
/// The last signal that came before there was a child to pass it on to, or 0.
static KEPT: AtomicI32 = AtomicI32::new(0);

extern "C" fn pass_on(signal: libc::c_int) {
    match CHILD.load(Ordering::SeqCst) {
        0 => KEPT.store(signal, Ordering::SeqCst),
        child => {
            // SAFETY: kill may be called in a signal handler.
            unsafe { libc::kill(child, signal) };
        }
    }
}

/// What is sent to this process is passed on. Called before the program is started, which sets all of this back: it
/// may answer at once, and from then on a signal is meant for it.
fn keep_signals() {
    for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGUSR1, libc::SIGUSR2] {
        // SAFETY: the handler only calls functions that are safe in handlers, and lives as long as the process.
        unsafe {
            let before = libc::signal(signal, pass_on as extern "C" fn(libc::c_int) as libc::sighandler_t);
            // Whoever started us wants it ignored (nohup), which the program is to inherit.
            if before == libc::SIG_IGN {
                libc::signal(signal, libc::SIG_IGN);
            }
        }
    }
}

/// What a terminal sends reaches the program by itself. To be ignored is inherited: only the program that has been
/// started already is not touched by it.
fn pass_signals_on(child: u32) {
    // SAFETY: nothing is called when they come.
    unsafe {
        libc::signal(libc::SIGINT, libc::SIG_IGN);
        libc::signal(libc::SIGQUIT, libc::SIG_IGN);
    }
    CHILD.store(child as i32, Ordering::SeqCst);
    match KEPT.swap(0, Ordering::SeqCst) {
        0 => {}
        signal => pass_on(signal),
    }
}

// ---------------------------------------------------------------------------------------- what has been loaded

/// The directory that the dynamic linker writes its notes into, a file for each process.
struct Notes(PathBuf);

impl Notes {
    fn new() -> Result<Notes> {
        let template = env::temp_dir().join("zmq-oxide.XXXXXX");
        let mut template = template.into_os_string().into_encoded_bytes();
        template.push(0);
        // SAFETY: the template is a C string that ends as mkdtemp wants it, and may be written.
        if unsafe { libc::mkdtemp(template.as_mut_ptr().cast()) }.is_null() {
            return Err(format!("no temporary directory: {}", std::io::Error::last_os_error()));
        }
        template.pop();
        // SAFETY: the bytes come from an OsString; mkdtemp has put ASCII in place of ASCII.
        let notes = Notes(unsafe { OsString::from_encoded_bytes_unchecked(template) }.into());
        if am_root() {
            // Where the dynamic linker cannot write, it writes to stdout: what programs start after they have changed their user may
            // write, too.
            let _ = std::fs::set_permissions(&notes.0, std::fs::Permissions::from_mode(0o1733));
        }
        Ok(notes)
    }

    fn remove(&self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }

    /// The objects that each process has loaded, the process's own program first.
    fn processes(&self) -> Vec<Process> {
        let mut found = Vec::new();
        let Ok(entries) = std::fs::read_dir(&self.0) else { return found };
        for entry in entries.flatten() {
            let Some(id) = entry.path().extension().and_then(|id| id.to_str()?.parse().ok()) else {
                continue;
            };
            // Others may write here: what is theirs says nothing.
            let is_ours = |data: std::fs::Metadata| data.is_file() && data.uid() == effective_user();
            if !entry.path().symlink_metadata().is_ok_and(is_ours) {
                continue;
            }
            let text = std::fs::read(entry.path()).unwrap_or_default();
            let mut process = Process { id, program: String::new(), objects: BTreeSet::new() };
            for line in String::from_utf8_lossy(&text).lines() {
                if let Some((_, file)) = line.split_once("calling init: ") {
                    process.objects.insert(PathBuf::from(file));
                } else if let Some((_, program)) = line.split_once("initialize program: ") {
                    // A process that starts another program in its place begins anew.
                    let objects = std::mem::take(&mut process.objects);
                    if !process.program.is_empty() {
                        found.push(Process { id, program: process.program, objects: objects.clone() });
                    }
                    process.program = program.to_string();
                    process.objects = objects;
                }
            }
            found.push(process);
        }
        found.sort_by_key(|process| process.id);
        found
    }
}

fn effective_user() -> libc::uid_t {
    // SAFETY: no preconditions.
    unsafe { libc::geteuid() }
}

fn am_root() -> bool {
    effective_user() == 0
}

struct Process {
    id: u32,
    program: String,
    objects: BTreeSet<PathBuf>,
}

/// How a libzmq that is not ours fared.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// Its name was asked for, and ours was there already.
    NotLoaded,
    /// It was loaded under another name, and its functions are bound to ours.
    LoadedForNothing,
    /// It was opened by its full name; whoever looks up functions in it gets them.
    Beside,
}

fn report(processes: &[Process], ours: &Path) {
    let mut said: BTreeMap<(String, PathBuf, Fate), u32> = BTreeMap::new();
    for process in processes {
        for (file, fate) in process.others(ours) {
            said.entry((process.program.clone(), file, fate)).or_insert(process.id);
        }
    }
    if said.is_empty() {
        eprintln!("zmq-oxide: no libzmq was replaced: no process has asked for one");
        return;
    }
    eprintln!("zmq-oxide: on {}", ours.display());
    for ((program, file, fate), id) in said {
        let file = file.display();
        match fate {
            Fate::NotLoaded => eprintln!("zmq-oxide: {program} (process {id}): replaced {file}"),
            Fate::LoadedForNothing => {
                eprintln!("zmq-oxide: {program} (process {id}): replaced {file} (loaded, but not called)");
            }
            Fate::Beside => {
                eprintln!(
                    "zmq-oxide: {program} (process {id}): NOT replaced {file} (opened by its full name)"
                );
            }
        }
    }
}

impl Process {
    /// The libraries that this process would have run on, or does run on, other than ours.
    fn others(&self, ours: &Path) -> BTreeMap<PathBuf, Fate> {
        let mut found = BTreeMap::new();
        let mut needed = BTreeSet::new();
        let program = std::fs::canonicalize(&self.program).ok().or_else(|| find_in_path(&self.program));
        for object in self.objects.iter().chain(&program) {
            let names = elf::dynamic(object).needed;
            if names.iter().any(|name| name == SONAME) {
                // What it would have got: the dynamic linker says so when it is asked without us.
                found.extend(
                    without_us(object).filter(|file| file != ours).map(|file| (file, Fate::NotLoaded)),
                );
            }
            needed.extend(names);
        }
        for object in &self.objects {
            let name = object.file_name().and_then(OsStr::to_str).unwrap_or_default();
            let Ok(file) = std::fs::canonicalize(object) else { continue };
            if !name.starts_with("libzmq") || !name.contains(".so") || file == ours {
                continue;
            }
            let soname = elf::dynamic(object).soname.unwrap_or_default();
            let fate = if needed.contains(name) || needed.contains(&soname) {
                Fate::LoadedForNothing
            } else {
                Fate::Beside
            };
            found.insert(file, fate);
        }
        found
    }
}

fn find_in_path(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return None;
    }
    env::split_paths(&env::var_os("PATH")?)
        .map(|directory| directory.join(program))
        .find_map(|file| std::fs::canonicalize(file).ok())
}

/// The libzmq.so.5 that the dynamic linker would load for an object if this command had not been there.
fn without_us(object: &Path) -> Option<PathBuf> {
    let output = Command::new("ldd").arg(object).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.trim().strip_prefix(SONAME)?.strip_prefix(" => "))?;
    std::fs::canonicalize(line.rsplit_once(" (").map_or(line, |(file, _)| file)).ok()
}
