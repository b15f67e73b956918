//! The room: where Paho's client meets, instead of a broker, this process.

use std::io::{self, ErrorKind, Read, Write};
use std::{fmt, mem};

use mio::event::Source;

use super::packet::{self, Packet};

/// The room's end of the connection: a Unix socket or a loopback one, never blocking.
pub(super) trait Socket: Read + Write + Source + Send {}

impl<T: Read + Write + Source + Send> Socket for T {}

/// Bytes encoded at a time: some 300 tickets.
const CHUNK: usize = 4096;
/// So many tickets let events out together, where they go in together: each time wakes the loop.
const TOGETHER: u64 = 16;

/// A room with Paho in it.
pub(super) struct Room {
    socket: Box<dyn Socket>,
    /// Read: the beginning of a packet.
    unread: Vec<u8>,
    /// To be written.
    unsent: Vec<u8>,
    /// The last ticket that has been encoded, and the last that there is.
    tickets: (u64, u64),
    /// A credit is due. It goes before the tickets that are not encoded yet.
    credit: bool,
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("tickets", &self.tickets).field("credit", &self.credit).finish_non_exhaustive()
    }
}

impl Room {
    pub(super) fn new(socket: Box<dyn Socket>) -> Self {
        Room { socket, unread: Vec::new(), unsent: Vec::new(), tickets: (0, 0), credit: false }
    }

    /// The socket to watch, for reading and for writing.
    pub(super) fn socket(&mut self) -> &mut dyn Source {
        &mut *self.socket
    }

    /// Says something to Paho; [`flush`](Self::flush) writes it.
    pub(super) fn say(&mut self, packet: &[u8]) {
        self.unsent.extend_from_slice(packet);
    }

    /// Sends Paho the tickets up to `last`; [`flush`](Self::flush) writes them.
    pub(super) fn send_tickets(&mut self, last: u64) {
        self.tickets.1 = last;
    }

    /// Sends Paho a credit; [`flush`](Self::flush) writes it.
    pub(super) fn send_credit(&mut self) {
        self.credit = true;
    }

    /// Writes as much as Paho's end of the socket takes; the rest when the socket is writable again.
    ///
    /// # Errors
    /// Paho is gone.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        loop {
            self.encode();
            if self.unsent.is_empty() {
                return Ok(());
            }
            match self.socket.write(&self.unsent) {
                Ok(written) => drop(self.unsent.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Encodes what is due next, where nothing is left to be written.
    fn encode(&mut self) {
        if !self.unsent.is_empty() {
            return;
        }
        if mem::take(&mut self.credit) {
            self.say(&packet::CREDIT);
        }
        while self.tickets.0 < self.tickets.1 && self.unsent.len() < CHUNK {
            self.tickets.0 += 1;
            let last = self.tickets.0 == self.tickets.1 || self.tickets.0.is_multiple_of(TOGETHER);
            self.say(&packet::ticket(self.tickets.0, last));
        }
    }

    /// Reads all that has come, packet by packet. Pings are answered with the next [`flush`](Self::flush).
    ///
    /// # Errors
    /// Paho has left, or says what it never should.
    pub(super) fn read(&mut self, mut each: impl FnMut(Packet)) -> io::Result<()> {
        let mut chunk = [0; 4096];
        loop {
            match self.socket.read(&mut chunk) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.unread.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            let mut done = 0;
            while let Some((packet, length)) = packet::first(&self.unread[done..])? {
                done += length;
                match packet {
                    Packet::Pingreq => self.unsent.extend_from_slice(&packet::PINGRESP),
                    Packet::Disconnect => return Err(ErrorKind::UnexpectedEof.into()),
                    Packet::Connect | Packet::Ticket(_) => each(packet),
                }
            }
            self.unread.drain(..done);
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use mio::net::UnixStream;

    /// A room, and Paho's end of its socket.
    fn room() -> io::Result<(Room, UnixStream)> {
        let (ours, paho) = UnixStream::pair()?;
        Ok((Room::new(Box::new(ours)), paho))
    }

    /// What there is to read.
    fn drain(paho: &mut UnixStream) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match paho.read_to_end(&mut bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(bytes),
            other => other.map(|_| bytes),
        }
    }

    #[test]
    fn packets_are_read_however_they_are_cut() -> io::Result<()> {
        let (mut room, mut paho) = room()?;
        let mut bytes = Vec::new();
        for number in 1..=3 {
            bytes.extend(packet::ticket(number, false));
        }
        let mut seen = Vec::new();
        for piece in bytes.chunks(5) {
            paho.write_all(piece)?;
            room.read(|packet| seen.push(packet))?;
        }
        assert_eq!(seen, [Packet::Ticket(1), Packet::Ticket(2), Packet::Ticket(3)]);
        Ok(())
    }

    #[test]
    fn pings_are_answered() -> io::Result<()> {
        let (mut room, mut paho) = room()?;
        paho.write_all(&[0xC0, 0])?;
        room.read(|packet| panic!("{packet:?}"))?;
        room.flush()?;
        assert_eq!(drain(&mut paho)?, packet::PINGRESP);
        Ok(())
    }

    #[test]
    fn tickets_wait_for_the_socket_and_credits_overtake_them() -> io::Result<()> {
        const TICKETS: u64 = 200_000;
        let (mut room, mut paho) = room()?;
        room.send_tickets(TICKETS);
        room.flush()?;
        assert!(room.tickets.0 < TICKETS, "the socket took it all");
        room.send_credit();
        let mut bytes = Vec::new();
        while bytes.len() < TICKETS as usize * 13 + packet::CREDIT.len() {
            bytes.extend(drain(&mut paho)?);
            room.flush()?;
        }
        let (mut number, mut credit_at, mut rest) = (0, None, bytes.as_slice());
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix(&packet::CREDIT) {
                assert_eq!(credit_at.replace(number), None);
                rest = after;
                continue;
            }
            number += 1;
            let last = number == TICKETS || number.is_multiple_of(TOGETHER);
            rest = rest.strip_prefix(&packet::ticket(number, last)).expect("the next ticket");
        }
        assert_eq!(number, TICKETS);
        assert!(credit_at.is_some_and(|at| at < TICKETS), "{credit_at:?}");
        Ok(())
    }

    #[test]
    fn paho_leaves() -> io::Result<()> {
        let (mut room, mut paho) = room()?;
        paho.write_all(&packet::ticket(7, true))?;
        paho.write_all(&[0xE0, 0])?;
        let mut seen = Vec::new();
        assert!(room.read(|packet| seen.push(packet)).is_err());
        assert_eq!(seen, [Packet::Ticket(7)]);

        let (mut room, paho) = self::room()?;
        drop(paho);
        assert!(room.read(|packet| panic!("{packet:?}")).is_err());
        room.send_tickets(1);
        assert!(room.flush().is_err());
        Ok(())
    }
}
