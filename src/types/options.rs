//! The options of the calls that take more than their required arguments.

mod connect_options;
mod disconnect_options;
mod loop_options;
mod proxy_options;
mod publish_options;
mod subscribe_options;
mod tls_options;
mod web_socket_options;

pub(crate) use connect_options::Bind;
pub use connect_options::{CleanStart, ConnectOptions};
pub use disconnect_options::DisconnectOptions;
pub use loop_options::LoopOptions;
pub use proxy_options::{ProxyOptions, ProxyType};
pub use publish_options::PublishOptions;
pub use subscribe_options::{RetainHandling, SubscribeOptions};
#[cfg(feature = "tls")]
pub(crate) use tls_options::PemSource;
pub use tls_options::{CertReqs, TlsOptions, TlsVersion};
#[cfg(feature = "websockets")]
pub(crate) use web_socket_options::HeaderChange;
pub(crate) use web_socket_options::WebSocketOptions;
pub use web_socket_options::{IntoHeaders, WebSocketHeaders};
