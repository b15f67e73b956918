//! DISCONNECT, which ends a connection in order, both ways (MQTT 5, section 3.14).

use crate::mqtt::writer::{Length, Writer};
use crate::mqtt::{ProtocolError, Reader, encode_properties, kind, properties};
use crate::types::{PacketType, Properties, Protocol};

/// DISCONNECT with its reason code and properties, which MQTT 3.1.1 leaves out.
pub(crate) fn encode_disconnect(version: Protocol, code: u8, properties: &Properties) -> Vec<u8> {
    const FIRST: u8 = kind::DISCONNECT << 4;
    if version != Protocol::V5 {
        return vec![FIRST, 0];
    }
    match (code, properties.is_empty()) {
        (0, true) => vec![FIRST, 0],
        (_, true) => vec![FIRST, 1, code],
        (_, false) => {
            let mut length = Length(1);
            encode_properties(&mut length, properties);
            let mut packet = vec![FIRST];
            packet.varint(length.0);
            packet.u8(code);
            encode_properties(&mut packet, properties);
            packet
        }
    }
}

/// Reads the reason code and the properties of a DISCONNECT; `body` is what follows its fixed header.
pub(super) fn disconnect(version: Protocol, body: &mut Reader<'_>) -> Result<(u8, Properties), ProtocolError> {
    let code = if body.is_empty() { 0 } else { body.u8()? };
    let properties =
        if body.is_empty() { Properties::new() } else { properties::read(version, PacketType::Disconnect, body)? };
    Ok((code, properties))
}
