//! What the outbox needs of a store.

use crate::mqtt::OutgoingMessage;
use crate::types::Result;

/// Keeps messages beyond the end of the program, under their sequence.
pub(crate) trait Persistence: Send + Sync {
    /// Keeps a message, in the place of an earlier one with its sequence; it is safe when this returns.
    fn add(&self, message: &OutgoingMessage) -> Result<()>;
    /// A message is confirmed or given up; soon it will be removed.
    fn remove(&self, sequence: u64);
    /// From now on the broker called `server` has the session in which the messages are sent.
    fn session_with(&self, server: &str);
}
