//! Lengths of time as Python gives them, in seconds, or as a `Duration`.

use std::time::Duration;

use crate::types::{Error, Result};

/// A length of time: a number of seconds, as in paho-python, or a [`Duration`].
///
/// Integers and floats are seconds: `5`, `0.25`. More than a `Duration` can hold is the longest one there is. A negative
/// number, or one that is none (`f64::NAN`), makes the call that takes it fail with [`Error::InvalidSeconds`].
///
/// ```
/// use std::time::Duration;
///
/// # fn main() -> rappel::Result<()> {
/// let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
/// client.connect_timeout_set(2.5)?;
/// assert_eq!(client.connect_timeout(), Duration::from_millis(2500));
/// client.connect_timeout_set(Duration::from_secs(10))?;
/// assert!(client.connect_timeout_set(-1).is_err());
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a length of time",
    label = "give a number of seconds, such as `5` or `0.5`, or a `Duration`"
)]
pub trait IntoDuration: sealed::Sealed {
    /// The duration, or the number that is none.
    #[doc(hidden)]
    fn into_duration(self) -> GivenDuration;
}

/// A length of time that may be left open: a number of seconds, a [`Duration`], or `None` for as long as it takes.
///
/// paho-python: `timeout=None`. Everything that is [`IntoDuration`] is a timeout too, and so is an `Option<Duration>`.
///
/// ```no_run
/// # let client = rappel::Client::new(rappel::CallbackApiVersion::Version2);
/// use std::time::Duration;
///
/// client.connect("mqttbroker.lan", 1883)?;
/// let info = client.publish("test", "Voici un message", 1)?;
/// info.wait_for_publish(0.5)?;
/// info.wait_for_publish(Duration::from_millis(500))?;
/// info.wait_for_publish(None)?;
/// # Ok::<(), rappel::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a time limit",
    label = "give a number of seconds, such as `5` or `0.5`, a `Duration`, an `Option<Duration>`, or `None`"
)]
pub trait IntoTimeout: sealed::SealedTimeout {
    /// The limit, `None` for none, or the number that is no duration.
    #[doc(hidden)]
    fn into_timeout(self) -> Option<GivenDuration>;
}

/// What the user wrote, not yet checked: a duration, or the number that is none.
pub(crate) type GivenDuration = std::result::Result<Duration, f64>;

mod sealed {
    pub trait Sealed {}
    pub trait SealedTimeout {}

    impl<T: Sealed> SealedTimeout for T {}
    impl SealedTimeout for Option<std::time::Duration> {}
}

/// Checks a length of time given to `what`, the name of a method or a setting.
pub(crate) fn check_duration(what: &'static str, given: GivenDuration) -> Result<Duration> {
    given.map_err(|seconds| Error::InvalidSeconds { what, seconds })
}

/// Checks a length of time that may be left open.
pub(crate) fn check_timeout(what: &'static str, timeout: impl IntoTimeout) -> Result<Option<Duration>> {
    timeout.into_timeout().map(|given| check_duration(what, given)).transpose()
}

/// Checks a keep-alive given by the user.
pub(crate) fn check_keepalive(given: GivenDuration) -> Result<Duration> {
    let keepalive = given.map_err(|seconds| Error::InvalidKeepalive { seconds })?;
    keepalive_seconds(keepalive).map(|_| keepalive)
}

/// A keep-alive in the seconds that CONNECT can carry: 0 switches it off, a fraction is rounded up.
pub(crate) fn keepalive_seconds(keepalive: Duration) -> Result<u16> {
    let seconds = keepalive.as_secs().saturating_add(u64::from(keepalive.subsec_nanos() > 0));
    u16::try_from(seconds).map_err(|_| Error::InvalidKeepalive { seconds: keepalive.as_secs_f64() })
}

impl sealed::Sealed for Duration {}

impl IntoDuration for Duration {
    fn into_duration(self) -> GivenDuration {
        Ok(self)
    }
}

impl<T: IntoDuration> IntoTimeout for T {
    fn into_timeout(self) -> Option<GivenDuration> {
        Some(self.into_duration())
    }
}

/// The only `Option`, so that a bare `None` needs no type.
impl IntoTimeout for Option<Duration> {
    fn into_timeout(self) -> Option<GivenDuration> {
        self.map(Ok)
    }
}

macro_rules! integers {
    ($($integer:ty)*) => {$(
        impl sealed::Sealed for $integer {}

        impl IntoDuration for $integer {
            fn into_duration(self) -> GivenDuration {
                if i128::try_from(self).is_ok_and(i128::is_negative) {
                    return Err(self as f64);
                }
                Ok(u64::try_from(self).map_or(Duration::MAX, Duration::from_secs))
            }
        }
    )*};
}

integers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

macro_rules! floats {
    ($($float:ty)*) => {$(
        impl sealed::Sealed for $float {}

        impl IntoDuration for $float {
            fn into_duration(self) -> GivenDuration {
                let seconds = f64::from(self);
                if seconds.is_nan() || seconds < 0.0 {
                    return Err(seconds);
                }
                Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
            }
        }
    )*};
}

floats!(f32 f64);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: impl IntoDuration, expected: Duration) {
        assert_eq!(given.into_duration(), Ok(expected));
    }

    #[test]
    fn numbers_are_seconds() {
        check(5, Duration::from_secs(5));
        check(0, Duration::ZERO);
        check(-0.0, Duration::ZERO);
        check(7_u8, Duration::from_secs(7));
        check(0.25, Duration::from_millis(250));
        check(1e-9, Duration::from_nanos(1));
        check(1.5_f32, Duration::from_millis(1500));
        check(Duration::from_nanos(1), Duration::from_nanos(1));
    }

    #[test]
    fn what_is_too_long_is_the_longest() {
        check(u64::MAX, Duration::from_secs(u64::MAX));
        check(u128::MAX, Duration::MAX);
        check(i128::MAX, Duration::MAX);
        check(1e300, Duration::MAX);
        check(f32::INFINITY, Duration::MAX);
    }

    #[test]
    fn what_is_no_time_is_said() {
        for (given, seconds) in [((-1).into_duration(), -1.0), (i128::MIN.into_duration(), i128::MIN as f64)] {
            assert_eq!(given, Err(seconds));
        }
        assert_eq!((-0.001).into_duration(), Err(-0.001));
        assert_eq!(f64::NEG_INFINITY.into_duration(), Err(f64::NEG_INFINITY));
        assert!(f64::NAN.into_duration().is_err_and(f64::is_nan));
        let error = check_timeout("wait_for_publish", -1);
        assert!(matches!(error, Err(Error::InvalidSeconds { what: "wait_for_publish", seconds: -1.0 })), "{error:?}");
    }

    #[test]
    fn none_needs_no_type() {
        assert!(matches!(check_timeout("loop_once", None), Ok(None)));
        assert!(matches!(check_timeout("loop_once", Some(Duration::MAX)), Ok(Some(Duration::MAX))));
        assert!(matches!(check_timeout("loop_once", 1), Ok(Some(limit)) if limit == Duration::from_secs(1)));
    }

    #[test]
    fn a_keepalive_fits_in_sixteen_bits() {
        for (keepalive, seconds) in [(0.0, 0), (1e-9, 1), (1.0, 1), (59.5, 60), (65_535.0, 65_535)] {
            let keepalive = check_keepalive(keepalive.into_duration()).expect("it fits");
            assert_eq!(keepalive_seconds(keepalive).ok(), Some(seconds));
        }
        for keepalive in [Ok(Duration::MAX), Ok(Duration::from_secs(65_536)), 65_535.1.into_duration(), Err(-1.0)] {
            assert!(matches!(check_keepalive(keepalive), Err(Error::InvalidKeepalive { .. })), "{keepalive:?}");
        }
    }
}
