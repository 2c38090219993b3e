//! A socket as its links see it.

use super::inbox::{Attachment, Inbox, News, Party};
use super::monitor::Monitor;
use crate::context::Names;
use crate::driver::{LinkHandle, Owner, Report};
use crate::error::{Errno, Result};
use crate::message::{Message, Metadata};
use crate::options::{SocketOptions, SocketType};
use crate::pattern::Origin;
use crate::pipe::{End, Limits, Peer, pipe};
use parking_lot::Mutex;
use std::sync::Arc;

/// Limits of a pipe between a socket and a link: what is sent waits in it up to SNDHWM, what is received up to
/// RCVHWM. The socket is the first party. Conflation is for messages: subscriptions go the other way, and are kept.
pub fn link_limits(options: &SocketOptions) -> Limits {
    let conflate = options.conflates();
    let sends = !matches!(options.socket_type, SocketType::Sub | SocketType::Pull);
    let receives = !matches!(options.socket_type, SocketType::Pub | SocketType::Push);
    Limits {
        forward: options.send_hwm as usize,
        backward: options.receive_hwm as usize,
        conflate_forward: conflate && sends,
        conflate_backward: conflate && receives,
    }
}

pub struct LinkOwner {
    pub inbox: Arc<Inbox>,
    pub monitor: Arc<Monitor>,
    pub routing_id: Option<Vec<u8>>,
    /// Names bound in the context, among them that of the ZAP handler.
    pub names: Arc<Mutex<Names>>,
}

/// Where handlers of ZAP requests are bound (RFC 27).
const ZAP_NAME: &str = "zeromq.zap.01";

impl Owner for LinkOwner {
    fn open_pipe(
        &self,
        link: &Arc<LinkHandle>,
        options: &SocketOptions,
        connected: bool,
        metadata: &Arc<Metadata>,
    ) -> End {
        let party = Party::new(Some(self.inbox.clone()));
        let (ours, mut links) = pipe(link_limits(options), party.clone(), link.clone());
        links.tx.push_uncounted(Message::control(metadata.clone()));
        links.tx.flush();
        let routing_id = self.routing_id.clone().filter(|_| connected);
        let origin = Origin { connected, inproc: false, routing_id };
        let attachment = Attachment { party, end: ours, origin, link: Some(link.clone()) };
        self.inbox.post(News::Attach(Box::new(attachment)));
        links
    }

    fn open_inquiry(&self, asking: Arc<dyn Peer>) -> Result<Option<End>> {
        let Some(bound) = self.names.lock().find(ZAP_NAME.as_ref()).cloned() else { return Ok(None) };
        if !bound.answers {
            return Err(Errno::INVALID);
        }
        let party = Party::new(Some(bound.inbox.clone()));
        let limits = Limits { forward: 0, backward: 0, conflate_forward: false, conflate_backward: false };
        let (mut ours, theirs) = pipe(limits, asking, party.clone());
        ours.tx.push_uncounted(Message::control(Arc::default()));
        ours.tx.flush();
        let origin = Origin { inproc: true, ..Origin::default() };
        let attachment = Attachment { party, end: theirs, origin, link: None };
        bound.inbox.post(News::Attach(Box::new(attachment)));
        Ok(Some(ours))
    }

    fn attend(&self) -> bool {
        self.inbox.attend()
    }

    fn wants(&self, event: u64) -> bool {
        self.monitor.wants(event)
    }

    fn report(&self, report: &Report) {
        self.monitor.report(report);
    }

    fn ended(&self, link: &Arc<LinkHandle>) {
        self.inbox.post(News::Ended(link.clone()));
    }
}
