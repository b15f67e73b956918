//! A message before it is accepted.

use std::time::Instant;

use crate::mqtt::Payload;
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
    /// As [`OutgoingMessage::size`].
    pub(crate) fn size(&self) -> usize {
        self.topic.len() + self.payload.len()
    }
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Draft({:?}, {} bytes, QoS {})", self.topic, self.payload.len(), self.qos)
    }
}
