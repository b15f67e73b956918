//! What `publish` and `subscribe` accepted and the broker has not confirmed, in order.
//!
//! Shared by the callers and the network's thread. A message leaves it for the [`Session`], which has room for a window
//! of them; it counts as pending here until its exchange is finished.

mod availability;
mod draft;
mod early;
mod persistence;
mod queue;

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Instant;

use crate::mqtt::{Filters, OutgoingMessage, Refused, RefusedItem, Request, SendBuffer, ServerLimits, Session, Share};
use crate::sync::{lock, wait};
use crate::types::{Properties, Result};
use queue::Queue;

pub(crate) use availability::OFFLINE;
pub(crate) use draft::Draft;
pub(crate) use persistence::Persistence;
pub(crate) use queue::Accepted;

/// The outbox of one client.
///
/// Its lock is taken behind that of the connection, and before none; the order of several messages is kept by
/// `accepting` while the store writes.
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    /// There is more room than before.
    room: Condvar,
    /// Keeps messages beyond the end of the program, if the program wants it, until it is closed.
    store: Option<Mutex<Option<Arc<dyn Persistence>>>>,
    /// Held from the number of a message to its place in line, where the store writes in between.
    accepting: Mutex<()>,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox").field("queue", &*self.lock()).finish_non_exhaustive()
    }
}

impl Outbox {
    /// With the messages that `store` has kept for us, up to sequence `last`.
    pub(crate) fn new(store: Option<Arc<dyn Persistence>>, kept: Vec<OutgoingMessage>, last: u64) -> Self {
        let store = store.map(|store| Mutex::new(Some(store)));
        Outbox { queue: Mutex::new(Queue::new(kept, last)), room: Condvar::new(), store, accepting: Mutex::new(()) }
    }

    fn store(&self) -> Option<Arc<dyn Persistence>> {
        let store = self.store.as_ref()?;
        lock(store).clone()
    }

    /// Closes the store: another program, or another client of this one, may open it.
    pub(crate) fn close_store(&self) {
        let store = self.store.as_ref().and_then(|store| lock(store).take());
        drop(store);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    /// Accepts a message. `connected` is what the caller's handle says of the connection now.
    pub(crate) fn publish(&self, mut draft: Draft, connected: bool) -> Result<Accepted> {
        let Some(store) = self.store() else {
            return self.lock().publish(draft, connected);
        };
        let _accepting = lock(&self.accepting);
        let mut queue = self.lock();
        queue.resolve_alias(&mut draft)?;
        if let Some(mut replacement) = queue.replacement(&draft, connected)? {
            // Under the lock, as the message that is replaced must not leave meanwhile.
            replacement.is_stored = true;
            store.add(&replacement)?;
            return Ok(queue.replace(replacement));
        }
        let mut message = queue.number(draft, connected)?;
        queue.is_numbering = true;
        drop(queue);
        message.is_stored = true;
        let stored = store.add(&message);
        let mut queue = self.lock();
        let accepted = stored.map(|()| queue.push(message));
        queue.numbering_done();
        accepted
    }

    /// Accepts a message of QoS 0 that may be encoded at once, and then is all the better for it; otherwise
    /// [`publish`](Self::publish) is to be called.
    pub(crate) fn publish_encoded(&self, topic: &str, payload: &[u8], retain: bool) -> Result<Option<Accepted>> {
        if self.store.is_some() { Ok(None) } else { self.lock().encode(topic, payload, retain) }
    }

    /// Where to tell whether the client is there, from the next connection on.
    pub(crate) fn availability_set(&self, topic: Option<String>) {
        self.lock().availability = topic;
    }

    /// The connection is about to end in order: tells so, where the program wants that.
    pub(crate) fn tell_offline(&self) {
        self.lock().tell_offline();
    }

    /// Accepts a subscription or its end, and gives its message id.
    pub(crate) fn request(&self, filters: Filters, properties: Properties) -> std::result::Result<u16, Refused> {
        self.lock().request(filters, properties)
    }

    /// Moves what the session may send now, up to `sequence` and in order, into `session`. Gives back what this broker
    /// would not take.
    pub(crate) fn send_ready(
        &self,
        up_to: u64,
        now: Instant,
        session: &mut Session,
        out: &mut SendBuffer,
    ) -> Vec<RefusedItem> {
        self.lock().send_ready(up_to, now, session, out)
    }

    /// When [`expire`](Self::expire) must be called.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.lock().next_expiry()
    }

    /// Takes out the messages in line that have expired.
    pub(crate) fn expire(&self, now: Instant) -> Vec<RefusedItem> {
        self.lock().expire(now)
    }

    /// Messages whose exchange is finished, or that were given up, are pending no more.
    pub(crate) fn finished(&self, messages: impl IntoIterator<Item = Share>) {
        let store = self.store();
        let mut queue = self.lock();
        for message in messages {
            queue.finished(message);
            if let Some(store) = store.as_ref().filter(|_| message.is_stored) {
                store.remove(message.sequence);
            }
        }
        self.made_room(queue);
    }

    fn made_room(&self, queue: MutexGuard<'_, Queue>) {
        let waiting = queue.waiting_for_room;
        drop(queue);
        if waiting > 0 {
            self.room.notify_all();
        }
    }

    /// Waits until there is room for `draft`, at most until `deadline`; `false` when there never can be.
    pub(crate) fn wait_for_room(&self, draft: &Draft, deadline: Instant) -> bool {
        let mut queue = self.lock();
        if queue.max_queued_bytes > 0 && draft.size() > queue.max_queued_bytes {
            return false;
        }
        queue.waiting_for_room += 1;
        while queue.check_room(draft).is_err() && Instant::now() < deadline {
            queue = wait(&self.room, queue, Some(deadline));
        }
        queue.waiting_for_room -= 1;
        true
    }

    /// Forgets the messages above QoS 0, in flight and in line, and gives them back in order.
    pub(crate) fn take_back(&self, session: &mut Session) -> Vec<OutgoingMessage> {
        let messages = self.lock().drop_out(session);
        self.finished(messages.iter().map(OutgoingMessage::share));
        messages
    }

    /// Messages in line, and those that were sent and are not confirmed.
    pub(crate) fn counts(&self) -> (usize, usize) {
        self.lock().counts()
    }

    /// Messages in flight are given up with the client; the store keeps them.
    pub(crate) fn dropped(&self, messages: &[OutgoingMessage]) {
        let mut queue = self.lock();
        messages.iter().for_each(|message| queue.finished(message.share()));
    }

    /// A request is answered, or given up.
    pub(crate) fn request_finished(&self) {
        self.lock().request_finished();
    }

    /// Whether the broker takes a packet of `size` bytes.
    pub(crate) fn check_packet(&self, size: usize) -> Result<()> {
        self.lock().check_packet(size)
    }

    /// A connection stands with the broker called `server`. `early`: messages of QoS 0 may be encoded when they are
    /// accepted.
    pub(crate) fn connected(&self, server: &str, limits: ServerLimits, early: bool) {
        self.lock().connected(limits, early);
        if let Some(store) = self.store() {
            store.session_with(server);
        }
    }

    /// The connection is gone: what was not sent whole stands in line again.
    pub(crate) fn disconnected(&self, qos0: Vec<OutgoingMessage>, requests: Vec<Request>) {
        self.lock().disconnected(qos0, requests);
    }

    /// The program has disconnected: it will subscribe anew.
    pub(crate) fn forget_requests(&self) {
        self.lock().forget_requests();
    }

    /// Gives up everything in line: the client is going away.
    pub(crate) fn abandon(&self) -> Vec<OutgoingMessage> {
        self.lock().abandon()
    }

    /// Unconfirmed messages: queued and in flight.
    pub(crate) fn pending(&self) -> usize {
        self.lock().pending()
    }

    /// Whether nothing is unconfirmed or unanswered.
    pub(crate) fn is_idle(&self) -> bool {
        self.lock().is_idle()
    }

    /// The waiting messages after `sequence`, at most `most` of them: their sequences and topics.
    #[allow(dead_code, reason = "for an engine that takes messages before they may be sent")]
    pub(crate) fn waiting_after(&self, sequence: u64, most: usize, into: &mut Vec<(u64, String)>) {
        self.lock().waiting_after(sequence, most, into);
    }

    pub(crate) fn max_inflight(&self) -> usize {
        self.lock().max_inflight
    }

    pub(crate) fn max_inflight_set(&self, limit: usize) {
        self.lock().max_inflight = limit;
    }

    pub(crate) fn max_queued(&self) -> usize {
        self.lock().max_queued
    }

    pub(crate) fn max_queued_set(&self, limit: usize) {
        let mut queue = self.lock();
        queue.max_queued = limit;
        self.made_room(queue);
    }

    pub(crate) fn max_queued_bytes(&self) -> usize {
        self.lock().max_queued_bytes
    }

    pub(crate) fn max_queued_bytes_set(&self, limit: usize) {
        let mut queue = self.lock();
        queue.max_queued_bytes = limit;
        self.made_room(queue);
    }
}
