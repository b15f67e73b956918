//! How long to wait before the next attempt to connect: pure, the chance is given.

use std::time::Duration;

/// Doubling delays between two bounds, with up to 20 % added so that many clients do not return at once.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(min: Duration, max: Duration) -> Self {
        Backoff { min, max, next: min }
    }

    /// A connection stands: the next loss begins anew.
    pub(crate) fn reset(&mut self) {
        self.next = self.min;
    }

    /// The delay before the next attempt; `chance` lies between 0 and 1.
    pub(crate) fn delay(&mut self, chance: f64) -> Duration {
        let base = self.next.clamp(self.min, self.max);
        self.next = base.saturating_mul(2).min(self.max);
        let jitter = base.checked_div(5).unwrap_or_default().mul_f64(chance.clamp(0.0, 1.0));
        base.saturating_add(jitter).min(self.max.max(base))
    }

    /// The delay before another broker is asked after a loss: it spreads clients that lose theirs in one moment.
    pub(crate) fn spread(&self, chance: f64) -> Duration {
        self.min.mul_f64(chance.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(backoff: &mut Backoff, chance: f64, count: usize) -> Vec<f64> {
        (0..count).map(|_| backoff.delay(chance).as_secs_f64()).collect()
    }

    #[test]
    fn doubles_up_to_the_maximum() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(120));
        let expected = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 120.0, 120.0];
        assert_eq!(seconds(&mut backoff, 0.0, 9), expected);
        backoff.reset();
        assert_eq!(seconds(&mut backoff, 0.0, 2), [1.0, 2.0]);
    }

    #[test]
    fn a_loss_is_followed_within_the_smallest_delay() {
        let backoff = Backoff::new(Duration::from_secs(10), Duration::from_secs(30));
        assert_eq!([0.0, 0.25, 1.0].map(|chance| backoff.spread(chance).as_secs_f64()), [0.0, 2.5, 10.0]);
    }

    #[test]
    fn the_jitter_adds_at_most_a_fifth_and_never_passes_the_maximum() {
        let mut backoff = Backoff::new(Duration::from_secs(10), Duration::from_secs(30));
        assert_eq!(seconds(&mut backoff, 1.0, 3), [12.0, 24.0, 30.0]);
    }
}
