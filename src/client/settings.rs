//! Settings and the properties that read them.

use std::sync::Arc;
use std::time::Duration;

use crate::client::{Client, IntoPassword};
use crate::mqtt::{Credentials, Will};
use crate::sync::lock;
use crate::types::{
    Engine, Error, IntoDuration, IntoHeaders, IntoPayload, PropertyHome, Protocol, ProxyOptions, PublishOptions,
    Result, Transport, WebSocketOptions, check_duration, check_keepalive, check_qos, check_topic, language, tell,
};

/// # Settings
impl<U: Send + Sync + 'static> Client<U> {
    /// Sets user name and password for the next connection (paho-python: `username_pw_set`).
    ///
    /// The password is text, bytes, or `None`. It is sent as it is, and shown nowhere. An empty user name
    /// with no password clears both. What MQTT does not allow in a user name is reported by `connect`.
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.username_pw_set("alice", "abc-123");
    /// assert_eq!(client.username().as_deref(), Some("alice"));
    /// assert!(!format!("{client:?}").contains("abc-123"));
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn username_pw_set(&self, username: impl Into<String>, password: impl IntoPassword) {
        let (user, password) = (username.into(), password.into_password());
        let credentials =
            if user.is_empty() && password.is_none() { None } else { Some(Credentials { user, password }) };
        self.events().settings(|settings| settings.credentials = credentials);
    }

    /// Sets what the broker publishes when this client is lost; used from the next connection on (paho-python:
    /// `will_set`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// use rappel::PublishOptions;
    ///
    /// client.will_set("serre/etat", "offline", PublishOptions::new().qos(1).retain(true))?;
    /// assert_eq!(client.will_topic().as_deref(), Some("serre/etat"));
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`publish`](Client::publish), for the same mistakes; a will's payload has up to 65,535 bytes.
    pub fn will_set(
        &self,
        topic: impl Into<String>,
        payload: impl IntoPayload,
        options: impl Into<PublishOptions>,
    ) -> Result<()> {
        let (topic, payload, options) = (topic.into(), payload.into_payload(), options.into());
        check_topic(&topic)?;
        let qos = check_qos(options.qos)?;
        let limit = usize::from(u16::MAX);
        if payload.len() > limit {
            return Err(Error::PayloadTooLarge { len: payload.len(), limit });
        }
        self.check_properties(&options.properties, PropertyHome::Will)?;
        let will = Will { topic, payload, qos, retain: options.retain, properties: options.properties };
        self.will_is(Some(will), None);
        Ok(())
    }

    /// Removes what `will_set` has set (paho-python: `will_clear`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.will_set("serre/etat", "offline", 1)?;
    /// client.will_clear();
    /// assert_eq!(client.will_topic(), None);
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn will_clear(&self) {
        self.will_is(None, None);
    }

    /// Says to the broker from the next connection on that this client is a bridge to another broker (paho-python:
    /// `enable_bridge_mode`): it is not sent what it has published itself, and messages keep their retain flag.
    ///
    /// Mosquitto understands it; it is in no standard, and other brokers refuse the connection or ignore it. With MQTT 5,
    /// [`SubscribeOptions::no_local`](crate::SubscribeOptions::no_local) and
    /// [`retain_as_published`](crate::SubscribeOptions::retain_as_published) do the same on any broker.
    ///
    /// ```
    /// let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.enable_bridge_mode();
    /// ```
    pub fn enable_bridge_mode(&self) {
        self.events().settings(|settings| settings.bridge = true);
    }

    /// Sets the delays between attempts to connect again, in seconds or as `Duration`s: `min` doubling up to `max`, with
    /// up to 20 % added (paho-python: `reconnect_delay_set`). Defaults: 1 and 120 seconds.
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.reconnect_delay_set(0.5, 30)?;
    /// assert!(client.reconnect_delay_set(30, 0.5).is_err());
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidOption`] when `min` is zero or larger than `max`; [`Error::InvalidSeconds`].
    pub fn reconnect_delay_set(&self, min: impl IntoDuration, max: impl IntoDuration) -> Result<()> {
        let min = check_duration("reconnect_delay_set", min.into_duration())?;
        let max = check_duration("reconnect_delay_set", max.into_duration())?;
        if min.is_zero() || min > max {
            let problem = tell!(
                language(),
                "the smallest delay is {min:?} and the largest {max:?}",
                "le plus petit délai est {min:?} et le plus grand {max:?}"
            );
            return Err(Error::InvalidOption { option: "reconnect_delay", problem });
        }
        self.events().delays_set(min, max);
        Ok(())
    }

    /// Sets how many messages of QoS 1 and 2 may be under way at a time, 0 for no limit (paho-python:
    /// `max_inflight_messages_set`). Default: 20.
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.max_inflight_messages_set(1); // one after the other
    /// assert_eq!(client.max_inflight_messages(), 1);
    /// ```
    pub fn max_inflight_messages_set(&self, inflight: u16) {
        let events = self.events();
        events.outbox.max_inflight_set(inflight.into());
        events.network.wake();
    }

    /// Sets how many messages of QoS 1 and 2 may be unconfirmed before `publish` refuses more, 0 for no limit
    /// (paho-python: `max_queued_messages_set`). Default: 0.
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// use rappel::Error;
    ///
    /// client.max_queued_messages_set(1);
    /// client.publish("test", "waits for a connection", 1)?;
    /// assert!(matches!(client.publish("test", "one too many", 1), Err(Error::QueueFull { limit: 1 })));
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn max_queued_messages_set(&self, queue_size: usize) {
        self.events().outbox.max_queued_set(queue_size);
    }

    /// Sets how many bytes, of topics and payloads of any QoS, may be unconfirmed before `publish` refuses more, 0 for no limit.
    /// For machines with little memory; a message that is larger than the limit is never accepted. Default: 0. Not in
    /// paho-python.
    ///
    /// ```
    /// # fn main() -> rappel::Result<()> {
    /// let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.max_queued_bytes_set(100);
    /// client.publish("photo", [0; 60], 1)?;
    /// assert!(matches!(client.publish("photo", [0; 60], 1), Err(rappel::Error::QueueBytesFull { limit: 100 })));
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_queued_bytes_set(&self, bytes: usize) {
        self.events().outbox.max_queued_bytes_set(bytes);
    }

    /// Sets the time without traffic after which the connection is tested, in seconds or as a `Duration`: up to 65,535 s,
    /// fractions of a second rounded up; zero switches it off. Used from the next connection on (paho-python: `keepalive`). Default: 60 seconds.
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// use std::time::Duration;
    ///
    /// client.keepalive_set(20)?;
    /// assert_eq!(client.keepalive(), Duration::from_secs(20));
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidKeepalive`].
    pub fn keepalive_set(&self, keepalive: impl IntoDuration) -> Result<()> {
        let keepalive = check_keepalive(keepalive.into_duration())?;
        self.events().settings(|settings| settings.keepalive = keepalive);
        Ok(())
    }

    /// Sets how long `connect` may take, from the name to the broker's answer, in seconds or as a `Duration` (paho-python:
    /// `connect_timeout`). Default: 5 seconds.
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// use std::time::Duration;
    ///
    /// client.connect_timeout_set(2.5)?;
    /// assert_eq!(client.connect_timeout(), Duration::from_millis(2500));
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for zero; [`Error::InvalidSeconds`].
    pub fn connect_timeout_set(&self, timeout: impl IntoDuration) -> Result<()> {
        let timeout = check_duration("connect_timeout_set", timeout.into_duration())?;
        if timeout.is_zero() {
            let problem = tell!(language(), "it must be longer than zero", "il doit être plus long que zéro");
            return Err(Error::InvalidOption { option: "connect_timeout", problem });
        }
        self.events().settings(|settings| settings.connect_timeout = timeout);
        Ok(())
    }

    /// Replaces the user data; callbacks get it from the next event on (paho-python: `user_data_set`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// let client = rappel::Client::builder(rappel::CallbackApiVersion::Version2).userdata("tomates").build()?;
    /// client.user_data_set("basilic");
    /// assert_eq!(*client.user_data_get(), "basilic");
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn user_data_set(&self, userdata: U) {
        let old = std::mem::replace(&mut *lock(&self.core.userdata), Arc::new(userdata));
        self.events().userdata_changed();
        // Dropped with no lock held.
        drop(old);
    }

    /// The user data (paho-python: `user_data_get`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// let client = rappel::Client::builder(rappel::CallbackApiVersion::Version2).userdata(vec!["tomates"]).build()?;
    /// assert_eq!(client.user_data_get().len(), 1);
    /// # Ok::<(), rappel::Error>(())
    /// ```
    #[must_use]
    pub fn user_data_get(&self) -> Arc<U> {
        Arc::clone(&lock(&self.core.userdata))
    }

    /// The host of the last `connect`; empty before (paho-python: `host`). Of several brokers, that of the one in use, or
    /// tried now; inside a callback, that of the one that the callback is about.
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.connect_async("mqttbroker.lan", 1883)?;
    /// assert_eq!(client.host(), "mqttbroker.lan");
    /// # Ok::<(), rappel::Error>(())
    /// ```
    #[must_use]
    pub fn host(&self) -> String {
        self.events().node().map(|node| node.host.clone()).unwrap_or_default()
    }

    /// The port of the last `connect`; 0 before (paho-python: `port`). Of several brokers as [`host`](Client::host).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.connect_async("mqttbroker.lan", 1883)?;
    /// assert_eq!(client.port(), 1883);
    /// # Ok::<(), rappel::Error>(())
    /// ```
    #[must_use]
    pub fn port(&self) -> u16 {
        self.events().node().map_or(0, |node| node.port)
    }

    /// The client id, given or random.
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// assert_eq!(client.client_id(), ""); // until the broker has given one
    /// ```
    #[must_use]
    pub fn client_id(&self) -> String {
        self.events().client_id()
    }

    /// The keep-alive for the next connection (paho-python: `keepalive`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// assert_eq!(client.keepalive().as_secs(), 60);
    /// ```
    #[must_use]
    pub fn keepalive(&self) -> Duration {
        self.events().settings(|settings| settings.keepalive)
    }

    /// How long `connect` may take (paho-python: `connect_timeout`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// assert_eq!(client.connect_timeout().as_secs(), 5);
    /// ```
    #[must_use]
    pub fn connect_timeout(&self) -> Duration {
        self.events().settings(|settings| settings.connect_timeout)
    }

    /// The user name, if one is set (paho-python: `username`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// assert_eq!(client.username(), None);
    /// ```
    #[must_use]
    pub fn username(&self) -> Option<String> {
        self.events().settings(|settings| settings.credentials.as_ref().map(|credentials| credentials.user.clone()))
    }

    /// How many messages of QoS 1 and 2 may be under way (paho-python: `max_inflight_messages`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// assert_eq!(client.max_inflight_messages(), 20);
    /// ```
    #[must_use]
    pub fn max_inflight_messages(&self) -> usize {
        self.events().outbox.max_inflight()
    }

    /// How many messages of QoS 1 and 2 may be unconfirmed (paho-python: `max_queued_messages`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// assert_eq!(client.max_queued_messages(), 0); // no limit
    /// ```
    #[must_use]
    pub fn max_queued_messages(&self) -> usize {
        self.events().outbox.max_queued()
    }

    /// How many bytes may be unconfirmed; 0 for no limit.
    ///
    /// ```
    /// let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// assert_eq!(client.max_queued_bytes(), 0);
    /// ```
    #[must_use]
    pub fn max_queued_bytes(&self) -> usize {
        self.events().outbox.max_queued_bytes()
    }

    /// How many messages are queued or under way and not confirmed. Right after `build` with persistence, it is
    /// the number that an earlier program has left.
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.publish("test", "waits for a connection", 1)?;
    /// assert_eq!(client.unconfirmed_messages(), 1);
    /// # Ok::<(), rappel::Error>(())
    /// ```
    #[must_use]
    pub fn unconfirmed_messages(&self) -> usize {
        self.events().outbox.pending()
    }

    /// How the broker is reached (paho-python: `transport`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// assert_eq!(client.transport(), rappel::Transport::Tcp);
    /// ```
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.events().settings(|settings| settings.route.transport)
    }

    /// Sets the path and the headers of the request that opens a [WebSocket](Transport::WebSockets), from the next connection
    /// on (paho-python: `ws_set_options(path="/mqtt", headers=None)`).
    ///
    /// The path is `/mqtt` where nothing else is said. Headers are added to those that are always sent, in the place of one of
    /// the same name, or a function changes them: see [`IntoHeaders`](crate::IntoHeaders).
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for what no server can be asked; [`Error::TransportNotAvailable`] without the feature
    /// `websockets`. What the server says is the [`Error::WebSocket`] of `connect`.
    ///
    /// ```no_run
    /// use rappel as pmc;
    ///
    /// # fn main() -> pmc::Result<()> {
    /// let builder = pmc::Client::builder(pmc::CallbackApiVersion::Version2);
    /// let client = builder.transport(pmc::Transport::WebSockets).build()?;
    /// client.ws_set_options("/broker", [("Authorization", "Bearer 1234")])?;
    /// client.connect("mqttbroker.lan", 9001)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn ws_set_options(&self, path: impl Into<String>, headers: impl IntoHeaders) -> Result<()> {
        Transport::WebSockets.check()?;
        let options = WebSocketOptions { path: path.into(), headers: headers.into_headers().0 };
        options.check()?;
        #[cfg(feature = "websockets")]
        self.events().settings(|settings| settings.route.websocket = options);
        Ok(())
    }

    /// Has the next connection go through a proxy (paho-python: `proxy_set(**proxy_args)`), over TCP and what is spoken
    /// on it.
    ///
    /// Without it, the environment decides, as in Python: `mqtt_proxy` names a proxy, as `http://host:port` or
    /// `socks://host:port`, and `no_proxy` lists brokers to be reached without it. `http_proxy` counts for nothing.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for what no proxy can be asked. What the proxy says is the [`Error::Proxy`] of `connect`.
    ///
    /// ```
    /// use rappel as pmc;
    ///
    /// # fn main() -> pmc::Result<()> {
    /// let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    /// client.proxy_set(pmc::ProxyOptions::new(pmc::ProxyType::Http, "1.2.3.4").port(4231))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn proxy_set(&self, proxy: ProxyOptions) -> Result<()> {
        proxy.check()?;
        self.events().settings(|settings| settings.route.proxy = Some(proxy));
        Ok(())
    }

    /// Has the next connection reach the broker another way (paho-python: `transport`). Default: TCP, or what
    /// [`ClientBuilder::transport`](crate::ClientBuilder::transport) has said.
    ///
    /// # Errors
    /// [`Error::TransportNotAvailable`].
    ///
    /// ```
    /// use rappel as pmc;
    ///
    /// # fn main() -> pmc::Result<()> {
    /// let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    /// client.transport_set(pmc::Transport::Unix)?;
    /// assert_eq!(client.transport().to_string(), "unix");
    /// # Ok(())
    /// # }
    /// ```
    pub fn transport_set(&self, transport: Transport) -> Result<()> {
        transport.check()?;
        self.events().settings(|settings| settings.route.transport = transport);
        Ok(())
    }

    /// What moves this client's messages, as [`ClientBuilder::engine`](crate::ClientBuilder::engine) has chosen it.
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// let expected = if cfg!(feature = "paho") { rappel::Engine::Paho } else { rappel::Engine::Native };
    /// assert_eq!(client.engine(), expected);
    /// ```
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.events().network.engine()
    }

    /// The version of MQTT (paho-python: `protocol`): [`Protocol::V31`] once a broker has refused 3.1.1.
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// assert_eq!(client.protocol(), rappel::Protocol::V311);
    /// ```
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.events().version()
    }

    /// The topic of the will, if there is one (paho-python: `will_topic`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// assert_eq!(client.will_topic(), None);
    /// ```
    #[must_use]
    pub fn will_topic(&self) -> Option<String> {
        self.events().settings(|settings| settings.will.as_ref().map(|will| will.topic.clone()))
    }

    /// The payload of the will, if there is one (paho-python: `will_payload`).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.will_set("serre/etat", "offline", 1)?;
    /// assert_eq!(client.will_payload().as_deref(), Some(b"offline".as_slice()));
    /// # Ok::<(), rappel::Error>(())
    /// ```
    #[must_use]
    pub fn will_payload(&self) -> Option<Vec<u8>> {
        self.events().settings(|settings| settings.will.as_ref().map(|will| will.payload.clone()))
    }
}
