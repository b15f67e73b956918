//! How much of a client's work is under way.

/// What is on its way at this moment, both ways; from [`Client::counters`](crate::Client::counters). Not in paho-python.
///
/// ```
/// let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
/// client.publish("mesures/temperature", 21.5, 1)?;
/// assert_eq!((client.counters().queued, client.counters().in_flight), (1, 0));
/// # Ok::<(), rappel::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Published messages that have yet to go out.
    pub queued: usize,
    /// Published messages that have gone out and are not confirmed.
    pub in_flight: usize,
    /// Received messages of QoS 1 and 2 that are not acknowledged: their callbacks have yet to return, or the program has
    /// yet to call `ack`.
    pub unacknowledged: usize,
    /// Connections made since the first one.
    pub reconnections: u64,
}
