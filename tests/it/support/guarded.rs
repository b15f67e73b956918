//! Child processes that die with the tests, also when those are killed with SIGKILL or abort.
//!
//! Beside each child runs a watchdog, `sh` blocked in `read` on a pipe whose other end only this process holds: when
//! this process ends, however it ends, the pipe closes and the watchdog kills the child. `PR_SET_PDEATHSIG` would not
//! do: it fires when the *thread* that spawned ends, and each test is a thread.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Once};
use std::time::Duration;

use rustix::process::{Pid, kill_process};
use signal_hook::consts::SIGINT;

pub use rustix::process::Signal;

use super::wait::{DEADLINE, holds_within};

/// First line: the child's pid. Second line: all is well, go. No line, but the end of the pipe: kill.
const WATCHDOG: &str = r#"read -r pid || exit 0; read -r end && exit 0; kill -KILL "$pid""#;

/// Becomes the program (same pid) only when told so: by then the watchdog knows the pid, there is no gap.
const LAUNCHER: &str = r#"read -r go && exec "$@""#;

/// A running child and its watchdog; dropping it kills and reaps both.
#[derive(Debug)]
pub struct Guarded {
    /// The program itself: its pid is `child.id()`.
    child: Child,
    /// The child's standard input, until somebody takes it.
    stdin: Option<ChildStdin>,
    /// Set once the child was reaped: from then on the pid may belong to somebody else.
    status: Option<ExitStatus>,
    /// The `sh` that outlives this process by a moment.
    watchdog: Child,
}

impl Guarded {
    /// Starts `program`; `configure` sets directory, environment, `stdout` and `stderr`. Standard input is a pipe.
    ///
    /// # Panics
    /// When no process can be started.
    #[track_caller]
    pub fn spawn<A: AsRef<OsStr>>(
        program: &Path,
        args: impl IntoIterator<Item = A>,
        configure: impl FnOnce(&mut Command),
    ) -> Self {
        let_children_be_interrupted();
        let mut watchdog = Command::new("sh")
            .args(["-c", WATCHDOG])
            // A group of its own: Ctrl-C in a terminal, or a CI that kills our group, must not reach it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh starts");
        let mut command = Command::new("sh");
        command.args(["-c", LAUNCHER, "sh"]).arg(program).args(args);
        configure(&mut command);
        let mut child = command
            .stdin(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));

        let pipe = watchdog.stdin.as_mut().expect("a piped stdin");
        writeln!(pipe, "{}", child.id()).expect("the watchdog listens");
        let mut stdin = child.stdin.take().expect("a piped stdin");
        writeln!(stdin, "go").expect("the launcher listens");
        Self { child, stdin: Some(stdin), status: None, watchdog }
    }

    /// The program's own pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The writing end of the program's standard input, once; dropping it is the end of file.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.stdin.take()
    }

    /// The program's standard output, once, when `configure` piped it.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// The program's standard error, once, when `configure` piped it.
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// Sends a signal; nothing happens when the child has ended.
    pub fn signal(&mut self, signal: Signal) {
        // Not reaped yet, so the pid is still the child's, even if the child is already dead.
        if self.try_wait().is_none() {
            let _ = kill_process(Pid::from_child(&self.child), signal);
        }
    }

    /// How the child ended, or `None` while it runs.
    pub fn try_wait(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().expect("waiting for a child");
            if self.status.is_some() {
                self.call_off_watchdog();
            }
        }
        self.status
    }

    /// Waits for the end, `None` when it does not come within `limit`.
    pub fn wait_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        holds_within(limit, || self.try_wait().is_some());
        self.status
    }

    /// Kills with SIGKILL and reaps; a stopped child too.
    pub fn kill(&mut self) {
        self.signal(Signal::CONT);
        self.signal(Signal::KILL);
        self.wait_within(DEADLINE);
    }

    /// Tells the watchdog that the child was reaped: the pid is not to be killed any more.
    fn call_off_watchdog(&mut self) {
        if let Some(mut pipe) = self.watchdog.stdin.take() {
            let _ = writeln!(pipe, "end");
        }
        let _ = self.watchdog.wait();
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Has children end by Ctrl-C, or see it, also when the tests run in the background: a shell starts `./test.sh &` with
/// SIGINT ignored, which children inherit. A signal that is handled is not inherited; nothing is done about it here.
fn let_children_be_interrupted() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if is_ignored(SIGINT) {
            signal_hook::flag::register(SIGINT, Arc::new(AtomicBool::new(false))).expect("a handler for SIGINT");
        }
    });
}

/// Whether this process ignores a signal, where the system tells (Linux).
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 << (signal - 1) != 0)
}
