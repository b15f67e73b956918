//! The clients of the tests, all made here: this is the one place that chooses the engine.

use std::env;
use std::time::Duration;

use rappel as pmc;

use super::wait::DEADLINE;

/// Which engine the suite runs on: `paho` or `native`; unset, the crate's default.
const ENGINE: &str = "RAPPEL_TEST_ENGINE";

/// Where every broker of the tests listens.
pub const HOST: &str = "127.0.0.1";

/// Every version of MQTT, for tests that go through both.
pub const VERSIONS: [pmc::Protocol; 2] = [pmc::Protocol::V311, pmc::Protocol::V5];

/// A client of MQTT 3.1.1 before it exists, on the engine that is tested.
///
/// # Panics
/// When the environment names an engine that there is not.
pub fn builder() -> pmc::ClientBuilder {
    let builder = pmc::Client::builder(pmc::CallbackApiVersion::Version2);
    match env::var(ENGINE).as_deref() {
        Err(env::VarError::NotPresent) => builder,
        Ok("paho") => builder.engine(pmc::Engine::Paho),
        Ok("native") => builder.engine(pmc::Engine::Native),
        other => panic!("{ENGINE} is paho or native, not {other:?}"),
    }
}

/// The same for a client of MQTT 5.
pub fn builder_v5() -> pmc::ClientBuilder {
    builder().protocol(pmc::Protocol::V5)
}

/// Whether the engine that is tested is Paho; what is about Paho alone returns at once where it is not.
pub fn is_paho() -> bool {
    plain().engine() == pmc::Engine::Paho
}

/// A client as `Client::new` makes it: it waits a second and more before it connects again.
pub fn plain() -> pmc::Client {
    builder().build().expect("a client")
}

/// A client that is back at once.
pub fn quick() -> pmc::Client {
    back_at_once(plain())
}

/// A client of MQTT 5 that is back at once.
pub fn quick_v5() -> pmc::Client {
    back_at_once(builder_v5().build().expect("a client"))
}

/// A client with an id of its own that is back at once; its session ends with its connection.
pub fn named(id: &str, protocol: pmc::Protocol) -> pmc::Client {
    back_at_once(builder().client_id(id).protocol(protocol).build().expect("a client"))
}

/// A client whose session outlives its connections, and which is back at once. For MQTT 5 it takes [`kept_options`] to
/// connect with as well: there it is an option of the connection.
pub fn kept(id: &str, protocol: pmc::Protocol) -> pmc::Client {
    let builder = builder().client_id(id).protocol(protocol);
    let builder = match protocol {
        pmc::Protocol::V311 => builder.clean_session(false),
        _ => builder,
    };
    back_at_once(builder.build().expect("a client"))
}

/// The options of a connection whose session outlives it.
pub fn kept_options(protocol: pmc::Protocol) -> pmc::ConnectOptions {
    let options = pmc::ConnectOptions::new();
    match protocol {
        pmc::Protocol::V311 => options,
        _ => options.clean_start(false).properties(pmc::Properties::new().with_session_expiry_interval(3600)),
    }
}

/// Lets a client that was lost, or found no broker, try again at once, and have patience with a broker that is slow to
/// answer: the machine may have much else to do.
pub fn back_at_once<U: Send + Sync + 'static>(client: pmc::Client<U>) -> pmc::Client<U> {
    client.reconnect_delay_set(Duration::from_millis(1), Duration::from_millis(10)).expect("delays");
    client.connect_timeout_set(DEADLINE).expect("a time");
    client
}
