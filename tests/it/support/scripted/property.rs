//! MQTT 5 properties as bytes: written for what the broker sends, taken apart for what it got.
//!
//! A packet's properties are the concatenation of single ones: `[text(0x1f, "why"), user("a", "b")].concat()`. Ids:
//! MQTT 5, 2.2.2.2.

/// A property with one byte, such as 0x24 Maximum QoS.
pub fn byte(id: u8, value: u8) -> Vec<u8> {
    vec![id, value]
}

/// A property with two bytes, such as 0x21 Receive Maximum.
pub fn two_bytes(id: u8, value: u16) -> Vec<u8> {
    [&[id][..], &value.to_be_bytes()].concat()
}

/// A property with four bytes, such as 0x11 Session Expiry Interval.
pub fn four_bytes(id: u8, value: u32) -> Vec<u8> {
    [&[id][..], &value.to_be_bytes()].concat()
}

/// A property with a number of variable length: 0x0b Subscription Identifier.
pub fn number(id: u8, value: u32) -> Vec<u8> {
    [&[id][..], &super::packet::variable(value as usize)].concat()
}

/// A property with a text, such as 0x1f Reason String.
pub fn text(id: u8, value: &str) -> Vec<u8> {
    binary(id, value.as_bytes())
}

/// A property with binary data: 0x09 Correlation Data, 0x16 Authentication Data. Also a text that is not UTF-8.
pub fn binary(id: u8, value: &[u8]) -> Vec<u8> {
    [&[id][..], &super::packet::prefixed(value)].concat()
}

/// A user property (0x26).
pub fn user(name: &str, value: &str) -> Vec<u8> {
    [text(0x26, name), super::packet::prefixed(value.as_bytes())].concat()
}

/// The single properties in `bytes`, each as the functions above write it:
/// `split(&connect.properties).contains(&four_bytes(0x11, 60))`.
///
/// # Panics
/// When `bytes` are no properties.
#[track_caller]
pub fn split(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut single = Vec::new();
    while !bytes.is_empty() {
        let length = length(bytes).filter(|length| *length <= bytes.len());
        let (first, rest) = bytes.split_at(length.unwrap_or_else(|| panic!("no properties: {bytes:02x?}")));
        single.push(first.to_vec());
        bytes = rest;
    }
    single
}

/// The length of the first property, id included; it may exceed `bytes`.
fn length(bytes: &[u8]) -> Option<usize> {
    // The length of a text or of binary data with its prefix.
    let prefixed = |at: usize| Some(2 + usize::from(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?])));
    Some(
        1 + match bytes.first()? {
            0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2a => 1,
            0x13 | 0x21 | 0x22 | 0x23 => 2,
            0x02 | 0x11 | 0x18 | 0x27 => 4,
            0x0b => 1 + bytes[1..].iter().take_while(|byte| **byte >= 0x80).count(),
            0x03 | 0x08 | 0x09 | 0x12 | 0x15 | 0x16 | 0x1a | 0x1c | 0x1f => prefixed(1)?,
            0x26 => {
                let name = prefixed(1)?;
                name + prefixed(1 + name)?
            }
            _ => return None,
        },
    )
}
