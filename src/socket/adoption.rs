//! What a thread that waits for a socket's links does itself.
//!
//! It *adopts* the streams, where that pays: it waits for them in poll(2), reads them itself, and saves the I/O thread's wake-up and
//! the switch from it. Few streams are waited for one by one. Those of a socket with many links are watched together
//! (`driver::Gathering`), from the second wait within a short time on.

use super::Socket;
use crate::config::{ADOPTED_LINKS, HEED_STEP, LEASE_GAP};
use crate::driver::{Gathering, LinkHandle, inline_driving};
use crate::error::Result;
use crate::pattern::Heed;
use crate::sync::Deferral;
use crate::transport::Stream;
use smallvec::SmallVec;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Instant;

/// What a call waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    Room,
    Input,
}

/// What a waiting thread serves. Few, so that a wait allocates nothing.
#[derive(Default)]
pub(super) struct Sources {
    links: SmallVec<[Arc<LinkHandle>; ADOPTED_LINKS]>,
    sets: SmallVec<[Arc<Gathering>; 1]>,
}

impl Sources {
    pub(super) fn len(&self) -> usize {
        self.links.len() + self.sets.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn extend(&mut self, others: Self) {
        self.links.extend(others.links);
        self.sets.extend(others.sets);
    }

    /// Moves bytes on the calling thread. True when that may have brought what is waited for.
    pub(super) fn help(&self, what: For) -> bool {
        // What was written may be freed, while the link is in hand.
        let _deferral = Deferral::begin();
        let mut helped = false;
        for link in &self.links {
            helped |= match what {
                For::Room => link.assist_send(),
                For::Input => link.receive_inline(),
            };
        }
        for set in &self.sets {
            helped |= set.read();
        }
        helped
    }
}

/// What the calling thread waits for itself, until it is dropped.
pub(super) struct Adopted<'a> {
    streams: SmallVec<[(&'a Arc<LinkHandle>, Arc<Stream>); ADOPTED_LINKS]>,
    sets: SmallVec<[&'a Arc<Gathering>; 1]>,
    what: For,
    /// Something was moved after the wait.
    pub(super) helped: bool,
}

impl<'a> Adopted<'a> {
    pub(super) fn new(sources: &'a Sources, what: For) -> Self {
        let stream = |link: &Arc<LinkHandle>| match what {
            For::Room => link.await_room(),
            For::Input => link.adopt(),
        };
        let streams = sources.links.iter().filter_map(|link| Some((link, stream(link)?))).collect();
        let sets = sources.sets.iter().filter(|set| set.adopt()).collect();
        Self { streams, sets, what, helped: false }
    }

    pub(super) fn len(&self) -> usize {
        self.streams.len() + self.sets.len()
    }

    /// What to give to poll(2).
    pub(super) fn entries(&self) -> impl Iterator<Item = libc::pollfd> + '_ {
        let events = if self.what == For::Room { libc::POLLOUT } else { libc::POLLIN };
        let streams = self.streams.iter().map(move |(_, stream)| (stream.raw(), events));
        let sets = self.sets.iter().map(|set| (set.raw(), libc::POLLIN));
        streams.chain(sets).map(|(fd, events): (RawFd, _)| libc::pollfd { fd, events, revents: 0 })
    }

    /// Reads what poll(2) has found ready among these entries.
    pub(super) fn read(&self, entries: &[libc::pollfd]) {
        let _deferral = Deferral::begin();
        let (streams, sets) = entries.split_at(self.streams.len().min(entries.len()));
        for ((link, _), _) in self.streams.iter().zip(streams).filter(|(_, entry)| entry.revents != 0) {
            link.receive_inline();
        }
        for (set, _) in self.sets.iter().zip(sets).filter(|(_, entry)| entry.revents != 0) {
            set.read();
        }
    }
}

impl Drop for Adopted<'_> {
    fn drop(&mut self) {
        let _deferral = Deferral::begin();
        for (link, _) in &self.streams {
            match self.what {
                For::Room => link.leave_room(self.helped),
                For::Input => link.leave(),
            }
        }
        self.sets.iter().for_each(|set| set.leave());
    }
}

/// What a socket remembers between waits.
#[derive(Default)]
pub(super) struct Adoption {
    /// Streams of links, each for itself, may be adopted beyond the wait that took them.
    may_lease_links: bool,
    /// The sets of streams may.
    may_lease_sets: bool,
    /// Since the last wait the application has asked for input that was not there.
    missed: bool,
    /// Where the streams are watched together: one for each I/O thread that serves links of the socket.
    sets: Vec<Arc<Gathering>>,
    /// Nothing came of making one, for want of links or descriptors; until there is another link.
    in_vain: bool,
    /// The last wait at which there were too many links to wait for each.
    last_wait: Option<Instant>,
    /// The last look at what peers say, before a send.
    heeded: Option<Instant>,
}

impl Adoption {
    /// A new link: its stream is watched with the others, if those are watched together.
    pub(super) fn note_attached(&mut self, link: &Arc<LinkHandle>) {
        self.in_vain = false;
        if !self.sets.is_empty() {
            self.gather(link);
        }
    }

    /// False without a descriptor for another set: then the stream stays with the I/O thread.
    fn gather(&mut self, link: &Arc<LinkHandle>) -> bool {
        let thread = link.thread();
        if let Some(set) = self.sets.iter().find(|set| set.is_of(thread)) {
            link.join(set);
            return true;
        }
        let Ok(set) = Gathering::new(thread) else { return false };
        link.join(&set);
        self.sets.push(set);
        true
    }

    /// A wait for many links begins. True when it follows the last one closely.
    fn is_frequent(&mut self) -> bool {
        let now = Instant::now();
        self.last_wait.replace(now).is_some_and(|last| now - last < LEASE_GAP)
    }
}

impl Socket {
    /// Gives streams back to the I/O thread: the application asks for input in another way than by waiting for it.
    /// What has come until now is read first: nobody else did.
    #[inline]
    pub(super) fn end_leases(&mut self) {
        if self.has_leases() {
            self.read_leased();
            self.end_link_leases();
            self.end_set_leases();
        }
    }

    fn end_set_leases(&mut self) {
        if std::mem::take(&mut self.adoption.may_lease_sets) {
            self.adoption.sets.iter().for_each(|set| set.give_back());
        }
    }

    fn end_link_leases(&mut self) {
        if std::mem::take(&mut self.adoption.may_lease_links) {
            self.links().for_each(|link| link.give_back());
        }
    }

    /// A receive without waiting has found nothing. True when reading the streams of waiting threads may have brought
    /// something. A thread that takes what there is between two waits keeps its streams; one that asks again and
    /// again does not.
    #[cold]
    pub(super) fn look_at_streams(&mut self) -> bool {
        let found = self.read_leased();
        if !found && std::mem::replace(&mut self.adoption.missed, true) {
            self.end_leases();
        }
        found
    }

    /// Whether there may be such streams.
    #[inline]
    pub(super) fn has_leases(&self) -> bool {
        self.adoption.may_lease_links || self.adoption.may_lease_sets
    }

    /// Before a send: reads what peers have said, as far as that decides about it. ETERM.
    pub(super) fn heed(&mut self) -> Result<()> {
        let heed = self.pattern.heeds();
        if heed == Heed::Nothing {
            return Ok(());
        }
        self.check_context()?;
        if heed == Heed::Everything {
            self.read_leased();
            return Ok(());
        }
        // From here on the I/O thread reads, so that this costs nothing in a burst.
        let now = Instant::now();
        if self.adoption.heeded.is_none_or(|last| now - last >= HEED_STEP) {
            self.adoption.heeded = Some(now);
            self.end_leases();
        }
        Ok(())
    }

    /// Reads the streams that no I/O thread reads. True when bytes came.
    #[cold]
    pub(super) fn read_leased(&mut self) -> bool {
        if !self.has_leases() {
            return false;
        }
        self.pipes.end_passing();
        let mut found = false;
        if self.adoption.may_lease_links {
            for link in self.links() {
                found |= link.read_leased();
            }
        }
        if self.adoption.may_lease_sets {
            for set in &self.adoption.sets {
                found |= set.read_leased();
            }
        }
        found
    }

    /// What a waiting thread is going to read. Nothing where the application also waits in ways that do not: a stream
    /// that the thread keeps would be silent there. Nor where only the latest message counts: what a thread reads at its own pace may
    /// be old.
    pub(super) fn sources_to_read(&mut self) -> Sources {
        let apart = self.inbox.mailbox.waker.is_followed() || self.options.conflates();
        let sources = if apart || !inline_driving() { Sources::default() } else { self.sources() };
        if sources.is_empty() {
            self.end_leases();
        }
        self.adoption.may_lease_links |= !sources.links.is_empty();
        self.adoption.may_lease_sets |= !sources.sets.is_empty();
        self.adoption.missed = false;
        sources
    }

    fn sources(&mut self) -> Sources {
        if self.pipes.len() <= ADOPTED_LINKS {
            // Links that were many until now.
            self.end_set_leases();
            return Sources { links: self.links().cloned().collect(), ..Sources::default() };
        }
        let frequent = self.adoption.is_frequent();
        if self.adoption.sets.is_empty() && frequent && !self.adoption.in_vain {
            self.end_leases();
            let Self { adoption, attached, .. } = self;
            let mut links = attached.iter().flatten().filter_map(|attached| attached.link.as_ref());
            let all = links.all(|link| adoption.gather(link));
            adoption.in_vain = !all || adoption.sets.is_empty();
        }
        // Links that were few until now.
        self.end_link_leases();
        Sources { sets: self.adoption.sets.iter().cloned().collect(), ..Sources::default() }
    }

    /// The links whose pipes a waiting thread is going to write.
    pub(super) fn sources_to_write(&self) -> Sources {
        if self.pipes.len() > ADOPTED_LINKS || !inline_driving() {
            return Sources::default();
        }
        Sources { links: self.links().cloned().collect(), ..Sources::default() }
    }
}
