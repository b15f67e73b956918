//! The server's end of a WebSocket, byte by byte, for what a real server never does.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tungstenite::handshake::derive_accept_key;

/// The deadline of each step.
const STEP: Duration = Duration::from_secs(30);

pub const CONTINUATION: u8 = 0;
pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// CONNACK that accepts, of MQTT 3.1.1.
pub const CONNACK: [u8; 4] = [0x20, 2, 0, 0];

/// A server for one connection after the other; [`finish`](Self::finish) waits for the script's end.
#[derive(Debug)]
#[must_use]
pub struct WebSocketServer {
    port: u16,
    thread: JoinHandle<()>,
}

/// One connection. Every method panics, and so fails the test, when its step does not happen in time.
#[derive(Debug)]
pub struct WebSocketPeer(TcpStream);

impl WebSocketServer {
    /// Plays `steps` on so many connections, one after the other, with the number of each.
    #[track_caller]
    pub fn run(connections: usize, mut steps: impl FnMut(usize, &mut WebSocketPeer) + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let thread = thread::spawn(move || {
            for number in 0..connections {
                let (stream, _) = listener.accept().expect("a client");
                stream.set_read_timeout(Some(STEP)).expect("a read timeout");
                stream.set_write_timeout(Some(STEP)).expect("a write timeout");
                stream.set_nodelay(true).expect("TCP_NODELAY");
                steps(number, &mut WebSocketPeer(stream));
            }
        });
        Self { port, thread }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits for the script to end.
    ///
    /// # Panics
    /// With the script's panic.
    #[track_caller]
    pub fn finish(self) {
        self.thread.join().expect("the script runs to its end");
    }
}

impl WebSocketPeer {
    /// The client's request, up to the empty line, which is left out.
    #[track_caller]
    pub fn request(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.try_read::<1>().expect("more of the request")[0]);
        }
        head.truncate(head.len() - 2);
        String::from_utf8(head).expect("UTF-8")
    }

    /// Takes the client's request and opens the WebSocket; the request.
    #[track_caller]
    pub fn open(&mut self) -> String {
        let request = self.request();
        let key = header(&request, "Sec-WebSocket-Key").expect("a key");
        let accept = derive_accept_key(key.as_bytes());
        self.send(format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
        ));
        request
    }

    /// Opens the WebSocket, takes CONNECT and accepts it.
    #[track_caller]
    pub fn accept(&mut self) {
        self.open();
        self.expect_packet(0x10);
        self.frame(true, BINARY, &CONNACK);
    }

    /// Sends any bytes.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).expect("the client reads");
    }

    /// Sends a frame.
    #[track_caller]
    pub fn frame(&mut self, is_last: bool, opcode: u8, payload: &[u8]) {
        let mut frame = vec![u8::from(is_last) << 7 | opcode];
        match payload.len() {
            length @ ..126 => frame.push(length as u8),
            length @ 126..0x1_0000 => {
                frame.push(126);
                frame.extend((length as u16).to_be_bytes());
            }
            length => {
                frame.push(127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(payload);
        self.send(frame);
    }

    /// The client's next frame: its opcode and its payload. It is whole and masked, as everything of a client's is.
    #[track_caller]
    pub fn next(&mut self) -> (u8, Vec<u8>) {
        self.try_next().expect("another frame")
    }

    /// Pings until the client ends the connection, and hands over what else it sends.
    #[track_caller]
    pub fn ping_until_the_end(&mut self, mut other: impl FnMut(u8, Vec<u8>)) {
        let mut ping = || -> io::Result<()> {
            self.0.write_all(&[0x80 | PING, 1, 7])?;
            loop {
                match self.try_next()? {
                    (PONG, payload) => {
                        assert_eq!(payload, [7]);
                        return Ok(());
                    }
                    (opcode, payload) => other(opcode, payload),
                }
            }
        };
        while ping().is_ok() {}
    }

    #[track_caller]
    fn try_next(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let [first, second] = self.try_read()?;
        assert_eq!(first & 0xf0, 0x80, "a frame that is whole, without extensions: {first:02x}");
        assert_eq!(second & 0x80, 0x80, "a client masks its frames (RFC 6455, section 5.1)");
        let length = match second & 0x7f {
            126 => u16::from_be_bytes(self.try_read()?).into(),
            127 => u64::from_be_bytes(self.try_read()?),
            length => length.into(),
        };
        let mask: [u8; 4] = self.try_read()?;
        let mut payload = vec![0; usize::try_from(length).expect("a small frame")];
        self.0.read_exact(&mut payload)?;
        for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= mask;
        }
        Ok((first & 0x0f, payload))
    }

    /// The client's next message is an MQTT packet with this first byte; all of the message.
    #[track_caller]
    pub fn expect_packet(&mut self, first: u8) -> Vec<u8> {
        let (opcode, payload) = self.next();
        assert_eq!((opcode, payload.first()), (BINARY, Some(&first)), "{payload:02x?}");
        payload
    }

    /// The client closes the connection, whatever it sends before.
    #[track_caller]
    pub fn expect_end(&mut self) {
        let mut rest = Vec::new();
        let _ = self.0.read_to_end(&mut rest);
    }

    fn try_read<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// The value of a header of a request.
pub fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let lines = request.lines().skip(1).filter_map(|line| line.split_once(": "));
    lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// PUBLISH of QoS 0.
pub fn publish(topic: &str, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x30];
    let mut length = 2 + topic.len() + payload.len();
    while length > 0x7f {
        packet.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    packet.push(length as u8);
    packet.extend((topic.len() as u16).to_be_bytes());
    packet.extend(topic.as_bytes());
    packet.extend(payload);
    packet
}
