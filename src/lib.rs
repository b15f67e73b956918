//! The callback API of `paho.mqtt.client` (paho-python) for Rust, over the `paho-mqtt` bindings.
//!
//! *Rappel* is French for *callback*, as in *fonction de rappel*. Names, order of arguments and order of events
//! are those of paho-python 2.2 with `CallbackAPIVersion.VERSION2`; instead of return codes there are
//! [`Result`]s whose errors say what to do.
//!
//! ```no_run
//! use rappel as pmc;
//!
//! fn connexion(client: &pmc::Client, _: &(), _: pmc::ConnectFlags, code: pmc::ReasonCode, _: &pmc::Properties) {
//!     if code == 0 {
//!         println!("Connecté");
//!         let _ = client.publish("test", "10.10.10.23 connecté", 0);
//!     } else {
//!         println!("Erreur code {code}");
//!     }
//! }
//!
//! fn main() -> pmc::Result<()> {
//!     let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
//!     client.on_connect(connexion);
//!     client.on_message(|_client, _userdata, msg| println!("Reçu: {}", msg.payload_str()));
//!     client.connect("mqttbroker.lan", 1883)?;
//!     client.subscribe("test", 0)?;
//!     client.loop_forever()
//! }
//! ```
//!
//! # The way of a message
//! ```text
//!  your thread         Paho's two threads      one thread for all clients        the loop's thread
//!  publish() ─► outbox ─► engine (paho-mqtt) ─► link ─► network ─► link ─► engine ─► event ─► event loop ─► callbacks
//! ```
//! The [`documentation`] follows it step by step, and holds the repository's other pages.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod types;

mod sync;

mod guarded;

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

mod one_shot;

pub mod publish;

pub mod subscribe;

#[cfg(any(doc, doctest))]
pub mod documentation;

pub use callbacks::CallbackResult;
pub use client::{Client, ClientBuilder, IntoPassword, MessageInfo, PublishFuture};
pub use one_shot::OneShotOptions;
pub use types::{
    CallbackApiVersion, CleanStart, ConnackCode, ConnackResult, ConnectFlags, ConnectOptions, DisconnectFlags,
    DisconnectOptions, Engine, Error, ErrorCode, IntoDuration, IntoPayload, IntoTimeout, Language, LogLevel,
    LoopOptions, Message, PacketType, Properties, PropertyFields, Protocol, PublishOptions, Qos, ReasonCode, Result,
    RetainHandling, SubscribeOptions, Transport, connack_string, convert_connack_rc_to_reason_code,
    convert_disconnect_error_code_to_reason_code, error_string, set_language, topic_matches_sub,
};
