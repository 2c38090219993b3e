//! What is known about the peer a message came from.

/// Properties of one connection, shared by all messages received on it.
///
/// Lookup order on equal names: properties the transport vouches for, then the peer's own in the order it
/// sent them.
#[derive(Debug, Default)]
pub struct Metadata {
    routing_id: Vec<u8>,
    properties: Vec<(Box<str>, Box<std::ffi::CStr>)>,
    descriptor: Option<i32>,
}

impl Metadata {
    /// Metadata of a connection whose peer announced `routing_id` (empty: none).
    pub fn new(routing_id: Vec<u8>) -> Self {
        Self { routing_id, properties: Vec::new(), descriptor: None }
    }

    /// Adds a property; a name that is already there keeps its first value. A value is cut at its first NUL,
    /// because C reads it as a string.
    pub fn insert(&mut self, name: &str, value: &[u8]) {
        if self.property(name).is_some() {
            return;
        }
        let end = value.iter().position(|&byte| byte == 0).unwrap_or(value.len());
        if let Ok(text) = std::ffi::CString::new(&value[..end]) {
            self.properties.push((name.into(), text.into_boxed_c_str()));
        }
    }

    /// Records the file descriptor of the connection (ZMQ_SRCFD).
    pub fn set_descriptor(&mut self, descriptor: i32) {
        self.descriptor = Some(descriptor);
    }

    /// The routing id the peer announced; empty when it did not.
    pub fn routing_id(&self) -> &[u8] {
        &self.routing_id
    }

    /// The descriptor of the connection; `None` for inproc.
    pub fn descriptor(&self) -> Option<i32> {
        self.descriptor
    }

    /// A property by its exact, case-sensitive name.
    pub fn property(&self, name: &str) -> Option<&std::ffi::CStr> {
        self.properties.iter().find(|(key, _)| &**key == name).map(|(_, value)| &**value)
    }
}
