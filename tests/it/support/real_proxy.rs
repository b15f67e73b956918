//! Real proxies of the test's own: tinyproxy for HTTP, microsocks for SOCKS 5.

use std::fs::{self, File};
use std::net::TcpStream;
use std::process::Stdio;

use tempfile::TempDir;

use super::guarded::Guarded;
use super::installed::installed;
use super::mosquitto::free_port;
use super::wait::{DEADLINE, holds_within};

/// Ports that were taken meanwhile, before a test gives up.
const TRIES: usize = 5;

/// A running proxy; dropping it kills it.
#[derive(Debug)]
pub struct RealProxy {
    port: u16,
    _process: Guarded,
    dir: TempDir,
}

impl RealProxy {
    /// An HTTP proxy with these lines in its configuration.
    ///
    /// # Panics
    /// When tinyproxy is not installed or does not start.
    #[track_caller]
    pub fn http(lines: &str) -> Self {
        Self::start("tinyproxy", "tinyproxy-bin", |dir, port| {
            let file = dir.path().join("tinyproxy.conf");
            let log = dir.path().join("log");
            let text = format!("Port {port}\nListen 127.0.0.1\nTimeout 600\nLogFile \"{}\"\n{lines}\n", log.display());
            fs::write(&file, text).expect("the configuration");
            vec!["-d".to_owned(), "-c".to_owned(), file.display().to_string()]
        })
    }

    /// A SOCKS 5 proxy, which asks for this user and password, if there is one.
    ///
    /// # Panics
    /// When microsocks is not installed or does not start.
    #[track_caller]
    pub fn socks5(login: Option<(&str, &str)>) -> Self {
        Self::start("microsocks", "microsocks", |_, port| {
            let mut args = vec!["-i".to_owned(), "127.0.0.1".to_owned(), "-p".to_owned(), port.to_string()];
            if let Some((user, password)) = login {
                args.extend(["-u", user, "-P", password].map(str::to_owned));
            }
            args
        })
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it has written about its connections.
    pub fn log(&self) -> String {
        ["log", "output"].map(|file| fs::read_to_string(self.dir.path().join(file)).unwrap_or_default()).concat()
    }

    #[track_caller]
    fn start(program: &str, package: &str, args: impl Fn(&TempDir, u16) -> Vec<String>) -> Self {
        let path = installed(program, &format!("sudo apt-get install {package} (macOS: brew install {program})"));
        for _ in 0..TRIES {
            let (dir, port) = (TempDir::new().expect("a temporary directory"), free_port());
            let output = File::create(dir.path().join("output")).expect("the output file");
            let mut process = Guarded::spawn(&path, args(&dir, port), |command| {
                command.stdout(Stdio::null()).stderr(output);
            });
            let answers = || TcpStream::connect(("127.0.0.1", port)).is_ok();
            let mut ended = false;
            holds_within(DEADLINE, || {
                ended = process.try_wait().is_some();
                ended || answers()
            });
            let proxy = Self { port, _process: process, dir };
            if !ended {
                return proxy;
            }
            eprintln!("{program}: {}", proxy.log());
        }
        panic!("{program} does not start");
    }
}
