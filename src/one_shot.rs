//! With what the one-shot helpers connect: the arguments that `publish` and `subscribe` have in common.

use std::fmt;
use std::time::Duration;

use crate::client::{Client, IntoPassword};
use crate::tls::TlsContext;
use crate::types::{
    CallbackApiVersion, ConnectOptions, Engine, GivenDuration, IntoDuration, IntoPayload, Protocol, ProxyOptions,
    PublishOptions, Result, TlsOptions, Transport,
};

/// Where and how the functions of [`publish`](crate::publish) and [`subscribe`](crate::subscribe) connect.
///
/// paho-python: their arguments from `hostname` on, with the same defaults: `localhost`, port 1883, MQTT 3.1.1.
///
/// ```
/// use rappel::{OneShotOptions, Protocol};
///
/// let options = OneShotOptions::new().hostname("mqttbroker.lan").auth("info", "Password1234").protocol(Protocol::V5);
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct OneShotOptions<U: Send + Sync + 'static = ()> {
    hostname: String,
    port: u16,
    client_id: String,
    keepalive: GivenDuration,
    will: Option<Will>,
    auth: Option<Auth>,
    tls: Option<Tls>,
    tls_insecure: bool,
    protocol: Protocol,
    /// `None` for the crate's default.
    engine: Option<Engine>,
    transport: Transport,
    proxy: Option<ProxyOptions>,
    clean_session: bool,
    pub(crate) retained: bool,
    userdata: U,
}

#[derive(Debug, Clone)]
struct Will {
    topic: String,
    payload: Vec<u8>,
    options: PublishOptions,
}

#[derive(Clone)]
struct Auth {
    username: String,
    password: Option<Vec<u8>>,
}

/// What is given for TLS.
#[derive(Debug, Clone)]
enum Tls {
    Options(TlsOptions),
    Context(TlsContext),
}

impl OneShotOptions {
    /// `localhost:1883`, an empty client id, keep-alive of 60 s, no will, no user name, no TLS, MQTT 3.1.1, a clean session.
    ///
    /// ```no_run
    /// use rappel::{OneShotOptions, publish};
    ///
    /// publish::single("test", "allo", 0, OneShotOptions::new())?; // localhost
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn new() -> Self {
        OneShotOptions {
            hostname: "localhost".to_owned(),
            port: 1883,
            client_id: String::new(),
            keepalive: Ok(Duration::from_secs(60)),
            will: None,
            auth: None,
            tls: None,
            tls_insecure: false,
            protocol: Protocol::default(),
            engine: None,
            transport: Transport::default(),
            proxy: None,
            clean_session: true,
            retained: true,
            userdata: (),
        }
    }
}

impl Default for OneShotOptions {
    fn default() -> Self {
        OneShotOptions::new()
    }
}

impl<U: Send + Sync + 'static> OneShotOptions<U> {
    /// The broker's name or address; default `localhost`.
    ///
    /// ```
    /// let options = rappel::OneShotOptions::new().hostname("mqttbroker.lan");
    /// # let _ = options;
    /// ```
    pub fn hostname(mut self, hostname: impl Into<String>) -> Self {
        self.hostname = hostname.into();
        self
    }

    /// The broker's port; default 1883.
    ///
    /// ```
    /// let options = rappel::OneShotOptions::new().hostname("mqttbroker.lan").port(1884);
    /// # let _ = options;
    /// ```
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The name under which the broker knows the client; default empty, and the broker gives one.
    ///
    /// ```
    /// let options = rappel::OneShotOptions::new().client_id("serre-1");
    /// # let _ = options;
    /// ```
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = client_id.into();
        self
    }

    /// The longest silence on the connection, in seconds or as a [`Duration`]; default 60 s. See
    /// [`ConnectOptions::keepalive`].
    ///
    /// ```
    /// let options = rappel::OneShotOptions::new().keepalive(20);
    /// # let _ = options;
    /// ```
    pub fn keepalive(mut self, keepalive: impl IntoDuration) -> Self {
        self.keepalive = keepalive.into_duration();
        self
    }

    /// What the broker publishes when this client is lost; default nothing. See [`Client::will_set`].
    ///
    /// ```
    /// let options = rappel::OneShotOptions::new().will("serre/etat", "offline", 1);
    /// # let _ = options;
    /// ```
    pub fn will(
        mut self,
        topic: impl Into<String>,
        payload: impl IntoPayload,
        options: impl Into<PublishOptions>,
    ) -> Self {
        self.will = Some(Will { topic: topic.into(), payload: payload.into_payload(), options: options.into() });
        self
    }

    /// User name and password; default none. See [`Client::username_pw_set`].
    ///
    /// ```
    /// let options = rappel::OneShotOptions::new().auth("info", "Password1234");
    /// # let _ = options;
    /// ```
    pub fn auth(mut self, username: impl Into<String>, password: impl IntoPassword) -> Self {
        self.auth = Some(Auth { username: username.into(), password: password.into_password() });
        self
    }

    /// Encrypts the connection; default not. The port for that is usually 8883. See [`Client::tls_set`] (paho-python: `tls`, a
    /// dictionary).
    ///
    /// ```
    /// use rappel::{OneShotOptions, TlsOptions};
    ///
    /// let tls = TlsOptions::new().ca_certs("/etc/mosquitto/ca.crt");
    /// let options = OneShotOptions::new().hostname("mqttbroker.lan").port(8883).tls(tls);
    /// # let _ = options;
    /// ```
    pub fn tls(mut self, options: TlsOptions) -> Self {
        self.tls = Some(Tls::Options(options));
        self
    }

    /// [`tls`](Self::tls) with options that are loaded already, for many calls. See [`Client::tls_set_context`] (paho-python:
    /// `tls`, an `SSLContext`).
    ///
    /// ```no_run
    /// # fn main() -> rappel::Result<()> {
    /// use rappel::{OneShotOptions, TlsContext, TlsOptions};
    ///
    /// let context = TlsContext::new(TlsOptions::new())?;
    /// let options = OneShotOptions::new().hostname("mqttbroker.lan").port(8883).tls_context(context);
    /// # let _ = options;
    /// # Ok(())
    /// # }
    /// ```
    pub fn tls_context(mut self, context: TlsContext) -> Self {
        self.tls = Some(Tls::Context(context));
        self
    }

    /// Whether the broker's certificate may be one of another host; default `false`. See [`Client::tls_insecure_set`]
    /// (paho-python: `tls={"insecure": True}`).
    ///
    /// ```
    /// use rappel::{OneShotOptions, TlsOptions};
    ///
    /// let tls = TlsOptions::new().ca_certs("/etc/mosquitto/ca.crt");
    /// let options = OneShotOptions::new().hostname("10.10.10.23").port(8883).tls(tls).tls_insecure(true);
    /// # let _ = options;
    /// ```
    pub fn tls_insecure(mut self, insecure: bool) -> Self {
        self.tls_insecure = insecure;
        self
    }

    /// The version of MQTT; default 3.1.1.
    ///
    /// ```
    /// let options = rappel::OneShotOptions::new().protocol(rappel::Protocol::V5);
    /// # let _ = options;
    /// ```
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// What moves the messages; default as in [`ClientBuilder::engine`](crate::ClientBuilder::engine).
    ///
    /// ```
    /// let options = rappel::OneShotOptions::new().engine(rappel::Engine::Native);
    /// # let _ = options;
    /// ```
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = Some(engine);
        self
    }

    /// How the broker is reached; default TCP. See [`ClientBuilder::transport`](crate::ClientBuilder::transport).
    ///
    /// ```
    /// use rappel::{OneShotOptions, Transport};
    ///
    /// let options = OneShotOptions::new().transport(Transport::Unix).hostname("/run/mosquitto.sock");
    /// # let _ = options;
    /// ```
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// A proxy on the way to the broker (paho-python: `proxy_args`); default as the environment says. See
    /// [`Client::proxy_set`].
    ///
    /// ```
    /// use rappel::{OneShotOptions, ProxyOptions, ProxyType};
    ///
    /// let options = OneShotOptions::new().proxy(ProxyOptions::new(ProxyType::Http, "proxy.lan"));
    /// # let _ = options;
    /// ```
    #[doc(alias = "proxy_args")]
    pub fn proxy(mut self, proxy: ProxyOptions) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Whether the broker forgets the client when it goes; default `true`. For [`subscribe`](crate::subscribe) over MQTT
    /// 3.1.1, ignored over MQTT 5.
    ///
    /// ```
    /// let options = rappel::OneShotOptions::new().client_id("serre-1").clean_session(false);
    /// # let _ = options;
    /// ```
    pub fn clean_session(mut self, clean: bool) -> Self {
        self.clean_session = clean;
        self
    }

    /// Whether [`subscribe::simple`](crate::subscribe::simple) takes messages that the broker has kept from before;
    /// default `true`.
    ///
    /// ```
    /// let options = rappel::OneShotOptions::new().retained(false);
    /// # let _ = options;
    /// ```
    pub fn retained(mut self, retained: bool) -> Self {
        self.retained = retained;
        self
    }

    /// What the callback of [`subscribe::callback`](crate::subscribe::callback) is given as its second argument.
    ///
    /// ```no_run
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use rappel::{Client, Message, OneShotOptions, subscribe};
    ///
    /// let third = |client: &Client<AtomicU32>, count: &AtomicU32, msg: &Message| {
    ///     println!("{}", msg.payload_str());
    ///     if count.fetch_add(1, Ordering::Relaxed) == 2 {
    ///         client.disconnect()?;
    ///     }
    ///     Ok(())
    /// };
    /// subscribe::callback(third, "test", 0, OneShotOptions::new().userdata(AtomicU32::new(0)))?;
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn userdata<V: Send + Sync + 'static>(self, userdata: V) -> OneShotOptions<V> {
        OneShotOptions {
            hostname: self.hostname,
            port: self.port,
            client_id: self.client_id,
            keepalive: self.keepalive,
            will: self.will,
            auth: self.auth,
            tls: self.tls,
            tls_insecure: self.tls_insecure,
            protocol: self.protocol,
            engine: self.engine,
            transport: self.transport,
            proxy: self.proxy,
            clean_session: self.clean_session,
            retained: self.retained,
            userdata,
        }
    }

    /// A client with these options, not yet connected, and how it connects.
    pub(crate) fn client(self) -> Result<(Client<U>, Destination)> {
        let mut builder = Client::builder(CallbackApiVersion::Version2)
            .client_id(self.client_id)
            .protocol(self.protocol)
            .transport(self.transport)
            .userdata(self.userdata);
        if self.protocol != Protocol::V5 {
            builder = builder.clean_session(self.clean_session);
        }
        if let Some(engine) = self.engine {
            builder = builder.engine(engine);
        }
        let client = builder.build()?;
        if let Some(proxy) = self.proxy {
            client.proxy_set(proxy)?;
        }
        if let Some(Auth { username, password }) = self.auth {
            match password {
                Some(password) => client.username_pw_set(username, password),
                None => client.username_pw_set(username, None),
            }
        }
        match self.tls {
            Some(Tls::Options(options)) => client.tls_set(options)?,
            Some(Tls::Context(context)) => client.tls_set_context(context),
            None => {}
        }
        if self.tls_insecure {
            client.tls_insecure_set(true)?;
        }
        if let Some(Will { topic, payload, options }) = self.will {
            client.will_set(topic, payload, options)?;
        }
        let options = match self.keepalive {
            Ok(keepalive) => ConnectOptions::new().keepalive(keepalive),
            Err(seconds) => ConnectOptions::new().keepalive(seconds),
        };
        Ok((client, Destination { hostname: self.hostname, port: self.port, options }))
    }
}

/// Where a one-shot client connects to, and how.
pub(crate) struct Destination {
    hostname: String,
    port: u16,
    options: ConnectOptions,
}

impl Destination {
    /// Connects, and waits for the broker's answer.
    pub(crate) fn connect<U: Send + Sync + 'static>(self, client: &Client<U>) -> Result<()> {
        client.connect_with(&self.hostname, self.port, self.options)
    }
}

impl fmt::Debug for Auth {
    /// Shows who, and not the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").field("username", &self.username).finish_non_exhaustive()
    }
}
