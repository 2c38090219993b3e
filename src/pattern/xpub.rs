//! XPUB: each message to the peers that subscribed to what it begins with; subscriptions can be received.

use super::{Heed, Leftover, Mode, Origin, Pattern, PipeId, Pipes};
use crate::error::{Errno, Result};
use crate::message::{CANCEL, Message, SUBSCRIBE};
use crate::options::number as n;
use crate::options::value::{parse_bool_any, parse_nonnegative_flag};
use crate::routing::{FanOut, Removal, TopicPipes};
use std::collections::VecDeque;

/// See the module documentation. PUB is the same with nothing to receive.
///
/// Subscriptions are read as soon as their pipe is attached or readable, so that they count for the next message.
#[derive(Default)]
pub struct Xpub {
    fan_out: FanOut,
    subscriptions: TopicPipes,
    /// MANUAL: what the peers asked for, while `subscriptions` is what the application gave them.
    asked: TopicPipes,
    pending: VecDeque<Pending>,
    /// By pipe number: how many pipes had it before, so that a pending message does not mistake one for another.
    attached: Vec<u32>,
    /// MANUAL: the peer whose subscription was received last.
    last: Option<Author>,
    options: Options,
    /// PUB: nothing is received, so nothing is kept to be.
    send_only: bool,
}

#[derive(Default)]
struct Options {
    verbose: bool,
    verbose_unsubscribe: bool,
    no_drop: bool,
    manual: bool,
    last_value: bool,
    only_first_subscribe: bool,
    invert_matching: bool,
    welcome: Option<Message>,
}

/// A pipe and how many had its number before.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Author(PipeId, u32);

/// A message to be received.
struct Pending {
    message: Message,
    /// Whose subscription it is; `None` for what is no subscription of a peer.
    author: Option<Author>,
    is_subscription: bool,
}

impl Xpub {
    /// What PUB is made of.
    pub(super) fn send_only() -> Self {
        Self { send_only: true, ..Self::default() }
    }

    /// Reads what came from upstream: subscriptions, and messages of the peer's application.
    fn drain(&mut self, pipes: &mut Pipes, id: PipeId) {
        let mut first_part = true;
        let mut examine = true;
        loop {
            let Some(part) = pipes.read(id) else {
                if pipes.poll(id) {
                    continue;
                }
                return;
            };
            let subscription = if first_part || examine { Subscription::parse(&part) } else { None };
            if first_part {
                examine = !self.options.only_first_subscribe || subscription.is_some();
            }
            first_part = !part.more();
            match subscription {
                Some(subscription) => self.apply(pipes, id, &subscription),
                None if self.send_only => {}
                None => {
                    let mut message = Message::from_slice(part.data()).unwrap_or_default();
                    message.set_more(part.more());
                    message.set_metadata(pipes.metadata(id).cloned());
                    self.pending.push_back(Pending { message, author: None, is_subscription: false });
                }
            }
        }
    }

    fn apply(&mut self, pipes: &Pipes, id: PipeId, subscription: &Subscription) {
        let Subscription { wanted, topic } = *subscription;
        let told = if self.options.manual {
            if wanted {
                self.asked.add(topic, id);
            } else {
                self.asked.remove(topic, id);
            }
            true
        } else if wanted {
            self.subscriptions.add(topic, id) || self.options.verbose
        } else {
            self.subscriptions.remove(topic, id) != Removal::OthersRemain || self.options.verbose_unsubscribe
        };
        if told {
            self.tell(wanted, topic, Some((pipes, id)));
        }
    }

    /// Lets the application receive a (un)subscription; `from` is the pipe it came from, if it did.
    fn tell(&mut self, wanted: bool, topic: &[u8], from: Option<(&Pipes, PipeId)>) {
        if self.send_only {
            return;
        }
        let Ok(mut message) = (Subscription { wanted, topic }).message() else { return };
        message.set_metadata(from.and_then(|(pipes, id)| pipes.metadata(id).cloned()));
        let author = from.map(|(_, id)| self.author(id));
        self.pending.push_back(Pending { message, author, is_subscription: true });
    }

    fn author(&self, id: PipeId) -> Author {
        Author(id, self.attached.get(id.0 as usize).copied().unwrap_or_default())
    }

    /// The peer that manual subscriptions are for, if it is still there.
    fn last(&self) -> Option<PipeId> {
        let author = self.last?;
        (self.fan_out.contains(author.0) && self.author(author.0) == author).then_some(author.0)
    }

    /// Takes a pipe out, and lets the application receive what that unsubscribes.
    fn forget(&mut self, id: PipeId) {
        if !self.fan_out.remove(id) {
            return;
        }
        let mut gone: Vec<Box<[u8]>> = Vec::new();
        if self.options.manual {
            self.asked.remove_pipe(id, |topic, _| gone.push(topic.into()));
            self.subscriptions.remove_pipe(id, |_, _| {});
        } else {
            let all = self.options.verbose_unsubscribe;
            self.subscriptions.remove_pipe(id, |topic, removal| {
                if all || removal == Removal::Last {
                    gone.push(topic.into());
                }
            });
            self.asked.remove_pipe(id, |_, _| {});
        }
        for topic in gone {
            self.tell(false, &topic, None);
        }
    }

    fn select(&mut self, first_part: &Message) {
        let only = if self.options.manual && self.options.last_value { self.last() } else { None };
        let fan_out = &mut self.fan_out;
        fan_out.select_none();
        self.subscriptions.for_each_match(first_part.data(), |id| {
            if only.is_none_or(|only| only == id) {
                fan_out.select(id);
            }
        });
        if self.options.invert_matching {
            fan_out.invert();
        }
    }

    fn subscribe_last(&mut self, topic: &[u8], wanted: bool) -> Result<()> {
        if !self.options.manual {
            return Err(Errno::INVALID);
        }
        match self.last() {
            Some(id) if wanted => {
                self.subscriptions.add(topic, id);
            }
            Some(id) => {
                self.subscriptions.remove(topic, id);
            }
            None => {}
        }
        Ok(())
    }
}

impl Pattern for Xpub {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, _origin: &Origin) {
        let number = id.0 as usize;
        if self.attached.len() <= number {
            self.attached.resize(number + 1, 0);
        }
        self.attached[number] = self.attached[number].wrapping_add(1);
        self.fan_out.attach(id);
        if let Some(welcome) = &mut self.options.welcome {
            pipes.try_write(id, &mut welcome.share());
        }
        self.drain(pipes, id);
    }

    fn readable(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.drain(pipes, id);
    }

    fn writable(&mut self, _pipes: &mut Pipes, _id: PipeId) {}

    fn closed(&mut self, pipes: &mut Pipes, id: PipeId) -> Leftover {
        self.drain(pipes, id);
        self.forget(id);
        Leftover::Discard
    }

    fn detach(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.forget(id);
    }

    fn send(&mut self, pipes: &mut Pipes, message: &mut Message, _mode: Mode) -> Result<()> {
        if !self.fan_out.in_message() {
            self.select(message);
        }
        if self.options.no_drop {
            if !self.fan_out.has_room(pipes) {
                return Err(Errno::AGAIN);
            }
            self.fan_out.send(pipes, message);
        } else {
            self.fan_out.send_bundled(pipes, message);
        }
        if self.options.last_value {
            self.last = None;
        }
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        let Pending { mut message, author, is_subscription } =
            self.pending.pop_front().ok_or(Errno::AGAIN)?;
        if self.options.manual && is_subscription {
            self.last = author;
        }
        if !pipes.with_metadata {
            message.set_metadata(None);
        }
        Ok(message)
    }

    fn heeds(&self) -> Heed {
        Heed::Lately
    }

    fn can_send(&mut self, _pipes: &mut Pipes) -> bool {
        true
    }

    fn can_recv(&mut self, _pipes: &mut Pipes) -> bool {
        !self.pending.is_empty()
    }

    fn set_option(&mut self, _pipes: &mut Pipes, option: i32, value: &[u8]) -> Option<Result<()>> {
        let options = &mut self.options;
        let flag = parse_nonnegative_flag(Some(value));
        let done = match option {
            n::ZMQ_SUBSCRIBE | n::ZMQ_UNSUBSCRIBE => self.subscribe_last(value, option == n::ZMQ_SUBSCRIBE),
            n::ZMQ_XPUB_WELCOME_MSG if value.is_empty() => {
                options.welcome = None;
                Ok(())
            }
            n::ZMQ_XPUB_WELCOME_MSG => {
                Message::from_slice(value).map(|welcome| options.welcome = Some(welcome))
            }
            n::ZMQ_INVERT_MATCHING => parse_bool_any(Some(value)).map(|on| options.invert_matching = on),
            n::ZMQ_XPUB_VERBOSE => {
                flag.map(|on| (options.verbose, options.verbose_unsubscribe) = (on, false))
            }
            n::ZMQ_XPUB_VERBOSER => flag.map(|on| (options.verbose, options.verbose_unsubscribe) = (on, on)),
            n::ZMQ_XPUB_NODROP => flag.map(|on| options.no_drop = on),
            n::ZMQ_XPUB_MANUAL => flag.map(|on| options.manual = on),
            n::ZMQ_XPUB_MANUAL_LAST_VALUE => flag.map(|on| (options.manual, options.last_value) = (on, on)),
            n::ZMQ_ONLY_FIRST_SUBSCRIBE => flag.map(|on| options.only_first_subscribe = on),
            _ => return None,
        };
        Some(done)
    }

    fn int_option(&self, option: i32) -> Option<i32> {
        match option {
            n::ZMQ_TOPICS_COUNT => Some(self.subscriptions.topics() as i32),
            n::ZMQ_INVERT_MATCHING => Some(i32::from(self.options.invert_matching)),
            _ => None,
        }
    }
}

/// A part that subscribes or unsubscribes, in any of the forms in which peers and applications write it.
pub(super) struct Subscription<'a> {
    pub(super) wanted: bool,
    pub(super) topic: &'a [u8],
}

impl<'a> Subscription<'a> {
    pub(super) fn parse(part: &'a Message) -> Option<Self> {
        let (&first, topic) = part.data().split_first()?;
        match first {
            _ if part.has_flags(SUBSCRIBE) => Some(Self { wanted: true, topic }),
            _ if part.has_flags(CANCEL) => Some(Self { wanted: false, topic }),
            1 => Some(Self { wanted: true, topic }),
            0 => Some(Self { wanted: false, topic }),
            _ => None,
        }
    }

    /// The part that says so.
    pub(super) fn message(&self) -> Result<Message> {
        let mut body = Vec::with_capacity(1 + self.topic.len());
        body.push(u8::from(self.wanted));
        body.extend_from_slice(self.topic);
        Message::from_vec(body)
    }

    /// The same, to be sent as a command to peers that know it.
    pub(super) fn command(&self) -> Result<Message> {
        let mut message = self.message()?;
        message.add_flags(if self.wanted { SUBSCRIBE } else { CANCEL });
        Ok(message)
    }
}

#[cfg(test)]
#[path = "xpub/tests.rs"]
mod tests;
