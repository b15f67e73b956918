//! WebSockets: on a real broker, and on a server that cuts and mixes its messages.

use std::collections::HashMap;

use rappel as pmc;
use rappel::{Error, Transport, WebSocketHeaders};

use super::{LARGE, client, echo, payload};
use crate::support::certificates::{Authority, with_tls};
use crate::support::client::HOST;
use crate::support::mosquitto::{Mosquitto, free_port};
use crate::support::proxy::Proxy;
use crate::support::told::{Told, tell_all};
use crate::support::wait::{DEADLINE, LONG, Probe, SILENCE};
use crate::support::web_socket_peer::{
    BINARY, CLOSE, CONNACK, CONTINUATION, PING, PONG, TEXT, WebSocketPeer, WebSocketServer, header, publish,
};

/// A broker that also takes WebSockets, and the port for them.
fn broker() -> (Mosquitto, u16) {
    let port = free_port();
    (Mosquitto::builder().extra_config(&format!("listener {port} 127.0.0.1\nprotocol websockets")).start(), port)
}

fn web_client() -> pmc::Client {
    client(Transport::WebSockets)
}

/// Connects to a server that follows `steps` from CONNACK on, and tells what comes.
fn served(steps: impl FnOnce(&mut WebSocketPeer) + Send + 'static) -> (pmc::Client, Probe<Told>, WebSocketServer) {
    let mut steps = Some(steps);
    let server = WebSocketServer::run(1, move |_, peer| {
        peer.accept();
        steps.take().expect("one connection")(peer);
    });
    let client = web_client();
    client.connect(HOST, server.port()).expect("accepted");
    let told = tell_all(&client);
    client.loop_start().expect("no loop yet");
    assert_eq!(told.next("on_connect"), Told::connected());
    (client, told, server)
}

/// The text of the error with which a server that answers the request with `answer` is left.
#[track_caller]
fn refused(answer: &'static str) -> String {
    let server = WebSocketServer::run(1, move |_, peer| {
        peer.request();
        peer.send(answer);
    });
    let error = web_client().connect(HOST, server.port()).expect_err("not opened");
    assert!(matches!(error, Error::WebSocket { .. }), "{error:?}");
    assert!(error.to_string().contains(&format!("{HOST}:{}", server.port())), "{error}");
    server.finish();
    error.to_string()
}

#[test]
fn a_real_broker() {
    let (_broker, port) = broker();
    let client = web_client();
    assert_eq!((client.transport(), client.transport().to_string()), (Transport::WebSockets, "websockets".to_owned()));
    client.connect(HOST, port).expect("accepted");
    // Mosquitto writes 4 KiB to a WebSocket in each of its rounds, of 100 ms.
    echo(&client, 70_000);
    client.disconnect().expect("connected");
}

#[test]
fn more_than_any_buffer_holds() {
    let (broker, port) = broker();
    let (tell, heard) = Probe::pair();
    let subscriber = client(Transport::Tcp);
    subscriber.on_message(move |_, _, message| drop(tell.send(message.payload.clone())));
    subscriber.connect(HOST, broker.port()).expect("accepted");
    subscriber.subscribe("large", 1).expect("connected");
    subscriber.loop_start().expect("no loop yet");
    let client = web_client();
    client.connect(HOST, port).expect("accepted");
    for qos in 0..=2 {
        client.publish("large", payload(LARGE), qos).expect("connected").wait_for_publish(DEADLINE).expect("taken");
        assert!(heard.next("the message") == payload(LARGE), "QoS {qos}: it was changed on its way");
    }
    client.disconnect().expect("connected");
    subscriber.disconnect().expect("connected");
}

#[cfg(feature = "tls")]
#[test]
fn over_tls() {
    let authority = Authority::new("good");
    let files = authority.sign("server", &["127.0.0.1"]);
    let (builder, port) = with_tls(Mosquitto::builder(), &files, "protocol websockets");
    let broker = builder.start();
    let client = web_client();
    client.tls_set(pmc::TlsOptions::new().ca_certs(authority.file())).expect("a certificate");
    client.connect(HOST, port).expect("accepted");
    echo(&client, 70_000);
    client.disconnect().expect("connected");
    // Its certificate counts as anywhere, and what is no TLS is said.
    let stranger = web_client();
    stranger.tls_set(pmc::TlsOptions::new().ca_certs(Authority::new("other").file())).expect("a certificate");
    assert_eq!(stranger.connect(HOST, port).expect_err("not trusted").code(), pmc::ErrorCode::Tls);
    assert!(matches!(client.connect(HOST, broker.port()), Err(Error::NoTls { .. })));
}

#[test]
fn several_clients_and_a_broker_that_restarts() {
    let (broker, port) = broker();
    let clients: Vec<_> = (0..5)
        .map(|_| {
            let client = web_client();
            client.connect(HOST, port).expect("accepted");
            let told = tell_all(&client);
            client.loop_start().expect("no loop yet");
            assert_eq!(told.next("on_connect"), Told::connected());
            (client, told)
        })
        .collect();
    broker.restart();
    for (client, told) in &clients {
        while told.next("connected again") != Told::connected() {}
        client.subscribe("all", 1).expect("connected");
        while !matches!(told.next("on_subscribe"), Told::Subscribe { .. }) {}
    }
    clients[0].0.publish("all", "hello", 1).expect("connected");
    for (client, told) in &clients {
        while told.next("the message") != Told::message("all", "hello", 1) {}
        client.disconnect().expect("connected");
    }
}

#[test]
fn the_request_is_pythons_unless_said_otherwise() {
    let (tell, heard) = Probe::pair();
    let server = WebSocketServer::run(4, move |_, peer| {
        let _ = tell.send(peer.open());
        peer.expect_packet(0x10);
        peer.frame(true, BINARY, &CONNACK);
        peer.expect_end();
    });
    let client = web_client();
    let request = || {
        client.connect(HOST, server.port()).expect("accepted");
        client.disconnect().expect("connected");
        heard.next("the request")
    };
    let host = format!("{HOST}:{}", server.port());
    let usual = request();
    assert!(usual.starts_with("GET /mqtt HTTP/1.1\r\n"), "{usual}");
    let names = ["Host", "Upgrade", "Connection", "Origin", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol"];
    let origin = format!("http://{host}");
    let values = [host.as_str(), "websocket", "Upgrade", &origin, "13", "mqtt"];
    assert_eq!(names.map(|name| header(&usual, name)), values.map(Some), "{usual}");

    client.ws_set_options("/a/b?c=d", HashMap::from([("Authorization", "Bearer é"), ("origin", "x")])).expect("valid");
    let added = request();
    assert!(added.starts_with("GET /a/b?c=d HTTP/1.1\r\n"), "{added}");
    assert_eq!((header(&added, "Authorization"), header(&added, "Origin")), (Some("Bearer é"), Some("x")));

    client
        .ws_set_options("/", |mut headers: WebSocketHeaders| {
            headers.remove("Origin");
            let host = headers.get("Host").unwrap_or_default().to_uppercase();
            headers.insert("X-Host", host);
            headers
        })
        .expect("valid");
    let changed = request();
    assert_eq!((header(&changed, "Origin"), header(&changed, "X-Host")), (None, Some(host.as_str())));

    client.ws_set_options("/mqtt", None).expect("valid");
    let key = |request: &str| header(request, "Sec-WebSocket-Key").map(str::to_owned);
    let last = request();
    assert_eq!(header(&last, "X-Host"), None);
    assert_ne!(key(&usual), key(&last), "a key is used once");
    server.finish();
}

#[test]
fn options_that_make_no_request() {
    let client = web_client();
    for (path, headers) in [("mqtt", [("a", "b")]), ("/mqtt", [("a b", "c")]), ("/mqtt", [("a", "b\r\nc: d")])] {
        let error = client.ws_set_options(path, headers).expect_err(path);
        assert!(matches!(error, Error::InvalidOption { .. }), "{error:?}");
    }
    // A function is only known by what it gives, each time.
    let server = WebSocketServer::run(4, |_, peer| peer.expect_end());
    type Function = fn(WebSocketHeaders) -> WebSocketHeaders;
    let functions: [(Function, &str); 3] = [
        (|_| WebSocketHeaders::default(), "headers of ws_set_options"),
        (|_| WebSocketHeaders::from([("a b", "c")]), "headers is not valid"),
        (|_| panic!("of the test"), "headers of ws_set_options"),
    ];
    for (function, part) in functions {
        client.ws_set_options("/mqtt", function).expect("a function");
        let error = client.connect(HOST, server.port()).expect_err("no request");
        assert!(error.to_string().contains(part), "{part:?} is not in {error}");
    }
    drop(std::net::TcpStream::connect((HOST, server.port())));
    server.finish();
}

#[test]
fn messages_however_they_are_cut() {
    let (client, told, server) = served(|peer| {
        let message = |number: u8| publish("t", &[number; 3]);
        // Two packets in one message, and a packet byte by byte, with nothing between some of them.
        peer.frame(true, BINARY, &[message(1), message(2)].concat());
        for byte in message(3) {
            peer.frame(true, BINARY, &[byte]);
            peer.frame(true, BINARY, &[]);
        }
        // The end of one packet and the start of the next in a message.
        let two = [message(4), message(5)].concat();
        peer.frame(true, BINARY, &two[..2]);
        peer.frame(true, BINARY, &two[2..12]);
        peer.frame(true, BINARY, &two[12..]);
        // A message in fragments, with pings among them, the last of which is empty.
        let six = message(6);
        peer.frame(false, BINARY, &six[..1]);
        peer.frame(true, PING, b"are you there?");
        peer.frame(false, CONTINUATION, &six[1..4]);
        peer.frame(true, PONG, b"unasked");
        peer.frame(false, CONTINUATION, &six[4..]);
        peer.frame(true, CONTINUATION, &[]);
        assert_eq!(peer.next(), (PONG, b"are you there?".to_vec()));
        // Frames that come in pieces.
        let large = publish("t", &[7; 70_000]);
        let mut frame = vec![0x80 | BINARY, 127];
        frame.extend((large.len() as u64).to_be_bytes());
        frame.extend(large);
        for piece in frame.chunks(1_001) {
            peer.send(piece);
        }
        assert_eq!(peer.expect_packet(0xe0), [0xe0, 0]);
        let (opcode, payload) = peer.next();
        assert_eq!((opcode, &payload[..2]), (CLOSE, &1000_u16.to_be_bytes()[..]));
    });
    for number in 1..=6 {
        assert_eq!(told.next("a message"), Told::message("t", [number; 3], 0));
    }
    assert_eq!(told.next("the large one"), Told::message("t", [7; 70_000], 0));
    client.disconnect().expect("connected");
    server.finish();
}

#[test]
fn a_ping_of_the_servers_is_no_answer_to_mqtts() {
    let (tell, sent) = Probe::pair();
    let server = WebSocketServer::run(1, move |_, peer| {
        peer.accept();
        peer.ping_until_the_end(|_, packet| drop(tell.send(packet)));
    });
    let client = web_client();
    client.connect_with(HOST, server.port(), pmc::ConnectOptions::new().keepalive(1)).expect("accepted");
    assert_eq!(sent.next("MQTT's own ping"), [0xc0, 0]);
    let told = tell_all(&client);
    client.loop_start().expect("no loop yet");
    while told.next("the end") != Told::disconnected(141) {}
    server.finish();
}

#[test]
fn a_large_message_over_a_slow_line_is_no_dead_broker() {
    // 7 s each way, where a keep-alive of 3 s is patient for 6. Mosquitto is not over WebSockets.
    let large = publish("large", &vec![7; 700_000]);
    let server = WebSocketServer::run(1, move |_, peer| {
        peer.accept();
        let mut sent = Vec::new();
        while !sent.starts_with(&[0xe0, 0]) {
            sent.extend(peer.next().1);
            if sent.starts_with(&[0xc0, 0]) {
                peer.frame(true, BINARY, &[0xd0, 0]);
                sent.drain(..2);
            } else if sent.starts_with(&large) {
                peer.frame(true, BINARY, &large);
                sent.drain(..large.len());
            }
        }
        peer.expect_end();
    });
    let line = Proxy::slow(server.port());
    let client = web_client();
    client.connect_with(HOST, line.port(), pmc::ConnectOptions::new().keepalive(3)).expect("accepted");
    let told = tell_all(&client);
    client.loop_start().expect("no loop yet");
    client.publish("large", vec![7; 700_000], 0).expect("connected").wait_for_publish(LONG).expect("written");
    loop {
        match told.next_within("the message", LONG) {
            Told::Message { payload, .. } => break assert!(payload == vec![7; 700_000], "it was changed on its way"),
            Told::Connect { .. } | Told::Publish { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    client.disconnect().expect("connected");
    server.finish();
}

#[test]
fn what_is_no_mqtt_on_a_web_socket() {
    let (client, told, server) = served(|peer| {
        peer.frame(true, TEXT, b"hello");
        let (opcode, payload) = peer.next();
        assert_eq!((opcode, &payload[..]), (CLOSE, &1003_u16.to_be_bytes()[..]));
        peer.expect_end();
    });
    while told.next("the end") != Told::disconnected(128) {}
    client.loop_stop().expect("a loop");
    server.finish();

    // A frame longer than any packet may be.
    let server = WebSocketServer::run(1, |_, peer| {
        peer.open();
        peer.expect_packet(0x10);
        peer.send([0x80 | BINARY, 127, 0, 0, 1, 0, 0, 0, 0, 0]);
        peer.expect_end();
    });
    let error = web_client().connect(HOST, server.port()).expect_err("too long").to_string();
    assert!(error.contains("too long"), "{error}");
    server.finish();

    // Before CONNACK, connect says why.
    for (opcode, payload, parts) in [
        (TEXT, &b"hello"[..], ["sent text", "MQTT broker"]),
        (CLOSE, &b"\x03\xf0no room"[..], ["closed it", "(1008 no room)"]),
        (CLOSE, b"", ["closed it", ""]),
        (11, b"x", ["opcode", "11"]),
    ] {
        let server = WebSocketServer::run(1, move |_, peer| {
            peer.open();
            peer.expect_packet(0x10);
            peer.frame(true, opcode, payload);
            peer.expect_end();
        });
        let error = web_client().connect(HOST, server.port()).expect_err("ended");
        assert!(matches!(error, Error::WebSocket { .. }), "{error:?}");
        for part in parts {
            assert!(error.to_string().contains(part), "{part:?} is not in {error}");
        }
        server.finish();
    }
}

#[test]
fn a_server_that_does_not_open() {
    for (answer, parts) in [
        ("HTTP/1.1 404 Not Found\r\n\r\n", ["404 Not Found", "\"/mqtt\"", "ws_set_options"]),
        ("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", ["401", "Authorization", "ws_set_options"]),
        ("HTTP/1.1 301 Moved\r\nLocation: http://x.lan/y\r\n\r\n", ["301", "http://x.lan/y", ""]),
        ("HTTP/1.1 200 OK\r\n\r\nhello", ["200 OK", "is it a WebSocket server", "\"/mqtt\""]),
        ("\x20\x02\0\0", ["not HTTP", "port of WebSockets", ""]),
        ("", ["hung up", "protocol websockets", "TLS"]),
        ("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", ["Key mismatch", "", ""]),
    ] {
        let error = refused(answer);
        for part in parts {
            assert!(error.contains(part), "{part:?} is not in {error}");
        }
    }
    // Without MQTT on it.
    let server = WebSocketServer::run(1, |_, peer| {
        let request = peer.request();
        let accept =
            tungstenite::handshake::derive_accept_key(header(&request, "Sec-WebSocket-Key").expect("a key").as_bytes());
        peer.send(format!(
            "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        ));
        peer.expect_end();
    });
    let error = web_client().connect(HOST, server.port()).expect_err("no MQTT").to_string();
    assert!(error.contains("subprotocol \"mqtt\""), "{error}");
    server.finish();
}

#[test]
fn the_wrong_port_and_a_silent_server() {
    let (broker, web_port) = broker();
    let error = web_client().connect(HOST, broker.port()).expect_err("plain MQTT");
    assert!(error.to_string().contains("protocol websockets"), "{error}");
    let error = client(Transport::Tcp).connect(HOST, web_port).expect_err("a port for WebSockets");
    assert!(error.to_string().contains(".transport(Transport::WebSockets)"), "{error}");

    let server = WebSocketServer::run(1, |_, peer| peer.expect_end());
    let client = web_client();
    client.connect_timeout_set(SILENCE).expect("a time");
    let error = client.connect(HOST, server.port()).expect_err("silence");
    assert!(matches!(error, Error::ConnectTimeout { stage: "the WebSocket's opening", .. }), "{error:?}");
    server.finish();
}
