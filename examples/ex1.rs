//! Exercice 1 : publie « 10.10.10.X connecté » dans la rubrique « exercice1 », et affiche ce qui y arrive. Ctrl-C l'arrête.
//!
//! L'adresse est celle par laquelle cette machine joint le broker. Le programme reçoit aussi son propre message, car il
//! s'abonne avant que `connexion` soit appelée.
//! ```text
//! $ cargo run --example ex1 -- --broker mqttbroker.lan
//! Connecté
//! Reçu: 10.10.10.23 connecté
//! Reçu: 10.10.10.42 connecté
//! ```
//! La dernière ligne vient d'un autre Pi qui démarre le même programme. Avec un seul Pi, ouvrez deux terminaux et
//! démarrez-le dans chacun, sans `--broker` ; `--help` dit quel broker il utilise alors.

mod common;

use std::net::IpAddr;
use std::process::ExitCode;

use rappel as pmc;

use common::cli::{Args, Program};
use common::report::{self, Outcome};

const TOPIC: &str = "exercice1";

const PROGRAMME: Program = Program {
    name: "ex1",
    about: "Publie « ADRESSE connecté » dans la rubrique « exercice1 » et affiche ce qui y arrive, jusqu'à Ctrl-C.",
    options: &[],
};

/// L'adresse de cette machine est le `userdata` du client : chaque fonction de rappel la reçoit.
fn connexion(
    client: &pmc::Client<IpAddr>,
    adresse: &IpAddr,
    _flags: pmc::ConnectFlags,
    code: pmc::ReasonCode,
    _properties: &pmc::Properties,
) {
    if code == 0 {
        println!("Connecté");
        report::show(client.publish(TOPIC, format!("{adresse} connecté"), 0));
    } else {
        println!("Erreur code {}", code.value());
    }
}

fn reception_msg(_cl: &pmc::Client<IpAddr>, _adresse: &IpAddr, msg: &pmc::Message) {
    println!("Reçu: {}", msg.payload_str());
}

fn ex1(args: &Args) -> Outcome {
    let broker = common::broker::choose(args)?;
    let adresse = common::machine::address_towards(broker.host(), broker.port());

    let client = pmc::Client::builder(pmc::CallbackApiVersion::Version2).userdata(adresse).build()?;
    client.on_connect(connexion);
    client.on_message(reception_msg);

    client.connect(broker.host(), broker.port())?;
    client.subscribe(TOPIC, 0)?;
    client.loop_forever()?;
    Ok(())
}

fn main() -> ExitCode {
    report::run(&PROGRAMME, ex1)
}
