//! `connect_to_recorder`: callbacks under test, without any broker.

use rappel as pmc;

use crate::support::client::{VERSIONS, builder, named};
use crate::support::wait::{Probe, returns};

/// Answers a question, as `examples` and docs/from-python.md do.
fn answerer(client: &pmc::Client) {
    client.on_connect(|client, _, _, code, _| {
        assert_eq!(code, 0);
        client.subscribe_many([("question", 2), ("other", 0)])?;
        client.unsubscribe("other")?;
        Ok(())
    });
    client.on_message(|client, _, msg| {
        let number: i64 = msg.payload_as()?;
        client.publish("answer", number * 2, msg.qos)?;
        Ok(())
    });
}

#[test]
fn callbacks_run_and_what_they_publish_is_recorded() {
    for protocol in VERSIONS {
        for looping in [false, true] {
            let client = named("tested", protocol);
            answerer(&client);
            let (tell, heard) = Probe::pair();
            client.on_publish(move |_, _, mid, code, _| Ok(tell.send((mid, code.value()))?));
            client.username_pw_set("info", "Password1234");
            if looping {
                client.connect_async("nowhere.invalid", 1).expect("a host");
                client.disconnect().expect("it waits");
                client.loop_start().expect("a loop");
            }
            let recorder = client.connect_to_recorder().expect("accepted");
            assert!(client.is_connected());
            assert_eq!(recorder.subscriptions(), ["question"]);
            for (qos, number) in
                [(pmc::Qos::AtMostOnce, "1"), (pmc::Qos::AtLeastOnce, "2"), (pmc::Qos::ExactlyOnce, "3")]
            {
                recorder.deliver(&pmc::Message::new("question", number).with_qos(qos)).expect("connected");
            }
            recorder.deliver(&pmc::Message::new("question", "no number")).expect("the callback's own fault");
            let published = recorder.published();
            let seen: Vec<_> =
                published.iter().map(|msg| (&msg.topic[..], &msg.payload[..], msg.qos.value())).collect();
            assert_eq!(seen, [("answer", &b"2"[..], 0), ("answer", b"4", 1), ("answer", b"6", 2)]);
            assert_eq!(heard.take(3, "on_publish").iter().map(|(_, code)| *code).collect::<Vec<_>>(), [0, 0, 0]);
            client.publish("large", vec![b'x'; 300_000], 1).expect("room").wait_for_publish(60).expect("confirmed");
            assert_eq!(recorder.published().last().map(|msg| msg.payload.len()), Some(300_000));
            let debug = format!("{recorder:?}");
            assert!(!debug.contains("Password1234") && !debug.contains("no number"), "{debug}");
            client.disconnect().expect("connected");
            let late = recorder.deliver(&pmc::Message::new("question", "4"));
            assert!(matches!(late, Err(pmc::Error::NotConnected { .. })), "{late:?}");
        }
    }
}

#[test]
fn properties_come_back_and_a_callback_cannot_deliver() {
    let client = builder().protocol(pmc::Protocol::V5).build().expect("a client");
    client.on_message(|client, _, msg| {
        let (topic, data) = (msg.properties.response_topic.clone(), msg.properties.correlation_data.clone());
        let answer = pmc::Properties::new().with_correlation_data(data.unwrap_or_default());
        client.publish(topic.unwrap_or_default(), "42", pmc::PublishOptions::new().properties(answer))?;
        Ok(())
    });
    let recorder = std::sync::Arc::new(client.connect_to_recorder().expect("accepted"));
    let asked = pmc::Properties::new().with_response_topic("answers/1").with_correlation_data("id-1");
    recorder.deliver(&pmc::Message::new("question", "").with_properties(asked)).expect("connected");
    let published = recorder.published();
    assert_eq!((&published[0].topic[..], &published[0].payload[..]), ("answers/1", &b"42"[..]));
    assert_eq!(published[0].properties.correlation_data.as_deref(), Some(&b"id-1"[..]));

    let (tell, heard) = Probe::pair();
    let within = std::sync::Arc::downgrade(&recorder);
    client.on_message(move |_, _, msg| {
        let outcome = within.upgrade().map(|recorder| (recorder.deliver(msg), recorder.published().len()));
        tell.send(outcome)?;
        Ok(())
    });
    returns("a delivery within a delivery", move || recorder.deliver(&pmc::Message::new("t", ""))).expect("connected");
    let outcome = heard.next("the callback").expect("the recorder is there");
    assert!(matches!(outcome, (Err(pmc::Error::InCallback { method: "deliver" }), 1)), "{outcome:?}");
}
