//! The options of `publish` and `will_set`.

use std::time::Duration;

use crate::types::{GivenDuration, IntoTimeout, Properties, Qos, Result, check_duration};

/// How a message is published: QoS, retain flag, properties.
///
/// A bare `0`, `1`, `2` or a [`Qos`] stands for these options too. The QoS is checked by the call that takes the
/// options. paho-python: the arguments of `publish()` and `will_set()` after the payload.
///
/// ```
/// use rappel::PublishOptions;
///
/// let options = PublishOptions::new().qos(1).retain(true);
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use]
pub struct PublishOptions {
    /// The QoS as the user wrote it, not yet checked.
    pub(crate) qos: i32,
    /// Whether the broker keeps the message for later subscribers.
    pub(crate) retain: bool,
    /// MQTT 5 properties of the PUBLISH packet or of the will.
    pub(crate) properties: Properties,
    /// Whether a newer message of the same topic replaces this one in the queue while offline.
    pub(crate) keep_latest: bool,
    /// How long to wait for room in the queue, not yet checked: not at all, for as long as it takes, or so long.
    room: Option<Option<GivenDuration>>,
}

impl PublishOptions {
    /// QoS 0, not retained, no properties.
    ///
    /// ```
    /// use rappel::PublishOptions;
    ///
    /// assert_eq!(PublishOptions::new(), PublishOptions::from(0));
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// The level of delivery: `0` (default), `1`, `2` or a [`Qos`]. Another number makes the call that takes these
    /// options fail with [`Error::InvalidQos`](crate::types::Error::InvalidQos).
    ///
    /// ```
    /// use rappel::{PublishOptions, Qos};
    ///
    /// assert_eq!(PublishOptions::new().qos(1), PublishOptions::new().qos(Qos::AtLeastOnce));
    /// ```
    pub fn qos(mut self, qos: impl Into<i32>) -> Self {
        self.qos = qos.into();
        self
    }

    /// Whether the broker keeps the message and gives it to later subscribers; default `false`.
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// use rappel::PublishOptions;
    ///
    /// client.publish("serre/etat", "en marche", PublishOptions::new().qos(1).retain(true))?;
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn retain(mut self, retain: bool) -> Self {
        self.retain = retain;
        self
    }

    /// MQTT 5 properties of the message; default none. Over MQTT 3.1.1 the call fails with
    /// [`Error::PropertiesNeedV5`](crate::types::Error::PropertiesNeedV5) if there are any.
    ///
    /// ```
    /// use rappel::{CallbackApiVersion, Client, Properties, Protocol, PublishOptions};
    ///
    /// let client = Client::builder(CallbackApiVersion::Version2).protocol(Protocol::V5).build()?;
    /// let half_a_minute = Properties::new().with_message_expiry_interval(30);
    /// client.publish("serre/alarme", "gel", PublishOptions::new().qos(1).properties(half_a_minute))?;
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn properties(mut self, properties: Properties) -> Self {
        self.properties = properties;
        self
    }

    /// While offline, a newer message of the same topic replaces the queued one.
    ///
    /// For measurements of which only the last is worth sending once the connection is back. Not in paho-python.
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// use rappel::PublishOptions;
    ///
    /// // Without a connection: of these three, the last one is kept.
    /// for celsius in [20.5, 20.7, 21.1] {
    ///     client.publish("serre/temperature", celsius, PublishOptions::new().qos(1).keep_latest())?;
    /// }
    /// assert_eq!(client.unconfirmed_messages(), 1);
    /// # Ok::<(), rappel::Error>(())
    /// ```
    pub fn keep_latest(mut self) -> Self {
        self.keep_latest = true;
        self
    }

    /// Where the queue is full ([`max_queued_messages_set`](crate::Client::max_queued_messages_set),
    /// [`max_queued_bytes_set`](crate::Client::max_queued_bytes_set)), has `publish` wait for room up to `timeout`, in seconds
    /// or as a [`Duration`]; `None` waits as long as it takes. Without it, after the time, and where no connection is wanted that
    /// could make room, `publish` fails.
    ///
    /// For a program that produces faster than the network takes. Where no loop runs, `publish` runs it meanwhile. Not in
    /// paho-python.
    ///
    /// ```no_run
    /// use rappel as pmc;
    ///
    /// # fn main() -> pmc::Result<()> {
    /// # let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    /// client.max_queued_messages_set(1000);
    /// for line in std::io::stdin().lines().map_while(Result::ok) {
    ///     client.publish("journal", line, pmc::PublishOptions::new().qos(1).wait_for_room(None))?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_for_room(mut self, timeout: impl IntoTimeout) -> Self {
        self.room = Some(timeout.into_timeout());
        self
    }

    /// Whether it is a message of QoS 0, for which nothing else is asked but perhaps to be retained.
    pub(crate) fn is_plain(&self) -> bool {
        self.qos == 0 && self.properties.is_empty() && !self.keep_latest && self.room.is_none()
    }

    /// The wait asked for, checked.
    pub(crate) fn checked_room(&self) -> Result<Option<Option<Duration>>> {
        let check = |given: GivenDuration| check_duration("wait_for_room", given);
        self.room.map(|timeout| timeout.map(check).transpose()).transpose()
    }
}

impl From<i32> for PublishOptions {
    fn from(qos: i32) -> Self {
        Self::new().qos(qos)
    }
}

impl From<u8> for PublishOptions {
    fn from(qos: u8) -> Self {
        Self::new().qos(qos)
    }
}

impl From<Qos> for PublishOptions {
    fn from(qos: Qos) -> Self {
        Self::new().qos(qos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_qos_is_enough() {
        let expected = PublishOptions::new().qos(1);
        assert_eq!(PublishOptions::from(1), expected);
        assert_eq!(PublishOptions::from(1_u8), expected);
        assert_eq!(PublishOptions::from(Qos::AtLeastOnce), expected);
        assert_eq!(PublishOptions::from(7).qos, 7);
    }
}
