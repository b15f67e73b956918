//! A message of ours on its way to the broker.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use crate::mqtt::Completion;
use crate::types::{Message, Properties, Qos};

/// Payloads from this size on are shared with the send buffer; smaller ones are copied into it.
const SHARED_FROM: usize = 8 * 1024;

/// A message with its place in the order of acceptance.
pub(crate) struct OutgoingMessage {
    /// Its place among all messages and subscriptions that the client ever accepted, from 1. Its message id, the packet
    /// id on the wire and the key in the store follow from it.
    pub(crate) sequence: u64,
    /// Shared with its neighbours in line, where theirs is the same.
    pub(crate) topic: Arc<str>,
    pub(crate) payload: Payload,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    pub(crate) properties: Properties,
    /// When its Message Expiry Interval is over, where it has one.
    pub(crate) expires_at: Option<Instant>,
    pub(crate) completion: Arc<Completion>,
    /// An earlier program may have sent it already: where the broker has kept the session, it goes out with DUP.
    pub(crate) sent_before: bool,
    /// A newer message of the same topic takes its place while it waits and the client is offline.
    pub(crate) keep_latest: bool,
    /// The store has a copy.
    pub(crate) is_stored: bool,
}

/// What a message counts for in the outbox until it is done with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    pub(crate) sequence: u64,
    /// Bytes of topic and payload.
    pub(crate) size: usize,
    /// The broker confirms it.
    pub(crate) is_acked: bool,
    /// The store has a copy.
    pub(crate) is_stored: bool,
}

/// The message id of what has the place `sequence`: 1 to 65,535 in turn, as in Python.
pub(crate) fn message_id(sequence: u64) -> u16 {
    (sequence.saturating_sub(1) % u64::from(u16::MAX)) as u16 + 1
}

impl OutgoingMessage {
    /// Brings messages into the order in which they were accepted.
    pub(crate) fn sort(messages: &mut [OutgoingMessage]) {
        messages.sort_by_key(|message| message.sequence);
    }

    /// Its message id, which is its packet id too.
    pub(crate) fn id(&self) -> u16 {
        message_id(self.sequence)
    }

    /// Whether its Message Expiry Interval is over.
    pub(crate) fn has_expired(&self, now: Instant) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// What is left of its Message Expiry Interval (MQTT 5, section 3.3.2.3.3): seconds, rounded up, and at least one, as
    /// brokers take 0 for "never".
    pub(crate) fn seconds_left(&self, now: Instant) -> Option<u32> {
        let (at, given) = (self.expires_at?, self.properties.message_expiry_interval?);
        let left = at.saturating_duration_since(now).as_nanos().div_ceil(1_000_000_000);
        // Never more than was given: the clock of the machine may have been set back since an earlier program.
        Some(u32::try_from(left).unwrap_or(u32::MAX).clamp(1, given.max(1)))
    }

    /// As the program sees messages.
    pub(crate) fn into_message(self) -> Message {
        let mid = self.id();
        let message = Message::new(&*self.topic, self.payload.to_vec()).with_mid(mid).with_qos(self.qos);
        message.with_retain(self.retain).with_properties(self.properties)
    }

    /// What it counts for where memory is counted: topic and payload.
    pub(crate) fn size(&self) -> usize {
        self.topic.len() + self.payload.len()
    }

    pub(crate) fn share(&self) -> Share {
        Share { sequence: self.sequence, size: self.size(), is_acked: self.is_acked(), is_stored: self.is_stored }
    }

    /// Whether the broker confirms it.
    pub(crate) fn is_acked(&self) -> bool {
        self.qos != Qos::AtMostOnce
    }
}

impl std::fmt::Debug for OutgoingMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{} ({:?}, {} bytes, QoS {})", self.sequence, self.topic, self.payload.len(), self.qos)
    }
}

/// The content of a message. As many wait at a time, a small one keeps no room for more.
#[derive(Clone)]
pub(crate) enum Payload {
    Small(Box<[u8]>),
    Shared(Arc<Vec<u8>>),
}

impl Payload {
    /// Whether it is copied into the send buffer.
    pub(crate) fn is_small(bytes: &[u8]) -> bool {
        bytes.len() < SHARED_FROM
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        if Payload::is_small(&bytes) { Payload::Small(bytes.into()) } else { Payload::Shared(Arc::new(bytes)) }
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Payload::Small(bytes) => bytes,
            Payload::Shared(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_expiry_interval_counts_down() {
        let (accepted, second) = (Instant::now(), Duration::from_secs(1));
        let mut message = crate::mqtt::testing::message(1, Qos::AtLeastOnce);
        assert_eq!((message.seconds_left(accepted), message.has_expired(accepted)), (None, false));
        message.properties = Properties::new().with_message_expiry_interval(10);
        message.expires_at = Some(accepted + 10 * second);
        let after =
            |waited: Duration| (message.seconds_left(accepted + waited), message.has_expired(accepted + waited));
        assert_eq!(after(Duration::ZERO), (Some(10), false));
        assert_eq!(after(second / 3), (Some(10), false));
        assert_eq!(after(second), (Some(9), false));
        assert_eq!(after(9 * second + second / 2), (Some(1), false));
        assert_eq!(after(10 * second), (Some(1), true));
        message.expires_at = Some(accepted + 100 * second);
        assert_eq!(message.seconds_left(accepted), Some(10));
    }

    #[test]
    fn a_message_in_line_is_small() {
        let (in_line, shared) = (size_of::<OutgoingMessage>(), size_of::<Completion>());
        assert!(in_line <= 80 && shared <= 56, "{in_line} and {shared} bytes for each message that waits");
    }

    #[test]
    fn ids_count_from_one_and_begin_again() {
        assert_eq!([1, 2, 65_535, 65_536, 131_071].map(message_id), [1, 2, 65_535, 1, 1]);
    }
}
