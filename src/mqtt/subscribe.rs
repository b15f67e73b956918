//! SUBSCRIBE and UNSUBSCRIBE, and their answers SUBACK and UNSUBACK (MQTT 5, sections 3.8 to 3.11).

use crate::mqtt::writer::{Length, Writer, packet_len};
use crate::mqtt::{ProtocolError, Reader, kind, properties};
use crate::types::{PacketType, Properties, Protocol, SubscribeOptions};

/// The broker's answer to SUBSCRIBE or UNSUBSCRIBE.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FilterAck {
    /// The packet id of the request, never 0.
    pub(crate) id: u16,
    /// One reason code for each filter, in order; none in an UNSUBACK of MQTT 3.1.1.
    pub(crate) codes: Vec<u8>,
    pub(crate) properties: Properties,
}

/// The flags that both requests have in their first byte (MQTT 5, section 2.1.3).
const FLAGS: u8 = 0x02;

/// Appends a SUBSCRIBE. `properties` are those of the packet; those of the options are ignored.
pub(crate) fn encode_subscribe(
    version: Protocol,
    id: u16,
    filters: &[(String, SubscribeOptions)],
    properties: &Properties,
    out: &mut Vec<u8>,
) {
    out.u8(kind::SUBSCRIBE << 4 | FLAGS);
    out.varint(subscribe_body_len(version, filters, properties));
    write_subscribe(version, id, filters, properties, out);
}

/// Bytes of the whole SUBSCRIBE, at most [`MAX_PACKET`](crate::mqtt::MAX_PACKET) if it is to be sent.
pub(crate) fn subscribe_len(
    version: Protocol,
    filters: &[(String, SubscribeOptions)],
    properties: &Properties,
) -> usize {
    packet_len(subscribe_body_len(version, filters, properties))
}

/// Appends an UNSUBSCRIBE.
pub(crate) fn encode_unsubscribe(
    version: Protocol,
    id: u16,
    filters: &[String],
    properties: &Properties,
    out: &mut Vec<u8>,
) {
    out.u8(kind::UNSUBSCRIBE << 4 | FLAGS);
    out.varint(unsubscribe_body_len(version, filters, properties));
    write_unsubscribe(version, id, filters, properties, out);
}

/// Bytes of the whole UNSUBSCRIBE, at most [`MAX_PACKET`](crate::mqtt::MAX_PACKET) if it is to be sent.
pub(crate) fn unsubscribe_len(version: Protocol, filters: &[String], properties: &Properties) -> usize {
    packet_len(unsubscribe_body_len(version, filters, properties))
}

fn subscribe_body_len(version: Protocol, filters: &[(String, SubscribeOptions)], properties: &Properties) -> usize {
    let mut length = Length::default();
    write_subscribe(version, 0, filters, properties, &mut length);
    length.0
}

fn write_subscribe(
    version: Protocol,
    id: u16,
    filters: &[(String, SubscribeOptions)],
    properties: &Properties,
    out: &mut impl Writer,
) {
    write_head(version, id, properties, out);
    for (filter, options) in filters {
        out.binary(filter.as_bytes());
        out.u8(options_byte(version, options));
    }
}

fn unsubscribe_body_len(version: Protocol, filters: &[String], properties: &Properties) -> usize {
    let mut length = Length::default();
    write_unsubscribe(version, 0, filters, properties, &mut length);
    length.0
}

fn write_unsubscribe(version: Protocol, id: u16, filters: &[String], properties: &Properties, out: &mut impl Writer) {
    write_head(version, id, properties, out);
    for filter in filters {
        out.binary(filter.as_bytes());
    }
}

fn write_head(version: Protocol, id: u16, properties: &Properties, out: &mut impl Writer) {
    out.u16(id);
    properties::write(version, properties, out);
}

/// The subscription options (MQTT 5, section 3.8.3.1), of which MQTT 3.1.1 has the QoS alone.
fn options_byte(version: Protocol, options: &SubscribeOptions) -> u8 {
    // The QoS was checked when the subscription was accepted.
    let qos = options.qos.clamp(0, 2) as u8;
    match version {
        Protocol::V5 => {
            qos | u8::from(options.no_local) << 2
                | u8::from(options.retain_as_published) << 3
                | (options.retain_handling as u8) << 4
        }
        Protocol::V31 | Protocol::V311 => qos,
    }
}

/// Reads a SUBACK; `body` is what follows its fixed header.
pub(super) fn suback(version: Protocol, body: &mut Reader<'_>) -> Result<FilterAck, ProtocolError> {
    let ack = filter_ack(version, PacketType::Suback, body)?;
    if version != Protocol::V5 && ack.codes.iter().any(|&code| code > 2 && code != 0x80) {
        return Err(ProtocolError::protocol("SUBACK holds an unknown return code"));
    }
    Ok(ack)
}

/// Reads an UNSUBACK; `body` is what follows its fixed header.
pub(super) fn unsuback(version: Protocol, body: &mut Reader<'_>) -> Result<FilterAck, ProtocolError> {
    match version {
        Protocol::V5 => filter_ack(version, PacketType::Unsuback, body),
        Protocol::V31 | Protocol::V311 => {
            Ok(FilterAck { id: body.packet_id()?, codes: Vec::new(), properties: Properties::new() })
        }
    }
}

fn filter_ack(version: Protocol, packet: PacketType, body: &mut Reader<'_>) -> Result<FilterAck, ProtocolError> {
    let id = body.packet_id()?;
    let properties = properties::read(version, packet, body)?;
    let codes = body.remainder().to_vec();
    if codes.is_empty() {
        return Err(ProtocolError::protocol("an answer to filters holds no code"));
    }
    Ok(FilterAck { id, codes, properties })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::RetainHandling;

    fn subscribe(version: Protocol, filters: &[(String, SubscribeOptions)], properties: &Properties) -> Vec<u8> {
        let mut out = Vec::new();
        encode_subscribe(version, 0x0102, filters, properties, &mut out);
        assert_eq!(subscribe_len(version, filters, properties), out.len());
        out
    }

    fn unsubscribe(version: Protocol, filters: &[String], properties: &Properties) -> Vec<u8> {
        let mut out = Vec::new();
        encode_unsubscribe(version, 0x0102, filters, properties, &mut out);
        assert_eq!(unsubscribe_len(version, filters, properties), out.len());
        out
    }

    #[test]
    fn writes_subscribe() {
        let none = Properties::new();
        let options = SubscribeOptions::new().qos(2).no_local(true).retain_as_published(true);
        let options = options.retain_handling(RetainHandling::DoNotSend);
        let filters = [("a".to_owned(), 1.into()), ("b/#".to_owned(), options)];
        assert_eq!(
            subscribe(Protocol::V311, &filters, &none),
            [0x82, 12, 1, 2, 0, 1, b'a', 1, 0, 3, b'b', b'/', b'#', 2]
        );
        assert_eq!(
            subscribe(Protocol::V5, &filters, &none),
            [0x82, 13, 1, 2, 0, 0, 1, b'a', 1, 0, 3, b'b', b'/', b'#', 0x2e]
        );
        let identifier = Properties::new().with_subscription_identifier(5);
        assert_eq!(subscribe(Protocol::V5, &filters[..1], &identifier), [0x82, 9, 1, 2, 2, 0x0b, 5, 0, 1, b'a', 1]);
    }

    #[test]
    fn writes_unsubscribe() {
        let filters = ["a".to_owned(), "b".to_owned()];
        let none = Properties::new();
        assert_eq!(unsubscribe(Protocol::V311, &filters, &none), [0xa2, 8, 1, 2, 0, 1, b'a', 0, 1, b'b']);
        assert_eq!(unsubscribe(Protocol::V5, &filters, &none), [0xa2, 9, 1, 2, 0, 0, 1, b'a', 0, 1, b'b']);
        let user = Properties::new().with_user_property("k", "");
        assert_eq!(unsubscribe(Protocol::V5, &[], &user), [0xa2, 9, 1, 2, 6, 0x26, 0, 1, b'k', 0, 0]);
    }

    #[test]
    fn reads_suback() {
        let read = |version, body: &[u8]| suback(version, &mut Reader::new(body)).map_err(|error| error.code);
        let ack = |codes: &[u8]| Ok(FilterAck { id: 7, codes: codes.to_vec(), properties: Properties::new() });
        assert_eq!(read(Protocol::V311, &[0, 7, 0, 1, 2, 0x80]), ack(&[0, 1, 2, 0x80]));
        assert_eq!(read(Protocol::V5, &[0, 7, 0, 1, 0x87]), ack(&[1, 0x87]));
        assert_eq!(read(Protocol::V311, &[0, 7, 3]), Err(0x82), "a code of MQTT 5");
        assert_eq!(read(Protocol::V311, &[0, 7]), Err(0x82), "no code");
        assert_eq!(read(Protocol::V5, &[0, 7, 0]), Err(0x82), "no code");
        assert_eq!(read(Protocol::V5, &[0, 7]), Err(0x81), "no properties");
        assert_eq!(read(Protocol::V5, &[0, 0, 0, 0]), Err(0x82), "id 0");
        assert_eq!(read(Protocol::V311, &[7]), Err(0x81));
    }

    #[test]
    fn reads_unsuback() {
        let read = |version, body: &[u8]| unsuback(version, &mut Reader::new(body)).map_err(|error| error.code);
        let ack = |codes: &[u8]| Ok(FilterAck { id: 7, codes: codes.to_vec(), properties: Properties::new() });
        assert_eq!(read(Protocol::V311, &[0, 7]), ack(&[]));
        assert_eq!(read(Protocol::V5, &[0, 7, 0, 0, 0x11]), ack(&[0, 0x11]));
        assert_eq!(read(Protocol::V5, &[0, 7, 0]), Err(0x82), "no code");
        assert_eq!(read(Protocol::V311, &[0, 0]), Err(0x82), "id 0");
    }
}
