//! One client's connection: the broker's socket, the session, the engine, and what passes between them.

mod confirming;
mod logging;
mod receiving;
mod writing;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Registry, Token};

use crate::engine::Engine;
use crate::event::{ConnectionId, Event, EventQueue};
use crate::mqtt::{Completion, Decoder, Loss, OutgoingMessage, ProtocolError, SendBuffer, Session};
use crate::net::connection::confirming::Settled;
use crate::net::ending::Ending;
use crate::net::socket::{Got, Socket};
use crate::net::wire::Wire;
use crate::net::{Plan, Watch};
use crate::outbox::Outbox;
use crate::types::{Error, LogLevel, Notice, Protocol, later};

/// A broker that asks for answers and does not read them is not listened to beyond so many bytes of answers.
const UNREAD_ANSWERS: usize = 1024 * 1024;
/// How long the broker may take to close its side after ours is closed.
const LINGER: Duration = Duration::from_secs(1);
/// The same where the time for an orderly end is over.
const SHORT_LINGER: Duration = Duration::from_millis(100);
/// How much longer than its time limit an attempt may take before it is given up for it.
const GRACE: Duration = Duration::from_millis(500);
/// How long a program may leave callbacks waiting before it is told that it may have forgotten its loop.
const UNSERVED: Duration = Duration::from_secs(5);
/// Rounds in a row for one connection before the others have their turn.
const ROUNDS: usize = 16;

/// One client's connection, over all its sockets.
pub(crate) struct Connection {
    session: Session,
    outbox: Arc<Outbox>,
    queue: Arc<EventQueue>,
    watch: Arc<dyn Watch>,
    /// Started with the first attempt to connect.
    engine: Option<Box<dyn Engine>>,
    out: SendBuffer,
    /// The newest attempt, while it has no socket.
    attempt: Option<Attempt>,
    link: Option<Link>,
    /// The broker has said something since this was last asked.
    heard: bool,
    /// When the network's thread means to look.
    next_look: Option<Instant>,
    /// Events of this round, not delivered yet.
    events: Vec<Event>,
    /// How many of them the queue has yet to count.
    uncounted: usize,
    /// Messages that are done with, of which the outbox and whoever waits have yet to hear.
    settled: Vec<Settled>,
    /// Completions that somebody waits for, to be notified without the lock.
    completed: Vec<Arc<Completion>>,
    /// The client is going away: nothing is sent any more.
    abandoned: bool,
}

/// An attempt without a socket.
struct Attempt {
    id: ConnectionId,
    /// When it is given up, as the name server may take longer than any time limit.
    give_up_at: Instant,
    error: Error,
}

/// A socket, and what belongs to it alone.
struct Link {
    socket: Socket,
    plan: Plan,
    /// Taken out while it is fed.
    decoder: Option<Decoder>,
    stage: Stage,
    /// Messages wait for the callbacks: the broker is not read.
    paused: bool,
    /// Bytes of answers to the broker for which nothing has been written yet.
    unread_answers: usize,
    /// When to look whether a loop serves the connection, and how often one had looked for events before.
    look_back: Option<(Instant, u64)>,
}

/// How far a connection has come.
#[derive(Debug)]
enum Stage {
    /// CONNECT is on its way; CONNACK must come by then.
    Connecting { deadline: Instant },
    /// CONNACK has accepted it.
    Open,
    /// It is to end with this DISCONNECT when everything is confirmed and messages up to number `handled` are
    /// acknowledged, and at the deadline anyway.
    Closing { packet: Vec<u8>, deadline: Instant, handled: u64 },
    /// DISCONNECT is on its way; the broker has until then to close its side. What it says is ignored.
    Lingering { until: Instant, shut_down: bool },
}

/// What ends a connection while packets are taken in.
enum Stop {
    /// An accepted connection ends.
    Ended(Ending),
    /// There will be none.
    Failed(Error),
}

impl From<ProtocolError> for Stop {
    fn from(error: ProtocolError) -> Self {
        Stop::Ended(Ending::Protocol(error))
    }
}

impl Link {
    fn version(&self) -> Protocol {
        self.plan.packet.version
    }

    /// Whether CONNACK has accepted it and the broker is listened to.
    fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open | Stage::Closing { .. })
    }
}

impl Connection {
    pub(crate) fn new(session: Session, outbox: Arc<Outbox>, queue: Arc<EventQueue>, watch: Arc<dyn Watch>) -> Self {
        Connection {
            session,
            outbox,
            queue,
            watch,
            engine: None,
            out: SendBuffer::default(),
            attempt: None,
            link: None,
            heard: false,
            next_look: None,
            events: Vec::new(),
            uncounted: 0,
            settled: Vec::new(),
            completed: Vec::new(),
            abandoned: false,
        }
    }

    pub(crate) fn set_engine(
        &mut self,
        mut engine: Box<dyn Engine>,
        registry: &Registry,
        token: Token,
    ) -> io::Result<()> {
        engine.register(registry, token)?;
        self.engine = Some(engine);
        Ok(())
    }

    /// Whether nothing but the session stands between the outbox and the socket, and between the socket and the queue.
    fn is_direct(&self) -> bool {
        self.engine.as_ref().is_some_and(|engine| engine.is_direct())
    }

    /// Completions that somebody waits for.
    pub(crate) fn take_completed(&mut self) -> Vec<Arc<Completion>> {
        std::mem::take(&mut self.completed)
    }

    /// The attempt of `plan` begins, and ends the connection there is.
    pub(crate) fn begin(&mut self, plan: &Plan) {
        self.end(Ending::Aborted);
        let error = plan.too_late("the name server's answer");
        self.attempt = Some(Attempt { id: plan.id, give_up_at: later(plan.deadline, GRACE), error });
        self.deliver();
    }

    /// Attempt `id` has failed before there was a socket.
    pub(crate) fn attempt_failed(&mut self, id: ConnectionId, error: Error) {
        self.attempt.take_if(|attempt| attempt.id == id);
        if self.watch.failed(id, &error) {
            self.tell(Event::ConnectFailed { id, error });
        } else {
            // There may be something to do without telling the program.
            self.queue.poke();
        }
        self.deliver();
    }

    /// Attempt `plan.id` has a socket: CONNECT goes out, unless nobody wants the connection any more.
    pub(crate) fn attach(&mut self, wire: Wire, registry: &Registry, token: Token, plan: Plan) -> io::Result<()> {
        if self.abandoned || self.attempt.as_ref().is_none_or(|attempt| attempt.id != plan.id) {
            return Ok(());
        }
        let socket = Socket::new(wire, registry, token)?;
        self.attempt = None;
        self.listen(plan.packet.version);
        self.session.connect(&plan.packet, Instant::now(), &mut self.out);
        self.log_sent();
        self.link = Some(Link {
            socket,
            decoder: Some(Decoder::new(plan.packet.version, plan.max_packet)),
            stage: Stage::Connecting { deadline: plan.deadline },
            plan,
            paused: false,
            unread_answers: 0,
            look_back: None,
        });
        Ok(())
    }

    /// Ends connection `id` in order.
    pub(crate) fn finish(&mut self, id: ConnectionId, packet: Vec<u8>, deadline: Instant) {
        if let Some(link) = self.link.as_mut().filter(|link| link.plan.id == id) {
            match &mut link.stage {
                Stage::Connecting { .. } => self.abort(id),
                Stage::Open => {
                    let handled = self.session.last_delivered();
                    link.stage = Stage::Closing { packet, deadline, handled };
                }
                Stage::Closing { deadline: known, .. } => *known = deadline.min(*known),
                Stage::Lingering { .. } => {}
            }
        }
    }

    /// Gives up attempt `id`, or ends its connection at once.
    pub(crate) fn abort(&mut self, id: ConnectionId) {
        self.attempt.take_if(|attempt| attempt.id == id);
        if self.link.as_ref().is_some_and(|link| link.plan.id == id) {
            self.end(Ending::Aborted);
        }
        self.deliver();
    }

    /// Gives up every message and the connection: the client is going away.
    pub(crate) fn abandon(&mut self) {
        self.abandoned = true;
        self.attempt = None;
        self.end(Ending::Aborted);
        let in_flight = self.session.abandon();
        self.outbox.dropped(&in_flight);
        for message in in_flight.into_iter().chain(self.outbox.abandon()) {
            self.give_up(&message, Error::Dropped);
        }
        self.deliver();
    }

    /// Takes back what is unconfirmed above QoS 0: an answer that comes for it is passed over.
    pub(crate) fn take_back(&mut self) -> Vec<OutgoingMessage> {
        let messages = self.outbox.take_back(&mut self.session);
        for message in &messages {
            self.give_up(message, Error::TakenBack);
        }
        messages
    }

    /// Whether all that a broker in memory has said has been read.
    pub(crate) fn is_still(&self) -> bool {
        self.link.as_ref().is_none_or(|link| !link.socket.holds_bytes())
    }

    /// Received messages that are not acknowledged.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.session.unacknowledged()
    }

    pub(crate) fn broker_ready(&mut self, event: &mio::event::Event) {
        if let Some(link) = &mut self.link {
            link.socket.ready(event);
        }
    }

    pub(crate) fn engine_ready(&mut self) {
        if let Some(engine) = &mut self.engine {
            engine.ready();
        }
    }

    /// Whether the broker has said something since this was last asked.
    pub(crate) fn has_heard(&mut self) -> bool {
        std::mem::take(&mut self.heard)
    }

    /// When the network's thread will call [`drive`](Self::drive) without being told.
    pub(crate) fn next_look(&mut self) -> Option<Instant> {
        self.next_look = self.next_deadline();
        self.next_look
    }

    /// When [`drive`](Self::drive) must be called without being told.
    fn next_deadline(&self) -> Option<Instant> {
        let attempt = self.attempt.as_ref().map(|attempt| attempt.give_up_at);
        let expiry = self.outbox.next_expiry();
        let Some(link) = &self.link else {
            return [attempt, expiry].into_iter().flatten().min();
        };
        let stage = match &link.stage {
            Stage::Connecting { deadline } | Stage::Closing { deadline, .. } => Some(*deadline),
            Stage::Lingering { until, .. } => Some(*until),
            Stage::Open => None,
        };
        let keepalive = if link.is_open() { self.session.next_timeout() } else { None };
        let acknowledgement = link.socket.next_acknowledgement();
        [attempt, expiry, stage, keepalive, acknowledgement, link.look_back.map(|(at, _)| at)]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what is due, and moves what can be moved; `true` when there is more to do at once.
    pub(crate) fn drive(&mut self, now: Instant, buffer: &mut [u8]) -> bool {
        let more = self.move_on(now, buffer);
        if let Some(link) = &mut self.link {
            link.socket.acknowledge(now);
        }
        more
    }

    /// [`drive`](Self::drive), but for what TCP itself is asked to do.
    fn move_on(&mut self, now: Instant, buffer: &mut [u8]) -> bool {
        // What has come is read before the clock is asked, also where the system has not said so yet, as after the program
        // was stopped: it may be the answer that the keep-alive waits for.
        if let (Some(link), Some(at)) = (&mut self.link, self.session.next_timeout())
            && at <= now
        {
            link.socket.look_again();
        }
        if let Some(version) = self.link.as_ref().map(Link::version) {
            self.listen(version);
        }
        let mut moved = self.read(now, buffer);
        self.time_out(now);
        for _ in 0..ROUNDS {
            moved |= self.read(now, buffer);
            moved |= self.send(now);
            self.deliver();
            if !std::mem::take(&mut moved) {
                return false;
            }
        }
        true
    }

    /// Does what the clock asks for.
    fn time_out(&mut self, now: Instant) {
        if let Some(attempt) = self.attempt.take_if(|attempt| attempt.give_up_at <= now) {
            self.attempt_failed(attempt.id, attempt.error);
        }
        for item in self.outbox.expire(now) {
            self.refused(item);
        }
        let Some(link) = &mut self.link else {
            return;
        };
        if let Some((_, looked)) = link.look_back.take_if(|(at, _)| *at <= now)
            && self.queue.is_unserved(looked)
        {
            self.notice(LogLevel::Warning, &Notice::NoLoop);
        }
        let Some(link) = &mut self.link else {
            return;
        };
        match link.stage {
            Stage::Connecting { deadline } if deadline <= now => {
                let error = link.plan.too_late("the broker's answer (CONNACK)");
                return self.fail(error);
            }
            Stage::Lingering { until, .. } if until <= now => return self.end(Ending::Finished),
            _ => {}
        }
        if link.is_open() && self.session.timeout(now, &mut self.out) {
            return self.end(Ending::KeepAlive);
        }
        self.log_sent();
    }

    /// There will be no connection.
    fn fail(&mut self, error: Error) {
        let Some(link) = self.link.take() else {
            return;
        };
        self.reset(Loss::Ours);
        self.attempt_failed(link.plan.id, error);
    }

    /// The connection is over.
    fn end(&mut self, ending: Ending) {
        let Some(link) = self.link.take() else {
            return;
        };
        if let Stage::Connecting { .. } = link.stage {
            let (host, port) = (link.plan.host.clone(), link.plan.port);
            let error = match ending {
                Ending::Finished | Ending::Aborted => Error::Cancelled,
                Ending::Protocol(error) => Error::Protocol { problem: error.problem.to_owned() },
                other => other.told().unwrap_or(Error::ClosedDuringConnect { host, port }),
            };
            self.reset(Loss::Ours);
            return self.attempt_failed(link.plan.id, error);
        }
        // Whatever interrupts an orderly end, the end was wanted.
        let ending = if matches!(link.stage, Stage::Lingering { .. }) { Ending::Finished } else { ending };
        if ending.is_orderly() {
            log::debug!("{ending}");
        } else {
            self.notice(LogLevel::Warning, &ending);
        }
        let loss = match ending.loss() {
            // Its answers may be among what was not read.
            Loss::HungUp if link.paused => Loss::Otherwise,
            loss => loss,
        };
        let suspected = self.reset(loss);
        self.watch.lost(link.plan.id, ending.error(), suspected);
        self.tell(Event::Disconnected {
            id: link.plan.id,
            code: ending.code(),
            properties: ending.properties(),
            by_server: ending.is_by_server(),
        });
    }

    /// What was sent in vain goes back to where it came from; `true` where a packet of ours seems to be why.
    fn reset(&mut self, loss: Loss) -> bool {
        self.confirm_written();
        let interrupted = self.session.disconnected(loss, self.out.written(), Instant::now());
        self.outbox.disconnected(self.out.reset(), interrupted.requests);
        if let Some(item) = interrupted.given_up {
            self.refused(item);
        }
        interrupted.suspected
    }
}
