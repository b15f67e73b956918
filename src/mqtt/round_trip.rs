//! The encoder against the decoder, on packets and streams made up at random.

mod server;
mod strategies;

use proptest::prelude::*;

use super::properties::decode;
use super::*;
use crate::types::{PacketType, Properties, Protocol};
use strategies::{any_properties, connect_packet, filter, message, options, packets, server_properties, version};

/// What the decoder makes of `stream`, cut after each of `sizes` bytes in turn.
fn decoded(version: Protocol, stream: &[u8], sizes: &[usize]) -> (Vec<Packet>, Result<(), ProtocolError>) {
    let mut decoder = Decoder::new(version, 100_000);
    let mut packets = Vec::new();
    let mut rest = stream;
    for size in sizes.iter().cycle() {
        let (piece, behind) = rest.split_at((*size).min(rest.len()));
        let result = decoder.feed(piece, |packet| {
            packets.push(packet);
            Ok(())
        });
        if result.is_err() || behind.is_empty() {
            return (packets, result);
        }
        rest = behind;
    }
    (packets, Ok(()))
}

/// CONNACK, which comes first, and `packets`.
fn stream(version: Protocol, packets: &[Packet]) -> Vec<u8> {
    let mut stream = server::accepted(version);
    packets.iter().for_each(|packet| stream.extend(server::encode(version, packet)));
    stream
}

/// What comes behind CONNACK when `bytes` do.
fn behind_connack(version: Protocol, bytes: &[u8]) -> Vec<Packet> {
    let (mut packets, result) = decoded(version, &[&server::accepted(version), bytes].concat(), &[usize::MAX]);
    assert_eq!(result, Ok(()));
    packets.remove(0);
    packets
}

/// Sizes of the pieces in which a stream comes.
fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        prop::collection::vec(1..4_usize, 1..4),
        prop::collection::vec(1..50_usize, 1..20),
        prop::collection::vec(1..5000_usize, 1..20),
    ]
}

proptest! {
    #[test]
    fn a_property_list(properties in any_properties()) {
        let mut bytes = Vec::new();
        encode_properties(&mut bytes, &properties);
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(decode(&mut reader, &|_| true), Ok(properties));
        prop_assert!(reader.is_empty());
    }

    #[test]
    fn a_message((version, message) in version().prop_flat_map(|it| (Just(it), message(it)))) {
        let header = PublishHeader {
            topic: &message.topic,
            qos: message.qos,
            retain: message.retain,
            dup: message.dup,
            id: message.id,
            properties: &message.properties,
            payload_len: message.payload.len(),
        };
        let mut bytes = Vec::new();
        header.encode(version, &mut bytes);
        bytes.extend(&message.payload);
        prop_assert_eq!(bytes.len(), header.packet_len(version));
        prop_assert_eq!(behind_connack(version, &bytes), [Packet::Publish(message)]);
    }

    #[test]
    fn acks(id in 1..=u16::MAX, code in 1..=u8::MAX, version in version()) {
        let packets = |code| {
            let ack = Ack { id, code, properties: Properties::new() };
            [Packet::Puback(ack.clone()), Packet::Pubrec(ack.clone()), Packet::Pubrel(ack.clone()), Packet::Pubcomp(ack)]
        };
        let kinds = [kind::PUBACK, kind::PUBREC, kind::PUBREL, kind::PUBCOMP];
        let short = kinds.map(|kind| short_ack(kind, id)).concat();
        prop_assert_eq!(behind_connack(version, &short), packets(0));
        let mut long = Vec::new();
        kinds.iter().for_each(|&kind| acks::encode_ack(kind, id, code, &mut long));
        prop_assert_eq!(behind_connack(Protocol::V5, &long), packets(code));
    }

    #[test]
    fn a_disconnect(code: u8, properties in server_properties(PacketType::Disconnect)) {
        let bytes = encode_disconnect(Protocol::V5, code, &properties);
        prop_assert_eq!(behind_connack(Protocol::V5, &bytes), [Packet::Disconnect { code, properties }]);
    }

    #[test]
    fn a_connect(packet in connect_packet()) {
        let mut bytes = Vec::new();
        packet.encode(&mut bytes);
        prop_assert_eq!(server::read_connect(&bytes), packet);
    }

    #[test]
    fn a_subscribe(
        version in version(),
        id: u16,
        filters in prop::collection::vec((filter(), options()), 1..6),
        properties in any_properties(),
    ) {
        let mut bytes = Vec::new();
        encode_subscribe(version, id, &filters, &properties, &mut bytes);
        prop_assert_eq!(bytes.len(), subscribe_len(version, &filters, &properties));
        let filters = filters.iter().map(|(filter, options)| (filter.clone(), server::known(version, options))).collect();
        let properties = if version == Protocol::V5 { properties } else { Properties::new() };
        prop_assert_eq!(server::read_subscribe(version, &bytes), (id, filters, properties));
    }

    #[test]
    fn an_unsubscribe(
        version in version(),
        id: u16,
        filters in prop::collection::vec(filter(), 1..6),
        properties in any_properties(),
    ) {
        let mut bytes = Vec::new();
        encode_unsubscribe(version, id, &filters, &properties, &mut bytes);
        prop_assert_eq!(bytes.len(), unsubscribe_len(version, &filters, &properties));
        let properties = if version == Protocol::V5 { properties } else { Properties::new() };
        prop_assert_eq!(server::read_unsubscribe(version, &bytes), (id, filters, properties));
    }

    #[test]
    fn a_stream_in_any_pieces(
        (version, packets) in version().prop_flat_map(|it| (Just(it), packets(it))),
        sizes in sizes(),
    ) {
        let stream = stream(version, &packets);
        let (mut given, result) = decoded(version, &stream, &sizes);
        prop_assert_eq!(result, Ok(()));
        given.remove(0);
        prop_assert_eq!(given, packets);
    }

    #[test]
    fn a_damaged_stream_in_any_pieces(
        (version, packets) in version().prop_flat_map(|it| (Just(it), packets(it))),
        sizes in sizes(),
        at: prop::sample::Index,
        byte: u8,
    ) {
        let mut stream = stream(version, &packets);
        let at = at.index(stream.len());
        stream[at] = byte;
        prop_assert_eq!(decoded(version, &stream, &sizes), decoded(version, &stream, &[usize::MAX]));
    }

    #[test]
    fn random_bytes_in_any_pieces(
        version in version(),
        sizes in sizes(),
        first in prop::sample::select(vec![0x20, 0x30, 0x31, 0x32, 0x34, 0x40, 0x50, 0x62, 0x70, 0x90, 0xb0, 0xd0, 0xe0]),
        body in prop::collection::vec(any::<u8>(), 0..40),
        behind in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let packet = [&[first, body.len() as u8][..], &body, &behind].concat();
        let stream = [server::accepted(version), packet].concat();
        let (given, result) = decoded(version, &stream, &[usize::MAX]);
        prop_assert_eq!(decoded(version, &stream, &sizes), (given.clone(), result));
        // What was given is what the standard has a form for: written in that form, it is read again.
        for packet in given.into_iter().skip(1) {
            prop_assert_eq!(behind_connack(version, &server::encode(version, &packet)), [packet]);
        }
    }
}
