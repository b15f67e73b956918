//! The client at the other end of a scripted connection: what a script reads from it, and how the connection ends.
//!
//! What a script writes is in [`answers`](super::answers).

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;

use super::decode::{decode, lengths};
use super::packet::{Ack, Connect, Disconnect, Packet, Publish, Subscribe, Unsubscribe};

/// The deadline of each step. Shorter than the test's own, so that a test fails by what the client did not do.
const STEP: Duration = Duration::from_secs(30);

/// One connection. Every method panics, and so fails the test, when its step does not happen within [`STEP`].
#[derive(Debug)]
pub struct Peer {
    /// `None` once closed.
    stream: Option<TcpStream>,
    /// What was read and not decoded yet.
    bytes: Vec<u8>,
    /// The level of the CONNECT; 3.1.1 before it.
    pub(super) level: u8,
    /// Whether PINGREQ is answered and hidden.
    answers_pings: bool,
}

/// What ended a read.
enum End {
    /// The client closed or reset the connection.
    Closed,
    /// The deadline.
    Late,
}

/// Takes the next packet, which must be of one kind.
macro_rules! expect {
    ($peer:expr, $kind:ident) => {
        match $peer.read_packet() {
            Packet::$kind(packet) => packet,
            other => panic!("the client should send {}, it sent {other:?}", stringify!($kind)),
        }
    };
}

impl Peer {
    pub(super) fn new(stream: TcpStream) -> Self {
        stream.set_nonblocking(false).expect("a blocking socket");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        stream.set_write_timeout(Some(STEP)).expect("a write timeout");
        Self { stream: Some(stream), bytes: Vec::new(), level: 4, answers_pings: false }
    }

    /// From now on answers each PINGREQ and hides it from the script.
    pub fn answer_pings(&mut self) {
        self.answers_pings = true;
    }

    /// Whether the client speaks MQTT 5.
    pub fn is_v5(&self) -> bool {
        self.level == 5
    }

    /// Where the client connected from.
    #[track_caller]
    pub fn address(&self) -> SocketAddr {
        let stream = self.stream.as_ref().expect("not closed by the script");
        stream.peer_addr().expect("an address")
    }

    /// The next packet.
    #[track_caller]
    pub fn read_packet(&mut self) -> Packet {
        match self.next() {
            Ok(packet) => packet,
            Err(End::Closed) => panic!("the client closed the connection, it should send a packet"),
            Err(End::Late) => panic!("the client sent nothing for {STEP:?}; undecoded: {:02x?}", self.bytes),
        }
    }

    /// The next packet, or `None` when the client closes or resets the connection.
    #[track_caller]
    pub fn packet_or_end(&mut self) -> Option<Packet> {
        match self.next() {
            Ok(packet) => Some(packet),
            Err(End::Closed) => None,
            Err(End::Late) => panic!("the client neither sent anything nor closed for {STEP:?}"),
        }
    }

    /// The CONNECT. Its level decides how everything after it is written.
    #[track_caller]
    pub fn expect_connect(&mut self) -> Connect {
        expect!(self, Connect)
    }

    /// The next packet, a PUBLISH.
    #[track_caller]
    pub fn expect_publish(&mut self) -> Publish {
        expect!(self, Publish)
    }

    /// The next packet, a PUBACK.
    #[track_caller]
    pub fn expect_puback(&mut self) -> Ack {
        expect!(self, PubAck)
    }

    /// The next packet, a PUBREC.
    #[track_caller]
    pub fn expect_pubrec(&mut self) -> Ack {
        expect!(self, PubRec)
    }

    /// The next packet, a PUBREL.
    #[track_caller]
    pub fn expect_pubrel(&mut self) -> Ack {
        expect!(self, PubRel)
    }

    /// The next packet, a PUBCOMP.
    #[track_caller]
    pub fn expect_pubcomp(&mut self) -> Ack {
        expect!(self, PubComp)
    }

    /// The next packet, a SUBSCRIBE.
    #[track_caller]
    pub fn expect_subscribe(&mut self) -> Subscribe {
        expect!(self, Subscribe)
    }

    /// The next packet, an UNSUBSCRIBE.
    #[track_caller]
    pub fn expect_unsubscribe(&mut self) -> Unsubscribe {
        expect!(self, Unsubscribe)
    }

    /// The next packet, a PINGREQ.
    #[track_caller]
    pub fn expect_pingreq(&mut self) {
        let packet = self.read_packet();
        assert_eq!(packet, Packet::PingReq);
    }

    /// The next packet, a DISCONNECT.
    #[track_caller]
    pub fn expect_disconnect(&mut self) -> Disconnect {
        expect!(self, Disconnect)
    }

    /// The client closes (or resets) the connection and sends nothing before.
    #[track_caller]
    pub fn expect_eof(&mut self) {
        let packets = self.read_to_eof();
        assert!(packets.is_empty(), "the client should only close, it sent {packets:?}");
    }

    /// All packets until the client closes or resets the connection; each in time.
    #[track_caller]
    pub fn read_to_eof(&mut self) -> Vec<Packet> {
        let mut packets = Vec::new();
        loop {
            match self.next() {
                Ok(packet) => packets.push(packet),
                Err(End::Closed) => {
                    assert!(self.bytes.is_empty(), "the client closed within a packet: {:02x?}", self.bytes);
                    return packets;
                }
                Err(End::Late) => {
                    panic!("the client did not close within {STEP:?}; it sent {packets:?}")
                }
            }
        }
    }

    /// Any bytes, for what must be malformed.
    #[track_caller]
    pub fn send_raw(&mut self, bytes: &[u8]) {
        let stream = self.stream.as_mut().expect("the script closed the connection");
        if let Err(error) = stream.write_all(bytes) {
            panic!("the client does not take {} bytes: {error}", bytes.len());
        }
    }

    /// Closes the connection in order (FIN). What the client sent and nobody read is dropped first: it would turn the
    /// end into a reset.
    pub fn close(&mut self) {
        if let Some(mut stream) = self.stream.take() {
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.set_nonblocking(true);
            let mut unread = [0; 4096];
            while stream.read(&mut unread).is_ok_and(|count| count > 0) {}
        }
    }

    /// Closes the sending half only: the client sees the end, the script reads on.
    #[track_caller]
    pub fn close_sending(&mut self) {
        let stream = self.stream.as_ref().expect("the script closed the connection");
        let _ = stream.shutdown(Shutdown::Write);
    }

    /// Breaks the connection (RST).
    #[track_caller]
    pub fn reset(&mut self) {
        if let Some(stream) = self.stream.take() {
            set_socket_linger(&stream, Some(Duration::ZERO)).expect("SO_LINGER");
        }
    }

    /// The next packet within the deadline, pings answered if wanted.
    #[track_caller]
    fn next(&mut self) -> Result<Packet, End> {
        let deadline = Instant::now() + STEP;
        loop {
            let Some(packet) = self.buffered() else {
                self.read_some(deadline)?;
                continue;
            };
            match packet {
                Packet::PingReq if self.answers_pings => self.pingresp(),
                packet => return Ok(packet),
            }
        }
    }

    /// The first packet in the buffer, if it is complete.
    #[track_caller]
    fn buffered(&mut self) -> Option<Packet> {
        let (header, body) = lengths(&self.bytes)?;
        if self.bytes.len() < header + body {
            return None;
        }
        let bytes: Vec<u8> = self.bytes.drain(..header + body).collect();
        let packet = match decode(bytes[0], &bytes[header..], self.level) {
            Ok(packet) => packet,
            Err(problem) => panic!("the client sent {problem}: {bytes:02x?}"),
        };
        if let Packet::Connect(connect) = &packet {
            self.level = connect.level;
        }
        Some(packet)
    }

    /// Reads what there is, waiting for it until `deadline`.
    #[track_caller]
    fn read_some(&mut self, deadline: Instant) -> Result<(), End> {
        let stream = self.stream.as_mut().expect("the script closed the connection");
        let rest = deadline.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            return Err(End::Late);
        }
        stream.set_read_timeout(Some(rest)).expect("a read timeout");
        let mut buffer = [0; 16 * 1024];
        match stream.read(&mut buffer) {
            Ok(0) => Err(End::Closed),
            Ok(count) => {
                self.bytes.extend(&buffer[..count]);
                Ok(())
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Err(End::Late),
                ErrorKind::Interrupted => Ok(()),
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Err(End::Closed),
                _ => panic!("reading from the client: {error}"),
            },
        }
    }
}
