//! What is accepted without a connection: the limit of the queue, and messages that make way for newer ones.

use rappel as pmc;

use super::subscriber;
use crate::support::client::{HOST, named};
use crate::support::mosquitto::Mosquitto;
use crate::support::wait::{DEADLINE, Probe};

#[test]
fn the_queue_refuses_what_is_over_its_limit_and_delivers_the_rest() {
    let broker = Mosquitto::start();
    let (_subscriber, heard) = subscriber(broker.port(), "subscriber", 1);
    let client = named("publisher", pmc::Protocol::V311);
    client.max_queued_messages_set(100);
    let mut infos = Vec::new();
    for n in 1..=100 {
        let info = client.publish("t", n, 1).expect("room in the queue");
        assert_eq!(info.rc(), pmc::ErrorCode::NoConn);
        infos.push(info);
    }
    let refused = client.publish("t", 101, 1);
    assert!(matches!(refused, Err(pmc::Error::QueueFull { limit: 100 })), "{refused:?}");
    assert_eq!(refused.expect_err("refused").code(), pmc::ErrorCode::QueueSize);

    client.connect(HOST, broker.port()).expect("a broker");
    client.loop_start().expect("a loop");
    for info in infos {
        info.wait_for_publish(DEADLINE).expect("confirmed");
    }
    client.publish("t", "after", 1).expect("room again");
    let arrived: Vec<String> = heard.take(101, "the messages").into_iter().map(|(_, payload)| payload).collect();
    let expected: Vec<String> = (1..=100).map(|n| n.to_string()).chain(["after".to_owned()]).collect();
    assert_eq!(arrived, expected);
    client.disconnect().expect("everything is confirmed");
}

#[test]
fn while_offline_a_newer_message_replaces_one_of_its_topic() {
    let broker = Mosquitto::start();
    let (_subscriber, heard) = subscriber(broker.port(), "subscriber", 1);
    let client = named("sensor", pmc::Protocol::V311);
    let (tell, published) = Probe::pair();
    client.on_publish(move |_, _, mid, _, _| {
        let _ = tell.send(mid);
    });
    let latest = || pmc::PublishOptions::new().qos(1).keep_latest();
    let first = client.publish("serre/1", "old", latest()).expect("queued");
    let other = client.publish("serre/2", "two", latest()).expect("queued");
    let plain = client.publish("serre/1", "kept", 1).expect("queued");
    let middle = client.publish("serre/1", "newer", latest()).expect("queued");
    let last = client.publish("serre/1", "newest", latest()).expect("queued");
    for replaced in [&first, &middle] {
        let told = replaced.wait_for_publish(DEADLINE);
        assert!(matches!(told, Err(pmc::Error::Replaced)), "{told:?}");
        assert!(!replaced.is_published());
    }

    client.connect(HOST, broker.port()).expect("a broker");
    client.loop_start().expect("a loop");
    for info in [&other, &plain, &last] {
        info.wait_for_publish(DEADLINE).expect("confirmed");
    }
    // Online, nothing is replaced any more.
    let online: Vec<_> = (0..50).map(|n| client.publish("serre/1", n, latest()).expect("accepted")).collect();
    for info in &online {
        info.wait_for_publish(DEADLINE).expect("confirmed");
    }
    let arrived: Vec<String> = heard.take(53, "the messages").into_iter().map(|(_, payload)| payload).collect();
    let expected: Vec<String> =
        ["newest", "two", "kept"].map(str::to_owned).into_iter().chain((0..50).map(|n| n.to_string())).collect();
    assert_eq!(arrived, expected, "the newest takes the place of the oldest");
    assert_eq!(published.take(53, "on_publish").len(), 53);
    client.disconnect().expect("everything is confirmed");
    published.is_drained("on_publish, not for what was replaced");
}
