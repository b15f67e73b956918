//! The broker's one-byte verdict on a packet, with the names paho-python gives it.

mod compare;
mod names;

use std::fmt;

/// The kinds of MQTT packet, with their numbers on the wire (MQTT 5, section 2.1.2).
///
/// paho-python: `PacketTypes`.
///
/// ```
/// use rappel::{PacketType, ReasonCode};
///
/// // The same number has another name in another packet.
/// assert_eq!(ReasonCode::new(PacketType::Connack, 0).name(), "Success");
/// assert_eq!(ReasonCode::new(PacketType::Suback, 0).name(), "Granted QoS 0");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PacketType {
    /// The client asks for a connection.
    Connect = 1,
    /// The broker's answer to `Connect`.
    Connack = 2,
    /// A message, in either direction.
    Publish = 3,
    /// Confirms a message of QoS 1.
    Puback = 4,
    /// First answer to a message of QoS 2.
    Pubrec = 5,
    /// Releases a message of QoS 2.
    Pubrel = 6,
    /// Last answer to a message of QoS 2.
    Pubcomp = 7,
    /// The client asks for topics.
    Subscribe = 8,
    /// The broker's answer to `Subscribe`.
    Suback = 9,
    /// The client gives up topics.
    Unsubscribe = 10,
    /// The broker's answer to `Unsubscribe`.
    Unsuback = 11,
    /// The client shows that it is alive.
    Pingreq = 12,
    /// The broker's answer to `Pingreq`.
    Pingresp = 13,
    /// The end of the connection.
    Disconnect = 14,
    /// A step of MQTT 5's extended authentication.
    Auth = 15,
}

/// The result of a request: a number of MQTT 5 (section 2.4), also where the broker speaks 3.1.1.
///
/// 0 to 127 mean success, 128 to 255 failure. It compares with numbers and with names; two codes are equal when their
/// numbers are, whatever the packet. paho-python: `ReasonCode`.
///
/// ```
/// use rappel::{PacketType, ReasonCode};
///
/// let code = ReasonCode::new(PacketType::Connack, 135);
/// assert!(code == 135 && code == "Not authorized" && code.is_failure());
/// assert_eq!(code.to_string(), "Not authorized");
/// assert_eq!(ReasonCode::new(PacketType::Suback, 0).to_string(), "Granted QoS 0");
/// ```
#[derive(Clone, Copy)]
pub struct ReasonCode {
    /// The packet that carried the number: it decides the name.
    packet: PacketType,
    /// The number on the wire.
    value: u8,
}

impl ReasonCode {
    /// The code `value` as carried by `packet`. Any number is accepted, as a broker may send any.
    ///
    /// ```
    /// use rappel::{PacketType, ReasonCode};
    ///
    /// assert_eq!(ReasonCode::new(PacketType::Connack, 135), "Not authorized");
    /// ```
    #[must_use]
    pub const fn new(packet: PacketType, value: u8) -> Self {
        Self { packet, value }
    }

    /// The number on the wire, 0 to 255.
    ///
    /// ```
    /// use rappel::{PacketType, ReasonCode};
    ///
    /// assert_eq!(ReasonCode::new(PacketType::Connack, 135).value(), 135);
    /// ```
    #[must_use]
    pub const fn value(self) -> u8 {
        self.value
    }

    /// The kind of packet that carried the code.
    ///
    /// ```
    /// use rappel::{PacketType, ReasonCode};
    ///
    /// assert_eq!(ReasonCode::new(PacketType::Connack, 135).packet(), PacketType::Connack);
    /// ```
    #[must_use]
    pub const fn packet(self) -> PacketType {
        self.packet
    }

    /// Whether the broker said no: 128 or more. paho-python: `is_failure`.
    ///
    /// ```
    /// use rappel::{PacketType, ReasonCode};
    ///
    /// assert!(ReasonCode::new(PacketType::Connack, 135).is_failure());
    /// assert!(!ReasonCode::new(PacketType::Suback, 2).is_failure());
    /// ```
    #[must_use]
    pub const fn is_failure(self) -> bool {
        self.value >= 0x80
    }

    /// The name of the code in this packet, or `"Unknown reason code"` where MQTT gives it none.
    ///
    /// `Display` says the same, but shows an unknown code's number. paho-python: `getName()`.
    ///
    /// ```
    /// use rappel::{PacketType, ReasonCode};
    ///
    /// assert_eq!(ReasonCode::new(PacketType::Disconnect, 142).name(), "Session taken over");
    /// assert_eq!(ReasonCode::new(PacketType::Connack, 77).name(), "Unknown reason code");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        names::find(self.packet, self.value).unwrap_or("Unknown reason code")
    }

    /// The code that has this name in `packet`; `None` where there is none.
    ///
    /// paho-python: `ReasonCode(packetType, aName)`, `getId`, `set`.
    ///
    /// ```
    /// use rappel::{PacketType, ReasonCode};
    ///
    /// assert_eq!(ReasonCode::from_name(PacketType::Connack, "Banned"), Some(ReasonCode::new(PacketType::Connack, 138)));
    /// assert_eq!(ReasonCode::from_name(PacketType::Suback, "Banned"), None);
    /// ```
    #[doc(alias = "getId")]
    #[must_use]
    pub fn from_name(packet: PacketType, name: &str) -> Option<Self> {
        names::number(packet, name).map(|value| Self::new(packet, value))
    }

    /// The MQTT 5 code for a CONNACK return code of MQTT 3.1.1 (section 3.2.2.3).
    pub(crate) const fn from_connack_v3(code: u8) -> Self {
        let value = match code {
            0 => 0,
            1 => 132,
            2 => 133,
            3 => 136,
            4 => 134,
            5 => 135,
            _ => 128,
        };
        Self::new(PacketType::Connack, value)
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match names::find(self.packet, self.value) {
            Some(name) => f.pad(name),
            None => f.pad(&format!("Reason code {}", self.value)),
        }
    }
}

impl fmt::Debug for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReasonCode({:?}, {}, {:?})", self.packet, self.value, self.to_string())
    }
}

impl From<ReasonCode> for i32 {
    fn from(code: ReasonCode) -> Self {
        code.value.into()
    }
}

impl From<ReasonCode> for u8 {
    fn from(code: ReasonCode) -> Self {
        code.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_numbers_have_a_text() {
        let code = ReasonCode::new(PacketType::Connack, 77);
        assert!(code == "Reason code 77" && code.name() == "Unknown reason code");
        assert_eq!(format!("{code:?}"), r#"ReasonCode(Connack, 77, "Reason code 77")"#);
    }
}
