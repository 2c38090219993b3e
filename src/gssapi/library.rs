//! The system's library: the types of its C interface (RFC 2744), and where its functions lie in memory.

use std::ffi::{CStr, c_int, c_void};
use std::sync::OnceLock;

/// MIT Kerberos. Looked for when it is first needed.
const FILE: &CStr = c"libgssapi_krb5.so.2";

/// What a function returns: in the upper half why it failed, in the lower what else is to be known of a success.
pub type Status = u32;

/// The handshake needs another token.
pub const CONTINUE_NEEDED: Status = 1;

/// `gss_buffer_desc`.
#[repr(C)]
pub struct RawBuffer {
    pub length: usize,
    pub value: *mut c_void,
}

/// `gss_OID_desc`: a type or a mechanism.
#[repr(C)]
pub struct RawOid {
    pub length: u32,
    pub elements: *const c_void,
}

/// `gss_name_t`, `gss_cred_id_t`, `gss_ctx_id_t`: NULL is none.
pub type Handle = *mut c_void;

/// Declares the functions that are used, with their arguments, and looks up all of them or none.
macro_rules! functions {
    ($($name:ident: ($($argument:ty),*);)*) => {
        /// The functions, named as in C without their prefix.
        pub struct Library {
            $(pub $name: unsafe extern "C" fn($($argument),*) -> Status,)*
        }

        impl Library {
            /// # Safety
            /// `file` is a handle of dlopen, of a library whose functions of these names have these arguments.
            unsafe fn find(file: *mut c_void) -> Option<Self> {
                Some(Self {$(
                    $name: {
                        let name = concat!("gss_", stringify!($name), "\0");
                        // SAFETY: a handle of dlopen, by the caller's promise, and a C string.
                        let address = unsafe { libc::dlsym(file, name.as_ptr().cast()) };
                        if address.is_null() {
                            return None;
                        }
                        // SAFETY: a function of these arguments, by the caller's promise.
                        unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($argument),*) -> Status>(address) }
                    },
                )*})
            }
        }
    };
}

functions! {
    import_name: (*mut Status, *const RawBuffer, *const RawOid, *mut Handle);
    release_name: (*mut Status, *mut Handle);
    display_name: (*mut Status, Handle, *mut RawBuffer, *mut *const RawOid);
    acquire_cred: (*mut Status, Handle, u32, *const c_void, c_int, *mut Handle, *mut *const c_void, *mut u32);
    release_cred: (*mut Status, *mut Handle);
    init_sec_context: (
        *mut Status, Handle, *mut Handle, Handle, *const RawOid, u32, u32, *const c_void, *const RawBuffer,
        *mut *const RawOid, *mut RawBuffer, *mut u32, *mut u32
    );
    accept_sec_context: (
        *mut Status, *mut Handle, Handle, *const RawBuffer, *const c_void, *mut Handle, *mut *const RawOid,
        *mut RawBuffer, *mut u32, *mut u32, *mut Handle
    );
    delete_sec_context: (*mut Status, *mut Handle, *mut RawBuffer);
    wrap: (*mut Status, Handle, c_int, u32, *const RawBuffer, *mut c_int, *mut RawBuffer);
    unwrap: (*mut Status, Handle, *const RawBuffer, *mut RawBuffer, *mut c_int, *mut u32);
    display_status: (*mut Status, Status, c_int, *const RawOid, *mut u32, *mut RawBuffer);
    release_buffer: (*mut Status, *mut RawBuffer);
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Library")
    }
}

/// The library, if this system has it. Once found it stays in memory.
pub fn library() -> Option<&'static Library> {
    static LIBRARY: OnceLock<Option<Library>> = OnceLock::new();
    let found = LIBRARY.get_or_init(|| {
        // SAFETY: a C string. The library's initialisation may run on any thread.
        let file = unsafe { libc::dlopen(FILE.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if file.is_null() {
            return None;
        }
        // SAFETY: just opened; the functions are those of RFC 2744, which the version in the file's name stands for.
        unsafe { Library::find(file) }
    });
    found.as_ref()
}
