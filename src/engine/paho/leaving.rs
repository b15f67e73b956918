//! Drops clients of Paho's, on a thread that may wait: an engine is dropped on the network thread, and a client must
//! not be dropped there (it takes Paho's process-wide mutex) nor on a thread of Paho's (which holds it: a deadlock).
//!
//! One thread sees off whoever is in line, and ends.

use std::sync::{Arc, Mutex, MutexGuard};

use crate::sync::{lock, spawn};

use super::pump::{Hand, Pump};
use super::room::Room;

/// Who leaves.
#[derive(Debug)]
pub(super) enum Guest {
    /// An engine. Paho leaves before its room closes.
    Engine(Arc<Pump>, Room),
    /// A client that takes no more messages. Its room sees it leave.
    Client(Hand),
}

#[derive(Debug)]
struct Line {
    guests: Vec<Guest>,
    /// A thread is about it.
    attended: bool,
}

static LINE: Mutex<Line> = Mutex::new(Line { guests: Vec::new(), attended: false });

fn line() -> MutexGuard<'static, Line> {
    lock(&LINE)
}

/// Sees a guest off, soon. Returns at once.
pub(super) fn leave(guest: Guest) {
    let mut line = line();
    line.guests.push(guest);
    if line.attended {
        return;
    }
    line.attended = true;
    drop(line);
    if let Err(error) = spawn("rappel-paho-end", Box::new(attend)) {
        log::debug!("no thread to drop a client of Paho's on ({error}); the next one that leaves takes it along");
        self::line().attended = false;
    }
}

fn attend() {
    loop {
        let guests = {
            let mut line = line();
            line.attended = !line.guests.is_empty();
            std::mem::take(&mut line.guests)
        };
        if guests.is_empty() {
            return;
        }
        guests.into_iter().for_each(see_off);
    }
}

fn see_off(guest: Guest) {
    match guest {
        Guest::Engine(pump, room) => {
            drop(pump.close());
            drop(room);
        }
        Guest::Client(hand) => drop(hand),
    }
}
