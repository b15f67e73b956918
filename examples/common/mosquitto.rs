//! The Mosquitto that is started when there is no broker, and how several programs share it.

#[cfg(not(unix))]
pub use self::elsewhere::{Lock, Mosquitto};
#[cfg(unix)]
pub use self::unix::{Lock, Mosquitto};

#[cfg(unix)]
mod unix {
    use std::env;
    use std::ffi::OsStr;
    use std::fs::{self, File, OpenOptions};
    use std::io::{self, Read};
    use std::net::Ipv4Addr;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    use rustix::fs::{FlockOperation, flock};

    use super::super::Fault;
    use super::super::broker::ask;

    /// How long Mosquitto may take to answer after its start, and to end after it was told to.
    const START_TIMEOUT: Duration = Duration::from_secs(10);
    const STOP_TIMEOUT: Duration = Duration::from_secs(3);
    /// How long another program may take to start one.
    const TURN_TIMEOUT: Duration = Duration::from_secs(30);
    const POLL_INTERVAL: Duration = Duration::from_millis(10);

    /// Where Mosquitto is although a user's PATH does not say so: `/usr/sbin` on Debian, `/opt/homebrew` on macOS.
    const MORE_DIRECTORIES: [&str; 4] = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/sbin"];

    /// The users of the course's broker. Who gives no name is let in as well; who gives one needs its password.
    const USERS: &str = "alice:abc-123\ninfo:Password1234\n";

    /// Runs Mosquitto ($1, in its directory $2) until nobody needs it any more.
    ///
    /// Only the program that starts it holds the other end of this shell's stdin, and the system closes it however the
    /// program ends. From then on the others that use it count: they hold the file $3 with a shared lock. When
    /// Mosquitto ends first, the shell ends too, and what Mosquitto said goes to its stderr.
    const GUARD: &str = r#"
cd "$2" || exit 1
exec 3<&0
"$1" -c mosquitto.conf </dev/null >mosquitto.log 2>&1 3<&- &
broker=$!
{
    read _ <&3
    if [ -n "$3" ] && command -v flock; then exec 4<"$3" && flock -x 4; fi
    kill "$broker"
    # The lock is held until the port is free: who comes now waits, and starts another.
    while kill -0 "$broker"; do sleep 0.05; done
} >/dev/null 2>&1 &
reader=$!
wait "$broker"
[ -s mosquitto.log ] && tail -n 5 mosquitto.log >&2
cd / && rm -rf "$2"
kill "$reader" 2>/dev/null
"#;

    /// What programs of this machine share the broker by. The system takes it back however the program ends.
    pub struct Lock(Option<File>, PathBuf);

    impl Lock {
        /// The turn of a program that looks for a broker: one at a time.
        pub fn turn() -> Self {
            Lock::take("rappel-broker".to_owned(), FlockOperation::NonBlockingLockExclusive)
        }

        /// What a program holds while it uses the broker on this port: one that an example has started does not end
        /// before the last of them. Waits while that broker is just being stopped.
        pub fn lease(port: u16) -> Self {
            Lock::take(format!("rappel-broker-{port}"), FlockOperation::NonBlockingLockShared)
        }

        /// Where no file can be locked everybody may go on: that is no reason not to start.
        fn take(name: String, operation: FlockOperation) -> Self {
            let path = env::temp_dir().join(name);
            // Another user's file can be locked, but not opened for writing, nor "created".
            let file = File::open(&path)
                .or_else(|_| OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path))
                .or_else(|_| File::open(&path))
                .ok();
            let deadline = Instant::now() + TURN_TIMEOUT;
            while file.as_ref().is_some_and(|file| flock(file, operation).is_err()) && Instant::now() < deadline {
                sleep(POLL_INTERVAL);
            }
            Lock(file, path)
        }
    }

    /// A Mosquitto on the loopback interface that ends with this program, however it ends, or the last one with a lease.
    pub struct Mosquitto {
        guard: Child,
        port: u16,
    }

    impl Mosquitto {
        /// Starts the installed Mosquitto on `port` of 127.0.0.1 and waits until it answers.
        pub fn start(port: u16, lease: Option<&Lock>) -> Result<Self, Fault> {
            let Some(program) = find("mosquitto") else {
                return Err(Fault::new("mosquitto n'est pas installé (sudo apt install mosquitto mosquitto-clients)"));
            };
            Self::run(&program, port, lease)
                .map_err(|error| Fault::new(format!("mosquitto n'a pas pu démarrer sur 127.0.0.1:{port} ({error})")))
        }

        fn run(program: &Path, port: u16, lease: Option<&Lock>) -> io::Result<Self> {
            let directory = tempfile::Builder::new().prefix("rappel-mosquitto-").tempdir()?;
            // The broker puts this before the name it gives to a client without one: so we know it is ours that answers.
            let mark = directory.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
            configure(directory.path(), port, &mark)?;
            let shared = lease.filter(|lease| lease.0.is_some()).map_or(OsStr::new(""), |lease| lease.1.as_os_str());
            let guard = Command::new("/bin/sh")
                .args([OsStr::new("-c"), OsStr::new(GUARD), OsStr::new("sh")])
                .args([program.as_os_str(), directory.path().as_os_str(), shared])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                // Ctrl-C in a terminal goes to a whole process group; the broker must outlive the program's farewell.
                .process_group(0)
                .spawn()?;
            // From here on the shell removes the directory.
            let _ = directory.keep();
            let mut own = Self { guard, port };
            let deadline = Instant::now() + START_TIMEOUT;
            while !ask((Ipv4Addr::LOCALHOST, port).into(), None)
                .is_ok_and(|answer| String::from_utf8_lossy(&answer).contains(&mark))
            {
                if own.guard.try_wait()?.is_some() || Instant::now() > deadline {
                    return Err(io::Error::other(own.last_words()));
                }
                sleep(POLL_INTERVAL);
            }
            Ok(own)
        }

        /// The errors Mosquitto named before it ended; stopped first if it still runs.
        fn last_words(&mut self) -> String {
            drop(self.guard.stdin.take());
            let mut text = String::new();
            // Without words the rest of the message still stands.
            let _ = self.guard.stderr.take().map(|mut stderr| stderr.read_to_string(&mut text));
            let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("Error")).collect();
            format!("{} ; qui occupe le port : sudo ss -ltnp 'sport = :{}'", errors.join(" ; "), self.port)
        }
    }

    impl Drop for Mosquitto {
        fn drop(&mut self) {
            drop(self.guard.stdin.take());
            let deadline = Instant::now() + STOP_TIMEOUT;
            while matches!(self.guard.try_wait(), Ok(None)) && Instant::now() < deadline {
                sleep(POLL_INTERVAL);
            }
        }
    }

    /// Writes `mosquitto.conf` and the passwords.
    fn configure(directory: &Path, port: u16, mark: &str) -> io::Result<()> {
        fs::write(directory.join("passwords"), USERS)?;
        let mut hash = Command::new(find("mosquitto_passwd").ok_or(io::ErrorKind::NotFound)?);
        let hashed = hash.args(["-U", "passwords"]).current_dir(directory).output()?;
        if !hashed.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&hashed.stderr).into_owned()));
        }
        // `user root` matters only when root starts it: it would become the user "mosquitto", who may not read here.
        fs::write(
            directory.join("mosquitto.conf"),
            format!(
                "listener {port} 127.0.0.1\n\
                 allow_anonymous true\n\
                 password_file passwords\n\
                 persistence false\n\
                 user root\n\
                 auto_id_prefix {mark}\n\
                 log_dest stderr\n\
                 log_timestamp false\n\
                 log_type error\n"
            ),
        )
    }

    /// The first executable file of this name.
    fn find(program: &str) -> Option<PathBuf> {
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path)
            .chain(MORE_DIRECTORIES.iter().map(PathBuf::from))
            // A relative directory would mean another place for the shell, which starts it elsewhere.
            .filter(|directory| directory.is_absolute())
            .map(|directory| directory.join(program))
            .find(|file| file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0))
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use super::super::Fault;

    /// Nothing is started here, so nothing is shared.
    pub struct Lock;

    impl Lock {
        pub fn turn() -> Self {
            Lock
        }

        pub fn lease(_port: u16) -> Self {
            Lock
        }
    }

    /// Starting Mosquitto is known for Unix only.
    pub enum Mosquitto {}

    impl Mosquitto {
        /// Always fails, and says what to do.
        pub fn start(port: u16, _lease: Option<&Lock>) -> Result<Self, Fault> {
            Err(Fault::new(format!("ce système n'en démarre pas : démarrez mosquitto vous-même, sur le port {port}")))
        }
    }
}
