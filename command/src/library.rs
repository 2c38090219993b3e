//! Where the shared library is, and calling it without being linked with it.

use std::env;
use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

pub type Result<T> = std::result::Result<T, String>;

pub const SONAME: &str = "libzmq.so.5";

/// Our shared library: the file that ZMQ_OXIDE_LIBRARY names, or the one that lies as `make install` or `make lib` and
/// `make command` put it.
pub fn ours() -> Result<PathBuf> {
    if let Some(named) = env::var_os("ZMQ_OXIDE_LIBRARY") {
        return std::fs::canonicalize(&named)
            .map_err(|error| format!("{}: {error}", Path::new(&named).display()));
    }
    let command = env::current_exe().map_err(|error| format!("cannot find out where I am: {error}"))?;
    let prefix = command.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
    let architecture = format!("lib/{}-linux-gnu", env::consts::ARCH);
    for directory in ["lib", architecture.as_str(), "lib64"] {
        if let Ok(found) = std::fs::canonicalize(prefix.join(directory).join(SONAME)) {
            return Ok(found);
        }
    }
    Err(format!("no {SONAME} in {}; ZMQ_OXIDE_LIBRARY can name it", prefix.join("lib").display()))
}

/// A libzmq that has been loaded, and the functions that this command calls. It stays loaded.
#[derive(Clone, Copy)]
pub struct Library {
    version: unsafe extern "C" fn(*mut c_int, *mut c_int, *mut c_int),
    has: unsafe extern "C" fn(*const c_char) -> c_int,
    pub ctx_new: unsafe extern "C" fn() -> *mut c_void,
    pub ctx_term: unsafe extern "C" fn(*mut c_void) -> c_int,
    pub socket: unsafe extern "C" fn(*mut c_void, c_int) -> *mut c_void,
    pub close: unsafe extern "C" fn(*mut c_void) -> c_int,
    pub setsockopt: unsafe extern "C" fn(*mut c_void, c_int, *const c_void, usize) -> c_int,
    pub getsockopt: unsafe extern "C" fn(*mut c_void, c_int, *mut c_void, *mut usize) -> c_int,
    pub bind: unsafe extern "C" fn(*mut c_void, *const c_char) -> c_int,
    pub connect: unsafe extern "C" fn(*mut c_void, *const c_char) -> c_int,
    pub send: unsafe extern "C" fn(*mut c_void, *const c_void, usize, c_int) -> c_int,
    pub recv: unsafe extern "C" fn(*mut c_void, *mut c_void, usize, c_int) -> c_int,
}

impl Library {
    /// Loads a file, or, for a name without a slash, what the dynamic linker finds under it.
    pub fn load(name: &OsStr) -> Result<Library> {
        let path = CString::new(name.as_bytes()).map_err(|_| "a name with a NUL".to_string())?;
        // SAFETY: the path is a C string; loading a libzmq runs no code but its initialisers.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if handle.is_null() {
            // SAFETY: dlopen has just failed, so there is a message.
            let message = unsafe { CStr::from_ptr(libc::dlerror()) };
            return Err(message.to_string_lossy().into_owned());
        }
        macro_rules! find {
            ($name:literal) => {{
                // SAFETY: the handle is valid and the name a C string.
                let symbol = unsafe { libc::dlsym(handle, concat!($name, "\0").as_ptr().cast()) };
                if symbol.is_null() {
                    return Err(format!("{} has no {}", Path::new(name).display(), $name));
                }
                // SAFETY: the function has in every libzmq the type that the field is declared with.
                #[allow(clippy::missing_transmute_annotations)]
                unsafe {
                    std::mem::transmute(symbol)
                }
            }};
        }
        Ok(Library {
            version: find!("zmq_version"),
            has: find!("zmq_has"),
            ctx_new: find!("zmq_ctx_new"),
            ctx_term: find!("zmq_ctx_term"),
            socket: find!("zmq_socket"),
            close: find!("zmq_close"),
            setsockopt: find!("zmq_setsockopt"),
            getsockopt: find!("zmq_getsockopt"),
            bind: find!("zmq_bind"),
            connect: find!("zmq_connect"),
            send: find!("zmq_send"),
            recv: find!("zmq_recv"),
        })
    }

    pub fn version(&self) -> String {
        let (mut major, mut minor, mut patch) = (0, 0, 0);
        // SAFETY: the three pointers are valid for writes.
        unsafe { (self.version)(&mut major, &mut minor, &mut patch) };
        format!("{major}.{minor}.{patch}")
    }

    pub fn has(&self, feature: &CStr) -> bool {
        // SAFETY: the feature is a C string.
        unsafe { (self.has)(feature.as_ptr()) == 1 }
    }

    /// The file that the functions are in.
    pub fn file(&self) -> Option<PathBuf> {
        // SAFETY: Dl_info is plain data, and dladdr fills it for an address of a loaded object.
        let information = unsafe {
            let mut information: libc::Dl_info = std::mem::zeroed();
            if libc::dladdr(self.version as *const c_void, &mut information) == 0
                || information.dli_fname.is_null()
            {
                return None;
            }
            CStr::from_ptr(information.dli_fname)
        };
        std::fs::canonicalize(OsStr::from_bytes(information.to_bytes())).ok()
    }
}

/// The libzmq that programs of this machine get, if it is another one than ours.
pub fn of_the_machine(ours: &Path) -> Option<(Library, PathBuf)> {
    let library = Library::load(OsStr::new(SONAME)).ok()?;
    let file = library.file()?;
    (file != ours).then_some((library, file))
}
