//! What the broker allows on a connection, as its CONNACK said (MQTT 5, section 3.2.2.3).

use crate::mqtt::{Filters, OutgoingMessage, PublishHeader, Request, subscribe_len, unsubscribe_len};
use crate::types::{Error, Properties, Protocol, is_shared};

/// The broker's limits; without any, all that MQTT allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ServerLimits {
    pub(crate) version: Protocol,
    pub(crate) receive_maximum: u16,
    maximum_packet_size: usize,
    maximum_qos: u8,
    retain_available: bool,
    pub(crate) topic_alias_maximum: u16,
    wildcard_subscription_available: bool,
    subscription_identifier_available: bool,
    shared_subscription_available: bool,
}

/// A limit that something of ours passes: the MQTT 5 reason code that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    PacketTooLarge {
        limit: usize,
    },
    RetainNotSupported,
    QosNotSupported {
        maximum: u8,
    },
    /// Only at `publish`: what is queued goes out without its alias where the broker takes none so high.
    TopicAliasTooHigh {
        maximum: u16,
    },
    SharedSubscriptionsNotSupported {
        filter: String,
    },
    SubscriptionIdentifiersNotSupported {
        filter: String,
    },
    WildcardSubscriptionsNotSupported {
        filter: String,
    },
    /// No limit of the broker's: the message waited until its Message Expiry Interval was over.
    Expired {
        topic: String,
    },
    /// No limit that the broker has told: it has hung up on this again and again. The topic, or the filters.
    HungUp {
        name: String,
    },
}

/// Something that was accepted and is given up, and why.
#[derive(Debug)]
pub(crate) enum RefusedItem {
    Message(OutgoingMessage, Refused),
    Request(Request, Refused),
}

impl RefusedItem {
    /// A message that has waited for too long.
    pub(crate) fn expired(message: OutgoingMessage) -> Self {
        let topic = message.topic.to_string();
        RefusedItem::Message(message, Refused::Expired { topic })
    }

    /// A message that the broker has hung up on.
    pub(crate) fn of_message(message: OutgoingMessage) -> Self {
        let name = message.topic.to_string();
        RefusedItem::Message(message, Refused::HungUp { name })
    }

    /// A request that the broker has hung up on.
    pub(crate) fn of_request(request: Request) -> Self {
        let name = request.filter_names().collect::<Vec<_>>().join(", ");
        RefusedItem::Request(request, Refused::HungUp { name })
    }
}

impl Refused {
    /// The reason code with which a broker would have refused it (MQTT 5, section 2.4).
    pub(crate) fn code(&self) -> u8 {
        match self {
            // Implementation specific error: MQTT has none for it.
            Refused::Expired { .. } => 131,
            Refused::PacketTooLarge { .. } => 149,
            Refused::RetainNotSupported => 154,
            Refused::QosNotSupported { .. } => 155,
            Refused::TopicAliasTooHigh { .. } => 148,
            Refused::SharedSubscriptionsNotSupported { .. } => 158,
            Refused::SubscriptionIdentifiersNotSupported { .. } => 161,
            Refused::WildcardSubscriptionsNotSupported { .. } => 162,
            Refused::HungUp { .. } => 131,
        }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        let subscription = |filter, what| Error::SubscriptionNotSupported { filter, what };
        match refused {
            Refused::Expired { topic } => Error::MessageExpired { topic },
            Refused::PacketTooLarge { limit } => Error::PacketTooLarge { limit },
            Refused::RetainNotSupported => Error::RetainNotSupported,
            Refused::QosNotSupported { maximum } => Error::QosNotSupported { maximum },
            Refused::TopicAliasTooHigh { maximum } => Error::TopicAliasTooHigh { maximum },
            Refused::SharedSubscriptionsNotSupported { filter } => {
                subscription(filter, "shared subscriptions ($share/..)")
            }
            Refused::SubscriptionIdentifiersNotSupported { filter } => subscription(filter, "subscription identifiers"),
            Refused::WildcardSubscriptionsNotSupported { filter } => {
                subscription(filter, "wildcards (+ and #) in subscriptions")
            }
            Refused::HungUp { name } => Error::HungUp { name },
        }
    }
}

impl ServerLimits {
    pub(crate) fn new(version: Protocol, connack: &Properties) -> Self {
        ServerLimits {
            version,
            receive_maximum: connack.receive_maximum.unwrap_or(u16::MAX),
            maximum_packet_size: connack.maximum_packet_size.map_or(usize::MAX, |size| size as usize),
            maximum_qos: connack.maximum_qos.unwrap_or(2),
            retain_available: connack.retain_available.unwrap_or(true),
            topic_alias_maximum: connack.topic_alias_maximum.unwrap_or(0),
            wildcard_subscription_available: connack.wildcard_subscription_available.unwrap_or(true),
            subscription_identifier_available: connack.subscription_identifier_available.unwrap_or(true),
            shared_subscription_available: connack.shared_subscription_available.unwrap_or(true),
        }
    }

    /// Why the broker would not take `message`.
    pub(crate) fn check_message(&self, message: &OutgoingMessage) -> Result<(), Refused> {
        self.check_publish(&PublishHeader::of(message, false))
    }

    /// The same of what is no message yet.
    pub(crate) fn check_publish(&self, message: &PublishHeader<'_>) -> Result<(), Refused> {
        if message.qos.value() > self.maximum_qos {
            return Err(Refused::QosNotSupported { maximum: self.maximum_qos });
        }
        if message.retain && !self.retain_available {
            return Err(Refused::RetainNotSupported);
        }
        if self.maximum_packet_size == usize::MAX {
            return Ok(());
        }
        self.check_size(message.packet_len(self.version))
    }

    /// Why the broker would not take topic alias `alias`.
    pub(crate) fn check_alias(&self, alias: u16) -> Result<(), Refused> {
        let maximum = self.topic_alias_maximum;
        if alias > maximum { Err(Refused::TopicAliasTooHigh { maximum }) } else { Ok(()) }
    }

    /// Why the broker would not take `request`.
    pub(crate) fn check_request(&self, request: &Request) -> Result<(), Refused> {
        let size = match &request.filters {
            Filters::Subscribe(filters) => {
                for (filter, _) in filters {
                    self.check_filter(filter, &request.properties)?;
                }
                subscribe_len(self.version, filters, &request.properties)
            }
            Filters::Unsubscribe(filters) => unsubscribe_len(self.version, filters, &request.properties),
        };
        self.check_size(size)
    }

    fn check_filter(&self, filter: &str, properties: &Properties) -> Result<(), Refused> {
        let named = || filter.to_owned();
        if !self.wildcard_subscription_available && filter.contains(['+', '#']) {
            return Err(Refused::WildcardSubscriptionsNotSupported { filter: named() });
        }
        if !self.shared_subscription_available && is_shared(filter) {
            return Err(Refused::SharedSubscriptionsNotSupported { filter: named() });
        }
        if !self.subscription_identifier_available && !properties.subscription_identifier.is_empty() {
            return Err(Refused::SubscriptionIdentifiersNotSupported { filter: named() });
        }
        Ok(())
    }

    /// Why the broker would not take a packet of `size` bytes.
    pub(crate) fn check_size(&self, size: usize) -> Result<(), Refused> {
        let limit = self.maximum_packet_size;
        if size > limit { Err(Refused::PacketTooLarge { limit }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::testing::message;
    use crate::types::Qos;

    fn limits(set: impl FnOnce(&mut Properties)) -> ServerLimits {
        let mut properties = Properties::new();
        set(&mut properties);
        ServerLimits::new(Protocol::V5, &properties)
    }

    #[test]
    fn each_limit_refuses_what_passes_it() {
        let mut retained = message(1, Qos::AtLeastOnce);
        retained.retain = true;
        assert_eq!(limits(|_| {}).check_message(&retained), Ok(()));
        let no_retain = limits(|with| with.retain_available = Some(false));
        assert_eq!(no_retain.check_message(&retained).map_err(|refused| refused.code()), Err(154));
        let qos0 = limits(|with| with.maximum_qos = Some(0));
        assert_eq!(qos0.check_message(&retained).map_err(|refused| refused.code()), Err(155));
        // Fixed header 2, topic 2 + 1, packet id 2, properties 1, payload 1.
        for (size, expected) in [(9, Ok(())), (8, Err(149))] {
            let small = limits(|with| with.maximum_packet_size = Some(size));
            assert_eq!(small.check_message(&retained).map_err(|refused| refused.code()), expected);
        }
    }

    #[test]
    fn subscriptions_have_limits_too() {
        let request = |filter: &str| Request {
            sequence: 1,
            filters: Filters::Subscribe(vec![(filter.into(), 0.into())]),
            properties: Properties::new(),
        };
        let plain = limits(|with| {
            with.wildcard_subscription_available = Some(false);
            with.shared_subscription_available = Some(false);
        });
        assert_eq!(plain.check_request(&request("a/b")), Ok(()));
        assert_eq!(plain.check_request(&request("a/+")).map_err(|refused| refused.code()), Err(162));
        assert_eq!(plain.check_request(&request("$share/g/a")).map_err(|refused| refused.code()), Err(158));
    }
}
