//! What moves a client's messages between its queue and its session with the broker.

use std::fmt;

/// What moves messages between `publish`, the callbacks and the session with the broker.
///
/// Behaviour is the same on both: sessions, quality of service, limits and reconnection are not the engine's business.
/// Chosen with [`ClientBuilder::engine`](crate::ClientBuilder::engine), and never taken from the environment.
///
/// ```
/// use rappel::Engine;
///
/// assert_eq!(Engine::Paho.to_string(), "paho");
/// assert_eq!(Engine::Native.to_string(), "native");
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Through Eclipse Paho C, by the `paho-mqtt` bindings. Needs the feature `paho`, which is on by default; with it
    /// this is the engine of a client that was not told otherwise.
    Paho,
    /// In Rust alone. Needs no feature: it is always there, and the engine of every client without the feature `paho`.
    Native,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Paho => "paho",
            Self::Native => "native",
        })
    }
}
