//! Bytes of a packet whose rest has not come, kept for the next read.

use crate::wire::Malformed;

/// The beginning of a packet.
#[derive(Debug, Default)]
pub(crate) struct Held(Vec<u8>);

impl Held {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Gives `take` what was held with `data` behind it, and holds what it leaves: it says how much it used up.
    pub(crate) fn feed(
        &mut self,
        data: &[u8],
        take: impl FnOnce(&[u8]) -> Result<usize, Malformed>,
    ) -> Result<(), Malformed> {
        if self.0.is_empty() {
            let taken = take(data)?;
            self.0.extend_from_slice(&data[taken..]);
        } else {
            self.0.extend_from_slice(data);
            let taken = take(&self.0)?;
            self.0.drain(..taken);
        }
        Ok(())
    }
}
