//! ZAP: how an application judges peers (RFC 27). Requests and replies as lists of frames; how they travel is the driver's business.

use super::config::Config;
use super::failure::{Failure, FailureKind, code};
use super::metadata::Properties;

const VERSION: &[u8] = b"1.0";
/// One request at a time and pipe, so that all have the same id, as in the reference.
const REQUEST_ID: &[u8] = b"1";

/// When peers are judged, and on whose behalf.
#[derive(Clone, Debug, Default)]
pub struct Zap {
    /// ZMQ_ZAP_DOMAIN; empty is none.
    pub domain: Vec<u8>,
    /// ZMQ_ZAP_ENFORCE_DOMAIN: with a domain there must be a handler; without one CURVE does not ask it.
    pub enforce: bool,
}

/// A peer who is welcome.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Approval {
    /// `None`: nobody has judged.
    pub user_id: Option<Vec<u8>>,
    /// Properties that the handler vouches for.
    pub properties: Vec<(String, Vec<u8>)>,
}

/// What came of asking for a judgement.
#[derive(Debug)]
pub enum Verdict {
    /// Nobody is there to judge.
    NoHandler,
    /// The frames of its reply, the empty delimiter included.
    Reply(Vec<Vec<u8>>),
}

impl Zap {
    /// Whether CURVE has its clients' keys judged. PLAIN and GSSAPI always ask.
    pub fn asks(&self) -> bool {
        !self.enforce || !self.domain.is_empty()
    }

    /// Whether peers are turned away when there is no handler.
    pub fn insists(&self) -> bool {
        self.enforce && !self.domain.is_empty()
    }
}

/// The frames of a request, the empty delimiter first.
pub fn request(config: &Config, mechanism: &str, address: &str, credentials: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut frames = vec![
        Vec::new(),
        VERSION.to_vec(),
        REQUEST_ID.to_vec(),
        config.zap.domain.clone(),
        address.as_bytes().to_vec(),
        config.routing_id.clone(),
        mechanism.as_bytes().to_vec(),
    ];
    frames.extend(credentials);
    frames
}

/// Reads a reply.
pub fn parse_reply(frames: &[Vec<u8>]) -> Result<Approval, Failure> {
    let fail =
        |code, reason: &str| Err(Failure::reported(code, format!("the ZAP handler's reply has {reason}")));
    let [delimiter, version, id, status, _text, user_id, properties] = frames else {
        return fail(code::ZAP_MALFORMED_REPLY, "a wrong number of frames");
    };
    if !delimiter.is_empty() {
        return fail(code::ZAP_UNSPECIFIED, "no empty delimiter");
    }
    if version != VERSION {
        return fail(code::ZAP_BAD_VERSION, "another version");
    }
    if id != REQUEST_ID {
        return fail(code::ZAP_BAD_REQUEST_ID, "another request's id");
    }
    let status = match &status[..] {
        b"200" => 200,
        b"300" => 300,
        b"400" => 400,
        b"500" => 500,
        _ => return fail(code::ZAP_INVALID_STATUS_CODE, "an unknown status"),
    };
    let mut approval = Approval { user_id: Some(user_id.clone()), ..Approval::default() };
    for property in Properties::new(properties) {
        let Ok((name, value)) = property else {
            return fail(code::ZAP_INVALID_METADATA, "malformed metadata");
        };
        approval.properties.push((String::from_utf8_lossy(name).into_owned(), value.to_vec()));
    }
    match status {
        200 => Ok(approval),
        _ => Err(Failure {
            kind: FailureKind::Refused(Some(status)),
            reason: format!("the ZAP handler denied the peer with status {status}"),
        }),
    }
}
