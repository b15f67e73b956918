//! What long trials need: seeded chance, the soak switch, and a process of their own.

use std::env;
use std::process::{Command, Output};

/// With this variable set to 1 the long trials run in full length.
const SOAK: &str = "RAPPEL_SOAK";

/// Whether the long trials run in full length.
pub fn soak() -> bool {
    env::var_os(SOAK).is_some_and(|value| value == "1")
}

/// `short`, or `long` in a soak.
pub fn rounds(short: usize, long: usize) -> usize {
    if soak() { long } else { short }
}

/// Numbers that look random and are the same in every run: xorshift64*.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// The sequence of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// `len` bytes.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

/// Runs the test `name` (its path, such as `resources::in_a_process::cycles`), marked `#[ignore]`, in a process of its
/// own and alone there; gives all it printed.
///
/// # Panics
/// With what it printed, when it fails or does not exist.
#[track_caller]
pub fn alone(name: &str, environment: &[(&str, &str)]) -> String {
    let output = run(name, environment);
    let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name} failed in a process of its own ({}):\n{printed}", output.status);
    assert!(printed.contains("1 passed"), "there is no test {name} marked #[ignore]:\n{printed}");
    printed
}

/// As [`alone`], whatever comes of it.
#[track_caller]
fn run(name: &str, environment: &[(&str, &str)]) -> Output {
    Command::new(env::current_exe().expect("the path of this test"))
        .args([name, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .envs(environment.iter().copied())
        .output()
        .expect("the test binary starts")
}
