//! From where a connection comes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rappel as pmc;
use rappel::Error;

use crate::support::client::{HOST, quick};
use crate::support::mosquitto::free_port;
use crate::support::scripted::{ScriptedBroker, script};
use crate::support::wait::Probe;

/// Addresses of this machine that the system would not choose by itself, and an address that it does not have.
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 5);
const NOT_OURS: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);

fn options() -> pmc::ConnectOptions {
    pmc::ConnectOptions::new()
}

/// A broker for so many connections that tells where each comes from.
fn broker(connections: usize) -> (ScriptedBroker, Probe<SocketAddr>) {
    let (tell, heard) = Probe::pair();
    let scripts = (0..connections).map(|_| {
        let tell = tell.clone();
        script(move |peer| {
            let _ = tell.send(peer.address());
            peer.accept();
            peer.expect_disconnect();
        })
    });
    (ScriptedBroker::sequence(scripts.collect()), heard)
}

#[test]
fn bind_address_and_bind_port_say_from_where() {
    let (broker, heard) = broker(4);
    let client = quick();
    client.connect_with(HOST, broker.port(), options().bind_address(OTHER)).expect("accepted");
    client.disconnect().expect("connected");
    client.reconnect().expect("accepted");
    client.disconnect().expect("connected");
    for connection in ["the first", "the second"] {
        assert_eq!(heard.next(connection).ip(), IpAddr::from(OTHER), "{connection}");
    }
    let port = free_port();
    client.connect_with(HOST, broker.port(), options().bind_address(OTHER).bind_port(port)).expect("accepted");
    client.disconnect().expect("connected");
    assert_eq!(heard.next("a port too"), SocketAddr::from((OTHER, port)));
    // The next connect has its own options.
    client.connect(HOST, broker.port()).expect("accepted");
    client.disconnect().expect("connected");
    assert_eq!(heard.next("the system's choice").ip(), IpAddr::from(Ipv4Addr::LOCALHOST));
    broker.finish();
}

#[test]
fn an_address_that_cannot_be_used_is_an_error() {
    let client = quick();
    for address in [IpAddr::from(NOT_OURS), IpAddr::from(Ipv6Addr::LOCALHOST)] {
        let error =
            client.connect_with(HOST, free_port(), options().bind_address(address)).expect_err("not from there");
        assert!(matches!(error, Error::Unreachable { .. }), "{address}: {error:?}");
        assert!(error.to_string().contains("cannot be used from here"), "{address}: {error}");
    }
}
