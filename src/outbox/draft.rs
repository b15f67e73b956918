//! A message before it is accepted.

use std::sync::Arc;
use std::time::Instant;

use crate::mqtt::{Completion, OutgoingMessage, Payload, message_id};
use crate::types::{Properties, Qos};

/// A message as the caller gave it, checked.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) topic: String,
    pub(crate) payload: Payload,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    pub(crate) properties: Properties,
    /// When its Message Expiry Interval is over, where it has one.
    pub(crate) expires_at: Option<Instant>,
    /// While offline, a newer message of the same topic takes its place.
    pub(crate) keep_latest: bool,
}

impl Draft {
    /// Whether nothing about it may be different once it is its turn.
    pub(crate) fn is_plain(&self) -> bool {
        self.qos == Qos::AtMostOnce && self.properties.is_empty()
    }

    /// As [`OutgoingMessage::size`].
    pub(crate) fn size(&self) -> usize {
        self.topic.len() + self.payload.len()
    }

    /// The message that it becomes. `topic` is its own, as messages in line share it; `connected` is what the caller's
    /// handle says of the connection now.
    pub(crate) fn numbered(self, sequence: u64, topic: Arc<str>, connected: bool) -> OutgoingMessage {
        OutgoingMessage {
            sequence,
            topic,
            payload: self.payload,
            qos: self.qos,
            retain: self.retain,
            properties: self.properties,
            expires_at: self.expires_at,
            completion: Arc::new(Completion::new(message_id(sequence), connected)),
            sent_before: false,
            keep_latest: self.keep_latest,
            is_stored: false,
        }
    }
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Draft({:?}, {} bytes, QoS {})", self.topic, self.payload.len(), self.qos)
    }
}
