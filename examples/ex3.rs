//! Exercice 3 : un chat. Chaque ligne écrite au clavier est publiée dans la rubrique « exercice3 », et tout ce qui y
//! arrive est affiché. Ctrl-D (la fin de l'entrée) ou Ctrl-C le termine, et les autres voient son départ.
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

mod common; // harnais

use std::error::Error;
use std::io;
use std::thread;

use rappel as pmc;

const BROKER: &str = "mqttbroker.lan";
const PORT: u16 = 1883;
const TOPIC: &str = "exercice3";
const ADRESSE: common::Adresse = common::Adresse; // harnais ; chez vous : const ADRESSE: &str = "10.10.10.23";

fn connexion(
    client: &pmc::Client,
    _userdata: &(),
    _flags: pmc::ConnectFlags,
    code: pmc::ReasonCode,
    _properties: &pmc::Properties,
) -> Result<(), Box<dyn Error>> {
    if code == 0 {
        println!("Connecté");
        client.subscribe(TOPIC, 0)?;
        client.publish(TOPIC, format!("{ADRESSE} est arrivé"), 0)?;
    } else {
        println!("Erreur code {}", code.value());
    }
    Ok(())
}

fn reception_msg(_cl: &pmc::Client, _userdata: &(), msg: &pmc::Message) {
    println!("\t\t {}", msg.payload_str());
}

/// Publie les lignes écrites ; à la fin de l'entrée, dit au revoir et se déconnecte.
fn envoi_msg(client: &pmc::Client) -> pmc::Result<()> {
    for message in io::stdin().lines().map_while(Result::ok) {
        // Pendant une panne du réseau la ligne n'est pas envoyée : on le dit, et le chat continue.
        if let Err(erreur) = client.publish(TOPIC, message, 0) {
            eprintln!("{erreur}");
        }
    }
    // Avec QoS 1, `disconnect` attend que cet au revoir soit arrivé au broker.
    client.publish(TOPIC, format!("{ADRESSE} a quitté"), 1)?;
    client.disconnect()
}

fn main() -> pmc::Result<()> {
    let (broker, port) = common::broker(BROKER, PORT)?; // harnais ; chez vous : let (broker, port) = (BROKER, PORT);

    let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    client.on_connect(connexion);
    client.on_message(reception_msg);
    // Ctrl-C tue le programme, comme le ferait une panne de courant : c'est le broker qui annonce alors le départ.
    client.will_set(TOPIC, format!("{ADRESSE} a quitté"), 0)?;

    client.connect(broker, port)?;
    let fil_entree_message = thread::spawn({
        let client = client.clone();
        move || envoi_msg(&client)
    });
    client.loop_forever()?;
    fil_entree_message.join().unwrap_or(Ok(()))
}
