//! What the decoder gives, byte by byte and truncated, and what it holds.

use std::mem::discriminant;

use super::*;
use crate::mqtt::MAX_PACKET;
use crate::types::{Qos, ReasonCode};

const VERSIONS: [Protocol; 2] = [Protocol::V311, Protocol::V5];

/// Acceptance without properties.
fn accepted(version: Protocol) -> &'static [u8] {
    match version {
        Protocol::V5 => &[0x20, 3, 0, 0, 0],
        Protocol::V31 | Protocol::V311 => &[0x20, 2, 0, 0],
    }
}

/// A decoder that is past CONNACK.
fn connected(version: Protocol, max_packet: usize) -> Decoder {
    let mut decoder = Decoder::new(version, max_packet);
    feed(&mut decoder, accepted(version)).1.expect("accepted");
    decoder
}

fn feed(decoder: &mut Decoder, bytes: &[u8]) -> (Vec<Packet>, Result<(), ProtocolError>) {
    let mut packets = Vec::new();
    let result = decoder.feed(bytes, |packet| {
        packets.push(packet);
        Ok(())
    });
    (packets, result)
}

/// What comes out behind CONNACK when `pieces` go in.
fn fed<'a>(version: Protocol, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Packet>, Result<(), ProtocolError>) {
    let mut decoder = connected(version, MAX_PACKET);
    let mut packets = Vec::new();
    for piece in pieces {
        let (more, result) = feed(&mut decoder, piece);
        packets.extend(more);
        if result.is_err() {
            return (packets, result);
        }
    }
    (packets, Ok(()))
}

fn code(version: Protocol, bytes: &[u8]) -> Result<usize, u8> {
    let (packets, result) = fed(version, [bytes]);
    result.map(|()| packets.len()).map_err(|error| error.code)
}

fn ack(code: u8, properties: Properties) -> Ack {
    Ack { id: 7, code, properties }
}

fn filters(codes: &[u8]) -> FilterAck {
    FilterAck { id: 7, codes: codes.to_vec(), properties: Properties::new() }
}

/// A packet of each type that brokers send in MQTT 5, byte by byte, and what it says.
fn samples() -> Vec<(&'static [u8], Packet)> {
    let none = Properties::new;
    let success = ReasonCode::new(PacketType::Connack, 0);
    let connack = Connack { session_present: true, code: success, properties: none().with_receive_maximum(9) };
    let publish = Publish {
        topic: "t".into(),
        payload: b"abcd".to_vec(),
        qos: Qos::AtLeastOnce,
        retain: true,
        dup: false,
        id: 5,
        properties: none().with_topic_alias(1),
    };
    vec![
        (&[0x20, 6, 1, 0, 3, 0x21, 0, 9], Packet::Connack(connack)),
        (&[0x33, 13, 0, 1, b't', 0, 5, 3, 0x23, 0, 1, b'a', b'b', b'c', b'd'], Packet::Publish(publish)),
        (&[0x40, 4, 0, 7, 0x10, 0], Packet::Puback(ack(0x10, none()))),
        (&[0x50, 2, 0, 7], Packet::Pubrec(ack(0, none()))),
        (&[0x62, 3, 0, 7, 0x92], Packet::Pubrel(ack(0x92, none()))),
        (&[0x70, 8, 0, 7, 0, 4, 0x1f, 0, 1, b'w'], Packet::Pubcomp(ack(0, none().with_reason_string("w")))),
        (&[0x90, 5, 0, 7, 0, 1, 0x87], Packet::Suback(filters(&[1, 0x87]))),
        (&[0xb0, 5, 0, 7, 0, 0, 0x11], Packet::Unsuback(filters(&[0, 0x11]))),
        (&[0xd0, 0], Packet::Pingresp),
        (
            &[0xe0, 6, 0x8e, 4, 0x1f, 0, 1, b'w'],
            Packet::Disconnect { code: 0x8e, properties: none().with_reason_string("w") },
        ),
    ]
}

#[test]
fn each_packet_is_what_it_says() {
    for (bytes, packet) in samples() {
        assert_eq!(fed(Protocol::V5, [bytes]), (vec![packet], Ok(())), "{bytes:02x?}");
    }
    let none = Properties::new;
    let plain: [(&[u8], Packet); 5] = [
        (&[0x40, 2, 0, 7], Packet::Puback(ack(0, none()))),
        (&[0x62, 2, 0, 7], Packet::Pubrel(ack(0, none()))),
        (&[0x90, 4, 0, 7, 0, 0x80], Packet::Suback(filters(&[0, 0x80]))),
        (&[0xb0, 2, 0, 7], Packet::Unsuback(filters(&[]))),
        (&[0xd0, 0], Packet::Pingresp),
    ];
    for (bytes, packet) in plain {
        assert_eq!(fed(Protocol::V311, [bytes]), (vec![packet], Ok(())), "{bytes:02x?}");
    }
}

#[test]
fn one_byte_at_a_time_is_the_same_as_at_once() {
    let samples = samples();
    let all: Vec<u8> = samples.iter().flat_map(|(bytes, _)| *bytes).copied().collect();
    let packets: Vec<Packet> = samples.into_iter().map(|(_, packet)| packet).collect();
    assert_eq!(fed(Protocol::V5, [all.as_slice()]), (packets.clone(), Ok(())));
    for size in 1..all.len() {
        assert_eq!(fed(Protocol::V5, all.chunks(size)), (packets.clone(), Ok(())), "{size} bytes at a time");
    }
}

#[test]
fn a_packet_cut_short_is_not_given() {
    for (bytes, _) in samples() {
        for len in 0..bytes.len() {
            // The length says what was announced: the packet waits for its rest.
            assert_eq!(fed(Protocol::V5, [&bytes[..len]]), (Vec::new(), Ok(())), "{bytes:02x?} cut at {len}");
        }
    }
}

#[test]
fn a_packet_whose_length_is_too_short_is_refused_or_a_shorter_one_of_its_type() {
    for (bytes, packet) in samples() {
        for len in 2..bytes.len() {
            let mut short = bytes[..len].to_vec();
            short[1] = (len - 2) as u8;
            let (packets, result) = fed(Protocol::V5, [short.as_slice()]);
            match result {
                Ok(()) => assert!(
                    packets.len() == 1 && discriminant(&packets[0]) == discriminant(&packet),
                    "{short:02x?}: {packets:?}"
                ),
                Err(error) => assert!(packets.is_empty() && error.code != 0x95, "{short:02x?}: {error:?}"),
            }
        }
    }
}

#[test]
fn the_first_packet_is_connack() {
    let starts: [&[u8]; 6] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2",
        &[0x15, 3, 3, 0, 2, 2, 40], // a TLS alert
        &[0x30, 3, 0, 1, b't'],
        &[0xd0],
        &[0x21],
    ];
    for start in starts {
        for version in VERSIONS {
            // The first byte is enough: what it seems to announce may never come.
            for bytes in [&start[..1], start] {
                let (packets, result) = feed(&mut Decoder::new(version, MAX_PACKET), bytes);
                let expected = ProtocolError { code: 0x82, problem: "its first packet is not a CONNACK" };
                assert_eq!((packets, result), (Vec::new(), Err(expected)), "{bytes:02x?}");
            }
        }
    }
    let mut decoder = Decoder::new(Protocol::V311, MAX_PACKET);
    assert_eq!(feed(&mut decoder, &[]), (Vec::new(), Ok(())), "nothing is no packet");
    assert_eq!(feed(&mut decoder, accepted(Protocol::V311)).0.len(), 1);
}

#[test]
fn packets_that_no_broker_may_send() {
    let both: [(&[u8], u8); 13] = [
        (&[0x36, 7, 0, 1, b't', 0, 9, 0, 0], 0x81), // QoS 3
        (&[0x38, 5, 0, 1, b't', 0, 0], 0x82),       // DUP at QoS 0
        (&[0x41, 2, 0, 9], 0x81),                   // flags
        (&[0x60, 2, 0, 9], 0x81),
        (&[0x40, 2, 0, 0], 0x82), // id 0
        (&[0x40, 1, 9], 0x81),
        (&[0xd0, 1, 0], 0x81), // longer than its contents
        (&[0x10, 0], 0x82),    // a client's packet
        (&[0x82, 6, 0, 1, 0, 1, b'a', 0], 0x82),
        (&[0xc0, 0], 0x82),
        (&[0x00, 0], 0x82),
        (&[0xf0, 0], 0x82),                         // AUTH
        (&[0x30, 0x85, 0, 0, 1, b't', 0, 0], 0x81), // a length in too many bytes
    ];
    for version in VERSIONS {
        for (bytes, expected) in both {
            assert_eq!(code(version, bytes), Err(expected), "{version}, {bytes:02x?}");
            assert_eq!(fed(version, bytes.chunks(1)).1.map_err(|error| error.code), Err(expected), "{bytes:02x?}");
        }
    }
    assert_eq!(code(Protocol::V311, &[0xe0, 0]), Err(0x82), "DISCONNECT");
    assert_eq!(code(Protocol::V311, &[0x40, 3, 0, 9, 0]), Err(0x81), "a reason code");
    assert_eq!(code(Protocol::V311, &[0xb0, 3, 0, 9, 0]), Err(0x81), "a code for each filter");
    assert_eq!(code(Protocol::V5, &[0x90, 9, 0, 7, 5, 0x21, 0, 9, 0x26, 0, 0]), Err(0x81), "a property of CONNACK");
}

#[test]
fn packets_before_an_error_are_given() {
    let (packets, result) = fed(Protocol::V311, [&[0xd0, 0, 0x40, 2, 0, 7, 0xd0, 1, 0, 0xd0, 0][..]]);
    assert_eq!(packets, [Packet::Pingresp, Packet::Puback(ack(0, Properties::new()))]);
    assert_eq!(result.map_err(|error| error.code), Err(0x81));
}

#[test]
fn an_error_of_the_taker_ends_it() {
    #[derive(Debug, PartialEq)]
    enum Stop {
        Taker,
        Decoder(u8),
    }
    impl From<ProtocolError> for Stop {
        fn from(error: ProtocolError) -> Self {
            Stop::Decoder(error.code)
        }
    }
    let mut taken = 0;
    let result = connected(Protocol::V311, MAX_PACKET).feed(&[0xd0, 0, 0xd0, 0, 0xd0, 0], |_| {
        taken += 1;
        if taken == 2 { Err(Stop::Taker) } else { Ok(()) }
    });
    assert_eq!((taken, result), (2, Err(Stop::Taker)));
    let result = connected(Protocol::V311, MAX_PACKET).feed(&[0xd0, 1], |_| Err(Stop::Taker));
    assert_eq!(result, Ok(()), "nothing is whole");
    let result = connected(Protocol::V311, MAX_PACKET).feed(&[0xf0, 0], |_| Err(Stop::Taker));
    assert_eq!(result, Err(Stop::Decoder(0x82)));
}

#[test]
fn sizes_have_limits() {
    let announced =
        |max_packet, bytes: &[u8]| feed(&mut connected(Protocol::V5, max_packet), bytes).1.map_err(|error| error.code);
    assert_eq!(announced(1000, &[0x30, 0xe5, 0x07]), Ok(()), "1,000 bytes announced");
    assert_eq!(announced(1000, &[0x30, 0xe6, 0x07]), Err(0x95), "1,001 bytes announced");
    assert_eq!(announced(MAX_PACKET, &[0x90, 0x80, 0x80, 0x40]), Ok(()), "a SUBACK of a megabyte");
    assert_eq!(announced(MAX_PACKET, &[0x90, 0x81, 0x80, 0x40]), Err(0x95), "and one byte more");
    assert_eq!(announced(MAX_PACKET, &[0xe0, 0xff, 0xff, 0xff, 0x7f]), Err(0x95), "a DISCONNECT of 256 MB");
    let properties = [0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, b't', 0x80, 0x80, 0x40];
    assert_eq!(announced(MAX_PACKET, &properties), Err(0x95), "properties of a megabyte");
    assert_eq!(announced(MAX_PACKET, &[0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, b't']), Ok(()), "a message of 256 MB");
}

#[test]
fn a_payload_is_held_once_and_as_it_comes() {
    let mut decoder = connected(Protocol::V311, MAX_PACKET);
    feed(&mut decoder, &[0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, b't']).1.expect("a message of 256 MB");
    for come in 1..=1000 {
        feed(&mut decoder, &[0xd0; 1000]).1.expect("a payload may hold anything");
        let payload = &decoder.incoming.as_ref().expect("far from whole").publish.payload;
        assert_eq!(payload.len(), come * 1000);
        assert!(payload.capacity() <= 2 * payload.len().max(PAYLOAD_STEP), "{}", payload.capacity());
        assert_eq!(decoder.partial.len(), 0);
    }
}

#[test]
fn a_large_payload_ends_where_its_packet_ends() {
    // 100,000 bytes behind the topic, in pieces that do not fit; then a PINGRESP in the same read.
    let mut stream = vec![0x30, 0xa3, 0x8d, 0x06, 0, 1, b't'];
    stream.extend((0..100_000_u32).map(|byte| byte as u8));
    stream.extend([0xd0, 0]);
    for size in [1, 7, 4096, 65_536, 100_000, stream.len()] {
        let (packets, result) = fed(Protocol::V311, stream.chunks(size));
        assert_eq!(result, Ok(()));
        let [Packet::Publish(publish), Packet::Pingresp] = packets.as_slice() else {
            panic!("{size} bytes at a time: {} packets", packets.len());
        };
        assert!(publish.payload == stream[7..100_007], "{size} bytes at a time");
        assert_eq!(publish.payload.capacity(), 100_000, "{size} bytes at a time");
    }
}

#[test]
fn a_large_packet_leaves_no_large_buffer() {
    let mut decoder = connected(Protocol::V311, MAX_PACKET);
    let suback = [&[0x90, 0xa2, 0x8d, 0x06, 0, 7][..], &[0; 100_000]].concat();
    let packets: Vec<Packet> = suback.chunks(1000).flat_map(|piece| feed(&mut decoder, piece).0).collect();
    assert_eq!(packets, [Packet::Suback(filters(&[0; 100_000]))]);
    assert!(decoder.partial.is_empty() && decoder.partial.capacity() <= MAX_KEPT, "{}", decoder.partial.capacity());
}
