//! The small structs handed to `on_connect` and `on_disconnect`.

/// What the broker said besides the reason code when it answered `connect`.
///
/// paho-python: `ConnectFlags`.
///
/// ```
/// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
/// client.on_connect(|_client, _userdata, flags, _code, _properties| {
///     println!("{}", if flags.session_present { "the broker knows us" } else { "a new session" });
/// });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct ConnectFlags {
    /// Whether the broker still knows this client's subscriptions and messages from an earlier connection
    /// (MQTT 5, section 3.2.2.1.1). Always `false` with a clean session.
    pub session_present: bool,
}

/// How a connection ended.
///
/// paho-python: `DisconnectFlags`.
///
/// ```
/// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
/// client.on_disconnect(|_client, _userdata, flags, code, _properties| {
///     if flags.is_disconnect_packet_from_server {
///         println!("the broker has sent us away: {code}");
///     }
/// });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct DisconnectFlags {
    /// `true` when the broker sent a DISCONNECT, so that the reason code is its own (MQTT 5 only); `false` when this
    /// client ended the connection or lost it.
    pub is_disconnect_packet_from_server: bool,
}
