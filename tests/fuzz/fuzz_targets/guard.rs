//! Gives the guard arbitrary bytes, in arbitrary pieces: it must neither panic nor decide by where they are cut.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rappel::fuzzing::guard(data));
