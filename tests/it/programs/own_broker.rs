//! The Mosquitto that a program starts when there is no broker. All of it is one test: there is only one port 1883.

use std::io::Read;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::{Observer, refusal, run};
use crate::support::process::Example;
use crate::support::wait::{DEADLINE, holds_within, wait_until};

const PORT: u16 = 1883;
/// Holding this port means: nobody else runs this test on this machine.
const LOCK: u16 = 18_839;
/// How long another run of this test may take.
const PATIENCE: Duration = Duration::from_secs(120);

const STARTED: &str = "(broker : mosquitto démarré sur localhost:1883, il s'arrêtera avec ce programme)";
const FOUND: &str = "(broker : localhost:1883, déjà en marche)";

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
    two_programs_started_at_the_same_moment_agree();
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
    assert!(recevoir.output().contains(STARTED), "{}", recevoir.output());
    // SIGKILL: the program cannot do anything about its broker any more.
    recevoir.kill();
    expect_no_broker();
}

fn the_started_broker_knows_the_users_of_the_course() {
    let right = (Some(0), "Connecté\n".to_owned(), format!("{STARTED}\n"));
    assert_eq!(run("authentification", &[]), right);
    let wrong = (Some(1), "Erreur code 135\n".to_owned(), format!("{STARTED}\n{}", refusal("127.0.0.1:1883")));
    assert_eq!(run("authentification", &["--mot-de-passe", "faux"]), wrong);

    let mut ex5 = Example::spawn("ex5", &["--simulate"]);
    ex5.write(b"\n");
    ex5.close_stdin();
    let (status, stdout, _) = ex5.wait();
    assert_eq!((status.code(), stdout.as_str()), (Some(0), "Message envoyé\n"));
    expect_no_broker();
}

fn two_programs_started_at_the_same_moment_agree() {
    let mut both = [Example::spawn("ex1", &[]), Example::spawn("ex1", &[])];
    // Each has heard itself, so each is subscribed.
    both.iter().for_each(|program| expect_line(program, "Reçu: 127.0.0.1 connecté\n"));
    let starters: Vec<bool> = both.iter().map(|program| program.output().contains(STARTED)).collect();
    assert_ne!(starters[0], starters[1], "{}{}", both[0].output(), both[1].output());
    let finder = usize::from(starters[0]);
    assert!(both[finder].output().contains(FOUND), "{}", both[finder].output());

    Observer::with_port(PORT).publish("exercice1", "le même broker");
    both.iter().for_each(|program| expect_line(program, "Reçu: le même broker\n"));
    // Ctrl-C reaches only the program in a test; in a terminal its broker is shielded from it.
    both[1 - finder].interrupt();
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
    let start =
        "Erreur : aucun broker ne répond sur localhost:1883, et mosquitto n'a pas pu démarrer sur localhost:1883 : ";
    assert!(stderr.starts_with(start), "{stderr}");
    assert!(stderr.ends_with("Pour utiliser un autre broker : --broker HOTE[:PORT]\n"), "{stderr}");
}
