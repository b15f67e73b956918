//! QoS : publie avec QoS 2 et attend la confirmation du broker avant de terminer.
//!
//! ```text
//! $ cargo run --example qos
//! Envoi confirmé message #1
//! ```
//! `loop_start` démarre le fil d'exécution qui appelle `publication` ; sans `wait_for_publish`, le programme pourrait se
//! terminer avant elle. Quand `wait_for_publish` rend la main, `publication` a déjà été appelée.
//!
//! `--broker HOTE[:PORT]` choisit le broker ; `--help` dit ce qui se passe sans lui.

mod common;

use std::process::ExitCode;
use std::time::Duration;

use rappel as pmc;

use common::cli::{Args, Program};
use common::report::{self, Outcome};

const TOPIC: &str = "test";

const PROGRAMME: Program = Program {
    name: "qos",
    about: "Publie un message avec QoS 2 dans la rubrique « test » et attend sa confirmation.",
    options: &[],
};

fn publication(_client: &pmc::Client, _userdata: &(), mid: u16, _code: pmc::ReasonCode, _properties: &pmc::Properties) {
    println!("Envoi confirmé message #{mid}");
}

fn qos(args: &Args) -> Outcome {
    let broker = common::broker::choose(args)?;

    let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    client.on_publish(publication);

    client.connect(broker.host(), broker.port())?;
    client.loop_start()?;
    let msg_info = client.publish(TOPIC, "Voici un message", 2)?;
    msg_info.wait_for_publish(Duration::from_secs(5))?;
    Ok(())
}

fn main() -> ExitCode {
    report::run(&PROGRAMME, qos)
}
