//! A real Eclipse Mosquitto of the test's own: free loopback port, generated configuration, killed with the tests.

mod builder;
mod ready;

use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use builder::Builder;
pub use ready::{accepts, free_port};

use super::guarded::{Guarded, Signal};
use super::wait::{DEADLINE, wait_until};
use builder::Settings;

/// A running broker. All methods take `&self`: a test may stop it from one thread and use it from another.
#[derive(Debug)]
pub struct Mosquitto {
    /// The process, `None` between `kill` or `term` and `restart`. Declared before `dir`: dropped before it.
    process: Mutex<Option<Guarded>>,
    /// What `restart` starts again.
    settings: Settings,
    /// The port it listens on, the same after a restart.
    port: u16,
    /// Configuration, passwords, log and data.
    dir: TempDir,
}

/// Why a start did not come to a ready broker, where trying again makes sense.
struct PortTaken;

impl Mosquitto {
    /// A broker that lets everybody in and keeps nothing on disk, ready for connections.
    ///
    /// # Panics
    /// When mosquitto is not installed, or is not ready in time.
    #[track_caller]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// A broker with settings of its own.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The loopback address it listens on.
    pub fn host(&self) -> &'static str {
        ready::HOST
    }

    /// The directory with its configuration, log and data; goes away with the broker.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The pid of mosquitto itself.
    ///
    /// # Panics
    /// When it was stopped and not restarted.
    #[track_caller]
    pub fn pid(&self) -> u32 {
        self.process().as_ref().expect("mosquitto was stopped").pid()
    }

    /// Stops it as `systemctl stop` does (SIGTERM): connections are closed, data written. Back when it has ended.
    ///
    /// # Panics
    /// When it does not end in time.
    #[track_caller]
    pub fn term(&self) {
        let running = self.process().take();
        if let Some(mut process) = running {
            process.signal(Signal::TERM);
            // A broker stopped by SIGSTOP sees the SIGTERM only when it goes on.
            process.signal(Signal::CONT);
            let ended = process.wait_within(DEADLINE);
            assert!(ended.is_some(), "mosquitto ignored SIGTERM for {DEADLINE:?}\n{}", self.report());
        }
    }

    /// Kills it (SIGKILL): what it had not written is lost. Back when it has ended.
    pub fn kill(&self) {
        let running = self.process().take();
        // Dropping kills and reaps.
        drop(running);
    }

    /// Freezes it (SIGSTOP): connections stay open, nothing is answered, until [`cont`](Self::cont).
    #[track_caller]
    pub fn stop_signal(&self) {
        self.signal(Signal::STOP);
        if cfg!(target_os = "linux") {
            let stat = format!("/proc/{}/stat", self.pid());
            wait_until("mosquitto to be stopped", DEADLINE, || {
                let text = fs::read_to_string(&stat).unwrap_or_default();
                text.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
            });
        }
    }

    /// Lets it go on (SIGCONT).
    #[track_caller]
    pub fn cont(&self) {
        self.signal(Signal::CONT);
    }

    /// Starts it again on the same port, with the same configuration and data; ends it (SIGTERM) first if it runs.
    /// Back when it answers.
    ///
    /// # Panics
    /// When it does not answer in time.
    #[track_caller]
    pub fn restart(&self) {
        self.term();
        let deadline = Instant::now() + DEADLINE;
        wait_until("mosquitto to get its port again", DEADLINE, || {
            let limit = deadline.saturating_duration_since(Instant::now());
            match self.settings.launch(self.dir.path(), self.port, limit) {
                Ok(process) => self.process().replace(process).is_none(),
                Err(PortTaken) => false,
            }
        });
    }

    /// All it has logged since the first start (`log_type all`).
    pub fn log(&self) -> String {
        builder::log(self.dir.path())
    }

    /// Waits until the log contains `text`.
    ///
    /// # Panics
    /// With the whole log when it does not in time.
    #[track_caller]
    pub fn expect_log(&self, text: &str) {
        let came = super::wait::holds_within(DEADLINE, || self.log().contains(text));
        assert!(came, "mosquitto never logged {text:?}\n{}", self.report());
    }

    /// Starts with `settings`, on another port each time one is taken.
    #[track_caller]
    fn with(settings: Settings) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        settings.write_passwords(dir.path());
        let deadline = Instant::now() + DEADLINE;
        loop {
            let port = free_port();
            let limit = deadline.saturating_duration_since(Instant::now());
            assert!(
                limit > Duration::ZERO,
                "every port tried for mosquitto was taken\n{}",
                builder::report(dir.path())
            );
            settings.write_configuration(dir.path(), port);
            if let Ok(process) = settings.launch(dir.path(), port, limit) {
                return Self { process: Mutex::new(Some(process)), settings, port, dir };
            }
        }
    }

    #[track_caller]
    fn signal(&self, signal: Signal) {
        self.process().as_mut().expect("mosquitto was stopped").signal(signal);
    }

    /// The process, also after a panic of another thread of the test.
    fn process(&self) -> MutexGuard<'_, Option<Guarded>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Configuration and output, for a panic.
    fn report(&self) -> String {
        builder::report(self.dir.path())
    }
}
