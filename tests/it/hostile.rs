//! Whatever a broker sends and whoever knocks: the process lives, the connection ends with a reason and comes back.

mod flood;
mod foreign;
mod packets;
mod secrets;

use std::time::Duration;

use rappel as pmc;

use crate::support::client::{HOST, named};
use crate::support::scripted::{Peer, Script, ScriptedBroker, script};
use crate::support::told::{Told, tell_all};

/// What one connection of a hostile broker is like.
struct Case {
    /// Whether the client was accepted before.
    accepted: bool,
    bytes: Vec<u8>,
    /// The client must end the connection by itself; otherwise the broker does.
    refused: bool,
}

/// What was sent wrongly, to be refused after CONNACK.
fn refused(bytes: &[u8]) -> Case {
    Case { accepted: true, bytes: bytes.to_vec(), refused: true }
}

/// The last connection: all is well.
fn healthy(peer: &mut Peer) {
    peer.accept();
    peer.publish("santé", "bonne", 0, 0);
    let message = peer.expect_publish();
    assert_eq!(message.topic, "merci");
    peer.puback(message.id);
    peer.expect_disconnect();
    peer.expect_eof();
}

/// Has a client go through the cases, a connection each, and then through a healthy one.
fn survives(protocol: pmc::Protocol, cases: Vec<Case>) {
    let count = cases.len();
    let (accepted, wrong) = (
        cases.iter().filter(|case| case.accepted).count(),
        cases.iter().filter(|case| case.accepted && case.refused).count(),
    );
    let mut scripts: Vec<Script> = cases.into_iter().map(play).collect();
    scripts.push(script(healthy));
    let broker = ScriptedBroker::sequence(scripts);
    let client = named("victim", protocol);
    let told = tell_all(&client);
    client.connect_async(HOST, broker.port()).expect("wanted");
    client.loop_start().expect("a loop");
    let (mut connects, mut losses, mut fails, mut malformed) = (0, 0, 0, 0);
    loop {
        match told.next(&format!("{protocol:?}: connection {} of {count}", losses + fails + 1)) {
            Told::Connect { code: 0, .. } => connects += 1,
            Told::Connect { .. } | Told::ConnectFail => fails += 1,
            Told::Disconnect { code, by_server, .. } => {
                assert!(code >= 128 || by_server, "a connection ended without a reason: {code}");
                losses += 1;
                malformed += usize::from(code == 130);
            }
            Told::Message { topic, .. } if topic == "santé" => break,
            _ => {}
        }
    }
    assert_eq!((connects, losses, fails), (accepted + 1, accepted, count - accepted), "each connection was told once");
    assert!(malformed >= wrong, "{malformed} connections ended as malformed, {wrong} had to");
    client.publish("merci", "", 1).expect("accepted").wait_for_publish(Duration::from_secs(10)).expect("confirmed");
    client.disconnect().expect("an orderly end");
    broker.finish();
}

fn play(case: Case) -> Script {
    script(move |peer| {
        match case.accepted {
            true => drop(peer.accept()),
            false => drop(peer.expect_connect()),
        }
        peer.send_raw(&case.bytes);
        if case.refused {
            // A client of MQTT 5 says why.
            peer.read_to_eof();
        }
        peer.close();
    })
}
