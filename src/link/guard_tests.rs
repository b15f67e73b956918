//! What passes the guard, byte by byte and truncated.

use super::*;

/// Notes what was admitted.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    bytes: Vec<u8>,
    messages: Vec<u16>,
    packets: Vec<Inbound>,
}

impl Admit for Seen {
    fn message(&mut self, _: PublishHead) -> Result<bool, Malformed> {
        Ok(true)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn message_end(&mut self, head: PublishHead, _: bool) {
        self.messages.push(head.id);
    }

    fn packet(&mut self, packet: Inbound, _: Frame, _: &[u8]) -> Result<(), Malformed> {
        self.packets.push(packet);
        Ok(())
    }
}

fn feed(version: Protocol, pieces: &[&[u8]]) -> Result<Seen, Malformed> {
    let mut guard = Guard::new(version, 1 << 28);
    let mut seen = Seen::default();
    for piece in pieces {
        guard.feed(piece, &mut seen)?;
    }
    Ok(seen)
}

/// A packet of each type that brokers send, in MQTT 5.
const PACKETS: [&[u8]; 10] = [
    &[0x20, 6, 1, 0, 3, 0x21, 0, 9],
    &[0x32, 13, 0, 1, b't', 0, 5, 3, 0x23, 0, 1, b'a', b'b', b'c', b'd'],
    &[0x40, 4, 0, 7, 0x10, 0],
    &[0x50, 2, 0, 7],
    &[0x62, 3, 0, 7, 0x92],
    &[0x70, 2, 0, 7],
    &[0x90, 5, 0, 7, 0, 1, 0x87],
    &[0xb0, 5, 0, 7, 0, 0, 0x11],
    &[0xd0, 0],
    &[0xe0, 8, 0x8e, 6, 0x1f, 0, 3, b'f', b'i', b'n'],
];

#[test]
fn one_byte_at_a_time_is_the_same_as_at_once() {
    let all = PACKETS.concat();
    let single: Vec<&[u8]> = all.chunks(1).collect();
    let at_once = feed(Protocol::V5, &[&all]).expect("sound packets");
    assert_eq!(feed(Protocol::V5, &single).expect("sound packets"), at_once);
    assert_eq!((at_once.messages.as_slice(), at_once.packets.len()), (&[5][..], 9));
    assert_eq!(at_once.bytes, PACKETS[1]);
}

#[test]
fn a_packet_cut_short_never_passes() {
    for packet in PACKETS {
        for len in 1..packet.len() {
            // The length says what was announced: the packet waits for its rest.
            let seen = feed(Protocol::V5, &[&packet[..len]]).expect("not wrong yet");
            assert!(seen.packets.is_empty() && seen.messages.is_empty(), "{packet:02x?} cut at {len}");
        }
    }
}

#[test]
fn a_packet_whose_length_is_too_short_is_refused_or_harmless() {
    for packet in PACKETS {
        for len in 2..packet.len() {
            let mut short = packet[..len].to_vec();
            short[1] = (len - 2) as u8;
            // What is admitted must be a packet that a second, independent reading accepts.
            if let Ok(seen) = feed(Protocol::V5, &[&short]) {
                assert!(seen.packets.len() + seen.messages.len() == 1, "{short:02x?}");
            }
        }
    }
}

#[test]
fn sizes_have_limits() {
    let mut guard = Guard::new(Protocol::V311, 1000);
    assert!(guard.feed(&[0x30, 0xe9, 0x07], &mut Seen::default()).is_err(), "1001 bytes announced");
    let mut guard = Guard::new(Protocol::V311, (1 << 28) + 4);
    assert!(guard.feed(&[0x90, 0xff, 0xff, 0xff, 0x7f], &mut Seen::default()).is_err(), "a SUBACK of 256 MB");
    let mut guard = Guard::new(Protocol::V311, (1 << 28) + 4);
    let mut seen = Seen::default();
    guard.feed(&[0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, b't'], &mut seen).expect("allowed");
    (0..100).for_each(|_| guard.feed(&[0; 1000], &mut seen).expect("a payload may hold anything"));
    assert!(guard.held.len() == 0, "a payload is not held back");
}

#[test]
fn random_bytes_do_no_harm() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for round in 0..20_000 {
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let mut bytes: Vec<u8> = (0..next() % 60).map(|_| next() as u8).collect();
        if let (true, [first, length, ..]) = (round % 2 == 0, bytes.as_mut_slice()) {
            *first = (next() % 16) as u8 * 16 + [0, 2][(next() % 2) as usize];
            *length %= 40;
        }
        let version = if round % 3 == 0 { Protocol::V311 } else { Protocol::V5 };
        let at_once = feed(version, &[&bytes]).map(|seen| (seen.messages, seen.packets));
        let pieces: Vec<&[u8]> = bytes.chunks(3).collect();
        let split = feed(version, &pieces).map(|seen| (seen.messages, seen.packets));
        assert_eq!(at_once.is_ok(), split.is_ok(), "{bytes:02x?}");
    }
}
