//! PUBACK, PUBREC, PUBREL and PUBCOMP, both ways (MQTT 5, sections 3.4 to 3.7).

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

/// Appends PUBACK, PUBREC, PUBREL or PUBCOMP with a reason code other than 0, which only MQTT 5 carries.
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
