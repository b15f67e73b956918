//! A message as `on_message` gets it.

use std::any::type_name;
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::{Instant, SystemTime};

use crate::types::{Error, IntoPayload, Properties, Qos, Result};

/// How much of a payload that is not what was expected an error quotes.
const QUOTED: usize = 40;

/// A message received from the broker.
///
/// paho-python: `MQTTMessage`.
///
/// ```
/// use rappel::{Message, Qos};
///
/// fn reception_msg(msg: &Message) -> rappel::Result<String> {
///     let celsius: f64 = msg.payload_as()?;
///     Ok(format!("{}: {celsius} °C (QoS {})", msg.topic, msg.qos))
/// }
///
/// // As a test of one's own calls it.
/// let message = Message::new("serre/temperature", 21.5).with_qos(Qos::AtLeastOnce);
/// assert_eq!(reception_msg(&message)?, "serre/temperature: 21.5 °C (QoS 1)");
/// # Ok::<(), rappel::Error>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Message {
    /// The topic it was published on.
    pub topic: String,
    /// Its content: any bytes, perhaps none. [`payload_str`](Self::payload_str) reads them as text,
    /// [`payload_as`](Self::payload_as) as a number.
    pub payload: Vec<u8>,
    /// The level it was delivered with: the lower of the publisher's and the subscription's.
    pub qos: Qos,
    /// Whether the broker had kept it from before the subscription, rather than just received it.
    pub retain: bool,
    /// Whether the broker may have sent it before (MQTT 5, section 3.3.1.1).
    pub dup: bool,
    /// The packet id it was delivered with, 1 to 65,535; 0 at QoS 0, which has none.
    pub mid: u16,
    /// MQTT 5's extra fields; empty over MQTT 3.1.1.
    pub properties: Properties,
    /// When it arrived, on this machine's monotonic clock; [`received_at`](Self::received_at) gives date and time.
    pub timestamp: Instant,
    /// Which of the messages of QoS 1 and 2 ever delivered to its client it is, from 1; 0 at QoS 0.
    pub(crate) number: u64,
}

impl Message {
    /// A message of QoS 0, not retained, that has just arrived: for tests of one's own callbacks.
    ///
    /// Nothing is checked: a callback may be tried with whatever a broker might send. paho-python: `MQTTMessage(topic=)`.
    ///
    /// ```
    /// use rappel::Message;
    ///
    /// let message = Message::new("serre/temperature", 21.5);
    /// assert_eq!((message.topic.as_str(), message.payload.as_slice()), ("serre/temperature", b"21.5".as_slice()));
    /// ```
    #[must_use]
    pub fn new(topic: impl Into<String>, payload: impl IntoPayload) -> Self {
        Self {
            topic: topic.into(),
            payload: payload.into_payload(),
            qos: Qos::AtMostOnce,
            retain: false,
            dup: false,
            mid: 0,
            properties: Properties::new(),
            timestamp: Instant::now(),
            number: 0,
        }
    }

    /// Sets [`qos`](Self::qos).
    ///
    /// ```
    /// use rappel::{Message, Qos};
    ///
    /// assert_eq!(Message::new("test", "allo").with_qos(Qos::AtLeastOnce).qos, 1);
    /// ```
    #[must_use]
    pub fn with_qos(mut self, qos: Qos) -> Self {
        self.qos = qos;
        self
    }

    /// Sets [`retain`](Self::retain).
    ///
    /// ```
    /// use rappel::Message;
    ///
    /// assert!(Message::new("test", "allo").with_retain(true).retain);
    /// ```
    #[must_use]
    pub fn with_retain(mut self, retain: bool) -> Self {
        self.retain = retain;
        self
    }

    /// Sets [`dup`](Self::dup).
    ///
    /// ```
    /// use rappel::Message;
    ///
    /// assert!(Message::new("test", "allo").with_dup(true).dup);
    /// ```
    #[must_use]
    pub fn with_dup(mut self, dup: bool) -> Self {
        self.dup = dup;
        self
    }

    /// Sets [`mid`](Self::mid).
    ///
    /// ```
    /// use rappel::Message;
    ///
    /// assert_eq!(Message::new("test", "allo").with_mid(7).mid, 7);
    /// ```
    #[must_use]
    pub fn with_mid(mut self, mid: u16) -> Self {
        self.mid = mid;
        self
    }

    /// Sets [`properties`](Self::properties).
    ///
    /// ```
    /// use rappel::{Message, Properties};
    ///
    /// let properties = Properties::new().with_response_topic("serre/reponse");
    /// let message = Message::new("serre/question", "?").with_properties(properties);
    /// assert_eq!(message.properties.response_topic.as_deref(), Some("serre/reponse"));
    /// ```
    #[must_use]
    pub fn with_properties(mut self, properties: Properties) -> Self {
        self.properties = properties;
        self
    }

    /// The payload as text; bytes that are not UTF-8 are shown as `�`.
    ///
    /// paho-python: `msg.payload.decode()`, which raises on such bytes.
    ///
    /// ```
    /// use rappel::Message;
    ///
    /// assert_eq!(Message::new("test", "allo").payload_str(), "allo");
    /// assert_eq!(Message::new("test", [b'a', 0xff]).payload_str(), "a\u{fffd}");
    /// ```
    #[must_use]
    pub fn payload_str(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.payload)
    }

    /// The payload as a number or another value that can be read from text; blanks around it do not matter.
    ///
    /// paho-python: `float(msg.payload)`, `int(msg.payload)`. A `bool` is Rust's `true` and `false`; Python's `True` is
    /// compared as text.
    ///
    /// ```
    /// use rappel::Message;
    ///
    /// let message = Message::new("serre/temperature", "21.5\n");
    /// assert_eq!(message.payload_as::<f64>()?, 21.5);
    /// let error = message.payload_as::<i32>().unwrap_err();
    /// assert!(error.to_string().contains("invalid digit"));
    /// # Ok::<(), rappel::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidPayload`] with topic, payload and reason.
    pub fn payload_as<T>(&self) -> Result<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let invalid = |problem: String| Error::InvalidPayload {
            topic: self.topic.clone(),
            payload: self.quoted(),
            wanted: type_name::<T>(),
            problem,
        };
        let text = std::str::from_utf8(&self.payload).map_err(|error| invalid(error.to_string()))?;
        text.parse().or_else(|_| text.trim().parse()).map_err(|error: T::Err| invalid(error.to_string()))
    }

    /// The date and time at which it arrived, by the clock of this machine.
    ///
    /// Reckoned back from now: where the clock is set meanwhile, as a Raspberry Pi's is once it has found the network, it
    /// is the time by the new setting.
    ///
    /// ```
    /// use rappel::Message;
    ///
    /// use std::time::{Duration, SystemTime};
    ///
    /// let message = Message::new("test", "allo");
    /// let age = SystemTime::now().duration_since(message.received_at()).unwrap_or_default();
    /// assert!(age < Duration::from_secs(60));
    /// ```
    #[must_use]
    pub fn received_at(&self) -> SystemTime {
        let now = SystemTime::now();
        now.checked_sub(self.timestamp.elapsed()).unwrap_or(now)
    }

    /// The start of the payload, for people.
    fn quoted(&self) -> String {
        let text = self.payload_str();
        match text.char_indices().nth(QUOTED) {
            Some((end, _)) => format!("{}...", &text[..end]),
            None => text.into_owned(),
        }
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
            .field("dup", &self.dup)
            .field("mid", &self.mid)
            .field("properties", &self.properties)
            .field("timestamp", &self.timestamp)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn text_is_lossy_and_debug_hides_the_payload() {
        let message = Message::new("t", b"secret \xff");
        assert_eq!(message.payload_str(), "secret \u{fffd}");
        let debug = format!("{message:?}");
        assert!(debug.contains("8 bytes") && !debug.contains("secret"), "{debug}");
    }

    #[test]
    fn numbers_are_read_with_blanks_around_them() {
        assert_eq!(Message::new("t", " 21.5\r\n").payload_as::<f64>().ok(), Some(21.5));
        assert_eq!(Message::new("t", -7).payload_as::<i8>().ok(), Some(-7));
        assert_eq!(Message::new("t", " a ").payload_as::<String>().ok().as_deref(), Some(" a "));
        for payload in ["", "abc", "1,5"] {
            let text = Message::new("house/t", payload).payload_as::<f64>().expect_err("no number").to_string();
            for part in ["house/t", "f64", "float", &format!("{payload:?}")] {
                assert!(text.contains(part), "{part:?} is not in {text:?}");
            }
        }
        let text = Message::new("t", b"\xff").payload_as::<f64>().expect_err("no text").to_string();
        assert!(text.contains("utf-8") && text.contains('\u{fffd}'), "{text}");
    }

    #[test]
    fn an_error_quotes_the_start_of_the_payload_only() {
        let text = Message::new("t", "é".repeat(1000)).payload_as::<f64>().expect_err("no number").to_string();
        assert!(text.contains(&format!("\"{}...\"", "é".repeat(QUOTED))), "{text}");
    }

    #[test]
    fn the_time_of_arrival_is_reckoned_back_from_now() {
        let mut message = Message::new("t", "");
        message.timestamp = Instant::now().checked_sub(Duration::from_secs(5)).expect("the machine runs for longer");
        let ago = SystemTime::now().duration_since(message.received_at()).expect("it is past");
        assert!(ago >= Duration::from_secs(5) && ago < Duration::from_secs(60), "{ago:?}");
    }
}
