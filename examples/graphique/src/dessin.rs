//! Le dessin : des barres, une courbe, et une ligne d'état. Il ne connaît ni MQTT ni l'horloge.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Bar, BarChart, Block, Chart, Dataset, GraphType, Paragraph};

use crate::ex4_sub::maximum_et_moyenne;

/// Combien de moyennes la courbe montre au plus.
const POINTS: usize = 600;

/// Ce qui est dessiné.
pub struct Tableau {
    broker: String,
    pub periode: Duration,
    presents: Vec<(String, u8)>,
    moyennes: VecDeque<(Instant, f64)>,
}

impl Tableau {
    /// Un tableau vide.
    pub fn new(broker: String, periode: Duration) -> Self {
        Tableau { broker, periode, presents: Vec::new(), moyennes: VecDeque::new() }
    }

    /// Les valeurs à ce moment ; la moyenne est retenue une fois par seconde, ou par période si elle est plus courte.
    pub fn note(&mut self, presents: Vec<(String, u8)>, maintenant: Instant) {
        self.presents = presents;
        let pas = self.periode.min(Duration::from_secs(1));
        let assez = self.moyennes.back().is_none_or(|(dernier, _)| maintenant.duration_since(*dernier) >= pas);
        if let Some((_, _, moyenne)) = maximum_et_moyenne(&self.presents).filter(|_| assez) {
            self.moyennes.push_back((maintenant, moyenne));
            self.moyennes.drain(..self.moyennes.len().saturating_sub(POINTS));
        }
    }

    /// Remplit la fenêtre, quelle que soit sa taille.
    pub fn dessine(&self, image: &mut Frame, etat: &str) {
        let [titre, barres, courbe, pied] =
            Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Fill(1), Constraint::Length(1)])
                .areas(image.area());
        let resume = match maximum_et_moyenne(&self.presents) {
            Some((nom, max, moyenne)) => format!("Max: {nom} ({max})   Moy: {moyenne:.2}"),
            None => "aucune valeur récente".to_owned(),
        };
        image.render_widget(Line::from(resume).bold().centered(), titre);
        self.dessine_barres(image, barres);
        self.dessine_courbe(image, courbe);
        let pied_de_page = format!(" q : quitter   broker {}   {etat}", self.broker);
        image.render_widget(Paragraph::new(pied_de_page).dark_gray(), pied);
    }

    fn dessine_barres(&self, image: &mut Frame, place: Rect) {
        let cadre = Block::bordered();
        let lignes = usize::from(cadre.inner(place).height);
        let caches = self.presents.len().saturating_sub(lignes);
        let titre =
            if caches > 0 { format!(" Luminosité (%), et {caches} autres ") } else { " Luminosité (%) ".to_owned() };
        let max = maximum_et_moyenne(&self.presents).map(|(nom, ..)| nom.to_owned());
        let barres: Vec<Bar> = self
            .presents
            .iter()
            .take(lignes)
            .map(|(nom, valeur)| {
                let couleur = if Some(nom) == max.as_ref() { Color::Yellow } else { Color::Blue };
                Bar::default()
                    .value(u64::from(*valeur))
                    .label(nom.clone())
                    .text_value(valeur.to_string())
                    .style(Style::new().fg(couleur))
                    .value_style(Style::new().fg(Color::Black).bg(couleur))
            })
            .collect();
        // Des barres épaisses tant qu'il y a de la place pour elles.
        let epaisseur = (lignes / self.presents.len().max(1)).clamp(1, 4) as u16;
        let vide = u16::from(epaisseur > 1);
        let dessin = BarChart::horizontal(barres).max(100).bar_gap(vide).bar_width(epaisseur - vide);
        image.render_widget(dessin.block(cadre.title(titre)), place);
    }

    fn dessine_courbe(&self, image: &mut Frame, place: Rect) {
        let fin = self.moyennes.back().map(|(moment, _)| *moment);
        let ecoule = |moment: &Instant| fin.map_or(0.0, |fin| -fin.duration_since(*moment).as_secs_f64());
        let points: Vec<(f64, f64)> =
            self.moyennes.iter().map(|(moment, moyenne)| (ecoule(moment), *moyenne)).collect();
        let debut = points.first().map_or(-1.0, |(secondes, _)| secondes.min(-1.0));
        let courbe = Dataset::default().marker(Marker::Braille).graph_type(GraphType::Line).green().data(&points);
        let dessin = Chart::new(vec![courbe])
            .block(Block::bordered().title(" Moyenne au cours du temps (s) "))
            .x_axis(Axis::default().bounds([debut, 0.0]).labels([format!("{debut:.0}"), "maintenant".to_owned()]))
            .y_axis(Axis::default().bounds([0.0, 100.0]).labels(["0", "50", "100"]));
        image.render_widget(dessin, place);
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    /// Ce qui est à l'écran d'une fenêtre de cette taille.
    fn ecran(tableau: &Tableau, largeur: u16, hauteur: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(largeur, hauteur)).expect("un terminal");
        terminal.draw(|image| tableau.dessine(image, "connecté")).expect("un dessin");
        terminal.backend().to_string()
    }

    fn tableau(presents: &[(&str, u8)]) -> Tableau {
        let mut tableau = Tableau::new("pi.lan:1883".to_owned(), Duration::from_secs(10));
        let presents: Vec<(String, u8)> = presents.iter().map(|(nom, valeur)| ((*nom).to_owned(), *valeur)).collect();
        let debut = Instant::now();
        for seconde in 0..30 {
            tableau.note(presents.clone(), debut + Duration::from_secs(seconde));
        }
        tableau
    }

    #[test]
    fn les_barres_la_moyenne_et_la_courbe_sont_a_l_ecran() {
        let ecran = ecran(&tableau(&[("denis", 93), ("Equipe 3", 10)]), 60, 20);
        for texte in
            ["Max: denis (93)   Moy: 51.50", "denis", "Equipe 3", "-29", "maintenant", "q : quitter", "connecté"]
        {
            assert!(ecran.contains(texte), "{texte}\n{ecran}");
        }
        assert!(ecran.matches('█').count() > 40, "{ecran}");
    }

    #[test]
    fn rien_encore() {
        assert!(ecran(&tableau(&[]), 60, 20).contains("aucune valeur récente"));
    }

    #[test]
    fn une_fenetre_trop_petite_ne_panique_pas() {
        let tableau = tableau(&[("denis", 93), ("leo", 1), ("zoe", 2), ("WuJitsu", 3), ("Equipe 3", 10)]);
        for (largeur, hauteur) in [(1, 1), (2, 40), (80, 2), (10, 5), (200, 60)] {
            ecran(&tableau, largeur, hauteur);
        }
        assert!(ecran(&tableau, 60, 10).contains("et 3 autres"), "{}", ecran(&tableau, 60, 10));
    }
}
