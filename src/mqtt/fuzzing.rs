//! What the fuzz target calls, and a test with made-up bytes: decoder and session must neither panic nor decide by where
//! a broker's bytes are cut.

use std::time::Instant;

use crate::mqtt::testing::message;
use crate::mqtt::{ConnectPacket, Decoder, Filters, Loss, Packet, ProtocolError, Request, SendBuffer, Session};
use crate::types::{Properties, Protocol, Qos};

/// What came of a connection.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// Packets taken in before the end.
    packets: usize,
    /// All that the session sent.
    sent: Vec<u8>,
    error: Option<ProtocolError>,
}

/// A connection on which the broker sends `data`, in pieces of this size, while messages and a request are in flight.
fn connection(version: Protocol, data: &[u8], piece: usize) -> Outcome {
    let now = Instant::now();
    let (mut session, mut out, mut packets) = (Session::new(version, None, now), SendBuffer::default(), 0);
    let packet = ConnectPacket {
        version,
        bridge: false,
        client_id: "c".into(),
        clean: false,
        keepalive: 60,
        will: None,
        credentials: None,
        properties: Properties::new().with_topic_alias_maximum(3).with_receive_maximum(5),
    };
    session.connect(&packet, now, &mut out);
    let mut decoder = Decoder::new(version, 1 << 20);
    let mut take = |packet: Packet| -> Result<(), ProtocolError> {
        packets += 1;
        match packet {
            Packet::Connack(connack) if packets == 1 => {
                session.check_connack(&connack)?;
                session.connected("broker".into(), &connack);
                for (sequence, qos) in [(1, Qos::AtLeastOnce), (2, Qos::ExactlyOnce), (3, Qos::ExactlyOnce)] {
                    let _ = session.publish(message(sequence, qos), now, &mut out);
                }
                let filters = Filters::Subscribe(vec![("a".into(), 1.into())]);
                let _ = session.request(Request { sequence: 4, filters, properties: Properties::new() }, &mut out);
            }
            packet => drop(session.receive(packet, now, &mut out)?),
        }
        // Every second message is handled at once.
        session.acknowledge(packets as u64 / 2, &mut out);
        Ok(())
    };
    let error = data.chunks(piece.max(1)).find_map(|bytes| decoder.feed(bytes, &mut take).err());
    session.disconnected(Loss::HungUp, out.end(), now);
    let mut sent = Vec::new();
    let written = out.write_to(&mut sent);
    assert!(written.is_ok(), "a Vec takes all");
    Outcome { packets, sent, error }
}

/// Has a broker accept and then send `data`, at once and in pieces, in both versions, and compares.
pub fn session(data: &[u8]) {
    let Some((&piece, data)) = data.split_first() else {
        return;
    };
    for (version, connack) in [(Protocol::V311, &[0x20, 2, 0, 0][..]), (Protocol::V5, &[0x20, 3, 0, 0, 0])] {
        let data = [connack, data].concat();
        let at_once = connection(version, &data, data.len());
        assert_eq!(at_once, connection(version, &data, usize::from(piece % 16)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Packets with the right lengths and whatever contents.
    fn packets() -> impl Strategy<Value = Vec<u8>> {
        let packet = (any::<u8>(), prop::collection::vec(0..9_u8, 0..12)).prop_map(|(first, body)| {
            let mut packet = vec![first, body.len() as u8];
            packet.extend(body);
            packet
        });
        (any::<u8>(), prop::collection::vec(packet, 0..20))
            .prop_map(|(piece, packets)| std::iter::once(piece).chain(packets.into_iter().flatten()).collect())
    }

    proptest! {
        #[test]
        fn made_up_packets_do_the_session_no_harm(data in packets()) {
            session(&data);
        }

        #[test]
        fn made_up_bytes_do_the_session_no_harm(data in prop::collection::vec(any::<u8>(), 0..200)) {
            session(&data);
        }
    }
}
