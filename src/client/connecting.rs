//! Connecting and disconnecting.

use std::time::Duration;

use crate::client::Client;
use crate::event_loop::Node;
use crate::mqtt::encode_disconnect;
use crate::types::{
    CleanStart, ConnectOptions, DisconnectOptions, Error, Properties, PropertyHome, Result, Transport, check_host,
    check_socket_path, check_text, language, tell,
};

/// How long [`Client::disconnect`] waits for confirmations.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// # Connecting and disconnecting
impl<U: Send + Sync + 'static> Client<U> {
    /// Connects to the broker and waits for its answer (paho-python: `connect(host, port)`).
    ///
    /// `host` is a name or an address, `port` usually 1883; over [`Transport::Unix`], `host` is the path of the broker's socket
    /// and any port will do. The wait is limited by
    /// [`connect_timeout_set`](Client::connect_timeout_set), 5 seconds by default. When the broker accepts,
    /// `on_connect` runs with the loop: what is written after `connect` comes before what `on_connect` does.
    ///
    /// ```no_run
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.connect("mqttbroker.lan", 1883)?;
    /// assert!(client.is_connected());
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidHost`], [`Error::InvalidPort`]; [`Error::NameNotFound`], [`Error::Unreachable`],
    /// [`Error::SocketUnreachable`], [`Error::Proxy`], [`Error::WebSocket`],
    /// [`Error::ConnectTimeout`], [`Error::ClosedDuringConnect`] with what to do about it; [`Error::Refused`] after
    /// `on_connect` has run with the reason.
    pub fn connect(&self, host: &str, port: u16) -> Result<()> {
        self.connect_with(host, port, ConnectOptions::new())
    }

    /// [`connect`](Client::connect) with options (paho-python: `connect(host, port, keepalive, bind_address,
    /// bind_port, clean_start, properties)`).
    ///
    /// ```no_run
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// use rappel::ConnectOptions;
    ///
    /// client.connect_with("mqttbroker.lan", 1883, ConnectOptions::new().keepalive(20))?;
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`connect`](Client::connect); [`Error::InvalidKeepalive`], [`Error::PropertiesNeedV5`] and
    /// [`Error::InvalidProperty`].
    pub fn connect_with(&self, host: &str, port: u16, options: ConnectOptions) -> Result<()> {
        self.aim([(host, port)], options)?;
        self.events().connect_now(self)
    }

    /// Connects to the first of several brokers that accepts, and from then on to whichever of them does. Not in paho-python.
    ///
    /// The brokers are asked in the order given, or [`shuffled`](ConnectOptions::shuffled), each for as long as
    /// [`connect_timeout_set`](Client::connect_timeout_set) says. The next one follows at once where a broker cannot be
    /// reached, does not answer, or refuses with 136 (Server unavailable), 156 (Use another server) or 157 (Server moved);
    /// after a whole round in vain comes one delay of [`reconnect_delay_set`](Client::reconnect_delay_set). After a loss,
    /// a connection that has stood for ten seconds and more and then broke is first tried again with the same broker, any
    /// other with the next.
    ///
    /// Each broker keeps its own sessions, unless
    /// [`sessions_are_shared`](ConnectOptions::sessions_are_shared): another one is told anew what has not been confirmed,
    /// and subscriptions are made again there. Inside `on_connect`, [`host`](Client::host) and [`port`](Client::port) are
    /// those of the broker that has answered.
    ///
    /// ```no_run
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// use rappel::ConnectOptions;
    ///
    /// let nodes = [("node-1.lan", 1883), ("node-2.lan", 1883), ("node-3.lan", 1883)];
    /// client.connect_many(nodes, ConnectOptions::new().sessions_are_shared(true))?;
    /// println!("connected to {}", client.host());
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`connect_with`](Client::connect_with), for the last broker asked; those before it are logged.
    /// [`Error::InvalidOption`] for an empty list.
    pub fn connect_many<H: Into<String>>(
        &self,
        brokers: impl IntoIterator<Item = (H, u16)>,
        options: ConnectOptions,
    ) -> Result<()> {
        self.aim(brokers, options)?;
        self.events().connect_now(self)
    }

    /// Has the loop connect (paho-python: `connect_async`): returns at once, `loop_start` or `loop_forever` does
    /// the work and keeps trying as [`loop_forever_with`](Client::loop_forever_with) says.
    ///
    /// ```no_run
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.connect_async("mqttbroker.lan", 1883)?;
    /// client.loop_start()?; // connects, and tries again until the broker is there
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidHost`] and [`Error::InvalidPort`].
    pub fn connect_async(&self, host: &str, port: u16) -> Result<()> {
        self.connect_async_with(host, port, ConnectOptions::new())
    }

    /// [`connect_async`](Client::connect_async) with options.
    ///
    /// ```no_run
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// use rappel::{ConnectOptions, LoopOptions};
    ///
    /// client.connect_async_with("mqttbroker.lan", 1883, ConnectOptions::new().keepalive(20))?;
    /// client.loop_forever_with(LoopOptions::new().retry_first_connection(true))?;
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`connect_with`](Client::connect_with), for what can be known without connecting.
    pub fn connect_async_with(&self, host: &str, port: u16, options: ConnectOptions) -> Result<()> {
        self.aim([(host, port)], options)?;
        self.events().connect_async();
        Ok(())
    }

    /// Has the loop connect to one of several brokers.
    pub(crate) fn connect_many_async(&self, brokers: Vec<(String, u16)>, options: ConnectOptions) -> Result<()> {
        self.aim(brokers, options)?;
        self.events().connect_async();
        Ok(())
    }

    /// Connects again to the broker of the last `connect`, ending the connection that stands (paho-python:
    /// `reconnect`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// use rappel::Error;
    ///
    /// assert!(matches!(client.reconnect(), Err(Error::NoConnectionRequested)));
    /// ```
    ///
    /// # Errors
    /// [`Error::NoConnectionRequested`] before the first `connect`; as [`connect`](Client::connect).
    pub fn reconnect(&self) -> Result<()> {
        if self.host().is_empty() {
            return Err(Error::NoConnectionRequested);
        }
        self.events().connect_now(self)
    }

    /// Whether the broker has accepted the connection and it still stands (paho-python: `is_connected`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// assert!(!client.is_connected());
    /// ```
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.events().is_connected()
    }

    /// Ends the connection in order (paho-python: `disconnect`), and stops connecting again.
    ///
    /// What is queued and under way is confirmed first, for up to 5 seconds; callbacks still due run, here when no
    /// loop does it. From inside a callback it returns at once and the loop does the rest.
    ///
    /// ```no_run
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.connect("mqttbroker.lan", 1883)?;
    /// client.publish("test", "allo", 1)?;
    /// client.disconnect()?; // returns when the broker has the message
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotConnected`] when there was nothing to end; [`Error::Unconfirmed`] with the number of messages
    /// that were not confirmed: they stay queued and are sent when the client connects again.
    pub fn disconnect(&self) -> Result<()> {
        self.disconnect_with(DisconnectOptions::new())
    }

    /// [`disconnect`](Client::disconnect) with a reason, properties or another time limit (paho-python:
    /// `disconnect(reasoncode, properties)`).
    ///
    /// ```no_run
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// use rappel::DisconnectOptions;
    ///
    /// client.connect("mqttbroker.lan", 1883)?;
    /// client.publish("test", "allo", 1)?;
    /// client.disconnect_with(DisconnectOptions::new().timeout(30))?;
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`disconnect`](Client::disconnect); [`Error::PropertiesNeedV5`], [`Error::InvalidProperty`], also for a session
    /// expiry interval where the connection began without one; [`Error::InvalidOption`] for a reason that no client has;
    /// [`Error::PacketTooLarge`], [`Error::InvalidSeconds`]. What is refused leaves the connection as it is.
    pub fn disconnect_with(&self, options: DisconnectOptions) -> Result<()> {
        let version = self.protocol();
        self.check_properties(&options.properties, PropertyHome::Disconnect)?;
        self.check_expiry(&options.properties)?;
        let timeout = options.checked_timeout()?.unwrap_or(DISCONNECT_TIMEOUT);
        let packet = encode_disconnect(version, options.checked_reason()?, &options.properties);
        self.events().outbox.check_packet(packet.len())?;
        match self.events().close(self, packet, timeout) {
            None => Err(Error::NotConnected { what: "disconnect" }),
            Some(0) => Ok(()),
            Some(count) => Err(Error::Unconfirmed { count }),
        }
    }

    /// Checks where to connect and how, and keeps it for every attempt.
    fn aim<H: Into<String>>(&self, brokers: impl IntoIterator<Item = (H, u16)>, options: ConnectOptions) -> Result<()> {
        let nodes = brokers.into_iter().map(|(host, port)| self.checked_node(host.into(), port));
        let nodes = nodes.collect::<Result<Vec<Node>>>()?;
        if nodes.is_empty() {
            let problem = tell!(
                language(),
                "the list is empty: give the host and the port of at least one broker",
                "la liste est vide : donnez l'hôte et le port d'un broker au moins"
            );
            return Err(Error::InvalidOption { option: "brokers", problem });
        }
        let keepalive = options.checked_keepalive()?;
        if options.clean_start != CleanStart::FirstOnly && !self.events().is_v5() {
            return Err(Error::PropertiesNeedV5);
        }
        self.check_properties(&options.properties, PropertyHome::Connect)?;
        self.events().settings(|settings| {
            if let Some(credentials) = &settings.credentials {
                check_text("user name", &credentials.user)?;
                let len = credentials.password.as_ref().map_or(0, Vec::len);
                if len > usize::from(u16::MAX) {
                    return Err(Error::TextTooLong { what: "password", len });
                }
            }
            settings.bind = options.bind;
            settings.route.recorder = None;
            settings.keepalive = keepalive.unwrap_or(settings.keepalive);
            settings.clean_start = options.clean_start;
            settings.properties = options.properties;
            settings.connected_before = false;
            Ok(())
        })?;
        self.events().aim(nodes, options.are_shuffled, options.sessions_are_shared);
        Ok(())
    }

    fn checked_node(&self, host: String, port: u16) -> Result<Node> {
        if self.transport() == Transport::Unix {
            check_socket_path(&host)?;
        } else {
            check_host(&host)?;
            if port == 0 {
                return Err(Error::InvalidPort);
            }
        }
        Ok(Node { host, port })
    }

    /// A session that was to end with its connection cannot be kept by its DISCONNECT (MQTT 5, section 3.14.2.2.2).
    fn check_expiry(&self, disconnect: &Properties) -> Result<()> {
        let asked = self.events().settings(|settings| settings.properties.session_expiry_interval).unwrap_or(0);
        if asked > 0 || disconnect.session_expiry_interval.unwrap_or(0) == 0 || !self.events().is_under_way() {
            return Ok(());
        }
        let problem = tell!(
            language(),
            "the connection began without one, so that its session ends with it: give one to connect_with, in ConnectOptions",
            "la connexion a commencé sans elle, sa session se termine donc avec elle : donnez-la à connect_with, dans ConnectOptions"
        );
        Err(Error::InvalidProperty { property: "session_expiry_interval", problem })
    }

    /// Properties belong to MQTT 5 and must be allowed where they are used.
    pub(crate) fn check_properties(&self, properties: &Properties, home: PropertyHome) -> Result<()> {
        if !properties.is_empty() && !self.events().is_v5() {
            return Err(Error::PropertiesNeedV5);
        }
        properties.check(home)
    }
}
