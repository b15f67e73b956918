//! MQTT 5 properties as bytes (MQTT 5, section 2.2.2).

use crate::types::{Properties, PropertyFields};
use crate::wire::{Malformed, Reader, push_binary, push_varint};

/// Reads a property list with its length, as the broker may send it.
pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Properties, Malformed> {
    let len = reader.varint()?;
    let mut list = Reader::new(reader.take(len)?);
    let mut properties = Properties::new();
    while !list.is_empty() {
        let id = list.varint()?;
        read_one(&mut list, id, &mut properties)?;
    }
    Ok(properties)
}

/// Checks a property list without keeping it: for PUBLISH, whose properties the engine hands on.
pub(crate) fn skim(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    if reader.clone().u8() == Ok(0) {
        reader.u8()?;
        return Ok(());
    }
    decode(reader).map(|_| ())
}

/// Stores a property that may stand only once.
fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), Malformed> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Malformed("a property that may stand once stands twice")),
    }
}

/// A byte property that may only be 0 or 1.
fn flag(list: &mut Reader<'_>) -> Result<bool, Malformed> {
    match list.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed("a property that may be 0 or 1 is neither")),
    }
}

fn read_one(list: &mut Reader<'_>, id: usize, into: &mut Properties) -> Result<(), Malformed> {
    match id {
        0x01 => once(&mut into.payload_format_indicator, u8::from(flag(list)?)),
        0x02 => once(&mut into.message_expiry_interval, list.u32()?),
        0x03 => once(&mut into.content_type, list.text()?.to_owned()),
        0x08 => once(&mut into.response_topic, list.text()?.to_owned()),
        0x09 => once(&mut into.correlation_data, list.binary()?.to_vec()),
        0x0b => match list.varint()? {
            0 => Err(Malformed("a subscription identifier is 0")),
            value => {
                into.subscription_identifier.push(value as u32);
                Ok(())
            }
        },
        0x11 => once(&mut into.session_expiry_interval, list.u32()?),
        0x12 => once(&mut into.assigned_client_identifier, list.text()?.to_owned()),
        0x13 => once(&mut into.server_keep_alive, list.u16()?),
        0x15 => once(&mut into.authentication_method, list.text()?.to_owned()),
        0x16 => once(&mut into.authentication_data, list.binary()?.to_vec()),
        0x17 => once(&mut into.request_problem_information, flag(list)?),
        0x18 => once(&mut into.will_delay_interval, list.u32()?),
        0x19 => once(&mut into.request_response_information, flag(list)?),
        0x1a => once(&mut into.response_information, list.text()?.to_owned()),
        0x1c => once(&mut into.server_reference, list.text()?.to_owned()),
        0x1f => once(&mut into.reason_string, list.text()?.to_owned()),
        0x21 => match list.u16()? {
            0 => Err(Malformed("the receive maximum is 0")),
            value => once(&mut into.receive_maximum, value),
        },
        0x22 => once(&mut into.topic_alias_maximum, list.u16()?),
        0x23 => once(&mut into.topic_alias, list.u16()?),
        0x24 => once(&mut into.maximum_qos, u8::from(flag(list)?)),
        0x25 => once(&mut into.retain_available, flag(list)?),
        0x26 => {
            let name = list.text()?.to_owned();
            into.user_property.push((name, list.text()?.to_owned()));
            Ok(())
        }
        0x27 => match list.u32()? {
            0 => Err(Malformed("the maximum packet size is 0")),
            value => once(&mut into.maximum_packet_size, value),
        },
        0x28 => once(&mut into.wildcard_subscription_available, flag(list)?),
        0x29 => once(&mut into.subscription_identifier_available, flag(list)?),
        0x2a => once(&mut into.shared_subscription_available, flag(list)?),
        _ => Err(Malformed("a property has an unknown identifier")),
    }
}

/// Appends `properties` with their length: those that a client sends in DISCONNECT and with its will.
pub(crate) fn encode(out: &mut Vec<u8>, properties: &Properties) {
    let mut list = Vec::new();
    write_all(&mut list, properties);
    push_varint(out, list.len());
    out.extend_from_slice(&list);
}

fn write_all(list: &mut Vec<u8>, from: &PropertyFields) {
    let byte = |list: &mut Vec<u8>, id: u8, value: Option<u8>| {
        if let Some(value) = value {
            list.extend_from_slice(&[id, value]);
        }
    };
    byte(list, 0x01, from.payload_format_indicator);
    for (id, value) in
        [(0x02, from.message_expiry_interval), (0x11, from.session_expiry_interval), (0x18, from.will_delay_interval)]
    {
        if let Some(value) = value {
            list.push(id);
            list.extend_from_slice(&value.to_be_bytes());
        }
    }
    for (id, value) in [
        (0x03, from.content_type.as_deref().map(str::as_bytes)),
        (0x08, from.response_topic.as_deref().map(str::as_bytes)),
        (0x09, from.correlation_data.as_deref()),
        (0x1f, from.reason_string.as_deref().map(str::as_bytes)),
    ] {
        if let Some(value) = value {
            list.push(id);
            push_binary(list, value);
        }
    }
    for (name, value) in &from.user_property {
        list.push(0x26);
        push_binary(list, name.as_bytes());
        push_binary(list, value.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut properties = Properties::new();
        properties.session_expiry_interval = Some(60);
        properties.reason_string = Some("fin".into());
        properties.user_property.push(("a".into(), "é".into()));
        let mut bytes = Vec::new();
        encode(&mut bytes, &properties);
        assert_eq!(decode(&mut Reader::new(&bytes)), Ok(properties));
    }

    #[test]
    fn malformed_lists_are_refused() {
        for bytes in [
            &[2, 0x7f, 0][..],            // unknown identifier
            &[6, 0x21, 0, 1, 0x21, 0, 1], // twice
            &[3, 0x21, 0, 0],             // receive maximum 0
            &[2, 0x25, 2],                // neither 0 nor 1
            &[5, 0x1f, 0, 9, b'a', b'b'], // length past the end
            &[4, 0x1f, 0, 1, 0],          // NUL in a string
            &[9],                         // longer than the packet
        ] {
            assert!(decode(&mut Reader::new(bytes)).is_err(), "{bytes:?}");
        }
    }
}
