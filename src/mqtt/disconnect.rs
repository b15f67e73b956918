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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortest_form_when_there_is_nothing_to_say() {
        let (none, why) = (Properties::new(), Properties::new().with_reason_string("w"));
        assert_eq!(encode_disconnect(Protocol::V311, 4, &why), [0xe0, 0]);
        assert_eq!(encode_disconnect(Protocol::V5, 0, &none), [0xe0, 0]);
        assert_eq!(encode_disconnect(Protocol::V5, 4, &none), [0xe0, 1, 4]);
        assert_eq!(encode_disconnect(Protocol::V5, 0, &why), [0xe0, 6, 0, 4, 0x1f, 0, 1, b'w']);
    }

    #[test]
    fn reads_every_form() {
        let read = |body: &[u8]| disconnect(Protocol::V5, &mut Reader::new(body)).map_err(|error| error.code);
        assert_eq!(read(&[]), Ok((0, Properties::new())));
        assert_eq!(read(&[0x8e]), Ok((0x8e, Properties::new())));
        assert_eq!(read(&[0x8e, 0]), Ok((0x8e, Properties::new())));
        let server = Properties::new().with_server_reference("s");
        assert_eq!(read(&[0x9c, 4, 0x1c, 0, 1, b's']), Ok((0x9c, server)));
        assert_eq!(read(&[0x8e, 1]), Err(0x81), "properties past the end");
        assert_eq!(read(&[0, 5, 0x11, 0, 0, 0, 60]), Err(0x81), "a session expiry, which clients alone may send");
    }
}
