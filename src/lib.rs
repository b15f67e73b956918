//! The callback API of `paho.mqtt.client` (paho-python) for Rust, over the `paho-mqtt` bindings.
//!
//! *Rappel* is French for *callback*, as in *fonction de rappel*. Names, order of arguments and order of events
//! are those of paho-python 2.2 with `CallbackAPIVersion.VERSION2`; instead of return codes there are
//! [`Result`]s whose errors say what to do.
//!
//! ```no_run
//! use rappel as pmc;
//!
//! fn main() -> pmc::Result<()> {
//!     let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
//!     client.on_message(|_client, _userdata, msg| println!("Reçu: {}", msg.payload_str()));
//!     client.connect("mqttbroker.lan", 1883)?;
//!     client.subscribe("test", 0)?;
//!     client.loop_forever()
//! }
//! ```
//! Where to go from here: [`Client`] and its callbacks; the same programs in Python and in Rust,
//! [side by side](documentation::from_python); [the course](documentation::cours), in French.
//!
//! # The way of a message
//! ```text
//!  your thread   publish() ─► outbox
//!                               │ in order, numbered, kept until confirmed
//!  the network's thread         ▼
//!  (one for all clients)    [engine] ─► session ─► send buffer ─► broker
//!                                       ids, QoS, window,           │
//!                           [engine] ◄─ limits, keep-alive ◄─ decoder
//!  the loop's thread            │
//!                               ▼
//!                callbacks ◄─ event loop ◄─ events
//! ```
//! The [`documentation`] follows it step by step, and holds the repository's other pages.
//!
//! # Engines and features
//! With [`Engine::Paho`], the default, every message passes through an Eclipse Paho client inside this process, as a
//! numbered ticket. Paho does not reach the network, and sees no payload, password or session: that is this crate's own
//! MQTT core, which [`Engine::Native`] uses alone, without a C compiler (`default-features = false`).
//!
//! | Feature | What it brings | What it costs |
//! |---|---|---|
//! | `paho` (default) | [`Engine::Paho`], the default engine | `cmake`, `make` and a C compiler; it builds Eclipse Paho C |
//! | `persistence` | `ClientBuilder::persistence`: what `publish` accepted survives the end of the program | a C compiler; it builds SQLite |
//! | `tls` | [`Client::tls_set`]: encrypted connections | a C compiler, and nearly as much time again as the default; it builds rustls and *ring* |
//! | `websockets` | [`Transport::WebSockets`], also over TLS | nothing but Rust, and a quarter of the default's time; it builds tungstenite |
//!
//! # TLS
//! With the feature `tls` (`cargo add rappel --features tls`), [`Client::tls_set`] encrypts the connection and makes sure that it
//! leads to the right broker:
//!
//! ```no_run
//! use rappel as pmc;
//!
//! # fn main() -> pmc::Result<()> {
//! let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
//! // TlsOptions::new() trusts whom the machine trusts, as a browser does.
//! // This is for a broker with a certificate of the house:
//! client.tls_set(pmc::TlsOptions::new().ca_certs("/etc/mosquitto/ca.crt"))?;
//! client.connect("mqttbroker.lan", 8883)?;
//! # Ok(())
//! # }
//! ```
//!
//! A broker that wants to know its clients by certificate is shown one by [`TlsOptions::certfile`] and
//! [`TlsOptions::keyfile`]. What is wrong with a file is an error of `tls_set`, what is wrong with the broker's certificate an
//! error of `connect`, each with its remedy. [rustls](https://docs.rs/rustls) does the work, with *ring*: TLS 1.2 and 1.3.
//!
//! # Known problems
//! - A message after which the broker hangs up without a word costs six connections or more before it is given up
//!   ([`Error::HungUp`]), and a minute where nothing else is sent; at QoS 0 it costs one, unnoticed.
//! - The last 64 KiB of a message must drain within one keep-alive: give slow lines a longer one.
//! - A small Receive Maximum in [`ConnectOptions::properties`] may end connections with Mosquitto 2.0.11, which sends more
//!   than it allows: leave it out there.
//! - Dropping the last handle may wait for two seconds: call [`Client::disconnect`] before, where that matters.
//! - With the engine Paho, child processes inherit a socket on which only numbers pass; and a logger that takes the target
//!   `paho_mqtt_c` at level info or below costs two thirds of the speed: set `RUST_LOG=info,paho_mqtt_c=off,paho_mqtt=off`,
//!   or use the native engine.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod types;

mod sync;

mod guarded;

mod tls;

mod mqtt;

#[cfg(fuzzing)]
#[doc(hidden)]
#[allow(missing_docs, reason = "for the fuzz target alone")]
pub use mqtt::fuzzing;

mod outbox;

#[cfg(feature = "persistence")]
mod store;

mod event;

mod engine;

mod net;

mod callbacks;

mod event_loop;

mod client;

#[cfg(any(benching, test))]
#[doc(hidden)]
#[allow(missing_docs, reason = "for the benches alone")]
pub mod benching;

mod one_shot;

pub mod publish;

pub mod subscribe;

#[cfg(any(doc, doctest))]
pub mod documentation;

pub use callbacks::CallbackResult;
pub use client::{Client, ClientBuilder, IntoPassword, MessageInfo, PublishFuture, Recorder};
pub use event_loop::LoopPool;
pub use one_shot::OneShotOptions;
pub use tls::TlsContext;
pub use types::{
    CallbackApiVersion, CertReqs, CertificateProblem, CleanStart, ConnackCode, ConnackResult, ConnectFlags,
    ConnectOptions, Counters, DisconnectFlags, DisconnectOptions, Engine, Error, ErrorCode, IntoDuration, IntoHeaders,
    IntoPayload, IntoTimeout, Language, LogLevel, LoopOptions, Message, PacketType, Properties, PropertyFields,
    Protocol, ProxyOptions, ProxyType, PublishOptions, Qos, ReasonCode, Result, RetainHandling, SubscribeOptions,
    TlsOptions, TlsVersion, Transport, WebSocketHeaders, connack_string, convert_connack_rc_to_reason_code,
    convert_disconnect_error_code_to_reason_code, error_string, set_language, topic_matches_sub,
};
