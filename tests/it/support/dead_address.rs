//! An address where nobody answers.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, listen, socket};

/// A listener on a loopback port whose queue is full: a connection to it stays half made, as to an address where nobody
/// answers, until this is dropped.
#[derive(Debug)]
pub struct DeadAddress {
    port: u16,
    /// Never accepts.
    _listener: TcpListener,
    /// What fills its queue.
    _fill: Vec<TcpStream>,
}

impl DeadAddress {
    /// # Panics
    /// When there is no free port, or the queue never fills.
    #[track_caller]
    pub fn new() -> Self {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        listen(&socket, 0).expect("a listener");
        let listener = TcpListener::from(socket);
        let address = listener.local_addr().expect("an address");
        let mut fill = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            fill.push(stream);
            assert!(fill.len() < 100, "the queue never fills");
        }
        Self { port: address.port(), _listener: listener, _fill: fill }
    }

    /// Where nobody answers.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether somebody waits for an answer right now (Linux; the state SYN_SENT).
    pub fn is_tried(&self) -> bool {
        let table = fs::read_to_string("/proc/self/net/tcp").expect("/proc/self/net/tcp");
        let to = format!("0100007F:{:04X}", self.port);
        table.lines().any(|row| {
            let fields: Vec<&str> = row.split_whitespace().collect();
            fields.get(2) == Some(&to.as_str()) && fields.get(3) == Some(&"02")
        })
    }
}
