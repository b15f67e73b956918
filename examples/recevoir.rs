//! Recevoir des messages : s'abonne à la rubrique « test » et affiche tout ce qui y arrive. Ctrl-C l'arrête.
//!
//! Dans un premier terminal, ce programme :
//! ```text
//! $ cargo run --example recevoir
//! Connecté
//! Reçu: allo
//! ```
//! Dans un second, pour lui envoyer un message :
//! ```text
//! $ cargo run --example publier
//! Connecté
//! ```

mod common; // harnais

use rappel as pmc;

const BROKER: &str = "mqttbroker.lan";
const PORT: u16 = 1883;
const TOPIC: &str = "test";

fn connexion(
    _client: &pmc::Client,
    _userdata: &(),
    _flags: pmc::ConnectFlags,
    code: pmc::ReasonCode,
    _properties: &pmc::Properties,
) {
    if code == 0 {
        println!("Connecté");
    } else {
        println!("Erreur code {}", code.value());
    }
}

fn reception_msg(_cl: &pmc::Client, _userdata: &(), msg: &pmc::Message) {
    println!("Reçu: {}", msg.payload_str());
}

fn main() -> pmc::Result<()> {
    let (broker, port) = common::broker(BROKER, PORT)?; // harnais ; chez vous : let (broker, port) = (BROKER, PORT);

    let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    client.on_connect(connexion);
    client.on_message(reception_msg);

    client.connect(broker, port)?;
    client.subscribe(TOPIC, 0)?;
    client.loop_forever()
}
