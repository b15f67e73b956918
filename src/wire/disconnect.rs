//! The DISCONNECT packet that ends a connection in order.

use crate::types::{Properties, Protocol};
use crate::wire::{kind, properties, push_varint};

/// DISCONNECT with its reason and properties, which only MQTT 5 carries (MQTT 5, section 3.14).
pub(crate) fn disconnect_packet(version: Protocol, code: u8, with: &Properties) -> Vec<u8> {
    if version != Protocol::V5 || (code == 0 && with.is_empty()) {
        return vec![kind::DISCONNECT << 4, 0];
    }
    let mut body = vec![code];
    properties::encode(&mut body, with);
    let mut packet = vec![kind::DISCONNECT << 4];
    push_varint(&mut packet, body.len());
    packet.extend_from_slice(&body);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortest_form_when_there_is_nothing_to_say() {
        let none = Properties::new();
        assert_eq!(disconnect_packet(Protocol::V311, 4, &none), [0xe0, 0]);
        assert_eq!(disconnect_packet(Protocol::V5, 0, &none), [0xe0, 0]);
        assert_eq!(disconnect_packet(Protocol::V5, 4, &none), [0xe0, 2, 4, 0]);
    }
}
