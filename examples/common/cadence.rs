//! A fixed cadence: the next moment depends on the start only, so delays never add up.

use std::time::{Duration, Instant};

/// The first multiple of `period` after `start` that is still to come. Moments missed are left out.
pub fn next_tick(start: Instant, period: Duration, now: Instant) -> Instant {
    let elapsed = now.saturating_duration_since(start).as_nanos();
    let into_period = elapsed % period.as_nanos().max(1);
    // Smaller than a period, which fits.
    now + period - Duration::from_nanos(u64::try_from(into_period).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The next tick of a period of 10 s, both in milliseconds after the start.
    fn tick(now: u64) -> u128 {
        let start = Instant::now();
        let next = next_tick(start, Duration::from_secs(10), start + Duration::from_millis(now));
        next.duration_since(start).as_millis()
    }

    #[test]
    fn delays_do_not_add_up() {
        assert_eq!(tick(0), 10_000);
        assert_eq!(tick(24), 10_000);
        assert_eq!(tick(9_999), 10_000);
        assert_eq!(tick(10_003), 20_000);
    }

    #[test]
    fn a_tick_is_never_now() {
        assert_eq!(tick(10_000), 20_000);
    }

    #[test]
    fn missed_ticks_are_left_out() {
        assert_eq!(tick(34_567), 40_000);
    }
}
