//! Sends a client arbitrary bytes, in arbitrary pieces: decoder and session must neither panic nor decide by where they
//! are cut.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rappel::fuzzing::session(data));
