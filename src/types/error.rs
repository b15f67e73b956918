//! Everything that can go wrong, each with what happened, the likely cause and the remedy.

mod code;
mod hints;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::types::{Properties, ReasonCode};

/// The result of a call of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call failed. The message (`Display`) says what happened and what to do about it.
///
/// Where Python raises `ValueError` or `OSError` or returns a number, there is a variant here;
/// [`code`](Self::code) gives Python's number.
///
/// ```
/// use rappel::{ErrorCode, Qos};
///
/// let error = Qos::try_from(3).unwrap_err();
/// assert_eq!(error.to_string(), "QoS 3 does not exist: use 0, 1 or 2");
/// assert_eq!(error.code(), ErrorCode::Inval);
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `publish`, `will_set`: the topic is `""`.
    #[error("the topic is empty: give the name of a topic, such as \"house/temperature\"")]
    EmptyTopic,

    /// `publish`, `will_set`: wildcards are for subscriptions only.
    #[error("topic {topic:?} contains a wildcard (+ or #): publish to one exact topic; wildcards are for subscribe")]
    WildcardInTopic {
        /// The topic given.
        topic: String,
    },

    /// Any call that takes text: MQTT does not allow U+0000 in it.
    #[error("{what} {text:?} contains a NUL character, which MQTT forbids: remove it")]
    NulInText {
        /// What the text was given as, for example "topic".
        what: &'static str,
        /// The text.
        text: String,
    },

    /// Any call that takes text: more than 65,535 bytes of UTF-8.
    #[error("{what} is {len} bytes long, but MQTT sends at most 65535: shorten it")]
    TextTooLong {
        /// What the text was given as, for example "topic".
        what: &'static str,
        /// Its length in bytes.
        len: usize,
    },

    /// `subscribe`, `unsubscribe`, `message_callback_add`: the filter is not well formed.
    #[error("topic filter {filter:?} is not valid: {problem}")]
    InvalidFilter {
        /// The filter given.
        filter: String,
        /// What is wrong with it.
        problem: &'static str,
    },

    /// `subscribe_many`, `unsubscribe_many`: the list is empty.
    #[error("the list of topic filters is empty: give at least one")]
    NoFilter,

    /// `publish`, `subscribe`, `will_set`, `Qos::try_from`: not 0, 1 or 2.
    #[error("QoS {qos} does not exist: use 0, 1 or 2")]
    InvalidQos {
        /// The number given.
        qos: i32,
    },

    /// `publish`, `will_set`: no MQTT packet can hold it.
    #[error("the payload has {len} bytes, but at most {limit} fit in one MQTT message: split it over several messages")]
    PayloadTooLarge {
        /// Its length in bytes.
        len: usize,
        /// The most bytes possible, here.
        limit: usize,
    },

    /// `Message::payload_as`: the payload is not what was expected.
    #[error("the payload {payload:?} on topic {topic:?} is not a {wanted}: {problem}")]
    InvalidPayload {
        /// The topic of the message.
        topic: String,
        /// The start of its payload.
        payload: String,
        /// The type asked for.
        wanted: &'static str,
        /// Why it could not be read.
        problem: String,
    },

    /// Waiting for a message that a newer one of the same topic has replaced while the client was offline
    /// (`PublishOptions::keep_latest`).
    #[error("a newer message on the same topic took this one's place in the queue, as keep_latest() asks")]
    Replaced,
    /// `publish`: as many messages wait as `max_queued_messages_set` allows.
    #[error(
        "the queue is full: {limit} messages wait to be sent; is the broker reachable? Publish more slowly, or raise max_queued_messages_set (0 = no limit)"
    )]
    QueueFull {
        /// The limit that was set.
        limit: usize,
    },

    /// Any call that takes properties: MQTT 5 does not allow this one there.
    #[error("property {property} is not valid: {problem}")]
    InvalidProperty {
        /// Its name in Rust, for example "topic_alias".
        property: &'static str,
        /// What is wrong with it.
        problem: String,
    },

    /// Any call that takes properties or options of MQTT 5, on a client of MQTT 3.1.1.
    #[error(
        "properties and MQTT 5 options cannot be sent over MQTT 3.1.1: build the client with .protocol(Protocol::V5), or leave them out"
    )]
    PropertiesNeedV5,

    /// `connect`, `connect_async`: the host is empty or cannot be a name.
    #[error(
        "host {host:?} is not valid: give a name such as \"mqttbroker.lan\" or an address such as \"10.10.10.23\", without \"mqtt://\" and without port"
    )]
    InvalidHost {
        /// The host given.
        host: String,
    },

    /// `connect`, `connect_async`: port 0.
    #[error("port 0 is not valid: use 1 to 65535; MQTT brokers usually listen on 1883 (8883 with TLS)")]
    InvalidPort,

    /// `connect`, `connect_async`, `keepalive_set`: not a number of seconds that MQTT can send.
    #[error("a keepalive of {seconds} s is not valid: use 1 to 65535 whole seconds, or 0 to switch it off")]
    InvalidKeepalive {
        /// The interval given, in seconds.
        seconds: f64,
    },

    /// Any call that takes a time: a negative number of seconds, or no number at all.
    #[error("{what}: {seconds} s is not a length of time: give zero or more seconds, or a Duration")]
    InvalidSeconds {
        /// The method or the setting, as it is called.
        what: &'static str,
        /// The number given.
        seconds: f64,
    },

    /// `build`: `clean_session(false)` without a client id, by which alone the broker could find the session again.
    #[error(
        "a client with clean_session(false) needs a client id of its own, always the same: give one with .client_id(\"...\")"
    )]
    ClientIdRequired,

    /// `build` and the setters: the value makes no sense.
    #[error("{option} is not valid: {problem}")]
    InvalidOption {
        /// The option, as its setter is called.
        option: &'static str,
        /// What is wrong with it.
        problem: String,
    },

    /// `subscribe`, `unsubscribe`, `publish` with QoS 0 and others, while there is no connection.
    #[error(
        "{what} needs a connection and there is none: call connect first, or wait for on_connect; a message with QoS 1 or 2 is queued instead"
    )]
    NotConnected {
        /// The call that failed, for example "publish with QoS 0".
        what: &'static str,
    },

    /// `loop_forever`, `loop_once`, `reconnect`: nobody said where to connect to.
    #[error("there is no broker to connect to: call connect or connect_async first")]
    NoConnectionRequested,

    /// `loop_start`, `loop_forever`, `loop_once`: callbacks run on one thread at a time.
    #[error("a loop is already running on this client: call loop_stop first, or leave out this second loop")]
    LoopRunning,

    /// `loop_stop`: nothing to stop.
    #[error("no loop is running on this client: loop_stop only ends what loop_start began")]
    NoLoop,

    /// A call that would wait for the very callback it is made from.
    #[error("{method} cannot be called from inside a callback, which it would wait for: call it from another thread")]
    InCallback {
        /// The method called.
        method: &'static str,
    },

    /// `connect`, `reconnect`: no address for the name.
    #[error(
        "no address was found for the name {host:?} ({cause}): check its spelling and this machine's DNS, or use the broker's IP address"
    )]
    NameNotFound {
        /// The host given.
        host: String,
        /// What the system said.
        #[source]
        cause: Arc<io::Error>,
    },

    /// `connect`, `reconnect`: no TCP connection.
    #[error("cannot connect to {host}:{port} ({cause}): {}", hints::unreachable(.cause.kind(), .host, *.port))]
    Unreachable {
        /// The host given.
        host: String,
        /// The port given.
        port: u16,
        /// What the system said.
        #[source]
        cause: Arc<io::Error>,
    },

    /// `connect`, `reconnect`: no answer in time.
    #[error("no answer from {host}:{port} within {seconds} s ({stage}): {}", hints::CONNECT_TIMEOUT)]
    ConnectTimeout {
        /// The host given.
        host: String,
        /// The port given.
        port: u16,
        /// How long was waited, in seconds.
        seconds: f64,
        /// What was being waited for, for example "waiting for the broker's CONNACK".
        stage: &'static str,
    },

    /// `connect`, `reconnect`: the other end hung up before it answered.
    #[error(
        "{host}:{port} accepted the connection and closed it without answering: is it an MQTT broker, is the port one for TLS (8883) or WebSockets, and does the broker speak this MQTT version? Its log says more"
    )]
    ClosedDuringConnect {
        /// The host given.
        host: String,
        /// The port given.
        port: u16,
    },

    /// `connect` and the loops: what came from the other end is not MQTT.
    #[error(
        "the broker sent something that is not valid MQTT: {problem}; is it an MQTT broker, and is the port right?"
    )]
    Protocol {
        /// What is wrong with it.
        problem: String,
    },

    /// `connect`, `reconnect` and the loops: the broker said no, after `on_connect` has run with the code.
    #[error("the broker {host}:{port} refused the connection: {code} ({}); {}", .code.value(), hints::refused(*.code))]
    Refused {
        /// The host given.
        host: String,
        /// The port given.
        port: u16,
        /// The broker's reason.
        code: ReasonCode,
        /// What an MQTT 5 broker added.
        properties: Properties,
    },

    /// The loops with `reconnect_on_failure(false)`, `wait_for_publish` and others: the connection broke.
    #[error("the connection was lost: {code} ({}); {}", .code.value(), hints::lost(*.code))]
    ConnectionLost {
        /// The reason, as `on_disconnect` got it.
        code: ReasonCode,
    },

    /// `wait_for_publish`: the broker did not take the message (MQTT 5).
    #[error("the broker refused the message{}: {code} ({}); {}", hints::on_topic(.topic.as_deref()), .code.value(), hints::PUBLISH_REFUSED)]
    PublishRefused {
        /// The topic, where it is known.
        topic: Option<String>,
        /// The broker's reason.
        code: ReasonCode,
    },

    /// `wait_for_publish` and others with a time limit.
    #[error("{what} was not finished after {after:?}: is the connection up, and is the broker answering?")]
    Timeout {
        /// What was waited for.
        what: &'static str,
        /// How long.
        after: Duration,
    },

    /// `publish`, `subscribe` and others: larger than the broker takes (its Maximum Packet Size).
    #[error("the packet would be larger than the {limit} bytes that the broker takes: send less at a time, or raise its limit (Mosquitto: max_packet_size)")]
    PacketTooLarge {
        /// The broker's limit in bytes, for the whole packet.
        limit: usize,
    },

    /// `publish`: the broker keeps no messages (its Retain Available).
    #[error("the broker keeps no messages: publish without retain, or allow it there (Mosquitto: retain_available)")]
    RetainNotSupported,

    /// `publish`: a higher QoS than the broker takes (its Maximum QoS).
    #[error("the broker takes messages up to QoS {maximum}: use that, or allow more there (Mosquitto: max_qos)")]
    QosNotSupported {
        /// The highest that it takes, 0 or 1.
        maximum: u8,
    },

    /// `publish`: a higher topic alias than the broker takes (its Topic Alias Maximum).
    #[error("the broker takes topic aliases up to {maximum}: use a lower one, or none")]
    TopicAliasTooHigh {
        /// The highest that it takes; 0 for none at all.
        maximum: u16,
    },

    /// `publish` with an empty topic: nothing was published with this topic alias before.
    #[error("topic alias {alias} stands for no topic yet: publish with both topic and alias first")]
    UnknownTopicAlias {
        /// The alias given.
        alias: u16,
    },

    /// `subscribe`: the broker does not offer wildcards, shared subscriptions or subscription identifiers.
    #[error("the broker does not offer {what}: subscribe without, or allow it there")]
    SubscriptionNotSupported {
        /// What it does not offer, for example "wildcards in subscriptions".
        what: &'static str,
    },

    /// `build`: the engine was left out when the program was compiled.
    #[error("the engine Paho is not compiled in: add the feature \"paho\" of rappel, or choose Engine::Native")]
    EngineNotCompiled,

    /// `disconnect`: the time ran out before the broker had confirmed everything.
    #[error(
        "disconnected with {count} message(s) that the broker had not confirmed: they may be lost; allow more time with DisconnectOptions::timeout"
    )]
    Unconfirmed {
        /// How many messages.
        count: usize,
    },

    /// `connect`, `reconnect`: `disconnect`, or `connect` once more, was called meanwhile.
    #[error("given up because disconnect or another connect was called meanwhile")]
    Cancelled,

    /// `wait_for_publish`: every handle of the client was dropped.
    #[error("the client no longer exists: keep a handle of it until its messages are confirmed")]
    Dropped,

    /// Any call: Paho, the engine below, failed in a way not foreseen here.
    #[error("the MQTT engine (Paho) failed: {problem}; please report this")]
    Engine {
        /// What Paho said.
        problem: String,
    },

    /// `build` with `persistence`, and `publish`: the messages cannot be kept on disk.
    #[error("cannot keep messages in {}: {problem}; check that the directory exists, is writable, has room and is used by one client only", .dir.display())]
    Storage {
        /// The directory given.
        dir: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;
    use crate::types::PacketType;

    fn unreachable(kind: io::ErrorKind) -> Error {
        Error::Unreachable { host: "broker.lan".to_owned(), port: 1884, cause: Arc::new(kind.into()) }
    }

    fn refused(code: u8) -> Error {
        let code = ReasonCode::new(PacketType::Connack, code);
        Error::Refused { host: "broker.lan".to_owned(), port: 1883, code, properties: Properties::new() }
    }

    #[test]
    fn messages_name_the_place_and_the_remedy() {
        let expected: &[(Error, &[&str])] = &[
            (unreachable(io::ErrorKind::ConnectionRefused), &["broker.lan:1884", "mosquitto", "listener 1884"]),
            (unreachable(io::ErrorKind::TimedOut), &["broker.lan:1884", "cable", "firewall"]),
            (unreachable(io::ErrorKind::NetworkUnreachable), &["network", "cable"]),
            (unreachable(io::ErrorKind::Other), &["host", "port"]),
            (refused(134), &["broker.lan:1883", "Bad user name or password (134)", "username_pw_set"]),
            (refused(135), &["Not authorized (135)", "username_pw_set"]),
            (refused(133), &["client_id"]),
            (refused(132), &["Protocol"]),
            (refused(136), &["try again later"]),
            (refused(77), &["Reason code 77", "log"]),
            (Error::Timeout { what: "publish", after: Duration::from_millis(1500) }, &["publish", "1.5s"]),
            (Error::QueueFull { limit: 10 }, &["10 messages", "max_queued_messages_set"]),
        ];
        for (error, parts) in expected {
            let text = error.to_string();
            for part in *parts {
                assert!(text.contains(part), "{part:?} is not in {text:?}");
            }
        }
    }

    #[test]
    fn an_io_error_is_the_source() {
        let source = unreachable(io::ErrorKind::TimedOut).source().map(ToString::to_string);
        assert_eq!(source, Some(io::Error::from(io::ErrorKind::TimedOut).to_string()));
        assert!(Error::EmptyTopic.source().is_none());
    }
}
