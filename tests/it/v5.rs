//! What MQTT 5 adds.
