//! Messages of QoS 0 that are encoded when they are accepted, so that nothing but their packets is kept.

use std::sync::Arc;

use crate::mqtt::fixed_header::FixedHeader;
use crate::mqtt::publish::{PublishHeader, publish};
use crate::mqtt::{Completion, OutgoingMessage, Reader, Share};
use crate::types::{Properties, Protocol, Qos};

/// A batch takes in no more messages once it is as long as this, and has room for so much where it follows another one.
const FULL: usize = 60 * 1024;
const ROOM: usize = 64 * 1024;

/// PUBLISH packets of QoS 0 and without properties, one behind the other, and whose they are.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) messages: Vec<Encoded>,
}

/// A message of QoS 0 of which only the packet is left.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) sequence: u64,
    pub(crate) completion: Arc<Completion>,
    /// Bytes of its packet.
    pub(super) len: u32,
    /// Bytes of topic and payload.
    size: u32,
    version: Protocol,
}

impl Batch {
    /// An empty one to follow `before`.
    pub(crate) fn behind(before: Option<&Batch>) -> Self {
        before.map_or_else(Batch::default, |before| Batch {
            bytes: Vec::with_capacity(ROOM),
            messages: Vec::with_capacity(before.messages.len()),
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() >= FULL
    }

    /// Encodes a message behind the others. `header` has no properties.
    pub(crate) fn push(
        &mut self,
        header: &PublishHeader<'_>,
        payload: &[u8],
        version: Protocol,
        sequence: u64,
        completion: Arc<Completion>,
    ) {
        let before = self.bytes.len();
        header.encode(version, &mut self.bytes);
        self.bytes.extend_from_slice(payload);
        let (len, size) = (self.bytes.len() - before, header.topic.len() + payload.len());
        // Its topic has two bytes for its length, and a large payload is not copied.
        self.messages.push(Encoded { sequence, completion, len: len as u32, size: size as u32, version });
    }

    /// The messages as they were accepted, in order.
    pub(crate) fn into_messages(self) -> impl DoubleEndedIterator<Item = OutgoingMessage> {
        let mut end = 0;
        let decode = |message: Encoded| {
            end += message.len as usize;
            message.decode(&self.bytes[..end])
        };
        self.messages.into_iter().filter_map(decode).collect::<Vec<_>>().into_iter()
    }
}

impl Encoded {
    pub(crate) fn share(&self) -> Share {
        Share { sequence: self.sequence, size: self.size as usize, is_acked: false, is_stored: false }
    }

    /// The message as it was accepted; `bytes` end with the packet that [`Batch::push`] has made of it, and so can be
    /// read.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<OutgoingMessage> {
        let packet = bytes.get(bytes.len().checked_sub(self.len as usize)?..)?;
        let header = FixedHeader::read(packet).ok()??;
        let mut body = Reader::new(&packet[header.len..]);
        let publish = publish(self.version, header, &mut body).ok()?;
        Some(OutgoingMessage {
            sequence: self.sequence,
            topic: publish.topic.into(),
            payload: body.remainder().to_vec().into(),
            qos: Qos::AtMostOnce,
            retain: publish.retain,
            properties: Properties::new(),
            expires_at: None,
            completion: self.completion,
            sent_before: false,
            keep_latest: false,
            is_stored: false,
        })
    }
}
