//! `zmq-oxide`: starts programs with this library in place, says what it is, and compares it with the libzmq of the
//! machine.
//!
//! The command is linked with no libzmq. It finds the shared library (`library.rs`), loads it by hand where it has to
//! call it, and otherwise only names it to the dynamic linker.

mod bench;
mod elf;
mod info;
mod library;
mod run;

use std::process::ExitCode;

const USAGE: &str = "\
usage: zmq-oxide run PROGRAM [ARGUMENT...]   start PROGRAM with this library in place, and say what it replaced
       zmq-oxide info                        version, features and build of this library
       zmq-oxide bench                       a short comparison with the libzmq found on the machine

The library is looked for beside the command (../lib), or in the file that ZMQ_OXIDE_LIBRARY names.";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let command = arguments.next();
    let rest: Vec<_> = arguments.collect();
    let outcome = match (command.as_deref().and_then(|name| name.to_str()), rest.as_slice()) {
        (Some("run"), [program, arguments @ ..]) => run::run(program, arguments),
        (Some("info"), []) => info::info(),
        (Some("bench"), []) => bench::compare(),
        // How `bench` measures one library: in a process that has no other.
        (Some("bench-one"), [library]) => bench::measure(library),
        (Some("help" | "--help" | "-h"), []) => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            eprintln!("{USAGE}");
            Ok(ExitCode::from(2))
        }
    };
    outcome.unwrap_or_else(|problem| {
        eprintln!("zmq-oxide: {problem}");
        ExitCode::FAILURE
    })
}
