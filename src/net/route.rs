//! How a broker is reached, beside its address.

use std::sync::{Arc, Mutex};

use crate::mqtt::MemoryBroker;
use crate::tls::TlsContext;
#[cfg(feature = "websockets")]
use crate::types::WebSocketOptions;
use crate::types::{ProxyOptions, Transport};

/// What the next attempts to connect use: each takes its own copy.
#[derive(Debug, Clone, Default)]
pub(crate) struct Route {
    pub(crate) transport: Transport,
    /// How it is encrypted; `None`: not at all.
    pub(crate) tls: Option<TlsContext>,
    #[cfg(feature = "websockets")]
    pub(crate) websocket: WebSocketOptions,
    /// `None` where the environment says whether there is one.
    pub(crate) proxy: Option<ProxyOptions>,
    /// A broker in memory; nothing of the above counts then.
    pub(crate) recorder: Option<Arc<Mutex<dyn MemoryBroker>>>,
}
