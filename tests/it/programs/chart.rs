//! `ex4_sub --graphique`: the chart, in a terminal of its own.

use std::env;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{Observer, at};
use crate::support::guarded::Guarded;
use crate::support::mosquitto::Mosquitto;
use crate::support::process::Example;
use crate::support::wait::{DEADLINE, wait_until};

/// Building the terminal library may take long.
const BUILD: Duration = Duration::from_secs(600);

/// What a terminal is told when a program takes the whole screen, and when it gives it back.
const ENTER: &str = "\u{1b}[?1049h";
const LEAVE: &str = "\u{1b}[?1049l";

/// The crate of the chart, with its own tests, built where these tests were.
#[track_caller]
fn test_the_chart() {
    let test = env::current_exe().expect("the path of this test");
    let target = test.ancestors().nth(3).expect("target/PROFILE/deps/TEST");
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "test",
            "--quiet",
            "--manifest-path",
            concat!(env!("CARGO_MANIFEST_DIR"), "/examples/graphique/Cargo.toml"),
        ])
        .arg("--target-dir")
        .arg(target)
        .output()
        .expect("cargo starts");
    let text = [status.stdout, status.stderr].concat();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&text));
}

/// The command that shows the chart on 20 lines, next to the examples.
fn chart_of(broker: &Mosquitto) -> String {
    format!("stty rows 20 cols 60; ./ex4_sub --graphique --periode 0.2 --broker {}", at(broker))
}

/// A terminal with the chart.
struct Terminal {
    process: Guarded,
    keyboard: std::process::ChildStdin,
    screen: Receiver<u8>,
    shown: String,
}

impl Terminal {
    #[track_caller]
    fn open(broker: &Mosquitto) -> Self {
        Self::run(&chart_of(broker))
    }

    /// A shell's command in a terminal.
    #[track_caller]
    fn run(command: &str) -> Self {
        let examples = env::current_exe().expect("the path of this test");
        let examples = examples.ancestors().nth(2).expect("target/PROFILE/deps/TEST").join("examples");
        // `script` gives the command a terminal of its own, and takes what is typed from our pipe.
        let mut process = Guarded::spawn(Path::new("script"), ["-qec", command, "/dev/null"], |script| {
            script.current_dir(examples).stdout(Stdio::piped()).stderr(Stdio::piped()).env("TERM", "xterm");
        });
        let (bytes, screen) = channel();
        let mut stdout = process.take_stdout().expect("a pipe");
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = stdout.read(&mut buffer) {
                if buffer[..read].iter().any(|byte| bytes.send(*byte).is_err()) {
                    return;
                }
            }
        });
        let keyboard = process.take_stdin().expect("a pipe");
        Self { process, keyboard, screen, shown: String::new() }
    }

    /// Waits until this has been sent to the screen.
    #[track_caller]
    fn expect(&mut self, text: &str, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut bytes = Vec::new();
        while !self.shown.contains(text) {
            match self.screen.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(byte) => bytes.push(byte),
                Err(error) => panic!("{text:?} did not come ({error}): {:?}", self.shown),
            }
            if let Ok(text) = str::from_utf8(&bytes) {
                self.shown.push_str(text);
                bytes.clear();
            }
        }
    }
}

#[test]
fn the_chart_is_left_by_q_or_ctrl_c_and_gives_the_screen_back() {
    test_the_chart();
    let broker = Mosquitto::start();
    let observer = Observer::on(&broker);
    for key in [b"q", b"\x03"] {
        let mut terminal = Terminal::open(&broker);
        terminal.expect(ENTER, BUILD);
        terminal.expect("connecté", DEADLINE);
        observer.publish("/ex4/denis", "93");
        terminal.expect("denis", DEADLINE);
        terminal.keyboard.write_all(key).expect("it reads");
        terminal.expect(LEAVE, DEADLINE);
        let ended = terminal.process.wait_within(DEADLINE);
        assert!(ended.is_some_and(|status| status.success()), "{ended:?} {:?}", terminal.shown);
    }
}

#[test]
fn the_chart_gives_the_screen_back_when_ex4_sub_is_terminated() {
    let broker = Mosquitto::start();
    // The program has the number of the shell that became it.
    let command = chart_of(&broker).replace("./ex4_sub", "echo \"pid $$.\"; exec ./ex4_sub");
    let mut terminal = Terminal::run(&command);
    terminal.expect("connecté", BUILD);
    let (_, pid) = terminal.shown.split_once("pid ").expect("its number");
    let (pid, _) = pid.split_once('.').expect("its number");
    let pid = pid.parse().ok().and_then(Pid::from_raw).expect("a number");
    kill_process(pid, Signal::TERM).expect("it runs");
    terminal.expect(LEAVE, DEADLINE);
    let ended = terminal.process.wait_within(DEADLINE);
    assert!(ended.is_some(), "{:?}", terminal.shown);
}

#[test]
fn the_chart_ends_with_its_terminal() {
    let broker = Mosquitto::start();
    let directory = tempfile::tempdir().expect("a directory");
    let ended = directory.path().join("ended");
    // Nobody is told by SIGHUP: the terminal is all that is gone.
    let command = format!("trap '' HUP; {}; echo $? > {}", chart_of(&broker), ended.display());
    let mut terminal = Terminal::run(&command);
    terminal.expect("connecté", BUILD);
    drop(terminal);
    wait_until("the end of the chart", DEADLINE, || ended.exists());
}

#[test]
fn without_a_terminal_the_text_stays() {
    let broker = Mosquitto::start();
    let observer = Observer::on(&broker);
    let ex4_sub = Example::spawn("ex4_sub", &["--graphique", "--periode", "0.2", "--broker", &at(&broker)]);
    super::expect_subscriptions(&broker, 2);
    observer.publish("/ex4/denis", "93");
    assert_eq!([ex4_sub.line(), ex4_sub.line()], ["Max: denis (93)", "Moy: 93.00"]);
}
