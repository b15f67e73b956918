//! What the loop says to the log, and brings to `on_log`.

use std::fmt::Display;

use crate::callbacks::{AnyClient, Fault, Subject};
use crate::event_loop::EventLoop;
use crate::guarded::guarded;
use crate::types::{LOG_TARGET, LogLevel, Notice};

impl EventLoop {
    /// Logs a line, also to `on_log`. Needs the loop's lock.
    pub(super) fn say(&self, client: &dyn AnyClient, level: LogLevel, line: &dyn Display) {
        let text = line.to_string();
        log::log!(target: LOG_TARGET, level.into(), "{text}");
        self.tell_log(client, level, &text);
    }

    /// A callback has returned; where it has failed, the log knows.
    pub(super) fn blame(&self, client: &dyn AnyClient, fault: Fault) {
        if let Some(text) = fault.flatten() {
            self.tell_log(client, LogLevel::Error, &text);
        }
    }

    /// A line has come from the network.
    pub(super) fn log_arrived(&self, client: &dyn AnyClient, level: LogLevel, text: &str) {
        self.tell_log(client, level, text);
        let count = self.queue.log.arrived(text);
        if count > 0 {
            self.tell_log(client, LogLevel::Warning, &Notice::LinesLeftOut { count }.to_string());
        }
    }

    fn tell_log(&self, client: &dyn AnyClient, level: LogLevel, text: &str) {
        if !self.queue.log.has_callback() {
            return;
        }
        let userdata = client.userdata();
        let subject = Subject { client, userdata: &*userdata };
        // Its own faults are not for itself.
        self.callbacks.log.call(|callback| guarded(|| "on_log".into(), || callback(subject, level, text)));
    }
}
