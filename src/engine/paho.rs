//! A client of Paho's: made for one connection, dropped with care.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use paho_mqtt::{
    AsyncClient, ConnectOptionsBuilder, CreateOptionsBuilder, DeliveryToken, Message, MessageBuilder, MqttVersion,
    Token,
};

use crate::engine::Plan;
use crate::engine::convert;
use crate::event::EventQueue;
use crate::outbox::{Letter, Request};
use crate::types::{Error, Protocol, Qos, Result};

/// As good as none: the bindings make one second out of zero, and Paho gives up a connection that is silent in the
/// middle of a large message. It multiplies the seconds by 1500 in 32 bits.
const NO_KEEPALIVE: Duration = Duration::from_secs(1_000_000);

/// A message that Paho has taken: ready when Paho is done with it.
pub(crate) type Taken = DeliveryToken;

/// Paho's client for one connection.
pub(crate) struct Paho {
    client: AsyncClient,
    version: Protocol,
    /// The number of the connection's first message among all of the link's.
    first_message: Arc<AtomicU64>,
}

impl std::fmt::Debug for Paho {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Paho").field("version", &self.version).finish_non_exhaustive()
    }
}

impl Paho {
    pub(crate) fn new(port: u16, plan: &Plan, queue: Arc<EventQueue>) -> Result<Paho> {
        anchor()?;
        let client = create(port, &plan.client_id, plan.version)?;
        let first_message = Arc::new(AtomicU64::new(0));
        let (base, mut count) = (Arc::clone(&first_message), 0);
        client.set_message_callback(move |_, message| {
            if let Some(message) = message {
                queue.push_message(base.load(Ordering::Acquire) + count, convert::message(&message));
                count += 1;
            }
        });
        Ok(Paho { client, version: plan.version, first_message })
    }

    /// CONNACK has come when `number` messages had passed the link.
    pub(crate) fn messages_start_at(&self, number: u64) {
        self.first_message.store(number, Ordering::Release);
    }

    /// Connects to the link; `on_answer` runs on Paho's thread when it has an answer.
    pub(crate) fn connect(&self, plan: &Plan, on_answer: impl Fn() + Send + Sync + 'static) -> Result<Answer> {
        let mut options = match plan.version {
            Protocol::V5 => ConnectOptionsBuilder::new_v5(),
            _ => ConnectOptionsBuilder::with_mqtt_version(MqttVersion::V3_1_1),
        };
        if plan.version == Protocol::V5 {
            options.clean_start(plan.clean).properties(convert::properties(&plan.properties)?);
        } else {
            options.clean_session(plan.clean);
        }
        // The link keeps the connection alive, and the outbox keeps the window.
        options
            .keep_alive_interval(NO_KEEPALIVE)
            .max_inflight(i32::from(u16::MAX))
            .connect_timeout(Duration::from_secs(24 * 3600));
        let answered =
            Arc::new(Answered { done: Mutex::new(false), changed: Condvar::new(), then: Box::new(on_answer) });
        let mut token = self.client.connect(options.finalize());
        let waker = Waker::from(Arc::clone(&answered));
        if Pin::new(&mut token).poll(&mut Context::from_waker(&waker)).is_ready() {
            answered.wake_by_ref();
        }
        Ok(Answer { token, answered })
    }

    /// Gives Paho a message that stands for ticket `ticket`.
    pub(crate) fn publish(&self, ticket: u64, letter: &Letter) -> Result<Taken> {
        let mut message = MessageBuilder::new()
            .topic(letter.topic.as_str())
            .payload(ticket.to_be_bytes())
            .qos(i32::from(letter.qos))
            .retained(letter.retain);
        if self.version == Protocol::V5 && !letter.properties.is_empty() {
            message = message.properties(convert::properties(&letter.properties)?);
        }
        self.client.try_publish(message.finalize()).map_err(problem)
    }

    /// Gives Paho a subscription or its end.
    pub(crate) fn request(&self, request: Request) -> Result<()> {
        let mut token = match (request, self.version) {
            (Request::Subscribe { filters, properties, .. }, version) => {
                let (filters, options): (Vec<String>, Vec<_>) = filters.into_iter().unzip();
                let qos: Vec<i32> = options.iter().map(|options| options.qos).collect();
                if version == Protocol::V5 {
                    let options: Vec<_> = options.iter().map(convert::subscribe_options).collect();
                    self.client.subscribe_many_with_options(&filters, &qos, &options, convert::properties(&properties)?)
                } else {
                    self.client.subscribe_many(&filters, &qos)
                }
            }
            (Request::Unsubscribe { filters, properties, .. }, Protocol::V5) => {
                self.client.unsubscribe_many_with_options(&filters, convert::properties(&properties)?)
            }
            (Request::Unsubscribe { filters, .. }, _) => self.client.unsubscribe_many(&filters),
        };
        match Pin::new(&mut token).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Err(error)) => Err(problem(error)),
            _ => Ok(()),
        }
    }
}

/// Paho's answer to `connect`, still to come or there.
pub(crate) struct Answer {
    /// Must live until the answer is there: it keeps Paho's client alive.
    token: Token,
    answered: Arc<Answered>,
}

struct Answered {
    done: Mutex<bool>,
    changed: Condvar,
    then: Box<dyn Fn() + Send + Sync>,
}

impl Wake for Answered {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
        (self.then)();
    }
}

impl Answer {
    /// Waits for the answer. It comes soon after the link has closed its side, whatever else happens.
    pub(crate) fn wait(self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let mut done = self.answered.done.lock().unwrap_or_else(PoisonError::into_inner);
        while !*done {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                log::error!("the engine does not answer; a client of it stays in memory");
                return;
            }
            done = self.answered.changed.wait_timeout(done, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(done);
        drop(self.token);
    }
}

/// Drops a client of Paho's: on a thread of ours, when no other holds it and no callback of its connect runs.
pub(crate) fn retire(mut paho: Arc<Paho>) {
    let last = loop {
        match Arc::try_unwrap(paho) {
            Ok(last) => break last,
            // Another thread is just handing it a message.
            Err(shared) => paho = shared,
        }
        std::thread::yield_now();
    };
    // Takes Paho's lock, and so waits for a callback that is running.
    last.client.is_connected();
    drop(last);
}

/// One client that is never connected and never dropped: without it Paho stops its threads with each last client.
fn anchor() -> Result<()> {
    static ANCHOR: OnceLock<std::result::Result<AsyncClient, String>> = OnceLock::new();
    let made = ANCHOR.get_or_init(|| {
        // A logger that takes Paho's own trace when the first client is made would see payloads, and cost every packet
        // a line of text: for this moment there is none.
        let level = log::max_level();
        log::set_max_level(log::LevelFilter::Off);
        let made = create(0, "anchor", Protocol::V311).map_err(|error| error.to_string());
        log::set_max_level(level);
        made
    });
    made.as_ref().map(|_| ()).map_err(|problem| Error::Engine { problem: problem.clone() })
}

fn create(port: u16, client_id: &str, version: Protocol) -> Result<AsyncClient> {
    let version = if version == Protocol::V5 { MqttVersion::V5 } else { MqttVersion::V3_1_1 };
    CreateOptionsBuilder::new()
        .server_uri(format!("tcp://127.0.0.1:{port}"))
        .client_id(client_id)
        .persistence(None)
        .mqtt_version(version)
        .send_while_disconnected(true)
        .allow_disconnected_send_at_anytime(true)
        .max_buffered_messages(i32::MAX)
        .create_client()
        .map_err(problem)
}

fn problem(error: paho_mqtt::Error) -> Error {
    Error::Engine { problem: error.to_string() }
}

/// The QoS of a message of Paho's.
pub(crate) fn qos(message: &Message) -> Qos {
    match message.qos() {
        paho_mqtt::QoS::AtMostOnce => Qos::AtMostOnce,
        paho_mqtt::QoS::AtLeastOnce => Qos::AtLeastOnce,
        paho_mqtt::QoS::ExactlyOnce => Qos::ExactlyOnce,
    }
}
