//! The three levels of delivery, and the check that turns a number into one of them.

use std::fmt;

use crate::types::{Error, Result};

/// How hard the two ends try to deliver a message: 0, 1 or 2 (MQTT 3.1.1 and 5, section 4.3).
///
/// Wherever a QoS is asked for, the plain numbers `0`, `1` and `2` do as well.
///
/// ```
/// use rappel::Qos;
///
/// let qos = Qos::try_from(1)?;
/// assert_eq!(qos, Qos::AtLeastOnce);
/// assert!(qos == 1 && qos < Qos::ExactlyOnce);
/// assert!(Qos::try_from(3).is_err());
/// # Ok::<(), rappel::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Qos {
    /// QoS 0: sent once, never confirmed, lost with the connection.
    #[default]
    AtMostOnce = 0,
    /// QoS 1: repeated until confirmed, so it may arrive more than once.
    AtLeastOnce = 1,
    /// QoS 2: confirmed in two steps, so it arrives exactly once.
    ExactlyOnce = 2,
}

impl Qos {
    /// The number on the wire: 0, 1 or 2.
    ///
    /// ```
    /// assert_eq!(rappel::Qos::ExactlyOnce.value(), 2);
    /// ```
    #[must_use]
    pub const fn value(self) -> u8 {
        self as u8
    }
}

impl TryFrom<i32> for Qos {
    type Error = Error;

    /// # Errors
    /// [`Error::InvalidQos`] for anything but 0, 1 and 2.
    fn try_from(qos: i32) -> Result<Self> {
        match qos {
            0 => Ok(Self::AtMostOnce),
            1 => Ok(Self::AtLeastOnce),
            2 => Ok(Self::ExactlyOnce),
            qos => Err(Error::InvalidQos { qos }),
        }
    }
}

impl From<Qos> for i32 {
    fn from(qos: Qos) -> Self {
        Self::from(qos.value())
    }
}

impl From<Qos> for u8 {
    fn from(qos: Qos) -> Self {
        qos.value()
    }
}

impl fmt::Display for Qos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

impl PartialEq<i32> for Qos {
    fn eq(&self, other: &i32) -> bool {
        i32::from(*self) == *other
    }
}

impl PartialEq<Qos> for i32 {
    fn eq(&self, other: &Qos) -> bool {
        other == self
    }
}

/// Turns the number the user wrote into a [`Qos`], or into [`Error::InvalidQos`].
pub(crate) fn check_qos(qos: i32) -> Result<Qos> {
    Qos::try_from(qos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (number, qos) in [(0, Qos::AtMostOnce), (1, Qos::AtLeastOnce), (2, Qos::ExactlyOnce)] {
            assert_eq!(check_qos(number).ok(), Some(qos));
            assert_eq!(qos, number);
            assert_eq!(number, qos);
            assert_eq!(qos.to_string(), number.to_string());
        }
        for qos in [-1, 3, 128, 256, i32::MIN, i32::MAX] {
            assert!(matches!(check_qos(qos), Err(Error::InvalidQos { qos: q }) if q == qos));
        }
        assert_eq!(Qos::default(), 0);
    }
}
