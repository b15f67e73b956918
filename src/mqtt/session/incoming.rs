//! The exchanges that the broker began: messages of QoS 1 and 2 that we owe an answer.

use std::collections::{HashMap, VecDeque};

use crate::mqtt::{Publish, SendBuffer, kind, short_ack};
use crate::types::Qos;

/// A message that was delivered and whose callbacks have not returned.
#[derive(Debug)]
struct Delivered {
    number: u64,
    id: u16,
    qos: Qos,
    /// What distinguishes it from another message under the same id, where contents are looked at.
    content: u64,
    /// It came, or came again, on the connection that stands: only there it can be answered.
    is_due: bool,
}

/// Messages of the broker's between their delivery and the end of their exchange.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    /// Messages of QoS 1 and 2 ever delivered: numbers for the loop to say how far it has come.
    count: u64,
    delivered: VecDeque<Delivered>,
    /// Where the message is looked for that comes again next: brokers repeat them in order.
    next_again: usize,
    /// QoS 2: ids of messages that were delivered and that the broker has not released (MQTT 5, section 4.3.3,
    /// method B), each with its content.
    unreleased: HashMap<u16, u64>,
    /// The session has outlived a connection, or is to: only then an id may stand for two messages.
    looks_at_contents: bool,
    /// Exchanges that the broker has open on this connection, as far as its receive quota goes.
    open: usize,
}

/// What becomes of a PUBLISH.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It is new and goes to the callbacks under this number; 0 at QoS 0.
    New(u64),
    /// It was delivered before.
    Known,
}

impl Incoming {
    /// A PUBLISH has come. A known one is answered here, or when its callbacks have returned.
    ///
    /// What a message says counts, not its id alone: NATS, which keeps a session over its nodes, has each of them number the
    /// messages anew, at QoS 1 with DUP and at QoS 2 without.
    pub(crate) fn arrive(&mut self, publish: &Publish, out: &mut SendBuffer) -> Arrival {
        let Publish { id, qos, dup, .. } = *publish;
        if qos == Qos::AtMostOnce {
            return Arrival::New(0);
        }
        let content = if self.looks_at_contents { content(publish) } else { 0 };
        let unreleased = if qos == Qos::ExactlyOnce { self.unreleased.get(&id) } else { None };
        let known = unreleased == Some(&content);
        let has_place = unreleased.is_some();
        // Without DUP, QoS 1 means another message, under an id that the broker considers free.
        if known || (dup && qos == Qos::AtLeastOnce) {
            match self.find(id, qos, content) {
                Some(place) => {
                    self.next_again = place + 1;
                    let held = &mut self.delivered[place];
                    self.open += usize::from(!std::mem::replace(&mut held.is_due, true));
                    return Arrival::Known;
                }
                None if known => {
                    out.push(&short_ack(kind::PUBREC, id));
                    return Arrival::Known;
                }
                None => {}
            }
        }
        if qos == Qos::ExactlyOnce {
            self.unreleased.insert(id, content);
        }
        self.count += 1;
        self.open += usize::from(!has_place);
        self.delivered.push_back(Delivered { number: self.count, id, qos, content, is_due: true });
        Arrival::New(self.count)
    }

    /// The place of a message whose callbacks have not returned.
    fn find(&self, id: u16, qos: Qos, content: u64) -> Option<usize> {
        let is_it = |held: &Delivered| held.id == id && held.qos == qos && held.content == content;
        if self.delivered.get(self.next_again).is_some_and(is_it) {
            return Some(self.next_again);
        }
        self.delivered.iter().position(is_it)
    }

    /// Messages of QoS 1 and 2 ever delivered.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Messages that were delivered and are not answered.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.delivered.len()
    }

    /// The broker's messages without the end of their exchange, on this connection.
    pub(crate) fn open(&self) -> usize {
        self.open
    }

    /// The callbacks of all messages up to `handled` have returned: answers them, in the order of the wire.
    pub(crate) fn acknowledge(&mut self, handled: u64, out: &mut SendBuffer) {
        while self.has_handled(handled) {
            let Some(message) = self.delivered.pop_front() else {
                return;
            };
            self.next_again = self.next_again.saturating_sub(1);
            if !message.is_due {
                continue;
            }
            if message.qos == Qos::ExactlyOnce {
                out.push(&short_ack(kind::PUBREC, message.id));
            } else {
                self.open = self.open.saturating_sub(1);
                out.push(&short_ack(kind::PUBACK, message.id));
            }
        }
    }

    /// Whether messages up to `handled` are yet to be answered.
    fn has_handled(&self, handled: u64) -> bool {
        self.delivered.front().is_some_and(|message| message.number <= handled)
    }

    /// PUBREL has come.
    pub(crate) fn release(&mut self, id: u16, out: &mut SendBuffer) {
        if self.unreleased.remove(&id).is_some() {
            self.open = self.open.saturating_sub(1);
        }
        out.push(&short_ack(kind::PUBCOMP, id));
    }

    /// The connection is gone: what is being handled can be answered only when it comes again.
    pub(crate) fn disconnected(&mut self) {
        (self.open, self.next_again) = (0, 0);
        self.delivered.iter_mut().for_each(|message| message.is_due = false);
    }

    /// Messages of QoS 1 with these numbers, in order, are new when they come again.
    pub(crate) fn deliver_again(&mut self, numbers: &[u64]) {
        self.delivered.retain(|message| numbers.binary_search(&message.number).is_err());
    }

    /// A connection begins. Whether the broker goes on with the session of the one before, and whether its own is to outlive
    /// it.
    pub(crate) fn connected(&mut self, is_continued: bool, outlives: bool) {
        if !is_continued {
            self.delivered.clear();
            self.unreleased.clear();
        }
        self.looks_at_contents = is_continued || outlives;
    }
}

/// A number for what a message says: the same when it comes again. Large messages too are given one: four words are taken at a
/// time, as the processor multiplies them side by side.
fn content(publish: &Publish) -> u64 {
    let Publish { topic, payload, .. } = publish;
    let mut lanes = [1, 2, 3, topic.len() as u64];
    for bytes in [topic.as_bytes(), payload] {
        let (blocks, rest) = bytes.as_chunks::<32>();
        let mut last = [0; 32];
        last[..rest.len()].copy_from_slice(rest);
        for block in blocks.iter().chain([&last]) {
            for (lane, word) in lanes.iter_mut().zip(block.as_chunks().0) {
                *lane = mix(*lane, u64::from_le_bytes(*word));
            }
        }
    }
    lanes.into_iter().fold(payload.len() as u64, mix)
}

/// Another number for each `word`, and for each `lane`.
fn mix(lane: u64, word: u64) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    (lane ^ word).wrapping_mul(ODD).rotate_left(29)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Properties;

    fn message(id: u16, qos: Qos, dup: bool) -> Publish {
        let (topic, payload, properties) = ("t".to_owned(), b"x".to_vec(), Properties::new());
        Publish { topic, payload, qos, retain: false, dup, id, properties }
    }

    fn sent(out: &mut SendBuffer) -> Vec<u8> {
        let mut bytes = Vec::new();
        out.write_to(&mut bytes).expect("a Vec takes all");
        bytes
    }

    #[test]
    fn answers_go_out_when_the_callbacks_have_returned_in_order() {
        let (mut incoming, mut out) = (Incoming::default(), SendBuffer::default());
        assert_eq!(incoming.arrive(&message(0, Qos::AtMostOnce, false), &mut out), Arrival::New(0));
        assert_eq!(incoming.arrive(&message(7, Qos::AtLeastOnce, false), &mut out), Arrival::New(1));
        assert_eq!(incoming.arrive(&message(8, Qos::ExactlyOnce, false), &mut out), Arrival::New(2));
        assert_eq!(incoming.arrive(&message(9, Qos::AtLeastOnce, false), &mut out), Arrival::New(3));
        incoming.acknowledge(0, &mut out);
        assert!(out.is_empty());
        incoming.acknowledge(2, &mut out);
        assert_eq!(sent(&mut out), [0x40, 2, 0, 7, 0x50, 2, 0, 8]);
        assert_eq!(incoming.open(), 2);
        incoming.release(8, &mut out);
        assert_eq!((sent(&mut out), incoming.open()), (vec![0x70, 2, 0, 8], 1));
    }

    #[test]
    fn a_message_that_comes_again_while_it_is_handled_is_answered_once() {
        for (qos, kind) in [(Qos::AtLeastOnce, 0x40), (Qos::ExactlyOnce, 0x50)] {
            let (mut incoming, mut out) = (Incoming::default(), SendBuffer::default());
            assert_eq!(incoming.arrive(&message(7, qos, false), &mut out), Arrival::New(1));
            incoming.disconnected();
            assert_eq!(incoming.arrive(&message(7, qos, true), &mut out), Arrival::Known);
            assert!(out.is_empty());
            incoming.acknowledge(1, &mut out);
            assert_eq!(sent(&mut out), [kind, 2, 0, 7]);
        }
    }

    #[test]
    fn whatever_differs_in_a_message_makes_another_content() {
        let number = |topic: &str, payload: &[u8]| {
            let (topic, payload) = (topic.to_owned(), payload.to_vec());
            content(&Publish { topic, payload, ..message(1, Qos::AtLeastOnce, false) })
        };
        let payload: Vec<u8> = (0..150).collect();
        let mut numbers = std::collections::HashSet::from([number("t", &payload)]);
        assert!(numbers.contains(&number("t", &payload)));
        for place in 0..payload.len() {
            let mut other = payload.clone();
            other[place] ^= 1;
            assert!(numbers.insert(number("t", &other)), "byte {place}");
            assert!(numbers.insert(number("t", &payload[..place])), "{place} bytes");
            assert!(numbers.insert(number("t", &vec![0; place + 2])), "two zeros more than {place}");
            other = payload.clone();
            other.rotate_left(place);
            assert!(place == 0 || numbers.insert(number("t", &other)), "turned by {place}");
        }
        for (topic, payload) in [("ta", "b"), ("t", "ab"), ("a", "tb"), ("tab", "")] {
            assert!(numbers.insert(number(topic, payload.as_bytes())), "{topic:?}, {payload:?}");
        }
    }

    #[test]
    fn another_message_with_dup_under_the_id_of_one_that_is_handled_is_new() {
        let (mut incoming, mut out) = (Incoming::default(), SendBuffer::default());
        incoming.connected(false, true);
        let numbered =
            |id, payload: &[u8]| Publish { payload: payload.to_vec(), ..message(id, Qos::AtLeastOnce, true) };
        incoming.arrive(&numbered(1, b"first"), &mut out);
        incoming.arrive(&numbered(2, b"second"), &mut out);
        incoming.disconnected();
        assert_eq!(incoming.arrive(&numbered(1, b"second"), &mut out), Arrival::New(3));
        assert_eq!(incoming.arrive(&numbered(2, b"second"), &mut out), Arrival::Known);
        incoming.acknowledge(3, &mut out);
        assert_eq!(sent(&mut out), [0x40, 2, 0, 2, 0x40, 2, 0, 1]);
    }

    #[test]
    fn another_message_under_an_id_that_is_not_released_is_new() {
        let (mut incoming, mut out) = (Incoming::default(), SendBuffer::default());
        incoming.connected(false, true);
        let saying = |payload: &[u8], dup| Publish { payload: payload.to_vec(), ..message(7, Qos::ExactlyOnce, dup) };
        incoming.arrive(&saying(b"first", false), &mut out);
        incoming.acknowledge(1, &mut out);
        assert_eq!(sent(&mut out), [0x50, 2, 0, 7]);
        incoming.disconnected();
        assert_eq!(incoming.arrive(&saying(b"second", false), &mut out), Arrival::New(2));
        assert!(out.is_empty(), "it is handled first");
        incoming.acknowledge(2, &mut out);
        assert_eq!(incoming.arrive(&saying(b"second", true), &mut out), Arrival::Known);
        incoming.release(7, &mut out);
        assert_eq!(sent(&mut out), [0x50, 2, 0, 7, 0x50, 2, 0, 7, 0x70, 2, 0, 7]);
        assert_eq!(incoming.open(), 0);
    }

    #[test]
    fn a_qos_2_message_handled_between_two_connections_is_not_delivered_again() {
        let (mut incoming, mut out) = (Incoming::default(), SendBuffer::default());
        incoming.arrive(&message(7, Qos::ExactlyOnce, false), &mut out);
        incoming.disconnected();
        incoming.acknowledge(1, &mut out);
        assert!(out.is_empty(), "there was nobody to tell");
        assert_eq!(incoming.arrive(&message(7, Qos::ExactlyOnce, true), &mut out), Arrival::Known);
        assert_eq!(sent(&mut out), [0x50, 2, 0, 7]);
        incoming.release(7, &mut out);
        assert_eq!(incoming.arrive(&message(7, Qos::ExactlyOnce, false), &mut out), Arrival::New(2));
    }

    #[test]
    fn another_session_knows_no_ids() {
        let (mut incoming, mut out) = (Incoming::default(), SendBuffer::default());
        incoming.arrive(&message(7, Qos::ExactlyOnce, false), &mut out);
        incoming.disconnected();
        incoming.connected(false, false);
        assert_eq!(incoming.arrive(&message(7, Qos::ExactlyOnce, false), &mut out), Arrival::New(2));
        incoming.acknowledge(1, &mut out);
        assert!(out.is_empty(), "the first one's callbacks have returned, the second one's not");
    }
}
