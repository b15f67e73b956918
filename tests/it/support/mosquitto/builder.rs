//! The settings of a Mosquitto, its configuration file, and how it is launched.

use std::fmt::Write;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{Mosquitto, PortTaken, ready};
use crate::support::guarded::Guarded;
use crate::support::wait::holds_within;

/// The files in the broker's directory.
const CONFIGURATION: &str = "mosquitto.conf";
const PASSWORDS: &str = "passwords";
const LOG: &str = "mosquitto.log";
const OUTPUT: &str = "output.txt";

/// What a test wants to be different; [`start`](Self::start) starts the broker.
#[derive(Debug, Clone, Default)]
#[must_use = "nothing runs before `start`"]
pub struct Builder(Settings);

impl Builder {
    /// Whether clients without a user name are let in; yes unless said otherwise.
    pub fn anonymous(mut self, allowed: bool) -> Self {
        self.0.no_anonymous = !allowed;
        self
    }

    /// Adds a user, with the help of `mosquitto_passwd`. The course's broker has `info`, `Password1234`.
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.0.users.push((name.to_owned(), password.to_owned()));
        self
    }

    /// Whether sessions and retained messages are written to disk when the broker ends by SIGTERM. For SIGKILL add
    /// `autosave_on_changes true` and `autosave_interval 1`.
    pub fn persistence(mut self, kept: bool) -> Self {
        self.0.persistence = kept;
        self
    }

    /// Adds lines at the end of the configuration, where they belong to the listener of [`Mosquitto::port`]; that one
    /// must keep speaking plain MQTT, the readiness check does. WebSocket or TLS: a second `listener` line, on a port
    /// of [`free_port`](super::free_port).
    pub fn extra_config(mut self, lines: &str) -> Self {
        self.0.extra.push(lines.to_owned());
        self
    }

    /// Starts the broker and waits until it answers.
    ///
    /// # Panics
    /// When mosquitto is not installed, rejects its configuration, or is not ready in time.
    #[track_caller]
    pub fn start(self) -> Mosquitto {
        Mosquitto::with(self.0)
    }
}

/// What the builder gathered, kept for restarts.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    no_anonymous: bool,
    users: Vec<(String, String)>,
    persistence: bool,
    extra: Vec<String>,
}

impl Settings {
    /// Writes the password file.
    #[track_caller]
    pub(super) fn write_passwords(&self, dir: &Path) {
        let file = dir.join(PASSWORDS);
        fs::write(&file, "").expect("the password file");
        for (name, password) in &self.users {
            let output = Command::new(installed("mosquitto_passwd"))
                .arg("-b")
                .arg(&file)
                .args([name, password])
                .output()
                .expect("mosquitto_passwd starts");
            assert!(output.status.success(), "mosquitto_passwd: {}", String::from_utf8_lossy(&output.stderr));
        }
    }

    /// Writes the configuration for `port`.
    #[track_caller]
    pub(super) fn write_configuration(&self, dir: &Path, port: u16) {
        let mut text = String::new();
        let mut line = |line: String| writeln!(text, "{line}").expect("writing to a String");
        // As root it would become the user mosquitto, who may not read this directory; otherwise it is ignored.
        line("user root".to_owned());
        line(format!("log_dest file {}", dir.join(LOG).display()));
        line("log_type all".to_owned());
        line(format!("allow_anonymous {}", !self.no_anonymous));
        if !self.users.is_empty() {
            line(format!("password_file {}", dir.join(PASSWORDS).display()));
        }
        line(format!("persistence {}", self.persistence));
        line(format!("persistence_location {}/", dir.display()));
        line(format!("listener {port} {}", ready::HOST));
        self.extra.iter().cloned().for_each(line);
        fs::write(dir.join(CONFIGURATION), text).expect("the configuration");
    }

    /// Starts mosquitto on the written configuration; back when it answered a CONNECT, or when its port was taken.
    #[track_caller]
    pub(super) fn launch(&self, dir: &Path, port: u16, limit: Duration) -> Result<Guarded, PortTaken> {
        let output = File::create(dir.join(OUTPUT)).expect("the output file");
        let errors = output.try_clone().expect("a second handle");
        let before = log(dir).len();
        let logged = |text: &str| log(dir).get(before..).is_some_and(|new| new.contains(text));
        let program = installed("mosquitto");
        let mut process = Guarded::spawn(&program, [Path::new("-c"), &dir.join(CONFIGURATION)], |command| {
            command.stdout(output).stderr(errors);
        });

        let login = self.users.first().map(|(name, password)| (name.as_str(), password.as_str()));
        let mut ended = None;
        let ready = holds_within(limit, || {
            ended = process.try_wait();
            ended.is_some() || ready::answers(port, login, logged)
        });
        match ended {
            None if ready => Ok(process),
            None => panic!("mosquitto did not answer on port {port} within {limit:?}\n{}", report(dir)),
            Some(_) if logged("Address already in use") => Err(PortTaken),
            Some(status) => panic!("mosquitto ended at once, {status}\n{}", report(dir)),
        }
    }
}

/// The log so far.
pub(super) fn log(dir: &Path) -> String {
    let bytes = fs::read(dir.join(LOG)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Configuration, output and log, for a panic.
pub(super) fn report(dir: &Path) -> String {
    let configuration = fs::read_to_string(dir.join(CONFIGURATION)).unwrap_or_default();
    let output = fs::read_to_string(dir.join(OUTPUT)).unwrap_or_default();
    format!("--- configuration\n{configuration}--- output\n{output}--- log\n{}", log(dir))
}

/// The path of a program of the package mosquitto.
#[track_caller]
fn installed(program: &str) -> PathBuf {
    crate::support::installed::installed(program, "sudo apt-get install mosquitto (macOS: brew install mosquitto)")
}
