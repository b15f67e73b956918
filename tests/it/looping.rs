//! The loops: who runs the callbacks, and when they end.
