//! Completes the CONNECT packet: keep-alive, will, user name and password.
//!
//! The engine writes a CONNECT with nothing but the client id, flags and properties. What is secret or
//! concerns the link alone is added here, so that no trace of the engine can show it.

use crate::types::{Properties, Protocol, Qos};
use crate::wire::{Malformed, Reader, kind, properties, push_binary, push_varint};

/// What the broker publishes when this client is lost (MQTT 5, section 3.1.2.5).
#[derive(Debug, Clone, Default)]
pub(crate) struct Will {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    pub(crate) properties: Properties,
}

/// A user name, with or without a password.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: Option<Vec<u8>>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| "[hidden]"))
            .finish()
    }
}

/// The parts of CONNECT that the link adds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Opening {
    /// Seconds without traffic before a ping; 0 switches the keep-alive off.
    pub(crate) keepalive: u16,
    pub(crate) will: Option<Will>,
    pub(crate) credentials: Option<Credentials>,
}

/// Where the flags and the keep-alive stand behind the protocol name "MQTT" and its level.
const FLAGS: usize = 7;
const VARIABLE_HEADER: usize = 10;

impl Opening {
    /// The engine's CONNECT `body` as the packet that goes to the broker (MQTT 5, section 3.1).
    pub(crate) fn complete(&self, version: Protocol, body: &[u8]) -> Result<Vec<u8>, Malformed> {
        let mut reader = Reader::new(body);
        if reader.binary()? != b"MQTT" {
            return Err(Malformed("the engine's CONNECT names another protocol"));
        }
        let mut whole = reader_checked(body)?;
        if let Some(will) = &self.will {
            whole[FLAGS] |= 0x04 | will.qos.value() << 3 | u8::from(will.retain) << 5;
            if version == Protocol::V5 {
                properties::encode(&mut whole, &will.properties);
            }
            push_binary(&mut whole, will.topic.as_bytes());
            push_binary(&mut whole, &will.payload);
        }
        if let Some(credentials) = &self.credentials {
            whole[FLAGS] |= 0x80;
            push_binary(&mut whole, credentials.user.as_bytes());
            if let Some(password) = &credentials.password {
                whole[FLAGS] |= 0x40;
                push_binary(&mut whole, password);
            }
        }
        whole[FLAGS + 1..VARIABLE_HEADER].copy_from_slice(&self.keepalive.to_be_bytes());
        let mut packet = vec![kind::CONNECT << 4];
        push_varint(&mut packet, whole.len());
        packet.extend_from_slice(&whole);
        Ok(packet)
    }
}

/// A copy of `body`, known to reach past its variable header.
fn reader_checked(body: &[u8]) -> Result<Vec<u8>, Malformed> {
    if body.len() < VARIABLE_HEADER {
        return Err(Malformed("the engine's CONNECT is too short"));
    }
    Ok(body.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CONNECT's body as the engine writes it: v3.1.1, clean session, keep-alive 0, client id "c".
    const BARE: [u8; 13] = [0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, 1, b'c'];

    #[test]
    fn sets_the_keep_alive() {
        let opening = Opening { keepalive: 0x0102, ..Opening::default() };
        let packet = opening.complete(Protocol::V311, &BARE).expect("a sound CONNECT");
        assert_eq!(packet[..2], [0x10, 13]);
        assert_eq!(packet[10..12], [1, 2]);
    }

    #[test]
    fn appends_will_and_credentials_in_the_standards_order() {
        let opening = Opening {
            keepalive: 0,
            will: Some(Will {
                topic: "w".into(),
                payload: b"p".to_vec(),
                qos: Qos::AtLeastOnce,
                retain: true,
                ..Will::default()
            }),
            credentials: Some(Credentials { user: "u".into(), password: Some(vec![0, 255]) }),
        };
        let packet = opening.complete(Protocol::V311, &BARE).expect("a sound CONNECT");
        assert_eq!(packet[9], 0x80 | 0x40 | 0x20 | 0x08 | 0x04 | 0x02);
        assert_eq!(packet[15..], [0, 1, b'w', 0, 1, b'p', 0, 1, b'u', 0, 2, 0, 255]);
    }

    #[test]
    fn refuses_what_is_no_connect() {
        assert!(Opening::default().complete(Protocol::V311, &BARE[..9]).is_err());
        assert!(Opening::default().complete(Protocol::V311, b"\0\x06MQIsdp\x03\x02\0\0").is_err());
    }
}
