//! What is said in the room: MQTT 3.1.1, as much as a client needs that publishes at QoS 0 and never subscribes.

use std::io;

/// The room accepts Paho's CONNECT.
pub(super) const CONNACK: [u8; 4] = [0x20, 2, 0, 0];
/// Answers Paho's ping; sent unasked, it wakes Paho's receiving thread.
pub(super) const PINGRESP: [u8; 2] = [0xD0, 0];
/// A PUBLISH without payload: Paho may be handed more messages.
pub(super) const CREDIT: [u8; 5] = [0x30, 3, 0, 1, b'c'];

/// Length of the payload of a PUBLISH: the ticket's number, big endian.
const TICKET: usize = 8;

/// The topic of a ticket that lets events out, with all that came before.
pub(super) const LAST: &str = "l";

/// The PUBLISH that sends ticket `number` to Paho, the `last` of a few or not. The topic says nothing of the user's: a
/// child process may inherit Paho's socket.
pub(super) fn ticket(number: u64, last: bool) -> [u8; 13] {
    let topic = if last { LAST.as_bytes()[0] } else { b't' };
    let mut packet = [0x30, 11, 0, 1, topic, 0, 0, 0, 0, 0, 0, 0, 0];
    packet[5..].copy_from_slice(&number.to_be_bytes());
    packet
}

/// A packet of Paho's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packet {
    Connect,
    /// A PUBLISH with the ticket of a message.
    Ticket(u64),
    Pingreq,
    Disconnect,
}

/// The first packet in `bytes` and its length; `None` while it is not complete.
///
/// # Errors
/// It is none that Paho sends here.
pub(super) fn first(bytes: &[u8]) -> io::Result<Option<(Packet, usize)>> {
    let Some((&kind, rest)) = bytes.split_first() else { return Ok(None) };
    let Some((remaining, digits)) = remaining_length(rest)? else { return Ok(None) };
    let Some(body) = rest[digits..].get(..remaining) else { return Ok(None) };
    let packet = match kind {
        0x10 => Packet::Connect,
        0x30 => Packet::Ticket(number(body).ok_or_else(|| unexpected(kind))?),
        0xC0 => Packet::Pingreq,
        0xE0 => Packet::Disconnect,
        _ => return Err(unexpected(kind)),
    };
    Ok(Some((packet, 1 + digits + remaining)))
}

/// MQTT's "Remaining Length" and how many bytes it takes.
fn remaining_length(bytes: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let mut value = 0;
    for (index, &byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7F) << (7 * index);
        if byte < 0x80 {
            return Ok(Some((value, index + 1)));
        }
    }
    if bytes.len() < 4 { Ok(None) } else { Err(io::Error::new(io::ErrorKind::InvalidData, "a length of five bytes")) }
}

/// The number behind the topic of a PUBLISH.
fn number(body: &[u8]) -> Option<u64> {
    let (length, rest) = body.split_first_chunk()?;
    let payload = rest.get(usize::from(u16::from_be_bytes(*length))..)?;
    let number: [u8; TICKET] = payload.try_into().ok()?;
    Some(u64::from_be_bytes(number))
}

fn unexpected(kind: u8) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("a packet that begins with {kind:#04x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A PUBLISH at QoS 0 as Paho writes it.
    fn publish(topic: &str, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x30];
        let mut remaining = 2 + topic.len() + payload.len();
        loop {
            let byte = (remaining % 128) as u8;
            remaining /= 128;
            packet.push(if remaining > 0 { byte | 0x80 } else { byte });
            if remaining == 0 {
                break;
            }
        }
        packet.extend((topic.len() as u16).to_be_bytes());
        packet.extend(topic.as_bytes());
        packet.extend(payload);
        packet
    }

    #[test]
    fn tickets_are_read_behind_topics_of_any_length() -> io::Result<()> {
        for length in [1, 117, 118, 16_373, 16_374, 65_535] {
            let packet = publish(&"x".repeat(length), &7_u64.to_be_bytes());
            assert_eq!(first(&packet)?, Some((Packet::Ticket(7), packet.len())));
            for cut in [0, 1, 2, packet.len() - 1] {
                assert_eq!(first(&packet[..cut])?, None, "{cut} of {}", packet.len());
            }
        }
        Ok(())
    }

    #[test]
    fn a_ticket_for_paho_is_a_publish() -> io::Result<()> {
        let packet = ticket(u64::MAX - 1, true);
        assert_eq!(first(&packet)?, Some((Packet::Ticket(u64::MAX - 1), packet.len())));
        Ok(())
    }

    #[test]
    fn what_follows_is_left_alone() -> io::Result<()> {
        assert_eq!(first(&[0xC0, 0, 0xE0, 0])?, Some((Packet::Pingreq, 2)));
        assert_eq!(first(&[0xE0, 0])?, Some((Packet::Disconnect, 2)));
        assert_eq!(first(&[0x10, 1, 9, 0xC0])?, Some((Packet::Connect, 3)));
        Ok(())
    }

    #[test]
    fn anything_else_is_refused() {
        // A payload that is no ticket, QoS 1, a topic longer than its packet, a length of five bytes, a packet of a server.
        let wrong: [&[u8]; 5] = [
            &publish("t", b"1234567"),
            &[0x32, 13, 0, 1, b't', 0, 1, 0, 0, 0, 0, 0, 0, 0, 1],
            &[0x30, 2, 0, 9],
            &[0x30, 0x80, 0x80, 0x80, 0x80, 1],
            &PINGRESP,
        ];
        for bytes in wrong {
            assert!(first(bytes).is_err(), "{bytes:?}");
        }
    }
}
