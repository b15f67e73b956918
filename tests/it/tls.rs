//! Encrypted connections with a real Mosquitto: which certificates are accepted, and what is said of those that are not.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use log::Level;
use rappel as pmc;
use rappel::{CertificateProblem, Error, ErrorCode, OneShotOptions, TlsOptions, publish, subscribe};

use crate::support::certificates::{Authority, Time, with_tls};
use crate::support::client::{HOST, VERSIONS, named, plain, quick};
use crate::support::logged::{expect_logged, is_logged, keep_log};
use crate::support::mosquitto::Mosquitto;
use crate::support::proxy::Proxy;
use crate::support::told::{Told, tell_all};
use crate::support::trials::{Chance, alone};
use crate::support::wait::{DEADLINE, LONG, Probe, SILENCE};

/// A broker whose certificate is good for the loopback address; its authority, and its port for TLS.
fn broker() -> (Mosquitto, Authority, u16) {
    let authority = Authority::new("good");
    let (builder, port) = with_tls(Mosquitto::builder(), &authority.sign("server", &["127.0.0.1"]), "");
    (builder.start(), authority, port)
}

/// A client that trusts this authority.
fn trusting(authority: &Authority) -> pmc::Client {
    let client = quick();
    client.tls_set(TlsOptions::new().ca_certs(authority.file())).expect("a certificate");
    client
}

/// The error of a client with these options.
#[track_caller]
fn refused(options: TlsOptions, port: u16) -> Error {
    let client = quick();
    client.tls_set(options).expect("good options");
    let error = client.connect(HOST, port).expect_err("refused");
    assert!(!client.is_connected());
    assert_eq!(error.code(), ErrorCode::Tls, "{error}");
    let text = error.to_string();
    assert!(text.contains(&format!("{HOST}:{port}")), "{text}");
    error
}

#[test]
fn five_megabytes_both_ways() {
    let (broker, authority, port) = broker();
    for version in VERSIONS {
        let client = named("tls", version);
        client.tls_set(TlsOptions::new().ca_certs(authority.file())).expect("a certificate");
        let (tell, heard) = Probe::pair();
        client.on_message(move |_, _, msg| drop(tell.send(msg.payload.clone())));
        client.connect(HOST, port).expect("a good certificate");
        client.loop_start().expect("a loop");
        client.subscribe("large", 1).expect("connected");
        for (seed, qos) in [(1, 0), (2, 1), (3, 2)] {
            let payload = Chance::new(seed).bytes(5_000_000);
            let info = client.publish("large", payload.clone(), qos).expect("connected");
            info.wait_for_publish(DEADLINE).expect("confirmed");
            assert!(heard.next("the message") == payload, "{version} {qos}: it has arrived changed");
        }
        client.disconnect().expect("connected");
    }
    drop(broker);
}

#[test]
fn a_slow_line_is_no_dead_broker() {
    let (broker, authority, port) = broker();
    let line = Proxy::slow(port);
    let client = trusting(&authority);
    let (tell, heard) = Probe::pair();
    client.on_message(move |_, _, msg| drop(tell.send(msg.payload.clone())));
    client.connect_with(HOST, line.port(), pmc::ConnectOptions::new().keepalive(3)).expect("a good certificate");
    client.loop_start().expect("a loop");
    client.subscribe("large", 1).expect("connected");
    let payload = Chance::new(7).bytes(700_000);
    let info = client.publish("large", payload.clone(), 1).expect("connected");
    // 7 s each way, where a keep-alive of 3 s is patient for 6.
    assert!(heard.next_within("the message", LONG) == payload, "it has arrived changed");
    info.wait_for_publish(DEADLINE).expect("confirmed");
    assert_eq!(line.accepted(), 1, "cut as dead");
    client.disconnect().expect("connected");
    drop(broker);
}

#[test]
fn certificates_that_are_not_accepted() {
    let (good, other) = (Authority::new("good"), Authority::new("other"));
    let listeners = [
        good.sign_for("expired", &["127.0.0.1"], Time::Past),
        good.sign_for("early", &["127.0.0.1"], Time::Future),
        good.sign("elsewhere", &["pi.lan", "192.0.2.7"]),
        good.sign("nowhere", &[]),
        other.sign("foreign", &["127.0.0.1"]),
        good.self_signed("self", false),
        good.self_signed("self-ca", true),
    ];
    let mut builder = Mosquitto::builder();
    let mut ports = Vec::new();
    for files in &listeners {
        let (with, port) = with_tls(builder, files, "");
        builder = with;
        ports.push(port);
    }
    let broker = builder.start();
    let problem = |port| match refused(TlsOptions::new().ca_certs(good.file()), port) {
        Error::CertificateRefused { problem, .. } => problem,
        other => panic!("{other}"),
    };
    assert!(matches!(problem(ports[0]), CertificateProblem::Expired { not_after: Some(_) }));
    assert!(matches!(problem(ports[1]), CertificateProblem::NotYetValid { not_before: Some(_) }));
    let names = vec!["pi.lan".to_owned(), "192.0.2.7".to_owned()];
    assert_eq!(problem(ports[2]), CertificateProblem::WrongHost { names });
    assert_eq!(problem(ports[3]), CertificateProblem::WrongHost { names: Vec::new() });
    assert_eq!(problem(ports[4]), CertificateProblem::UnknownAuthority);
    assert_eq!(problem(ports[5]), CertificateProblem::SelfSigned);
    assert_eq!(problem(ports[6]), CertificateProblem::SelfSigned);
    let text = refused(TlsOptions::new().ca_certs(good.file()), ports[0]).to_string();
    assert!(text.contains("expired on 2021-02-03") && text.contains("timedatectl"), "{text}");

    // One that is given itself is trusted, as in Python; its name and its dates still count.
    for (port, files) in [(ports[5], &listeners[5]), (ports[6], &listeners[6])] {
        let client = quick();
        client.tls_set(TlsOptions::new().ca_certs(&files.certificate)).expect("a certificate");
        client.connect(HOST, port).unwrap_or_else(|error| panic!("{error}"));
        client.disconnect().expect("connected");
    }
    // Nor does another name of the same machine help where the certificate does not have it.
    let client = trusting(&good);
    let error = client.connect("localhost", ports[2]).expect_err("another name");
    assert!(matches!(error, Error::CertificateRefused { .. }), "{error}");
    drop(broker);
}

#[test]
fn a_certificate_as_old_guides_make_it() {
    let authority = Authority::new("good");
    authority.openssl("req -new -newkey rsa:2048 -nodes -keyout old.key -subj /CN=127.0.0.1 -out old.csr");
    authority.openssl("req -x509 -newkey rsa:2048 -nodes -keyout my.key -subj /CN=authority -days 9 -out my.crt");
    authority.openssl("x509 -req -in old.csr -CA my.crt -CAkey my.key -CAcreateserial -days 9 -out old.crt");
    let (builder, port) = with_tls(Mosquitto::builder(), &authority.files("old"), "");
    let broker = builder.start();
    let error = refused(TlsOptions::new().ca_certs(authority.dir().join("my.crt")), port);
    let Error::CertificateRefused { problem, .. } = &error else { panic!("{error}") };
    let names = Vec::new();
    // Whether it is of version 1 depends on OpenSSL's.
    assert!([CertificateProblem::Version1, CertificateProblem::WrongHost { names }].contains(problem), "{problem:?}");
    assert!(error.to_string().contains("subjectAltName=IP:127.0.0.1"), "{error}");
    // The line of the error, but for the shell's part of it.
    fs::write(authority.dir().join("names"), "subjectAltName=IP:127.0.0.1").expect("a file");
    authority
        .openssl("x509 -req -in old.csr -CA my.crt -CAkey my.key -CAcreateserial -days 9 -out old.crt -extfile names");
    broker.restart();
    let client = quick();
    client.tls_set(TlsOptions::new().ca_certs(authority.dir().join("my.crt"))).expect("a certificate");
    client.connect(HOST, port).expect("a certificate with a name");
    client.disconnect().expect("connected");
}

#[test]
fn whom_the_machine_trusts() {
    let (broker, authority, port) = broker();
    let error = refused(TlsOptions::new(), port);
    let unknown = CertificateProblem::UnknownAuthority;
    assert!(matches!(&error, Error::CertificateRefused { problem, .. } if *problem == unknown), "{error}");
    let port = port.to_string();
    alone("tls::the_machine_trusts_it", &[("SSL_CERT_FILE", &authority.file().display().to_string()), (PORT, &port)]);
    drop(broker);
}

/// The port for a test in a process of its own.
const PORT: &str = "RAPPEL_TEST_TLS_PORT";

#[test]
#[ignore = "run by whom_the_machine_trusts, in an environment of its own"]
fn the_machine_trusts_it() {
    let port = std::env::var(PORT).expect("a port").parse().expect("a number");
    let client = quick();
    client.tls_set(TlsOptions::new()).expect("the machine's certificates");
    client.connect(HOST, port).expect("trusted");
    client.disconnect().expect("connected");
}

#[test]
fn a_broker_that_wants_a_certificate_of_the_client() {
    let (good, other) = (Authority::new("good"), Authority::new("other"));
    let wanted = format!("cafile {}\nrequire_certificate true\nuse_identity_as_username true", good.file().display());
    let server = good.sign("server", &["127.0.0.1"]);
    let (builder, port) = with_tls(Mosquitto::builder(), &server, &wanted);
    let broker = builder.start();
    let trusting = || TlsOptions::new().ca_certs(good.file());
    // TLS 1.3 tells the client only after its own handshake is over.
    for (version, missing) in [(pmc::TlsVersion::V1_2, 40), (pmc::TlsVersion::V1_3, 116)] {
        let trusting = || trusting().tls_version(version);
        for version in VERSIONS {
            let client = named("shown", version);
            let files = good.sign("client", &[]);
            client.tls_set(trusting().certfile(files.certificate).keyfile(files.key)).expect("a certificate");
            client.connect(HOST, port).expect("the certificate that is wanted");
            client.disconnect().expect("connected");
        }
        let error = refused(trusting(), port);
        assert!(matches!(error, Error::TlsRefused { alert, .. } if alert == missing), "{error}");
        assert!(error.to_string().contains("TlsOptions::certfile"), "{error}");
        let files = other.sign("foreign", &[]);
        let error = refused(trusting().certfile(files.certificate).keyfile(files.key), port);
        assert!(matches!(error, Error::TlsRefused { alert: 48, .. }), "{error}");
        let files = good.sign_for("late", &[], Time::Past);
        let error = refused(trusting().certfile(files.certificate).keyfile(files.key), port);
        assert!(matches!(error, Error::TlsRefused { alert: 45, .. }), "{error}");
    }
    // As students make them.
    good.openssl("genrsa -aes128 -passout pass:Password1234 -out student.key 2048");
    good.openssl(
        "req -new -x509 -key student.key -passin pass:Password1234 -subj /CN=student -days 9 -out student.crt",
    );
    let files = good.files("student");
    let trusted = format!("cafile {}\nrequire_certificate true", files.certificate.display());
    let (builder, port) = with_tls(Mosquitto::builder(), &server, &trusted);
    let second = builder.start();
    let client = quick();
    let options = trusting().certfile(files.certificate).keyfile(files.key).keyfile_password("Password1234");
    client.tls_set(options).expect("the right password");
    client.connect(HOST, port).expect("the certificate that is wanted");
    client.disconnect().expect("connected");
    drop((broker, second));
}

#[test]
fn in_clear_to_a_port_of_tls_and_the_other_way() {
    let (broker, authority, port) = broker();
    for version in VERSIONS {
        let client = named("clear", version);
        let error = client.connect(HOST, port).expect_err("the port is for TLS");
        match error {
            // What is said depends on OpenSSL's version: an alert, or nothing.
            Error::NeedsTls { .. } => assert!(error.to_string().contains("tls_set"), "{error}"),
            _ => assert!(matches!(error, Error::ClosedDuringConnect { .. }), "{error}"),
        }
        assert!(error.to_string().contains("TLS"), "{error}");
    }
    let error = trusting(&authority).connect(HOST, broker.port()).expect_err("the port is in clear");
    assert!(matches!(error, Error::NoTls { .. }), "{error}");
    // Others that say something.
    let (clear, garbage) = (&b"\x20\x02\x00\x01"[..], &b"\x16\x03\x03\x00\x04\x02\x00\x00\x00"[..]);
    for (says, name) in [(&b"\x15\x03\x01\x00\x02\x02\x46"[..], "NeedsTls"), (clear, "NoTls"), (garbage, "TlsFailed")] {
        let listener = TcpListener::bind((HOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server = thread::spawn(move || {
            let (mut peer, _) = listener.accept().expect("a client");
            let _ = peer.read(&mut [0; 64]);
            peer.write_all(says).expect("the client listens");
            let _ = peer.read_to_end(&mut Vec::new());
        });
        let client = if name == "NeedsTls" { quick() } else { trusting(&authority) };
        let error = client.connect(HOST, port).expect_err("no broker");
        assert!(format!("{error:#?}").starts_with(name), "{name}: {error}");
        server.join().expect("no panic");
    }
}

#[test]
fn a_broker_that_never_answers_in_tls() {
    let listener = TcpListener::bind((HOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let client = trusting(&Authority::new("good"));
    client.connect_timeout_set(SILENCE).expect("a time");
    let error = client.connect(HOST, port).expect_err("nobody answers");
    assert!(matches!(error, Error::ConnectTimeout { stage: "the TLS handshake", .. }), "{error:?}");
}

#[test]
fn versions_suites_and_protocols() {
    let authority = Authority::new("good");
    let server = authority.sign("server", &["127.0.0.1"]);
    let (builder, new) = with_tls(Mosquitto::builder(), &server, "tls_version tlsv1.3");
    let (builder, old) = with_tls(builder, &server, "ciphers ECDHE-ECDSA-AES128-GCM-SHA256");
    let broker = builder.start();
    let trusting = || TlsOptions::new().ca_certs(authority.file());
    for (options, port) in [
        (trusting().tls_version(pmc::TlsVersion::V1_3), new),
        (trusting().tls_version(pmc::TlsVersion::V1_2), old),
        (trusting().tls_version(pmc::TlsVersion::V1_2).ciphers("ECDHE-ECDSA-AES128-GCM-SHA256"), old),
        (trusting().ciphers("TLS_CHACHA20_POLY1305_SHA256"), new),
    ] {
        let client = quick();
        client.tls_set(options.clone()).expect("good options");
        client.connect(HOST, port).unwrap_or_else(|error| panic!("{options:?}: {error}"));
        client.disconnect().expect("connected");
    }
    let v1_2 = || trusting().tls_version(pmc::TlsVersion::V1_2);
    let error = refused(v1_2(), new);
    assert!(matches!(error, Error::TlsRefused { alert: 70, .. }), "{error}");
    let error = refused(v1_2().ciphers("ECDHE-ECDSA-CHACHA20-POLY1305"), old);
    assert!(matches!(error, Error::TlsRefused { alert: 40, .. }), "{error}");
    drop(broker);

    // What is asked for by ALPN stands in the first message, in clear.
    let listener = TcpListener::bind((HOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let server = thread::spawn(move || {
        let (mut peer, _) = listener.accept().expect("a client");
        let mut hello = vec![0; 4096];
        let count = peer.read(&mut hello).expect("a message");
        hello.truncate(count);
        hello
    });
    refused(trusting().alpn_protocols(["mqtt", "x-amzn-mqtt-ca"]), port);
    let hello = server.join().expect("no panic");
    let wanted = b"\x04mqtt\x0ex-amzn-mqtt-ca";
    assert!(hello.windows(wanted.len()).any(|bytes| bytes == wanted), "{hello:?}");
}

#[test]
fn insecure_lets_another_host_pass_and_nothing_else() {
    keep_log();
    let (good, other) = (Authority::new("good"), Authority::new("other"));
    let (builder, elsewhere) = with_tls(Mosquitto::builder(), &good.sign("elsewhere", &["pi.lan"]), "");
    let (builder, foreign) = with_tls(builder, &other.sign("foreign", &["127.0.0.1"]), "");
    let broker = builder.start();
    let client = trusting(&good);
    client.tls_insecure_set(true).expect("TLS is set");
    expect_logged(Level::Warn, &["tls_insecure_set(true)"]);
    client.connect(HOST, elsewhere).expect("the host does not count");
    client.disconnect().expect("connected");
    client.connect(HOST, foreign).expect_err("the authority counts");
    client.tls_insecure_set(false).expect("TLS is set");
    client.connect(HOST, elsewhere).expect_err("the host counts again");

    let client = quick();
    client.tls_set(TlsOptions::new().cert_reqs(pmc::CertReqs::None)).expect("good options");
    expect_logged(Level::Warn, &["CertReqs::None"]);
    for port in [elsewhere, foreign] {
        client.connect(HOST, port).expect("nothing counts");
        client.disconnect().expect("connected");
    }
    // As in Python, whoever wants the host to be right wants the certificate to be.
    client.tls_insecure_set(false).expect("TLS is set");
    client.connect(HOST, foreign).expect_err("the authority counts");
    drop(broker);
}

#[test]
fn a_configuration_of_ones_own() {
    let (broker, authority, port) = broker();
    let mut roots = rustls::RootCertStore::empty();
    let pem = fs::read(authority.file()).expect("PEM");
    let certificate = rustls::pki_types::pem::PemObject::from_pem_slice(&pem).expect("a certificate");
    roots.add(certificate).expect("a certificate");
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let own = pmc::TlsContext::from_rustls_0_23(config);
    let shared = pmc::TlsContext::new(TlsOptions::new().ca_certs(authority.file())).expect("a certificate");
    for context in [own.clone(), shared.clone(), shared] {
        let client = quick();
        client.tls_set_context(context);
        client.connect(HOST, port).expect("a good certificate");
        client.disconnect().expect("connected");
    }
    let client = plain();
    client.tls_set_context(own);
    let error = client.tls_insecure_set(true).expect_err("the configuration decides");
    assert!(matches!(error, Error::InvalidOption { option: "tls_insecure_set", .. }), "{error}");
    drop(broker);
}

#[test]
fn a_connection_that_is_lost_comes_back() {
    keep_log();
    let (broker, authority, port) = broker();
    for version in VERSIONS {
        let proxy = Proxy::to(port);
        let client = named("back", version);
        client.tls_set(TlsOptions::new().ca_certs(authority.file())).expect("a certificate");
        let told = tell_all(&client);
        client.connect(HOST, proxy.port()).expect("a good certificate");
        client.loop_start().expect("a loop");
        client.subscribe("t", 1).expect("connected");
        client.publish("t", "first", 1).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
        // Cut, without TLS's goodbye; stopped, with it.
        let lost = || loop {
            match told.next("the loss") {
                Told::Disconnect { code, .. } => break code,
                _ => continue,
            }
        };
        proxy.cut();
        assert_eq!(lost(), 128);
        expect_logged(Level::Warn, &["close_notify"]);
        client.publish("t", "second", 1).expect("queued").wait_for_publish(DEADLINE).expect("confirmed");
        broker.restart();
        lost();
        client.publish("t", "third", 1).expect("queued").wait_for_publish(DEADLINE).expect("confirmed");
        client.disconnect().expect("connected");
    }
}

#[test]
fn the_end_is_said_in_tls_too() {
    let (broker, authority, port) = broker();
    let client = trusting(&authority);
    client.connect(HOST, port).expect("a good certificate");
    client.publish("t", vec![7; 300_000], 0).expect("connected");
    client.disconnect().expect("connected");
    // Who is cut off is logged as an error of the socket.
    broker.expect_log("Received DISCONNECT");
    let log = broker.log();
    assert!(log.contains("300000 bytes") && !log.contains("OpenSSL Error"), "{log}");
}

#[test]
fn the_one_shot_helpers() {
    let (broker, authority, port) = broker();
    let to = || OneShotOptions::new().engine(plain().engine()).hostname(HOST).port(port);
    let tls = || TlsOptions::new().ca_certs(authority.file());
    let retained = pmc::PublishOptions::new().qos(1).retain(true);
    publish::single("t", "encrypted", retained.clone(), to().tls(tls())).expect("a good certificate");
    let message = subscribe::simple("t", 0, to().tls(tls())).expect("a message");
    assert_eq!(message.payload_str(), "encrypted");
    let context = pmc::TlsContext::new(tls()).expect("a certificate");
    publish::single("t", "again", retained.clone(), to().tls_context(context)).expect("a good certificate");
    let nobody = to().tls(TlsOptions::new().ca_certs("missing.crt"));
    assert!(matches!(publish::single("t", "", 0, nobody), Err(Error::TlsFile { .. })));

    let (builder, elsewhere) = with_tls(Mosquitto::builder(), &authority.sign("elsewhere", &["pi.lan"]), "");
    let second = builder.start();
    let to = || to().port(elsewhere).tls(tls());
    let refused = publish::single("t", "", 0, to()).expect_err("another host");
    assert!(matches!(refused, Error::CertificateRefused { .. }), "{refused}");
    publish::single("t", "", 0, to().tls_insecure(true)).expect("the host does not count");
    drop((broker, second));
}

#[test]
fn no_password_leaves_the_machine_here() {
    keep_log();
    let broker = Mosquitto::builder().user("info", "Password1234").start();
    let client = quick();
    client.username_pw_set("info", "Password1234");
    client.connect(broker.host(), broker.port()).expect("accepted");
    client.disconnect().expect("connected");
    assert!(!is_logged(Level::Warn, &["password", "clear"]));
}
