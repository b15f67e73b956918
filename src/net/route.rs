//! How a broker is reached, beside its address.

use crate::tls::TlsContext;
use crate::types::Transport;

/// What the next attempts to connect use: each takes its own copy.
#[derive(Debug, Clone, Default)]
pub(crate) struct Route {
    pub(crate) transport: Transport,
    /// How it is encrypted; `None`: not at all.
    pub(crate) tls: Option<TlsContext>,
}
