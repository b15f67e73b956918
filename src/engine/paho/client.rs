//! A client of Paho's: made for one client of ours, connected once, to its room.
//!
//! Everything with a process-wide effect stands here or in [`anchor`](super::anchor). Nothing that the user said reaches a client but
//! topics: no name, no password, no will, no payload, no QoS, no property.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};
use std::{io, mem};

use mio::{Events, Interest, Token};
use paho_mqtt::{
    AsyncClient, ConnectOptionsBuilder, ConnectToken, CreateOptionsBuilder, MessageArrivedCallback, MqttVersion,
};

use crate::types::{Error, Result};

use super::door::Door;
use super::packet::{self, Packet};
use super::room::Room;

/// As good as none: the bindings make one second out of zero. Paho multiplies the seconds by 1500 in 32 bits.
const NO_KEEPALIVE: Duration = Duration::from_secs(1_000_000);
/// Paho's own limit, out of the way of [`Connecting::wait`]'s.
const NO_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

const DOOR: Token = Token(0);
const ROOM: Token = Token(1);
const ANSWER: Token = Token(2);

/// A client of Paho's on its way into its room.
///
/// A Unix connection that fails runs its failure callback twice: the socket stays in Paho's set, is found hung up, and
/// the second time the token has been freed. So the tokens of a connection that has not succeeded are forgotten: they
/// keep themselves, and the client, in memory. The door is open before Paho is told to come, so that this is rare.
pub(super) struct Connecting {
    client: AsyncClient,
    /// Paho's answer, and the spare that outlives a second failure.
    answer: Option<(ConnectToken, ConnectToken)>,
    waker: Waker,
    poll: mio::Poll,
    door: Door,
    room: Option<Room>,
}

impl Connecting {
    /// Creates a client and has it connect. `on_message` hears what the room publishes, on Paho's receiving thread, with
    /// Paho's process-wide mutex held: it must not wait, not panic and not call Paho except for `try_publish`.
    ///
    /// # Errors
    /// No descriptor is left, or Paho refuses.
    pub(super) fn start(on_message: Box<MessageArrivedCallback>) -> Result<Connecting> {
        let set_up = || {
            let poll = mio::Poll::new()?;
            let mut door = Door::open()?;
            door.register(poll.registry(), DOOR)?;
            let waker = Waker::from(Arc::new(Answered(mio::Waker::new(poll.registry(), ANSWER)?)));
            // Paho needs one more descriptor, the room another, and Paho two at its very start: without those it would
            // read from descriptor 0 for ever.
            drop((io::pipe()?, io::pipe()?));
            Ok((poll, door.uri()?, door, waker))
        };
        let (poll, uri, door, waker) = set_up().map_err(|error: io::Error| problem("no room for it", error))?;
        let client = CreateOptionsBuilder::new()
            .server_uri(uri)
            .client_id("rappel")
            .persistence(None)
            .mqtt_version(MqttVersion::V3_1_1)
            // Else a message that comes while Paho loses its connection is refused, and with the default of 100 so is a
            // burst.
            .send_while_disconnected(true)
            .allow_disconnected_send_at_anytime(true)
            .max_buffered_messages(i32::MAX)
            .create_client()
            .map_err(|error| problem("no client", error))?;
        // Once, before the client connects: later it would wait for Paho's mutex.
        client.set_message_callback(on_message);
        let options = ConnectOptionsBuilder::with_mqtt_version(MqttVersion::V3_1_1)
            .clean_session(true)
            .keep_alive_interval(NO_KEEPALIVE)
            .connect_timeout(NO_TIMEOUT)
            .finalize();
        let answer = client.connect(options);
        let answer = Some((answer.clone(), answer));
        Ok(Connecting { client, answer, waker, poll, door, room: None })
    }

    /// Lets Paho in, until `deadline`. `None` when it has not come by then; it may be waited for again. `answered` is
    /// called when CONNACK has been written.
    ///
    /// # Errors
    /// Paho could not connect, or does not speak MQTT.
    pub(super) fn wait(&mut self, deadline: Instant, answered: impl Fn()) -> Result<Option<(AsyncClient, Room)>> {
        let mut events = Events::with_capacity(4);
        while let Some((answer, _)) = &mut self.answer {
            match Pin::new(answer).poll(&mut Context::from_waker(&self.waker)) {
                Poll::Ready(Ok(_)) => return self.connected().map_err(|error| problem("no connection", error)),
                Poll::Ready(Err(error)) => return Err(problem("no connection", error)),
                Poll::Pending => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            match self.poll.poll(&mut events, Some(left)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => {
                    if polled.and_then(|()| self.admit()).map_err(|error| problem("no connection", error))? {
                        answered();
                    }
                }
            }
        }
        Ok(None)
    }

    /// Accepts Paho's connection, and its CONNECT. Returns whether that has just been.
    fn admit(&mut self) -> io::Result<bool> {
        let room = match &mut self.room {
            Some(room) => room,
            None => match self.door.accept() {
                Ok(socket) => {
                    let room = self.room.insert(Room::new(socket));
                    self.poll.registry().register(room.socket(), ROOM, Interest::READABLE)?;
                    room
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            },
        };
        let mut asked = false;
        room.read(|packet| asked |= packet == Packet::Connect)?;
        if asked {
            room.say(&packet::CONNACK);
            room.flush()?;
        }
        Ok(asked)
    }

    fn connected(&mut self) -> io::Result<Option<(AsyncClient, Room)>> {
        // Takes Paho's mutex: the callback that told of the connection has returned, and its token no longer holds the
        // client, which must never be dropped there.
        self.client.is_connected();
        drop(self.answer.take());
        let mut room = self.room.take().ok_or(io::ErrorKind::NotConnected)?;
        self.poll.registry().deregister(room.socket())?;
        Ok(Some((self.client.clone(), room)))
    }
}

impl Drop for Connecting {
    fn drop(&mut self) {
        mem::forget(self.answer.take());
    }
}

/// Paho's answer to `connect` is there.
struct Answered(mio::Waker);

impl Wake for Answered {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Err(error) = self.0.wake() {
            log::debug!("Paho's answer may be seen late: {error}");
        }
    }
}

fn problem(what: &str, error: impl std::fmt::Display) -> Error {
    Error::Engine { problem: format!("{what}: {error}") }
}
