//! Subscribing, and which callback a message reaches.
