//! What callbacks may do, and what they may not break.
