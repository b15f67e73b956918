//! What a connection says to the log: its packets, where somebody listens, and what goes wrong.

use std::fmt::Display;
use std::sync::Arc;

use super::Connection;
use crate::mqtt::{Packet, packet_log};
use crate::types::{LogLevel, Protocol};

impl Connection {
    /// Says something to the log.
    pub(super) fn notice(&mut self, level: LogLevel, line: &dyn Display) {
        let queue = Arc::clone(&self.queue);
        if let Some(event) = queue.log.notice(level, line.to_string()) {
            self.tell(event);
        }
    }

    /// A packet of the broker's goes to the log, if somebody listens.
    pub(super) fn log_received(&mut self, version: Protocol, packet: &Packet) {
        if self.queue.log.is_on()
            && let Some(event) = self.queue.log.packet(packet_log::received(version, packet))
        {
            self.tell(event);
        }
    }

    /// What was put into the send buffer since the last call goes to the log, if somebody listens.
    pub(super) fn log_sent(&mut self) {
        for text in self.out.take_texts() {
            if let Some(event) = self.queue.log.packet(text) {
                self.tell(event);
            }
        }
    }

    /// Has the texts of packets kept from now on, if somebody listens to the log.
    pub(super) fn listen(&mut self, version: Protocol) {
        self.out.log(self.queue.log.is_on().then_some(version));
    }
}
