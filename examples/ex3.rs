//! Exercice 3 : un chat. Chaque ligne écrite au clavier est publiée dans la rubrique « exercice3 », et tout ce qui y
//! arrive est affiché. Ctrl-C, ou la fin de l'entrée (Ctrl-D), annonce le départ et termine le programme.
//!
//! Démarrez-le dans deux terminaux, ou sur deux Pis avec `--broker`. Dans le premier :
//! ```text
//! $ cargo run --example ex3 -- --broker mqttbroker.lan
//! Connecté
//!                  10.10.10.23 est arrivé
//!                  10.10.10.42 est arrivé
//! bonjour
//!                  bonjour
//!                  salut!
//!                  10.10.10.42 a quitté
//! ```
//! Ce qui est reçu est décalé à droite par deux tabulations. On reçoit aussi ce qu'on envoie soi-même, comme `bonjour`.

mod common;

use std::io;
use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use rappel as pmc;

use common::cli::{Args, Program};
use common::report::{self, Outcome};

const TOPIC: &str = "exercice3";

const PROGRAMME: Program = Program {
    name: "ex3",
    about: "Un chat dans la rubrique « exercice3 » : les lignes écrites sont envoyées, ce qui arrive est affiché.\n\
            Ctrl-C ou Ctrl-D pour quitter.",
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
        report::show(client.publish(TOPIC, format!("{adresse} est arrivé"), 0));
    } else {
        println!("Erreur code {}", code.value());
    }
}

fn reception_msg(_cl: &pmc::Client<IpAddr>, _adresse: &IpAddr, msg: &pmc::Message) {
    println!("\t\t {}", msg.payload_str());
}

/// Publie les lignes écrites, jusqu'à la fin de l'entrée.
fn envoi_msg(client: &pmc::Client<IpAddr>) {
    for message in io::stdin().lines() {
        match message {
            Ok(message) => report::show(client.publish(TOPIC, message, 0)),
            Err(erreur) if erreur.kind() == io::ErrorKind::InvalidData => {
                eprintln!("(ligne ignorée : ce n'est pas du texte UTF-8)");
            }
            Err(_) => break,
        }
    }
}

fn ex3(args: &Args) -> Outcome {
    let broker = common::broker::choose(args)?;
    let adresse = common::machine::address_towards(broker.host(), broker.port());

    let client = pmc::Client::builder(pmc::CallbackApiVersion::Version2).userdata(adresse).build()?;
    client.on_connect(connexion);
    client.on_message(reception_msg);

    client.connect(broker.host(), broker.port())?;
    client.subscribe(TOPIC, 0)?;

    // À partir d'ici, Ctrl-C ne tue plus le programme : il met `interrompu` à vrai.
    let interrompu = common::stop::on_ctrl_c()?;

    // Un premier tour de boucle appelle `connexion` : l'arrivée est annoncée avant que la première ligne parte.
    client.loop_once(Duration::from_secs(1))?;
    client.loop_start()?;
    let fil_entree_message = thread::spawn({
        let client = client.clone();
        move || envoi_msg(&client)
    });
    while !interrompu.load(Ordering::Relaxed) && !fil_entree_message.is_finished() {
        thread::sleep(Duration::from_millis(50));
    }

    // Avec QoS 1, on sait que le message est arrivé au broker avant de se déconnecter.
    let au_revoir = client.publish(TOPIC, format!("{adresse} a quitté"), 1)?;
    au_revoir.wait_for_publish(Duration::from_secs(5))?;
    client.disconnect()?;
    Ok(())
}

fn main() -> ExitCode {
    report::run(&PROGRAMME, ex3)
}
