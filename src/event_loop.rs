//! The loop: takes what happened from the queue, keeps the connection, and runs the callbacks.

mod backoff;
mod brokers;
mod closing;
mod connect_settings;
mod connecting;
mod connection_state;
mod dispatch;
mod logging;
mod loop_lock;
mod loop_pool;
mod random;
mod subscriptions;
mod waiting;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::callbacks::{AnyClient, Callbacks, Subject};
use crate::event::{EventQueue, Popped};
use crate::mqtt::{Filters, OutgoingMessage, ServerId};
use crate::net::Network;
use crate::outbox::{Outbox, Persistence};
use crate::sync::lock;
use crate::types::{self, Properties, Protocol, Result};
use brokers::Brokers;
use connection_state::ConnectionCell;
use loop_lock::LoopLock;
use subscriptions::Subscriptions;

pub(crate) use brokers::Node;
pub(crate) use connect_settings::ConnectSettings;
pub use loop_pool::LoopPool;

pub(crate) use loop_lock::Mode;
pub(crate) use loop_pool::{Next, PooledLoop};
pub(crate) use random::client_id as random_client_id;

/// A waiter looks this often whether the loop it relied on is still there.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Events that a loop deals with before it looks at the clock, and lets others have the lock.
const BATCH: usize = 64;
/// How long callbacks of one batch may take before the broker is acknowledged what they have handled.
const ACKNOWLEDGE_AFTER: Duration = Duration::from_millis(1);

/// Everything behind the handles of one client.
///
/// Its locks are private, and none is held while foreign code runs; that of the subscriptions is taken before the
/// outbox's, the others alone.
pub(crate) struct EventLoop {
    pub(crate) network: Arc<Network>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) queue: Arc<EventQueue>,
    pub(crate) callbacks: Callbacks,
    pub(crate) loop_lock: LoopLock,
    connection: Arc<ConnectionCell>,
    /// Counts how often the user data was replaced.
    userdata_changes: AtomicU64,
    settings: Mutex<ConnectSettings>,
    subscriptions: Mutex<Subscriptions>,
    /// Restore subscriptions that the broker has lost.
    resubscribe: bool,
    /// What the program has chosen.
    version: Protocol,
}

/// With what a client begins.
pub(crate) struct Beginning {
    pub(crate) settings: ConnectSettings,
    pub(crate) version: Protocol,
    pub(crate) engine: types::Engine,
    pub(crate) reconnect_on_failure: bool,
    pub(crate) resubscribe: bool,
    pub(crate) kept: Kept,
}

/// What an earlier program has left, and where this one keeps its own.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) store: Option<Arc<dyn Persistence>>,
    pub(crate) messages: Vec<OutgoingMessage>,
    /// The highest sequence ever given.
    pub(crate) last_sequence: u64,
    /// Whose session they were sent in.
    pub(crate) server: Option<ServerId>,
}

impl EventLoop {
    pub(crate) fn new(beginning: Beginning) -> Self {
        let Beginning { settings, version, engine, reconnect_on_failure, resubscribe, kept } = beginning;
        let queue = Arc::new(EventQueue::default());
        let outbox = Arc::new(Outbox::new(kept.store, kept.messages, kept.last_sequence));
        let (min, max) = (Duration::from_secs(1), Duration::from_secs(120));
        let connection = Arc::new(ConnectionCell::new(min, max, reconnect_on_failure, random::chance));
        let network = Network::new(
            engine,
            version,
            kept.server,
            Arc::clone(&outbox),
            Arc::clone(&queue),
            Arc::clone(&connection) as _,
        );
        EventLoop {
            network: Arc::new(network),
            outbox,
            queue,
            callbacks: Callbacks::default(),
            loop_lock: LoopLock::new(),
            connection,
            userdata_changes: AtomicU64::new(0),
            settings: Mutex::new(settings),
            subscriptions: Mutex::default(),
            resubscribe,
            version,
        }
    }

    /// Whether the program has chosen MQTT 5, from which no broker brings the client down.
    pub(crate) fn is_v5(&self) -> bool {
        self.version == Protocol::V5
    }

    /// The version of MQTT, or the older one to which the broker has brought the client down.
    pub(crate) fn version(&self) -> Protocol {
        if self.connection.has_stepped_down() { Protocol::V31 } else { self.version }
    }

    /// Reads or changes what the next CONNECT will say. Nothing else may be called in there.
    pub(crate) fn settings<R>(&self, act: impl FnOnce(&mut ConnectSettings) -> R) -> R {
        act(&mut lock(&self.settings))
    }

    /// The client has other user data from now on.
    pub(crate) fn userdata_changed(&self) {
        self.userdata_changes.fetch_add(1, Ordering::SeqCst);
    }

    /// The client id, or the one that came instead of an empty one.
    pub(crate) fn client_id(&self) -> String {
        let own = self.settings(|settings| settings.client_id.clone());
        if own.is_empty() { self.connection.assigned_client_id().unwrap_or_default() } else { own }
    }

    /// Says where to connect from now on. The options are those of the list.
    pub(crate) fn aim(&self, nodes: Vec<Node>, are_shuffled: bool, sessions_are_shared: bool) {
        let mut brokers = Brokers::new(nodes, sessions_are_shared);
        if are_shuffled {
            brokers.shuffle(random::chance);
        }
        self.connection.aim_at(brokers);
    }

    /// The broker in use, or tried now; inside a callback the one that the callback is about.
    pub(crate) fn node(&self) -> Option<Arc<Node>> {
        if self.loop_lock.is_held_here() { self.connection.told_node() } else { self.connection.node() }
    }

    pub(crate) fn delays_set(&self, min: Duration, max: Duration) {
        self.connection.delays_set(min, max);
    }

    /// Whether a failed first connection is tried again by the loop that runs.
    pub(crate) fn retry_first_set(&self, retry: bool) {
        self.connection.retry_first_set(retry);
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connection.is_connected()
    }

    /// Whether a connection stands or is being made.
    pub(crate) fn is_under_way(&self) -> bool {
        self.connection.is_under_way()
    }

    /// Whether no connection is wanted.
    pub(crate) fn is_idle(&self) -> bool {
        self.connection.is_idle()
    }

    /// Why a connection ended or could not be made last.
    pub(crate) fn last_error(&self) -> Option<types::Error> {
        self.connection.last_error()
    }

    /// Connections made since the first one.
    pub(crate) fn reconnections(&self) -> u64 {
        self.connection.reconnections()
    }

    /// Whether the program has ended the connection itself.
    pub(crate) fn was_ended(&self) -> bool {
        self.connection.was_ended()
    }

    /// How `loop_forever` ends, once nothing is left to be run.
    pub(crate) fn loop_outcome(&self) -> Option<Result<()>> {
        if self.queue.len() > 0 { None } else { self.connection.outcome() }
    }

    /// Accepts a subscription or its end, and gives its message id. Subscriptions are restored when the broker loses
    /// them.
    pub(crate) fn request(&self, filters: Filters, properties: Properties) -> Result<u16> {
        let id = self.connection.last_id();
        // Held until the request is known, so that its answer finds it.
        let mut subscriptions = lock(&self.subscriptions);
        let mid = self.outbox.request(filters.clone(), properties.clone())?;
        match filters {
            Filters::Subscribe(filters) => subscriptions.requested(filters, &properties, id),
            Filters::Unsubscribe(filters) => subscriptions.removed(&filters),
        }
        drop(subscriptions);
        self.network.wake();
        Ok(mid)
    }

    /// One step of the loop: an event, waited for until `deadline`, or what is due without one. Needs the loop's lock.
    /// `true` when there was an event.
    pub(crate) fn step(&self, client: &dyn AnyClient, deadline: Option<Instant>) -> bool {
        if self.queue.len() == 0 {
            self.connect_when_due(client);
        }
        let deadline = deadline.into_iter().chain(self.connection.next_due()).min();
        match self.queue.pop(deadline) {
            Popped::Event(event) => {
                let number = self.dispatch(Subject { client, userdata: &*client.userdata() }, event);
                if number > 0 || self.queue.regained_room() {
                    self.network.wake();
                }
                true
            }
            Popped::Poked | Popped::TimedOut => {
                self.connect_when_due(client);
                false
            }
        }
    }

    /// What a loop does while it has the lock: waits for an event, and takes those along that are there.
    pub(crate) fn run(&self, client: &dyn AnyClient) {
        if !self.step(client, None) {
            return;
        }
        self.run_batch(client);
        self.connect_when_due(client);
    }

    /// What a pool's thread does at a time: a batch of what is there, without waiting. Says when to go on.
    pub(crate) fn run_pooled(&self, client: &dyn AnyClient) -> Next {
        /// Another thread has the lock for a moment, to run `on_pre_connect`.
        const LOCKED: Duration = Duration::from_millis(1);
        let now = Instant::now();
        if !self.loop_lock.is_stopping() {
            let Some(guard) = self.loop_lock.try_take_last() else {
                return Next::Wait(Some(now + LOCKED));
            };
            self.connect_when_due(client);
            if self.step(client, Some(now)) {
                self.run_batch(client);
                self.connect_when_due(client);
            }
            drop(guard);
        }
        if self.loop_lock.is_stopping() {
            self.queue.pooled_set(None);
            drop(self.loop_lock.take_over());
            self.loop_ended();
            return Next::Ended;
        }
        if self.queue.has_arrived() { Next::Again } else { Next::Wait(self.connection.next_due()) }
    }

    /// Deals with events that are there, until a batch is done or somebody else wants the lock.
    fn run_batch(&self, client: &dyn AnyClient) {
        let mut acknowledged = Instant::now();
        let mut to_acknowledge = false;
        let changes = || self.userdata_changes.load(Ordering::SeqCst);
        let (mut known, mut userdata) = (changes(), client.userdata());
        for _ in 1..BATCH {
            if self.loop_lock.is_wanted() {
                break;
            }
            let Popped::Event(event) = self.queue.pop(Some(acknowledged)) else {
                break;
            };
            if changes() != known {
                (known, userdata) = (changes(), client.userdata());
            }
            to_acknowledge |=
                self.dispatch(Subject { client, userdata: &*userdata }, event) > 0 || self.queue.regained_room();
            // Callbacks that take their time must not keep the broker waiting for those before them.
            if to_acknowledge && acknowledged.elapsed() > ACKNOWLEDGE_AFTER {
                self.network.wake();
                acknowledged = Instant::now();
                to_acknowledge = false;
            }
        }
        if to_acknowledge {
            self.network.wake();
        }
    }
}
