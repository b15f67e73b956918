//! Topic aliases of one connection: a number in place of a topic (MQTT 5, section 3.3.2.3.4).

use std::collections::HashMap;

use crate::mqtt::{ProtocolError, Publish};

/// Aliases that the broker has set.
#[derive(Debug, Default)]
pub(crate) struct InboundAliases {
    /// What our CONNECT allows.
    maximum: u16,
    topics: HashMap<u16, String>,
}

impl InboundAliases {
    pub(crate) fn new(maximum: u16) -> Self {
        InboundAliases { maximum, topics: HashMap::new() }
    }

    /// Fills in the topic that an alias stands for, or takes note of it.
    pub(crate) fn resolve(&mut self, publish: &mut Publish) -> Result<(), ProtocolError> {
        const TOPIC_ALIAS_INVALID: u8 = 0x94;
        let Some(alias) = publish.properties.topic_alias else {
            return Ok(());
        };
        if alias == 0 || alias > self.maximum {
            let problem = "a topic alias is larger than CONNECT allows";
            return Err(ProtocolError { code: TOPIC_ALIAS_INVALID, problem });
        }
        if publish.topic.is_empty() {
            let problem = "a topic alias was never set";
            let topic = self.topics.get(&alias).ok_or(ProtocolError { code: TOPIC_ALIAS_INVALID, problem })?;
            publish.topic.clone_from(topic);
        } else {
            self.topics.insert(alias, publish.topic.clone());
        }
        Ok(())
    }
}

/// Aliases that we have set.
#[derive(Debug, Default)]
pub(crate) struct OutboundAliases {
    /// What CONNACK allows.
    maximum: u16,
    topics: HashMap<u16, String>,
}

impl OutboundAliases {
    pub(crate) fn new(maximum: u16) -> Self {
        OutboundAliases { maximum, topics: HashMap::new() }
    }

    /// Whether this connection knows aliases up to `alias`.
    pub(crate) fn allow(&self, alias: u16) -> bool {
        alias <= self.maximum
    }

    /// Whether `alias` may be sent in place of `topic`; from now on it may.
    pub(crate) fn stand_for(&mut self, alias: u16, topic: &str) -> bool {
        if !self.allow(alias) {
            return false;
        }
        if self.topics.get(&alias).is_some_and(|known| known == topic) {
            return true;
        }
        self.topics.insert(alias, topic.to_owned());
        false
    }
}
