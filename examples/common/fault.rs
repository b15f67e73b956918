//! What the harness has to say when something is missing.

use std::fmt;

/// Why an example cannot go on: one French sentence, with what to do next.
#[derive(thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

impl Fault {
    /// A fault that says this.
    pub fn new(sentence: impl Into<String>) -> Self {
        Fault(sentence.into())
    }
}

/// `main` prints its error in this form.
impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
