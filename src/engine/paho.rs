//! The engine that sends every message through Paho: `paho_mqtt::AsyncClient`, the bindings to the Eclipse Paho C
//! library. Everything that exists because of Paho is here, and nothing else.
//!
//! Each client has one `AsyncClient` for its whole life. What it is connected to is not the broker but a *room* inside
//! this process: a Unix socket whose other end is this engine. Messages pass through Paho both ways, at QoS 0, as
//! *tickets*: outwards the topic and, for a payload, the message's sequence; inwards a number alone.
//!
//! ```text
//!  outbox ─► pump ─► Paho's sending thread ──► room ─► "up to this sequence" ─► session ─► broker
//!  events ◄─ transit ◄─ Paho's receiving thread ◄── room ◄─ one ticket a message ◄─ session ◄─ broker
//! ```
//!
//! Payloads stay here, and so do names, passwords, wills, properties and QoS: the session does MQTT on both engines.
//! So no fault of Paho's can lose, double or reveal anything: it holds numbers. Lost numbers are made good by the
//! next one (a ticket stands for all before it), a lost Paho by doing without.
//!
//! What shapes this code, in Paho C 1.3.16 and paho-mqtt 0.14:
//! - At QoS 1 and 2 a PUBLISH whose write fails is freed twice (eclipse-paho/paho.mqtt.c #1621, #1622): QoS 0 only, and
//!   the socket is one that this process reads ([`room`]).
//! - Callbacks run with a process-wide mutex held: nothing in them waits, and the network thread never calls Paho
//!   ([`pump`], [`leaving`]).
//! - A write that does not fit is tried again once a second: few messages at a time ([`pump`]).
//! - A new Unix socket is noticed after up to a second, a last client costs as long and two descriptors, threads that
//!   could not be started are never started again ([`anchor`]).
//! - A Unix connection that fails uses freed memory ([`client`]).
//! - Paho's end of the socket is inherited by child processes: nothing of the user's goes inwards ([`packet`]).

mod anchor;
mod client;
mod door;
mod leaving;
mod own_process;
mod packet;
mod pump;
mod room;
#[cfg(test)]
mod testing;
#[cfg(all(test, unix))]
mod tests;
mod transit;
#[cfg(unix)]
mod unix_door;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Interest, Registry, Token};
use paho_mqtt::Message;

use crate::engine::{Engine, Intake};
use crate::event::{Event, EventQueue};
use crate::outbox::Outbox;
use crate::types::Result;

use self::client::Connecting;
use self::leaving::Guest;
use self::packet::Packet;
use self::pump::{Hand, Pump, WITHOUT_PAHO};
use self::room::Room;
use self::transit::Transit;

/// How long Paho may take to connect to its room. It takes a millisecond.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes the engine of one client, and its publishers' end. Takes a few milliseconds: not for the network thread.
///
/// # Errors
/// There are no threads or no descriptors for Paho, for now.
pub(crate) fn start(outbox: &Arc<Outbox>, queue: &Arc<EventQueue>) -> Result<(Box<dyn Engine>, Arc<dyn Intake>)> {
    let pump = Pump::new();
    let transit = Arc::new(Transit::new(Arc::clone(queue)));
    let room = enter(&pump, &transit, outbox)?;
    let mut engine = Box::new(Paho { room, pump: Arc::clone(&pump), transit, collectable: 0 });
    if engine.room.is_none() {
        log::error!("Paho does not answer: messages go on without it");
        engine.go_without();
    }
    Ok((engine, pump))
}

/// A room with a client of Paho's in it; `None` where Paho does not answer.
fn enter(pump: &Arc<Pump>, transit: &Arc<Transit>, outbox: &Arc<Outbox>) -> Result<Option<Room>> {
    if !anchor::hold()? {
        return Ok(None);
    }
    let (for_credits, for_tickets) = (Arc::clone(pump), Arc::clone(transit));
    let on_message = move |_: &_, message: Option<Message>| {
        let Some(message) = message else { return };
        match message.payload().try_into() {
            Ok(ticket) if message.topic() == packet::LAST => for_tickets.release(u64::from_be_bytes(ticket)),
            Ok(_) => {}
            Err(_) => for_credits.credit(),
        }
    };
    let mut connecting = Connecting::start(Box::new(on_message))?;
    Ok(connecting.wait(Instant::now() + PATIENCE, anchor::wake_paho)?.map(|(client, room)| {
        pump.open(Hand { client, outbox: Arc::clone(outbox) });
        room
    }))
}

/// One client's way through Paho, as the connection sees it.
#[derive(Debug)]
struct Paho {
    /// `None` once Paho is lost.
    room: Option<Room>,
    pump: Arc<Pump>,
    transit: Arc<Transit>,
    /// The highest ticket that has come through the room.
    collectable: u64,
}

impl Engine for Paho {
    fn collectable(&self) -> u64 {
        self.collectable
    }

    fn deliver(&mut self, events: &mut Vec<Event>) {
        let last = self.transit.enter(events);
        match &mut self.room {
            Some(room) => {
                room.send_tickets(last);
                if let Err(error) = room.flush() {
                    // The socket is about to say so itself.
                    log::debug!("Paho does not take tickets: {error}");
                }
            }
            None => self.transit.release(last),
        }
    }

    fn appended(&mut self) {
        let Some(room) = &mut self.room else { return };
        // What answers a credit looks into the outbox, on a thread of Paho's.
        room.send_credit();
        if let Err(error) = room.flush() {
            log::debug!("Paho does not take a credit: {error}");
        }
    }

    fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match &mut self.room {
            Some(room) => registry.register(room.socket(), token, Interest::READABLE | Interest::WRITABLE),
            None => Ok(()),
        }
    }

    fn ready(&mut self) {
        let Some(room) = &mut self.room else { return };
        let mut highest = self.collectable;
        let heard = room.read(|packet| {
            if let Packet::Ticket(ticket) = packet {
                highest = ticket.max(highest);
            }
        });
        if highest > self.collectable {
            self.collectable = highest;
            if self.pump.collected(highest) {
                room.send_credit();
            }
        }
        if let Err(error) = heard.and_then(|()| room.flush()) {
            log::error!("Paho is lost ({error}): messages go on without it");
            self.go_without();
        }
    }
}

impl Paho {
    /// What is in transit has arrived. Paho leaves, on a thread that may wait.
    fn go_without(&mut self) {
        self.collectable = WITHOUT_PAHO;
        self.pump.without_paho();
        self.transit.release(WITHOUT_PAHO);
        if let Some(room) = self.room.take() {
            leaving::leave(Guest::Engine(Arc::clone(&self.pump), room));
        }
    }
}

impl Drop for Paho {
    fn drop(&mut self) {
        self.go_without();
    }
}
