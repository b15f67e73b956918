//! The way to the network: one thread for all clients of the process, and one connection for each.
//!
//! A connection (socket, session, engine, send buffer) stands behind one lock. The network's thread takes it whenever
//! there is something to do; nobody waits for anything while it is held. Locks are taken in this order, from the left,
//! and none is held while foreign code runs:
//!
//! connection → state of the connection ([`Watch`]) → outbox → event queue; Paho's own → outbox → event queue.

mod attempt;
mod clear_password;
mod connection;
mod deadlines;
mod dial;
mod ending;
mod pipe;
mod proxy;
mod quick_acks;
mod reactor;
mod route;
mod socket;
#[cfg(feature = "tls")]
mod tls_problem;
#[cfg(feature = "tls")]
mod tls_wire;
mod tuning;
#[cfg(feature = "websockets")]
mod websocket;
mod wire;

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use crate::engine::{self, Intake};
use crate::event::{ConnectionId, EventQueue};
use crate::mqtt::{Connack, ConnectPacket, OutgoingMessage, ServerId, Session};
use crate::outbox::Outbox;
use crate::sync::lock;
use crate::types::{Engine, Error, Protocol, ReasonCode, Result};
use clear_password::ClearPassword;
use connection::Connection;
use reactor::{Channel, Reactor};

pub(crate) use attempt::Plan;
pub(crate) use route::Route;

/// What a connection tells its client at once, before the loop hears of it as an event. Called with the connection's
/// lock held; nothing in here may wait.
pub(crate) trait Watch: Send + Sync {
    /// Whether attempt `id` is still wanted.
    fn is_wanted(&self, id: ConnectionId) -> bool;
    /// Waits until attempt `id` has come to its end, or `until`. Called with no lock held.
    fn wait_for_end(&self, id: ConnectionId, until: Instant);
    /// CONNACK has accepted attempt `id`; `false` when nobody wants the connection any more. Otherwise `tell` is called,
    /// which puts the event into the queue, before anybody can see that the connection stands.
    fn accepted(&self, id: ConnectionId, connack: &Connack, tell: &mut dyn FnMut()) -> bool;
    /// CONNACK has refused attempt `id`, which began with `packet`; `true` when the loop is to hear of it.
    fn refused(&self, id: ConnectionId, packet: &ConnectPacket, code: ReasonCode) -> bool;
    /// Attempt `id` has failed; `true` when the loop is to hear of it.
    fn failed(&self, id: ConnectionId, error: &Error) -> bool;
    /// The accepted connection `id` has ended; `error` says why. `suspected` where the broker seems to hang up on a packet of
    /// ours again and again.
    fn lost(&self, id: ConnectionId, error: Error, suspected: bool);
}

/// One client's way to the network.
pub(crate) struct Network {
    channel: Arc<Channel>,
    outbox: Arc<Outbox>,
    queue: Arc<EventQueue>,
    watch: Arc<dyn Watch>,
    engine: Engine,
    /// Started with the first attempt to connect.
    intake: OnceLock<Arc<dyn Intake>>,
    /// Held while the engine starts.
    starting: Mutex<()>,
    clear_password: ClearPassword,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl Network {
    /// Makes no connection yet. `server` is the broker with which an earlier program has left a session.
    pub(crate) fn new(
        engine: Engine,
        version: Protocol,
        server: Option<ServerId>,
        outbox: Arc<Outbox>,
        queue: Arc<EventQueue>,
        watch: Arc<dyn Watch>,
    ) -> Self {
        let session = Session::new(version, server, Instant::now());
        let connection = Connection::new(session, Arc::clone(&outbox), Arc::clone(&queue), Arc::clone(&watch));
        let channel = Arc::new(Channel::new(connection));
        Network {
            channel,
            outbox,
            queue,
            watch,
            engine,
            intake: OnceLock::new(),
            starting: Mutex::new(()),
            clear_password: ClearPassword::default(),
        }
    }

    pub(crate) fn engine(&self) -> Engine {
        self.engine
    }

    /// Begins an attempt to connect, ending the connection there is. Its outcome goes to [`Watch`].
    pub(crate) fn connect(self: &Arc<Self>, plan: Plan) {
        let id = plan.id;
        self.act(|connection| connection.begin(&plan));
        if let Err(error) = Reactor::get().map(|reactor| reactor.add(&self.channel)) {
            let problem = format!("the network's thread cannot be started: {error}");
            return self.failed(id, Error::Engine { problem });
        }
        self.channel.notify();
        attempt::start(self, plan);
    }

    /// Starts the engine, if this is the first attempt.
    fn start_engine(&self) -> Result<()> {
        let _starting = lock(&self.starting);
        if self.intake.get().is_some() {
            return Ok(());
        }
        let (engine, intake) = engine::start(self.engine, &self.outbox, &self.queue)?;
        let reactor = Reactor::get().map_err(|error| Error::Engine { problem: error.to_string() })?;
        let registered = self.channel.lock().set_engine(engine, reactor.registry(), self.channel.engine_token());
        registered.map_err(|error| Error::Engine { problem: format!("the engine cannot be watched: {error}") })?;
        self.intake.get_or_init(|| intake).accepted();
        Ok(())
    }

    /// Attempt `id` has failed before there was a socket.
    fn failed(&self, id: ConnectionId, error: Error) {
        self.act(|connection| connection.attempt_failed(id, error));
    }

    /// A message was put into the outbox. `is_alone`: nothing else is unconfirmed, so that it may be worth writing at once.
    pub(crate) fn accepted(&self, is_alone: bool) {
        if self.intake.get().is_some_and(|intake| intake.accepted()) && !(is_alone && self.channel.send_now()) {
            self.channel.notify();
        }
    }

    /// A request was put into the outbox, there is room again for messages, or callbacks have returned.
    pub(crate) fn wake(&self) {
        self.channel.notify();
    }

    /// Ends the connection in order: when everything is confirmed, or at `deadline`, `packet` is sent, a DISCONNECT.
    pub(crate) fn finish(&self, id: ConnectionId, packet: Vec<u8>, deadline: Instant) {
        self.act(|connection| connection.finish(id, packet, deadline));
        self.channel.notify();
    }

    /// Gives up attempt `id`, or ends its connection at once.
    pub(crate) fn abort(&self, id: ConnectionId) {
        self.act(|connection| connection.abort(id));
    }

    /// Gives up every message: the client is going away. Nothing is sent any more.
    pub(crate) fn abandon(&self) {
        self.act(Connection::abandon);
    }

    /// Takes back what is unconfirmed above QoS 0.
    pub(crate) fn take_back(&self) -> Vec<OutgoingMessage> {
        let mut messages = Vec::new();
        self.act(|connection| messages = connection.take_back());
        self.channel.notify();
        messages
    }

    /// Whether all that a broker in memory has said has been read, and what it means is in the queue or on its way.
    pub(crate) fn is_still(&self) -> bool {
        self.channel.lock().is_still()
    }

    /// Received messages that are not acknowledged.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.channel.lock().unacknowledged()
    }

    /// Changes the connection, and notifies whoever waited for what this has completed.
    fn act(&self, change: impl FnOnce(&mut Connection)) {
        let mut connection = self.channel.lock();
        change(&mut connection);
        Channel::unlock(connection);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.channel.close();
    }
}
