//! PUBACK, PUBREC, PUBREL and PUBCOMP, both ways (MQTT 5, sections 3.4 to 3.7).

#[cfg(test)]
use crate::mqtt::writer::Writer;
use crate::mqtt::{ProtocolError, Reader, kind, properties};
use crate::types::{PacketType, Properties, Protocol};

/// A step of an exchange, from the broker.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ack {
    /// The packet id of the PUBLISH, never 0.
    pub(crate) id: u16,
    /// The reason code; always 0 in MQTT 3.1.1.
    pub(crate) code: u8,
    pub(crate) properties: Properties,
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP with reason code "Success": the same bytes in every version.
pub(crate) fn short_ack(kind: u8, id: u16) -> [u8; 4] {
    let [high, low] = id.to_be_bytes();
    [first_byte(kind), 2, high, low]
}

/// Appends PUBACK, PUBREC, PUBREL or PUBCOMP with a reason code other than 0, as brokers of MQTT 5 do.
#[cfg(test)]
pub(crate) fn encode_ack(kind: u8, id: u16, code: u8, out: &mut Vec<u8>) {
    out.bytes(&[first_byte(kind), 3]);
    out.u16(id);
    out.u8(code);
}

fn first_byte(packet: u8) -> u8 {
    packet << 4 | if packet == kind::PUBREL { 0x02 } else { 0 }
}

/// Reads one of the four; `body` is what follows the fixed header.
pub(super) fn ack(version: Protocol, packet: PacketType, body: &mut Reader<'_>) -> Result<Ack, ProtocolError> {
    let id = body.packet_id()?;
    if version != Protocol::V5 {
        return Ok(Ack { id, code: 0, properties: Properties::new() });
    }
    let code = if body.is_empty() { 0 } else { body.u8()? };
    let properties = if body.is_empty() { Properties::new() } else { properties::read(version, packet, body)? };
    Ok(Ack { id, code, properties })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(version: Protocol, body: &[u8]) -> Result<(Ack, bool), u8> {
        let mut body = Reader::new(body);
        let ack = ack(version, PacketType::Puback, &mut body).map_err(|error| error.code)?;
        Ok((ack, body.is_empty()))
    }

    #[test]
    fn writes_the_short_form() {
        let all = [kind::PUBACK, kind::PUBREC, kind::PUBREL, kind::PUBCOMP].map(|kind| short_ack(kind, 0x0102));
        assert_eq!(all, [[0x40, 2, 1, 2], [0x50, 2, 1, 2], [0x62, 2, 1, 2], [0x70, 2, 1, 2]]);
    }

    #[test]
    fn writes_a_reason_code() {
        let mut out = Vec::new();
        encode_ack(kind::PUBREC, 0x0102, 0x97, &mut out);
        encode_ack(kind::PUBREL, 3, 0x92, &mut out);
        assert_eq!(out, [0x50, 3, 1, 2, 0x97, 0x62, 3, 0, 3, 0x92]);
    }

    #[test]
    fn reads_every_form() {
        let ack = |code, properties| Ok((Ack { id: 7, code, properties }, true));
        assert_eq!(read(Protocol::V311, &[0, 7]), ack(0, Properties::new()));
        assert_eq!(read(Protocol::V5, &[0, 7]), ack(0, Properties::new()));
        assert_eq!(read(Protocol::V5, &[0, 7, 0x10]), ack(0x10, Properties::new()));
        assert_eq!(read(Protocol::V5, &[0, 7, 0x10, 0]), ack(0x10, Properties::new()));
        let why = Properties::new().with_reason_string("w");
        assert_eq!(read(Protocol::V5, &[0, 7, 0x87, 4, 0x1f, 0, 1, b'w']), ack(0x87, why));
    }

    #[test]
    fn refuses_what_is_none() {
        for version in [Protocol::V311, Protocol::V5] {
            assert_eq!(read(version, &[]), Err(0x81));
            assert_eq!(read(version, &[7]), Err(0x81));
            assert_eq!(read(version, &[0, 0]), Err(0x82), "id 0");
        }
        assert_eq!(read(Protocol::V5, &[0, 7, 0, 9]), Err(0x81), "properties past the end");
        assert_eq!(read(Protocol::V311, &[0, 7, 0]).map(|(_, whole)| whole), Ok(false), "no reason code in 3.1.1");
    }
}
