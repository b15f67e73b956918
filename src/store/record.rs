//! A message as a row, and back.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::mqtt::{Completion, OutgoingMessage, Reader, decode_properties, encode_properties, message_id};
use crate::types::{Properties, check_qos, check_topic, later};

/// A message's columns.
pub(crate) struct Row<'a> {
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a [u8],
    pub(crate) qos: i32,
    pub(crate) retain: bool,
    pub(crate) keep_latest: bool,
    pub(crate) properties: Vec<u8>,
    /// When it expires, in milliseconds since 1970, or [`NEVER`]: the clock of the program does not outlive it.
    pub(crate) expires: i64,
}

/// For a message without Message Expiry Interval.
const NEVER: i64 = 0;

/// One moment on the clock of the program and on that of the machine.
#[derive(Clone, Copy)]
struct Now(Instant, SystemTime);

impl Now {
    fn get() -> Self {
        Now(Instant::now(), SystemTime::now())
    }

    /// Milliseconds since 1970, of the machine.
    fn millis(self) -> i64 {
        let since = self.1.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    fn to_machine(self, at: Instant) -> i64 {
        let left = i64::try_from(at.saturating_duration_since(self.0).as_millis()).unwrap_or(i64::MAX);
        self.millis().saturating_add(left)
    }

    fn to_program(self, expires: i64) -> Instant {
        let left = u64::try_from(expires.saturating_sub(self.millis())).unwrap_or_default();
        later(self.0, Duration::from_millis(left))
    }
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
            expires: message.expires_at.map_or(NEVER, |at| Now::get().to_machine(at)),
        }
    }

    /// A checksum over all columns (FNV-1a, 64 bits), against bits that change on the disk.
    pub(crate) fn checksum(&self) -> i64 {
        let lengths = [self.topic.len() as u64, self.payload.len() as u64].map(u64::to_le_bytes).concat();
        let flags = [self.qos as u8, u8::from(self.retain), u8::from(self.keep_latest)];
        let expires = self.expires.to_le_bytes();
        let parts = [lengths.as_slice(), &flags, self.topic.as_bytes(), self.payload, &self.properties, &expires];
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
        topic: row.topic.into(),
        payload: row.payload.to_vec().into(),
        qos,
        retain: row.retain,
        properties,
        expires_at: (row.expires != NEVER).then(|| Now::get().to_program(row.expires)),
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
    let row = Row {
        topic: client_id,
        payload: &[],
        qos: 0,
        retain: false,
        keep_latest: false,
        properties: Vec::new(),
        expires: NEVER,
    };
    format!("{name}.{:016x}.sqlite", row.checksum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_the_same_to_the_next_program() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let first = Now(now, SystemTime::UNIX_EPOCH + 1_000_000 * second);
        let expires = first.to_machine(now + 60 * second);
        for (passed, left) in [(0, 60), (20, 40), (60, 0), (100, 0)] {
            let next = Now(now, first.1 + passed * second);
            assert_eq!(next.to_program(expires), now + left * second, "{passed} s later");
        }
    }
}
