//! The way to the network: a loopback listener for the engine, the real socket, and what passes between.
//!
//! Paho never touches the network. It connects to a listener of ours on the loopback; one thread for all
//! clients of the process copies both ways, checks what comes from brokers, completes what goes to them and
//! keeps connections alive. When a broker goes away, Paho's side is half-closed and drained, so that no write
//! of Paho's ever fails.

mod dial;
#[cfg(fuzzing)]
#[allow(missing_docs, reason = "for the fuzz target alone")]
pub mod fuzzing;
mod guard;
mod held;
mod inlet;
mod keepalive;
mod outgoing;
mod own_process;
mod pipe;
mod reactor;
mod splice;

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;

use crate::outbox::{Departure, Verdict};
use crate::types::{Properties, Protocol};
use crate::wire::{Ack, Connack, Opening};
use reactor::{Command, Reactor};

pub(crate) use dial::dial;

/// What a link asks and tells its owner, on the link's thread. Nothing in here may wait.
pub(crate) trait Tap: Send + Sync {
    /// A message of the engine's passes by: how it leaves. `None` drops it.
    fn departing(&self, ticket: u64, engine_id: u16) -> Option<Departure>;
    /// A subscription of the engine's passes by: the packet id it leaves with.
    fn departing_request(&self, engine_id: u16) -> Option<u16>;
    /// Messages of QoS 0 have been written to the network.
    fn written(&self, tickets: &[u64]);
    /// The broker has answered CONNECT; `false` when nobody wants the connection any more.
    fn connack(&self, connack: &Connack) -> bool;
    /// The broker has answered something else.
    fn answered(&self, ack: Ack) -> Verdict;
    /// A message goes to the engine.
    fn arriving(&self);
    /// Whether messages may come in, or too many wait for the callbacks.
    fn has_room(&self) -> bool;
    /// The connection is gone; nothing of the engine's leaves any more.
    fn lost(&self);
    /// Engine and broker are both gone, and everything the engine had to say has been said.
    fn ended(&self, ending: Ending);
    /// The connection has stood for five seconds.
    fn unserved(&self);
}

/// Why a connection ended.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    pub(crate) cause: Cause,
    /// The reason code of `on_disconnect`, a number of MQTT 5.
    pub(crate) code: u8,
    pub(crate) properties: Properties,
    /// Whether the connection had been accepted.
    pub(crate) was_connected: bool,
}

/// Who or what ended it.
#[derive(Debug, Clone)]
pub(crate) enum Cause {
    /// We did, in order.
    Finished,
    /// We did, at once.
    Aborted,
    /// CONNACK refused the connection.
    Refused,
    /// The broker sent DISCONNECT.
    Server,
    /// The network failed or the broker closed the connection.
    Network(Arc<io::Error>),
    /// No answer to a ping.
    KeepAlive,
    /// The broker broke the protocol.
    Protocol(&'static str),
    /// The engine closed its side by itself.
    Engine,
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Cause::Finished => f.write_str("the client has disconnected"),
            Cause::Aborted => f.write_str("the client has dropped the connection"),
            Cause::Refused => f.write_str("the broker has refused the connection"),
            Cause::Server => f.write_str("the broker has disconnected the client"),
            Cause::Network(error) => write!(f, "the connection was lost: {error}"),
            Cause::KeepAlive => f.write_str("the broker no longer answers"),
            Cause::Protocol(problem) => write!(f, "the broker does not keep to MQTT: {problem}"),
            Cause::Engine => f.write_str("the engine has closed the connection"),
        }
    }
}

/// How one connection is to be made.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) version: Protocol,
    pub(crate) opening: Opening,
    /// The largest packet accepted from the broker, in bytes.
    pub(crate) max_packet: usize,
}

/// One client's link. Dropping it closes everything at once.
#[derive(Debug)]
pub(crate) struct Link {
    id: usize,
    port: u16,
    reactor: &'static Reactor,
}

impl Link {
    /// Opens the listener the engine will connect to, and starts the link's thread with the first client.
    pub(crate) fn open(tap: Arc<dyn Tap>) -> io::Result<Link> {
        let reactor = Reactor::get()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        listener.set_nonblocking(true)?;
        let id = reactor.new_id();
        reactor.send(Command::Open { id, listener, tap })?;
        Ok(Link { id, port, reactor })
    }

    /// The loopback port of the listener.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Takes over a connection to the broker; the engine is to connect next.
    pub(crate) fn attach(&self, stream: TcpStream, settings: Settings) -> io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        self.reactor.send(Command::Attach { id: self.id, stream, settings: Box::new(settings) })
    }

    /// Ends the connection in order: what is queued goes out, then `packet`, then the socket is closed.
    pub(crate) fn finish(&self, packet: Vec<u8>) {
        self.tell(Command::Finish { id: self.id, packet });
    }

    /// Ends the connection at once.
    pub(crate) fn abort(&self) {
        self.tell(Command::Abort { id: self.id });
    }

    /// There is room again for messages from the broker.
    pub(crate) fn resume(&self) {
        self.tell(Command::Resume { id: self.id });
    }

    fn tell(&self, command: Command) {
        if let Err(error) = self.reactor.send(command) {
            log::error!("the link's thread cannot be reached: {error}");
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.tell(Command::Close { id: self.id });
    }
}
