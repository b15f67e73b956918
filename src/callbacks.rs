//! The functions a program registers, and the one place from which they are called.

mod routes;
mod slot;

use std::sync::Mutex;

use crate::sync::lock;
use crate::types::{ConnectFlags, DisconnectFlags, LogLevel, Message, Properties, ReasonCode, language, tell};
use routes::Routes;
pub(crate) use slot::Slot;

pub use crate::guarded::CallbackResult;
pub(crate) use crate::guarded::{Outcome, guarded};

/// `on_connect (client, userdata, flags, code, properties)`.
pub type OnConnect<C, U> = dyn FnMut(&C, &U, ConnectFlags, ReasonCode, &Properties) -> Outcome + Send;
/// `on_connect_fail (client, userdata)`.
pub type OnConnectFail<C, U> = dyn FnMut(&C, &U) -> Outcome + Send;
/// `on_pre_connect (client, userdata)`.
pub type OnPreConnect<C, U> = dyn FnMut(&C, &U) -> Outcome + Send;
/// `on_disconnect (client, userdata, flags, code, properties)`.
pub type OnDisconnect<C, U> = dyn FnMut(&C, &U, DisconnectFlags, ReasonCode, &Properties) -> Outcome + Send;
/// `on_message (client, userdata, msg)`, also for `message_callback_add`.
pub type OnMessage<C, U> = dyn FnMut(&C, &U, &Message) -> Outcome + Send;
/// `on_publish (client, userdata, mid, code, properties)`.
pub type OnPublish<C, U> = dyn FnMut(&C, &U, u16, ReasonCode, &Properties) -> Outcome + Send;
/// `on_subscribe (client, userdata, mid, codes, properties)`.
pub type OnSubscribe<C, U> = dyn FnMut(&C, &U, u16, &[ReasonCode], &Properties) -> Outcome + Send;
/// `on_unsubscribe (client, userdata, mid, codes, properties)`.
pub type OnUnsubscribe<C, U> = dyn FnMut(&C, &U, u16, &[ReasonCode], &Properties) -> Outcome + Send;

/// `on_log (client, userdata, level, text)`.
pub type OnLog<C, U> = dyn FnMut(&C, &U, LogLevel, &str) -> Outcome + Send;

/// What `on_log` is to hear of a callback that has failed; nothing of one that has not, or that there is not.
pub(crate) type Fault = Option<Option<String>>;

/// All callbacks of a client. A callback runs while none of these locks is held: it may register, replace and
/// clear callbacks, itself included.
pub(crate) struct Callbacks<C, U> {
    pub(crate) connect: Slot<OnConnect<C, U>>,
    pub(crate) connect_fail: Slot<OnConnectFail<C, U>>,
    pub(crate) pre_connect: Slot<OnPreConnect<C, U>>,
    pub(crate) disconnect: Slot<OnDisconnect<C, U>>,
    pub(crate) message: Slot<OnMessage<C, U>>,
    pub(crate) publish: Slot<OnPublish<C, U>>,
    pub(crate) subscribe: Slot<OnSubscribe<C, U>>,
    pub(crate) unsubscribe: Slot<OnUnsubscribe<C, U>>,
    pub(crate) log: Slot<OnLog<C, U>>,
    routes: Mutex<Routes<OnMessage<C, U>>>,
}

impl<C, U> Default for Callbacks<C, U> {
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

impl<C, U> Callbacks<C, U> {
    /// Registers a callback for messages whose topic matches `filter`.
    pub(crate) fn route_add(&self, filter: String, callback: Box<OnMessage<C, U>>) {
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
    pub(crate) fn run_message(
        &self,
        client: &C,
        userdata: &U,
        message: &Message,
        mut blame: impl FnMut(Fault),
    ) -> bool {
        let topic = &message.topic;
        let matching = lock(&self.routes).matching(topic);
        if matching.is_empty() {
            let about = || format!("on_message (topic {topic:?})");
            let fault = self.message.call(|callback| guarded(about, || callback(client, userdata, message)));
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
            let fault = slot.call(|callback| guarded(about, || callback(client, userdata, message)));
            was_taken |= fault.is_some();
            blame(fault);
        }
        was_taken
    }
}
