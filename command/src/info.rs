//! `info`: what this library is.

use crate::library::{self, Library, Result};
use std::ffi::CStr;
use std::path::Path;
use std::process::ExitCode;

const FEATURES: [&CStr; 11] =
    [c"ipc", c"curve", c"gssapi", c"draft", c"pgm", c"norm", c"tipc", c"vmci", c"vsock", c"WS", c"WSS"];

pub fn info() -> Result<ExitCode> {
    let file = library::ours()?;
    // Before ours is there: the dynamic linker would give that one again.
    let of_the_machine = library::of_the_machine(&file);
    let ours = Library::load(file.as_os_str())?;
    println!("zmq-oxide, in place of libzmq {}", ours.version());
    println!("library:   {}", file.display());
    println!("features:  {}", features(&ours));
    println!("build:     {}", build(&file));
    match of_the_machine {
        Some((other, path)) => {
            println!("machine's: libzmq {}, {}", other.version(), path.display());
            println!("features:  {}", features(&other));
        }
        None => println!("machine's: no other libzmq is found"),
    }
    Ok(ExitCode::SUCCESS)
}

fn features(library: &Library) -> String {
    let there: Vec<_> =
        FEATURES.iter().filter(|name| library.has(name)).map(|name| name.to_string_lossy()).collect();
    if there.is_empty() { "none".to_string() } else { there.join(" ") }
}

/// The compiler leaves its name in the file.
fn build(file: &Path) -> String {
    let bytes = std::fs::read(file).unwrap_or_default();
    let mark = b"rustc version ";
    let compiler = bytes.windows(mark.len()).position(|window| window == mark).map(|at| {
        let name = &bytes[at..];
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        String::from_utf8_lossy(&name[..end]).into_owned()
    });
    let compiler = compiler.unwrap_or_else(|| "unknown compiler".to_string());
    format!("{compiler}, {} kB, {}", bytes.len() / 1000, std::env::consts::ARCH)
}
