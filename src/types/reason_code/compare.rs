//! Comparisons of reason codes: with each other and with numbers by value, with text by name.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::{ReasonCode, names};

impl PartialEq for ReasonCode {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for ReasonCode {}

impl Hash for ReasonCode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}

impl Ord for ReasonCode {
    fn cmp(&self, other: &Self) -> Ordering {
        self.value.cmp(&other.value)
    }
}

impl PartialOrd for ReasonCode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq<i32> for ReasonCode {
    fn eq(&self, other: &i32) -> bool {
        i32::from(self.value) == *other
    }
}

impl PartialOrd<i32> for ReasonCode {
    fn partial_cmp(&self, other: &i32) -> Option<Ordering> {
        Some(i32::from(self.value).cmp(other))
    }
}

impl PartialEq<u8> for ReasonCode {
    fn eq(&self, other: &u8) -> bool {
        self.value == *other
    }
}

impl PartialEq<str> for ReasonCode {
    fn eq(&self, other: &str) -> bool {
        match names::find(self.packet, self.value) {
            Some(name) => name == other,
            None => other.strip_prefix("Reason code ") == Some(self.value.to_string().as_str()),
        }
    }
}

impl PartialEq<&str> for ReasonCode {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::PacketType;

    #[test]
    fn compares_by_number_only() {
        let refused = ReasonCode::new(PacketType::Connack, 135);
        assert_eq!(refused, ReasonCode::new(PacketType::Suback, 135));
        assert!(refused > ReasonCode::new(PacketType::Disconnect, 4));
        assert!(refused > 134 && refused != 391 && refused == 135_u8);
        assert!(refused.is_failure() && !ReasonCode::new(PacketType::Puback, 127).is_failure());
        assert_eq!(u8::from(refused), 135);
    }
}
