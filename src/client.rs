//! The handle that programs use, by topic: building, connecting, publishing, subscribing, looping.

// In reading order, which is that of the `impl` blocks on `Client`'s page.
mod builder;
mod connecting;
mod looping;
mod publishing;
mod subscribing;

mod acknowledging;
mod availability;
mod observing;
mod recorder;
mod registering;
mod settings;
mod tls;

mod message_info;
mod password;
mod teardown;

use std::any::Any;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use crate::callbacks::AnyClient;
use crate::event_loop::EventLoop;
use teardown::Owner;

pub use builder::ClientBuilder;
pub use message_info::{MessageInfo, PublishFuture};
pub use password::IntoPassword;
pub use recorder::Recorder;

/// An MQTT client with paho-python's callbacks (paho-python: `paho.mqtt.client.Client`).
///
/// A `Client` is a cheap handle: clones share one connection, every method takes `&self`, may be called from
/// any thread and from inside any callback. When the last clone is dropped, the client lets what was accepted
/// finish for up to two seconds, disconnects and ends its thread.
///
/// A callback is given its client as an argument. One that captures a clone of it instead keeps the client going for
/// as long as it is registered.
///
/// `U` is the user data that every callback is given; without any it is `()`.
///
/// ```no_run
/// use rappel as pmc;
///
/// # fn main() -> pmc::Result<()> {
/// let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
/// client.on_message(|_client, _userdata, msg| println!("Reçu: {}", msg.payload_str()));
/// client.connect("mqttbroker.lan", 1883)?;
/// client.subscribe("test", 0)?;
/// client.loop_forever()
/// # }
/// ```
pub struct Client<U: Send + Sync + 'static = ()> {
    core: Arc<Core<U>>,
    hold: Hold<U>,
}

/// What all handles share.
pub(crate) struct Core<U: Send + Sync + 'static> {
    events: EventLoop,
    userdata: Mutex<Arc<U>>,
    owner: OnceLock<Weak<Owner<U>>>,
}

/// Whether a handle keeps the client going. Those that the loop passes to callbacks do not, their clones do.
enum Hold<U: Send + Sync + 'static> {
    Strong(Arc<Owner<U>>),
    Weak,
}

impl<U: Send + Sync + 'static> Client<U> {
    fn from_events(events: EventLoop, userdata: U) -> Self {
        let core = Arc::new(Core { events, userdata: Mutex::new(Arc::new(userdata)), owner: OnceLock::new() });
        let owner = Arc::new(Owner::new(Arc::clone(&core)));
        core.owner.get_or_init(|| Arc::downgrade(&owner));
        Client { core, hold: Hold::Strong(owner) }
    }

    /// A handle that does not keep the client going.
    fn passing(core: &Arc<Core<U>>) -> Self {
        Client { core: Arc::clone(core), hold: Hold::Weak }
    }

    fn events(&self) -> &EventLoop {
        &self.core.events
    }
}

impl<U: Send + Sync + 'static> AnyClient for Client<U> {
    fn userdata(&self) -> Arc<dyn Any + Send + Sync> {
        self.user_data_get()
    }
}

impl<U: Send + Sync + 'static> Clone for Client<U> {
    fn clone(&self) -> Self {
        let hold = match &self.hold {
            Hold::Strong(owner) => Hold::Strong(Arc::clone(owner)),
            Hold::Weak => self.core.owner.get().and_then(Weak::upgrade).map_or(Hold::Weak, Hold::Strong),
        };
        Client { core: Arc::clone(&self.core), hold }
    }
}

impl<U: Send + Sync + 'static> std::fmt::Debug for Client<U> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("client_id", &self.client_id())
            .field("host", &self.host())
            .field("port", &self.port())
            .field("connected", &self.is_connected())
            .finish_non_exhaustive()
    }
}
