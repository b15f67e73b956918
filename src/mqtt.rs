//! MQTT 3.1, 3.1.1 and 5 without sockets, threads and clock.
//!
//! The [`Decoder`] takes what a broker sent in pieces of any size and gives whole, checked [`Packet`]s. The [`Session`]
//! says what they mean, answers them, and puts what the client sends into a [`SendBuffer`].

mod acks;
mod completion;
mod connect;
mod decoder;
mod disconnect;
mod encoded;
mod error;
mod fixed_header;
#[cfg(any(fuzzing, test))]
#[allow(missing_docs, reason = "for the fuzz target alone")]
pub mod fuzzing;
mod keepalive;
mod limits;
mod outgoing_message;
pub(crate) mod packet_log;
mod properties;
mod publish;
mod reader;
mod request;
#[cfg(test)]
mod round_trip;
mod send_buffer;
mod session;
mod subscribe;
mod tape;
#[cfg(any(benching, fuzzing, test))]
pub(crate) mod testing;
mod writer;

pub(crate) use acks::{Ack, short_ack};
pub(crate) use completion::{Completion, Stage, is_waking};
pub(crate) use connect::{Connack, ConnectPacket, Credentials, Will};
pub(crate) use decoder::{Decoder, Packet};
pub(crate) use disconnect::encode_disconnect;
pub(crate) use encoded::{Batch, Encoded};
pub(crate) use error::ProtocolError;
pub(crate) use fixed_header::MAX_PACKET;
pub(crate) use limits::{Refused, RefusedItem, ServerLimits};
pub(crate) use outgoing_message::{OutgoingMessage, Payload, Share, message_id};
#[cfg(any(feature = "persistence", test))]
pub(crate) use properties::decode_properties;
pub(crate) use properties::encode_properties;
pub(crate) use publish::{Publish, PublishHeader};
pub(crate) use reader::Reader;
pub(crate) use request::{Filters, Request};
pub(crate) use send_buffer::SendBuffer;
pub(crate) use session::{Loss, Received, ServerId, Session, Turn};
pub(crate) use subscribe::{FilterAck, encode_subscribe, encode_unsubscribe, subscribe_len, unsubscribe_len};
pub(crate) use tape::{MemoryBroker, Tape};

/// Packet types, in the upper half of a packet's first byte (MQTT 5, table 2-1).
pub(crate) mod kind {
    pub(crate) const CONNECT: u8 = 1;
    pub(crate) const CONNACK: u8 = 2;
    pub(crate) const PUBLISH: u8 = 3;
    pub(crate) const PUBACK: u8 = 4;
    pub(crate) const PUBREC: u8 = 5;
    pub(crate) const PUBREL: u8 = 6;
    pub(crate) const PUBCOMP: u8 = 7;
    pub(crate) const SUBSCRIBE: u8 = 8;
    pub(crate) const SUBACK: u8 = 9;
    pub(crate) const UNSUBSCRIBE: u8 = 10;
    pub(crate) const UNSUBACK: u8 = 11;
    pub(crate) const PINGREQ: u8 = 12;
    pub(crate) const PINGRESP: u8 = 13;
    pub(crate) const DISCONNECT: u8 = 14;
    pub(crate) const AUTH: u8 = 15;
}

/// A PINGREQ, whole (MQTT 5, section 3.12).
pub(crate) const PINGREQ: [u8; 2] = [kind::PINGREQ << 4, 0];
