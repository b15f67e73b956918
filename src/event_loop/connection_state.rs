//! THE state of a client's connection: nothing else knows whether it is connected, connecting, or done.
//!
//! The network's thread changes it when a connection stands or is gone, the loop when it has told the program, and the
//! program's calls when they want something else. Pure but for its lock: the time and the chance are given.

mod outcomes;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::event::ConnectionId;
use crate::event_loop::backoff::Backoff;
use crate::event_loop::brokers::{Brokers, Node};
use crate::sync::{lock, wait};
use crate::types::{Error, Result, later};

/// So many short connections in a row at each broker, all of them made at the first attempt, are explained to the user.
const TAKEN_OVER: u32 = 5;

/// Where the client stands.
#[derive(Debug)]
pub(crate) enum ConnectionState {
    /// No connection is wanted. `outcome` is how `loop_forever` ends.
    Idle { outcome: Option<Result<()>> },
    /// The loop is to connect at that time.
    Waiting { until: Instant },
    /// An attempt is under way, from `on_pre_connect` to CONNACK; `begun` once that callback has returned.
    Connecting { id: ConnectionId, asked_by: AskedBy, begun: bool },
    /// CONNACK has accepted the connection, and it stands.
    Connected { id: ConnectionId, since: Instant },
    /// It stands, and is being ended in order.
    Closing { id: ConnectionId },
    /// It is gone, and `on_disconnect` has yet to run.
    Lost { id: ConnectionId, next: AfterLoss },
}

/// Who makes an attempt, and so deals with its failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskedBy {
    /// A call of `connect` or `reconnect`. From a callback it does not relieve the loop of a connection it keeps.
    Program {
        loop_goes_on: bool,
    },
    Loop,
}

/// What follows `on_disconnect`.
#[derive(Debug)]
pub(crate) enum AfterLoss {
    /// `soon`: without the delay that is between two rounds over the brokers.
    Retry {
        soon: bool,
    },
    End(Result<()>),
}

/// The state, with what decides where it goes.
#[derive(Debug)]
struct Inner {
    state: ConnectionState,
    brokers: Brokers,
    /// Which broker what the loop tells is about.
    told_node: Option<Arc<Node>>,
    /// The brokers of attempts whose outcome the loop has yet to tell, in their order.
    untold: VecDeque<(ConnectionId, Arc<Node>)>,
    /// The id of the newest attempt.
    last_id: ConnectionId,
    backoff: Backoff,
    /// `reconnect_on_failure`.
    retries: bool,
    /// `retry_first_connection` of the loop that runs.
    retry_first: bool,
    /// A connection has stood since the program asked for one.
    had_connection: bool,
    short_connections: u32,
    failure: Option<Failure>,
    /// The attempt after which the broker is asked again, at once and in another way.
    conceded: Option<ConnectionId>,
    /// The broker has refused MQTT 3.1.1: it is spoken to in version 3.1.
    stepped_down: bool,
    /// The last failures since a connection stood, one for each broker.
    explained: VecDeque<String>,
    /// Why a connection ended or could not be made last, although it was wanted.
    last_error: Option<Error>,
    /// How many attempts CONNACK has accepted.
    connections: u64,
    /// The last attempt that CONNACK has accepted.
    accepted: ConnectionId,
    /// The highest attempt whose answer or failure the loop has told the program.
    told: ConnectionId,
    /// The client id that the broker gave, or that it was given instead of an empty one.
    assigned_client_id: Option<String>,
    /// Numbers between 0 and 1.
    chance: fn() -> f64,
}

/// Where an attempt goes, and as whom.
#[derive(Debug)]
pub(crate) struct Aim {
    pub(crate) node: Arc<Node>,
    pub(crate) session_keeper: String,
    /// The client id that takes the place of an empty one.
    pub(crate) client_id: Option<String>,
}

/// Why the last attempt failed.
#[derive(Debug)]
struct Failure {
    id: ConnectionId,
    error: Error,
    /// The attempt that follows at once, made by whoever has made this one.
    next: Option<ConnectionId>,
}

/// The state behind its lock, and whoever waits for a change.
#[derive(Debug)]
pub(crate) struct ConnectionCell {
    inner: Mutex<Inner>,
    changed: Condvar,
}

impl ConnectionCell {
    pub(crate) fn new(min: Duration, max: Duration, retries: bool, chance: fn() -> f64) -> Self {
        let inner = Inner {
            state: ConnectionState::Idle { outcome: None },
            brokers: Brokers::default(),
            told_node: None,
            untold: VecDeque::new(),
            last_id: 0,
            backoff: Backoff::new(min, max),
            retries,
            retry_first: false,
            had_connection: false,
            short_connections: 0,
            failure: None,
            conceded: None,
            stepped_down: false,
            explained: VecDeque::new(),
            last_error: None,
            connections: 0,
            accepted: 0,
            told: 0,
            assigned_client_id: None,
            chance,
        };
        ConnectionCell { inner: Mutex::new(inner), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    /// Changes the state, and notifies whoever waits for that.
    fn change<R>(&self, change: impl FnOnce(&mut Inner) -> R) -> R {
        let done = change(&mut self.lock());
        self.changed.notify_all();
        done
    }

    pub(crate) fn delays_set(&self, min: Duration, max: Duration) {
        self.lock().backoff = Backoff::new(min, max);
    }

    pub(crate) fn retry_first_set(&self, retry: bool) {
        self.lock().retry_first = retry;
    }

    /// Whether CONNACK has accepted the connection and it stands.
    pub(crate) fn is_connected(&self) -> bool {
        matches!(self.lock().state, ConnectionState::Connected { .. } | ConnectionState::Closing { .. })
    }

    /// Whether a connection stands or is being made.
    pub(crate) fn is_under_way(&self) -> bool {
        let inner = self.lock();
        matches!(
            inner.state,
            ConnectionState::Connected { .. }
                | ConnectionState::Closing { .. }
                | ConnectionState::Connecting { begun: true, .. }
        )
    }

    /// Whether no connection is wanted, and none stands.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.lock().state, ConnectionState::Idle { .. })
    }

    /// How `loop_forever` ends, once no connection is wanted.
    pub(crate) fn outcome(&self) -> Option<Result<()>> {
        match &self.lock().state {
            ConnectionState::Idle { outcome: Some(outcome) } => Some(outcome.clone()),
            ConnectionState::Idle { outcome: None } => Some(Err(Error::NoConnectionRequested)),
            _ => None,
        }
    }

    /// The id of the newest attempt, or of the connection it made.
    pub(crate) fn last_id(&self) -> ConnectionId {
        self.lock().last_id
    }

    /// Whether the broker has refused MQTT 3.1.1.
    pub(crate) fn has_stepped_down(&self) -> bool {
        self.lock().stepped_down
    }

    /// Why a connection ended or could not be made last.
    pub(crate) fn last_error(&self) -> Option<Error> {
        self.lock().last_error.clone()
    }

    /// Connections made since the first one.
    pub(crate) fn reconnections(&self) -> u64 {
        self.lock().connections.saturating_sub(1)
    }

    pub(crate) fn assigned_client_id(&self) -> Option<String> {
        self.lock().assigned_client_id.clone()
    }

    /// The next attempt goes to these brokers, whose MQTT is not known yet.
    pub(crate) fn aim_at(&self, brokers: Brokers) {
        let mut inner = self.lock();
        inner.brokers = brokers;
        inner.stepped_down = false;
    }

    /// Where the next attempt goes.
    pub(crate) fn aim(&self) -> Option<Aim> {
        let inner = self.lock();
        Some(Aim {
            node: inner.brokers.current().cloned()?,
            session_keeper: inner.brokers.session_keeper(),
            client_id: inner.assigned_client_id.clone(),
        })
    }

    /// The broker in use, or tried now or next.
    pub(crate) fn node(&self) -> Option<Arc<Node>> {
        self.lock().brokers.current().cloned()
    }

    /// The broker that the running callback is about.
    pub(crate) fn told_node(&self) -> Option<Arc<Node>> {
        let inner = self.lock();
        inner.told_node.clone().or_else(|| inner.brokers.current().cloned())
    }

    /// What the loop tells from now on is about `node`. Gives the one before.
    pub(crate) fn tell_of(&self, node: Option<Arc<Node>>) -> Option<Arc<Node>> {
        std::mem::replace(&mut self.lock().told_node, node)
    }

    /// The loop is about to tell the outcome of attempt `id`.
    pub(crate) fn telling(&self, id: ConnectionId) {
        let mut inner = self.lock();
        while inner.untold.front().is_some_and(|(of, _)| *of < id) {
            inner.untold.pop_front();
        }
        if inner.untold.front().is_some_and(|(of, _)| *of == id) {
            inner.told_node = inner.untold.pop_front().map(|(_, node)| node);
        }
    }

    /// The program wants a connection, to be made by the loop. From a callback it does not shorten the wait that
    /// follows a failure. Gives the connection that is to be aborted for it.
    pub(crate) fn want(&self, now: Instant, in_callback: bool) -> Option<ConnectionId> {
        self.change(|inner| {
            let standing = match inner.state {
                ConnectionState::Connecting { id, .. }
                | ConnectionState::Connected { id, .. }
                | ConnectionState::Closing { id } => Some(id),
                _ => None,
            };
            let until = match (in_callback, &inner.state) {
                (true, ConnectionState::Waiting { until }) => *until,
                (true, ConnectionState::Lost { .. } | ConnectionState::Idle { .. }) => inner.after_delay(now),
                _ => {
                    inner.backoff.reset();
                    now
                }
            };
            inner.brokers.begin_round();
            inner.had_connection = false;
            inner.state = ConnectionState::Waiting { until };
            standing
        })
    }

    /// The program makes an attempt itself, now.
    pub(crate) fn begin(&self, in_callback: bool) -> ConnectionId {
        self.change(|inner| {
            let loop_goes_on = in_callback && inner.had_connection;
            if !in_callback {
                inner.backoff.reset();
            }
            inner.brokers.begin_round();
            inner.had_connection = false;
            inner.connecting(AskedBy::Program { loop_goes_on })
        })
    }

    /// `on_pre_connect` has returned; `false` when attempt `id` is not wanted any more.
    pub(crate) fn begun(&self, id: ConnectionId) -> bool {
        match &mut self.lock().state {
            ConnectionState::Connecting { id: current, begun, .. } if *current == id => {
                *begun = true;
                true
            }
            _ => false,
        }
    }

    /// An attempt of the loop's begins, if it is time.
    pub(crate) fn begin_due(&self, now: Instant) -> Option<ConnectionId> {
        let mut inner = self.lock();
        match inner.state {
            ConnectionState::Waiting { until } if until <= now => Some(inner.connecting(AskedBy::Loop)),
            _ => None,
        }
    }

    /// When the loop has something to do without being told.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        match self.lock().state {
            ConnectionState::Waiting { until } => Some(until),
            _ => None,
        }
    }

    /// The program wants no connection any more.
    pub(crate) fn close(&self) -> Close {
        self.change(|inner| {
            let ended = ConnectionState::Idle { outcome: Some(Ok(())) };
            match inner.state {
                ConnectionState::Idle { .. } => return Close::NothingToDo,
                ConnectionState::Waiting { .. } => inner.state = ended,
                ConnectionState::Connecting { id, .. } => {
                    inner.state = ended;
                    return Close::Abort(id);
                }
                ConnectionState::Connected { id, .. } | ConnectionState::Closing { id } => {
                    inner.state = ConnectionState::Closing { id };
                    return Close::Finish(id);
                }
                ConnectionState::Lost { id, .. } => {
                    inner.state = ConnectionState::Lost { id, next: AfterLoss::End(Ok(())) };
                    return Close::Wait(id);
                }
            }
            Close::Done
        })
    }

    /// Whether connection `id` stands or is gone, and the program has yet to be told of its end.
    pub(crate) fn is_ending(&self, id: ConnectionId) -> bool {
        match self.lock().state {
            ConnectionState::Closing { id: current } | ConnectionState::Lost { id: current, .. } => current == id,
            _ => false,
        }
    }

    /// The loop is about to tell the program that connection `id` is lost; `true` when the program had asked for that.
    pub(crate) fn was_closed(&self, id: ConnectionId) -> bool {
        let inner = self.lock();
        matches!(&inner.state, ConnectionState::Lost { id: current, next: AfterLoss::End(Ok(())) } if *current == id)
    }

    /// The loop has told the program that connection `id` is gone.
    pub(crate) fn told_lost(&self, id: ConnectionId, now: Instant) {
        self.change(|inner| {
            let ConnectionState::Lost { id: current, next } = &mut inner.state else {
                return;
            };
            if *current != id {
                return;
            }
            let next = std::mem::replace(next, AfterLoss::Retry { soon: false });
            inner.state = match next {
                AfterLoss::Retry { soon: false } => ConnectionState::Waiting { until: inner.after_delay(now) },
                AfterLoss::Retry { soon: true } => {
                    let delay = inner.backoff.spread((inner.chance)());
                    ConnectionState::Waiting { until: later(now, delay) }
                }
                AfterLoss::End(outcome) => ConnectionState::Idle { outcome: Some(outcome) },
            };
        });
    }

    /// The loop has told the program of the answer to attempt `id`, or of its failure.
    pub(crate) fn told(&self, id: ConnectionId) {
        self.change(|inner| inner.told = inner.told.max(id));
    }

    /// Whether [`told`](Self::told) has been called for attempt `id` or a later one.
    pub(crate) fn is_told(&self, id: ConnectionId) -> bool {
        self.lock().told >= id
    }

    /// Gives up attempt `id` with `error`, if it is still under way.
    pub(crate) fn give_up(&self, id: ConnectionId, error: &Error, now: Instant) {
        self.change(|inner| inner.failed(id, error, now));
    }

    /// The outcome of attempt `id`, waited for until `deadline`; `None` when it has not come by then.
    pub(crate) fn wait_outcome(&self, id: ConnectionId, deadline: Instant) -> Option<Result<()>> {
        let mut inner = self.lock();
        loop {
            match &inner.failure {
                Some(failure) if failure.id == id => return Some(Err(failure.error.clone())),
                _ => {}
            }
            match inner.state {
                ConnectionState::Connecting { id: current, .. } if current == id => {}
                ConnectionState::Connected { id: current, .. }
                | ConnectionState::Closing { id: current }
                | ConnectionState::Lost { id: current, .. }
                    if current == id =>
                {
                    return Some(Ok(()));
                }
                // It was accepted, and what came of it is over already; or it was given up for something else.
                _ if inner.accepted == id || inner.told >= id => return Some(Ok(())),
                _ => return Some(Err(Error::Cancelled)),
            }
            if deadline <= Instant::now() {
                return None;
            }
            inner = wait(&self.changed, inner, Some(deadline));
        }
    }

    /// The attempt that the program's call is to make after attempt `id`, which has failed.
    pub(crate) fn next_attempt(&self, id: ConnectionId) -> Option<ConnectionId> {
        self.lock().failure.as_ref().filter(|failure| failure.id == id)?.next
    }

    /// Whether this failure is another one than those of the same round and the last, and so worth explaining.
    pub(crate) fn is_news(&self, error: &Error) -> bool {
        let text = error.to_string();
        let mut inner = self.lock();
        let known = inner.explained.contains(&text);
        let kept = inner.brokers.len().max(1);
        inner.explained.push_front(text);
        inner.explained.truncate(kept);
        !known
    }

    /// Whether the program has ended the connection itself.
    pub(crate) fn was_ended(&self) -> bool {
        matches!(self.lock().state, ConnectionState::Idle { outcome: Some(Ok(())) })
    }

    /// How many connections in a row were short and cut by the broker, where there are enough of them to be explained.
    pub(crate) fn may_be_taken_over(&self) -> Option<u32> {
        let inner = self.lock();
        let (count, enough) = (inner.short_connections, TAKEN_OVER * inner.brokers.len().max(1) as u32);
        (count > 0 && count.is_multiple_of(enough)).then_some(count)
    }
}

/// What `disconnect` has to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Close {
    /// There was nothing to end.
    NothingToDo,
    /// The client only waited to connect again.
    Done,
    /// An attempt is to be given up.
    Abort(ConnectionId),
    /// A connection is to be ended in order.
    Finish(ConnectionId),
    /// The connection is gone, and the program has yet to be told.
    Wait(ConnectionId),
}

impl Inner {
    fn connecting(&mut self, asked_by: AskedBy) -> ConnectionId {
        self.last_id += 1;
        self.state = ConnectionState::Connecting { id: self.last_id, asked_by, begun: false };
        self.last_id
    }

    fn after_delay(&mut self, now: Instant) -> Instant {
        let chance = (self.chance)();
        later(now, self.backoff.delay(chance))
    }
}
