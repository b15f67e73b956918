//! The options of `subscribe`.

use crate::types::{Properties, Qos};

/// How a topic filter is subscribed: QoS, and MQTT 5's choices about own and retained messages.
///
/// A bare `0`, `1`, `2` or a [`Qos`] stands for these options too. The QoS is checked by the call that takes the
/// options. paho-python: `SubscribeOptions`, and the `properties` argument of `subscribe()`.
///
/// ```
/// use rappel::{RetainHandling, SubscribeOptions};
///
/// let options = SubscribeOptions::new().qos(1).no_local(true).retain_handling(RetainHandling::DoNotSend);
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct SubscribeOptions {
    /// The QoS as the user wrote it, not yet checked.
    pub(crate) qos: i32,
    /// Whether the client's own messages stay away.
    pub(crate) no_local: bool,
    /// Whether messages keep the publisher's retain flag.
    pub(crate) retain_as_published: bool,
    /// When the broker sends its retained messages.
    pub(crate) retain_handling: RetainHandling,
    /// MQTT 5 properties of the SUBSCRIBE packet.
    pub(crate) properties: Properties,
}

/// When the broker sends the messages it keeps for a topic that is subscribed (MQTT 5, section 3.8.3.1).
///
/// paho-python: `SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE` and the others.
///
/// ```
/// use rappel::{RetainHandling, SubscribeOptions};
///
/// let only_new_ones = SubscribeOptions::new().retain_handling(RetainHandling::DoNotSend);
/// # let _ = only_new_ones;
/// assert_eq!(RetainHandling::default(), RetainHandling::SendOnSubscribe);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RetainHandling {
    /// At every subscribe; the only behaviour of MQTT 3.1.1. paho-python: `RETAIN_SEND_ON_SUBSCRIBE`.
    #[default]
    SendOnSubscribe = 0,
    /// Only when the subscription is new. paho-python: `RETAIN_SEND_IF_NEW_SUB`.
    SendIfNew = 1,
    /// Never. paho-python: `RETAIN_DO_NOT_SEND`.
    DoNotSend = 2,
}

impl SubscribeOptions {
    /// [`RetainHandling::SendOnSubscribe`], under Python's name.
    ///
    /// ```
    /// use rappel::{RetainHandling, SubscribeOptions};
    ///
    /// assert_eq!(SubscribeOptions::RETAIN_SEND_ON_SUBSCRIBE, RetainHandling::SendOnSubscribe);
    /// ```
    pub const RETAIN_SEND_ON_SUBSCRIBE: RetainHandling = RetainHandling::SendOnSubscribe;
    /// [`RetainHandling::SendIfNew`], under Python's name.
    ///
    /// ```
    /// use rappel::{RetainHandling, SubscribeOptions};
    ///
    /// assert_eq!(SubscribeOptions::RETAIN_SEND_IF_NEW_SUB, RetainHandling::SendIfNew);
    /// ```
    pub const RETAIN_SEND_IF_NEW_SUB: RetainHandling = RetainHandling::SendIfNew;
    /// [`RetainHandling::DoNotSend`], under Python's name.
    ///
    /// ```
    /// use rappel::{RetainHandling, SubscribeOptions};
    ///
    /// assert_eq!(SubscribeOptions::RETAIN_DO_NOT_SEND, RetainHandling::DoNotSend);
    /// ```
    pub const RETAIN_DO_NOT_SEND: RetainHandling = RetainHandling::DoNotSend;

    /// QoS 0 and the behaviour of MQTT 3.1.1.
    ///
    /// ```
    /// use rappel::SubscribeOptions;
    ///
    /// assert_eq!(SubscribeOptions::new(), SubscribeOptions::from(0));
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// The highest level of delivery wanted: `0` (default), `1`, `2` or a [`Qos`]. Another number makes the call that
    /// takes these options fail with [`Error::InvalidQos`](crate::types::Error::InvalidQos).
    ///
    /// ```
    /// use rappel::{Qos, SubscribeOptions};
    ///
    /// assert_eq!(SubscribeOptions::new().qos(1), SubscribeOptions::new().qos(Qos::AtLeastOnce));
    /// ```
    pub fn qos(mut self, qos: impl Into<i32>) -> Self {
        self.qos = qos.into();
        self
    }

    /// `true` to be spared the messages this client publishes itself; default `false`. MQTT 5 only.
    ///
    /// paho-python: `noLocal`.
    ///
    /// ```
    /// let options = rappel::SubscribeOptions::new().qos(1).no_local(true);
    /// # let _ = options;
    /// ```
    #[doc(alias = "noLocal")]
    pub fn no_local(mut self, no_local: bool) -> Self {
        self.no_local = no_local;
        self
    }

    /// `true` to get messages with the retain flag they were published with; default `false`: only messages kept from
    /// before the subscription have it. MQTT 5 only. paho-python: `retainAsPublished`.
    ///
    /// ```
    /// let options = rappel::SubscribeOptions::new().retain_as_published(true);
    /// # let _ = options;
    /// ```
    #[doc(alias = "retainAsPublished")]
    pub fn retain_as_published(mut self, retain_as_published: bool) -> Self {
        self.retain_as_published = retain_as_published;
        self
    }

    /// When retained messages are sent; default [`RetainHandling::SendOnSubscribe`]. MQTT 5 only.
    ///
    /// paho-python: `retainHandling`.
    ///
    /// ```
    /// use rappel::{RetainHandling, SubscribeOptions};
    ///
    /// let options = SubscribeOptions::new().retain_handling(RetainHandling::SendIfNew);
    /// # let _ = options;
    /// ```
    #[doc(alias = "retainHandling")]
    pub fn retain_handling(mut self, retain_handling: RetainHandling) -> Self {
        self.retain_handling = retain_handling;
        self
    }

    /// MQTT 5 properties of the request (a subscription identifier, user properties); default none.
    ///
    /// ```
    /// use rappel::{Properties, SubscribeOptions};
    ///
    /// let numbered = SubscribeOptions::new().qos(1).properties(Properties::new().with_subscription_identifier(7));
    /// # let _ = numbered;
    /// ```
    pub fn properties(mut self, properties: Properties) -> Self {
        self.properties = properties;
        self
    }

    /// Whether anything is set that only MQTT 5 can say.
    pub(crate) fn needs_v5(&self) -> bool {
        self.no_local
            || self.retain_as_published
            || self.retain_handling != RetainHandling::SendOnSubscribe
            || !self.properties.is_empty()
    }
}

impl From<i32> for SubscribeOptions {
    fn from(qos: i32) -> Self {
        Self::new().qos(qos)
    }
}

impl From<u8> for SubscribeOptions {
    fn from(qos: u8) -> Self {
        Self::new().qos(qos)
    }
}

impl From<Qos> for SubscribeOptions {
    fn from(qos: Qos) -> Self {
        Self::new().qos(qos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_qos_works_over_v3() {
        assert_eq!(SubscribeOptions::from(2), SubscribeOptions::from(Qos::ExactlyOnce));
        assert!(!SubscribeOptions::from(2).needs_v5());
        let new = SubscribeOptions::new;
        for options in [
            new().no_local(true),
            new().retain_as_published(true),
            new().retain_handling(RetainHandling::SendIfNew),
            new().properties(Properties::new().with_user_property("a", "b")),
        ] {
            assert!(options.needs_v5(), "{options:?}");
        }
    }
}
