//! Publishing: order, confirmation, limits, and the packets on the wire.
