//! A stand-in for the broker, to test one's own callbacks with.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::event_loop::Node;
use crate::mqtt::Tape;
use crate::sync::lock;
use crate::types::{CleanStart, Error, Message, Properties, Result};

/// How long what is under way may take to come through; it takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// What stands in for a broker after [`Client::connect_to_recorder`]: it takes every subscription and message, confirms it at
/// once, and remembers it. Not in paho-python.
///
/// Nothing is checked against subscriptions, and nothing comes back by itself: a test delivers what it wants.
///
/// ```
/// # fn main() -> rappel::Result<()> {
/// let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
/// let recorder: rappel::Recorder = client.connect_to_recorder()?;
/// assert!(client.is_connected() && recorder.published().is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Recorder<U: Send + Sync + 'static = ()> {
    client: Client<U>,
    tape: Arc<Mutex<Tape>>,
}

/// # Tests of one's own callbacks
impl<U: Send + Sync + 'static> Client<U> {
    /// Connects to a stand-in for a broker within the program, without any network: to test one's own callbacks. `on_connect`
    /// has run when this returns, unless a loop of the program's runs it. Not in paho-python.
    ///
    /// ```
    /// use rappel as pmc;
    ///
    /// /// What is to be tested.
    /// fn thermostat(client: &pmc::Client) {
    ///     client.on_connect(|client, _userdata, _flags, _code, _properties| {
    ///         client.subscribe("serre/temperature", 1)?;
    ///         Ok(())
    ///     });
    ///     client.on_message(|client, _userdata, msg| {
    ///         let state = if msg.payload_as::<f64>()? < 18.0 { "ON" } else { "OFF" };
    ///         client.publish("serre/chauffage", state, pmc::PublishOptions::new().qos(1).retain(true))?;
    ///         Ok(())
    ///     });
    /// }
    ///
    /// # fn main() -> pmc::Result<()> {
    /// let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    /// thermostat(&client);
    /// let recorder = client.connect_to_recorder()?;
    /// assert_eq!(recorder.subscriptions(), ["serre/temperature"]);
    ///
    /// recorder.deliver(&pmc::Message::new("serre/temperature", 17.5))?;
    /// recorder.deliver(&pmc::Message::new("serre/temperature", "chaud"))?;
    /// recorder.deliver(&pmc::Message::new("serre/temperature", 21.5))?;
    ///
    /// let published = recorder.published();
    /// let states: Vec<_> = published.iter().map(|msg| msg.payload_str()).collect();
    /// assert_eq!(states, ["ON", "OFF"]);
    /// assert!(published[0].retain && published[0].topic == "serre/chauffage");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Cancelled`] and [`Error::Engine`], as [`connect`](Client::connect).
    pub fn connect_to_recorder(&self) -> Result<Recorder<U>> {
        let tape = Arc::new(Mutex::new(Tape::default()));
        self.events().settings(|settings| {
            settings.route.recorder = Some(Arc::clone(&tape) as _);
            settings.clean_start = CleanStart::default();
            settings.properties = Properties::new();
            settings.connected_before = false;
        });
        self.events().aim(vec![Node { host: "recorder".to_owned(), port: 1883 }], false, false);
        self.events().connect_now(self)?;
        let recorder = Recorder { client: self.clone(), tape };
        recorder.settle();
        Ok(recorder)
    }
}

impl<U: Send + Sync + 'static> Recorder<U> {
    /// Has the client receive a message, at its QoS, and returns when its callbacks have returned: they run here, or in the
    /// program's loop if there is one.
    ///
    /// ```
    /// # fn main() -> rappel::Result<()> {
    /// let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.on_message(|client, _userdata, msg| {
    ///     client.publish("echo", msg, msg.qos)?;
    ///     Ok(())
    /// });
    /// let recorder = client.connect_to_recorder()?;
    /// recorder.deliver(&rappel::Message::new("test", "allo").with_qos(rappel::Qos::ExactlyOnce))?;
    /// assert_eq!(recorder.published()[0].payload_str(), "allo");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InCallback`] inside a callback; [`Error::NotConnected`] after `disconnect`; [`Error::Timeout`] where a callback
    /// takes longer than ten seconds.
    pub fn deliver(&self, message: &Message) -> Result<()> {
        let events = self.client.events();
        if events.loop_lock.is_held_here() {
            return Err(Error::InCallback { method: "deliver" });
        }
        if !events.is_connected() {
            return Err(Error::NotConnected { what: "deliver" });
        }
        lock(&self.tape).deliver(message);
        events.network.wake();
        if self.settle() { Ok(()) } else { Err(Error::Timeout { what: "deliver", after: PATIENCE }) }
    }

    /// What the client has published, in order, once all of it has gone out.
    ///
    /// ```
    /// # fn main() -> rappel::Result<()> {
    /// let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// let recorder = client.connect_to_recorder()?;
    /// client.publish("test", 21.5, 1)?;
    /// assert_eq!(recorder.published()[0].payload_as::<f64>()?, 21.5);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn published(&self) -> Vec<Message> {
        self.settle();
        lock(&self.tape).published()
    }

    /// The topic filters to which the client has subscribed.
    ///
    /// ```
    /// # fn main() -> rappel::Result<()> {
    /// let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// let recorder = client.connect_to_recorder()?;
    /// client.subscribe_many([("serre/#", 1), ("porte/+", 0)])?;
    /// assert_eq!(recorder.subscriptions(), ["serre/#", "porte/+"]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn subscriptions(&self) -> Vec<String> {
        self.settle();
        lock(&self.tape).subscriptions()
    }

    /// Waits until nothing is under way any more, running the loop if nobody else does.
    fn settle(&self) -> bool {
        let events = self.client.events();
        if events.loop_lock.is_held_here() {
            return false;
        }
        let is_still = || events.outbox.is_idle() && events.network.is_still() && events.queue.is_done();
        events.settle(&self.client, &is_still, Some(Instant::now() + PATIENCE))
    }
}
