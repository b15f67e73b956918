//! PUBLISH, both ways (MQTT 5, section 3.3).

use std::fmt;

use crate::mqtt::fixed_header::FixedHeader;
use crate::mqtt::reader::{self, PAST_END};
use crate::mqtt::writer::{Length, Writer, packet_len};
use crate::mqtt::{OutgoingMessage, ProtocolError, Reader, kind, properties};
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

impl<'a> PublishHeader<'a> {
    /// The header of a message of ours.
    pub(crate) fn of(message: &'a OutgoingMessage, dup: bool) -> Self {
        PublishHeader {
            topic: &message.topic,
            qos: message.qos,
            retain: message.retain,
            dup,
            id: message.id(),
            properties: &message.properties,
            payload_len: message.payload.len(),
        }
    }

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
                Protocol::V31 | Protocol::V311 => fixed,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(version: Protocol, packet: &[u8]) -> Result<Publish, u8> {
        let header = FixedHeader::read(packet).expect("a sound header").expect("a whole header");
        let body = &packet[header.len..];
        let needed = needed(version, header, body).map_err(|error| error.code)?;
        assert!(needed <= body.len(), "the variable header is whole");
        publish(version, header, &mut Reader::new(body)).map_err(|error| error.code)
    }

    fn message(topic: &str) -> Publish {
        Publish {
            topic: topic.into(),
            payload: Vec::new(),
            qos: Qos::AtMostOnce,
            retain: false,
            dup: false,
            id: 0,
            properties: Properties::new(),
        }
    }

    fn header<'a>(topic: &'a str, properties: &'a Properties) -> PublishHeader<'a> {
        PublishHeader { topic, qos: Qos::AtMostOnce, retain: false, dup: false, id: 0, properties, payload_len: 2 }
    }

    fn encoded(version: Protocol, header: PublishHeader<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        header.encode(version, &mut out);
        assert_eq!(header.packet_len(version), out.len() + header.payload_len);
        out
    }

    #[test]
    fn writes_all_before_the_payload() {
        let (none, some) = (Properties::new(), Properties::new().with_topic_alias(7));
        let plain = header("t", &none);
        assert_eq!(encoded(Protocol::V311, plain), [0x30, 5, 0, 1, b't']);
        assert_eq!(encoded(Protocol::V311, PublishHeader { id: 9, ..plain }), [0x30, 5, 0, 1, b't'], "no id at QoS 0");
        let qos2 = PublishHeader { qos: Qos::ExactlyOnce, dup: true, retain: true, id: 0x0102, ..plain };
        assert_eq!(encoded(Protocol::V311, qos2), [0x3d, 7, 0, 1, b't', 1, 2]);
        assert_eq!(encoded(Protocol::V5, qos2), [0x3d, 8, 0, 1, b't', 1, 2, 0]);
        assert_eq!(encoded(Protocol::V5, header("", &some)), [0x30, 8, 0, 0, 3, 0x23, 0, 7]);
        assert_eq!(encoded(Protocol::V311, header("t", &some)), [0x30, 5, 0, 1, b't'], "no properties");
    }

    #[test]
    fn the_length_counts_the_payload_and_itself() {
        let none = Properties::new();
        for (payload_len, packet_len) in [(0, 5), (124, 129), (125, 131), (16_380, 16_386), (16_381, 16_388)] {
            let header = PublishHeader { payload_len, ..header("t", &none) };
            assert_eq!(header.packet_len(Protocol::V311), packet_len, "{payload_len}");
        }
        let longest = PublishHeader { payload_len: 268_435_452, ..header("t", &none) };
        assert_eq!(longest.packet_len(Protocol::V311), crate::mqtt::MAX_PACKET);
    }

    #[test]
    fn reads_every_flag() {
        assert_eq!(read(Protocol::V311, &[0x30, 4, 0, 1, b't', b'p']), Ok(message("t")));
        assert_eq!(read(Protocol::V311, &[0x31, 3, 0, 1, b't']), Ok(Publish { retain: true, ..message("t") }));
        let qos1 = Publish { qos: Qos::AtLeastOnce, id: 0x0102, ..message("t") };
        assert_eq!(read(Protocol::V311, &[0x32, 5, 0, 1, b't', 1, 2]), Ok(qos1.clone()));
        assert_eq!(read(Protocol::V5, &[0x3a, 6, 0, 1, b't', 1, 2, 0]), Ok(Publish { dup: true, ..qos1.clone() }));
        let qos2 = Publish { qos: Qos::ExactlyOnce, ..qos1 };
        assert_eq!(read(Protocol::V311, &[0x34, 5, 0, 1, b't', 1, 2]), Ok(qos2));
    }

    #[test]
    fn an_alias_may_stand_for_the_topic_in_mqtt_5() {
        let aliased = Publish { properties: Properties::new().with_topic_alias(7), ..message("") };
        assert_eq!(read(Protocol::V5, &[0x30, 6, 0, 0, 3, 0x23, 0, 7]), Ok(aliased));
        assert_eq!(read(Protocol::V5, &[0x30, 6, 0, 0, 3, 0x23, 0, 0]), Err(0x82), "alias 0");
        assert_eq!(read(Protocol::V5, &[0x30, 7, 0, 1, b't', 3, 0x23, 0, 0]), Err(0x82), "alias 0 beside a topic");
        assert_eq!(read(Protocol::V5, &[0x30, 3, 0, 0, 0]), Err(0x82), "neither");
        assert_eq!(read(Protocol::V311, &[0x30, 2, 0, 0]), Err(0x82), "no topic");
    }

    #[test]
    fn messages_that_no_broker_may_send() {
        for (packet, code) in [
            (&[0x30, 0][..], 0x81),         // nothing
            (&[0x30, 3, 0, 9, b'a'], 0x81), // topic past the end
            (&[0x30, 3, 0, 1, 0], 0x81),    // NUL
            (&[0x30, 3, 0, 1, 0xff], 0x81), // not UTF-8
            (&[0x30, 3, 0, 1, b'#'], 0x82), // wildcards
            (&[0x30, 5, 0, 3, b'a', b'/', b'+'], 0x82),
            (&[0x32, 3, 0, 1, b'a'], 0x81),       // no id
            (&[0x32, 5, 0, 1, b'a', 0, 0], 0x82), // id 0
        ] {
            assert_eq!(read(Protocol::V311, packet), Err(code), "{packet:02x?}");
        }
        for (packet, code) in [
            (&[0x30, 3, 0, 1, b'a'][..], 0x81),         // no properties
            (&[0x30, 4, 0, 1, b'a', 1], 0x81),          // properties past the end
            (&[0x30, 6, 0, 1, b'a', 2, 0x25, 1], 0x81), // a property of CONNACK
            (&[0x30, 5, 0, 1, b'a', 0x80, 0], 0x81),    // a length in too many bytes
        ] {
            assert_eq!(read(Protocol::V5, packet), Err(code), "{packet:02x?}");
        }
    }

    #[test]
    fn asks_for_no_more_than_the_variable_header() {
        // QoS 1 with a list of 3 bytes: the payload begins behind the tenth byte of the body.
        let body = [0, 2, b'a', b'b', 0, 5, 3, 0x23, 0, 1, b'p', b'p'];
        let header = FixedHeader { first: 0x32, len: 2, body: body.len() };
        for (version, steps) in [(Protocol::V311, &[2, 6][..]), (Protocol::V5, &[2, 7, 10])] {
            let mut here = 0;
            for step in steps {
                let next = needed(version, header, &body[..here]);
                assert_eq!(next, Ok(*step), "{version}, {here} bytes");
                here = *step;
            }
            assert_eq!(needed(version, header, &body[..here]), Ok(here));
            assert_eq!(needed(version, header, &body), Ok(here));
        }
    }

    #[test]
    fn debug_hides_the_payload() {
        let message = Publish { payload: b"secret".to_vec(), ..message("t") };
        let debug = format!("{message:?}");
        assert!(debug.contains("6 bytes") && !debug.contains("115"), "{debug}");
    }
}
