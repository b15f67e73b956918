//! The functions a program registers, and the one place from which they are called.

mod routes;
mod slot;

use std::any::Any;
use std::sync::{Arc, Mutex};

use crate::sync::lock;
use crate::types::{ConnectFlags, DisconnectFlags, LogLevel, Message, Properties, ReasonCode, language, tell};
use routes::Routes;
pub(crate) use slot::Slot;

pub use crate::guarded::CallbackResult;
pub(crate) use crate::guarded::{Outcome, guarded};

/// A client, whose type depends on that of its user data: event loop and callbacks are compiled once for all of them.
pub(crate) trait AnyClient: Any {
    /// What callbacks that run now are given.
    fn userdata(&self) -> Arc<dyn Any + Send + Sync>;
}

/// What every callback is given first.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) client: &'a dyn AnyClient,
    pub(crate) userdata: &'a dyn Any,
}

impl Subject<'_> {
    /// Runs a callback that was registered by a client of this type.
    pub(crate) fn with<C: 'static, U: 'static, R: CallbackResult>(self, run: impl FnOnce(&C, &U) -> R) -> Outcome {
        let client: &dyn Any = self.client;
        match (client.downcast_ref(), self.userdata.downcast_ref()) {
            (Some(client), Some(userdata)) => run(client, userdata).into_outcome(),
            _ => Err("it was registered by a client with other user data".into()),
        }
    }
}

/// `on_connect (client, userdata, flags, code, properties)`.
pub(crate) type OnConnect = dyn FnMut(Subject<'_>, ConnectFlags, ReasonCode, &Properties) -> Outcome + Send;
/// `on_connect_fail (client, userdata)`.
pub(crate) type OnConnectFail = dyn FnMut(Subject<'_>) -> Outcome + Send;
/// `on_pre_connect (client, userdata)`.
pub(crate) type OnPreConnect = dyn FnMut(Subject<'_>) -> Outcome + Send;
/// `on_disconnect (client, userdata, flags, code, properties)`.
pub(crate) type OnDisconnect = dyn FnMut(Subject<'_>, DisconnectFlags, ReasonCode, &Properties) -> Outcome + Send;
/// `on_message (client, userdata, msg)`, also for `message_callback_add`.
pub(crate) type OnMessage = dyn FnMut(Subject<'_>, &Message) -> Outcome + Send;
/// `on_publish (client, userdata, mid, code, properties)`.
pub(crate) type OnPublish = dyn FnMut(Subject<'_>, u16, ReasonCode, &Properties) -> Outcome + Send;
/// `on_subscribe (client, userdata, mid, codes, properties)`.
pub(crate) type OnSubscribe = dyn FnMut(Subject<'_>, u16, &[ReasonCode], &Properties) -> Outcome + Send;
/// `on_unsubscribe (client, userdata, mid, codes, properties)`.
pub(crate) type OnUnsubscribe = dyn FnMut(Subject<'_>, u16, &[ReasonCode], &Properties) -> Outcome + Send;

/// `on_log (client, userdata, level, text)`.
pub(crate) type OnLog = dyn FnMut(Subject<'_>, LogLevel, &str) -> Outcome + Send;

/// What `on_log` is to hear of a callback that has failed; nothing of one that has not, or that there is not.
pub(crate) type Fault = Option<Option<String>>;

/// All callbacks of a client. A callback runs while none of these locks is held: it may register, replace and
/// clear callbacks, itself included.
pub(crate) struct Callbacks {
    pub(crate) connect: Slot<OnConnect>,
    pub(crate) connect_fail: Slot<OnConnectFail>,
    pub(crate) pre_connect: Slot<OnPreConnect>,
    pub(crate) disconnect: Slot<OnDisconnect>,
    pub(crate) message: Slot<OnMessage>,
    pub(crate) publish: Slot<OnPublish>,
    pub(crate) subscribe: Slot<OnSubscribe>,
    pub(crate) unsubscribe: Slot<OnUnsubscribe>,
    pub(crate) log: Slot<OnLog>,
    routes: Mutex<Routes<OnMessage>>,
}

impl Default for Callbacks {
    fn default() -> Self {
        Callbacks {
            connect: Slot::new("on_connect"),
            connect_fail: Slot::new("on_connect_fail"),
            pre_connect: Slot::new("on_pre_connect"),
            disconnect: Slot::new("on_disconnect"),
            message: Slot::new("on_message"),
            publish: Slot::new("on_publish"),
            subscribe: Slot::new("on_subscribe"),
            unsubscribe: Slot::new("on_unsubscribe"),
            log: Slot::new("on_log"),
            routes: Mutex::default(),
        }
    }
}

impl Callbacks {
    /// Registers a callback for messages whose topic matches `filter`.
    pub(crate) fn route_add(&self, filter: String, callback: Box<OnMessage>) {
        let replaced = lock(&self.routes).add(filter, callback);
        drop(replaced);
    }

    /// Removes what `route_add` registered, if there is anything.
    pub(crate) fn route_remove(&self, filter: &str) {
        let removed = lock(&self.routes).remove(filter);
        drop(removed);
    }

    /// Gives a message to every callback whose filter matches its topic, or else to `on_message`; `false` when there is
    /// none. `blame` is called with each fault.
    pub(crate) fn run_message(&self, subject: Subject<'_>, message: &Message, mut blame: impl FnMut(Fault)) -> bool {
        let topic = &message.topic;
        let matching = lock(&self.routes).matching(topic);
        if matching.is_empty() {
            let about = || format!("on_message (topic {topic:?})");
            let fault = self.message.call(|callback| guarded(about, || callback(subject, message)));
            let was_taken = fault.is_some();
            blame(fault);
            return was_taken;
        }
        let mut was_taken = false;
        for (filter, slot) in matching {
            let about = || {
                tell!(
                    language(),
                    "the callback for {filter:?} (topic {topic:?})",
                    "le callback de {filter:?} (topic {topic:?})"
                )
            };
            let fault = slot.call(|callback| guarded(about, || callback(subject, message)));
            was_taken |= fault.is_some();
            blame(fault);
        }
        was_taken
    }
}
