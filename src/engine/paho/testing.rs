//! What the tests put in and take out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::event::{Event, EventQueue, Popped};
use crate::outbox::{Draft, Outbox};
use crate::types::{Error, Message, Properties, Qos};

/// An outbox that nothing but the test fills.
pub(super) struct Publisher {
    pub(super) outbox: Arc<Outbox>,
    accepted: AtomicU64,
}

impl Default for Publisher {
    fn default() -> Self {
        Publisher { outbox: Arc::new(Outbox::new(None, Vec::new(), 0)), accepted: AtomicU64::new(0) }
    }
}

impl Publisher {
    /// Puts a message into the outbox. Returns the last sequence there is.
    pub(super) fn publish(&self, topic: &str) -> u64 {
        let draft = Draft {
            topic: topic.to_owned(),
            payload: Vec::new().into(),
            qos: Qos::AtMostOnce,
            retain: false,
            properties: Properties::new(),
            expires_at: None,
            keep_latest: false,
        };
        self.outbox.publish(draft, true).expect("the message is accepted");
        self.accepted.fetch_add(1, Ordering::SeqCst) + 1
    }
}

pub(super) fn message(number: u64) -> Event {
    let mut message = Message::new("a", "");
    message.number = number;
    Event::Message(message)
}

/// An event that is no message.
pub(super) fn marker(number: u64) -> Event {
    Event::ConnectFailed { id: number, error: Error::Dropped }
}

/// The number of the next event that has come out.
pub(super) fn next(queue: &EventQueue) -> Option<u64> {
    match queue.pop(Some(Instant::now())) {
        Popped::Event(Event::Message(message)) => Some(message.number),
        Popped::Event(Event::ConnectFailed { id, .. }) => Some(id),
        Popped::Event(_) | Popped::Poked | Popped::TimedOut => None,
    }
}
