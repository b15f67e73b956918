#!/usr/bin/env python3
"""What a dependency costs: builds a program of ten lines from nothing, with each set of features and with rumqttc.

    tests/build_cost.py

Prints, for each, how many crates are built, the processor's time and the clock's that `cargo build --release` takes, and how
large the program is, stripped. What is downloaded is downloaded before. Without anything to install.
"""
import os, pathlib, re, resource, subprocess, tempfile, time

HERE = pathlib.Path(__file__).resolve().parent.parent
OURS = """use rappel as pmc;

fn main() -> pmc::Result<()> {
    let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    client.on_message(|_client, _userdata, msg| println!("{}", msg.payload_str()));
    TLS
    client.connect("localhost", 1883)?;
    client.subscribe("test", 0)?;
    client.loop_forever()
}
"""
RUMQTTC = """use rumqttc::{Client, Event, MqttOptions, Packet, QoS, Transport};

fn main() {
    let mut options = MqttOptions::new("test", "localhost", 1883);
    TLS
    let (client, mut connection) = Client::new(options, 10);
    client.subscribe("test", QoS::AtMostOnce).unwrap();
    for event in connection.iter() {
        if let Ok(Event::Incoming(Packet::Publish(msg))) = event { println!("{:?}", msg.payload) }
    }
}
"""
OURS_TLS = "client.tls_set(pmc::TlsOptions::new())?;"
RUMQTTC_TLS = "options.set_transport(Transport::tls_with_default_config());"
RAPPEL = f'rappel = {{ path = "{HERE}", default-features = %s, features = [%s] }}'
RIVAL = 'rumqttc = { version = "=0.25.1", default-features = false, features = [%s] }'
CASES = [
    ("rappel, no feature", RAPPEL % ("false", ""), OURS, ""),
    ("rappel, default", RAPPEL % ("true", ""), OURS, ""),
    ("rumqttc, no feature", RIVAL % "", RUMQTTC.replace(", Transport", ""), ""),
    ("rappel, tls alone", RAPPEL % ("false", '"tls"'), OURS, OURS_TLS),
    ("rappel, default and tls", RAPPEL % ("true", '"tls"'), OURS, OURS_TLS),
    ("rumqttc, use-rustls", RIVAL % '"use-rustls"', RUMQTTC, RUMQTTC_TLS),
]


def build(dependency, program, tls):
    """Crates, processor's seconds, seconds, and bytes of the stripped program."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "src").mkdir()
        (folder / "src/main.rs").write_text(program.replace("TLS", tls))
        manifest = '[package]\nname = "ten-lines"\nversion = "0.0.0"\nedition = "2021"\n[profile.release]\nstrip = true\n[dependencies]\n'
        (folder / "Cargo.toml").write_text(manifest + dependency + "\n")
        run = lambda *arguments: subprocess.run(
            ["cargo", *arguments], cwd=folder, check=True, capture_output=True, text=True,
            env={**os.environ, "CARGO_TARGET_DIR": str(folder / "target"), "CARGO_TERM_COLOR": "never"})
        run("fetch")
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        printed = run("build", "--release").stderr
        seconds, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        crates = len(re.findall(r"^ +Compiling ", printed, re.M)) - 1
        return crates, cpu, seconds, (folder / "target/release/ten-lines").stat().st_size


if __name__ == "__main__":
    print(f"{subprocess.run(['rustc', '--version'], capture_output=True, text=True).stdout.strip()}, {os.cpu_count()} cores")
    print("| | crates | CPU | clock | program |\n|---|---|---|---|---|")
    for name, *case in CASES:
        crates, cpu, seconds, size = build(*case)
        print(f"| {name} | {crates} | {cpu:.0f} s | {seconds:.0f} s | {size / 1e6:.2f} MB |", flush=True)
