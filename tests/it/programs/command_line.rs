//! What every program makes of its command line, and of a broker that is not there.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::net::TcpListener;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::time::Duration;

use super::{Observer, at, code_and_texts, heard, run, says_broker};
use crate::common::options::address;
use crate::support::mosquitto::{Mosquitto, free_port};
use crate::support::process::Example;

/// Looking up a name where there is no network may take long.
const LOOKUP: Duration = Duration::from_secs(60);

/// The examples that are programs of the course, or made of them.
fn programs() -> Vec<String> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = fs::read_dir(examples).expect("the examples").map(|entry| entry.expect("a file").path());
    let mut names: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        // One measures the library, the others stand outside of the course: their arguments are their own.
        .filter(|name| !["bench", "journal_tls", "ouvrier"].contains(&name.as_str()))
        .collect();
    names.sort();
    assert!(names.len() >= 11, "{names:?}");
    names
}

/// Checks that the command line is refused with exit code 2 and this sentence.
#[track_caller]
fn check_refused<A: AsRef<OsStr>>(name: &str, args: &[A], sentence: &str) {
    let (code, stdout, stderr) = code_and_texts(Example::spawn_with(name, args, |_| {}).wait());
    let expected = format!("Erreur : {sentence}\nPour de l'aide : cargo run --example {name} -- --help\n");
    assert_eq!((code, stdout.as_str(), stderr), (Some(2), "", expected), "{name}");
}

/// Checks that `publier` fails with exit code 1 and says so in French, when it looks for this broker.
#[track_caller]
fn check_unreachable(host: &str, port: u16, says: &str) {
    let example = Example::spawn("publier", &["--broker", &format!("{host}:{port}")]);
    let (code, stdout, stderr) = code_and_texts(example.wait_within(LOOKUP));
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    let error = stderr.strip_prefix(&format!("(broker : {host}:{port})\nError: "));
    assert!(error.is_some_and(|error| error.contains(host) && error.contains(says)), "{stderr}");
}

#[test]
fn every_program_helps_in_french() {
    for name in programs() {
        for help in ["--help", "-h"] {
            let (code, stdout, stderr) = run(&name, &[help]);
            assert_eq!((code, stderr.as_str()), (Some(0), ""), "{name}");
            assert!(stdout.contains(&format!("Utilisation : cargo run --example {name} -- [OPTIONS]\n")), "{stdout}");
            assert!(stdout.contains("affiche cette aide\n"), "{stdout}");
            let english = ["Usage", "option to", " the ", " with "];
            assert!(!english.iter().any(|word| stdout.contains(word)), "{stdout}");
        }
    }
}

#[test]
fn the_programs_outside_of_the_course_help_too() {
    let is_help = |name: &str, text: &str| {
        text.starts_with("Utilisation : cargo run ") && text.contains(&format!("--example {name} -- ["))
    };
    for name in ["journal_tls", "ouvrier"] {
        for help in ["--help", "-h"] {
            let (code, stdout, stderr) = run(name, &[help]);
            assert_eq!((code, stderr.as_str()), (Some(0), ""), "{name}");
            assert!(is_help(name, &stdout), "{stdout}");
        }
    }
    for (name, args) in [("journal_tls", &["localhost", "x"][..]), ("ouvrier", &["anne", "localhost", "0x1"])] {
        let (code, stdout, stderr) = run(name, args);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{name}");
        assert!(is_help(name, &stderr), "{stderr}");
    }
}

#[test]
fn every_program_refuses_what_it_does_not_know() {
    for name in programs() {
        check_refused(&name, &["--inconnu"], "option inconnue : « --inconnu »");
        check_refused(&name, &["allo"], "argument inattendu : « allo »");
        check_refused(&name, &[OsString::from_vec(b"caf\xe9".to_vec())], "argument inattendu : « caf\u{fffd} »");
        check_refused(
            &name,
            &[OsString::from("--broker"), OsString::from_vec(b"\xff".to_vec())],
            "--broker : « \u{fffd} » n'est pas un nom ni une adresse de machine",
        );
    }
}

#[test]
fn wrong_values_are_refused() {
    check_refused("publier", &["--broker"], "il manque la valeur de l'option --broker");
    check_refused(
        "publier",
        &["--broker=mqtt://pi"],
        "--broker : « mqtt://pi » : écrivez seulement HOTE[:PORT], sans « mqtt:// »",
    );
    check_refused("ex2", &["--simulate=oui"], "l'option --simulate ne prend pas de valeur (« oui »)");
    let port = "--broker : « 0 » n'est pas un port : il faut un nombre de 1 à 65535";
    check_refused("recevoir", &["--broker", "localhost:0"], port);
    for name in ["ex4_pub", "ex4_sub"] {
        let seconds = "--periode attend un nombre de secondes plus grand que zéro, par exemple 10 ou 0.5, et non « 0 »";
        check_refused(name, &["--periode", "0"], seconds);
    }
    let host = "« a/b » ne convient pas comme nom : il en faut un, sans / ni + ni #";
    check_refused("ex4_pub", &["--nom", "a/b"], host);
    for name in ["ex2", "ex4_pub", "ex5"] {
        let both = "--simulate et --hardware se contredisent : choisissez l'un des deux";
        check_refused(name, &["--simulate", "--hardware"], both);
    }
}

#[test]
fn the_environment_may_name_the_broker() {
    let broker = Mosquitto::start();
    let observer = Observer::on(&broker);
    let with_variable = |args: &[&str], value: &str| {
        let example = Example::spawn_with("publier", args, |command| {
            command.env("MQTT_BROKER", value);
        });
        code_and_texts(example.wait())
    };
    let published = (Some(0), "Connecté\n".to_owned(), says_broker(&broker));
    assert_eq!(with_variable(&[], &at(&broker)), published);
    assert_eq!(observer.next(), heard("test", "allo", 0));
    assert_eq!(with_variable(&["--broker", &at(&broker)], "ailleurs"), published);
    assert_eq!(observer.next(), heard("test", "allo", 0));

    let (code, stdout, stderr) = with_variable(&[], "mqtt://ailleurs");
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(stderr.starts_with("Erreur : MQTT_BROKER : « mqtt://ailleurs »"), "{stderr}");
}

#[test]
fn a_broker_that_is_not_there_is_named() {
    check_unreachable("127.0.0.1", free_port(), "la machine répond, mais rien n'écoute");
    // This ending is reserved: no such name exists (RFC 6761).
    check_unreachable("mqttbroker.invalid", 1883, "aucune adresse trouvée pour le nom");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let server = std::thread::spawn(move || drop(listener.accept()));
    check_unreachable("127.0.0.1", port, "a accepté la connexion puis l'a fermée sans répondre");
    server.join().expect("the server");
}

#[test]
fn hardware_that_is_not_there_is_an_error() {
    if crate::common::pi::is_raspberry_pi() {
        return;
    }
    for name in ["ex2", "ex5"] {
        let (code, stdout, stderr) = run(name, &["--hardware"]);
        assert_eq!((code, stdout.as_str()), (Some(1), ""));
        assert!(stderr.starts_with("Error: cette machine n'est pas un Raspberry Pi connu"), "{stderr}");
    }
    let (code, stdout, stderr) = run("ex4_pub", &["--hardware"]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.starts_with("Error: "), "{stderr}");
}

#[test]
fn the_environment_may_ask_for_more_of_the_log() {
    let broker = Mosquitto::start();
    let example = Example::spawn_with("publier", ["--broker", &at(&broker)], |command| {
        command.env("RUST_LOG", "rappel=debug");
    });
    let (code, stdout, stderr) = code_and_texts(example.wait());
    assert_eq!((code, stdout.as_str()), (Some(0), "Connecté\n"));
    assert!(stderr.contains("DEBUG rappel::"), "{stderr}");
}

#[test]
fn addresses() {
    for (text, host, port) in [
        ("pi.lan", "pi.lan", 1883),
        ("pi.lan:8883", "pi.lan", 8883),
        ("10.10.10.23:1884", "10.10.10.23", 1884),
        ("[::1]:1884", "::1", 1884),
        ("[::1]", "::1", 1883),
        ("fe80::1", "fe80::1", 1883),
        ("[fe80::1%wlan0]:1", "fe80::1%wlan0", 1),
        ("pi:65535", "pi", 65535),
    ] {
        assert_eq!(address(text), Ok((host.to_owned(), port)), "{text}");
    }
    let bad =
        ["", ":1883", "pi:", "pi:0", "pi:65536", "pi:+1", "pi:-1", "pi:abc", "pi:1:2", "a b", "[::1", "[::1]1883"];
    for bad in bad.into_iter().chain(["[]", "mqtt://pi", "pi/1", "a\0b"]) {
        assert!(address(bad).is_err(), "{bad:?}");
    }
}
