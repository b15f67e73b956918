//! A running example of this crate, with its output line by line.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::ioctl_fionread;

use super::guarded::{Guarded, Signal};
use super::wait::{DEADLINE, holds_within};

/// How long [`Example::wait`] waits.
const END: Duration = DEADLINE;

/// An example that runs; dropping it kills it.
#[derive(Debug)]
pub struct Example {
    /// The process, guarded: it dies with the tests.
    process: Guarded,
    /// Its standard input until `close_stdin`.
    stdin: Option<ChildStdin>,
    /// The lines of standard output that no call has taken yet.
    stdout: Lines,
    /// The lines of standard error that no call has taken yet.
    stderr: Lines,
    /// Everything it printed, for a panic: `name> ` before each line of standard output, `name! ` of standard error.
    transcript: Arc<Mutex<String>>,
    /// The example's name.
    name: String,
}

/// Lines as they come; the channel closes with the stream.
type Lines = Receiver<String>;

impl Example {
    /// Starts the example `name`, as `cargo test` has built it, in an environment that says nothing about it.
    ///
    /// # Panics
    /// When it is not built: `cargo test --test it` alone does not build the examples.
    #[track_caller]
    pub fn spawn(name: &str, args: &[&str]) -> Self {
        Self::spawn_with(name, args, |_| {})
    }

    /// [`spawn`](Self::spawn) with any bytes as arguments; `configure` sets the environment.
    ///
    /// # Panics
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn spawn_with<A: AsRef<OsStr>>(
        name: &str,
        args: impl IntoIterator<Item = A>,
        configure: impl FnOnce(&mut Command),
    ) -> Self {
        let mut process = Guarded::spawn(&binary(name), args, |command| {
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).env_remove("MQTT_BROKER").env_remove("RUST_LOG");
            configure(command);
        });
        let transcript = Arc::new(Mutex::new(String::new()));
        let stdout = process.take_stdout().expect("a piped stdout");
        let stderr = process.take_stderr().expect("a piped stderr");
        Self {
            stdin: process.take_stdin(),
            stdout: lines(stdout, format!("{name}> "), &transcript),
            stderr: lines(stderr, format!("{name}! "), &transcript),
            transcript,
            name: name.to_owned(),
            process,
        }
    }

    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The next line of standard output, in time.
    ///
    /// # Panics
    /// With the output so far when none comes.
    #[track_caller]
    pub fn line(&self) -> String {
        self.find(&self.stdout, "another line", |_| true)
    }

    /// Waits for a line of standard output that contains `text`, passing over others; the whole line.
    ///
    /// # Panics
    /// With the output so far when none comes in time.
    #[track_caller]
    pub fn expect_line(&self, text: &str) -> String {
        self.find(&self.stdout, &format!("a line with {text:?}"), |line| line.contains(text))
    }

    /// As [`expect_line`](Self::expect_line), on standard error.
    ///
    /// # Panics
    /// With the output so far when none comes in time.
    #[track_caller]
    pub fn expect_error_line(&self, text: &str) -> String {
        self.find(&self.stderr, &format!("an error line with {text:?}"), |line| line.contains(text))
    }

    /// Types a line.
    ///
    /// # Panics
    /// With the output so far when the example does not read any more.
    #[track_caller]
    pub fn write_line(&mut self, line: &str) {
        self.write(format!("{line}\n").as_bytes());
    }

    /// Types any bytes.
    ///
    /// # Panics
    /// With the output so far when the example does not read any more.
    #[track_caller]
    pub fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("stdin was closed");
        if let Err(error) = stdin.write_all(bytes) {
            panic!("{} does not read: {error}\n{}", self.name, self.output());
        }
    }

    /// Waits until it has read all that was typed.
    ///
    /// # Panics
    /// With the output so far when it does not in time.
    #[track_caller]
    pub fn expect_all_read(&self) {
        let stdin = self.stdin.as_ref().expect("stdin was closed");
        // A pipe tells at both ends how many bytes are in it.
        let read = holds_within(DEADLINE, || ioctl_fionread(stdin).is_ok_and(|left| left == 0));
        assert!(read, "{} does not read\n{}", self.name, self.output());
    }

    /// Ends standard input, as Ctrl-D does.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Presses Ctrl-C (SIGINT).
    pub fn interrupt(&mut self) {
        self.process.signal(Signal::INT);
    }

    /// Kills it (SIGKILL); back when it has ended.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Waits for its end: exit status, the lines of standard output not taken yet, all of standard error not taken yet.
    ///
    /// # Panics
    /// With the output so far when it does not end in time; it is killed then.
    #[track_caller]
    pub fn wait(self) -> (ExitStatus, String, String) {
        self.wait_within(END)
    }

    /// [`wait`](Self::wait) with another deadline.
    ///
    /// # Panics
    /// With the output so far when it does not end within `limit`; it is killed then.
    #[track_caller]
    pub fn wait_within(mut self, limit: Duration) -> (ExitStatus, String, String) {
        match self.process.wait_within(limit) {
            Some(status) => (status, rest(&self.stdout), rest(&self.stderr)),
            None => {
                self.process.kill();
                panic!("{} still ran after {limit:?}\n{}", self.name, self.output());
            }
        }
    }

    /// Everything it has printed so far, both streams, each line marked with the stream.
    pub fn output(&self) -> String {
        self.transcript.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first line that `wanted` accepts.
    #[track_caller]
    fn find(&self, lines: &Lines, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let why = match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if wanted(&line) => return line,
                Ok(_) => continue,
                Err(RecvTimeoutError::Timeout) => {
                    format!("did not print {what} within {DEADLINE:?}")
                }
                Err(RecvTimeoutError::Disconnected) => format!("ended without printing {what}"),
            };
            panic!("{} {why}\n{}", self.name, self.output());
        }
    }
}

/// Where cargo puts the example `name`: `target/PROFILE/examples`, beside the `deps` of this test.
#[track_caller]
fn binary(name: &str) -> PathBuf {
    let test = env::current_exe().expect("the path of this test");
    let profile = test.parent().and_then(|deps| deps.parent()).expect("target/PROFILE/deps/TEST");
    let binary = profile.join("examples").join(name);
    assert!(
        binary.is_file(),
        "{} does not exist; build the examples first: cargo build --examples (same profile and target as this test)",
        binary.display()
    );
    binary
}

/// Reads `stream` on a thread of its own until it ends. Bytes that are not UTF-8 become `�`.
fn lines(stream: impl Read + Send + 'static, mark: String, transcript: &Arc<Mutex<String>>) -> Lines {
    let (sender, receiver) = channel();
    let transcript = Arc::clone(transcript);
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut bytes = Vec::new();
        while stream.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
            let text = String::from_utf8_lossy(&bytes);
            let line = text.trim_end_matches(['\n', '\r']);
            let mut all = transcript.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend([mark.as_str(), line, "\n"]);
            drop(all);
            // The test may not be interested any more; the program must not block on a full pipe for that.
            let _ = sender.send(line.to_owned());
            bytes.clear();
        }
    });
    receiver
}

/// What is left when the program has ended. A grandchild may keep the stream open, hence the deadline.
fn rest(lines: &Lines) -> String {
    let mut text = String::new();
    while let Ok(line) = lines.recv_timeout(DEADLINE) {
        text.extend([line.as_str(), "\n"]);
    }
    text
}
