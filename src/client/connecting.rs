//! Connecting and disconnecting.

use std::time::Duration;

use crate::client::Client;
use crate::mqtt::encode_disconnect;
use crate::types::{
    CleanStart, ConnectOptions, DisconnectOptions, Error, PropertyHome, Protocol, Result, Transport, check_host,
    check_socket_path, check_text,
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
    /// [`Error::SocketUnreachable`], [`Error::Proxy`],
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
        self.aim(host, port, options)?;
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
        self.aim(host, port, options)?;
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
    /// As [`disconnect`](Client::disconnect); [`Error::PropertiesNeedV5`], [`Error::InvalidProperty`] and
    /// [`Error::InvalidSeconds`].
    pub fn disconnect_with(&self, options: DisconnectOptions) -> Result<()> {
        let version = self.protocol();
        self.check_properties(&options.properties, PropertyHome::Disconnect)?;
        let timeout = options.checked_timeout()?.unwrap_or(DISCONNECT_TIMEOUT);
        let packet = encode_disconnect(version, options.reason_code, &options.properties);
        match self.events().close(self, packet, timeout) {
            None => Err(Error::NotConnected { what: "disconnect" }),
            Some(0) => Ok(()),
            Some(count) => Err(Error::Unconfirmed { count }),
        }
    }

    /// Checks where to connect and how, and keeps it for every attempt.
    fn aim(&self, host: &str, port: u16, options: ConnectOptions) -> Result<()> {
        if self.transport() == Transport::Unix {
            check_socket_path(host)?;
        } else {
            check_host(host)?;
            if port == 0 {
                return Err(Error::InvalidPort);
            }
        }
        let keepalive = options.checked_keepalive()?;
        if options.clean_start != CleanStart::FirstOnly && self.protocol() != Protocol::V5 {
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
            settings.host = host.to_owned();
            settings.port = port;
            settings.bind = options.bind;
            settings.keepalive = keepalive.unwrap_or(settings.keepalive);
            settings.clean_start = options.clean_start;
            settings.properties = options.properties;
            settings.connected_before = false;
            Ok(())
        })
    }

    /// Properties belong to MQTT 5 and must be allowed where they are used.
    pub(crate) fn check_properties(&self, properties: &crate::types::Properties, home: PropertyHome) -> Result<()> {
        if !properties.is_empty() && self.protocol() != Protocol::V5 {
            return Err(Error::PropertiesNeedV5);
        }
        properties.check(home)
    }
}
