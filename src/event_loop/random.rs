//! What differs between clients by chance.

use std::hash::{BuildHasher, Hasher, RandomState};

/// 64 bits that differ between clients and calls.
fn bits() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A number between 0 and 1.
pub(crate) fn chance() -> f64 {
    (bits() >> 11) as f64 / (1u64 << 53) as f64
}

/// A client id of 22 letters and digits, short enough for MQTT 3.1, as paho-python makes it.
pub(crate) fn client_id() -> String {
    const DIGITS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut number = u128::from(bits()) << 64 | u128::from(bits());
    let digit = |_| {
        let digit = DIGITS[(number % 62) as usize];
        number /= 62;
        char::from(digit)
    };
    (0..22).map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_and_differ() {
        let ids = [client_id(), client_id()];
        assert!(ids.iter().all(|id| id.len() == 22 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())), "{ids:?}");
        assert_ne!(ids[0], ids[1]);
        assert!((0.0..1.0).contains(&chance()));
    }
}
