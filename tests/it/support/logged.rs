//! What the library writes to the log: one logger for the whole test binary.
//!
//! All tests share it and run side by side, so a test looks for a text that only it can cause.

use std::sync::{Mutex, Once, PoisonError};

use log::{Level, LevelFilter, Log, Metadata, Record};

use super::wait::{DEADLINE, wait_until};

/// Keeps what the library logs.
struct Keeper;

static LINES: Mutex<Vec<(Level, String)>> = Mutex::new(Vec::new());

impl Log for Keeper {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("rappel")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = (record.level(), record.args().to_string());
            LINES.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }

    fn flush(&self) {}
}

/// Starts to keep the log, levels error to info; call it before what is to be logged.
pub fn keep_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Keeper).expect("no other logger in the tests");
        log::set_max_level(LevelFilter::Info);
    });
}

/// Whether a line of `level` contains all of `parts`.
pub fn is_logged(level: Level, parts: &[&str]) -> bool {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    lines.iter().any(|(of, line)| *of == level && parts.iter().all(|part| line.contains(part)))
}

/// Waits for a line of `level` that contains all of `parts`.
///
/// # Panics
/// When none comes in time.
#[track_caller]
pub fn expect_logged(level: Level, parts: &[&str]) {
    wait_until(&format!("{level} in the log with {parts:?}"), DEADLINE, || is_logged(level, parts));
}

/// The lines of `level` so far that contain all of `parts`, in their order.
pub fn logged(level: Level, parts: &[&str]) -> Vec<String> {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    let wanted = |(of, line): &&(Level, String)| *of == level && parts.iter().all(|part| line.contains(part));
    lines.iter().filter(wanted).map(|(_, line)| line.clone()).collect()
}
