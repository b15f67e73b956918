//! The MQTT packets as bytes: what the link reads, checks and completes on their way.

mod connect;
mod disconnect;
mod frame;
mod inbound;
mod outbound;
mod properties;
mod reader;

pub(crate) use connect::{Credentials, Opening, Will};
pub(crate) use disconnect::disconnect_packet;
pub(crate) use frame::{Frame, frame};
pub(crate) use inbound::{Ack, AckKind, Connack, Inbound, PublishHead, inbound, publish_head};
pub(crate) use outbound::{Outbound, PublishParts, outbound};
#[cfg(feature = "persistence")]
pub(crate) use properties::{decode as decode_properties, encode as encode_properties};
pub(crate) use reader::{Malformed, Reader};

/// Packet types, in the upper half of a packet's first byte (MQTT 5, table 2-1).
pub(crate) mod kind {
    pub(crate) const CONNECT: u8 = 1;
    pub(crate) const CONNACK: u8 = 2;
    pub(crate) const PUBLISH: u8 = 3;
    pub(crate) const PUBACK: u8 = 4;
    pub(crate) const PUBREC: u8 = 5;
    pub(crate) const PUBREL: u8 = 6;
    pub(crate) const PUBCOMP: u8 = 7;
    pub(crate) const SUBSCRIBE: u8 = 8;
    pub(crate) const SUBACK: u8 = 9;
    pub(crate) const UNSUBSCRIBE: u8 = 10;
    pub(crate) const UNSUBACK: u8 = 11;
    pub(crate) const PINGREQ: u8 = 12;
    pub(crate) const PINGRESP: u8 = 13;
    pub(crate) const DISCONNECT: u8 = 14;
}

/// A PINGREQ, whole (MQTT 5, section 3.12).
pub(crate) const PINGREQ: [u8; 2] = [kind::PINGREQ << 4, 0];
/// A PINGRESP, whole (MQTT 5, section 3.13).
pub(crate) const PINGRESP: [u8; 2] = [kind::PINGRESP << 4, 0];

/// PUBREC, PUBREL or PUBCOMP with reason "Success", the same bytes in every version.
pub(crate) fn short_ack(packet: u8, id: u16) -> [u8; 4] {
    let [high, low] = id.to_be_bytes();
    let reserved = if packet == kind::PUBREL { 2 } else { 0 };
    [packet << 4 | reserved, 2, high, low]
}

/// Appends `value` as a variable byte integer (MQTT 5, section 1.5.5).
pub(crate) fn push_varint(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

/// Appends `bytes` with their two-byte length. The length was checked when the value was accepted.
pub(crate) fn push_binary(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = bytes.len().min(usize::from(u16::MAX));
    out.extend_from_slice(&(len as u16).to_be_bytes());
    out.extend_from_slice(&bytes[..len]);
}
