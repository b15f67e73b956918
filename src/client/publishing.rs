//! Publishing.

use std::time::{Duration, Instant};

use crate::client::{Client, MessageInfo};
use crate::mqtt::OutgoingMessage;
use crate::outbox::{Accepted, Draft};
use crate::types::{
    Error, IntoPayload, Message, PropertyHome, PublishOptions, Result, check_payload, check_qos, check_topic, later,
};

/// # Publishing
impl<U: Send + Sync + 'static> Client<U> {
    /// Publishes a message (paho-python: `publish(topic, payload, qos, retain, properties)`). Never waits for the
    /// network.
    ///
    /// `options` is a bare QoS, 0 to 2, or [`PublishOptions`]. Connected or connecting, messages are sent in the
    /// order of the calls. Without a connection, messages of QoS 1 and 2 are queued and sent with the next one. A message
    /// expiry interval (MQTT 5) counts from the call: what is left of it is sent, and a message that has expired in the
    /// queue is given up with [`Error::MessageExpired`], and 131 for `on_publish`.
    ///
    /// ```no_run
    /// # fn main() -> rappel::Result<()> {
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// # client.connect("localhost", 1883)?;
    /// client.publish("mesures/temperature", 21.5, 0)?;
    /// client.publish("etat", "en marche", rappel::PublishOptions::new().qos(1).retain(true))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// In each case nothing is sent: [`Error::EmptyTopic`], [`Error::WildcardInTopic`], [`Error::NulInText`],
    /// [`Error::TextTooLong`] (a topic has up to 65,535 bytes), [`Error::InvalidQos`], [`Error::PayloadTooLarge`],
    /// [`Error::QueueFull`] ([`max_queued_messages_set`](Client::max_queued_messages_set)), [`Error::QueueBytesFull`]
    /// ([`max_queued_bytes_set`](Client::max_queued_bytes_set)), [`Error::NotConnected`] (QoS 0 without a connection),
    /// [`Error::PropertiesNeedV5`], [`Error::InvalidProperty`].
    pub fn publish(
        &self,
        topic: impl AsRef<str>,
        payload: impl IntoPayload,
        options: impl Into<PublishOptions>,
    ) -> Result<MessageInfo> {
        let (topic, options, events) = (topic.as_ref(), options.into(), self.events());
        let encoded = match payload.as_payload().filter(|_| options.is_plain()) {
            Some(payload) => {
                check_topic(topic)?;
                events.outbox.publish_encoded(topic, payload, options.retain)?
            }
            None => None,
        };
        let accepted = match encoded {
            Some(accepted) => accepted,
            None => self.accept(topic, payload.into_payload(), options)?,
        };
        events.network.accepted(accepted.is_alone);
        if accepted.expires_next {
            events.network.wake();
        }
        if let Some(replaced) = accepted.replaced {
            replaced.finish(Err(Error::Replaced));
        }
        Ok(MessageInfo::new(accepted.completion, &self.core))
    }

    /// Takes back the messages of QoS 1 and 2 that are not confirmed, queued and in flight, and gives them in order
    /// (paho-python: `drop_out_messages`). Whoever waits for one gets [`Error::TakenBack`]; `on_publish` does not run.
    ///
    /// A message in flight may have arrived all the same, or be on its way.
    ///
    /// ```
    /// # fn main() -> rappel::Result<()> {
    /// let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// let info = client.publish("mesures/temperature", 21.5, 1)?;
    /// let messages = client.drop_out_messages();
    /// assert_eq!((messages.len(), messages[0].mid), (1, info.mid()));
    /// assert!(!info.is_published());
    /// # Ok(())
    /// # }
    /// ```
    pub fn drop_out_messages(&self) -> Vec<Message> {
        self.events().network.take_back().into_iter().map(OutgoingMessage::into_message).collect()
    }

    /// Checks a message, and has it accepted.
    fn accept(&self, topic: &str, payload: Vec<u8>, options: PublishOptions) -> Result<Accepted> {
        let room = options.checked_room()?;
        let draft = self.draft(topic.to_owned(), payload, options)?;
        match room {
            None => self.events().publish(draft),
            Some(timeout) => {
                let deadline = timeout.map(|timeout| later(Instant::now(), timeout));
                self.events().publish_when_room(self, draft, deadline)
            }
        }
    }

    /// Checks a message.
    fn draft(&self, topic: String, payload: Vec<u8>, options: PublishOptions) -> Result<Draft> {
        if !(topic.is_empty() && options.properties.topic_alias.is_some()) {
            check_topic(&topic)?;
        }
        let qos = check_qos(options.qos)?;
        self.check_properties(&options.properties, PropertyHome::Publish)?;
        let properties = if self.events().is_v5() { options.properties.size_in_publish() } else { 0 };
        check_payload(&topic, properties, payload.len())?;
        Ok(Draft {
            topic,
            payload: payload.into(),
            qos,
            retain: options.retain,
            expires_at: options.properties.message_expiry_interval.and_then(expiry),
            properties: options.properties,
            keep_latest: options.keep_latest,
        })
    }
}

/// When a message with this interval expires, accepted now. 0 is sent as it is: there is nothing to count down.
fn expiry(interval: u32) -> Option<Instant> {
    (interval > 0).then(|| later(Instant::now(), Duration::from_secs(interval.into())))
}
