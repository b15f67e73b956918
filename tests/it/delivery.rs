//! Nothing accepted is lost: what `publish` has taken arrives, whatever the broker and the network do.

mod endings;
mod exactly_once;
mod offline;
mod restarts;

use std::time::Duration;

use rappel as pmc;

use crate::support::wait::Probe;

/// A client that is back soon after a loss.
fn client(id: &str, clean: bool, protocol: pmc::Protocol) -> pmc::Client {
    let builder = pmc::Client::builder(pmc::CallbackApiVersion::Version2).client_id(id).protocol(protocol);
    let client = builder.clean_session(clean).build().expect("a client");
    client.reconnect_delay_set(Duration::from_millis(5), Duration::from_millis(100)).expect("delays");
    client
}

/// Options of a connection whose session outlives it, in both versions.
fn kept(protocol: pmc::Protocol) -> pmc::ConnectOptions {
    let options = pmc::ConnectOptions::new().clean_start(false);
    match protocol {
        pmc::Protocol::V5 => options.properties(pmc::Properties::new().with_session_expiry_interval(3600)),
        _ => options,
    }
}

/// A subscriber to `#` with a kept session, already subscribed; tells topic and payload of each message.
fn subscriber(port: u16, id: &str, qos: u8) -> (pmc::Client, Probe<(String, String)>) {
    let client = client(id, false, pmc::Protocol::V311);
    let (tell, heard) = Probe::pair();
    client.on_message(move |_, _, message| {
        let _ = tell.send((message.topic.clone(), message.payload_str().into_owned()));
    });
    let (ready, subscribed) = Probe::pair();
    client.on_subscribe(move |_, _, _, _, _| {
        let _ = ready.send(());
    });
    client.connect("127.0.0.1", port).expect("a broker");
    client.loop_start().expect("a loop");
    client.subscribe("#", qos).expect("a subscription");
    subscribed.next("the subscription's answer");
    (client, heard)
}
