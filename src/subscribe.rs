//! Connect, subscribe, receive: for a program that only wants to hear (paho-python: `paho.mqtt.subscribe`).
//!
//! ```no_run
//! use rappel::{OneShotOptions, subscribe};
//!
//! # fn main() -> rappel::Result<()> {
//! let broker = OneShotOptions::new().hostname("mqttbroker.lan");
//! let msg = subscribe::simple("test", 0, broker)?;
//! println!("{}: {}", msg.topic, msg.payload_str());
//! # Ok(())
//! # }
//! ```

use std::collections::HashMap;
use std::mem::take;
use std::sync::{Arc, Mutex};

use crate::client::Client;
use crate::guarded::CallbackResult;
use crate::one_shot::OneShotOptions;
use crate::sync::lock;
use crate::types::{Error, Message, ReasonCode, Result, SubscribeOptions, language, tell};

/// One topic filter or several: text, or an array, slice or `Vec` of texts.
///
/// paho-python: the `topics` argument of `simple()` and `callback()`.
///
/// ```no_run
/// use rappel::{OneShotOptions, subscribe};
///
/// let from_one = subscribe::simple("serre/#", 0, OneShotOptions::new())?;
/// let from_two = subscribe::simple(["serre/#", "jardin/#"], 0, OneShotOptions::new())?;
/// # drop((from_one, from_two));
/// # Ok::<(), rappel::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no topic filter, and no list of them",
    label = "give text such as `\"house/#\"`, or a list such as `[\"a\", \"b\"]`"
)]
pub trait IntoTopics: sealed::Sealed {
    /// The filters.
    #[doc(hidden)]
    fn into_topics(self) -> Vec<String>;
}

mod sealed {
    pub trait Sealed {}
}

/// Waits for one message on these topics, and disconnects (paho-python: `subscribe.simple(topics, qos)`).
///
/// ```no_run
/// use rappel::{OneShotOptions, subscribe};
///
/// let msg = subscribe::simple("serre/temperature", 0, OneShotOptions::new())?;
/// println!("{} °C", msg.payload_as::<f64>()?);
/// # Ok::<(), rappel::Error>(())
/// ```
///
/// # Errors
/// As [`Client::connect`] and [`Client::subscribe`]; [`Error::SubscriptionRefused`] when the broker refuses it.
pub fn simple(
    topics: impl IntoTopics,
    options: impl Into<SubscribeOptions>,
    broker: OneShotOptions,
) -> Result<Message> {
    let mut messages = simple_many(topics, options, 1, broker)?;
    // `simple_many` gives as many as were asked for.
    messages.pop().ok_or(Error::Cancelled)
}

/// Waits for `msg_count` messages on these topics, and disconnects (paho-python: `subscribe.simple(topics, qos,
/// msg_count)`).
///
/// ```no_run
/// use rappel::{OneShotOptions, subscribe};
///
/// let messages = subscribe::simple_many("serre/temperature", 0, 10, OneShotOptions::new())?;
/// assert_eq!(messages.len(), 10);
/// # Ok::<(), rappel::Error>(())
/// ```
///
/// # Errors
/// As [`simple`]; [`Error::InvalidOption`] when `msg_count` is 0.
pub fn simple_many(
    topics: impl IntoTopics,
    options: impl Into<SubscribeOptions>,
    msg_count: usize,
    broker: OneShotOptions,
) -> Result<Vec<Message>> {
    if msg_count == 0 {
        let problem = tell!(language(), "it must be 1 or more", "il doit être 1 ou plus");
        return Err(Error::InvalidOption { option: "msg_count", problem });
    }
    let retained = broker.retained;
    let messages = Arc::new(Mutex::new(Vec::new()));
    let received = Arc::clone(&messages);
    let receive = move |client: &Client, _: &(), message: &Message| {
        let mut received = lock(&received);
        if received.len() == msg_count || (message.retain && !retained) {
            return Ok(());
        }
        received.push(message.clone());
        if received.len() == msg_count {
            drop(received);
            client.disconnect()?;
        }
        Ok(())
    };
    callback(receive, topics, options, broker)?;
    Ok(take(&mut lock(&messages)))
}

/// Calls `callback` for each message on these topics, until it calls [`Client::disconnect`] (paho-python:
/// `subscribe.callback(callback, topics, qos, userdata, hostname, ..)`).
///
/// The client connects again after every loss, and subscribes again.
///
/// ```no_run
/// use rappel::{OneShotOptions, subscribe};
///
/// # fn main() -> rappel::Result<()> {
/// let print = |_client: &rappel::Client, _userdata: &(), msg: &rappel::Message| println!("{}", msg.payload_str());
/// subscribe::callback(print, ["serre/#", "jardin/#"], 0, OneShotOptions::new())
/// # }
/// ```
///
/// # Errors
/// As [`simple`].
pub fn callback<U, F, R>(
    callback: F,
    topics: impl IntoTopics,
    options: impl Into<SubscribeOptions>,
    broker: OneShotOptions<U>,
) -> Result<()>
where
    U: Send + Sync + 'static,
    F: FnMut(&Client<U>, &U, &Message) -> R + Send + 'static,
    R: CallbackResult,
{
    let (topics, options) = (topics.into_topics(), options.into());
    let (client, destination) = broker.client()?;
    client.on_message(callback);
    let wanted = Arc::new(Wanted::default());
    let asked = Arc::clone(&wanted);
    client.on_connect(move |client, _, _, code, _| {
        if code == 0
            && let Err(error) = asked.subscribe(client, &topics, &options)
        {
            asked.give_up(client, error)?;
        }
        Ok(())
    });
    let answered = Arc::clone(&wanted);
    client.on_subscribe(move |client, _, mid, codes, _| {
        if let Some(error) = answered.refused(mid, codes) {
            answered.give_up(client, error)?;
        }
        Ok(())
    });
    destination.connect(&client)?;
    let ended = client.loop_forever();
    match lock(&wanted.error).take() {
        Some(error) => Err(error),
        None => ended,
    }
}

/// What was subscribed, and why it came to nothing.
#[derive(Default)]
struct Wanted {
    /// The filters by message id, until they are answered.
    filters: Mutex<HashMap<u16, String>>,
    error: Mutex<Option<Error>>,
}

impl Wanted {
    /// Subscribes to each filter in a packet of its own, as Python does.
    fn subscribe<U: Send + Sync + 'static>(
        &self,
        client: &Client<U>,
        topics: &[String],
        options: &SubscribeOptions,
    ) -> Result<()> {
        if topics.is_empty() {
            return Err(Error::NoFilter);
        }
        for topic in topics {
            let mid = client.subscribe(topic.clone(), options.clone())?;
            lock(&self.filters).insert(mid, topic.clone());
        }
        Ok(())
    }

    /// The error that the broker's answer is.
    fn refused(&self, mid: u16, codes: &[ReasonCode]) -> Option<Error> {
        let filter = lock(&self.filters).remove(&mid)?;
        let code = codes.iter().copied().find(|code| code.is_failure())?;
        Some(Error::SubscriptionRefused { filter, code })
    }

    /// Ends the loop with an error.
    fn give_up<U: Send + Sync + 'static>(&self, client: &Client<U>, error: Error) -> Result<()> {
        lock(&self.error).get_or_insert(error);
        client.disconnect()
    }
}

macro_rules! topics {
    ($([$($generics:tt)*] $topics:ty: $value:ident => $filters:expr;)*) => {$(
        impl<$($generics)*> sealed::Sealed for $topics {}

        impl<$($generics)*> IntoTopics for $topics {
            fn into_topics(self) -> Vec<String> {
                let $value = self;
                $filters
            }
        }
    )*};
}

topics! {
    [] &str: topic => vec![topic.to_owned()];
    [] &String: topic => vec![topic.clone()];
    [] String: topic => vec![topic];
    [T: Into<String>] Vec<T>: topics => topics.into_iter().map(Into::into).collect();
    [T: Into<String> + Clone] &[T]: topics => topics.iter().cloned().map(Into::into).collect();
    [T: Into<String>, const N: usize] [T; N]: topics => topics.into_iter().map(Into::into).collect();
    [T: Into<String> + Clone, const N: usize] &[T; N]: topics => topics.iter().cloned().map(Into::into).collect();
}
