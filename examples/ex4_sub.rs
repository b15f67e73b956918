//! Exercice 4, seconde partie : affiche à intervalles réguliers le Pi qui reçoit le plus de lumière et la moyenne de tous.
//!
//! Dans un premier terminal, et sur autant de Pi qu'on veut (ou avec d'autres `--nom`) :
//! ```text
//! $ cargo run --example ex4_pub
//! ```
//! Dans un second :
//! ```text
//! $ cargo run --example ex4_sub
//! Max: denis (93)
//! Moy: 60.40
//! -------------
//! ```
//! - Un Pi qui manque sa période compte encore, avec sa dernière valeur ; après trois périodes de silence il ne compte plus.
//! - À égalité, le maximum est celui du premier nom dans l'ordre alphabétique.
//! - Ce qui n'est pas un entier de 0 à 100 est ignoré, avec un avertissement par Pi.
//! - Tant qu'aucun Pi ne compte, rien n'est affiché, sauf un conseil sur la sortie d'erreur.
//!
//! Le calcul lui-même est dans `common/luminosity.rs`.

mod common;

use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use rappel as pmc;

use common::cadence::next_tick;
use common::cli::{Args, Opt, Program};
use common::luminosity::Luminosity;
use common::report::{self, Outcome};

const TOPIC: &str = "/ex4/+";
const PERIODE: Duration = Duration::from_secs(10);

const PROGRAMME: Program = Program {
    name: "ex4_sub",
    about: "Affiche à intervalles réguliers le Pi qui reçoit le plus de lumière et la moyenne de tous les Pi.",
    options: &[Opt {
        name: "periode",
        value: Some("SECONDES"),
        help: "le temps entre deux affichages, et entre deux valeurs d'un Pi (10)",
    }],
};

/// Les dernières valeurs sont le `userdata` du client : la fonction de rappel les met à jour.
type Valeurs = Mutex<Luminosity>;

fn reception_msg(_cl: &pmc::Client<Valeurs>, valeurs: &Valeurs, msg: &pmc::Message) {
    if let Ok(mut valeurs) = valeurs.lock()
        && let Some(avertissement) = valeurs.receive(&msg.topic, &msg.payload, Instant::now())
    {
        eprintln!("{avertissement}");
    }
}

fn ex4_sub(args: &Args) -> Outcome {
    let periode = args.seconds("periode", PERIODE)?;
    let broker = common::broker::choose(args)?;

    let client = pmc::Client::builder(pmc::CallbackApiVersion::Version2)
        .userdata(Mutex::new(Luminosity::new(periode)))
        .build()?;
    client.on_message(reception_msg);
    client.connect(broker.host(), broker.port())?;
    client.subscribe(TOPIC, 0)?;
    client.loop_start()?;

    let valeurs = client.user_data_get();
    let debut = Instant::now();
    let mut conseil_donne = false;
    loop {
        let maintenant = Instant::now();
        thread::sleep(next_tick(debut, periode, maintenant) - maintenant);

        let resume = valeurs.lock().ok().and_then(|valeurs| valeurs.summary(Instant::now()));
        match &resume {
            Some(resume) => println!("{resume}"),
            None if !conseil_donne => {
                eprintln!("(aucune valeur récente : `cargo run --example ex4_pub` en publie)")
            }
            None => {}
        }
        conseil_donne = resume.is_none();
    }
}

fn main() -> ExitCode {
    report::run(&PROGRAMME, ex4_sub)
}
