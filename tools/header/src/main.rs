//! Writes `include/zmq.h` and `include/zmq_utils.h`.
//!
//! cbindgen reads the sources of the C interface and writes one declaration after the other; [`item`] takes them
//! apart and puts them into the words and the C dialect of the header; here they are put in order, between the
//! handwritten `prologue.h` and `epilogue.h`. What C needs and Rust cannot say is in [`SUPPLEMENTS`].

mod item;

use item::{Item, Kind};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Functions that are visible under ZMQ_BUILD_DRAFT_API alone. Constants and types say "Draft" in their comment.
const DRAFT_FUNCTIONS: &[&str] = &[
    "zmq_connect_peer",
    "zmq_ctx_get_ext",
    "zmq_ctx_set_ext",
    "zmq_disconnect_peer",
    "zmq_join",
    "zmq_leave",
    "zmq_msg_group",
    "zmq_msg_init_buffer",
    "zmq_msg_routing_id",
    "zmq_msg_set_group",
    "zmq_msg_set_routing_id",
    "zmq_poller_add",
    "zmq_poller_add_fd",
    "zmq_poller_destroy",
    "zmq_poller_fd",
    "zmq_poller_modify",
    "zmq_poller_modify_fd",
    "zmq_poller_new",
    "zmq_poller_remove",
    "zmq_poller_remove_fd",
    "zmq_poller_size",
    "zmq_poller_wait",
    "zmq_poller_wait_all",
    "zmq_ppoll",
    "zmq_socket_get_peer_state",
    "zmq_socket_monitor_pipes_stats",
    "zmq_socket_monitor_versioned",
];

/// Files of `src/capi` in the order of the header; others follow by name.
const ORDER: &[&str] =
    &["utility", "context", "message", "socket", "monitor", "poll", "poller", "proxy", "timers"];

/// Files of `src/capi` that export no function.
const NO_FUNCTIONS: &[&str] = &["mod", "error", "constants", "tests"];

/// Handwritten pieces: after which item they come.
const SUPPLEMENTS: &[(&str, &str)] =
    &[("ZMQ_VERSION_PATCH", include_str!("../version.h")), ("ZMQ_HAUSNUMERO", include_str!("../errno.h"))];

/// Handwritten definitions: the type whose generated definition they replace.
const REPLACEMENTS: &[(&str, &str)] = &[("zmq_msg_t", include_str!("../msg.h"))];

const HEADER: &str = "include/zmq.h";
const UTILITIES: &str = "include/zmq_utils.h";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let root = PathBuf::from(arguments.next().ok_or("usage: zmq-header ROOT [--check]")?);
    let check = arguments.next().as_deref() == Some("--check");

    let files = [(HEADER, header(&root)?), (UTILITIES, include_str!("../zmq_utils.h").to_owned())];
    for (name, text) in files {
        let path = root.join(name);
        if fs::read_to_string(&path).is_ok_and(|current| current == text) {
            continue;
        }
        if check {
            return Err(format!("{name} is stale: run tools/header.sh").into());
        }
        fs::create_dir_all(path.parent().expect("the path has a folder"))?;
        fs::write(&path, text)?;
    }
    Ok(())
}

/// The whole of zmq.h.
fn header(root: &Path) -> Result<String, Box<dyn Error>> {
    let mut items = Vec::new();
    for path in sources(root)? {
        items.extend(read(root, &path)?);
    }
    for item in &mut items {
        item.draft |= DRAFT_FUNCTIONS.contains(&item.name.as_str());
        if let Some((_, text)) = REPLACEMENTS.iter().find(|(name, _)| *name == item.name) {
            item.declaration = text.trim_end().to_owned();
        }
    }

    let mut text = String::from(include_str!("../prologue.h"));
    write(&mut text, &items, false);
    text.push_str(
        "\n#ifdef ZMQ_BUILD_DRAFT_API\n\n/* Everything below may change from one release to the next. */\n",
    );
    text.push_str("\n#define ZMQ_HAVE_POLLER\n");
    write(&mut text, &items, true);
    text.push_str("\n#endif /* ZMQ_BUILD_DRAFT_API */\n");
    text.push_str(include_str!("../epilogue.h"));
    if !text.is_ascii() {
        return Err("the header must be plain ASCII".into());
    }
    Ok(text)
}

/// The sources, in the order of the header.
fn sources(root: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let folder = root.join("src/capi");
    let mut functions = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        if path.extension().is_some_and(|extension| extension == "rs")
            && !NO_FUNCTIONS.contains(&stem.as_str())
        {
            let place = ORDER.iter().position(|name| *name == stem).unwrap_or(ORDER.len());
            functions.push((place, stem, path));
        }
    }
    functions.sort();
    let mut all = vec![folder.join("constants.rs"), root.join("src/options/number.rs")];
    all.extend(functions.into_iter().map(|(_, _, path)| path));
    Ok(all)
}

/// What one source file declares.
fn read(root: &Path, path: &Path) -> Result<Vec<Item>, Box<dyn Error>> {
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml"))?;
    let bindings = cbindgen::Builder::new().with_config(config).with_src(path).generate()?;
    let mut output = Vec::new();
    bindings.write(&mut output);
    let mut items = item::parse(&String::from_utf8(output)?)?;
    let source = fs::read_to_string(path)?;
    items.extend(item::texts(&source));
    item::add_headings(&mut items, &source);
    Ok(items)
}

/// Writes constants, then types, then functions.
fn write(text: &mut String, items: &[Item], draft: bool) {
    for kind in [Kind::Constant, Kind::Type, Kind::Function] {
        let mut heading = "";
        for item in items.iter().filter(|item| item.kind == kind && item.draft == draft) {
            let new_heading = item.heading != heading;
            if new_heading {
                heading = &item.heading;
                if !heading.is_empty() {
                    text.push_str(&format!("\n/* ---- {heading} ---- */\n"));
                }
            }
            if new_heading || kind != Kind::Constant {
                text.push('\n');
            }
            text.push_str(&item.text());
            if let Some((_, supplement)) = SUPPLEMENTS.iter().find(|(name, _)| *name == item.name) {
                text.push_str(supplement);
            }
        }
    }
}
