//! Packets that the engine writes, taken apart so that the link can complete them.

use crate::types::{Protocol, Qos};
use crate::wire::{Frame, Malformed, Reader, kind, push_varint};

/// A packet of the engine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outbound<'a> {
    Connect {
        body: &'a [u8],
    },
    Publish(PublishParts<'a>),
    /// PUBACK, PUBREC, PUBREL and PUBCOMP.
    Answer,
    /// SUBSCRIBE and UNSUBSCRIBE.
    Request {
        id: u16,
    },
    Pingreq,
    Disconnect,
}

/// The parts of a PUBLISH whose payload is the ticket of the message it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PublishParts<'a> {
    first: u8,
    topic: &'a [u8],
    /// The engine's packet id; 0 at QoS 0.
    pub(crate) id: u16,
    properties: &'a [u8],
    /// The number that the engine was given in place of the payload.
    pub(crate) ticket: u64,
}

impl PublishParts<'_> {
    /// Appends the packet with its real id and everything up to a payload of `payload` bytes.
    pub(crate) fn complete(&self, out: &mut Vec<u8>, id: u16, dup: bool, payload: usize) {
        let id_len = if self.id == 0 { 0 } else { 2 };
        out.push(self.first | u8::from(dup) << 3);
        push_varint(out, 2 + self.topic.len() + id_len + self.properties.len() + payload);
        out.extend_from_slice(&(self.topic.len() as u16).to_be_bytes());
        out.extend_from_slice(self.topic);
        if self.id != 0 {
            out.extend_from_slice(&id.to_be_bytes());
        }
        out.extend_from_slice(self.properties);
    }
}

/// Reads a whole packet of the engine's; `body` is what follows its fixed header.
pub(crate) fn outbound(version: Protocol, frame: Frame, body: &[u8]) -> Result<Outbound<'_>, Malformed> {
    let id = |body: &[u8]| Reader::new(body).u16();
    Ok(match frame.kind() {
        kind::CONNECT => Outbound::Connect { body },
        kind::PUBLISH => Outbound::Publish(publish(version, frame, body)?),
        kind::PUBACK | kind::PUBREC | kind::PUBREL | kind::PUBCOMP => Outbound::Answer,
        kind::SUBSCRIBE | kind::UNSUBSCRIBE => Outbound::Request { id: id(body)? },
        kind::PINGREQ => Outbound::Pingreq,
        kind::DISCONNECT => Outbound::Disconnect,
        _ => return Err(Malformed("the engine wrote a packet that clients do not send")),
    })
}

fn publish(version: Protocol, frame: Frame, body: &[u8]) -> Result<PublishParts<'_>, Malformed> {
    let mut reader = Reader::new(body);
    let topic = reader.binary()?;
    let id = if frame.flags() >> 1 & 3 == Qos::AtMostOnce.value() { 0 } else { reader.u16()? };
    let start = body.len() - reader.len();
    if version == Protocol::V5 {
        let len = reader.varint()?;
        reader.take(len)?;
    }
    let properties = &body[start..body.len() - reader.len()];
    let ticket = reader.remainder().try_into().map_err(|_| Malformed("the engine's message holds no ticket"))?;
    Ok(PublishParts { first: frame.first, topic, id, properties, ticket: u64::from_be_bytes(ticket) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame;

    #[test]
    fn a_message_gets_its_payload_and_id() {
        let mut packet = vec![0x34, 15, 0, 1, b't', 0, 9, 0];
        packet[1] = 14;
        packet.extend_from_slice(&77u64.to_be_bytes());
        let frame = frame(&packet).expect("sound").expect("whole");
        let Ok(Outbound::Publish(parts)) = outbound(Protocol::V5, frame, &packet[frame.header..]) else {
            panic!("not a PUBLISH");
        };
        assert_eq!((parts.id, parts.ticket), (9, 77));
        let mut out = Vec::new();
        parts.complete(&mut out, 300, true, 2);
        assert_eq!(out, [0x3c, 8, 0, 1, b't', 1, 44, 0]);
    }
}
