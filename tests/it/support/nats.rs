//! A cluster of three `nats-server`s of the test's own, with JetStream and MQTT: one store of sessions, QoS 0 and 1.

use std::fs::{self, File};
use std::path::PathBuf;

use tempfile::TempDir;

use super::guarded::{Guarded, Signal};
use super::installed::installed;
use super::mosquitto::{accepts, free_port};
use super::wait::{DEADLINE, holds_within};

const NODES: usize = 3;

/// A running cluster. Nodes have numbers from 0.
#[derive(Debug)]
pub struct NatsCluster {
    /// `None` while a node is down. Declared before `dir`: dropped before it.
    processes: [Option<Guarded>; NODES],
    ports: [u16; NODES],
    dir: TempDir,
}

impl NatsCluster {
    /// A cluster that accepts clients at every node.
    ///
    /// # Panics
    /// When nats-server is not installed, or is not ready in time.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// A cluster with more in the section `mqtt` of its configuration.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    #[track_caller]
    pub fn start_with(mqtt_settings: &str) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let ports = [(); NODES].map(|()| free_port());
        let routes = [(); NODES].map(|()| free_port());
        let peers = routes.map(|port| format!("nats://127.0.0.1:{port}")).join(", ");
        let mut cluster = NatsCluster { processes: [const { None }; NODES], ports, dir };
        for node in 0..NODES {
            let store = cluster.dir.path().join(format!("store-{node}"));
            let configuration = format!(
                "server_name: node-{node}\n\
                 listen: 127.0.0.1:{client}\n\
                 jetstream {{ store_dir: {store:?}, max_mem: 64M, max_file: 512M }}\n\
                 mqtt {{ listen: 127.0.0.1:{mqtt}, {mqtt_settings} }}\n\
                 cluster {{ name: tests, listen: 127.0.0.1:{route}, routes: [{peers}] }}\n",
                client = free_port(),
                mqtt = ports[node],
                route = routes[node],
            );
            fs::write(cluster.file(node, "conf"), configuration).expect("the configuration");
        }
        (0..NODES).for_each(|node| cluster.launch(node));
        (0..NODES).for_each(|node| cluster.wait_ready(node));
        cluster
    }

    /// Where each node listens for MQTT.
    pub fn ports(&self) -> [u16; NODES] {
        self.ports
    }

    /// The node that listens on `port`.
    pub fn node(&self, port: u16) -> usize {
        self.ports.iter().position(|known| *known == port).expect("a port of the cluster")
    }

    /// The ports of all nodes but one.
    pub fn others(&self, node: usize) -> Vec<u16> {
        self.ports.iter().copied().filter(|port| *port != self.ports[node]).collect()
    }

    /// Kills a node (SIGKILL).
    pub fn kill(&mut self, node: usize) {
        self.processes[node] = None;
    }

    /// Stops a node as `systemctl stop` does (SIGTERM). Back when it has ended.
    #[track_caller]
    pub fn term(&mut self, node: usize) {
        if let Some(mut process) = self.processes[node].take() {
            process.signal(Signal::TERM);
            assert!(process.wait_within(DEADLINE).is_some(), "it ignores SIGTERM\n{}", self.log(node));
        }
    }

    /// Freezes a node (SIGSTOP), until [`thaw`](Self::thaw).
    pub fn freeze(&mut self, node: usize) {
        self.signal(node, Signal::STOP);
    }

    /// Lets it go on (SIGCONT).
    pub fn thaw(&mut self, node: usize) {
        self.signal(node, Signal::CONT);
    }

    /// Starts a node again with its data. Back when it accepts clients, which takes two nodes that are up.
    #[track_caller]
    pub fn restart(&mut self, node: usize) {
        self.launch(node);
        self.wait_ready(node);
    }

    /// Starts a node, and does not wait for it.
    #[track_caller]
    pub fn launch(&mut self, node: usize) {
        let program = installed("nats-server", "sudo apt-get install nats-server");
        let configuration = self.file(node, "conf");
        let log = File::options().create(true).append(true).open(self.file(node, "log")).expect("the log");
        let process = Guarded::spawn(&program, [PathBuf::from("-c"), configuration], |command| {
            command.stdout(log.try_clone().expect("a second handle")).stderr(log);
        });
        self.processes[node] = Some(process);
    }

    /// Waits until a node accepts clients.
    #[track_caller]
    pub fn wait_ready(&mut self, node: usize) {
        let port = self.ports[node];
        let ready = holds_within(DEADLINE, || {
            let process = self.processes[node].as_mut().expect("a node that runs");
            process.try_wait().is_some() || accepts(port)
        });
        let runs = self.processes[node].as_mut().is_some_and(|process| process.try_wait().is_none());
        assert!(ready && runs, "node {node} is not ready\n{}", self.log(node));
    }

    fn signal(&mut self, node: usize, signal: Signal) {
        self.processes[node].as_mut().expect("a node that runs").signal(signal);
    }

    fn file(&self, node: usize, ending: &str) -> PathBuf {
        self.dir.path().join(format!("node-{node}.{ending}"))
    }

    /// All that a node has logged.
    pub fn log(&self, node: usize) -> String {
        String::from_utf8_lossy(&fs::read(self.file(node, "log")).unwrap_or_default()).into_owned()
    }
}
