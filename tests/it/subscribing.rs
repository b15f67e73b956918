//! Subscribing, and which callback a message reaches.

use rappel as pmc;
use rappel::Error;

use crate::support::client::{HOST, back_at_once, builder, quick, quick_v5};
use crate::support::mosquitto::Mosquitto;
use crate::support::scripted::packet::Publish;
use crate::support::scripted::{ScriptedBroker, property, script};
use crate::support::told::{Told, tell_all};
use crate::support::wait::{DEADLINE, Probe};

/// Connected, with a loop, and nothing told yet that was not taken.
fn started(client: &pmc::Client, port: u16) -> Probe<Told> {
    let told = tell_all(client);
    client.connect(HOST, port).expect("accepted");
    client.loop_start().expect("no loop yet");
    assert!(matches!(told.take(2, "the connection")[..], [Told::PreConnect, Told::Connect { code: 0, .. }]));
    told
}

/// What is told, without the confirmations of this client's own messages.
fn next_but_publish(told: &Probe<Told>) -> Told {
    loop {
        match told.next("an event") {
            Told::Publish { .. } => {}
            event => return event,
        }
    }
}

#[test]
fn many_filters_in_one_packet() {
    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        let subscribe = peer.expect_subscribe();
        let filters = [("a/#", 0), ("b/+/c", 1), ("d", 2)].map(|(filter, qos)| (filter.to_owned(), qos));
        assert_eq!((subscribe.id, &subscribe.filters[..]), (1, &filters[..]));
        peer.suback(1, &[0, 1, 0x80]);
        let unsubscribe = peer.expect_unsubscribe();
        assert_eq!((unsubscribe.id, &unsubscribe.filters[..]), (2, &["a/#".to_owned(), "d".to_owned()][..]));
        peer.unsuback(2, &[]);
        peer.expect_disconnect();
    });
    let client = quick();
    let told = started(&client, broker.port());
    assert_eq!(client.subscribe_many([("a/#", 0), ("b/+/c", 1), ("d", 2)]).expect("connected"), 1);
    assert_eq!(told.next("SUBACK"), Told::Subscribe { mid: 1, codes: vec![0, 1, 0x80] });
    assert_eq!(client.unsubscribe_many(["a/#", "d"]).expect("connected"), 2);
    assert_eq!(told.next("UNSUBACK"), Told::Unsubscribe { mid: 2, codes: vec![] });
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn refused_filters_of_5() {
    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        let id = peer.expect_subscribe().id;
        peer.suback_v5(id, &[0x87, 1, 0x9e], &property::text(0x1f, "not all"));
        let id = peer.expect_unsubscribe().id;
        peer.unsuback(id, &[0x00, 0x11]);
        peer.expect_disconnect();
    });
    let client = quick_v5();
    let told = started(&client, broker.port());
    let (tell, heard) = Probe::pair();
    client.on_subscribe(move |_, _, mid, codes, properties| {
        let names: Vec<_> = codes.iter().map(ToString::to_string).collect();
        let _ = tell.send((mid, names, properties.reason_string.clone()));
    });
    client.subscribe_many([("a", 0), ("b", 1), ("$share/g/c", 2)]).expect("connected");
    let names = ["Not authorized", "Granted QoS 1", "Shared subscription not supported"].map(str::to_owned).to_vec();
    assert_eq!(heard.next("SUBACK"), (1, names, Some("not all".to_owned())));
    client.unsubscribe_many(["a", "b"]).expect("connected");
    assert_eq!(told.next("UNSUBACK"), Told::Unsubscribe { mid: 2, codes: vec![0, 0x11] });
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn unsubscribe_ends_the_messages() {
    let broker = Mosquitto::start();
    let client = quick();
    let told = started(&client, broker.port());
    client.subscribe_many([("a", 0), ("marker", 0)]).expect("connected");
    assert_eq!(told.next("SUBACK"), Told::Subscribe { mid: 1, codes: vec![0, 0] });
    client.publish("a", "1", 0).expect("connected");
    assert_eq!(next_but_publish(&told), Told::message("a", "1", 0));
    client.unsubscribe("a").expect("connected");
    assert_eq!(next_but_publish(&told), Told::Unsubscribe { mid: 3, codes: vec![] });
    client.publish("a", "2", 0).expect("connected");
    client.publish("marker", "", 0).expect("connected");
    assert_eq!(next_but_publish(&told), Told::message("marker", "", 0));
}

#[test]
fn each_qos_arrives_as_the_lower_of_both() {
    let broker = Mosquitto::start();
    let client = quick();
    let told = started(&client, broker.port());
    for subscribed in 0..=2_u8 {
        client.subscribe("t", subscribed).expect("connected");
        assert!(matches!(next_but_publish(&told), Told::Subscribe { codes, .. } if codes == [subscribed]));
        for published in 0..=2_u8 {
            client.publish("t", "x", published).expect("connected");
            assert_eq!(next_but_publish(&told), Told::message("t", "x", published.min(subscribed)));
        }
    }
}

#[test]
fn every_matching_callback_runs_and_on_message_only_without_one() {
    let broker = Mosquitto::start();
    let client = quick();
    let told = started(&client, broker.port());
    let (tell, heard) = Probe::pair();
    let note = |name: &'static str| {
        let tell = tell.clone();
        move |_: &pmc::Client, _: &(), message: &pmc::Message| {
            let _ = tell.send((name, message.topic.clone()));
        }
    };
    client.on_message(note("on_message"));
    client.message_callback_add("a/#", note("a/#")).expect("valid");
    client.message_callback_add("a/+", note("a/+")).expect("valid");
    client.message_callback_add("b", note("old b")).expect("valid");
    client.message_callback_add("b", note("b")).expect("valid");
    client.subscribe("#", 0).expect("connected");
    told.next("SUBACK");
    let reached = |topic: &str, expected: &[&str]| {
        client.publish(topic, "", 0).expect("connected");
        for name in expected {
            assert_eq!(heard.next("a callback"), (*name, topic.to_owned()));
        }
    };
    reached("a/x", &["a/+", "a/#"]);
    reached("a/x/y", &["a/#"]);
    reached("b", &["b"]);
    reached("c", &["on_message"]);
    client.message_callback_remove("b");
    client.message_callback_remove("never added");
    reached("b", &["on_message"]);
    client.on_message_clear();
    client.message_callback_remove("a/#");
    reached("c", &[]);
    reached("a/x", &["a/+"]);
    heard.is_drained("a message without a callback goes nowhere");
}

#[test]
fn a_shared_subscription_is_shared() {
    let broker = Mosquitto::start();
    let members = [quick_v5(), quick_v5()];
    let (tell, heard) = Probe::pair();
    for (number, member) in members.iter().enumerate() {
        let told = started(member, broker.port());
        let tell = tell.clone();
        member
            .message_callback_add("$share/group/work/#", move |_, _, message| {
                let _ = tell.send((number, message.payload[0]));
            })
            .expect("valid");
        member.subscribe("$share/group/work/#", 1).expect("connected");
        assert!(matches!(told.next("SUBACK"), Told::Subscribe { .. }));
    }
    let publisher = quick();
    publisher.connect(HOST, broker.port()).expect("accepted");
    for number in 0..20_u8 {
        publisher.publish("work/piece", [number], 1).expect("connected");
    }
    publisher.disconnect().expect("all confirmed");
    let mut pieces = heard.take(20, "each piece once");
    assert!([0, 1].iter().all(|member| pieces.iter().any(|(by, _)| by == member)), "both have work: {pieces:?}");
    pieces.sort_by_key(|(_, piece)| *piece);
    assert!(pieces.iter().map(|(_, piece)| *piece).eq(0..20), "{pieces:?}");
}

#[test]
fn retained_messages() {
    let broker = Mosquitto::start();
    let publisher = quick();
    publisher.connect(HOST, broker.port()).expect("accepted");
    let retained = || pmc::PublishOptions::new().qos(1).retain(true);
    publisher.publish("state", "old", retained()).expect("connected");
    publisher.publish("state", "new", retained()).expect("connected");
    publisher.publish("gone", "x", retained()).expect("connected");
    publisher.publish("gone", (), retained()).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");

    let subscriber = quick();
    let told = started(&subscriber, broker.port());
    subscriber.subscribe_many([("gone", 1), ("state", 1)]).expect("connected");
    let expected = Told::Message {
        topic: "state".into(),
        payload: b"new".into(),
        qos: 1,
        retain: true,
        properties: pmc::Properties::new(),
    };
    let mut both = told.take(2, "SUBACK and the retained message");
    // Mosquitto may send the message before SUBACK.
    both.sort_by_key(|event| matches!(event, Told::Message { .. }));
    assert_eq!(both, [Told::Subscribe { mid: 1, codes: vec![1, 1] }, expected]);
    // To those who have subscribed already it is an ordinary message.
    publisher.publish("state", "newer", retained()).expect("connected");
    assert_eq!(told.next("the update"), Told::message("state", "newer", 1));
}

#[test]
fn the_options_of_5_on_the_wire() {
    let broker = ScriptedBroker::run(|peer| {
        peer.accept();
        let subscribe = peer.expect_subscribe();
        let options = [("a", 0b0000_0101), ("b", 0b0000_1010), ("c", 0b0001_0000), ("d", 0b0010_1101)];
        assert_eq!(subscribe.filters, options.map(|(filter, byte)| (filter.to_owned(), byte)));
        let properties = [property::number(0x0b, 268_435_455), property::user("k", "v")].concat();
        assert_eq!(subscribe.properties, properties);
        peer.suback(subscribe.id, &[1, 2, 0, 1]);
        peer.send_publish(&Publish {
            topic: "a".into(),
            properties: [property::number(0x0b, 268_435_455), property::number(0x0b, 7)].concat(),
            ..Publish::default()
        });
        let unsubscribe = peer.expect_unsubscribe();
        assert_eq!(unsubscribe.properties, property::user("x", "y"));
        peer.unsuback(unsubscribe.id, &[0]);
        peer.expect_disconnect();
    });
    let client = quick_v5();
    let told = started(&client, broker.port());
    let new = pmc::SubscribeOptions::new;
    let properties = pmc::Properties::new().with_subscription_identifier(268_435_455).with_user_property("k", "v");
    let all = new().qos(1).no_local(true).retain_as_published(true).retain_handling(pmc::RetainHandling::DoNotSend);
    client
        .subscribe_many([
            ("a", new().qos(1).no_local(true)),
            ("b", new().qos(2).retain_as_published(true)),
            ("c", new().retain_handling(pmc::RetainHandling::SendIfNew).properties(properties)),
            ("d", all),
        ])
        .expect("connected");
    assert_eq!(told.next("SUBACK"), Told::Subscribe { mid: 1, codes: vec![1, 2, 0, 1] });
    let Told::Message { properties, .. } = told.next("a message") else { panic!("not a message") };
    assert_eq!(properties.subscription_identifier, [268_435_455, 7]);
    client.unsubscribe_with(["a"], pmc::Properties::new().with_user_property("x", "y")).expect("connected");
    assert_eq!(told.next("UNSUBACK"), Told::Unsubscribe { mid: 2, codes: vec![0] });
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn no_local_is_not_for_shared_subscriptions() {
    // A protocol error (3.8.3-4): brokers hang up on it.
    let client = quick_v5();
    let options = || pmc::SubscribeOptions::new().no_local(true);
    let error = client.subscribe_many([("t", options()), ("$share/g/t", options())]).expect_err("not both");
    assert!(matches!(&error, Error::InvalidFilter { filter, .. } if filter == "$share/g/t"), "{error:?}");
    assert!(error.to_string().contains("no_local"), "{error}");
}

#[test]
fn no_local_spares_ones_own_messages() {
    let broker = Mosquitto::start();
    let client = quick_v5();
    let told = started(&client, broker.port());
    client.subscribe("t", pmc::SubscribeOptions::new().no_local(true)).expect("connected");
    client.subscribe("marker", 0).expect("connected");
    assert!(matches!(told.take(2, "SUBACK")[..], [Told::Subscribe { mid: 1, .. }, Told::Subscribe { mid: 2, .. }]));
    client.publish("t", "mine", 0).expect("connected");
    client.publish("marker", "", 0).expect("connected");
    assert_eq!(next_but_publish(&told), Told::message("marker", "", 0));
}

#[test]
fn subscriptions_come_back_with_their_options() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            peer.accept();
            let first = peer.expect_subscribe();
            peer.suback(first.id, &[1, 0x87]);
            let second = peer.expect_subscribe();
            peer.suback(second.id, &[0]);
            let third = peer.expect_subscribe();
            peer.suback(third.id, &[0]);
            let unsubscribe = peer.expect_unsubscribe();
            peer.unsuback(unsubscribe.id, &[0]);
        }),
        script(|peer| {
            peer.accept();
            // on_connect asks for "own" itself; "refused" and "given up" are not wanted any more.
            let own = peer.expect_subscribe();
            assert_eq!(own.filters, [("own".to_owned(), 2)]);
            peer.suback(own.id, &[2]);
            let restored = peer.expect_subscribe();
            assert_eq!(restored.filters, [("kept".to_owned(), 0b0000_0101)]);
            peer.suback(restored.id, &[0x97]);
        }),
        script(|peer| {
            peer.accept();
            let own = peer.expect_subscribe();
            assert_eq!(own.filters, [("own".to_owned(), 2)]);
            peer.suback(own.id, &[2]);
            peer.expect_disconnect();
        }),
    ]);
    let client = quick_v5();
    let told = started(&client, broker.port());
    let options = pmc::SubscribeOptions::new().qos(1).no_local(true);
    client.subscribe_many([("kept", options), ("refused", 1.into())]).expect("connected");
    client.subscribe("own", 0).expect("connected");
    client.subscribe("given up", 0).expect("connected");
    let (tell, connected) = Probe::pair();
    client.on_connect(move |client, _, _, _, _| {
        client.subscribe("own", 2).expect("connected");
        let _ = tell.send(());
    });
    client.unsubscribe("given up").expect("connected");
    for codes in [vec![1, 0x87], vec![0], vec![0]] {
        assert!(matches!(told.next("SUBACK"), Told::Subscribe { codes: given, .. } if given == codes));
    }
    // A refused restoration reaches on_subscribe, and is not tried a third time.
    let mut answers = Vec::new();
    while answers.len() < 3 {
        if let Told::Subscribe { codes, .. } = told.next("the restored subscriptions") {
            answers.push(codes);
        }
    }
    assert_eq!(answers, [vec![2], vec![0x97], vec![2]]);
    connected.take(2, "both connections");
    client.disconnect().expect("connected");
    broker.finish();
}

#[test]
fn a_kept_session_is_not_subscribed_again() {
    for resubscribe in [true, false] {
        let broker = ScriptedBroker::sequence(vec![
            script(|peer| {
                peer.accept();
                let first = peer.expect_subscribe();
                peer.suback(first.id, &[1]);
            }),
            script(move |peer| {
                peer.expect_connect();
                peer.connack(0, resubscribe);
                assert_eq!(peer.expect_publish().topic, "marker");
                peer.expect_disconnect();
            }),
        ]);
        let builder = builder().client_id("kept").clean_session(false).resubscribe(resubscribe);
        let client = back_at_once(builder.build().expect("a client"));
        let told = started(&client, broker.port());
        client.subscribe("t", 1).expect("connected");
        assert_eq!(told.take(3, "SUBACK and the loss")[1], Told::disconnected(128));
        let Told::Connect { session_present, .. } = told.next("the second connection") else {
            panic!("not on_connect")
        };
        assert_eq!(session_present, resubscribe);
        client.publish("marker", "", 0).expect("connected");
        client.disconnect().expect("connected");
        broker.finish();
    }
}
