//! Packets that no broker should send: cut, too long, out of order, out of range, random.

use rappel as pmc;

use super::{Case, refused, survives};
use crate::support::client::{HOST, VERSIONS, named};
use crate::support::scripted::packet::frame;
use crate::support::scripted::{ScriptedBroker, property, script};
use crate::support::told::{Told, tell_all};
use crate::support::trials::{Chance, rounds};
use crate::support::wait::{DEADLINE, Probe};

/// A packet of each type, as clients of `protocol` could get it.
fn samples(protocol: pmc::Protocol) -> Vec<Vec<u8>> {
    let v5 = protocol == pmc::Protocol::V5;
    let none: &[u8] = if v5 { &[0] } else { &[] };
    let user = property::user("clé", "valeur");
    let some = if v5 { [&[user.len() as u8][..], &user].concat() } else { Vec::new() };
    let after = |head: &[u8], rest: &[&[u8]]| [head, &rest.concat()].concat();
    let mut samples = vec![
        frame(0x20, &after(&[0, 0], &[&some])),
        frame(0x30, &after(&[0, 1, b't'], &[none, b"charge"])),
        frame(0x32, &after(&[0, 1, b't', 0, 9], &[&some, b"charge"])),
        frame(0x34, &after(&[0, 1, b't', 0, 9], &[none, b"charge"])),
        frame(0x90, &after(&[0, 1], &[&some, &[0, 1]])),
        frame(0xb0, &after(&[0, 1], if v5 { &[&[0], &[0x11]] } else { &[] })),
        frame(0xd0, &[]),
    ];
    for first in [0x40, 0x50, 0x62, 0x70] {
        samples.push(frame(first, &[0, 9]));
        if v5 {
            samples.push(frame(first, &after(&[0, 9, 0x10], &[&some])));
        }
    }
    if v5 {
        samples.push(frame(0xe0, &after(&[0x8b], &[&some])));
        samples.push(frame(0xf0, &after(&[0x18], &[none])));
    }
    samples
}

#[test]
fn every_packet_truncated_at_every_byte() {
    for protocol in VERSIONS {
        let mut cases = Vec::new();
        for sample in samples(protocol) {
            for len in 1..sample.len() {
                // Cut by the end of the connection, and cut with a length that fits.
                cases.push(Case { accepted: true, bytes: sample[..len].to_vec(), refused: false });
                if len >= 2 {
                    let mut short = sample[..len].to_vec();
                    short[1] = (len - 2) as u8;
                    cases.push(Case { accepted: true, bytes: short, refused: false });
                }
            }
        }
        println!("{protocol:?}: {} connections", cases.len());
        survives(protocol, cases);
    }
}

#[test]
fn a_connack_truncated_at_every_byte() {
    for protocol in VERSIONS {
        let sample = &samples(protocol)[0];
        let mut cases = Vec::new();
        for len in 0..sample.len() {
            cases.push(Case { accepted: false, bytes: sample[..len].to_vec(), refused: false });
        }
        for len in 2..4 {
            let mut short = sample[..len].to_vec();
            short[1] = (len - 2) as u8;
            cases.push(Case { accepted: false, bytes: short, refused: true });
        }
        survives(protocol, cases);
    }
}

#[test]
fn random_bytes() {
    let mut chance = Chance::new(7);
    for protocol in VERSIONS {
        let cases = (0..rounds(200, 5_000))
            .map(|round| {
                let len = 1 + chance.below(60);
                let mut bytes = chance.bytes(len);
                if round % 2 == 0 && len > 2 {
                    bytes[0] = (chance.below(16) * 16) as u8 | [0, 2][chance.below(2)];
                    bytes[1] = chance.below(len) as u8;
                }
                Case { accepted: true, bytes, refused: false }
            })
            .collect();
        survives(protocol, cases);
    }
}

#[test]
fn what_mqtt_forbids_is_refused() {
    for protocol in VERSIONS {
        let v5 = protocol == pmc::Protocol::V5;
        let none: &[u8] = if v5 { &[0] } else { &[] };
        let publish = |first: u8, topic: &[u8], rest: &[u8]| {
            frame(first, &[&(topic.len() as u16).to_be_bytes()[..], topic, rest, none, b"charge"].concat())
        };
        let mut cases = vec![
            refused(&publish(0x30, b"a\0b", &[])),
            refused(&publish(0x30, b"a\xff", &[])),
            refused(&publish(0x30, b"a\xed\xa0\x80", &[])), // a surrogate
            refused(&publish(0x30, b"", &[])),
            refused(&publish(0x30, b"a/#", &[])),
            refused(&publish(0x36, b"t", &[0, 9])),      // QoS 3
            refused(&publish(0x38, b"t", &[])),          // DUP at QoS 0
            refused(&publish(0x32, b"t", &[0, 0])),      // id 0
            refused(&frame(0x30, &[0, 200, b't'])),      // a length beyond the end
            refused(&[0x30, 0xff, 0xff, 0xff, 0xff, 1]), // a fifth byte of length
            refused(&[0x90, 0xff, 0xff, 0xff, 0x7f]),    // 256 MB announced for a SUBACK
            refused(&[0xe0, 0xff, 0xff, 0xff, 0x7f]),    // and for a DISCONNECT
            refused(&frame(0x41, &[0, 9])),              // flags
            refused(&frame(0x60, &[0, 9])),
            refused(&frame(0x40, &[0, 0])),
            refused(&frame(0x40, &[9])),
            refused(&frame(0xd0, &[0])),
            refused(&frame(0x20, &[&[0, 0][..], none].concat())), // CONNACK again
            refused(&frame(0x10, &[])),
            refused(&frame(0x82, &[0, 1, 0, 1, b'a', 0])),
            refused(&frame(0xc0, &[])),
            refused(&frame(0x00, &[])),
            refused(&frame(0xf0, none)),
        ];
        if v5 {
            let with =
                |properties: &[u8]| frame(0x30, &[&[0, 1, b't', properties.len() as u8][..], properties].concat());
            cases.extend([
                refused(&with(&property::binary(0x03, b"a\0b"))),
                refused(&with(&property::binary(0x08, b"\xff"))),
                refused(&with(&property::binary(0x26, b"a\0b"))),
                refused(&with(&[0x7f, 0])),
                refused(&with(&[0x83, 0x00, 0, 1, b'a'])), // an identifier in two bytes where one would do
                refused(&with(&[0x01, 2])),
                refused(&with(&[0x0b, 0])),
                refused(&with(&[0x0b, 0xff, 0xff, 0xff, 0xff, 0x01])),
                refused(&with(&[0x26, 0, 1, b'a', 0, 9, b'b'])),
                refused(&frame(0x30, &[0, 1, b't', 0x85, 0x00, 0x03, 0, 2, b'a', b'b'])), // a length in too many bytes
                refused(&frame(0xe0, &[&[0x8e, 5][..], &property::binary(0x1f, b"a\0")].concat())),
            ]);
        } else {
            cases.push(refused(&frame(0xe0, &[]))); // DISCONNECT
            cases.push(refused(&frame(0x40, &[0, 9, 0])));
        }
        survives(protocol, cases);
    }
}

#[test]
fn what_comes_before_connack_is_refused() {
    for protocol in VERSIONS {
        let mut cases = Vec::new();
        for sample in samples(protocol).into_iter().skip(1) {
            cases.push(Case { accepted: false, bytes: sample.clone(), refused: true });
            // Also when the acceptance comes in the same breath.
            let late = [sample, samples(protocol)[0].clone()].concat();
            cases.push(Case { accepted: false, bytes: late, refused: true });
        }
        cases.push(Case { accepted: false, bytes: b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), refused: true });
        cases.push(Case { accepted: false, bytes: vec![0x15, 3, 3, 0, 2, 2, 40], refused: true }); // a TLS alert
        cases.push(Case { accepted: false, bytes: frame(0x20, &[2, 0]), refused: true });
        survives(protocol, cases);
    }
}

#[test]
fn answers_that_nobody_asked_for_are_passed_over() {
    for protocol in VERSIONS {
        let (tell, heard) = Probe::pair();
        let broker = ScriptedBroker::run(move |peer| {
            peer.accept();
            peer.puback(9);
            peer.pubcomp(9);
            peer.suback(9, &[0]);
            peer.unsuback(9, if protocol == pmc::Protocol::V5 { &[0] } else { &[] });
            peer.pingresp();
            // An exchange of which the client knows nothing is led to its end.
            peer.pubrec(9);
            assert_eq!(peer.expect_pubrel().id, 9);
            peer.pubrel(9);
            assert_eq!(peer.expect_pubcomp().id, 9);
            let _ = tell.send(());
            let message = peer.expect_publish();
            peer.puback(message.id);
            peer.puback(message.id);
            peer.expect_disconnect();
        });
        let client = named("victim", protocol);
        client.connect(HOST, broker.port()).expect("accepted");
        client.loop_start().expect("a loop");
        heard.next("the end of the exchange");
        client.publish("t", "", 1).expect("accepted").wait_for_publish(DEADLINE).expect("confirmed");
        client.disconnect().expect("an orderly end");
        broker.finish();
    }
}

/// The answer to one request, which breaks the protocol: the connection ends, the request is made again.
fn wrong_answer(protocol: pmc::Protocol, qos: i32, answer: fn(&mut crate::support::scripted::Peer, u16)) {
    println!("{protocol:?}, QoS {qos}");
    let broker = ScriptedBroker::sequence(vec![
        script(move |peer| {
            peer.accept();
            let id = if qos > 0 { peer.expect_publish().id } else { peer.expect_subscribe().id };
            answer(peer, id);
            peer.read_to_eof();
        }),
        script(move |peer| {
            peer.accept();
            if qos == 0 {
                let again = peer.expect_subscribe();
                assert_eq!(again.filters.len(), 2);
                return peer.suback(again.id, &[0, 1]);
            }
            let again = peer.expect_publish();
            if qos == 1 {
                return peer.puback(again.id);
            }
            peer.pubrec(again.id);
            assert_eq!(peer.expect_pubrel().id, again.id);
            peer.pubcomp(again.id);
        }),
    ]);
    let client = named("victim", protocol);
    let told = tell_all(&client);
    client.connect(HOST, broker.port()).expect("accepted");
    client.loop_start().expect("a loop");
    if qos > 0 {
        let info = client.publish("t", "", qos).expect("accepted");
        info.wait_for_publish(DEADLINE).expect("confirmed in the end");
    } else {
        client.subscribe_many([("a", 0), ("b", 1)]).expect("asked for");
    }
    let mut losses = Vec::new();
    loop {
        match told.next("the right answer in the end") {
            Told::Disconnect { code, .. } => losses.push(code),
            Told::Publish { .. } => break,
            Told::Subscribe { codes, .. } => {
                assert_eq!(codes, [0, 1]);
                break;
            }
            _ => {}
        }
    }
    assert_eq!(losses, [130]);
    broker.finish();
}

#[test]
fn answers_out_of_order_are_refused() {
    for protocol in VERSIONS {
        wrong_answer(protocol, 0, |peer, id| peer.suback(id, &[0]));
        wrong_answer(protocol, 0, |peer, id| peer.suback(id, &[0, 1, 2]));
        wrong_answer(protocol, 0, |peer, id| peer.unsuback(id, if peer.is_v5() { &[0, 0] } else { &[] }));
        wrong_answer(protocol, 1, |peer, id| peer.pubrec(id));
        wrong_answer(protocol, 1, |peer, id| peer.pubcomp(id));
        wrong_answer(protocol, 2, |peer, id| peer.pubcomp(id));
    }
}

#[test]
fn a_connack_one_byte_at_a_time() {
    for protocol in VERSIONS {
        let sample = samples(protocol)[0].clone();
        let broker = ScriptedBroker::run(move |peer| {
            peer.expect_connect();
            sample.iter().for_each(|byte| peer.send_raw(&[*byte]));
            let message = peer.expect_publish();
            for byte in [0x40, 2, 0, message.id as u8] {
                peer.send_raw(&[byte]);
            }
            peer.expect_disconnect();
        });
        let client = named("victim", protocol);
        client.connect(HOST, broker.port()).expect("accepted");
        client.loop_start().expect("a loop");
        client.publish("t", "", 1).expect("accepted").wait_for_publish(DEADLINE).expect("confirmed");
        client.disconnect().expect("an orderly end");
        broker.finish();
    }
}
