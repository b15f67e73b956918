//! QoS : publie avec QoS 2 et attend la confirmation du broker avant de terminer.
//!
//! ```text
//! $ cargo run --example qos
//! Envoi confirmé message #1
//! ```
//! `loop_start` démarre le fil d'exécution qui appelle `publication` ; sans `wait_for_publish`, le programme se
//! terminerait avant elle. Quand `wait_for_publish` rend la main, `publication` a déjà été appelée.

mod common; // harnais

use rappel as pmc;

const BROKER: &str = "mqttbroker.lan";
const PORT: u16 = 1883;
const TOPIC: &str = "test";

fn publication(_client: &pmc::Client, _userdata: &(), mid: u16, _code: pmc::ReasonCode, _properties: &pmc::Properties) {
    println!("Envoi confirmé message #{mid}");
}

fn main() -> pmc::Result<()> {
    let (broker, port) = common::broker(BROKER, PORT)?; // harnais ; chez vous : let (broker, port) = (BROKER, PORT);

    let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    client.on_publish(publication);

    client.connect(broker, port)?;
    client.loop_start()?;
    let msg_info = client.publish(TOPIC, "Voici un message", 2)?;
    msg_info.wait_for_publish(5)
}
