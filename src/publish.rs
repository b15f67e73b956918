//! Connect, publish, disconnect: for a program that has something to say and nothing to hear (paho-python:
//! `paho.mqtt.publish`).
//!
//! ```no_run
//! use rappel::{OneShotOptions, publish};
//!
//! # fn main() -> rappel::Result<()> {
//! let broker = OneShotOptions::new().hostname("mqttbroker.lan");
//! publish::single("test", "allo", 0, broker)?;
//! # Ok(())
//! # }
//! ```

use crate::one_shot::OneShotOptions;
use crate::types::{Error, IntoPayload, PublishOptions, Result, language, tell};

/// A message for [`multiple`]: made by `into()` of `(topic, payload)`, `(topic, payload, qos)` or
/// `(topic, payload, options)`, and of Python's `(topic, payload, qos, retain)`.
///
/// ```
/// use rappel::{PublishOptions, publish::Outgoing};
///
/// let messages: [Outgoing; 3] = [
///     ("serre/temperature", 21.5).into(),
///     ("serre/humidite", 60, 1).into(),
///     ("serre/etat", "en marche", PublishOptions::new().retain(true)).into(),
/// ];
/// # let _ = messages;
/// ```
#[derive(Debug, Clone)]
pub struct Outgoing {
    topic: String,
    payload: Vec<u8>,
    options: PublishOptions,
}

/// Publishes one message and disconnects (paho-python: `publish.single(topic, payload, qos, retain, hostname, ..)`).
///
/// Returns when the broker has confirmed the message; at QoS 0, when it has been sent.
///
/// ```no_run
/// use rappel::{OneShotOptions, publish};
///
/// publish::single("test", "allo", 1, OneShotOptions::new().hostname("mqttbroker.lan"))?;
/// # Ok::<(), rappel::Error>(())
/// ```
///
/// # Errors
/// As [`Client::connect`](crate::Client::connect), [`Client::publish`](crate::Client::publish) and
/// [`MessageInfo::wait_for_publish`](crate::MessageInfo::wait_for_publish).
pub fn single(
    topic: impl Into<String>,
    payload: impl IntoPayload,
    options: impl Into<PublishOptions>,
    broker: OneShotOptions,
) -> Result<()> {
    multiple([Outgoing { topic: topic.into(), payload: payload.into_payload(), options: options.into() }], broker)
}

/// Publishes several messages, each when the one before is confirmed, and disconnects (paho-python:
/// `publish.multiple(msgs, hostname, ..)`).
///
/// ```no_run
/// use rappel::{OneShotOptions, publish};
///
/// # fn main() -> rappel::Result<()> {
/// publish::multiple([("serre/temperature", 21.5, 1), ("serre/humidite", 60.0, 1)], OneShotOptions::new())?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`single`]; [`Error::InvalidOption`] when there is no message.
pub fn multiple<M: Into<Outgoing>>(messages: impl IntoIterator<Item = M>, broker: OneShotOptions) -> Result<()> {
    let mut messages = messages.into_iter().map(Into::into).peekable();
    if messages.peek().is_none() {
        let problem = tell!(language(), "there is no message", "il n'y a pas de message");
        return Err(Error::InvalidOption { option: "messages", problem });
    }
    let (client, destination) = broker.client()?;
    destination.connect(&client)?;
    for Outgoing { topic, payload, options } in messages {
        client.publish(topic, payload, options)?.wait_for_publish(None)?;
    }
    client.disconnect()
}

impl<T: Into<String>, P: IntoPayload> From<(T, P)> for Outgoing {
    fn from((topic, payload): (T, P)) -> Self {
        (topic, payload, 0).into()
    }
}

impl<T: Into<String>, P: IntoPayload, O: Into<PublishOptions>> From<(T, P, O)> for Outgoing {
    fn from((topic, payload, options): (T, P, O)) -> Self {
        Outgoing { topic: topic.into(), payload: payload.into_payload(), options: options.into() }
    }
}

impl<T: Into<String>, P: IntoPayload, O: Into<PublishOptions>> From<(T, P, O, bool)> for Outgoing {
    fn from((topic, payload, options, retain): (T, P, O, bool)) -> Self {
        (topic, payload, options.into().retain(retain)).into()
    }
}
