//! The names of the reason codes, number by number: paho-python's table (`ReasonCode.names`).

use super::PacketType::{self, Auth, Connack, Disconnect, Puback, Pubcomp, Pubrec, Pubrel, Suback, Unsuback};

/// The name of `value` in `packet`, or `None` where MQTT 5 has none.
///
/// Python raises when a broker sends a code in the wrong packet; here a failure keeps its name there too, and so does 0.
/// The other successes do not: 1 is "Granted QoS 1" in a SUBACK and would mislead elsewhere.
pub(super) fn find(packet: PacketType, value: u8) -> Option<&'static str> {
    let named = || NAMES.iter().filter(|(number, ..)| *number == value);
    let exact = named().find(|(.., packets)| packets.contains(&packet));
    let anywhere = || named().next().filter(|_| value == 0 || value >= 0x80);
    exact.or_else(anywhere).map(|(_, name, _)| *name)
}

/// The number of the code called `name` in `packet`.
pub(super) fn number(packet: PacketType, name: &str) -> Option<u8> {
    NAMES.iter().find(|(_, known, packets)| *known == name && packets.contains(&packet)).map(|(number, ..)| *number)
}

/// Number, name, and the packets in which the number has that name.
#[rustfmt::skip]
const NAMES: &[(u8, &str, &[PacketType])] = &[
    (0, "Success", &[Connack, Puback, Pubrec, Pubrel, Pubcomp, Unsuback, Auth]),
    (0, "Normal disconnection", &[Disconnect]),
    (0, "Granted QoS 0", &[Suback]),
    (1, "Granted QoS 1", &[Suback]),
    (2, "Granted QoS 2", &[Suback]),
    (4, "Disconnect with will message", &[Disconnect]),
    (16, "No matching subscribers", &[Puback, Pubrec]),
    (17, "No subscription found", &[Unsuback]),
    (24, "Continue authentication", &[Auth]),
    (25, "Re-authenticate", &[Auth]),
    (128, "Unspecified error", &[Connack, Puback, Pubrec, Suback, Unsuback, Disconnect]),
    (129, "Malformed packet", &[Connack, Disconnect]),
    (130, "Protocol error", &[Connack, Disconnect]),
    (131, "Implementation specific error", &[Connack, Puback, Pubrec, Suback, Unsuback, Disconnect]),
    (132, "Unsupported protocol version", &[Connack]),
    (133, "Client identifier not valid", &[Connack]),
    (134, "Bad user name or password", &[Connack]),
    (135, "Not authorized", &[Connack, Puback, Pubrec, Suback, Unsuback, Disconnect]),
    (136, "Server unavailable", &[Connack]),
    (137, "Server busy", &[Connack, Disconnect]),
    (138, "Banned", &[Connack]),
    (139, "Server shutting down", &[Disconnect]),
    (140, "Bad authentication method", &[Connack, Disconnect]),
    (141, "Keep alive timeout", &[Disconnect]),
    (142, "Session taken over", &[Disconnect]),
    (143, "Topic filter invalid", &[Suback, Unsuback, Disconnect]),
    (144, "Topic name invalid", &[Connack, Puback, Pubrec, Disconnect]),
    (145, "Packet identifier in use", &[Puback, Pubrec, Suback, Unsuback]),
    (146, "Packet identifier not found", &[Pubrel, Pubcomp]),
    (147, "Receive maximum exceeded", &[Disconnect]),
    (148, "Topic alias invalid", &[Disconnect]),
    (149, "Packet too large", &[Connack, Disconnect]),
    (150, "Message rate too high", &[Disconnect]),
    (151, "Quota exceeded", &[Connack, Puback, Pubrec, Suback, Disconnect]),
    (152, "Administrative action", &[Disconnect]),
    (153, "Payload format invalid", &[Puback, Pubrec, Disconnect]),
    (154, "Retain not supported", &[Connack, Disconnect]),
    (155, "QoS not supported", &[Connack, Disconnect]),
    (156, "Use another server", &[Connack, Disconnect]),
    (157, "Server moved", &[Connack, Disconnect]),
    (158, "Shared subscription not supported", &[Suback, Disconnect]),
    (159, "Connection rate exceeded", &[Connack, Disconnect]),
    (160, "Maximum connect time", &[Disconnect]),
    (161, "Subscription identifiers not supported", &[Suback, Disconnect]),
    (162, "Wildcard subscription not supported", &[Suback, Disconnect]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packet_decides_the_name() {
        let expected = [
            (Connack, 0, Some("Success")),
            (Disconnect, 0, Some("Normal disconnection")),
            (Suback, 0, Some("Granted QoS 0")),
            (Unsuback, 0, Some("Success")),
            (PacketType::Publish, 0, Some("Success")),
            (Suback, 1, Some("Granted QoS 1")),
            (Connack, 1, None),
            (Disconnect, 4, Some("Disconnect with will message")),
            (Puback, 16, Some("No matching subscribers")),
            (Disconnect, 141, Some("Keep alive timeout")),
            (Connack, 142, Some("Session taken over")),
            (Disconnect, 162, Some("Wildcard subscription not supported")),
            (Disconnect, 163, None),
        ];
        for (packet, value, name) in expected {
            assert_eq!(find(packet, value), name, "{packet:?} {value}");
        }
    }

    #[test]
    fn no_packet_has_two_names_for_a_number() {
        for (index, (number, name, packets)) in NAMES.iter().enumerate() {
            for packet in *packets {
                let twice = NAMES[..index].iter().any(|(n, _, p)| n == number && p.contains(packet));
                assert!(!twice, "{number} {name} {packet:?}");
            }
        }
    }
}
