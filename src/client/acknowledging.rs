//! Acknowledging received messages by hand.

use crate::client::Client;
use crate::types::{Error, Message, Qos, Result, check_qos};

/// # Acknowledging
impl<U: Send + Sync + 'static> Client<U> {
    /// Whether the program acknowledges messages of QoS 1 and 2 itself, with [`ack`](Client::ack), once it has dealt with them
    /// (paho-python: `manual_ack_set`). Default: `false`, a message is acknowledged when its callbacks have returned.
    ///
    /// It counts for messages whose callbacks begin from now on. A message that no callback takes is acknowledged as ever.
    ///
    /// - **Every message must be acknowledged.** MQTT wants the answers in the order of the messages (MQTT-4.6.0-2), so an
    ///   answer waits for those to all messages before it, in whatever order the program gives them. A broker has only so
    ///   many messages unanswered (Mosquitto: `max_inflight_messages`, 20; MQTT 5: the Receive Maximum of `connect`), then it
    ///   waits: that keeps a slow program from being flooded, and one that never acknowledges gets no more messages.
    ///   Everything else goes on.
    /// - **What is not acknowledged comes again** with the next connection to a broker that has kept the session: QoS 1 runs
    ///   the callbacks once more, with [`dup`](Message::dup); QoS 2 does not, and can still be acknowledged.
    /// - `disconnect` does not wait for the program's acknowledgements.
    ///
    /// ```no_run
    /// use std::sync::mpsc::channel;
    /// use std::thread;
    ///
    /// use rappel as pmc;
    ///
    /// # fn write_to_disk(_: &pmc::Message) {}
    /// # fn main() -> pmc::Result<()> {
    /// let client = pmc::Client::builder(pmc::CallbackApiVersion::Version2)
    ///     .client_id("archive")
    ///     .clean_session(false)
    ///     .manual_ack(true)
    ///     .build()?;
    /// let (send, work) = channel::<pmc::Message>();
    /// client.on_message(move |_client, _userdata, msg| Ok(send.send(msg.clone())?));
    /// client.connect("mqttbroker.lan", 1883)?;
    /// client.subscribe("mesures/#", 1)?;
    /// client.loop_start()?;
    /// for msg in work {
    ///     write_to_disk(&msg);
    ///     // A message that is no longer to be acknowledged comes again.
    ///     if let Err(error) = client.ack_message(&msg) {
    ///         eprintln!("{error}");
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn manual_ack_set(&self, on: bool) {
        self.events().queue.unacked.set(on);
    }

    /// Acknowledges the message with this [`mid`](Message::mid) and [`qos`](Message::qos), after
    /// [`manual_ack_set(true)`](Client::manual_ack_set) (paho-python: `ack(mid, qos)`). From any thread, in any order.
    ///
    /// The answer leaves when the message's callbacks have returned and all messages before it are answered. At QoS 0 there is
    /// nothing to answer, and nothing happens. An id can be used again by a session that begins anew: a thread that may be
    /// late calls [`ack_message`](Client::ack_message).
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.manual_ack_set(true);
    /// client.on_message(|client, _userdata, msg| {
    ///     std::fs::write("/var/lib/serre/dernier", &msg.payload)?;
    ///     client.ack(msg.mid, msg.qos)?;
    ///     Ok(())
    /// });
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidQos`]; [`Error::NotAwaitingAck`] for a message that is acknowledged already, whose session is gone,
    /// or that comes again, and without `manual_ack_set`. Python sends the answer all the same, or says nothing.
    pub fn ack(&self, mid: u16, qos: impl Into<i32>) -> Result<()> {
        let qos = check_qos(qos.into())?;
        self.acknowledge(mid, qos, |client| client.events().queue.unacked.release_id(mid, qos))
    }

    /// [`ack`](Client::ack) of exactly this message, or of a clone: never of another one that has come under the same id
    /// since. Not in paho-python.
    ///
    /// ```
    /// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.manual_ack_set(true);
    /// client.on_message(|client, _userdata, msg| {
    ///     let (client, msg) = (client.clone(), msg.clone());
    ///     std::thread::spawn(move || {
    ///         println!("{}", msg.payload_str());
    ///         client.ack_message(&msg)
    ///     });
    /// });
    /// ```
    ///
    /// # Errors
    /// As [`ack`](Client::ack).
    pub fn ack_message(&self, message: &Message) -> Result<()> {
        let Message { mid, qos, number, .. } = *message;
        self.acknowledge(mid, qos, |client| client.events().queue.unacked.release(number))
    }

    fn acknowledge(&self, mid: u16, qos: Qos, release: impl FnOnce(&Self) -> bool) -> Result<()> {
        if qos == Qos::AtMostOnce {
            return Ok(());
        }
        if !release(self) {
            return Err(Error::NotAwaitingAck { mid, qos });
        }
        self.events().network.wake();
        Ok(())
    }
}
