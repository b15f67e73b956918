//! A list of brokers: which of them is asked next, how long is waited, and whose session it is.

use log::Level;
use rappel as pmc;
use rappel::{CleanStart, ConnectOptions, Error, Protocol};

use crate::support::client::{HOST, VERSIONS, back_at_once, builder, builder_v5, kept, kept_options};
use crate::support::logged::{is_logged, keep_log};
use crate::support::mosquitto::free_port;
use crate::support::scripted::{Peer, ScriptedBroker, property};
use crate::support::wait::{DEADLINE, Probe};

/// Once a round over the list is through, this client waits for an hour.
fn patient(client: pmc::Client) -> pmc::Client {
    client.reconnect_delay_set(3_600, 3_600).expect("delays");
    client.connect_timeout_set(DEADLINE).expect("a time");
    client
}

/// A client on a list.
fn on_list(builder: pmc::ClientBuilder, ports: &[u16]) -> pmc::ClientBuilder {
    builder.brokers(ports.iter().map(|port| (HOST, *port)))
}

fn list(brokers: &[&ScriptedBroker]) -> Vec<(&'static str, u16)> {
    brokers.iter().map(|broker| (HOST, broker.port())).collect()
}

/// Tells the code of each `on_connect`, and the port that the client names in it.
fn tell_connects(client: &pmc::Client) -> Probe<(u8, u16)> {
    let (tell, heard) = Probe::pair();
    client.on_connect(move |client, _, _, code, _| {
        let _ = tell.send((code.value(), client.port()));
    });
    heard
}

fn refusing(code: u8) -> ScriptedBroker {
    ScriptedBroker::run(move |peer| {
        peer.expect_connect();
        peer.connack(code, false);
        peer.expect_eof();
    })
}

fn accepting() -> ScriptedBroker {
    ScriptedBroker::run(|peer| {
        peer.accept();
        peer.expect_disconnect();
    })
}

#[test]
fn connect_asks_one_broker_after_the_other_without_a_pause() {
    for code in [136, 156, 157] {
        let (busy, good) = (refusing(code), accepting());
        let hanging_up = ScriptedBroker::run(|peer| {
            peer.expect_connect();
            peer.close();
        });
        let client = patient(builder_v5().build().expect("a client"));
        let connects = tell_connects(&client);
        let brokers = [&[(HOST, free_port())], &list(&[&busy, &hanging_up, &good])[..]].concat();
        client.connect_many(brokers, ConnectOptions::new()).expect("the last one accepts");
        assert_eq!((client.host().as_str(), client.port()), (HOST, good.port()));
        client.loop_start().expect("a loop");
        assert_eq!(connects.take(2, "both answers"), [(code, busy.port()), (0, good.port())]);
        client.disconnect().expect("connected");
        busy.finish();
        hanging_up.finish();
        good.finish();
    }
}

#[test]
fn the_loop_asks_one_broker_after_the_other_without_a_pause() {
    let (busy, good) = (refusing(3), accepting());
    let gone = free_port();
    let client = on_list(builder(), &[gone, busy.port(), good.port()]).build().expect("a client");
    let client = patient(client);
    assert_eq!(client.port(), gone);
    let connects = tell_connects(&client);
    let (tell, failed) = Probe::pair();
    client.on_connect_fail(move |client, _| {
        let _ = tell.send(client.port());
    });
    client.loop_start().expect("a loop");
    assert_eq!(connects.take(2, "both answers"), [(136, busy.port()), (0, good.port())]);
    assert_eq!(failed.next("the failure"), gone);
    client.disconnect().expect("connected");
    busy.finish();
    good.finish();
}

#[test]
fn on_pre_connect_names_the_broker_that_is_about_to_be_asked() {
    let good = accepting();
    let gone = free_port();
    let client = patient(builder().build().expect("a client"));
    let (tell, heard) = Probe::pair();
    client.on_pre_connect(move |client, _| {
        let _ = tell.send(client.port());
    });
    client.connect_many([(HOST, gone), (HOST, good.port())], ConnectOptions::new()).expect("accepted");
    assert_eq!(heard.rest(), [gone, good.port()]);
    client.disconnect().expect("connected");
    good.finish();
}

#[test]
fn the_loop_goes_round_until_one_accepts() {
    let ports = [free_port(), free_port(), free_port()];
    let client = back_at_once(on_list(builder(), &ports).build().expect("a client"));
    let (tell, asked) = Probe::pair();
    client.on_pre_connect(move |client, _| {
        let _ = tell.send(client.port());
    });
    client.loop_start().expect("a loop");
    let expected: Vec<u16> = ports.iter().cycle().take(12).copied().collect();
    assert_eq!(asked.take(12, "four rounds"), expected);
}

#[test]
fn silence_before_the_answer_is_limited_for_each_broker() {
    let silent = ScriptedBroker::serving(|_, peer| {
        peer.expect_connect();
        // Nothing more than the end of the attempt.
        peer.read_to_eof();
    });
    let good = ScriptedBroker::serving(|_, peer| {
        // On a machine with much else to do, the attempt may be over before it is accepted.
        while peer.packet_or_end().is_some() {
            peer.connack(0, false);
        }
    });
    let client = on_list(builder(), &[silent.port(), good.port()]).build().expect("a client");
    let client = back_at_once(client);
    client.connect_timeout_set(2).expect("a time");
    let connects = tell_connects(&client);
    client.loop_start().expect("a loop");
    assert_eq!(connects.next("the connection"), (0, good.port()));
    drop(client);
    silent.finish();
    good.finish();
}

#[test]
fn a_refusal_that_all_would_give_ends_the_attempt() {
    let first = refusing(5);
    let client = patient(builder().build().expect("a client"));
    let unasked = free_port();
    let error =
        client.connect_many([(HOST, first.port()), (HOST, unasked)], ConnectOptions::new()).expect_err("refused");
    assert!(matches!(&error, Error::Refused { code, port, .. } if *code == 135 && *port == first.port()), "{error:?}");
    first.finish();
}

#[test]
fn the_last_failure_is_the_error_and_the_others_are_logged() {
    keep_log();
    let (first, last) = (free_port(), free_port());
    let client = patient(builder().build().expect("a client"));
    let error = client.connect_many([(HOST, first), (HOST, last)], ConnectOptions::new()).expect_err("nobody listens");
    assert!(matches!(&error, Error::Unreachable { port, .. } if *port == last), "{error:?}");
    assert!(is_logged(Level::Warn, &[&format!("{HOST}:{first}"), &format!("next is {HOST}:{last}")]));
    assert!(!is_logged(Level::Warn, &[&format!("to {HOST}:{last} (")]), "what is returned is not logged");
}

#[test]
fn a_server_reference_is_named_in_the_error() {
    for code in [156, 157] {
        let broker = ScriptedBroker::run(move |peer| {
            peer.expect_connect();
            peer.connack_v5(code, false, &property::text(0x1c, "other.lan:1884"));
            peer.expect_eof();
        });
        let client = patient(builder_v5().build().expect("a client"));
        let error = client.connect(HOST, broker.port()).expect_err("refused");
        assert!(error.to_string().contains("\"other.lan:1884\""), "{error}");
        broker.finish();
    }
}

#[test]
fn clean_start_counts_over_the_whole_list() {
    for (clean_start, expected) in [
        (CleanStart::FirstOnly, [true, false]),
        (CleanStart::Always, [true, true]),
        (CleanStart::Never, [false, false]),
    ] {
        let node = |clean: bool, last: bool| {
            ScriptedBroker::run(move |peer| {
                assert_eq!(peer.accept().clean, clean);
                if last {
                    peer.expect_disconnect();
                }
            })
        };
        let (first, second) = (node(expected[0], false), node(expected[1], true));
        let client = back_at_once(builder_v5().client_id("clean").build().expect("a client"));
        let connects = tell_connects(&client);
        let options = ConnectOptions::new().clean_start(clean_start);
        client.connect_many(list(&[&first, &second]), options).expect("accepted");
        client.loop_start().expect("a loop");
        connects.take(2, "both connections");
        client.disconnect().expect("connected");
        first.finish();
        second.finish();
    }
}

/// Begins an exchange of QoS 2 at the first broker and gives what the second one sees of it.
fn carried_over(protocol: Protocol, are_shared: bool) {
    let first = ScriptedBroker::run(|peer| {
        peer.accept();
        let message = peer.expect_publish();
        peer.pubrec(message.id);
        assert_eq!(peer.expect_pubrel().id, message.id);
    });
    let second = ScriptedBroker::run(move |peer: &mut Peer| {
        peer.expect_connect();
        peer.connack(0, true);
        if !are_shared {
            let message = peer.expect_publish();
            assert!(!message.dup, "it is published anew");
            peer.pubrec(message.id);
        }
        assert_eq!(peer.expect_pubrel().id, 1);
        peer.pubcomp(1);
        peer.expect_disconnect();
    });
    let client = kept("wanderer", protocol);
    let options = kept_options(protocol).sessions_are_shared(are_shared);
    client.connect_many(list(&[&first, &second]), options).expect("accepted");
    client.loop_start().expect("a loop");
    let info = client.publish("mesure", "21", 2).expect("connected");
    info.wait_for_publish(DEADLINE).expect("confirmed by the second broker");
    client.disconnect().expect("all is confirmed");
    first.finish();
    second.finish();
}

#[test]
fn a_session_is_with_its_node_unless_sessions_are_shared() {
    for protocol in VERSIONS {
        carried_over(protocol, false);
        carried_over(protocol, true);
    }
}

#[test]
fn subscriptions_are_made_at_a_node_that_has_an_older_session() {
    for (protocol, are_shared) in VERSIONS.into_iter().flat_map(|protocol| [(protocol, false), (protocol, true)]) {
        let subscribed = |peer: &mut Peer| {
            let subscribe = peer.expect_subscribe();
            assert_eq!(subscribe.filters[0].0, "ordres/#");
            peer.suback(subscribe.id, &[1]);
            // The client has heard of it.
            assert_eq!(peer.expect_publish().topic, "subscribed");
        };
        let first = ScriptedBroker::run(move |peer| {
            peer.accept();
            subscribed(peer);
        });
        let second = ScriptedBroker::run(move |peer| {
            peer.expect_connect();
            peer.connack(0, true);
            if !are_shared {
                subscribed(peer);
            }
            assert_eq!(peer.expect_publish().topic, "end");
            peer.expect_disconnect();
        });
        let client = kept("listener", protocol);
        let (tell, heard) = Probe::pair();
        client.on_subscribe(move |client, _, _, _, _| {
            let _ = client.publish("subscribed", "", 0);
            let _ = tell.send(());
        });
        let connects = tell_connects(&client);
        let options = kept_options(protocol).sessions_are_shared(are_shared);
        client.connect_many(list(&[&first, &second]), options).expect("accepted");
        client.loop_start().expect("a loop");
        client.subscribe("ordres/#", 1).expect("connected");
        connects.take(2, "both connections");
        heard.take(if are_shared { 1 } else { 2 }, "the subscriptions");
        client.publish("end", "", 0).expect("connected");
        client.disconnect().expect("connected");
        first.finish();
        second.finish();
    }
}

#[test]
fn lists_that_cannot_be_change_nothing() {
    let client = patient(builder().build().expect("a client"));
    client.connect(HOST, free_port()).expect_err("nobody listens");
    let port = client.port();
    let none: [(&str, u16); 0] = [];
    let options = ConnectOptions::new;
    assert!(matches!(client.connect_many(none, options()), Err(Error::InvalidOption { option: "brokers", .. })));
    let wrong_port = [(HOST, 1883), (HOST, 0)];
    assert!(matches!(client.connect_many(wrong_port, options()), Err(Error::InvalidPort)));
    let wrong_host = [(HOST, 1883), ("mqtt://a", 1883)];
    assert!(matches!(client.connect_many(wrong_host, options()), Err(Error::InvalidHost { .. })));
    assert_eq!((client.host().as_str(), client.port()), (HOST, port));
    assert!(matches!(builder().brokers(none).build(), Err(Error::InvalidOption { option: "brokers", .. })));
    assert!(matches!(builder().brokers(wrong_port).build(), Err(Error::InvalidPort)));
    let options = ConnectOptions::new().clean_start(true);
    assert!(matches!(on_list(builder(), &[1883]).connect_options(options).build(), Err(Error::PropertiesNeedV5)));
}
