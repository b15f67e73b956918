//! What `on_log` and the logger are to hear, from the threads on which it happens.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use crate::event::Event;
use crate::types::{LOG_TARGET, LogLevel};

/// Bytes of lines that may wait for `on_log`. What is more is counted and left out.
const ROOM: usize = 1024 * 1024;

/// `on_log` is registered.
const CALLBACK: u8 = 1;
/// `enable_logger` was called.
const LOGGER: u8 = 2;

/// Who listens to the log of a client, and what waits for `on_log`.
#[derive(Debug, Default)]
pub(crate) struct LogTap {
    listeners: AtomicU8,
    /// Bytes of lines on their way to `on_log`.
    waiting: AtomicUsize,
    left_out: AtomicUsize,
}

impl LogTap {
    pub(crate) fn callback_set(&self, registered: bool) {
        self.listen(CALLBACK, registered);
    }

    pub(crate) fn logger_set(&self, enabled: bool) {
        self.listen(LOGGER, enabled);
    }

    fn listen(&self, who: u8, on: bool) {
        match on {
            true => self.listeners.fetch_or(who, Ordering::Relaxed),
            false => self.listeners.fetch_and(!who, Ordering::Relaxed),
        };
    }

    /// Whether somebody wants to hear of packets.
    pub(crate) fn is_on(&self) -> bool {
        self.listeners.load(Ordering::Relaxed) != 0
    }

    pub(crate) fn has_callback(&self) -> bool {
        self.listeners.load(Ordering::Relaxed) & CALLBACK != 0
    }

    /// A packet has come or gone. The event for `on_log`, if it wants one.
    pub(crate) fn packet(&self, text: String) -> Option<Event> {
        if self.listeners.load(Ordering::Relaxed) & LOGGER != 0 {
            log::debug!(target: LOG_TARGET, "{text}");
        }
        self.admit(LogLevel::Debug, text)
    }

    /// Something is to be said whoever listens. The event for `on_log`, if it wants one.
    pub(crate) fn notice(&self, level: LogLevel, text: String) -> Option<Event> {
        log::log!(target: LOG_TARGET, level.into(), "{text}");
        self.admit(level, text)
    }

    fn admit(&self, level: LogLevel, text: String) -> Option<Event> {
        if !self.has_callback() {
            return None;
        }
        if self.waiting.load(Ordering::Relaxed) + text.len() > ROOM {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.waiting.fetch_add(text.len(), Ordering::Relaxed);
        Some(Event::Log { level, text })
    }

    /// A line has come to `on_log`. How many were left out, once no other line waits.
    pub(crate) fn arrived(&self, text: &str) -> usize {
        let before = self.waiting.fetch_sub(text.len(), Ordering::Relaxed);
        if before > text.len() { 0 } else { self.left_out.swap(0, Ordering::Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_nobody_hears_are_bounded_and_counted() {
        let tap = LogTap::default();
        assert!(!tap.is_on() && tap.packet("a".into()).is_none());
        tap.callback_set(true);
        let line = "x".repeat(ROOM / 4);
        let admitted = (0..6).filter(|_| tap.packet(line.clone()).is_some()).count();
        assert_eq!(admitted, 4);
        assert_eq!([0; 4].map(|_| tap.arrived(&line)), [0, 0, 0, 2]);
        assert!(tap.packet(line).is_some(), "there is room again");
    }
}
