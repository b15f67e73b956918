//! Settings that change while a connection stands: where paho-python raises for some, they count from the next one on.

use rappel as pmc;

use crate::support::client::{HOST, quick};
use crate::support::scripted::{ScriptedBroker, script};

#[test]
fn what_is_set_while_connected_counts_from_the_next_connection_on() {
    let broker = ScriptedBroker::sequence(vec![
        script(|peer| {
            let connect = peer.accept();
            assert_eq!((connect.keepalive, connect.user, connect.will), (60, None, None));
            peer.read_to_eof();
        }),
        script(|peer| {
            let connect = peer.accept();
            assert_eq!((connect.keepalive, connect.user.as_deref()), (7, Some("info")));
            assert_eq!(connect.password.as_deref(), Some(&b"Password1234"[..]));
            assert_eq!(connect.will.map(|will| will.topic).as_deref(), Some("gone"));
            peer.read_to_eof();
        }),
        script(|peer| {
            let connect = peer.accept();
            assert_eq!((connect.keepalive, connect.user, connect.password), (7, None, None));
            assert_eq!(connect.will, None);
            peer.expect_disconnect();
        }),
    ]);
    let client = quick();
    client.connect(HOST, broker.port()).expect("accepted");
    client.keepalive_set(7).expect("valid");
    client.connect_timeout_set(9.5).expect("valid");
    client.username_pw_set("info", "Password1234");
    client.will_set("gone", "", 0).expect("valid");
    client.max_inflight_messages_set(5);
    client.max_queued_messages_set(6);
    assert!(client.is_connected(), "the connection stands");
    client.reconnect().expect("accepted");

    client.username_pw_set("", None);
    client.will_clear();
    // `connect` without a keep-alive keeps what was set.
    client.connect_with(HOST, broker.port(), pmc::ConnectOptions::new()).expect("accepted");
    assert_eq!((client.keepalive().as_secs(), client.connect_timeout().as_secs_f64()), (7, 9.5));
    assert_eq!((client.max_inflight_messages(), client.max_queued_messages()), (5, 6));
    client.disconnect().expect("connected");
    broker.finish();
}
