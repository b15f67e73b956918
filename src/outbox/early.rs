//! Messages of QoS 0 that are encoded when they are accepted: the caller does the work while it has the message at hand, and
//! nothing but the packet is kept.

use std::sync::Arc;

use crate::mqtt::{Batch, Completion, Payload, PublishHeader, SendBuffer, Session, message_id};
use crate::outbox::queue::{Accepted, HIGH_WATER, Queue};
use crate::types::{Properties, Qos, Result};

impl Queue {
    /// Accepts and encodes a message that is plain, if nothing stands in line that it could overtake. A large payload is not
    /// copied.
    pub(super) fn encode(&mut self, topic: &str, payload: &[u8], retain: bool) -> Result<Option<Accepted>> {
        let Some(limits) = self.limits.as_ref().filter(|_| self.is_clear() && Payload::is_small(payload)) else {
            return Ok(None);
        };
        let size = topic.len() + payload.len();
        self.check_bytes(size)?;
        let properties = Properties::new();
        let (qos, payload_len) = (Qos::AtMostOnce, payload.len());
        let header = PublishHeader { topic, qos, retain, dup: false, id: 0, properties: &properties, payload_len };
        limits.check_publish(&header)?;
        let sequence = self.next_sequence;
        let completion = Arc::new(Completion::new(message_id(sequence), true));
        if self.batches.back().is_none_or(Batch::is_full) {
            let batch = Batch::behind(self.batches.back());
            self.batches.push_back(batch);
        }
        if let Some(batch) = self.batches.back_mut() {
            batch.push(&header, payload, limits.version, sequence, Arc::clone(&completion));
        }
        self.next_sequence += 1;
        self.encoded += 1;
        self.pending += 1;
        self.pending_bytes += size;
        Ok(Some(Accepted { completion, replaced: None, expires_next: false, is_alone: self.pending == 1 }))
    }

    /// Whether all that stands in line is encoded.
    fn is_clear(&self) -> bool {
        self.early && self.waiting.is_empty() && self.held.is_empty() && self.requests.is_empty()
    }

    /// Sends what is encoded, unless an exchange of an earlier connection goes before it.
    pub(super) fn send_encoded(&mut self, session: &Session, out: &mut SendBuffer) {
        if self.encoded == 0 {
            return;
        }
        if session.next_to_resume().is_some() {
            return self.decode();
        }
        while out.len() < HIGH_WATER
            && let Some(batch) = self.batches.front_mut()
        {
            self.encoded -= batch.len();
            out.push_batch(batch);
            if self.batches.len() == 1 {
                // It is kept for what comes next.
                break;
            }
            self.batches.pop_front();
        }
    }

    /// Puts what is encoded back in line as it was accepted.
    pub(super) fn decode(&mut self) {
        self.encoded = 0;
        for batch in self.batches.drain(..).rev() {
            batch.into_messages().rev().for_each(|message| self.waiting.push_front(message));
        }
    }
}
