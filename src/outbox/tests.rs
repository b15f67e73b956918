//! The outbox's order, windows and limits, with a session and without a broker.

use std::time::{Duration, Instant};

use super::*;
use crate::mqtt::{Ack, Connack, ConnectPacket, Loss, Packet};
use crate::types::{PacketType, Protocol, ReasonCode};

/// An outbox with a session whose sends can be looked at.
struct Client {
    queue: Queue,
    session: Session,
    out: SendBuffer,
}

fn client() -> Client {
    let session = Session::new(Protocol::V5, None, Instant::now());
    Client { queue: Queue::new(Vec::new(), 0), session, out: SendBuffer::default() }
}

fn draft(topic: &str, qos: Qos) -> Draft {
    let payload = topic.as_bytes().to_vec().into();
    Draft {
        topic: topic.into(),
        payload,
        qos,
        retain: false,
        properties: Properties::new(),
        expires_at: None,
        keep_latest: false,
    }
}

fn latest(topic: &str) -> Draft {
    Draft { keep_latest: true, ..draft(topic, Qos::AtLeastOnce) }
}

#[test]
fn the_availability_waits_for_a_message_that_has_its_number_and_is_kept_from_nobody_else() {
    let mut client = client();
    client.queue.availability = Some("state".into());
    let message = client.queue.number(draft("a", Qos::AtLeastOnce), true).expect("room");
    client.queue.is_numbering = true;
    client.connect(false, Properties::new());
    assert_eq!(client.sent(), Vec::<String>::new());
    client.queue.push(message);
    client.queue.numbering_done();
    assert_eq!(client.sent(), ["a", "state"]);
    let taken = client.queue.drop_out(&mut client.session);
    assert_eq!(taken.iter().map(|message| &message.topic[..]).collect::<Vec<_>>(), ["a"]);
    client.puback(2);
    client.queue.tell_offline();
    client.queue.tell_offline();
    assert_eq!(client.sent(), ["state"], "once for each connection");
}

impl Client {
    fn accept(&mut self, topic: &str, qos: Qos) {
        self.queue.publish(draft(topic, qos), true).expect("room");
    }

    fn unsubscribe(&mut self, filter: &str) {
        self.queue.request(Filters::Unsubscribe(vec![filter.into()]), Properties::new()).expect("allowed");
    }

    fn connect(&mut self, session_present: bool, limits: Properties) {
        let packet = ConnectPacket {
            version: Protocol::V5,
            bridge: false,
            client_id: "c".into(),
            clean: false,
            keepalive: 0,
            will: None,
            credentials: None,
            properties: Properties::new(),
        };
        self.session.connect(&packet, Instant::now(), &mut SendBuffer::default());
        let connack = Connack { session_present, code: ReasonCode::new(PacketType::Connack, 0), properties: limits };
        self.session.connected("broker".into(), &connack);
        self.queue.connected(self.session.limits(), true);
    }

    fn disconnect(&mut self) {
        let interrupted = self.session.disconnected(Loss::Ours, self.out.written(), Instant::now());
        self.queue.disconnected(self.out.reset(), interrupted.requests);
    }

    /// Sends all that may go, and gives the kind and the topic or id of each packet.
    fn sent(&mut self) -> Vec<String> {
        assert!(self.queue.send_ready(u64::MAX, Instant::now(), &mut self.session, &mut self.out).is_empty());
        let mut bytes = Vec::new();
        self.out.write_to(&mut bytes).expect("a Vec takes all");
        while let Some(message) = self.out.next_written() {
            self.queue.finished(message.share());
        }
        packets(&bytes)
    }

    fn puback(&mut self, id: u16) {
        let ack = Ack { id, code: 0, properties: Properties::new() };
        let received = self.session.receive(Packet::Puback(ack), Instant::now(), &mut self.out).expect("allowed");
        let Some(crate::mqtt::Received::Published { message, .. }) = received else {
            panic!("not in flight: {id}");
        };
        self.queue.finished(message.share());
    }
}

/// The packets in `bytes`: PUBLISH by topic, with "+" for DUP, the others by first byte and id.
fn packets(mut bytes: &[u8]) -> Vec<String> {
    let mut seen = Vec::new();
    while let [first, len, rest @ ..] = bytes {
        let (body, next) = rest.split_at(usize::from(*len));
        seen.push(match first >> 4 {
            3 => {
                let topic = String::from_utf8_lossy(&body[2..2 + usize::from(body[1])]).into_owned();
                if first & 8 != 0 { format!("{topic}+") } else { topic }
            }
            kind => format!("{kind} {}", u16::from_be_bytes([body[0], body[1]])),
        });
        bytes = next;
    }
    seen
}

#[test]
fn the_window_limits_what_is_in_flight() {
    let mut client = client();
    client.queue.max_inflight = 2;
    for topic in ["1", "2", "3"] {
        client.accept(topic, Qos::AtLeastOnce);
    }
    client.connect(false, Properties::new());
    assert_eq!(client.sent(), ["1", "2"]);
    client.puback(1);
    assert_eq!(client.sent(), ["3"]);
}

#[test]
fn the_brokers_receive_maximum_counts() {
    let mut client = client();
    for topic in ["1", "2", "3"] {
        client.accept(topic, Qos::AtLeastOnce);
    }
    client.connect(false, Properties::new().with_receive_maximum(1));
    assert_eq!(client.sent(), ["1"]);
}

#[test]
fn a_request_keeps_its_place_but_does_not_wait_for_a_window() {
    let mut client = client();
    client.queue.max_inflight = 1;
    client.connect(false, Properties::new());
    client.accept("1", Qos::AtLeastOnce);
    client.unsubscribe("f");
    client.accept("3", Qos::AtLeastOnce);
    client.unsubscribe("g");
    assert_eq!(client.sent(), ["1", "10 2", "10 4"]);
}

#[test]
fn a_lost_connection_repeats_everything_unconfirmed_in_order() {
    let mut client = client();
    client.connect(false, Properties::new());
    client.accept("a", Qos::AtLeastOnce);
    client.unsubscribe("f");
    client.accept("c", Qos::ExactlyOnce);
    assert_eq!(client.sent(), ["a", "10 2", "c"]);
    client.accept("d", Qos::AtMostOnce);
    // Encoded, and not written.
    assert!(client.queue.send_ready(u64::MAX, Instant::now(), &mut client.session, &mut client.out).is_empty());
    client.disconnect();
    client.accept("e", Qos::AtLeastOnce);
    client.connect(true, Properties::new());
    assert_eq!(client.sent(), ["a+", "10 2", "c+", "d", "e"]);
    assert_eq!(client.queue.pending(), 3);
}

/// A client that has `a` and `b` of QoS 1 in flight, back on a connection with a window of one.
fn resuming_one_at_a_time() -> Client {
    let mut client = client();
    client.connect(false, Properties::new());
    for topic in ["a", "b"] {
        client.accept(topic, Qos::AtLeastOnce);
    }
    assert_eq!(client.sent(), ["a", "b"]);
    client.disconnect();
    client.connect(true, Properties::new().with_receive_maximum(1));
    client
}

#[test]
fn resumed_exchanges_count_against_a_smaller_window() {
    let mut client = resuming_one_at_a_time();
    assert_eq!(client.sent(), ["a+"]);
    client.puback(1);
    assert_eq!(client.sent(), ["b+"]);
}

#[test]
fn only_what_has_come_through_the_engine_is_sent() {
    let mut client = client();
    client.connect(false, Properties::new());
    client.queue.early = false;
    for topic in ["a", "b"] {
        client.accept(topic, Qos::AtMostOnce);
    }
    client.queue.send_ready(1, Instant::now(), &mut client.session, &mut client.out);
    assert_eq!(client.queue.waiting.len(), 1);
    assert_eq!(client.sent(), ["a", "b"]);
}

#[test]
fn a_request_does_not_overtake_what_the_engine_has_yet_to_bring() {
    let mut client = client();
    client.connect(false, Properties::new());
    client.unsubscribe("f");
    client.accept("b", Qos::AtMostOnce);
    client.unsubscribe("g");
    client.queue.send_ready(0, Instant::now(), &mut client.session, &mut client.out);
    assert_eq!((client.queue.requests.len(), client.queue.waiting.len()), (1, 1));
    assert_eq!(client.sent(), ["10 1", "b", "10 3"]);
}

#[test]
fn what_is_encoded_when_it_is_accepted_keeps_its_place() {
    let mut client = client();
    client.connect(false, Properties::new());
    client.accept("a", Qos::AtMostOnce);
    client.accept("b", Qos::AtMostOnce);
    assert_eq!((client.queue.encoded, client.queue.counts()), (2, (2, 0)));
    client.unsubscribe("f");
    client.accept("c", Qos::AtMostOnce);
    client.accept("d", Qos::AtLeastOnce);
    client.accept("e", Qos::AtMostOnce);
    assert_eq!((client.queue.encoded, client.queue.counts()), (2, (5, 0)));
    assert_eq!(client.sent(), ["a", "b", "10 3", "c", "d", "e"]);
    assert_eq!((client.queue.pending(), client.queue.pending_bytes), (1, 2));
}

#[test]
fn what_is_encoded_does_not_overtake_what_is_resumed() {
    let mut client = resuming_one_at_a_time();
    client.accept("c", Qos::AtMostOnce);
    assert_eq!((client.queue.encoded, client.sent()), (1, vec!["a+".into()]));
    client.accept("d", Qos::AtMostOnce);
    client.puback(1);
    assert_eq!(client.sent(), ["b+", "c", "d"]);
}

#[test]
fn what_is_encoded_and_not_sent_stands_in_line_again() {
    let mut client = client();
    client.connect(false, Properties::new());
    client.accept("sent in vain", Qos::AtMostOnce);
    client.queue.send_ready(u64::MAX, Instant::now(), &mut client.session, &mut client.out);
    client.queue.publish(Draft { retain: true, ..draft("not sent", Qos::AtMostOnce) }, true).expect("room");
    client.accept("behind", Qos::AtLeastOnce);
    client.disconnect();
    let line: Vec<_> = client.queue.waiting.iter().map(|it| (it.sequence, &it.topic[..], it.retain)).collect();
    assert_eq!(line, [(1, "sent in vain", false), (2, "not sent", true), (3, "behind", false)]);
    assert_eq!(client.queue.waiting[1].payload[..], *b"not sent");
    assert_eq!((client.queue.encoded, client.queue.pending()), (0, 3));
    client.connect(false, Properties::new());
    assert_eq!(client.sent(), ["sent in vain", "not sent", "behind"]);
}

#[test]
fn what_the_broker_does_not_take_is_not_encoded() {
    let mut client = client();
    client.connect(false, Properties::new().with_maximum_packet_size(9).with_retain_available(false));
    let refused = client.queue.publish(draft("long", Qos::AtMostOnce), true);
    assert!(matches!(refused, Err(Error::PacketTooLarge { limit: 9 })));
    let refused = client.queue.publish(Draft { retain: true, ..draft("t", Qos::AtMostOnce) }, true);
    assert!(matches!(refused, Err(Error::RetainNotSupported)));
    client.queue.max_queued_bytes = 3;
    client.accept("t", Qos::AtMostOnce);
    assert!(matches!(client.queue.publish(draft("u", Qos::AtMostOnce), true), Err(Error::QueueBytesFull { limit: 3 })));
    assert_eq!((client.sent(), client.queue.is_idle()), (vec!["t".into()], true));
}

#[test]
fn the_queue_limit_counts_messages_above_qos_0() {
    let mut client = client();
    client.queue.max_queued = 1;
    client.accept("a", Qos::AtMostOnce);
    client.accept("b", Qos::AtLeastOnce);
    let full = client.queue.publish(draft("c", Qos::AtLeastOnce), true);
    assert!(matches!(full, Err(Error::QueueFull { limit: 1 })));
    assert_eq!(client.queue.pending(), 2);
}

#[test]
fn only_the_latest_of_a_topic_is_kept_while_offline() {
    let mut client = client();
    let old = client.queue.publish(latest("t"), false).expect("room").completion;
    client.accept("other", Qos::AtLeastOnce);
    let new = client.queue.publish(latest("t"), false).expect("room");
    assert!(new.replaced.is_some_and(|replaced| Arc::ptr_eq(&replaced, &old)));
    client.connect(false, Properties::new());
    assert_eq!(client.sent(), ["t", "other"]);
    assert_eq!(client.queue.pending(), 2);
}

#[test]
fn what_the_broker_does_not_take_is_refused_or_given_up_alone() {
    let mut client = client();
    client.accept("a", Qos::ExactlyOnce);
    client.accept("b", Qos::AtLeastOnce);
    client.connect(false, Properties::new().with_maximum_qos(1));
    let refused = client.queue.send_ready(u64::MAX, Instant::now(), &mut client.session, &mut client.out);
    assert!(
        matches!(&refused[..], [RefusedItem::Message(message, why)] if *message.topic == *"a" && why.code() == 155)
    );
    let refused = client.queue.publish(draft("c", Qos::ExactlyOnce), true);
    assert!(matches!(refused, Err(Error::QosNotSupported { maximum: 1 })));
}

#[test]
fn an_alias_stands_for_its_topic_on_any_connection() {
    let mut client = client();
    let with_alias =
        |topic: &str| Draft { properties: Properties::new().with_topic_alias(3), ..draft(topic, Qos::AtMostOnce) };
    let unknown = client.queue.publish(with_alias(""), true);
    assert!(matches!(unknown, Err(Error::UnknownTopicAlias { alias: 3 })));
    client.connect(false, Properties::new().with_topic_alias_maximum(3));
    for topic in ["t", "", "u", ""] {
        client.queue.publish(with_alias(topic), true).expect("room");
    }
    assert_eq!(client.sent(), ["t", "", "u", ""]);
    client.disconnect();
    client.connect(false, Properties::new());
    assert!(matches!(client.queue.publish(with_alias(""), true), Err(Error::TopicAliasTooHigh { maximum: 0 })));
}

/// A message that expires so many seconds after `now`.
fn expiring(topic: &str, qos: Qos, now: Instant, seconds: u64) -> Draft {
    let properties = Properties::new().with_message_expiry_interval(seconds as u32);
    let expires_at = Some(now + Duration::from_secs(seconds));
    Draft { properties, expires_at, ..draft(topic, qos) }
}

fn topics(items: Vec<RefusedItem>) -> Vec<String> {
    let topic = |item| match item {
        RefusedItem::Message(message, Refused::Expired { topic }) if *message.topic == *topic => topic,
        item => panic!("{item:?}"),
    };
    items.into_iter().map(topic).collect()
}

#[test]
fn what_has_expired_in_line_is_given_up_wherever_it_stands() {
    let (mut client, now) = (client(), Instant::now());
    let after = |seconds: f64| now + Duration::from_secs_f64(seconds);
    let next = |client: &mut Client, draft| client.queue.publish(draft, false).expect("room").expires_next;
    assert!(!next(&mut client, draft("stays", Qos::AtLeastOnce)));
    assert_eq!(client.queue.next_expiry(), None);
    assert!(next(&mut client, expiring("late", Qos::AtLeastOnce, now, 20)));
    assert!(next(&mut client, expiring("soon", Qos::ExactlyOnce, now, 10)));
    assert!(!next(&mut client, expiring("soon too", Qos::AtLeastOnce, now, 10)));
    assert_eq!(client.queue.next_expiry(), Some(after(10.0)));
    assert!(client.queue.expire(after(9.9)).is_empty());
    assert_eq!(topics(client.queue.expire(after(10.0))), ["soon", "soon too"]);
    assert_eq!(client.queue.next_expiry(), Some(after(20.0)));
    assert_eq!(topics(client.queue.expire(after(20.0))), ["late"]);
    assert_eq!(client.queue.next_expiry(), None);
    assert_eq!(client.queue.waiting.len(), 1);
}

#[test]
fn many_that_expire_one_after_the_other_are_looked_for_once_a_second() {
    let (mut client, now) = (client(), Instant::now());
    for milliseconds in 0..3000_u64 {
        let expires_at = Some(now + Duration::from_millis(milliseconds));
        client.queue.publish(Draft { expires_at, ..draft("t", Qos::AtLeastOnce) }, false).expect("room");
    }
    let (mut at, mut looks, mut expired) = (now, 0, 0);
    while let Some(next) = client.queue.next_expiry() {
        at = next.max(at);
        expired += client.queue.expire(at).len();
        looks += 1;
    }
    assert_eq!((expired, looks), (3000, 4));
}

#[test]
fn what_is_left_of_the_interval_is_sent_and_what_has_expired_is_not() {
    let (mut client, now) = (client(), Instant::now());
    for (topic, seconds) in [("sent", 100), ("expired", 30)] {
        client.queue.publish(expiring(topic, Qos::AtLeastOnce, now, seconds), false).expect("room");
    }
    client.connect(false, Properties::new());
    let later = now + Duration::from_secs(40);
    let refused = client.queue.send_ready(u64::MAX, later, &mut client.session, &mut client.out);
    assert_eq!(topics(refused), ["expired"]);
    let mut sent = Vec::new();
    client.out.write_to(&mut sent).expect("a Vec takes all");
    // Topic, packet id, and five bytes of properties: 60 s are left.
    let publish = [&[0x32, 18, 0, 4][..], b"sent", &[0, 1, 5, 2, 0, 0, 0, 60], b"sent"].concat();
    assert_eq!(sent, publish);
}

#[test]
fn an_exchange_that_the_broker_may_know_goes_on_and_another_expires() {
    for session_present in [true, false] {
        let (mut client, now) = (client(), Instant::now());
        client.queue.publish(expiring("t", Qos::AtLeastOnce, now, 30), true).expect("room");
        client.connect(false, Properties::new());
        assert!(client.queue.send_ready(u64::MAX, now, &mut client.session, &mut client.out).is_empty());
        client.disconnect();
        client.connect(session_present, Properties::new());
        let later = now + Duration::from_secs(40);
        let refused = client.queue.send_ready(u64::MAX, later, &mut client.session, &mut client.out);
        let mut sent = Vec::new();
        client.out.write_to(&mut sent).expect("a Vec takes all");
        if session_present {
            assert!(refused.is_empty() && sent[0] == 0x3a, "PUBLISH with DUP: {refused:?} {sent:02x?}");
            assert_eq!(sent[9..13], [0, 0, 0, 1], "the shortest interval");
        } else {
            assert_eq!((topics(refused), sent), (vec!["t".to_owned()], vec![]));
        }
    }
}
