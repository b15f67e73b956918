//! Which broker a program speaks to, and the Mosquitto it starts when there is none.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use super::cli::{Address, Args, DEFAULT_PORT};
use super::report::Failure;

#[cfg(unix)]
pub use self::mosquitto::Mosquitto;
#[cfg(not(unix))]
pub use self::no_mosquitto::Mosquitto;

/// How long a broker on this machine may take to answer one question.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// The broker of this program. Dropping it stops the Mosquitto that was started for it, so it must outlive the client.
pub struct Broker {
    address: Address,
    _own: Option<Mosquitto>,
}

impl Broker {
    /// The name or address to connect to.
    pub fn host(&self) -> &str {
        &self.address.host
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.address.port
    }
}

/// Chooses the broker and says which one in a line on stderr.
///
/// It is the one asked for by `--broker` or `MQTT_BROKER`, else the one that answers on localhost:1883, else a Mosquitto
/// that is started there and ends with this program.
pub fn choose(args: &Args) -> Result<Broker, Failure> {
    if let Some(address) = args.broker() {
        eprintln!("(broker : {address})");
        return Ok(Broker { address: address.clone(), _own: None });
    }
    if let Some(address) = running_on(DEFAULT_PORT) {
        return Ok(found(address));
    }
    match Mosquitto::start(DEFAULT_PORT) {
        Ok(own) => {
            eprintln!("(broker : mosquitto démarré sur localhost:{DEFAULT_PORT}, il s'arrêtera avec ce programme)");
            let address = Address { host: Ipv4Addr::LOCALHOST.to_string(), port: own.port() };
            Ok(Broker { address, _own: Some(own) })
        }
        // Perhaps another program was faster, and there is a broker now.
        Err(failure) => running_on(DEFAULT_PORT).map(found).ok_or_else(|| {
            Failure::new(format!(
                "aucun broker ne répond sur localhost:{DEFAULT_PORT}, et {failure}\n\
                 Pour utiliser un autre broker : --broker HOTE[:PORT]"
            ))
        }),
    }
}

/// A port of this machine that nobody uses at the moment.
pub fn free_port() -> Result<u16, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

fn found(address: Address) -> Broker {
    eprintln!("(broker : localhost:{}, déjà en marche)", address.port);
    Broker { address, _own: None }
}

/// The address of this machine, as numbers, where a broker answers on `port`. "localhost" would leave open which one.
fn running_on(port: u16) -> Option<Address> {
    let loopbacks: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let ip = loopbacks.into_iter().find(|ip| ask((*ip, port).into()).is_ok())?;
    Some(Address { host: ip.to_string(), port })
}

/// Connects as an MQTT 5 client without a name and returns the body of the CONNACK. A broker that refuses, or that knows
/// only MQTT 3.1.1, is a broker all the same.
fn ask(address: SocketAddr) -> io::Result<Vec<u8>> {
    // CONNECT: protocol "MQTT" 5, clean start, keep-alive 10 s, no properties, empty client id.
    const CONNECT: &[u8] = b"\x10\x0d\x00\x04MQTT\x05\x02\x00\x0a\x00\x00\x00";
    const CONNACK: u8 = 0x20;
    const DISCONNECT: &[u8] = b"\xe0\x00";

    let mut stream = TcpStream::connect_timeout(&address, ANSWER_TIMEOUT)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    stream.write_all(CONNECT)?;
    let mut header = [0; 2];
    stream.read_exact(&mut header)?;
    // A CONNACK of 128 bytes or more has a longer header; its body is then not read to its end, which does no harm.
    let [CONNACK, length] = header else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let mut body = vec![0; usize::from(length)];
    stream.read_exact(&mut body)?;
    // A broker that has refused may have closed already.
    let _ = stream.write_all(DISCONNECT);
    Ok(body)
}

#[cfg(unix)]
mod mosquitto {
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};
    use std::thread;
    use std::time::Instant;

    use super::*;

    /// How long Mosquitto may take to answer after its start, and to end after it was told to.
    const START_TIMEOUT: Duration = Duration::from_secs(10);
    const STOP_TIMEOUT: Duration = Duration::from_secs(3);
    const POLL_INTERVAL: Duration = Duration::from_millis(10);

    /// Where Mosquitto is although a user's PATH does not say so: `/usr/sbin` on Debian, `/opt/homebrew` on macOS.
    const MORE_DIRECTORIES: [&str; 4] = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/sbin"];

    /// The users of the course's broker. Who gives no name is let in as well; who gives one needs its password.
    const USERS: [(&str, &str); 2] = [("alice", "abc-123"), ("info", "Password1234")];

    /// Runs Mosquitto ($1, in its directory $2) until this shell's stdin ends.
    ///
    /// Only the program holds the other end of that pipe, and the system closes it however the program ends. When
    /// Mosquitto ends first, the shell ends too, and what Mosquitto said goes to its stderr.
    const GUARD: &str = r#"
cd "$2" || exit 1
exec 3<&0
"$1" -c mosquitto.conf </dev/null >mosquitto.log 2>&1 3<&- &
broker=$!
{ read _ <&3; kill "$broker"; } >/dev/null 2>&1 &
reader=$!
wait "$broker"
kill "$reader" 2>/dev/null
tail -n 5 mosquitto.log >&2
cd / && rm -rf "$2"
"#;

    /// A Mosquitto on the loopback interface that ends with this program, even when this program is killed.
    pub struct Mosquitto {
        guard: Child,
        port: u16,
    }

    impl Mosquitto {
        /// Starts the installed Mosquitto on `port` of 127.0.0.1 and waits until it answers.
        ///
        /// Fails when it is not installed, when the port is taken (even by another broker), or when it does not start.
        pub fn start(port: u16) -> Result<Self, Failure> {
            let program = find("mosquitto").ok_or_else(not_installed)?;
            let directory = tempfile::Builder::new().prefix("rappel-mosquitto-").tempdir()?;
            // The broker puts this before the name it gives to a client without one: so we know it is ours that answers.
            let mark = directory.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            configure(directory.path(), port, &mark)?;

            let guard = Command::new("/bin/sh")
                .args([
                    OsStr::new("-c"),
                    OsStr::new(GUARD),
                    OsStr::new("sh"),
                    program.as_os_str(),
                    directory.path().as_os_str(),
                ])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                // Ctrl-C in a terminal goes to a whole process group; the broker must outlive the program's farewell.
                .process_group(0)
                .spawn()?;
            // From here on the shell removes the directory.
            let _ = directory.keep();
            let mut own = Self { guard, port };
            own.wait_until_it_answers(&mark)?;
            Ok(own)
        }

        /// The port it listens on.
        pub fn port(&self) -> u16 {
            self.port
        }

        fn wait_until_it_answers(&mut self, mark: &str) -> Result<(), Failure> {
            let address = (Ipv4Addr::LOCALHOST, self.port).into();
            let started = Instant::now();
            loop {
                let answer = ask(address);
                let ended = self.guard.try_wait()?.is_some();
                match answer {
                    Ok(connack) if contains(&connack, mark) => return Ok(()),
                    // Until ours has noticed that another broker has the port, it is still running.
                    Ok(_) if ended => return Err(self.not_started("un autre broker y répond déjà")),
                    // What has the port may be a broker that is starting too: it gets some time to answer.
                    Err(_) if ended && started.elapsed() > ANSWER_TIMEOUT => {
                        let words = self.last_words();
                        return Err(self.not_started(&words));
                    }
                    _ if started.elapsed() > START_TIMEOUT => {
                        return Err(self.not_started("il ne répond pas"));
                    }
                    _ => thread::sleep(POLL_INTERVAL),
                }
            }
        }

        fn not_started(&self, why: &str) -> Failure {
            Failure::new(format!(
                "mosquitto n'a pas pu démarrer sur localhost:{} : {why}\n\
                 Le port est peut-être occupé par un autre programme (sudo ss -ltnp 'sport = :{}').",
                self.port, self.port
            ))
        }

        /// The errors Mosquitto named before it ended.
        fn last_words(&mut self) -> String {
            let mut text = Vec::new();
            if let Some(mut stderr) = self.guard.stderr.take() {
                // Without words the rest of the message still stands.
                let _ = stderr.read_to_end(&mut text);
            }
            let text = String::from_utf8_lossy(&text);
            let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("Error")).collect();
            errors.join(" ; ")
        }
    }

    impl Drop for Mosquitto {
        fn drop(&mut self) {
            drop(self.guard.stdin.take());
            let deadline = Instant::now() + STOP_TIMEOUT;
            while matches!(self.guard.try_wait(), Ok(None)) && Instant::now() < deadline {
                thread::sleep(POLL_INTERVAL);
            }
        }
    }

    /// Writes `mosquitto.conf` and, where `mosquitto_passwd` is installed, the passwords.
    fn configure(directory: &Path, port: u16, mark: &str) -> io::Result<()> {
        // `user root` matters only when root starts it: it would become the user "mosquitto", who may not read here.
        let mut configuration = format!(
            "listener {port} 127.0.0.1\n\
             allow_anonymous true\n\
             persistence false\n\
             user root\n\
             auto_id_prefix {mark}\n\
             log_dest stderr\n\
             log_timestamp false\n\
             log_type error\n"
        );
        if write_passwords(directory) {
            configuration.push_str("password_file passwords\n");
        }
        fs::write(directory.join("mosquitto.conf"), configuration)
    }

    fn write_passwords(directory: &Path) -> bool {
        let Some(program) = find("mosquitto_passwd") else {
            return false;
        };
        fs::write(directory.join("passwords"), "").is_ok()
            && USERS.iter().all(|(user, password)| {
                Command::new(&program)
                    .args(["-b", "passwords", user, password])
                    .current_dir(directory)
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status()
                    .is_ok_and(|status| status.success())
            })
    }

    fn not_installed() -> Failure {
        Failure::new("mosquitto n'est pas installé.\nInstallez-le avec : sudo apt install mosquitto")
    }

    fn find(program: &str) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        find_in(std::env::split_paths(&path).chain(MORE_DIRECTORIES.iter().map(PathBuf::from)), program)
    }

    /// The first executable file of this name.
    fn find_in(directories: impl Iterator<Item = PathBuf>, program: &str) -> Option<PathBuf> {
        directories
            // A relative directory would mean another place for the shell, which starts it elsewhere.
            .filter(|directory| directory.is_absolute())
            .map(|directory| directory.join(program))
            .find(|file| file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0))
    }

    fn contains(bytes: &[u8], text: &str) -> bool {
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn search(directories: &[&Path]) -> Option<PathBuf> {
            find_in(directories.iter().map(|directory| directory.to_path_buf()), "mosquitto")
        }

        #[test]
        fn only_an_executable_file_is_mosquitto() -> io::Result<()> {
            let (first, second) = (tempfile::tempdir()?, tempfile::tempdir()?);
            let both = [first.path(), second.path()];
            assert_eq!(search(&both), None);
            assert_eq!(search(&[Path::new("bin"), Path::new("")]), None);

            fs::create_dir(first.path().join("mosquitto"))?;
            let file = second.path().join("mosquitto");
            fs::write(&file, "")?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o644))?;
            assert_eq!(search(&both), None);
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
            assert_eq!(search(&both), Some(file));
            Ok(())
        }

        #[test]
        fn the_remedy_is_named() {
            assert!(not_installed().to_string().contains("sudo apt install mosquitto"));
        }
    }
}

#[cfg(not(unix))]
mod no_mosquitto {
    use super::Failure;

    /// Starting Mosquitto is known for Unix only.
    pub enum Mosquitto {}

    impl Mosquitto {
        /// Always fails, and says what to do.
        pub fn start(port: u16) -> Result<Self, Failure> {
            Err(Failure::new(format!(
                "ce programme ne sait pas en démarrer un sur ce système.\n\
                 Démarrez mosquitto vous-même, sur le port {port}."
            )))
        }

        /// The port it listens on.
        pub fn port(&self) -> u16 {
            match *self {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Shutdown;
    use std::thread;

    use super::*;

    /// What `ask` makes of a server that answers `reply`.
    fn check(reply: &'static [u8]) -> io::Result<Vec<u8>> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept()?;
            stream.write_all(reply)?;
            stream.shutdown(Shutdown::Write)?;
            stream.read_to_end(&mut Vec::new())
        });
        let answer = ask(address);
        assert!(server.join().is_ok());
        answer
    }

    #[test]
    fn every_connack_is_a_broker() {
        assert_eq!(check(b"\x20\x03\x00\x00\x00").ok(), Some(vec![0, 0, 0]));
        assert_eq!(check(b"\x20\x02\x00\x01").ok(), Some(vec![0, 1]));
    }

    #[test]
    fn anything_else_is_not() {
        assert!(check(b"HTTP/1.1 400 Bad Request\r\n\r\n").is_err());
        assert!(check(b"\x20").is_err());
        assert!(check(b"").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn mosquitto_starts_and_ends() -> Result<(), String> {
        let port = free_port().map_err(|failure| failure.to_string())?;
        let own = Mosquitto::start(port).map_err(|failure| failure.to_string())?;
        assert!(running_on(port).is_some());
        let second = Mosquitto::start(port);
        assert!(second.err().is_some_and(|failure| failure.to_string().contains("un autre broker")));
        assert!(running_on(port).is_some());
        drop(own);
        assert!(running_on(port).is_none());
        Ok(())
    }
}
