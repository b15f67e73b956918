//! Programs that the tests need and cargo does not build.

use std::env;
use std::path::PathBuf;

/// The path of `program`, which may be where only root's PATH leads.
///
/// # Panics
/// With `install`, the command that installs it: a test on a real broker or proxy must not pass without one.
#[track_caller]
pub fn installed(program: &str, install: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"].map(PathBuf::from))
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("{program} is not installed, and these tests need it: {install}"))
}
