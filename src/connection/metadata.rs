//! Properties inside READY and INITIATE (RFC 37: `metadata = *property`, `property = name value`).

use super::config::{Config, PROPERTIES_MAX};
use super::failure::Failure;
use std::collections::HashSet;

/// Names that the protocol itself gives a meaning. Compared exactly, as the reference does.
pub const SOCKET_TYPE: &str = "Socket-Type";
pub const IDENTITY: &str = "Identity";

/// What a peer says about itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PeerMetadata {
    /// Empty unless the local socket uses routing ids.
    pub routing_id: Vec<u8>,
    /// All properties in the peer's order; of equal names the first.
    pub properties: Vec<(String, Vec<u8>)>,
}

/// What we say about ourselves: Socket-Type, Identity for the types that have one, then the application's
/// properties by name.
pub fn local(config: &Config) -> Vec<u8> {
    let mut output = Vec::new();
    write(SOCKET_TYPE, config.socket_name.as_bytes(), &mut output);
    if config.sends_identity {
        write(IDENTITY, &config.routing_id, &mut output);
    }
    let mut properties: Vec<_> = config.properties.iter().collect();
    properties.sort_by(|(left, _), (right, _)| left.cmp(right));
    for (name, value) in properties {
        write(name, value, &mut output);
    }
    output
}

/// Appends a property. One that cannot be written (the option's setter refuses them) is left out.
fn write(name: &str, value: &[u8], output: &mut Vec<u8>) {
    let (Ok(name_size), Ok(value_size)) = (u8::try_from(name.len()), u32::try_from(value.len())) else {
        return;
    };
    output.push(name_size);
    output.extend_from_slice(name.as_bytes());
    output.extend_from_slice(&value_size.to_be_bytes());
    output.extend_from_slice(value);
}

/// Reads a peer's properties and checks its socket type. No Socket-Type at all is accepted.
pub fn accept(config: &Config, bytes: &[u8]) -> Result<PeerMetadata, Failure> {
    let mut peer = PeerMetadata::default();
    let mut names = HashSet::new();
    for property in Properties(bytes) {
        let (name, value) = property?;
        if name == SOCKET_TYPE.as_bytes() && !config.peers.iter().any(|peer| peer.as_bytes() == value) {
            let (own, other) = (config.socket_name, value.escape_ascii());
            return Err(Failure::protocol(format!("a peer of type {other} cannot talk to {own}")));
        }
        if names.len() == PROPERTIES_MAX || !names.insert(name) {
            continue;
        }
        if name == IDENTITY.as_bytes() && config.uses_identity {
            peer.routing_id = value.to_vec();
        }
        peer.properties.push((String::from_utf8_lossy(name).into_owned(), value.to_vec()));
    }
    Ok(peer)
}

/// A name and its value.
type Property<'a> = (&'a [u8], &'a [u8]);

/// Splits metadata into properties.
///
/// The rule of the reference for truncated input: reading stops where the next item does not fit, and that is
/// an error exactly when bytes are left over there. So a value length that promises more is accepted at
/// the very end of the input, where nothing follows it.
pub struct Properties<'a>(&'a [u8]);

impl<'a> Properties<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next property, and the rest as far as it could be read.
    fn split(bytes: &'a [u8]) -> (Option<Property<'a>>, &'a [u8]) {
        let [name_size, rest @ ..] = bytes else { return (None, bytes) };
        if rest.is_empty() {
            return (None, bytes);
        }
        let Some((name, rest)) = rest.split_at_checked(usize::from(*name_size)) else { return (None, rest) };
        let Some((value_size, rest)) = rest.split_first_chunk() else { return (None, rest) };
        let Ok(value_size) = usize::try_from(u32::from_be_bytes(*value_size)) else { return (None, rest) };
        let Some((value, rest)) = rest.split_at_checked(value_size) else { return (None, rest) };
        (Some((name, value)), rest)
    }
}

impl<'a> Iterator for Properties<'a> {
    type Item = Result<Property<'a>, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let (property, rest) = Self::split(self.0);
        self.0 = rest;
        if property.is_none() && !rest.is_empty() {
            self.0 = &[];
            return Some(Err(Failure::protocol("metadata with a truncated property")));
        }
        property.map(Ok)
    }
}
