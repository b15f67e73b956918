//! A message as `on_message` gets it.

use std::borrow::Cow;
use std::fmt;
use std::time::Instant;

use crate::types::{Properties, Qos};

/// A message received from the broker.
///
/// paho-python: `MQTTMessage`. Its `mid` and `dup` stay hidden in the engine.
///
/// ```
/// use rappel::Message;
///
/// fn reception_msg(msg: &Message) {
///     println!("{}: {} (QoS {})", msg.topic, msg.payload_str(), msg.qos);
/// }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Message {
    /// The topic it was published on.
    pub topic: String,
    /// Its content: any bytes, perhaps none. [`payload_str`](Self::payload_str) reads them as text.
    pub payload: Vec<u8>,
    /// The level it was delivered with: the lower of the publisher's and the subscription's.
    pub qos: Qos,
    /// Whether the broker had kept it from before the subscription, rather than just received it.
    pub retain: bool,
    /// MQTT 5's extra fields; empty over MQTT 3.1.1.
    pub properties: Properties,
    /// When it arrived, on this machine's monotonic clock.
    pub timestamp: Instant,
}

impl Message {
    /// A message as it came from the engine at `timestamp`.
    pub(crate) fn new(
        topic: String,
        payload: Vec<u8>,
        qos: Qos,
        retain: bool,
        properties: Properties,
        timestamp: Instant,
    ) -> Self {
        Self { topic, payload, qos, retain, properties, timestamp }
    }

    /// The payload as text; bytes that are not UTF-8 are shown as `�`.
    ///
    /// paho-python: `msg.payload.decode()`, which raises on such bytes.
    #[must_use]
    pub fn payload_str(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.payload)
    }
}

impl fmt::Debug for Message {
    /// Shows the length of the payload, not its content, which may be large or private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("topic", &self.topic)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .field("qos", &self.qos)
            .field("retain", &self.retain)
            .field("properties", &self.properties)
            .field("timestamp", &self.timestamp)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_lossy_and_debug_hides_the_payload() {
        let payload = b"secret \xff".to_vec();
        let message = Message::new("t".to_owned(), payload, Qos::AtMostOnce, false, Properties::new(), Instant::now());
        assert_eq!(message.payload_str(), "secret \u{fffd}");
        let debug = format!("{message:?}");
        assert!(debug.contains("8 bytes") && !debug.contains("secret"), "{debug}");
    }
}
