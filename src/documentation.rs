//! The repository's pages, so that they can be read here and their code is compiled.

/// A page of the repository. Its links to other files lead to where these are here: of two definitions of a link the
/// first one counts, and the page has the second, for whoever reads the file. Its pictures stand before it: rustdoc does
/// not copy files, so they are put in, and the page's own links to them are hidden.
macro_rules! file {
    ($(#[$about:meta])+ $name:ident, $file:literal $(, $picture:literal)*) => {
        $(#[$about])+
        ///
        /// [docs/architecture.md]: crate::documentation::architecture
        /// [docs/reliability.md]: crate::documentation::reliability
        /// [docs/clusters.md]: crate::documentation::clusters
        /// [docs/performance.md]: crate::documentation::performance
        /// [docs/from-python.md]: crate::documentation::from_python
        /// [docs/parity.md]: crate::documentation::parity
        /// [parity.md]: crate::documentation::parity
        /// [docs/cours/]: crate::documentation::cours
        /// [examples/README.md]: crate::documentation::cours::exemples
        /// [CHANGELOG.md]: crate::documentation::changelog
        /// [LICENSE]: crate::documentation::licence
        /// [src/callbacks.rs]: ../../../src/rappel/callbacks.rs.html
        /// [src/client.rs]: ../../../src/rappel/client.rs.html
        /// [src/engine.rs]: ../../../src/rappel/engine.rs.html
        /// [src/event.rs]: ../../../src/rappel/event.rs.html
        /// [src/event_loop.rs]: ../../../src/rappel/event_loop.rs.html
        /// [src/mqtt.rs]: ../../../src/rappel/mqtt.rs.html
        /// [src/net.rs]: ../../../src/rappel/net.rs.html
        /// [src/outbox.rs]: ../../../src/rappel/outbox.rs.html
        /// [installer.md]: crate::documentation::cours::installer
        /// [publier.md]: crate::documentation::cours::publier
        /// [recevoir.md]: crate::documentation::cours::recevoir
        /// [authentification.md]: crate::documentation::cours::authentification
        /// [qos.md]: crate::documentation::cours::qos
        /// [exercices.md]: crate::documentation::cours::exercices
        /// [mosquitto.md]: crate::documentation::cours::mosquitto
        /// [tls.md]: crate::documentation::cours::tls
        /// [cablage.md]: crate::documentation::cours::cablage
        /// [depannage.md]: crate::documentation::cours::depannage
        ///
        $(
            #[doc = "<style>img[src$=\".svg\"] { display: none } svg { max-width: 100%; height: auto }</style>\n"]
            #[doc = include_str!(concat!("../docs/", $picture))]
            #[doc = ""]
        )*
        #[doc = include_str!(concat!("../", $file))]
        pub mod $name {}
    };
}

file! {
    /// The README.
    readme, "README.md"
}

file! {
    /// How the crate is built, and why.
    architecture, "docs/architecture.md"
}

file! {
    /// What is promised, and the test that holds each promise.
    reliability, "docs/reliability.md"
}

file! {
    /// From one broker to a cluster, and what was measured.
    clusters, "docs/clusters.md"
}

file! {
    /// How fast it is beside other clients, and what it takes.
    performance, "docs/performance.md", "performance.svg"
}

file! {
    /// The same programs in Python and in Rust, and the mistakes beginners make.
    from_python, "docs/from-python.md"
}

file! {
    /// Every public name of paho-python, and what became of it.
    parity, "docs/parity.md"
}

file! {
    /// What each version brought.
    changelog, "CHANGELOG.md"
}

/// The licence.
///
/// ```text
#[doc = include_str!("../LICENSE")]
/// ```
pub mod licence {}

/// The course in French: one page per topic, in the order of the page « Module paho-mqtt ».
///
/// 1. [Installer, écrire son programme, emporter un exemple](cours::installer)
/// 2. [Publier un message](cours::publier)
/// 3. [Recevoir des messages](cours::recevoir)
/// 4. [Authentification](cours::authentification)
/// 5. [QoS et accusés de réception](cours::qos)
/// 6. [Les exercices 1 à 5](cours::exercices)
/// 7. [Configurer Mosquitto](cours::mosquitto)
/// 8. [Chiffrer la connexion](cours::tls)
/// 9. [Câblage : bouton et capteur de lumière](cours::cablage)
/// 10. [Dépannage](cours::depannage)
/// 11. [Les programmes et ce qu'ils affichent](cours::exemples)
pub mod cours {
    file! {
        /// Installer, et emporter un exemple chez soi.
        installer, "docs/cours/installer.md"
    }

    file! {
        /// Publier un message.
        publier, "docs/cours/publier.md", "flux.svg"
    }

    file! {
        /// Recevoir des messages.
        recevoir, "docs/cours/recevoir.md", "fils.svg"
    }

    file! {
        /// Nom et mot de passe.
        authentification, "docs/cours/authentification.md"
    }

    file! {
        /// QoS et accusés de réception.
        qos, "docs/cours/qos.md", "qos.svg"
    }

    file! {
        /// Les cinq exercices et leurs solutions.
        exercices, "docs/cours/exercices.md"
    }

    file! {
        /// Un broker avec mot de passe.
        mosquitto, "docs/cours/mosquitto.md"
    }

    file! {
        /// Une connexion chiffrée.
        tls, "docs/cours/tls.md"
    }

    file! {
        /// Le bouton et le capteur de lumière.
        cablage, "docs/cours/cablage.md", "cablage-bouton.svg", "cablage-lumiere.svg"
    }

    file! {
        /// Chaque message d'erreur, sa cause et son remède.
        depannage, "docs/cours/depannage.md"
    }

    file! {
        /// Les programmes, leurs commandes et ce qu'ils affichent.
        exemples, "examples/README.md"
    }
}
