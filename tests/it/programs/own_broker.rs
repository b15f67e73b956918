//! The Mosquitto that a program starts when there is no broker. All of it is one test: there is only one port 1883.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::{Observer, check_refused, run};
use crate::common::machine::host_name;
use crate::support::guarded::Guarded;
use crate::support::process::Example;
use crate::support::wait::{DEADLINE, holds_within, wait_until};

const PORT: u16 = 1883;
/// Holding this port means: nobody else runs this test on this machine.
const LOCK: u16 = 18_839;
/// How many pairs of programs are started together.
const PAIRS: usize = 12;
/// How long another run of this test may take.
const PATIENCE: Duration = Duration::from_secs(120);

const STARTED: &str =
    "(broker : mosquitto démarré sur 127.0.0.1:1883, il s'arrêtera avec le dernier programme qui l'utilise)";
const FOUND: &str = "(broker : 127.0.0.1:1883, déjà en marche)";

/// Whether something listens on port 1883 of this machine.
fn is_served() -> bool {
    let addresses: [SocketAddr; 2] = [(Ipv4Addr::LOCALHOST, PORT).into(), (Ipv6Addr::LOCALHOST, PORT).into()];
    addresses.iter().any(|address| TcpStream::connect(address).is_ok())
}

#[track_caller]
fn expect_no_broker() {
    wait_until("the broker on port 1883 to end", DEADLINE, || !is_served());
}

/// Waits until the program has printed this line.
#[track_caller]
fn expect_line(program: &Example, line: &str) {
    let came = holds_within(DEADLINE, || program.output().contains(line));
    assert!(came, "{line:?} did not come\n{}", program.output());
}

#[test]
fn without_a_broker_the_programs_share_one_that_they_start() {
    let mut lock = None;
    wait_until("another run of this test", PATIENCE, || {
        lock = TcpListener::bind((Ipv4Addr::LOCALHOST, LOCK)).ok();
        lock.is_some()
    });
    if is_served() {
        // For example the service that the package mosquitto brings: the programs use it.
        let (_, _, stderr) = run("publier", &[]);
        assert_eq!(stderr.lines().next(), Some(FOUND));
        return;
    }
    recevoir_starts_a_broker_and_publier_finds_it();
    the_started_broker_knows_the_users_of_the_course();
    passwords_are_checked_beside_an_open_broker();
    two_programs_started_at_the_same_moment_share_one_broker();
    the_broker_stays_until_the_last_program_has_ended();
    another_program_has_the_port();
}

fn recevoir_starts_a_broker_and_publier_finds_it() {
    let mut recevoir = Example::spawn("recevoir", &[]);
    assert_eq!(recevoir.line(), "Connecté");
    // Only the broker knows when the subscription has come; publishing again tells as well.
    let received = holds_within(DEADLINE, || {
        let expected = (Some(0), "Connecté\n".to_owned(), format!("{FOUND}\n"));
        assert_eq!(run("publier", &[]), expected);
        holds_within(Duration::from_secs(1), || recevoir.output().contains("Reçu: allo\n"))
    });
    assert!(received, "{}", recevoir.output());
    expect_line(&recevoir, STARTED);
    // SIGKILL: the program cannot do anything about its broker any more.
    recevoir.kill();
    expect_no_broker();
}

fn the_started_broker_knows_the_users_of_the_course() {
    let right = (Some(0), "Connecté\n".to_owned(), format!("{STARTED}\n"));
    assert_eq!(run("authentification", &[]), right);
    let (code, stdout, stderr) = run("authentification", &["--mot-de-passe", "faux"]);
    assert_eq!((code, stdout.as_str()), (Some(1), "Erreur code 135\n"));
    check_refused(&stderr);

    let mut ex5 = Example::spawn("ex5", &["--simulate"]);
    ex5.write(b"\n");
    assert_eq!(ex5.line(), "Message envoyé");
    ex5.close_stdin();
    assert_eq!(ex5.wait().0.code(), Some(0));
    expect_no_broker();
}

/// As with the service that Debian's package starts: it lets everybody in, whatever the password.
fn passwords_are_checked_beside_an_open_broker() {
    let directory = tempfile::tempdir().expect("a directory");
    let configuration = directory.path().join("mosquitto.conf");
    fs::write(&configuration, format!("listener {PORT} 127.0.0.1\nallow_anonymous true\nuser root\n")).expect("a file");
    let command = r#"PATH="$PATH:/usr/sbin:/opt/homebrew/sbin" exec mosquitto -c "$0""#;
    let _open =
        Guarded::spawn(Path::new("sh"), [OsStr::new("-c"), OsStr::new(command), configuration.as_os_str()], |sh| {
            sh.stdout(Stdio::null()).stderr(Stdio::null());
        });
    wait_until("the open broker", DEADLINE, is_served);

    let says = "(127.0.0.1:1883 accepte n'importe quel mot de passe : il faut un autre broker)";
    let (code, stdout, stderr) = run("authentification", &["--mot-de-passe", "faux"]);
    assert_eq!((code, stdout.as_str(), stderr.lines().next()), (Some(1), "Erreur code 135\n", Some(says)));
    let (code, stdout, stderr) = run("authentification", &[]);
    assert_eq!((code, stdout.as_str(), stderr.lines().next()), (Some(0), "Connecté\n", Some(says)));
    assert!(stderr.contains("127.0.0.1:1884"), "{stderr}");
    // The others do not mind.
    assert_eq!(run("publier", &[]), (Some(0), "Connecté\n".to_owned(), format!("{FOUND}\n")));
}

fn two_programs_started_at_the_same_moment_share_one_broker() {
    expect_no_broker();
    for round in 0..PAIRS {
        let mut both = [Example::spawn("ex1", &[]), Example::spawn("ex1", &[])];
        // Each has heard itself, so each is subscribed; and what one of them says the other one hears.
        for program in &both {
            expect_line(program, &format!("Reçu: {}-{} connecté\n", host_name(), program.pid()));
        }
        Observer::with_port(PORT).publish("exercice1", &format!("bonjour {round}"));
        both.iter().for_each(|program| expect_line(program, &format!("Reçu: bonjour {round}\n")));
        let started = |program: &Example| program.output().contains(STARTED);
        let found = |program: &Example| program.output().contains(FOUND);
        // Usually one of them starts it. A broker just dying of the last round may live on for both.
        let told = holds_within(DEADLINE, || both.iter().all(|program| started(program) || found(program)));
        let outputs = format!("{}{}", both[0].output(), both[1].output());
        assert!(told, "{outputs}");
        assert!(!both.iter().all(started), "{outputs}");
        // The next round begins while this broker ends, and must not get hold of it.
        both.iter_mut().for_each(Example::kill);
    }
    expect_no_broker();
}

fn the_broker_stays_until_the_last_program_has_ended() {
    let mut first = Example::spawn("recevoir", &[]);
    assert_eq!(first.line(), "Connecté");
    let mut second = Example::spawn("recevoir", &[]);
    assert_eq!(second.line(), "Connecté");
    expect_line(&first, STARTED);
    expect_line(&second, FOUND);
    first.interrupt();
    first.wait();
    let received = holds_within(DEADLINE, || {
        assert_eq!(run("publier", &[]).2, format!("{FOUND}\n"));
        second.output().contains("Reçu: allo\n")
    });
    assert!(received, "{}", second.output());
    second.interrupt();
    expect_no_broker();
}

/// Something that is not a broker: the program gives up, and says why.
fn another_program_has_the_port() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).expect("the port");
    let done = Arc::new(AtomicBool::new(false));
    let server = thread::spawn({
        let done = Arc::clone(&done);
        move || {
            while !done.load(Ordering::Relaxed) {
                let Ok((mut stream, _)) = listener.accept() else { return };
                let _ = stream.shutdown(Shutdown::Write);
                let _ = stream.read(&mut [0; 64]);
            }
        }
    });
    let (code, stdout, stderr) = run("publier", &[]);
    done.store(true, Ordering::Relaxed);
    let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, PORT));
    server.join().expect("the server");
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.starts_with("Error: ") && stderr.contains("aucun broker n'y répond"), "{stderr}");
    assert!(stderr.contains("mosquitto n'a pas pu démarrer sur 127.0.0.1:1883"), "{stderr}");
    assert!(stderr.contains("est-ce un broker MQTT, et 1883 est-il son port MQTT"), "{stderr}");
}
