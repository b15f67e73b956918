//! Publishing.

use std::sync::Arc;

use crate::client::{Client, MessageInfo};
use crate::outbox::Letter;
use crate::types::{
    Error, IntoPayload, PropertyHome, Protocol, PublishOptions, Result, check_payload, check_qos, check_topic,
};

impl<U: Send + Sync + 'static> Client<U> {
    /// Publishes a message (paho-python: `publish(topic, payload, qos, retain, properties)`). Never waits for the
    /// network.
    ///
    /// `options` is a bare QoS, 0 to 2, or [`PublishOptions`]. Connected or connecting, messages are sent in the
    /// order of the calls. Without a connection, messages of QoS 1 and 2 are queued and sent with the next one.
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
    /// [`Error::QueueFull`] ([`max_queued_messages_set`](Client::max_queued_messages_set)), [`Error::NotConnected`]
    /// (QoS 0 without a connection), [`Error::PropertiesNeedV5`], [`Error::InvalidProperty`].
    pub fn publish(
        &self,
        topic: impl Into<String>,
        payload: impl IntoPayload,
        options: impl Into<PublishOptions>,
    ) -> Result<MessageInfo> {
        let (letter, keep_latest) = self.letter(topic.into(), payload.into_payload(), options.into())?;
        let accepted = self.events().engine.publish(letter, keep_latest)?;
        if let Some((replaced, _)) = accepted.replaced {
            replaced.settle(Err(Error::Replaced));
            replaced.report();
        }
        Ok(MessageInfo::new(accepted.receipt, &self.core))
    }

    /// Checks a message.
    pub(crate) fn letter(&self, topic: String, payload: Vec<u8>, options: PublishOptions) -> Result<(Letter, bool)> {
        check_topic(&topic)?;
        let qos = check_qos(options.qos)?;
        self.check_properties(&options.properties, PropertyHome::Publish)?;
        let properties = if self.protocol() == Protocol::V5 { options.properties.size_in_publish() } else { 0 };
        check_payload(&topic, properties, payload.len())?;
        let letter = Letter {
            topic,
            payload: Arc::new(payload),
            qos,
            retain: options.retain,
            properties: options.properties,
            stored: None,
        };
        Ok((letter, options.keep_latest))
    }
}
