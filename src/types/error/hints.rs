//! The part of an error's message that depends on its cause: what is likely wrong and what to do.

use std::io::ErrorKind;

use crate::types::ReasonCode;

/// For an answer that did not come in time.
pub(super) const CONNECT_TIMEOUT: &str = "check the address and the port, the network cable or Wi-Fi, and any firewall in between; \
     or allow more time with connect_timeout_set";

/// For a message the broker did not take.
pub(super) const PUBLISH_REFUSED: &str = "check the broker's access list (acl_file) and its limits; its log says more";

/// For a TCP connection that was not made.
pub(super) fn unreachable(kind: ErrorKind, host: &str, port: u16) -> String {
    match kind {
        ErrorKind::ConnectionRefused => format!(
            "the machine answers but nothing listens on port {port}; is mosquitto running there (`systemctl status mosquitto`), \
             does its configuration have `listener {port}` (without it, it only listens to its own machine), and is the port right?"
        ),
        ErrorKind::TimedOut => format!(
            "nobody answers; check the address, that {host} is switched on, the network cable or Wi-Fi, and any firewall in between"
        ),
        ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown | ErrorKind::HostUnreachable => {
            format!("this machine's network has no way to it; check the network cable or Wi-Fi, and try `ping {host}`")
        }
        ErrorKind::AddrNotAvailable => {
            "the address cannot be used from here; check it with `ip addr` and `ip route`".to_owned()
        }
        ErrorKind::PermissionDenied => "this machine does not allow the connection; check its firewall".to_owned(),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::UnexpectedEof => {
            format!("the other end hung up at once; is it an MQTT broker, and is {port} its MQTT port?")
        }
        _ => format!("check the host, the port and the network; try `ping {host}`"),
    }
}

/// For a connection the broker refused.
pub(super) fn refused(code: ReasonCode) -> &'static str {
    match code.value() {
        132 => "it does not speak this version of MQTT: build the client with another .protocol(Protocol::..)",
        133 => {
            "it does not accept the client id: choose another with .client_id(..), short and of plain letters and digits"
        }
        134 => "check the user name and the password given to username_pw_set",
        135 => {
            "check the user name and the password given to username_pw_set, or give them if there are none; \
             the broker may also refuse this client id (its password_file, acl_file or allow_anonymous decide)"
        }
        136 | 137 => "it is up but cannot serve now: try again later, or read its log",
        138 => "this client is banned: ask who runs the broker",
        140 => "it does not know the authentication method of the connect properties",
        144 => "it does not accept the topic of the will: check will_set",
        149 => "the connect packet is too large for it: shorten the will or the properties",
        151 | 159 => "it has too many clients or connections: try again later, less often",
        153 => "the payload of the will is not the text its properties announce: check will_set",
        154 => "it keeps no messages: use will_set without retain",
        155 => "it does not offer the QoS of the will: use a lower one in will_set",
        156 | 157 => "connect to the other broker it names, if any, in the property server_reference",
        _ => "the broker's log says more",
    }
}

/// For a connection that was made and then lost.
pub(super) fn lost(code: ReasonCode) -> &'static str {
    match code.value() {
        139 => "the broker is shutting down: connect again later",
        141 => "nothing was heard during the keepalive interval: check the network cable or Wi-Fi",
        142 => "another client connected with the same client id: give each client its own",
        135 => "the broker no longer allows this client: check user name, password and access list",
        149 => "a message was too large for the broker: send smaller ones",
        150 | 151 => "the broker's limits were exceeded: publish more slowly",
        _ => "check the network and the broker's log",
    }
}

/// " on topic ..", where the topic is known.
pub(super) fn on_topic(topic: Option<&str>) -> String {
    topic.map(|topic| format!(" on topic {topic:?}")).unwrap_or_default()
}
