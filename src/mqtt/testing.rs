//! Messages for the tests of this module and of the outbox.

use std::sync::Arc;

use crate::mqtt::{Completion, OutgoingMessage, message_id};
use crate::types::{Properties, Qos};

/// A message on "t" with one byte of payload.
pub(crate) fn message(sequence: u64, qos: Qos) -> OutgoingMessage {
    OutgoingMessage {
        sequence,
        topic: "t".into(),
        payload: vec![sequence as u8].into(),
        qos,
        retain: false,
        properties: Properties::new(),
        expires_at: None,
        completion: Arc::new(Completion::new(message_id(sequence), true)),
        sent_before: false,
        keep_latest: false,
        is_stored: false,
    }
}
