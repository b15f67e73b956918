//! The plain data of the crate: values, options and errors, without sockets, threads or Paho.

mod certificate_problem;
mod connack;
mod counters;
mod duration;
mod engine;
mod error;
mod error_code;
mod flags;
mod host;
mod language;
mod later;
mod log_level;
mod message;
mod notice;
mod options;
mod payload;
mod properties;
mod protocol;
mod qos;
mod reason_code;
mod topic;

pub use certificate_problem::CertificateProblem;
pub use connack::{ConnackCode, ConnackResult, connack_string, convert_connack_rc_to_reason_code};
pub use counters::Counters;
pub use duration::{IntoDuration, IntoTimeout};
pub use engine::Engine;
pub use error::{Error, Result};
pub use error_code::{ErrorCode, convert_disconnect_error_code_to_reason_code, error_string};
pub use flags::{ConnectFlags, DisconnectFlags};
pub use language::{Language, set_language};
pub use log_level::LogLevel;
pub use message::Message;
#[cfg(feature = "websockets")]
pub(crate) use options::HeaderChange;
pub(crate) use options::WebSocketOptions;
pub use options::{
    CertReqs, CleanStart, ConnectOptions, DisconnectOptions, LoopOptions, ProxyOptions, ProxyType, PublishOptions,
    RetainHandling, SubscribeOptions, TlsOptions, TlsVersion,
};
pub use options::{IntoHeaders, WebSocketHeaders};
pub use payload::IntoPayload;
pub use properties::{Properties, PropertyFields};
pub use protocol::{CallbackApiVersion, Protocol, Transport};
pub use qos::Qos;
pub use reason_code::{PacketType, ReasonCode};
pub use topic::topic_matches_sub;

pub(crate) use duration::{GivenDuration, check_duration, check_keepalive, check_timeout, keepalive_seconds};
pub(crate) use error::place;
pub(crate) use host::{check_host, check_socket_path};
pub(crate) use language::{language, tell};
pub(crate) use later::later;
pub(crate) use log_level::LOG_TARGET;
pub(crate) use notice::Notice;
pub(crate) use options::Bind;
#[cfg(feature = "tls")]
pub(crate) use options::PemSource;
pub(crate) use payload::{MAX_PAYLOAD, check_payload};
pub(crate) use properties::PropertyHome;
pub(crate) use qos::check_qos;
pub(crate) use topic::{check_filter, check_text, check_topic, is_shared};
