//! MQTT 5 properties as bytes (MQTT 5, section 2.2.2).

use crate::mqtt::writer::{Length, Writer};
use crate::mqtt::{ProtocolError, Reader};
use crate::types::{PacketType, Properties, PropertyFields, Protocol};

/// Reads the properties of a message with their length, as [`encode_properties`] writes them.
#[cfg(any(feature = "persistence", test))]
pub(crate) fn decode_properties(reader: &mut Reader<'_>) -> Result<Properties, ProtocolError> {
    decode(reader, &|id| may_stand_in(PacketType::Publish, id))
}

/// Reads the properties that a broker may send in `packet`, with their length; none before MQTT 5.
pub(super) fn read(
    version: Protocol,
    packet: PacketType,
    reader: &mut Reader<'_>,
) -> Result<Properties, ProtocolError> {
    match version {
        Protocol::V5 => decode(reader, &|id| may_stand_in(packet, id)),
        Protocol::V31 | Protocol::V311 => Ok(Properties::new()),
    }
}

/// Appends `properties` with their length; nothing before MQTT 5.
pub(super) fn write(version: Protocol, properties: &Properties, out: &mut impl Writer) {
    match version {
        Protocol::V5 => encode_properties(out, properties),
        Protocol::V31 | Protocol::V311 => {}
    }
}

/// Reads a property list with its length; `allowed` says which identifiers may stand in it.
pub(super) fn decode(reader: &mut Reader<'_>, allowed: &dyn Fn(usize) -> bool) -> Result<Properties, ProtocolError> {
    let len = reader.varint()?;
    let mut list = Reader::new(reader.take(len)?);
    let mut properties = Properties::new();
    while !list.is_empty() {
        let id = list.varint()?;
        if !allowed(id) {
            return Err(ProtocolError::malformed("a property stands in a packet where it is not allowed"));
        }
        read_one(&mut list, id, &mut properties)?;
    }
    Ok(properties)
}

/// Whether a broker may send the property `id` in `packet` (MQTT 5, table 2-4 and section 3.14.2.2.2).
fn may_stand_in(packet: PacketType, id: usize) -> bool {
    match packet {
        PacketType::Connack => {
            matches!(id, 0x11 | 0x12 | 0x13 | 0x15 | 0x16 | 0x1a | 0x1c | 0x1f | 0x21 | 0x22 | 0x24..=0x2a)
        }
        PacketType::Publish => matches!(id, 0x01 | 0x02 | 0x03 | 0x08 | 0x09 | 0x0b | 0x23 | 0x26),
        PacketType::Disconnect => matches!(id, 0x1c | 0x1f | 0x26),
        _ => matches!(id, 0x1f | 0x26),
    }
}

fn read_one(list: &mut Reader<'_>, id: usize, into: &mut PropertyFields) -> Result<(), ProtocolError> {
    match id {
        0x01 => once(&mut into.payload_format_indicator, u8::from(flag(list)?)),
        0x02 => once(&mut into.message_expiry_interval, list.u32()?),
        0x03 => once(&mut into.content_type, list.text()?.to_owned()),
        0x08 => once(&mut into.response_topic, list.text()?.to_owned()),
        0x09 => once(&mut into.correlation_data, list.binary()?.to_vec()),
        0x0b => {
            // At most four bytes, so it fits.
            let value = nonzero(list.varint()?, "a subscription identifier is 0")?;
            into.subscription_identifier.push(value as u32);
            Ok(())
        }
        0x11 => once(&mut into.session_expiry_interval, list.u32()?),
        0x12 => once(&mut into.assigned_client_identifier, list.text()?.to_owned()),
        0x13 => once(&mut into.server_keep_alive, list.u16()?),
        0x15 => once(&mut into.authentication_method, list.text()?.to_owned()),
        0x16 => once(&mut into.authentication_data, list.binary()?.to_vec()),
        0x17 => once(&mut into.request_problem_information, flag(list)?),
        0x18 => once(&mut into.will_delay_interval, list.u32()?),
        0x19 => once(&mut into.request_response_information, flag(list)?),
        0x1a => once(&mut into.response_information, list.text()?.to_owned()),
        0x1c => once(&mut into.server_reference, list.text()?.to_owned()),
        0x1f => once(&mut into.reason_string, list.text()?.to_owned()),
        0x21 => once(&mut into.receive_maximum, nonzero(list.u16()?, "the receive maximum is 0")?),
        0x22 => once(&mut into.topic_alias_maximum, list.u16()?),
        0x23 => once(&mut into.topic_alias, nonzero(list.u16()?, "a topic alias is 0")?),
        0x24 => once(&mut into.maximum_qos, u8::from(flag(list)?)),
        0x25 => once(&mut into.retain_available, flag(list)?),
        0x26 => {
            let name = list.text()?.to_owned();
            into.user_property.push((name, list.text()?.to_owned()));
            Ok(())
        }
        0x27 => once(&mut into.maximum_packet_size, nonzero(list.u32()?, "the maximum packet size is 0")?),
        0x28 => once(&mut into.wildcard_subscription_available, flag(list)?),
        0x29 => once(&mut into.subscription_identifier_available, flag(list)?),
        0x2a => once(&mut into.shared_subscription_available, flag(list)?),
        _ => Err(ProtocolError::malformed("a property has an unknown identifier")),
    }
}

/// Stores a property that may stand only once.
fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), ProtocolError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(ProtocolError::protocol("a property that may stand once stands twice")),
    }
}

/// A byte property that may only be 0 or 1.
fn flag(list: &mut Reader<'_>) -> Result<bool, ProtocolError> {
    match list.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(ProtocolError::protocol("a property that may be 0 or 1 is neither")),
    }
}

/// A number that may not be 0.
fn nonzero<T: Default + PartialEq>(value: T, problem: &'static str) -> Result<T, ProtocolError> {
    if value == T::default() { Err(ProtocolError::protocol(problem)) } else { Ok(value) }
}

/// Appends `properties` with their length.
///
/// Which of them may be sent in which packet was checked when they were accepted (`Properties::check`).
pub(crate) fn encode_properties(out: &mut impl Writer, properties: &Properties) {
    if properties.is_empty() {
        return out.u8(0);
    }
    let mut length = Length::default();
    write_all(&mut length, properties);
    out.varint(length.0);
    write_all(out, properties);
}

/// Appends each property that is set, in the order of the identifiers.
fn write_all(out: &mut dyn Writer, from: &PropertyFields) {
    write_u8(out, 0x01, from.payload_format_indicator);
    write_u32(out, 0x02, from.message_expiry_interval);
    write_text(out, 0x03, from.content_type.as_deref());
    write_text(out, 0x08, from.response_topic.as_deref());
    write_binary(out, 0x09, from.correlation_data.as_deref());
    for identifier in &from.subscription_identifier {
        out.u8(0x0b);
        out.varint(*identifier as usize);
    }
    write_u32(out, 0x11, from.session_expiry_interval);
    write_text(out, 0x12, from.assigned_client_identifier.as_deref());
    write_u16(out, 0x13, from.server_keep_alive);
    write_text(out, 0x15, from.authentication_method.as_deref());
    write_binary(out, 0x16, from.authentication_data.as_deref());
    write_u8(out, 0x17, from.request_problem_information.map(u8::from));
    write_u32(out, 0x18, from.will_delay_interval);
    write_u8(out, 0x19, from.request_response_information.map(u8::from));
    write_text(out, 0x1a, from.response_information.as_deref());
    write_text(out, 0x1c, from.server_reference.as_deref());
    write_text(out, 0x1f, from.reason_string.as_deref());
    write_u16(out, 0x21, from.receive_maximum);
    write_u16(out, 0x22, from.topic_alias_maximum);
    write_u16(out, 0x23, from.topic_alias);
    write_u8(out, 0x24, from.maximum_qos);
    write_u8(out, 0x25, from.retain_available.map(u8::from));
    for (name, value) in &from.user_property {
        write_text(out, 0x26, Some(name));
        out.binary(value.as_bytes());
    }
    write_u32(out, 0x27, from.maximum_packet_size);
    write_u8(out, 0x28, from.wildcard_subscription_available.map(u8::from));
    write_u8(out, 0x29, from.subscription_identifier_available.map(u8::from));
    write_u8(out, 0x2a, from.shared_subscription_available.map(u8::from));
}

fn write_u8(out: &mut dyn Writer, id: u8, value: Option<u8>) {
    if let Some(value) = value {
        out.bytes(&[id, value]);
    }
}

fn write_u16(out: &mut dyn Writer, id: u8, value: Option<u16>) {
    if let Some(value) = value {
        out.u8(id);
        out.u16(value);
    }
}

fn write_u32(out: &mut dyn Writer, id: u8, value: Option<u32>) {
    if let Some(value) = value {
        out.u8(id);
        out.u32(value);
    }
}

fn write_text(out: &mut dyn Writer, id: u8, value: Option<&str>) {
    write_binary(out, id, value.map(str::as_bytes));
}

fn write_binary(out: &mut dyn Writer, id: u8, value: Option<&[u8]>) {
    if let Some(value) = value {
        out.u8(id);
        out.binary(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(single: &[u8]) -> Vec<u8> {
        [&[single.len() as u8], single].concat()
    }

    /// Each property of MQTT 5 with a value, and the packets in which a broker may send it: table 2-4 of the standard.
    ///
    /// `C` is CONNACK, `P` PUBLISH, `A` PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and UNSUBACK, `D` DISCONNECT.
    const TABLE: [(&[u8], &str); 27] = [
        (&[0x01, 1], "P"),
        (&[0x02, 0, 0, 1, 0], "P"),
        (&[0x03, 0, 1, b'c'], "P"),
        (&[0x08, 0, 1, b'r'], "P"),
        (&[0x09, 0, 2, 0, 0xff], "P"),
        (&[0x0b, 0x80, 0x01], "P"),
        (&[0x11, 0, 0, 0, 60], "C"),
        (&[0x12, 0, 1, b'i'], "C"),
        (&[0x13, 0, 30], "C"),
        (&[0x15, 0, 1, b'm'], "C"),
        (&[0x16, 0, 1, 0], "C"),
        (&[0x17, 1], ""),
        (&[0x18, 0, 0, 0, 5], ""),
        (&[0x19, 1], ""),
        (&[0x1a, 0, 1, b'a'], "C"),
        (&[0x1c, 0, 1, b's'], "CD"),
        (&[0x1f, 0, 1, b'w'], "CAD"),
        (&[0x21, 0, 1], "C"),
        (&[0x22, 0, 0], "C"),
        (&[0x23, 0, 1], "P"),
        (&[0x24, 1], "C"),
        (&[0x25, 0], "C"),
        (&[0x26, 0, 1, b'k', 0, 1, b'v'], "CPAD"),
        (&[0x27, 0, 0, 0, 1], "C"),
        (&[0x28, 0], "C"),
        (&[0x29, 0], "C"),
        (&[0x2a, 0], "C"),
    ];

    const ANSWERS: [PacketType; 6] = [
        PacketType::Puback,
        PacketType::Pubrec,
        PacketType::Pubrel,
        PacketType::Pubcomp,
        PacketType::Suback,
        PacketType::Unsuback,
    ];

    #[test]
    fn a_broker_sends_each_property_in_its_packets_alone() {
        let packets = [(PacketType::Connack, 'C'), (PacketType::Publish, 'P'), (PacketType::Disconnect, 'D')];
        let packets = packets.into_iter().chain(ANSWERS.map(|packet| (packet, 'A')));
        for (packet, letter) in packets {
            for (single, homes) in TABLE {
                let result = read(Protocol::V5, packet, &mut Reader::new(&list(single)));
                assert_eq!(result.is_ok(), homes.contains(letter), "{single:02x?} in {packet:?}");
                assert!(
                    result.map_err(|error| error.code) != Err(0x82),
                    "an identifier that is not valid is malformed"
                );
            }
        }
    }

    #[test]
    fn each_property_byte_by_byte() {
        for (single, _) in TABLE {
            let bytes = list(single);
            let properties = decode(&mut Reader::new(&bytes), &|_| true).expect("a sound list");
            assert!(!properties.is_empty(), "{single:02x?}");
            let mut out = Vec::new();
            encode_properties(&mut out, &properties);
            assert_eq!(out, bytes);
            for len in 0..bytes.len() {
                assert_eq!(decode(&mut Reader::new(&bytes[..len]), &|_| true).map_err(|error| error.code), Err(0x81));
                if len > 1 {
                    let short = list(&single[..len - 1]);
                    assert!(decode(&mut Reader::new(&short), &|_| true).is_err(), "{short:02x?}");
                }
            }
        }
    }

    #[test]
    fn a_property_stands_once_unless_it_may_repeat() {
        for (single, _) in TABLE {
            let twice = list(&single.repeat(2));
            let result = decode(&mut Reader::new(&twice), &|_| true).map_err(|error| error.code);
            match single[0] {
                0x0b | 0x26 => assert!(result.is_ok(), "{twice:02x?}"),
                _ => assert_eq!(result, Err(0x82), "{twice:02x?}"),
            }
        }
    }

    #[test]
    fn values_that_the_standard_refuses() {
        for (single, code) in [
            (&[0x01, 2][..], 0x82),
            (&[0x17, 2], 0x82),
            (&[0x19, 2], 0x82),
            (&[0x24, 2], 0x82),
            (&[0x25, 2], 0x82),
            (&[0x28, 2], 0x82),
            (&[0x29, 2], 0x82),
            (&[0x2a, 0xff], 0x82),
            (&[0x0b, 0], 0x82),
            (&[0x0b, 0xff, 0xff, 0xff, 0xff, 1], 0x81),
            (&[0x21, 0, 0], 0x82),
            (&[0x23, 0, 0], 0x82),
            (&[0x27, 0, 0, 0, 0], 0x82),
            (&[0x1f, 0, 1, 0], 0x81),             // NUL
            (&[0x1f, 0, 1, 0xff], 0x81),          // not UTF-8
            (&[0x26, 0, 1, b'a', 0, 1, 0], 0x81), // NUL in a value
            (&[0x00, 0], 0x81),                   // unknown identifier
            (&[0x7f, 0], 0x81),
            (&[0x9f, 0x00, 0, 1, b'a'], 0x81), // an identifier in two bytes where one would do
            (&[0x9f, 0x01, 0, 1, b'a'], 0x81), // an identifier above 127
        ] {
            let result = decode(&mut Reader::new(&list(single)), &|_| true);
            assert_eq!(result.map_err(|error| error.code), Err(code), "{single:02x?}");
        }
    }

    #[test]
    fn nothing_is_one_byte_in_mqtt_5_alone() {
        let mut out = Vec::new();
        encode_properties(&mut out, &Properties::new());
        encode_properties(&mut out, &Properties::from(PropertyFields::default()));
        assert_eq!(out, [0, 0]);
        let mut nothing = Vec::new();
        write(Protocol::V311, &Properties::new().with_topic_alias(1), &mut nothing);
        assert!(nothing.is_empty(), "MQTT 3.1.1 has no properties");
        let mut reader = Reader::new(&[0, 9]);
        assert_eq!(read(Protocol::V311, PacketType::Publish, &mut reader), Ok(Properties::new()));
        assert_eq!(read(Protocol::V5, PacketType::Publish, &mut reader), Ok(Properties::new()));
        assert_eq!(reader.remainder(), [9]);
    }

    #[test]
    fn a_long_list_has_a_long_length() {
        let properties = Properties::new().with_reason_string("x".repeat(200));
        let mut out = Vec::new();
        encode_properties(&mut out, &properties);
        assert_eq!(out[..5], [0xcb, 0x01, 0x1f, 0, 200]);
        assert_eq!(read(Protocol::V5, PacketType::Puback, &mut Reader::new(&out)), Ok(properties));
    }
}
