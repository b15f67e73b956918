//! Looking at a client: how much is under way, and what went wrong last.

use crate::client::Client;
use crate::types::{Counters, Error};

/// # Counters and errors
impl<U: Send + Sync + 'static> Client<U> {
    /// How much is under way. Not in paho-python.
    ///
    /// ```
    /// let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// println!("{:?}", client.counters());
    /// ```
    #[must_use]
    pub fn counters(&self) -> Counters {
        let events = self.events();
        let (queued, in_flight) = events.outbox.counts();
        let (unacknowledged, reconnections) = (events.network.unacknowledged(), events.reconnections());
        Counters { queued, in_flight, unacknowledged, reconnections }
    }

    /// Why a connection ended last, or could not be made: `None` as long as all went as the program wanted. It stays, also
    /// when the client is connected again, until the next one takes its place. Not in paho-python.
    ///
    /// ```no_run
    /// let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
    /// client.on_disconnect(|client, _userdata, _flags, _code, _properties| {
    ///     if let Some(error) = client.last_error() {
    ///         println!("{error}");
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn last_error(&self) -> Option<Error> {
        self.events().last_error()
    }
}
