//! The 27 properties of MQTT 5, one typed field each.

use std::fmt;

/// The properties of a packet, in the order of their identifiers (MQTT 5, section 2.2.2.2).
///
/// A field is `None`, or an empty `Vec`, when the packet does not have the property. Reached through
/// [`Properties`](crate::types::Properties). The names are those of paho-python in snake_case
/// (`MessageExpiryInterval` is `message_expiry_interval`).
///
/// ```
/// use rappel::{Properties, PropertyFields};
///
/// let fields = PropertyFields { message_expiry_interval: Some(30), ..PropertyFields::default() };
/// assert_eq!(Properties::from(fields), Properties::new().with_message_expiry_interval(30));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PropertyFields {
    /// 1 if the payload is UTF-8 text, 0 if any bytes. In messages and wills.
    pub payload_format_indicator: Option<u8>,
    /// Seconds after which the broker no longer delivers the message; in a received one, the seconds left.
    pub message_expiry_interval: Option<u32>,
    /// What the payload is, for example `text/plain`. In messages and wills.
    pub content_type: Option<String>,
    /// Where to publish the answer. In messages and wills.
    pub response_topic: Option<String>,
    /// What the answer must bring back, so that the asker knows it again. In messages and wills.
    pub correlation_data: Option<Vec<u8>>,
    /// 1 to 268,435,455. In `subscribe`: the number of the subscription, at most one; in a received message: those of
    /// all subscriptions that match.
    pub subscription_identifier: Vec<u32>,
    /// Seconds the broker keeps the session after the connection ends; `u32::MAX` for ever. In `connect` and
    /// `disconnect`, and in the broker's answer.
    pub session_expiry_interval: Option<u32>,
    /// The client id the broker chose. In its answer to `connect`.
    pub assigned_client_identifier: Option<String>,
    /// The keep-alive in seconds that the broker wants instead of the client's. In its answer to `connect`.
    pub server_keep_alive: Option<u16>,
    /// The method of extended authentication, which is not supported: refused in `connect`, and may be in the broker's
    /// answer.
    pub authentication_method: Option<String>,
    /// The data of extended authentication; never shown by `Debug`. As `authentication_method`.
    pub authentication_data: Option<Vec<u8>>,
    /// `false` if the broker may leave out reason strings and user properties. In `connect`.
    pub request_problem_information: Option<bool>,
    /// Seconds between the loss of the connection and the will. In wills.
    pub will_delay_interval: Option<u32>,
    /// `true` to ask for [`response_information`](Self::response_information). In `connect`.
    pub request_response_information: Option<bool>,
    /// A start for response topics. In the broker's answer to `connect`.
    pub response_information: Option<String>,
    /// Another broker to use. In the broker's answer to `connect` and its DISCONNECT.
    pub server_reference: Option<String>,
    /// A sentence about the reason code, for people. In all answers, and in `disconnect`.
    pub reason_string: Option<String>,
    /// How many messages of QoS 1 and 2 the sender takes at the same time, 1 to 65,535. In `connect` and its answer.
    pub receive_maximum: Option<u16>,
    /// The highest topic alias the sender takes; 0 for none. In `connect` and its answer.
    pub topic_alias_maximum: Option<u16>,
    /// A number that stands for the topic, 1 to 65,535. In messages.
    pub topic_alias: Option<u16>,
    /// The highest QoS the broker offers, 0 or 1; `None` means 2. In its answer to `connect`.
    pub maximum_qos: Option<u8>,
    /// Whether the broker keeps retained messages; `None` means yes. In its answer to `connect`.
    pub retain_available: Option<bool>,
    /// Names and values of one's own, in order; a name may come twice. In every packet.
    pub user_property: Vec<(String, String)>,
    /// The largest packet in bytes the sender takes, 1 to 268,435,455. In `connect` and its answer.
    pub maximum_packet_size: Option<u32>,
    /// Whether `+` and `#` can be subscribed; `None` means yes. In the broker's answer to `connect`.
    pub wildcard_subscription_available: Option<bool>,
    /// Whether subscriptions can have numbers; `None` means yes. In the broker's answer to `connect`.
    pub subscription_identifier_available: Option<bool>,
    /// Whether `$share/..` can be subscribed; `None` means yes. In the broker's answer to `connect`.
    pub shared_subscription_available: Option<bool>,
}

impl PropertyFields {
    /// The bytes these properties take in a PUBLISH, their length included (MQTT 5, section 3.3.2.3).
    pub(crate) fn size_in_publish(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, |text| 3 + text.len());
        let numbers = [
            self.payload_format_indicator.map_or(0, |_| 2),
            self.message_expiry_interval.map_or(0, |_| 5),
            self.topic_alias.map_or(0, |_| 3),
        ];
        let user: usize = self.user_property.iter().map(|(name, value)| 5 + name.len() + value.len()).sum();
        let size = numbers.iter().sum::<usize>()
            + text(&self.content_type)
            + text(&self.response_topic)
            + self.correlation_data.as_ref().map_or(0, |data| 3 + data.len())
            + user;
        size + match size {
            0..0x80 => 1,
            0x80..0x4000 => 2,
            0x4000..0x20_0000 => 3,
            _ => 4,
        }
    }

    /// Shows the fields that are set under the name `name`; of secrets and binary data only the length.
    pub(super) fn fmt_as(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct(name);
        macro_rules! show {
            ($($field:ident)*) => {$(
                if let Some(value) = &self.$field {
                    out.field(stringify!($field), value);
                }
            )*};
        }
        show!(payload_format_indicator message_expiry_interval content_type response_topic);
        show_length(&mut out, "correlation_data", self.correlation_data.as_deref());
        if !self.subscription_identifier.is_empty() {
            out.field("subscription_identifier", &self.subscription_identifier);
        }
        show!(session_expiry_interval assigned_client_identifier server_keep_alive authentication_method);
        show_length(&mut out, "authentication_data", self.authentication_data.as_deref());
        show!(request_problem_information will_delay_interval request_response_information response_information
            server_reference reason_string receive_maximum topic_alias_maximum topic_alias maximum_qos retain_available);
        if !self.user_property.is_empty() {
            out.field("user_property", &self.user_property);
        }
        show!(maximum_packet_size wildcard_subscription_available subscription_identifier_available
            shared_subscription_available);
        out.finish()
    }
}

impl fmt::Debug for PropertyFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_as("PropertyFields", f)
    }
}

/// Shows how long `data` is, if there is any, but not what it says.
fn show_length(out: &mut fmt::DebugStruct<'_, '_>, name: &str, data: Option<&[u8]>) {
    if let Some(data) = data {
        out.field(name, &format_args!("{} bytes", data.len()));
    }
}
