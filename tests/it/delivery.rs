//! Nothing accepted is lost: what `publish` has taken arrives, whatever the broker and the network do.

mod endings;
mod exactly_once;
mod offline;
mod restarts;

use rappel as pmc;

use crate::support::client::{HOST, kept};
use crate::support::wait::Probe;

/// A subscriber to `#` with a kept session, already subscribed; tells topic and payload of each message.
fn subscriber(port: u16, id: &str, qos: u8) -> (pmc::Client, Probe<(String, String)>) {
    let client = kept(id, pmc::Protocol::V311);
    let (tell, heard) = Probe::pair();
    client.on_message(move |_, _, message| {
        let _ = tell.send((message.topic.clone(), message.payload_str().into_owned()));
    });
    let (ready, subscribed) = Probe::pair();
    client.on_subscribe(move |_, _, _, _, _| {
        let _ = ready.send(());
    });
    client.connect(HOST, port).expect("a broker");
    client.loop_start().expect("a loop");
    client.subscribe("#", qos).expect("a subscription");
    subscribed.next("the subscription's answer");
    (client, heard)
}
