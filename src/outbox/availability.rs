//! "online" and "offline": retained messages that say whether the client is there.

use crate::outbox::draft::Draft;
use crate::outbox::queue::Queue;
use crate::types::{Properties, Qos};

/// What Home Assistant expects by default.
pub(super) const ONLINE: &str = "online";
/// The same for a client that leaves, and for its will.
pub(crate) const OFFLINE: &str = "offline";

impl Queue {
    /// A connection stands.
    pub(super) fn tell_online(&mut self) {
        self.is_told_online = self.tell(ONLINE);
    }

    /// The connection is about to end in order.
    pub(super) fn tell_offline(&mut self) {
        if std::mem::take(&mut self.is_told_online) {
            self.tell(OFFLINE);
        }
    }

    /// Puts `state` in line, if the program wants it told. No limit of the program's is for this message.
    fn tell(&mut self, state: &'static str) -> bool {
        let Some(topic) = self.availability.clone() else {
            return false;
        };
        if self.is_numbering {
            self.to_tell = Some(state);
            return true;
        }
        self.push_unchecked(Draft {
            topic,
            payload: state.as_bytes().to_vec().into(),
            qos: Qos::AtLeastOnce,
            retain: true,
            properties: Properties::new(),
            keep_latest: false,
            expires_at: None,
        });
        true
    }

    /// The message that had its number is in line, or will not be.
    pub(super) fn numbering_done(&mut self) {
        self.is_numbering = false;
        if let Some(state) = self.to_tell.take() {
            self.tell(state);
        }
    }
}
