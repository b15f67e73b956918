//! Exercice 4 en image : la dernière valeur de chaque Pi en barres, et la moyenne de tous au cours du temps.
//!
//! ```text
//! $ cargo run --example ex4_sub -- --graphique
//! ```
//! `q`, Échap ou Ctrl-C pour quitter ; `kill` aussi rend l'écran. Les valeurs et les calculs sont ceux de `ex4_sub.rs`.

#[path = "../../common/mod.rs"]
mod common;
mod dessin;
#[path = "../../ex4_sub.rs"]
#[allow(clippy::duplicate_mod, dead_code, reason = "an example has its harness with it, and its `main`")]
mod ex4_sub;

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{process, thread};

use rappel as pmc;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyModifiers};
use rustix::event::{PollFd, PollFlags};
use signal_hook::consts::SIGTERM;

use dessin::Tableau;

/// La dernière chose qui n'allait pas, et ce qui va de nouveau.
static ETAT: Mutex<String> = Mutex::new(String::new());

/// Le temps entre deux dessins, quand rien ne se passe.
const IMAGE: Duration = Duration::from_millis(200);

fn note(etat: String) {
    *ETAT.lock().unwrap_or_else(PoisonError::into_inner) = etat;
}

fn connexion(_cl: &pmc::Client, _: &(), _: pmc::ConnectFlags, code: pmc::ReasonCode, _: &pmc::Properties) {
    note(if code == 0 { "connecté".to_owned() } else { format!("erreur code {}", code.value()) });
}

fn deconnexion(_cl: &pmc::Client, _: &(), _: pmc::DisconnectFlags, _code: pmc::ReasonCode, _: &pmc::Properties) {
    note("connexion perdue, nouvel essai…".to_owned());
}

fn reception_msg(cl: &pmc::Client, userdata: &(), msg: &pmc::Message) {
    // Ce que `ex4_sub` dit sur la sortie d'erreur abîmerait le dessin.
    match ex4_sub::luminosite(&msg.payload_str()) {
        Some(_) => ex4_sub::reception_msg(cl, userdata, msg),
        None => note(format!("valeur ignorée de {}", msg.topic.replace(char::is_control, "\u{fffd}"))),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (broker, port) = common::broker("mqttbroker.lan", 1883)?;
    let periode = common::periode(Duration::from_secs(10));

    let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    client.on_connect(connexion);
    client.on_disconnect(deconnexion);
    client.on_message(reception_msg);
    client.connect(broker, port)?;
    client.subscribe("/ex4/+", 0)?;
    client.loop_start()?;

    let fini = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGTERM, Arc::clone(&fini))?;
    thread::spawn(quitte_avec_le_terminal);
    log::set_max_level(log::LevelFilter::Off);
    // `run` rend au terminal son écran et son mode, même quand le dessin échoue ou panique.
    ratatui::run(|terminal| boucle(terminal, Tableau::new(common::broker::shown(broker, port), periode), &fini))?;
    client.disconnect()?;
    Ok(())
}

/// Quitte quand le terminal n'est plus là : personne ne taperait `q`, et la lecture du clavier tournerait à vide.
fn quitte_avec_le_terminal() {
    let sortie = std::io::stdout();
    // Sans rien demander, on n'apprend que la fin.
    let mut fin = [PollFd::new(&sortie, PollFlags::empty())];
    // Un signal interrompt l'attente.
    while rustix::event::poll(&mut fin, None).is_err() {}
    process::exit(1);
}

/// Dessine jusqu'à ce qu'on quitte ; à chaque changement de taille de la fenêtre aussi.
fn boucle(terminal: &mut DefaultTerminal, mut tableau: Tableau, fini: &AtomicBool) -> std::io::Result<()> {
    while !fini.load(Ordering::Relaxed) {
        let valeurs = ex4_sub::VALEURS.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let maintenant = Instant::now();
        tableau.note(ex4_sub::presents(&valeurs, maintenant, tableau.periode), maintenant);
        let etat = ETAT.lock().unwrap_or_else(PoisonError::into_inner).clone();
        terminal.draw(|image| tableau.dessine(image, &etat))?;
        if event::poll(IMAGE)?
            && let Event::Key(touche) = event::read()?
        {
            let ctrl_c = touche.code == KeyCode::Char('c') && touche.modifiers.contains(KeyModifiers::CONTROL);
            if ctrl_c || matches!(touche.code, KeyCode::Char('q') | KeyCode::Esc) {
                break;
            }
        }
    }
    Ok(())
}
