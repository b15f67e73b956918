//! One connection: the broker's socket, the engine's socket, and what passes between them.

use std::collections::HashSet;
use std::io::{self, ErrorKind, Read};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;

use crate::link::guard::Guard;
use crate::link::inlet::Inlet;
use crate::link::keepalive::{Due, KeepAlive};
use crate::link::outgoing::Outgoing;
use crate::link::splice::{Splice, Ways};
use crate::link::{Cause, Ending, Settings, Tap};
use crate::types::{Properties, Protocol};
use crate::wire::{Malformed, PINGREQ, disconnect_packet, kind};

/// A side is not read while this much waits to be written to the other.
const HIGH_WATER: usize = 256 * 1024;
/// A broker that asks for answers and does not read them is not listened to beyond so many bytes of answers.
const UNREAD_ANSWERS: usize = 1024 * 1024;
/// How long the broker may take to close its side after ours is closed.
const LINGER: Duration = Duration::from_secs(1);
/// How long the engine may take to notice that its connection is over.
const ENGINE_PATIENCE: Duration = Duration::from_secs(10);
/// How long a program may leave callbacks waiting before it is told that it may have forgotten its loop.
const UNSERVED: Duration = Duration::from_secs(5);
/// Rounds in a row for one connection before the others have their turn.
const ROUNDS: usize = 16;

/// The two ends of a pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Broker,
    Engine,
}

/// A socket, what is known of its readiness, and what waits to be written to it.
#[derive(Debug, Default)]
struct Socket {
    stream: Option<TcpStream>,
    readable: bool,
    writable: bool,
    out: Outgoing,
    /// Our side is to be closed once everything is written.
    closing: bool,
    /// Closed whatever happens at this time.
    deadline: Option<Instant>,
}

/// What a read brought.
enum Got {
    Nothing,
    Bytes(usize),
    End(io::Error),
}

impl Socket {
    fn new(stream: TcpStream) -> Self {
        Socket { stream: Some(stream), readable: true, writable: true, ..Socket::default() }
    }

    fn read(&mut self, buffer: &mut [u8]) -> Got {
        let Some(stream) = self.stream.as_mut().filter(|_| self.readable) else {
            return Got::Nothing;
        };
        loop {
            match stream.read(buffer) {
                Ok(0) => {
                    return Got::End(io::Error::new(ErrorKind::UnexpectedEof, "the other side closed the connection"));
                }
                Ok(count) => return Got::Bytes(count),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.readable = false;
                    return Got::Nothing;
                }
                Err(error) => return Got::End(error),
            }
        }
    }

    /// Writes what can be written; `Ok(true)` when something was.
    fn write(&mut self) -> io::Result<bool> {
        let Some(stream) = self.stream.as_mut().filter(|_| self.writable) else {
            return Ok(false);
        };
        let before = self.out.len();
        self.writable = self.out.write_to(stream)?;
        if self.closing && self.out.is_empty() {
            self.closing = false;
            // A side that is gone already needs no closing.
            let _ = stream.shutdown(Shutdown::Write);
        }
        Ok(self.out.len() != before)
    }

    /// Closes our side once everything is written, and all of it at `deadline`.
    fn close_when_written(&mut self, deadline: Instant) {
        self.closing = true;
        self.deadline = Some(deadline);
    }

    fn close(&mut self) {
        *self = Socket::default();
    }
}

/// One connection of one client.
pub(crate) struct Pipe {
    tap: Arc<dyn Tap>,
    settings: Settings,
    broker: Socket,
    engine: Socket,
    awaits_engine: bool,
    /// The broker has said something.
    greeted: bool,
    guard: Guard,
    splice: Splice,
    keepalive: KeepAlive,
    /// CONNACK has accepted the connection.
    open: bool,
    /// Messages wait for the callbacks: the broker is not read.
    paused: bool,
    ending: Option<Ending>,
    written: Vec<u64>,
    /// The link's own packets for the engine, waiting for the end of the message that is passing.
    aside: Vec<u8>,
    /// Bytes of answers to the broker for which nothing has been written yet.
    unread_answers: usize,
    /// When to look whether anybody serves the connection.
    look_back: Option<Instant>,
}

impl Pipe {
    pub(crate) fn new(tap: Arc<dyn Tap>, broker: TcpStream, settings: Settings) -> Self {
        let now = Instant::now();
        Pipe {
            tap,
            guard: Guard::new(settings.version, settings.max_packet),
            splice: Splice::new(settings.version),
            keepalive: KeepAlive::new(settings.opening.keepalive, now),
            settings,
            broker: Socket::new(broker),
            engine: Socket::default(),
            awaits_engine: true,
            greeted: false,
            open: false,
            paused: false,
            ending: None,
            written: Vec::new(),
            aside: Vec::new(),
            unread_answers: 0,
            look_back: None,
        }
    }

    /// Whether the engine has yet to connect.
    pub(crate) fn awaits_engine(&self) -> bool {
        self.awaits_engine && self.ending.is_none()
    }

    pub(crate) fn engine_connected(&mut self, stream: TcpStream) {
        self.awaits_engine = false;
        self.engine = Socket::new(stream);
    }

    pub(crate) fn ready(&mut self, side: Side, readable: bool, writable: bool) {
        let socket = match side {
            Side::Broker => &mut self.broker,
            Side::Engine => &mut self.engine,
        };
        socket.readable |= readable;
        socket.writable |= writable;
    }

    /// Ends the connection in order: what the engine has written goes out, then `packet`.
    pub(crate) fn finish(&mut self, packet: Vec<u8>, buffer: &mut [u8]) {
        if self.ending.is_some() {
            return;
        }
        while self.read_engine(buffer) {}
        self.broker.out.push(&packet);
        self.end(Cause::Finished, 0, Properties::new(), true);
    }

    pub(crate) fn abort(&mut self) {
        self.end(Cause::Aborted, 0, Properties::new(), false);
    }

    pub(crate) fn fail(&mut self, error: io::Error) {
        self.end(Cause::Network(Arc::new(error)), 128, Properties::new(), false);
    }

    /// The end, once both sides are closed.
    pub(crate) fn ended(&mut self) -> Option<Ending> {
        let closed = self.broker.stream.is_none() && self.engine.stream.is_none();
        self.ending.take_if(|_| closed)
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let keepalive = if self.open && self.ending.is_none() { self.keepalive.next(self.paused) } else { None };
        [keepalive, self.broker.deadline, self.engine.deadline, self.look_back].into_iter().flatten().min()
    }

    /// Moves what can be moved; `true` when there is more to do at once.
    pub(crate) fn drive(&mut self, now: Instant, buffer: &mut [u8], received: &mut HashSet<u16>) -> bool {
        self.keep_alive(now);
        if self.look_back.take_if(|at| *at <= now).is_some() {
            self.tap.unserved();
        }
        for socket in [&mut self.broker, &mut self.engine] {
            if socket.deadline.is_some_and(|at| at <= now) {
                socket.close();
            }
        }
        for _ in 0..ROUNDS {
            let mut moved = self.read_broker(now, buffer, received);
            moved |= self.read_engine(buffer);
            moved |= self.write(now);
            if !moved {
                return false;
            }
        }
        true
    }

    fn keep_alive(&mut self, now: Instant) {
        if !self.open || self.ending.is_some() {
            return;
        }
        match self.keepalive.due(now, self.paused) {
            Due::Nothing => {}
            Due::Ping => self.broker.out.push(&PINGREQ),
            Due::GiveUp => self.end(Cause::KeepAlive, 141, Properties::new(), false),
        }
    }

    fn read_broker(&mut self, now: Instant, buffer: &mut [u8], received: &mut HashSet<u16>) -> bool {
        if self.ending.is_some() {
            return match self.broker.read(buffer) {
                Got::Nothing => false,
                Got::Bytes(_) => true,
                Got::End(_) => {
                    self.broker.close();
                    true
                }
            };
        }
        // The broker has nothing to say before the engine has spoken.
        if self.engine.stream.is_none() || self.engine.out.len() >= HIGH_WATER || self.unread_answers >= UNREAD_ANSWERS
        {
            return false;
        }
        let paused = self.open && !self.tap.has_room();
        if self.paused && !paused {
            self.keepalive.heard(now);
        }
        self.paused = paused;
        if paused {
            return false;
        }
        match self.broker.read(buffer) {
            Got::Nothing => false,
            Got::Bytes(count) => {
                self.keepalive.heard(now);
                self.take_in(&buffer[..count], received);
                true
            }
            Got::End(error) => {
                self.end(Cause::Network(Arc::new(error)), 128, Properties::new(), false);
                true
            }
        }
    }

    fn take_in(&mut self, bytes: &[u8], received: &mut HashSet<u16>) {
        // Another kind of server may announce a length that never comes: its first byte tells.
        if !std::mem::replace(&mut self.greeted, true) && bytes.first() != Some(&(kind::CONNACK << 4)) {
            return self.violation(Malformed("its first packet is not a CONNACK"));
        }
        let mut inlet = Inlet {
            version: self.settings.version,
            tap: &*self.tap,
            to_engine: &mut self.engine.out,
            to_broker: &mut self.broker.out,
            aside: &mut self.aside,
            received,
            open: self.open,
            server_keepalive: None,
            stop: None,
        };
        let before = inlet.to_broker.len();
        let outcome = self.guard.feed(bytes, &mut inlet);
        let (open, server_keepalive, stop) = (inlet.open, inlet.server_keepalive, inlet.stop);
        self.unread_answers += self.broker.out.len() - before;
        self.pass_aside();
        if open && !self.open {
            self.look_back = Some(Instant::now() + UNSERVED);
        }
        self.open = open;
        if let Some(seconds) = server_keepalive {
            self.keepalive.set(seconds);
        }
        match (stop, outcome) {
            (Some(stop), _) => self.end(stop.cause, stop.code, stop.properties, false),
            (None, Err(problem)) => self.violation(problem),
            (None, Ok(())) => {}
        }
    }

    /// The link's own packets go to the engine between two packets of the broker's.
    fn pass_aside(&mut self) {
        if !self.aside.is_empty() && !self.guard.is_passing() {
            self.engine.out.push(&self.aside);
            self.aside.clear();
        }
    }

    /// The broker broke the protocol: it is told, where the version allows it, and left (MQTT 5, section 4.13).
    fn violation(&mut self, Malformed(problem): Malformed) {
        const MALFORMED_PACKET: u8 = 129;
        if self.open && self.settings.version == Protocol::V5 {
            self.broker.out.push(&disconnect_packet(Protocol::V5, MALFORMED_PACKET, &Properties::new()));
            // What the socket takes now is all it gets.
            let _ = self.broker.write();
        }
        self.end(Cause::Protocol(problem), MALFORMED_PACKET, Properties::new(), false);
    }

    fn read_engine(&mut self, buffer: &mut [u8]) -> bool {
        if self.ending.is_none() && self.broker.out.len() >= HIGH_WATER {
            return false;
        }
        match self.engine.read(buffer) {
            Got::Nothing => false,
            Got::Bytes(_) if self.ending.is_some() => true,
            Got::Bytes(count) => {
                let mut ways = Ways { to_broker: &mut self.broker.out, to_engine: &mut self.aside };
                let taken = self.splice.feed(&buffer[..count], &self.settings, &*self.tap, &mut ways);
                if let Err(Malformed(problem)) = taken {
                    log::error!("the engine wrote what cannot be read: {problem}");
                    self.end(Cause::Engine, 128, Properties::new(), false);
                }
                self.pass_aside();
                true
            }
            Got::End(_) => {
                self.engine.close();
                self.end(Cause::Engine, 128, Properties::new(), true);
                true
            }
        }
    }

    fn write(&mut self, now: Instant) -> bool {
        let mut moved = false;
        let before = self.broker.out.len();
        match self.broker.write() {
            Ok(wrote) => {
                moved |= wrote;
                if wrote {
                    self.keepalive.said(now);
                    let left = self.broker.out.len();
                    self.unread_answers = self.unread_answers.saturating_sub(before - left);
                    if left > 0 {
                        self.keepalive.sending(now);
                    }
                    self.broker.out.take_written(&mut self.written);
                    if !self.written.is_empty() {
                        if self.ending.is_none() {
                            self.tap.written(&self.written);
                        }
                        self.written.clear();
                    }
                }
            }
            Err(_) if self.ending.is_some() => self.broker.close(),
            Err(error) => self.fail(error),
        }
        match self.engine.write() {
            Ok(wrote) => moved |= wrote,
            Err(_) => {
                self.engine.close();
                self.end(Cause::Engine, 128, Properties::new(), true);
            }
        }
        moved
    }

    /// Begins the end: nothing of the engine's leaves any more, and the engine learns that it is over.
    fn end(&mut self, cause: Cause, code: u8, properties: Properties, flush: bool) {
        if self.ending.is_some() {
            return;
        }
        let now = Instant::now();
        self.look_back = None;
        self.ending = Some(Ending { cause, code, properties, was_connected: self.open });
        self.tap.lost();
        if flush {
            self.broker.close_when_written(now + LINGER);
        } else {
            self.broker.close();
        }
        self.engine.close_when_written(now + ENGINE_PATIENCE);
        self.awaits_engine = false;
    }
}
