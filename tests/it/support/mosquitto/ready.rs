//! A port for a broker, and the proof that the broker on it is ours and answers.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

/// The address brokers listen on.
pub(super) const HOST: &str = "127.0.0.1";

/// The ports to choose from: below the ephemeral ones (32768 on Linux, 49152 elsewhere). A client that keeps trying
/// an ephemeral port nobody listens on may connect to itself and keep the broker from coming back.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// How long one attempt may take; the caller tries again.
const ATTEMPT: Duration = Duration::from_secs(1);

/// A loopback port that was free a moment ago, another one at each call.
///
/// # Panics
/// When none is free.
#[track_caller]
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test binaries running side by side start at different places.
    let offset = (process::id() % u32::from(COUNT)) as u16;
    for _ in 0..COUNT {
        // 7 is coprime to COUNT: all ports are visited, and neighbouring pids do not walk in each other's steps.
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = FIRST + ((u32::from(offset) * 31 + u32::from(step) * 7) % u32::from(COUNT)) as u16;
        if TcpListener::bind((HOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}

/// Whether a CONNACK comes back, accepting or not, and `logged` finds the client's address in the broker's log: another
/// broker that took the port first would answer too.
pub(super) fn answers(port: u16, login: Option<(&str, &str)>, logged: impl Fn(&str) -> bool) -> bool {
    connack(port, login).is_ok_and(|(client, _)| logged(&client.to_string()))
}

/// Whether any broker on `port` accepts a client.
pub fn accepts(port: u16) -> bool {
    connack(port, None).is_ok_and(|(_, code)| code == 0)
}

/// Connects, waits for the CONNACK and disconnects; the client's address, and the broker's return code.
fn connack(port: u16, login: Option<(&str, &str)>) -> io::Result<(SocketAddr, u8)> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect_timeout(&address, ATTEMPT)?;
    stream.set_read_timeout(Some(ATTEMPT))?;
    stream.write_all(&connect("ready?", login))?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer)?;
    // A refused client was disconnected already.
    let _ = stream.write_all(&[0xe0, 0]);
    if answer[..2] == [0x20, 2] {
        Ok((stream.local_addr()?, answer[3]))
    } else {
        Err(io::ErrorKind::InvalidData.into())
    }
}

/// A CONNECT of MQTT 3.1.1 with a clean session.
fn connect(id: &str, login: Option<(&str, &str)>) -> Vec<u8> {
    let flags = if login.is_some() { 0b1100_0010 } else { 0b0000_0010 };
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4, flags, 0, 60];
    let login = login.map(|(name, password)| [name, password]);
    for text in [id].into_iter().chain(login.into_iter().flatten()) {
        body.extend((text.len() as u16).to_be_bytes());
        body.extend(text.as_bytes());
    }
    let length = u8::try_from(body.len()).ok().filter(|length| *length < 128).expect("a short login");
    [vec![0x10, length], body].concat()
}
