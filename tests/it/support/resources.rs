//! What this process holds right now, from `/proc/self`.
//!
//! All tests of one binary share the process and run side by side. A test that counts must be alone: run it in a
//! process of its own (the test binary again with `--exact NAME`, or an example), or compare with a generous margin.

use std::fs;

/// The number of threads.
pub fn threads() -> usize {
    status("Threads:")
}

/// The number of open file descriptors, without the one that counts them.
pub fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("/proc/self/fd").count() - 1
}

/// The memory in RAM, in KiB.
pub fn resident_kib() -> usize {
    status("VmRSS:")
}

/// The number behind `key` in `/proc/self/status`.
fn status(key: &str) -> usize {
    let text = fs::read_to_string("/proc/self/status").expect("/proc/self/status");
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse().ok())
        .unwrap_or_else(|| panic!("no {key} in /proc/self/status"))
}
