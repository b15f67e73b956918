//! Making a client: its options before it exists.

use std::time::Duration;

use crate::client::Client;
use crate::event_loop::{Beginning, ConnectSettings, EventLoop, Kept, random_client_id};
use crate::net::Route;
use crate::types::{
    Bind, CallbackApiVersion, CleanStart, ConnectOptions, Engine, Error, Properties, Protocol, Result, Transport,
    check_text, language, tell,
};

/// Builds a [`Client`] (paho-python: the arguments of `Client`).
///
/// ```
/// use rappel as pmc;
///
/// let client = pmc::Client::builder(pmc::CallbackApiVersion::Version2)
///     .client_id("serre-1")
///     .protocol(pmc::Protocol::V5)
///     .build()?;
/// assert_eq!((client.client_id().as_str(), client.protocol()), ("serre-1", pmc::Protocol::V5));
/// # Ok::<(), rappel::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until build() is called"]
pub struct ClientBuilder<U: Send + Sync + 'static = ()> {
    client_id: String,
    /// `None` for the default, which is `true`.
    clean_session: Option<bool>,
    userdata: U,
    protocol: Protocol,
    transport: Transport,
    engine: Engine,
    reconnect_on_failure: bool,
    resubscribe: bool,
    manual_ack: bool,
    brokers: Option<Vec<(String, u16)>>,
    connect_options: ConnectOptions,
    #[cfg(feature = "persistence")]
    persistence: Option<std::path::PathBuf>,
}

/// # A new client
impl Client {
    /// A client with an empty client id (the broker gives one), MQTT 3.1.1 over TCP and a clean session (paho-python:
    /// `Client(CallbackAPIVersion.VERSION2)`).
    ///
    /// ```
    /// let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// assert!(!client.is_connected());
    /// ```
    #[must_use]
    pub fn new(version: CallbackApiVersion) -> Client {
        ClientBuilder::new(version).assemble()
    }

    /// A client with options (paho-python: the other arguments of `Client`).
    ///
    /// ```
    /// # fn main() -> rappel::Result<()> {
    /// let client = rappel::Client::builder(rappel::CallbackApiVersion::Version2)
    ///     .client_id("serre-1")
    ///     .clean_session(false)
    ///     .userdata(vec!["tomates", "basilic"])
    ///     .build()?;
    /// assert_eq!(client.user_data_get().len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(version: CallbackApiVersion) -> ClientBuilder {
        ClientBuilder::new(version)
    }
}

impl ClientBuilder {
    pub(crate) fn new(version: CallbackApiVersion) -> Self {
        let CallbackApiVersion::Version2 = version;
        ClientBuilder {
            client_id: String::new(),
            clean_session: None,
            userdata: (),
            protocol: Protocol::default(),
            transport: Transport::default(),
            engine: if cfg!(feature = "paho") { Engine::Paho } else { Engine::Native },
            reconnect_on_failure: true,
            resubscribe: true,
            manual_ack: false,
            brokers: None,
            connect_options: ConnectOptions::new(),
            #[cfg(feature = "persistence")]
            persistence: None,
        }
    }
}

impl<U: Send + Sync + 'static> ClientBuilder<U> {
    /// The name under which the broker knows the client, unique among its clients. Default: empty,
    /// and the broker gives one; a broker of MQTT 3.1.1 that does not is given 22 random letters and digits, as is any broker
    /// of MQTT 3.1.
    ///
    /// ```
    /// let client = rappel::Client::builder(rappel::CallbackApiVersion::Version2).client_id("serre-1").build()?;
    /// assert_eq!(client.client_id(), "serre-1");
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = client_id.into();
        self
    }

    /// Whether the broker forgets subscriptions and messages of this client when it goes. Default: `true`.
    /// MQTT 3.1.1 only: in MQTT 5 it is `ConnectOptions::clean_start` and the session expiry interval, and `build` fails.
    ///
    /// ```
    /// use rappel::{CallbackApiVersion, Client, Error};
    ///
    /// // The broker keeps what comes with QoS 1 or 2 while this client is away: it has to know the client again.
    /// let client = Client::builder(CallbackApiVersion::Version2).client_id("serre-1").clean_session(false).build()?;
    /// let nameless = Client::builder(CallbackApiVersion::Version2).clean_session(false).build();
    /// assert!(matches!(nameless, Err(Error::ClientIdRequired)));
    /// # drop(client);
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn clean_session(mut self, clean: bool) -> Self {
        self.clean_session = Some(clean);
        self
    }

    /// What every callback is given as its second argument.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering};
    ///
    /// let client = rappel::Client::builder(rappel::CallbackApiVersion::Version2)
    ///     .userdata(AtomicU32::new(0))
    ///     .build()?;
    /// client.on_message(|_client, count, _msg| {
    ///     count.fetch_add(1, Ordering::Relaxed);
    /// });
    /// assert_eq!(client.user_data_get().load(Ordering::Relaxed), 0);
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn userdata<V: Send + Sync + 'static>(self, userdata: V) -> ClientBuilder<V> {
        ClientBuilder {
            client_id: self.client_id,
            clean_session: self.clean_session,
            userdata,
            protocol: self.protocol,
            transport: self.transport,
            engine: self.engine,
            reconnect_on_failure: self.reconnect_on_failure,
            resubscribe: self.resubscribe,
            manual_ack: self.manual_ack,
            brokers: self.brokers,
            connect_options: self.connect_options,
            #[cfg(feature = "persistence")]
            persistence: self.persistence,
        }
    }

    /// MQTT 3.1.1 (the default), MQTT 5, or MQTT 3.1. As in Python, a broker that refuses version 3.1.1 is asked again in
    /// version 3.1, unless `reconnect_on_failure` is off; [`Client::protocol`] then says so.
    ///
    /// ```
    /// use rappel::{CallbackApiVersion, Client, Protocol};
    ///
    /// let client = Client::builder(CallbackApiVersion::Version2).protocol(Protocol::V5).build()?;
    /// assert_eq!(client.protocol(), Protocol::V5);
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// How the broker is reached. Default: TCP. What this system or this build does not have makes `build` fail.
    ///
    /// ```
    /// use rappel::{CallbackApiVersion, Client, Transport};
    ///
    /// let client = Client::builder(CallbackApiVersion::Version2).transport(Transport::Tcp).build()?;
    /// assert_eq!(client.transport(), Transport::Tcp);
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// What moves this client's messages: see [`Engine`].
    ///
    /// ```
    /// use rappel as pmc;
    ///
    /// # fn main() -> pmc::Result<()> {
    /// let builder = pmc::Client::builder(pmc::CallbackApiVersion::Version2).engine(pmc::Engine::Native);
    /// assert_eq!(builder.build()?.engine(), pmc::Engine::Native);
    /// # Ok(())
    /// # }
    /// ```
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = engine;
        self
    }

    /// Whether the loop connects again after a loss (the default), or ends with an error.
    ///
    /// ```no_run
    /// let client = rappel::Client::builder(rappel::CallbackApiVersion::Version2)
    ///     .reconnect_on_failure(false)
    ///     .build()?;
    /// client.connect("mqttbroker.lan", 1883)?;
    /// if let Err(error) = client.loop_forever() {
    ///     eprintln!("{error}");
    /// }
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn reconnect_on_failure(mut self, reconnect: bool) -> Self {
        self.reconnect_on_failure = reconnect;
        self
    }

    /// Whether subscriptions that the broker has lost are made again by themselves (the default). `false` is
    /// paho-python's behaviour, where `on_connect` has to do it.
    ///
    /// ```
    /// let client = rappel::Client::builder(rappel::CallbackApiVersion::Version2).resubscribe(false).build()?;
    /// client.on_connect(|client, _userdata, _flags, _code, _properties| {
    ///     client.subscribe("test", 0)?;
    ///     Ok(())
    /// });
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn resubscribe(mut self, resubscribe: bool) -> Self {
        self.resubscribe = resubscribe;
        self
    }

    /// Whether the program acknowledges messages itself: see [`Client::manual_ack_set`]. Default: `false`.
    ///
    /// ```
    /// let client = rappel::Client::builder(rappel::CallbackApiVersion::Version2).manual_ack(true).build()?;
    /// # drop(client);
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn manual_ack(mut self, on: bool) -> Self {
        self.manual_ack = on;
        self
    }

    /// Keeps what `publish` accepts in `dir` until it is confirmed, so that it survives the end of the program, by
    /// whatever cause: the next client with the same client id and directory sends it, and `on_publish` reports it.
    /// Needs a client id; the feature `persistence`.
    ///
    /// A message that was confirmed just before the end may be sent a second time by the next start.
    ///
    /// ```no_run
    /// let client = rappel::Client::builder(rappel::CallbackApiVersion::Version2)
    ///     .client_id("serre-1")
    ///     .persistence("/var/lib/serre")
    ///     .build()?;
    /// println!("{} messages of an earlier start are sent now", client.unconfirmed_messages());
    /// # Ok::<(), rappel::Error>(())
    /// ```
    #[cfg(feature = "persistence")]
    pub fn persistence(mut self, dir: impl Into<std::path::PathBuf>) -> Self {
        self.persistence = Some(dir.into());
        self
    }

    /// Several brokers for the same client, as host and port, as [`Client::connect_many`] takes them: `loop_start` or
    /// `loop_forever` connects to one of them, with no call of `connect`; [`Client::reconnect`] does so at once. Not in
    /// paho-python.
    ///
    /// Unlike `connect_many`, the program starts also while all of them are down: `loop_start`, and `loop_forever_with` with
    /// `retry_first_connection`, go on trying.
    ///
    /// ```no_run
    /// use rappel::{CallbackApiVersion, Client, ConnectOptions};
    ///
    /// let client = Client::builder(CallbackApiVersion::Version2)
    ///     .client_id("serre-1")
    ///     .brokers([("node-1.lan", 1883), ("node-2.lan", 1883)])
    ///     .connect_options(ConnectOptions::new().shuffled(true))
    ///     .build()?;
    /// client.loop_forever()?;
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn brokers<H: Into<String>>(mut self, brokers: impl IntoIterator<Item = (H, u16)>) -> Self {
        self.brokers = Some(brokers.into_iter().map(|(host, port)| (host.into(), port)).collect());
        self
    }

    /// How to connect to the [`brokers`](Self::brokers); default as `ConnectOptions::new`.
    ///
    /// ```
    /// use rappel::{CallbackApiVersion, Client, ConnectOptions};
    ///
    /// let client = Client::builder(CallbackApiVersion::Version2)
    ///     .brokers([("node-1.lan", 1883), ("node-2.lan", 1883)])
    ///     .connect_options(ConnectOptions::new().keepalive(20))
    ///     .build()?;
    /// assert_eq!((client.host().as_str(), client.keepalive().as_secs()), ("node-1.lan", 20));
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn connect_options(mut self, options: ConnectOptions) -> Self {
        self.connect_options = options;
        self
    }

    /// The client.
    ///
    /// ```
    /// use rappel::{CallbackApiVersion, Client, Error};
    ///
    /// let client = Client::builder(CallbackApiVersion::Version2).build()?;
    /// assert_eq!(client.client_id(), "");
    /// let refused = Client::builder(CallbackApiVersion::Version2).client_id("serre\0").build();
    /// assert!(matches!(refused, Err(Error::NulInText { .. })));
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::ClientIdRequired`] for a kept session without a client id; [`Error::InvalidOption`] for a clean session of
    /// MQTT 5; [`Error::TransportNotAvailable`]; [`Error::NulInText`] and
    /// [`Error::TextTooLong`] for a client id that MQTT does not allow; with persistence, [`Error::ClientIdRequired`]
    /// without a client id and [`Error::Storage`] when the directory cannot be used or its contents are damaged; with
    /// [`brokers`](Self::brokers), as [`Client::connect_many`] for what can be known without connecting.
    pub fn build(mut self) -> Result<Client<U>> {
        check_text("client id", &self.client_id)?;
        self.transport.check()?;
        if self.engine == Engine::Paho && !cfg!(feature = "paho") {
            return Err(Error::EngineNotCompiled);
        }
        if self.protocol == Protocol::V5 && self.clean_session.is_some() {
            let problem = tell!(
                language(),
                "MQTT 5 has none; use ConnectOptions::clean_start and the session expiry interval",
                "MQTT 5 n'en a pas ; utilisez ConnectOptions::clean_start et l'intervalle d'expiration de la session"
            );
            return Err(Error::InvalidOption { option: "clean_session", problem });
        }
        if self.client_id.is_empty() && self.clean_session == Some(false) {
            return Err(Error::ClientIdRequired);
        }
        let kept = self.open_store()?;
        let (brokers, options) = (self.brokers.take(), std::mem::take(&mut self.connect_options));
        let client = self.assemble_with(kept);
        if let Some(brokers) = brokers {
            client.connect_many_async(brokers, options)?;
        }
        Ok(client)
    }

    #[cfg(not(feature = "persistence"))]
    fn open_store(&self) -> Result<Kept> {
        Ok(Kept::default())
    }

    #[cfg(feature = "persistence")]
    fn open_store(&self) -> Result<Kept> {
        let Some(dir) = &self.persistence else {
            return Ok(Kept::default());
        };
        if self.client_id.is_empty() {
            return Err(Error::ClientIdRequired);
        }
        let (store, left) = crate::store::Store::open(dir, &self.client_id)?;
        Ok(Kept {
            store: Some(std::sync::Arc::new(store)),
            messages: left.messages,
            last_sequence: left.last_sequence,
            server: left.server,
        })
    }

    pub(crate) fn assemble(self) -> Client<U> {
        self.assemble_with(Kept::default())
    }

    fn assemble_with(self, kept: Kept) -> Client<U> {
        let nameless = self.protocol == Protocol::V31 && self.client_id.is_empty();
        let client_id = if nameless { random_client_id() } else { self.client_id };
        let settings = ConnectSettings {
            bind: Bind::default(),
            route: Route { transport: self.transport, ..Route::default() },
            keepalive: Duration::from_secs(60),
            clean_start: CleanStart::default(),
            properties: Properties::new(),
            connect_timeout: Duration::from_secs(5),
            bridge: false,
            client_id,
            clean_session: self.clean_session.unwrap_or(true),
            credentials: None,
            will: None,
            connected_before: false,
        };
        let beginning = Beginning {
            settings,
            version: self.protocol,
            engine: self.engine,
            reconnect_on_failure: self.reconnect_on_failure,
            resubscribe: self.resubscribe,
            kept,
        };
        let client = Client::from_events(EventLoop::new(beginning), self.userdata);
        client.manual_ack_set(self.manual_ack);
        client
    }
}
