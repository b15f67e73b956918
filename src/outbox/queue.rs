//! The outbox's order, limits and counts: pure.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::mqtt::{
    Batch, Completion, Filters, OutgoingMessage, Refused, RefusedItem, Request, SendBuffer, ServerLimits, Session,
    Share, Turn,
};
use crate::outbox::draft::Draft;
use crate::types::{Error, Properties, Qos, Result};

/// Nothing more is encoded while this much waits for the socket.
pub(super) const HIGH_WATER: usize = 256 * 1024;
/// Time between two looks through the line for messages that have expired.
const GLANCE: Duration = Duration::from_secs(1);

/// A message that was accepted, and the older one whose place it has taken, if any.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) completion: Arc<Completion>,
    pub(crate) replaced: Option<Arc<Completion>>,
    /// It is the next to expire: [`Queue::next_expiry`] has changed.
    pub(crate) expires_next: bool,
    /// Nothing else is unconfirmed.
    pub(crate) is_alone: bool,
}

/// The queue between `publish` and the session.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(super) next_sequence: u64,
    /// Messages that the session does not have, by sequence.
    pub(super) waiting: VecDeque<OutgoingMessage>,
    /// Messages of QoS 0 before all others here, encoded already, and how many they are.
    pub(super) batches: VecDeque<Batch>,
    pub(super) encoded: usize,
    /// Whether messages may be encoded on the connection that stands, before it is their turn.
    pub(super) early: bool,
    /// No waiting message expires before that.
    next_expiry: Option<Instant>,
    /// Messages whose turn came and that the session would not have overtake another one, by sequence.
    pub(super) held: Vec<OutgoingMessage>,
    /// How often the session had let something go when they were last looked at.
    releases: u64,
    /// Requests that the session does not have, by sequence. They keep their place among messages, but never wait for a
    /// window.
    pub(super) requests: VecDeque<Request>,
    /// Waiting messages that a newer one of the same topic replaces, by topic.
    latest: HashMap<Arc<str>, u64>,
    /// The topic of the newest message, which the next one may share.
    last_topic: Arc<str>,
    /// Unconfirmed messages, of any QoS and above 0.
    pub(super) pending: usize,
    pending_acked: usize,
    /// Topics and payloads of unconfirmed messages.
    pub(super) pending_bytes: usize,
    /// Unanswered requests, here and in the session.
    open_requests: usize,
    /// `max_inflight_messages` and `max_queued_messages`; 0 is no limit.
    pub(crate) max_inflight: usize,
    pub(crate) max_queued: usize,
    /// For topics and payloads of unconfirmed messages; 0 is no limit.
    pub(crate) max_queued_bytes: usize,
    /// Callers that wait for room. Notifying costs a system call, also when there are none.
    pub(crate) waiting_for_room: usize,
    /// The broker's, while a connection stands.
    pub(super) limits: Option<ServerLimits>,
    /// Where to tell whether the client is there.
    pub(super) availability: Option<String>,
    /// It has been told "online", and not "offline" since.
    pub(super) is_told_online: bool,
    /// A message has its number, and not its place in line yet: nothing behind it may have one.
    pub(super) is_numbering: bool,
    /// What is to be told of the availability once it has.
    pub(super) to_tell: Option<&'static str>,
    /// What the program has published with a topic alias: an alias alone stands for that topic, on any connection.
    aliases: HashMap<u16, String>,
}

impl Queue {
    /// With messages that an earlier program has left, in order; `last` is the highest sequence it has given.
    pub(crate) fn new(kept: Vec<OutgoingMessage>, last: u64) -> Self {
        Queue {
            next_sequence: last + 1,
            pending: kept.len(),
            pending_acked: kept.iter().filter(|message| message.is_acked()).count(),
            pending_bytes: kept.iter().map(OutgoingMessage::size).sum(),
            latest: kept
                .iter()
                .filter(|message| message.keep_latest)
                .map(|message| (Arc::clone(&message.topic), message.sequence))
                .collect(),
            last_topic: Arc::default(),
            next_expiry: kept.iter().filter_map(|message| message.expires_at).min(),
            waiting: kept.into(),
            batches: VecDeque::new(),
            encoded: 0,
            early: false,
            held: Vec::new(),
            releases: 0,
            requests: VecDeque::new(),
            open_requests: 0,
            max_inflight: 20,
            max_queued: 0,
            max_queued_bytes: 0,
            waiting_for_room: 0,
            limits: None,
            availability: None,
            is_told_online: false,
            is_numbering: false,
            to_tell: None,
            aliases: HashMap::new(),
        }
    }

    /// Accepts a message.
    pub(crate) fn publish(&mut self, mut draft: Draft, connected: bool) -> Result<Accepted> {
        let plain = if draft.is_plain() { self.encode(&draft.topic, &draft.payload, draft.retain)? } else { None };
        if let Some(accepted) = plain {
            return Ok(accepted);
        }
        self.resolve_alias(&mut draft)?;
        match self.replacement(&draft, connected)? {
            Some(replacement) => Ok(self.replace(replacement)),
            None => {
                let message = self.number(draft, connected)?;
                Ok(self.push(message))
            }
        }
    }

    /// Fills in the topic that an alias stands for, or takes note of it. The alias itself is only how a connection may
    /// encode the topic.
    pub(crate) fn resolve_alias(&mut self, draft: &mut Draft) -> Result<()> {
        let Some(alias) = draft.properties.topic_alias else {
            return Ok(());
        };
        if let Some(limits) = &self.limits {
            limits.check_alias(alias)?;
        }
        if draft.topic.is_empty() {
            draft.topic = self.aliases.get(&alias).cloned().ok_or(Error::UnknownTopicAlias { alias })?;
        } else if self.aliases.get(&alias) != Some(&draft.topic) {
            self.aliases.insert(alias, draft.topic.clone());
        }
        Ok(())
    }

    /// Whether a packet of `size` bytes is within the broker's limit.
    pub(crate) fn check_packet(&self, size: usize) -> Result<()> {
        Ok(self.limits.map_or(Ok(()), |limits| limits.check_size(size))?)
    }

    /// The message that takes the place of a waiting one of its topic, where `keep_latest` finds one.
    pub(crate) fn replacement(&self, draft: &Draft, connected: bool) -> Result<Option<OutgoingMessage>> {
        if !draft.keep_latest || self.limits.is_some() {
            return Ok(None);
        }
        let known = self.latest.get(&*draft.topic).and_then(|sequence| self.position(*sequence));
        let Some(old) = known.map(|position| &self.waiting[position]) else {
            return Ok(None);
        };
        if draft.qos != Qos::AtMostOnce && !old.is_acked() {
            self.check_queued()?;
        }
        self.check_bytes(draft.size().saturating_sub(old.size()))?;
        Ok(Some(draft.clone().numbered(old.sequence, Arc::clone(&old.topic), connected)))
    }

    fn position(&self, sequence: u64) -> Option<usize> {
        self.waiting.binary_search_by_key(&sequence, |message| message.sequence).ok()
    }

    /// Puts a message in the place of the waiting one with its sequence.
    pub(crate) fn replace(&mut self, replacement: OutgoingMessage) -> Accepted {
        let completion = Arc::clone(&replacement.completion);
        let expires_next = self.expires_next(&replacement);
        let replaced = self.position(replacement.sequence).map(|position| {
            self.pending_acked += usize::from(replacement.is_acked());
            self.pending_bytes += replacement.size();
            let old = std::mem::replace(&mut self.waiting[position], replacement);
            self.pending_acked -= usize::from(old.is_acked());
            self.pending_bytes -= old.size();
            old.completion
        });
        Accepted { completion, replaced, expires_next, is_alone: false }
    }

    /// Checks a message against what is known now, and gives it its number.
    pub(crate) fn number(&mut self, draft: Draft, connected: bool) -> Result<OutgoingMessage> {
        self.check_room(&draft)?;
        let topic = self.share_topic(&draft.topic);
        let mut message = draft.numbered(self.next_sequence, topic, connected);
        message.keep_latest &= self.limits.is_none();
        if let Some(limits) = &self.limits {
            limits.check_message(&message)?;
        }
        self.next_sequence += 1;
        Ok(message)
    }

    /// Puts a message in line, whatever waits there.
    pub(super) fn push_unchecked(&mut self, draft: Draft) {
        let topic = self.share_topic(&draft.topic);
        let message = draft.numbered(self.next_sequence, topic, true);
        self.next_sequence += 1;
        self.push(message);
    }

    /// A topic as messages carry it: those in line often have the same, one behind the other.
    fn share_topic(&mut self, topic: &str) -> Arc<str> {
        if *self.last_topic != *topic {
            self.last_topic = topic.into();
        }
        Arc::clone(&self.last_topic)
    }

    /// Whether there is room for another message.
    pub(crate) fn check_room(&self, draft: &Draft) -> Result<()> {
        if draft.qos != Qos::AtMostOnce {
            self.check_queued()?;
        }
        self.check_bytes(draft.size())
    }

    pub(super) fn check_bytes(&self, more: usize) -> Result<()> {
        let limit = self.max_queued_bytes;
        if limit > 0 && self.pending_bytes + more > limit {
            return Err(Error::QueueBytesFull { limit });
        }
        Ok(())
    }

    fn check_queued(&self) -> Result<()> {
        if self.max_queued > 0 && self.pending_acked >= self.max_queued {
            return Err(Error::QueueFull { limit: self.max_queued });
        }
        Ok(())
    }

    /// Puts a message in line.
    pub(crate) fn push(&mut self, message: OutgoingMessage) -> Accepted {
        if message.keep_latest {
            self.latest.insert(Arc::clone(&message.topic), message.sequence);
        }
        self.pending += 1;
        self.pending_acked += usize::from(message.is_acked());
        self.pending_bytes += message.size();
        let completion = Arc::clone(&message.completion);
        let expires_next = self.expires_next(&message);
        self.waiting.push_back(message);
        Accepted { completion, replaced: None, expires_next, is_alone: self.pending == 1 }
    }

    /// Takes note of when a message expires; `true` when none does before it.
    fn expires_next(&mut self, message: &OutgoingMessage) -> bool {
        let is_next = message.expires_at.is_some_and(|at| self.next_expiry.is_none_or(|next| at < next));
        if is_next {
            self.next_expiry = message.expires_at;
        }
        is_next
    }

    /// When [`expire`](Self::expire) must be called.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.next_expiry
    }

    /// Takes out the messages that have expired. It looks through the whole line, and so not more than once a second.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<RefusedItem> {
        if self.next_expiry.is_none_or(|next| now < next) {
            return Vec::new();
        }
        let mut expired = Vec::new();
        if self.waiting.iter().any(|message| message.has_expired(now)) {
            let (late, waiting): (VecDeque<_>, VecDeque<_>) =
                self.waiting.drain(..).partition(|message| message.has_expired(now));
            self.waiting = waiting;
            expired.extend(late.into_iter().map(RefusedItem::expired));
        }
        let next = self.waiting.iter().filter_map(|message| message.expires_at).min();
        self.next_expiry = next.map(|next| next.max(now + GLANCE));
        expired
    }

    /// Accepts a request, and gives its message id.
    pub(crate) fn request(&mut self, filters: Filters, properties: Properties) -> std::result::Result<u16, Refused> {
        let request = Request { sequence: self.next_sequence, filters, properties };
        if let Some(limits) = &self.limits {
            limits.check_request(&request)?;
        }
        self.next_sequence += 1;
        self.open_requests += 1;
        let id = request.id();
        self.requests.push_back(request);
        Ok(id)
    }

    /// Moves what may be sent now, up to sequence `up_to`, into the session, which must have a connection.
    pub(crate) fn send_ready(
        &mut self,
        up_to: u64,
        now: Instant,
        session: &mut Session,
        out: &mut SendBuffer,
    ) -> Vec<RefusedItem> {
        let mut refused = Vec::new();
        match session.turn() {
            Turn::Everybody => {}
            Turn::Nobody => return refused,
            Turn::One(sequence) => return self.send_one(sequence, now, session, out).into_iter().collect(),
        }
        self.take_back(session);
        self.send_encoded(session, out);
        while out.len() < HIGH_WATER {
            self.set_aside(up_to, session);
            let next = self.next_message(up_to, session);
            if let Some(request) = self.request_that_goes_before(next, up_to, session) {
                if let Err((request, why)) = session.request(request, out) {
                    refused.push(RefusedItem::Request(request, why));
                }
                continue;
            }
            let sent = match next {
                Some((sequence, Source::Session)) => session.resume(sequence, now, out),
                Some((_, Source::Waiting)) => {
                    self.waiting.pop_front().map_or(Ok(()), |message| session.publish(message, now, out))
                }
                None => return refused,
            };
            if let Err(item) = sent {
                refused.push(*item);
            }
        }
        refused
    }

    /// Sends what is to go alone, which was sent before.
    fn send_one(
        &mut self,
        sequence: u64,
        now: Instant,
        session: &mut Session,
        out: &mut SendBuffer,
    ) -> Option<RefusedItem> {
        let request = self.requests.iter().position(|request| request.sequence == sequence);
        if let Some(request) = request.and_then(|place| self.requests.remove(place)) {
            return session.request(request, out).err().map(|(request, why)| RefusedItem::Request(request, why));
        }
        session.resume(sequence, now, out).err().map(|item| *item)
    }

    /// Messages at the head of the line that may not overtake another one let others pass.
    fn set_aside(&mut self, up_to: u64, session: &Session) {
        while self.waiting.front().is_some_and(|head| head.sequence <= up_to && session.holds_message(head)) {
            self.held.extend(self.waiting.pop_front());
        }
    }

    /// They stand in line again once they may go.
    fn take_back(&mut self, session: &Session) {
        if std::mem::replace(&mut self.releases, session.releases()) != session.releases() && !self.held.is_empty() {
            self.waiting.extend(self.held.drain(..));
            OutgoingMessage::sort(self.waiting.make_contiguous());
        }
    }

    /// The oldest message that has yet to go out on this connection, if it may now.
    fn next_message(&self, up_to: u64, session: &Session) -> Option<(u64, Source)> {
        let head = self.waiting.front();
        if let Some(sequence) = session.next_to_resume()
            && head.is_none_or(|head| sequence < head.sequence)
        {
            return session.has_room(Qos::AtLeastOnce, self.max_inflight).then_some((sequence, Source::Session));
        }
        let head = head?;
        let may_go = head.sequence <= up_to
            && session.has_room(head.qos, self.max_inflight)
            && !(head.is_acked() && session.uses_id(head.sequence));
        may_go.then_some((head.sequence, Source::Waiting))
    }

    /// Takes the oldest request out, if it goes now. It does not wait for a window, but for what the engine has yet to
    /// bring: else an UNSUBSCRIBE could overtake the message that was published before it.
    fn request_that_goes_before(
        &mut self,
        next: Option<(u64, Source)>,
        up_to: u64,
        session: &Session,
    ) -> Option<Request> {
        let on_its_way = self.waiting.front().map(|head| head.sequence).filter(|sequence| *sequence > up_to);
        let place = self.requests.iter().position(|request| !session.holds_request(request))?;
        let request = &self.requests[place];
        let goes = next.is_none_or(|(sequence, _)| request.sequence < sequence)
            && on_its_way.is_none_or(|sequence| request.sequence < sequence)
            && !session.uses_id(request.sequence);
        if goes { self.requests.remove(place) } else { None }
    }

    /// The exchange of a message is finished, or it is given up.
    pub(crate) fn finished(&mut self, message: Share) {
        self.pending -= 1;
        self.pending_acked -= usize::from(message.is_acked);
        self.pending_bytes -= message.size;
    }

    pub(crate) fn request_finished(&mut self) {
        self.open_requests -= 1;
    }

    pub(crate) fn connected(&mut self, limits: ServerLimits, early: bool) {
        self.latest.clear();
        self.limits = Some(limits);
        self.early = early;
        self.tell_online();
    }

    /// The connection is gone: messages of QoS 0 and requests that were sent in vain stand in line again.
    pub(crate) fn disconnected(&mut self, qos0: Vec<OutgoingMessage>, requests: Vec<Request>) {
        self.limits = None;
        self.early = false;
        self.decode();
        for message in qos0.into_iter().rev() {
            self.expires_next(&message);
            self.waiting.push_front(message);
        }
        requests.into_iter().rev().for_each(|request| self.requests.push_front(request));
    }

    /// Drops the requests in line.
    pub(crate) fn forget_requests(&mut self) {
        self.open_requests -= self.requests.len();
        self.requests.clear();
    }

    pub(crate) fn abandon(&mut self) -> Vec<OutgoingMessage> {
        self.forget_requests();
        self.decode();
        let waiting: Vec<OutgoingMessage> = self.held.drain(..).chain(self.waiting.drain(..)).collect();
        waiting.iter().for_each(|message| self.finished(message.share()));
        waiting
    }

    /// Takes the messages above QoS 0 out of the session and the line, but for those about the client's availability.
    pub(crate) fn drop_out(&mut self, session: &mut Session) -> Vec<OutgoingMessage> {
        let availability = self.availability.clone();
        let is_ours = |message: &OutgoingMessage| Some(&*message.topic) == availability.as_deref();
        let mut taken = session.take_back(is_ours);
        self.latest.clear();
        let (mut left, waiting): (Vec<_>, Vec<_>) = self
            .held
            .drain(..)
            .chain(self.waiting.drain(..))
            .partition(|message| !message.is_acked() || is_ours(message));
        OutgoingMessage::sort(&mut left);
        self.waiting = left.into();
        taken.extend(waiting);
        OutgoingMessage::sort(&mut taken);
        taken
    }

    /// Messages in line, and those that the session has.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let queued = self.encoded + self.waiting.len() + self.held.len();
        (queued, self.pending.saturating_sub(queued))
    }

    pub(crate) fn pending(&self) -> usize {
        self.pending
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.pending == 0 && self.open_requests == 0
    }

    #[allow(dead_code, reason = "as in the outbox")]
    pub(crate) fn waiting_after(&self, sequence: u64, most: usize, into: &mut Vec<(u64, String)>) {
        let from = self.waiting.partition_point(|message| message.sequence <= sequence);
        into.extend(self.waiting.range(from..).take(most).map(|message| (message.sequence, message.topic.to_string())));
    }
}

/// Where a message comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// An exchange that goes on.
    Session,
    /// The line.
    Waiting,
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

#[cfg(test)]
#[path = "tests/suspects.rs"]
mod suspects_tests;
