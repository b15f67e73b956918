//! PUBLISH, both ways (MQTT 5, section 3.3).

use std::fmt;

use crate::mqtt::fixed_header::FixedHeader;
use crate::mqtt::reader::{self, PAST_END};
use crate::mqtt::writer::{Length, Writer, packet_len};
use crate::mqtt::{ProtocolError, Reader, kind, properties};
use crate::types::{PacketType, Properties, Protocol, Qos};

/// A message from the broker.
#[derive(Clone, PartialEq)]
pub(crate) struct Publish {
    /// Empty only in MQTT 5 and with a `topic_alias`, which stands for a topic sent before.
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    /// The broker has sent it before and had no answer; never at QoS 0.
    pub(crate) dup: bool,
    /// The packet id, 1 to 65,535; 0 at QoS 0.
    pub(crate) id: u16,
    pub(crate) properties: Properties,
}

/// All of a PUBLISH to the broker that stands before its payload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PublishHeader<'a> {
    /// Empty in MQTT 5 where a `topic_alias` stands for it.
    pub(crate) topic: &'a str,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    pub(crate) dup: bool,
    /// The packet id, not written at QoS 0.
    pub(crate) id: u16,
    /// Left out of MQTT 3.1.1.
    pub(crate) properties: &'a Properties,
    /// Bytes of the payload, which the caller writes behind the header.
    pub(crate) payload_len: usize,
}

impl PublishHeader<'_> {
    /// Appends everything before the payload. That the packet is not longer than
    /// [`MAX_PACKET`](crate::mqtt::MAX_PACKET) was checked when the message was accepted.
    pub(crate) fn encode(&self, version: Protocol, out: &mut Vec<u8>) {
        let flags = u8::from(self.dup) << 3 | self.qos.value() << 1 | u8::from(self.retain);
        out.u8(kind::PUBLISH << 4 | flags);
        out.varint(self.body_len(version));
        self.write_variable_header(version, out);
    }

    /// Bytes of the whole packet, fixed header and payload included.
    pub(crate) fn packet_len(&self, version: Protocol) -> usize {
        packet_len(self.body_len(version))
    }

    fn body_len(&self, version: Protocol) -> usize {
        let mut length = Length::default();
        self.write_variable_header(version, &mut length);
        length.0 + self.payload_len
    }

    fn write_variable_header(&self, version: Protocol, out: &mut impl Writer) {
        out.binary(self.topic.as_bytes());
        if self.qos != Qos::AtMostOnce {
            out.u16(self.id);
        }
        properties::write(version, self.properties, out);
    }
}

impl fmt::Debug for Publish {
    /// Shows the length of the payload, not its content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publish")
            .field("topic", &self.topic)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .field("qos", &self.qos)
            .field("retain", &self.retain)
            .field("dup", &self.dup)
            .field("id", &self.id)
            .field("properties", &self.properties)
            .finish()
    }
}

/// How many bytes of the body are needed to read on: the whole variable header, or enough to know its length.
///
/// `body` is what has come of it. Once it is as long as this says, [`publish`] can read the variable header.
pub(super) fn needed(version: Protocol, header: FixedHeader, body: &[u8]) -> Result<usize, ProtocolError> {
    let needed = match *body {
        [high, low, ..] => {
            let id = if header.flags() & 0x06 == 0 { 0 } else { 2 };
            let fixed = 2 + usize::from(u16::from_be_bytes([high, low])) + id;
            match version {
                Protocol::V5 => needed_with_properties(fixed, body)?,
                Protocol::V311 => fixed,
            }
        }
        _ => 2,
    };
    if needed > header.body { Err(PAST_END) } else { Ok(needed) }
}

/// The same where a property list stands behind `fixed` bytes.
fn needed_with_properties(fixed: usize, body: &[u8]) -> Result<usize, ProtocolError> {
    let Some(list) = body.get(fixed..) else {
        return Ok(fixed + 1);
    };
    Ok(match reader::varint(list)? {
        Some((value, len)) => fixed + len + value,
        None => fixed + list.len() + 1,
    })
}

/// Reads a PUBLISH whose fixed header has been checked, up to its payload, which is left in `body`.
pub(super) fn publish(version: Protocol, header: FixedHeader, body: &mut Reader<'_>) -> Result<Publish, ProtocolError> {
    let qos = match header.flags() >> 1 & 3 {
        0 => Qos::AtMostOnce,
        1 => Qos::AtLeastOnce,
        _ => Qos::ExactlyOnce,
    };
    let topic = body.text()?;
    if topic.bytes().any(|byte| matches!(byte, b'+' | b'#')) {
        return Err(ProtocolError::protocol("a message's topic holds a wildcard"));
    }
    let id = if qos == Qos::AtMostOnce { 0 } else { body.packet_id()? };
    let properties = properties::read(version, PacketType::Publish, body)?;
    if topic.is_empty() && properties.topic_alias.is_none() {
        return Err(ProtocolError::protocol("a message has no topic"));
    }
    Ok(Publish {
        topic: topic.to_owned(),
        payload: Vec::new(),
        qos,
        retain: header.flags() & 0x01 != 0,
        dup: header.flags() & 0x08 != 0,
        id,
        properties,
    })
}
