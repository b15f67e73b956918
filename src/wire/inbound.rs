//! Packets from the broker, read and checked (MQTT 5, sections 3.2 to 3.14).

use crate::types::{Properties, Protocol, Qos};
use crate::wire::{Frame, Malformed, Reader, kind, properties};

/// A packet from the broker, other than PUBLISH.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Inbound {
    Connack(Connack),
    Ack(Ack),
    Pubrel { id: u16 },
    Pingresp,
    Disconnect { code: u8, properties: Properties },
}

/// The broker's answer to CONNECT; `code` is the number on the wire.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Connack {
    pub(crate) session_present: bool,
    pub(crate) code: u8,
    pub(crate) properties: Properties,
}

/// An answer of the broker to one of our packets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ack {
    pub(crate) kind: AckKind,
    pub(crate) id: u16,
    /// One code for PUBACK, PUBREC and PUBCOMP; one per filter for SUBACK and, in MQTT 5, UNSUBACK.
    pub(crate) codes: Vec<u8>,
    pub(crate) properties: Properties,
}

/// Which answer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AckKind {
    Puback,
    Pubrec,
    Pubcomp,
    Suback,
    Unsuback,
}

/// Where things stand in a PUBLISH from the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PublishHead {
    pub(crate) qos: Qos,
    /// The packet id; 0 at QoS 0.
    pub(crate) id: u16,
    /// Bytes of the packet in front of the payload.
    pub(crate) len: usize,
}

/// Reads the head of a PUBLISH; `Ok(None)` means that more of it must come first.
pub(crate) fn publish_head(version: Protocol, frame: Frame, bytes: &[u8]) -> Result<Option<PublishHead>, Malformed> {
    let whole = bytes.len() >= frame.len();
    let body = &bytes[frame.header..frame.len().min(bytes.len())];
    match read_head(version, frame, body) {
        Ok(head) => Ok(Some(head)),
        Err(problem) if whole || !may_continue(version, frame, body) => Err(problem),
        Err(_) => Ok(None),
    }
}

fn read_head(version: Protocol, frame: Frame, body: &[u8]) -> Result<PublishHead, Malformed> {
    let qos = match frame.flags() >> 1 & 3 {
        0 => Qos::AtMostOnce,
        1 => Qos::AtLeastOnce,
        2 => Qos::ExactlyOnce,
        _ => return Err(Malformed("a message has QoS 3")),
    };
    if frame.flags() & 0x08 != 0 && qos == Qos::AtMostOnce {
        return Err(Malformed("a message of QoS 0 is marked as a duplicate"));
    }
    let mut reader = Reader::new(body);
    let topic = reader.text()?;
    if topic.contains(['+', '#']) {
        return Err(Malformed("a message's topic holds a wildcard"));
    }
    if topic.is_empty() {
        // An empty topic stands for an alias, and the client allows the broker none.
        return Err(Malformed("a message has no topic"));
    }
    let id = if qos == Qos::AtMostOnce { 0 } else { nonzero(reader.u16()?)? };
    if version == Protocol::V5 {
        properties::skim(&mut reader)?;
    }
    Ok(PublishHead { qos, id, len: frame.header + body.len() - reader.len() })
}

/// Whether a head that could not be read yet may still become a sound one as more bytes arrive.
fn may_continue(version: Protocol, frame: Frame, body: &[u8]) -> bool {
    if frame.flags() & 6 == 6 {
        return false;
    }
    let mut reader = Reader::new(body);
    let topic = match reader.u16() {
        Ok(len) => usize::from(len),
        Err(_) => return true,
    };
    let fixed = topic + if frame.flags() & 6 == 0 { 0 } else { 2 };
    if reader.len() < fixed || version != Protocol::V5 {
        return reader.len() < fixed && fixed <= frame.body;
    }
    let mut behind = Reader::new(&body[2 + fixed..]);
    match behind.varint() {
        Ok(len) => behind.len() < len && 2 + fixed + len <= frame.body,
        Err(_) => behind.len() < 4,
    }
}

/// Reads a whole packet other than PUBLISH; `body` is what follows its fixed header.
pub(crate) fn inbound(version: Protocol, frame: Frame, body: &[u8]) -> Result<Inbound, Malformed> {
    let v5 = version == Protocol::V5;
    let flags = if frame.kind() == kind::PUBREL { 2 } else { 0 };
    if frame.flags() != flags {
        return Err(Malformed("a packet's flags are not those of its type"));
    }
    let mut reader = Reader::new(body);
    let packet = match frame.kind() {
        kind::CONNACK => connack(v5, &mut reader)?,
        kind::PUBACK => ack(v5, AckKind::Puback, &mut reader)?,
        kind::PUBREC => ack(v5, AckKind::Pubrec, &mut reader)?,
        kind::PUBCOMP => ack(v5, AckKind::Pubcomp, &mut reader)?,
        kind::PUBREL => match ack(v5, AckKind::Pubrec, &mut reader)? {
            Inbound::Ack(ack) => Inbound::Pubrel { id: ack.id },
            other => other,
        },
        kind::SUBACK => codes(v5, AckKind::Suback, &mut reader)?,
        kind::UNSUBACK => codes(v5, AckKind::Unsuback, &mut reader)?,
        kind::PINGRESP => Inbound::Pingresp,
        kind::DISCONNECT if v5 => disconnect(&mut reader)?,
        kind::DISCONNECT => return Err(Malformed("a DISCONNECT came from the broker, which only MQTT 5 knows")),
        15 => return Err(Malformed("an AUTH packet came; this client does not offer extended authentication")),
        _ => return Err(Malformed("a packet of a type that brokers do not send")),
    };
    if !reader.is_empty() {
        return Err(Malformed("a packet is longer than its contents"));
    }
    Ok(packet)
}

fn connack(v5: bool, reader: &mut Reader<'_>) -> Result<Inbound, Malformed> {
    let flags = reader.u8()?;
    if flags > 1 {
        return Err(Malformed("reserved flags are set in CONNACK"));
    }
    let code = reader.u8()?;
    if !v5 && code > 5 {
        return Err(Malformed("CONNACK holds an unknown return code"));
    }
    if code != 0 && flags != 0 {
        return Err(Malformed("a refusing CONNACK claims a session"));
    }
    let properties = if v5 { properties::decode(reader)? } else { Properties::new() };
    Ok(Inbound::Connack(Connack { session_present: flags == 1, code, properties }))
}

fn ack(v5: bool, kind: AckKind, reader: &mut Reader<'_>) -> Result<Inbound, Malformed> {
    let id = nonzero(reader.u16()?)?;
    let code = if v5 && !reader.is_empty() { reader.u8()? } else { 0 };
    let properties = if v5 && !reader.is_empty() { properties::decode(reader)? } else { Properties::new() };
    Ok(Inbound::Ack(Ack { kind, id, codes: vec![code], properties }))
}

fn codes(v5: bool, kind: AckKind, reader: &mut Reader<'_>) -> Result<Inbound, Malformed> {
    let id = nonzero(reader.u16()?)?;
    let properties = if v5 { properties::decode(reader)? } else { Properties::new() };
    let listed = kind == AckKind::Suback || v5;
    let codes = if listed { reader.remainder().to_vec() } else { Vec::new() };
    if listed && codes.is_empty() {
        return Err(Malformed("an answer to filters holds no code"));
    }
    if kind == AckKind::Suback && !v5 && codes.iter().any(|&code| code > 2 && code != 0x80) {
        return Err(Malformed("SUBACK holds an unknown return code"));
    }
    Ok(Inbound::Ack(Ack { kind, id, codes, properties }))
}

fn disconnect(reader: &mut Reader<'_>) -> Result<Inbound, Malformed> {
    let code = if reader.is_empty() { 0 } else { reader.u8()? };
    let properties = if reader.is_empty() { Properties::new() } else { properties::decode(reader)? };
    Ok(Inbound::Disconnect { code, properties })
}

fn nonzero(id: u16) -> Result<u16, Malformed> {
    if id == 0 { Err(Malformed("a packet id is 0")) } else { Ok(id) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame;

    fn read(version: Protocol, bytes: &[u8]) -> Result<Inbound, Malformed> {
        let frame = frame(bytes)?.ok_or(Malformed("short"))?;
        inbound(version, frame, &bytes[frame.header..])
    }

    fn head(version: Protocol, bytes: &[u8]) -> Result<Option<PublishHead>, Malformed> {
        publish_head(version, frame(bytes)?.ok_or(Malformed("short"))?, bytes)
    }

    #[test]
    fn answers_in_both_versions() {
        let ack = |kind, codes| Ok(Inbound::Ack(Ack { kind, id: 7, codes, properties: Properties::new() }));
        assert_eq!(read(Protocol::V311, &[0x40, 2, 0, 7]), ack(AckKind::Puback, vec![0]));
        assert_eq!(read(Protocol::V5, &[0x40, 3, 0, 7, 0x10]), ack(AckKind::Puback, vec![0x10]));
        assert_eq!(read(Protocol::V311, &[0x90, 4, 0, 7, 0, 0x80]), ack(AckKind::Suback, vec![0, 0x80]));
        assert_eq!(read(Protocol::V5, &[0xb0, 4, 0, 7, 0, 0x11]), ack(AckKind::Unsuback, vec![0x11]));
        assert_eq!(read(Protocol::V311, &[0xb0, 2, 0, 7]), ack(AckKind::Unsuback, vec![]));
        assert_eq!(read(Protocol::V311, &[0x62, 2, 0, 7]), Ok(Inbound::Pubrel { id: 7 }));
    }

    #[test]
    fn what_a_broker_may_not_send() {
        for bytes in [
            &[0x41, 2, 0, 7][..], // flags
            &[0x40, 2, 0, 0],     // id 0
            &[0x40, 3, 0, 7, 0],  // longer than v3.1.1 allows
            &[0x20, 2, 2, 0],     // reserved CONNACK flag
            &[0x20, 2, 0, 6],     // unknown return code
            &[0x90, 2, 0, 7],     // no code
            &[0x90, 3, 0, 7, 3],  // unknown code
            &[0xe0, 0],           // DISCONNECT in v3.1.1
            &[0x10, 0],           // CONNECT
            &[0xf0, 0],           // AUTH
            &[0x00, 0],           // type 0
        ] {
            assert!(read(Protocol::V311, bytes).is_err(), "{bytes:02x?}");
        }
    }

    #[test]
    fn the_head_of_a_message_is_read_as_it_comes() {
        let packet = [0x32, 9, 0, 1, b't', 0, 5, 0, b'a', b'b', b'c'];
        for short in 2..8 {
            assert_eq!(head(Protocol::V5, &packet[..short]), Ok(None), "{short} bytes");
        }
        let known = PublishHead { qos: Qos::AtLeastOnce, id: 5, len: 8 };
        assert_eq!(head(Protocol::V5, &packet[..8]), Ok(Some(known)));
    }

    #[test]
    fn bad_heads_are_refused_as_soon_as_they_show() {
        for bytes in [
            &[0x36, 3, 0, 1][..],          // QoS 3
            &[0x30, 3, 0, 9, b'a'],        // topic past the end
            &[0x30, 40, 0, 1, 0],          // NUL
            &[0x30, 40, 0, 1, 0xff],       // not UTF-8
            &[0x30, 40, 0, 1, b'#'],       // wildcard
            &[0x30, 2, 0, 0],              // no topic
            &[0x32, 40, 0, 1, b'a', 0, 0], // id 0
            &[0x38, 40, 0, 1, b'a'],       // DUP at QoS 0
        ] {
            assert!(head(Protocol::V311, bytes).is_err(), "{bytes:02x?}");
        }
    }
}
