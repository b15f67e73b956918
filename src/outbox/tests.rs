//! The queue's order, windows and packet ids, without a broker.

use super::*;

fn letter(topic: &str, qos: Qos) -> Letter {
    Letter {
        topic: topic.into(),
        payload: Arc::new(topic.as_bytes().to_vec()),
        qos,
        retain: false,
        properties: Properties::new(),
        stored: None,
    }
}

fn accept(outbox: &mut Outbox, topic: &str, qos: Qos) -> Arc<Receipt> {
    outbox.publish(letter(topic, qos), false, true).expect("room").receipt
}

/// Hands over all that may go and gives the topics.
fn handed(outbox: &mut Outbox) -> Vec<(u64, String)> {
    std::iter::from_fn(|| match outbox.next()? {
        Handover::Message { ticket, letter } => Some((ticket, letter.topic.clone())),
        Handover::Request(request) => Some((u64::MAX, format!("request {}", request.mid()))),
    })
    .collect()
}

fn topics(outbox: &mut Outbox) -> Vec<String> {
    handed(outbox).into_iter().map(|(_, topic)| topic).collect()
}

fn ack(kind: AckKind, id: u16) -> Ack {
    Ack { kind, id, codes: vec![0], properties: Properties::new() }
}

#[test]
fn the_window_limits_what_the_engine_holds() {
    let mut outbox = Outbox::new();
    outbox.max_inflight_set(2);
    (1..=3).for_each(|n| drop(accept(&mut outbox, &n.to_string(), Qos::AtLeastOnce)));
    assert_eq!(topics(&mut outbox), Vec::<String>::new(), "offline");
    outbox.connected(false, None);
    assert_eq!(topics(&mut outbox), ["1", "2"]);
    assert!(outbox.slot_freed(outbox.epoch(), true));
    assert_eq!(topics(&mut outbox), ["3"]);
}

#[test]
fn a_subscription_keeps_its_place_but_does_not_wait_for_a_window() {
    let mut outbox = Outbox::new();
    outbox.max_inflight_set(1);
    outbox.connected(false, None);
    accept(&mut outbox, "1", Qos::AtLeastOnce);
    outbox.request(|mid| Request::Unsubscribe { mid, filters: vec!["f".into()], properties: Properties::new() });
    accept(&mut outbox, "2", Qos::AtLeastOnce);
    outbox.request(|mid| Request::Unsubscribe { mid, filters: vec!["g".into()], properties: Properties::new() });
    assert_eq!(topics(&mut outbox), ["1", "request 2", "request 4"]);
}

#[test]
fn the_brokers_receive_maximum_counts() {
    let mut outbox = Outbox::new();
    (1..=3).for_each(|n| drop(accept(&mut outbox, &n.to_string(), Qos::AtLeastOnce)));
    outbox.connected(false, Some(1));
    assert_eq!(topics(&mut outbox), ["1"]);
}

#[test]
fn a_lost_connection_puts_everything_back_in_order() {
    let mut outbox = Outbox::new();
    outbox.connected(false, None);
    for (topic, qos) in [("a", Qos::AtMostOnce), ("b", Qos::AtLeastOnce), ("c", Qos::ExactlyOnce)] {
        accept(&mut outbox, topic, qos);
    }
    outbox.request(|mid| Request::Unsubscribe { mid, filters: vec!["f".into()], properties: Properties::new() });
    assert_eq!(topics(&mut outbox), ["a", "b", "c", "request 4"]);
    let epoch = outbox.epoch();
    outbox.disconnected();
    accept(&mut outbox, "d", Qos::AtLeastOnce);
    assert!(!outbox.slot_freed(epoch, true), "the old engine no longer counts");
    outbox.connected(false, None);
    assert_eq!(topics(&mut outbox), ["request 4", "a", "b", "c", "d"]);
    assert_eq!(outbox.pending(), 4);
}

#[test]
fn an_exchange_goes_on_in_a_kept_session() {
    let mut outbox = Outbox::new();
    outbox.connected(false, None);
    accept(&mut outbox, "a", Qos::ExactlyOnce);
    accept(&mut outbox, "b", Qos::ExactlyOnce);
    let tickets = handed(&mut outbox);
    let first = outbox.departing(tickets[0].0, 1).expect("flying");
    assert_eq!((first.id, first.dup, first.payload.is_some()), (1, false, true));
    outbox.departing(tickets[1].0, 2);
    let (verdict, settled) = outbox.answered(ack(AckKind::Pubrec, 1));
    assert_eq!(verdict, Verdict::Forward { engine_id: 1 });
    assert!(settled.is_none());

    outbox.disconnected();
    outbox.connected(true, None);
    let tickets = handed(&mut outbox);
    let released = outbox.departing(tickets[0].0, 1).expect("flying");
    assert_eq!((released.id, released.payload.is_some()), (1, false), "the broker has it");
    let again = outbox.departing(tickets[1].0, 2).expect("flying");
    assert_eq!((again.id, again.dup, again.payload.is_some()), (2, true, true));
    assert!(matches!(outbox.answered(ack(AckKind::Pubcomp, 1)).1, Some(Settled::Published { .. })));
    assert_eq!(outbox.pending(), 1);
}

#[test]
fn a_lost_session_starts_exchanges_anew() {
    let mut outbox = Outbox::new();
    outbox.connected(false, None);
    accept(&mut outbox, "a", Qos::ExactlyOnce);
    let ticket = handed(&mut outbox)[0].0;
    outbox.departing(ticket, 1);
    outbox.answered(ack(AckKind::Pubrec, 1));
    outbox.disconnected();
    outbox.connected(false, None);
    let ticket = handed(&mut outbox)[0].0;
    let fresh = outbox.departing(ticket, 1).expect("flying");
    assert_eq!((fresh.dup, fresh.payload.is_some()), (false, true));
}

#[test]
fn a_release_is_not_answered_before_there_was_one() {
    let mut outbox = Outbox::new();
    outbox.connected(false, None);
    accept(&mut outbox, "a", Qos::ExactlyOnce);
    let ticket = handed(&mut outbox)[0].0;
    outbox.departing(ticket, 1);
    assert!(matches!(outbox.answered(ack(AckKind::Pubcomp, 1)), (Verdict::Violation(_), None)));
    outbox.disconnected();
    outbox.connected(true, None);
    // Its id is known, but it has not left again.
    handed(&mut outbox);
    assert!(matches!(outbox.answered(ack(AckKind::Pubrec, 1)), (Verdict::Unknown, None)));
}

#[test]
fn answers_nobody_asked_for() {
    let mut outbox = Outbox::new();
    outbox.connected(false, None);
    assert_eq!(outbox.answered(ack(AckKind::Puback, 9)).0, Verdict::Unknown);
    accept(&mut outbox, "a", Qos::AtLeastOnce);
    let ticket = handed(&mut outbox)[0].0;
    outbox.departing(ticket, 1);
    assert!(matches!(outbox.answered(ack(AckKind::Pubcomp, 1)).0, Verdict::Violation(_)));
    let filters = vec![("f".to_owned(), Default::default()), ("g".to_owned(), Default::default())];
    outbox.request(|mid| Request::Subscribe { mid, filters, properties: Properties::new() });
    handed(&mut outbox);
    let id = outbox.departing_request(2).expect("handed over");
    assert!(matches!(outbox.answered(ack(AckKind::Suback, id)).0, Verdict::Violation(_)), "one code for two filters");
}

#[test]
fn the_queue_limit_counts_messages_above_qos_0() {
    let mut outbox = Outbox::new();
    outbox.max_queued_set(1);
    accept(&mut outbox, "a", Qos::AtMostOnce);
    accept(&mut outbox, "b", Qos::AtLeastOnce);
    let full = outbox.publish(letter("c", Qos::AtLeastOnce), false, true);
    assert!(matches!(full, Err(Error::QueueFull { limit: 1 })));
    assert_eq!(outbox.pending(), 2);
}

#[test]
fn only_the_latest_of_a_topic_is_kept_while_offline() {
    let mut outbox = Outbox::new();
    let old = outbox.publish(letter("t", Qos::AtLeastOnce), true, false).expect("room").receipt;
    accept(&mut outbox, "other", Qos::AtLeastOnce);
    let new = outbox.publish(letter("t", Qos::AtLeastOnce), true, false).expect("room");
    assert_eq!(new.replaced.map(|(receipt, _)| receipt.mid()), Some(old.mid()));
    outbox.connected(false, None);
    assert_eq!(topics(&mut outbox), ["t", "other"]);
    assert_eq!(outbox.pending(), 2);
}
