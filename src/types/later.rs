//! Points in time that no duration can push out of range.

use std::time::{Duration, Instant};

/// Thirty years: as good as never.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// `after` from `now`, or in thirty years where the clock does not reach.
pub(crate) fn later(now: Instant, after: Duration) -> Instant {
    now + after.min(NEVER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_duration_will_do() {
        let now = Instant::now();
        assert_eq!(later(now, Duration::from_secs(1)), now + Duration::from_secs(1));
        assert!(later(now, Duration::MAX) > now);
    }
}
