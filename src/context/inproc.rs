//! inproc names of one context: who bound them, and who connected before anybody did.

use crate::driver::Notices;
use crate::pipe::End;
use crate::socket::{Inbox, Monitors, Party};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;

/// A name that is bound.
#[derive(Clone)]
pub struct Bound {
    pub inbox: Arc<Inbox>,
    pub send_hwm: usize,
    pub receive_hwm: usize,
    pub routing_id: Vec<u8>,
    /// It answers whoever asks, as a ZAP handler must.
    pub answers: bool,
    /// What its peers are told, and what it wants to hear of them.
    pub notices: Notices,
    /// The monitor that the socket belongs to.
    pub monitors: Monitors,
}

/// A connect that came before its bind: the far end of its pipe waits here.
pub struct PendingConnect {
    pub party: Arc<Party>,
    /// The party that connected.
    pub caller: Arc<Party>,
    pub end: End,
    /// High-water marks of the connecting socket.
    pub send_hwm: usize,
    pub receive_hwm: usize,
}

/// All names of one context.
#[derive(Default)]
pub struct Names {
    bound: HashMap<OsString, Bound>,
    pending: HashMap<OsString, Vec<PendingConnect>>,
}

impl Names {
    /// Binds a name and hands over the connects that waited for it. `None`: the name is taken.
    pub fn bind(&mut self, name: &OsStr, bound: Bound) -> Option<Vec<PendingConnect>> {
        if self.bound.contains_key(name) {
            return None;
        }
        self.bound.insert(name.to_owned(), bound);
        Some(self.pending.remove(name).unwrap_or_default())
    }

    /// Gives a name up. False when it is not bound by that socket.
    pub fn unbind(&mut self, name: &OsStr, serial: u64) -> bool {
        if self.bound.get(name).is_some_and(|bound| bound.inbox.serial == serial) {
            self.bound.remove(name);
            return true;
        }
        false
    }

    /// Who bound a name.
    pub fn find(&self, name: &OsStr) -> Option<&Bound> {
        self.bound.get(name)
    }

    /// Keeps a connect until its name is bound.
    pub fn wait_for(&mut self, name: &OsStr, pending: PendingConnect) {
        self.pending.entry(name.to_owned()).or_default().push(pending);
    }

    /// The connects that still wait, to be ended.
    pub fn take_pending(&mut self) -> Vec<PendingConnect> {
        self.pending.drain().flat_map(|(_, list)| list).collect()
    }
}
