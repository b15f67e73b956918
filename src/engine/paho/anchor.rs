//! The client of Paho's that stays: made first, connected to a room of its own, never dropped.
//!
//! Without it Paho would stop its threads with each last client, for up to a second, and leak two descriptors. And
//! whatever comes on its connection wakes Paho's receiving thread, which else takes up to a second to notice a new Unix
//! socket.

use std::sync::Mutex;
use std::time::{Duration, Instant};
use std::{io, thread};

use paho_mqtt::AsyncClient;

use crate::sync::lock;
use crate::types::{Error, Result};

use super::client::Connecting;
use super::packet;
use super::room::Room;

/// How long Paho's threads may take to start.
const FIRST: Duration = Duration::from_secs(5);
/// How long they are waited for once they have let that pass.
const AGAIN: Duration = Duration::from_millis(100);
/// What a thread of Paho's takes for its stack where the system's default is the usual one.
const STACK: usize = 8 << 20;

enum Anchor {
    Connected {
        _client: AsyncClient,
        room: Room,
    },
    /// Paho has not answered so far.
    Silent(Connecting),
}

static ANCHOR: Mutex<Option<Anchor>> = Mutex::new(None);

/// Sees to it that Paho runs. `false` when it does not answer, which may be for ever.
///
/// # Errors
/// It cannot run for want of threads or descriptors, for now.
pub(super) fn hold() -> Result<bool> {
    let mut anchor = lock(&ANCHOR);
    let (mut connecting, patience) = match anchor.take() {
        Some(Anchor::Connected { _client, mut room }) => {
            let stands = room.read(|_| ()).and_then(|()| room.flush()).is_ok();
            *anchor = Some(Anchor::Connected { _client, room });
            if stands {
                return Ok(true);
            }
            // The old one stays until the new one is there.
            (Connecting::start(Box::new(|_, _| ()))?, FIRST)
        }
        Some(Anchor::Silent(connecting)) => (connecting, AGAIN),
        None => {
            tell_of_trace();
            afford().map_err(|error| Error::Engine { problem: format!("its threads cannot be started: {error}") })?;
            (Connecting::start(Box::new(|_, _| ()))?, FIRST)
        }
    };
    let connected = connecting.wait(Instant::now() + patience, || ())?;
    let answers = connected.is_some();
    *anchor = Some(match connected {
        Some((_client, room)) => Anchor::Connected { _client, room },
        None => Anchor::Silent(connecting),
    });
    Ok(answers)
}

/// Has Paho's receiving thread look at its sockets anew: it may be watching, for up to a second, those it had before.
pub(super) fn wake_paho() {
    if let Some(Anchor::Connected { room, .. }) = &mut *lock(&ANCHOR) {
        // A ping's answer runs no callback.
        room.say(&packet::PINGRESP);
        if let Err(error) = room.flush() {
            log::debug!("Paho may take a second to notice its new connection: {error}");
        }
    }
}

/// Whether two threads are to be had: Paho takes it as done when it asks for threads and gets none, and then never starts
/// any.
fn afford() -> io::Result<()> {
    let gate = Mutex::new(());
    let gate = &gate;
    let shut = gate.lock();
    thread::scope(|scope| {
        let _shut = shut;
        // One more than Paho needs, for one that has not quite ended.
        for _ in 0..3 {
            thread::Builder::new().stack_size(STACK).spawn_scoped(scope, move || drop(gate.lock()))?;
        }
        Ok(())
    })
}

/// Where a logger takes messages of that target at level info, the bindings have Paho write a line of trace for each
/// packet, which they drop: two thirds of the speed.
fn tell_of_trace() {
    const TARGET: &str = "paho_mqtt_c";
    if log::log_enabled!(target: TARGET, log::Level::Info) {
        log::info!(
            "Paho traces every packet, and is slow for it, because this program's logger takes its target: \
             shut it out, with env_logger by RUST_LOG=info,{TARGET}=off,paho_mqtt=off"
        );
    }
}
