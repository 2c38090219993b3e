//! `ipc://`: unix domain stream sockets. `ipc://path`, `ipc://@abstract`, and for bind `ipc://*`.

use super::listener::remove_all;
use super::{Opened, Route, Transport};
use crate::error::{Errno, Result};
use crate::options::SocketOptions;
use socket2::{Domain, SockAddr, Socket, Type};
use std::ffi::{CString, OsStr, OsString};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Size of `sun_path`; a path needs room for its NUL.
const PATH_LIMIT: usize = 108;

pub struct Ipc;

fn socket_address(path: &OsStr) -> Result<SockAddr> {
    if path.len() >= PATH_LIMIT {
        return Err(Errno::NAME_TOO_LONG);
    }
    match path.as_bytes().strip_prefix(b"@") {
        Some(b"") => Err(Errno::INVALID),
        Some(name) => {
            let mut bytes = vec![0];
            bytes.extend_from_slice(name);
            Ok(SockAddr::unix(OsStr::from_bytes(&bytes))?)
        }
        None => Ok(SockAddr::unix(path)?),
    }
}

/// Endpoint text.
fn named(prefix: &[u8], name: &[u8]) -> OsString {
    OsString::from_vec([prefix, name].concat())
}

/// A directory of our own with a socket file in it, in the place for temporary files.
fn wildcard() -> Result<(PathBuf, Vec<PathBuf>)> {
    let base = ["TMPDIR", "TEMPDIR", "TMP"]
        .iter()
        .filter_map(std::env::var_os)
        .map(PathBuf::from)
        .find(|path| path.is_dir())
        .unwrap_or_default();
    let template =
        CString::new(base.join("tmpXXXXXX").into_os_string().as_bytes()).map_err(|_| Errno::INVALID)?;
    let raw = template.into_raw();
    // SAFETY: a NUL-terminated, writable string, taken back right after; mkdtemp keeps its length.
    let (made, template) = unsafe { (libc::mkdtemp(raw), CString::from_raw(raw)) };
    if made.is_null() {
        return Err(Errno::last());
    }
    let directory = PathBuf::from(OsStr::from_bytes(template.as_bytes()));
    let path = directory.join("socket");
    Ok((path.clone(), vec![path, directory]))
}

fn credentials(fd: RawFd) -> Option<libc::ucred> {
    let mut value = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut size = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: value and size live across the call and fit together.
    let result = unsafe {
        libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_PEERCRED, (&raw mut value).cast(), &raw mut size)
    };
    (result == 0).then_some(value)
}

/// All groups of a user, primary first; empty when the user is not known.
fn groups_of(uid: libc::uid_t, primary: libc::gid_t) -> Vec<libc::gid_t> {
    let mut buffer = vec![0_u8; 16 * 1024];
    // SAFETY: an all-zero record is valid to be overwritten; the buffers live across the calls.
    unsafe {
        let mut record = std::mem::zeroed::<libc::passwd>();
        let mut found = std::ptr::null_mut();
        let size = buffer.len();
        let buffer = buffer.as_mut_ptr().cast();
        if libc::getpwuid_r(uid, &raw mut record, buffer, size, &raw mut found) != 0 || found.is_null() {
            return vec![primary];
        }
        let mut groups = vec![0; 256];
        let mut count = groups.len() as i32;
        if libc::getgrouplist(record.pw_name, primary, groups.as_mut_ptr(), &raw mut count) < 0 {
            return vec![primary];
        }
        groups.truncate(usize::try_from(count).unwrap_or(0));
        groups
    }
}

fn listen(path: &OsStr, options: &SocketOptions) -> Result<(Socket, OsString)> {
    let target = socket_address(path)?;
    let endpoint = named(b"ipc://", path.as_bytes());
    if !path.as_bytes().starts_with(b"@") {
        // A file left by an earlier process, or somebody else's: the last to bind gets the name.
        let _ = std::fs::remove_file(Path::new(path));
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&target)?;
    socket.listen(options.backlog)?;
    Ok((socket, endpoint))
}

impl Transport for Ipc {
    fn scheme(&self) -> &'static str {
        "ipc"
    }

    fn check(&self, address: &OsStr, _options: &SocketOptions) -> Result<()> {
        socket_address(address).map(drop)
    }

    fn needs_lookup(&self, _address: &OsStr) -> bool {
        false
    }

    fn routes(&self, address: &OsStr, _options: &SocketOptions) -> Result<Vec<Route>> {
        Ok(vec![Route { local: None, remote: socket_address(address)? }])
    }

    fn listen(&self, address: &OsStr, options: &SocketOptions) -> Result<Opened> {
        if let Some(fd) = options.use_fd {
            // SAFETY: ZMQ_USE_FD hands the descriptor over to the library.
            let socket = unsafe { Socket::from_raw_fd(fd) };
            let endpoint = self.endpoint(&socket.local_addr()?);
            return Ok(Opened { socket, endpoint, remove: Vec::new() });
        }
        let (path, remove) = match address.as_bytes().starts_with(b"*") {
            true => wildcard()?,
            false => (PathBuf::from(address), Vec::new()),
        };
        match listen(path.as_os_str(), options) {
            Ok((socket, endpoint)) => Ok(Opened { socket, endpoint, remove }),
            Err(error) => {
                let _ = remove_all(&remove);
                Err(error)
            }
        }
    }

    fn tune(&self, _socket: &Socket, _options: &SocketOptions) -> Result<()> {
        Ok(())
    }

    fn admits(&self, socket: &Socket, options: &SocketOptions) -> bool {
        let filters = &options.ipc_filters;
        if filters.is_empty() {
            return true;
        }
        let Some(peer) = credentials(socket.as_raw_fd()) else { return false };
        let mut groups = None;
        filters.matches(peer.pid, peer.uid, peer.gid, |group| {
            groups.get_or_insert_with(|| groups_of(peer.uid, peer.gid)).contains(group)
        })
    }

    fn peer_address(&self, fd: RawFd) -> String {
        match credentials(fd) {
            Some(peer) => format!("localhost:{}:{}:{}", peer.uid, peer.gid, peer.pid),
            None => "localhost".to_owned(),
        }
    }

    fn endpoint(&self, address: &SockAddr) -> OsString {
        match (address.as_pathname(), address.as_abstract_namespace()) {
            (Some(path), _) => named(b"ipc://", path.as_os_str().as_bytes()),
            (None, name) => {
                named(if name.is_some() { b"ipc://@" } else { b"ipc://" }, name.unwrap_or_default())
            }
        }
    }
}
