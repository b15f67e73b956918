//! A RabbitMQ of the test's own, with its MQTT plugin, and a name server (epmd) for it alone.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::guarded::{Guarded, Signal};
use super::installed::installed;
use super::mosquitto::{accepts, free_port};
use super::wait::holds_within;

/// How long it takes to start or end on a slow machine.
const SLOW: Duration = Duration::from_secs(180);
const INSTALL: &str = "sudo apt-get install rabbitmq-server";
/// The program itself: that on the PATH would change the user.
const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// A running broker.
#[derive(Debug)]
pub struct RabbitMq {
    /// `None` while it is down. Declared before what it needs: dropped first.
    process: Option<Guarded>,
    _names: Guarded,
    port: u16,
    ports_of_erlang: [u16; 3],
    dir: TempDir,
}

impl RabbitMq {
    /// A broker that accepts clients.
    ///
    /// # Panics
    /// When it is not installed, or is not ready in time.
    #[track_caller]
    pub fn start() -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let (port, ports_of_erlang) = (free_port(), [(); 3].map(|()| free_port()));
        let [names, amqp, _] = ports_of_erlang;
        let configuration = format!(
            "listeners.tcp.1 = 127.0.0.1:{amqp}\nmqtt.listeners.tcp.1 = 127.0.0.1:{port}\nmqtt.allow_anonymous = true\n\
             mqtt.default_user = guest\nmqtt.default_pass = guest\n"
        );
        fs::write(dir.path().join("rabbitmq.conf"), configuration).expect("the configuration");
        fs::write(dir.path().join("plugins"), "[rabbitmq_mqtt].\n").expect("the list of plugins");
        let names = Guarded::spawn(&installed("epmd", INSTALL), ["-port", &names.to_string()], |_| {});
        let mut broker = RabbitMq { process: None, _names: names, port, ports_of_erlang, dir };
        broker.launch();
        broker.wait_ready();
        broker
    }

    /// Where it listens for MQTT.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it by a signal. Back when it has ended.
    #[track_caller]
    pub fn end(&mut self, signal: Signal) {
        let mut process = self.process.take().expect("it runs");
        process.signal(signal);
        assert!(process.wait_within(SLOW).is_some(), "it does not end\n{}", self.log());
    }

    /// Starts it with its data, and does not wait for it.
    #[track_caller]
    pub fn launch(&mut self) {
        let server = PathBuf::from(SERVER);
        assert!(server.is_file(), "rabbitmq-server is not installed: {INSTALL}");
        let log = File::options().create(true).append(true).open(self.file("output")).expect("the output");
        let [names, _, distribution] = self.ports_of_erlang.map(|port| port.to_string());
        let process = Guarded::spawn(&server, [""; 0], |command| {
            command
                .env("HOME", self.dir.path())
                .env("ERL_EPMD_PORT", names)
                .env("RABBITMQ_DIST_PORT", distribution)
                .env("RABBITMQ_NODENAME", format!("tests-{}@localhost", self.port))
                .env("RABBITMQ_CONFIG_FILE", self.file("rabbitmq.conf"))
                .env("RABBITMQ_ENABLED_PLUGINS_FILE", self.file("plugins"))
                .env("RABBITMQ_MNESIA_BASE", self.file("data"))
                .env("RABBITMQ_LOG_BASE", self.file("logs"))
                // It becomes the Erlang machine itself, whose pid is the one that is killed.
                .env("RABBITMQ_ALLOW_INPUT", "1")
                .stdout(log.try_clone().expect("a second handle"))
                .stderr(log);
        });
        self.process = Some(process);
    }

    /// Waits until it accepts clients.
    #[track_caller]
    fn wait_ready(&mut self) {
        let process = self.process.as_mut().expect("it runs");
        let mut ended = false;
        let ready = holds_within(SLOW, || {
            ended = process.try_wait().is_some();
            ended || accepts(self.port)
        });
        assert!(ready && !ended, "it is not ready\n{}", self.log());
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// All it has printed.
    fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.file("output")).unwrap_or_default()).into_owned()
    }
}
