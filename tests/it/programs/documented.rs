//! The broker of `docs/cours/mosquitto.md`, set up by exactly the commands that stand there.

use std::fs;
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use super::{INFO, Observer, check_refused, code_and_texts, heard, run};
use crate::support::guarded::Guarded;
use crate::support::mosquitto::free_port;
use crate::support::process::Example;
use crate::support::wait::{DEADLINE, holds_within};

/// The port of the document.
const PORT: &str = "1883";

/// The contents of the `sh` blocks of a page, in order.
pub fn commands(page: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = fs::read_to_string(path).expect("the document");
    let blocks = text.split("```sh\n").skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

/// Runs a command that ends by itself.
#[track_caller]
pub fn run_in(dir: &Path, command: &str) {
    let output = Command::new("sh").args(["-e", "-c", command]).current_dir(dir).stdin(Stdio::null()).output();
    let output = output.expect("sh starts");
    assert!(output.status.success(), "{command}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// The command that runs until Ctrl-C, and whatever it has started.
pub struct Running(Guarded);

impl Running {
    pub fn start(dir: &Path, command: &str) -> Self {
        Self(Guarded::spawn(Path::new("sh"), ["-c", command], |sh| {
            sh.current_dir(dir).process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
        }))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.try_wait().is_none()
            && let Some(group) = i32::try_from(self.0.pid()).ok().and_then(Pid::from_raw)
        {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

#[test]
fn the_documented_broker_serves_ex5() {
    let dir = TempDir::new().expect("an empty directory");
    let port = free_port();
    let [passwords, configuration, start] = &commands("docs/cours/mosquitto.md")[..] else {
        panic!("docs/cours/mosquitto.md has three blocks of commands, and says so");
    };
    run_in(dir.path(), passwords);
    assert_eq!(configuration.matches(PORT).count(), 1);
    run_in(dir.path(), &configuration.replace(PORT, &port.to_string()));
    let mut broker = Running::start(dir.path(), start);
    let answers = holds_within(DEADLINE, || TcpStream::connect(("127.0.0.1", port)).is_ok());
    assert!(answers, "the documented broker does not listen; it ended: {:?}", broker.0.try_wait());

    let observer = Observer::with_login(port, INFO);
    let address = format!("localhost:{port}");
    let mut ex5 = Example::spawn("ex5", &["--simulate", "--broker", &address]);
    ex5.write(b"\n\n\n");
    for _ in 0..3 {
        assert_eq!(ex5.line(), "Message envoyé");
        assert_eq!(observer.next(), heard("exercice5", "clic", 2));
    }
    ex5.close_stdin();
    assert_eq!(code_and_texts(ex5.wait()).0, Some(0));
    // Nobody here knows alice.
    let (code, stdout, stderr) = run("authentification", &["--broker", &address]);
    assert_eq!((code, stdout.as_str()), (Some(1), "Erreur code 135\n"));
    check_refused(&stderr);
    observer.has_heard_all();
}
