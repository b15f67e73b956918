//! A message as a row, and back.

use std::sync::Arc;

use crate::mqtt::{Completion, OutgoingMessage, Reader, decode_properties, encode_properties, message_id};
use crate::types::{Properties, check_qos, check_topic};

/// A message's columns.
pub(crate) struct Row<'a> {
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a [u8],
    pub(crate) qos: i32,
    pub(crate) retain: bool,
    pub(crate) keep_latest: bool,
    pub(crate) properties: Vec<u8>,
}

impl<'a> Row<'a> {
    pub(crate) fn of(message: &'a OutgoingMessage) -> Self {
        let mut properties = Vec::new();
        if !message.properties.is_empty() {
            encode_properties(&mut properties, &message.properties);
        }
        Row {
            topic: &message.topic,
            payload: &message.payload,
            qos: message.qos.into(),
            retain: message.retain,
            keep_latest: message.keep_latest,
            properties,
        }
    }

    /// A checksum over all columns (FNV-1a, 64 bits), against bits that change on the disk.
    pub(crate) fn checksum(&self) -> i64 {
        let lengths = [self.topic.len() as u64, self.payload.len() as u64].map(u64::to_le_bytes).concat();
        let flags = [self.qos as u8, u8::from(self.retain), u8::from(self.keep_latest)];
        let parts = [lengths.as_slice(), &flags, self.topic.as_bytes(), self.payload, &self.properties];
        let bytes = parts.into_iter().flatten();
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
            as i64
    }
}

/// The message of a row, if the row is sound.
pub(crate) fn message(key: i64, row: &Row<'_>, checksum: i64) -> Result<OutgoingMessage, &'static str> {
    if row.checksum() != checksum {
        return Err("a message does not match its checksum");
    }
    let properties = match row.properties.is_empty() {
        true => Properties::new(),
        false => {
            decode_properties(&mut Reader::new(&row.properties)).map_err(|_| "a message's properties cannot be read")?
        }
    };
    let qos = check_qos(row.qos).map_err(|_| "a message has a QoS that does not exist")?;
    check_topic(row.topic).map_err(|_| "a message has a topic that is not allowed")?;
    let sequence = u64::try_from(key).ok().filter(|sequence| *sequence > 0).ok_or("a message has no sequence")?;
    Ok(OutgoingMessage {
        sequence,
        topic: row.topic.to_owned(),
        payload: row.payload.to_vec().into(),
        qos,
        retain: row.retain,
        properties,
        completion: Arc::new(Completion::new(message_id(sequence), false)),
        sent_before: true,
        keep_latest: row.keep_latest,
        is_stored: true,
    })
}

/// The key of the message with this sequence.
pub(crate) fn key(sequence: u64) -> i64 {
    // Sequences count from 1; no program lives long enough to pass i64.
    sequence as i64
}

/// The file of a client id: its readable part, and a number that tells apart what is not readable.
pub(crate) fn file_name(client_id: &str) -> String {
    let readable = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    let name: String = client_id.chars().take(40).map(readable).collect();
    let row = Row { topic: client_id, payload: &[], qos: 0, retain: false, keep_latest: false, properties: Vec::new() };
    format!("{name}.{:016x}.sqlite", row.checksum())
}
