//! The functions a program registers, and the one place from which they are called.

mod routes;
mod slot;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use crate::types::{ConnectFlags, DisconnectFlags, Message, Properties, ReasonCode};
use routes::Routes;
use slot::Slot;

/// `on_connect (client, userdata, flags, code, properties)`.
pub type OnConnect<C, U> = dyn FnMut(&C, &U, ConnectFlags, ReasonCode, &Properties) + Send;
/// `on_connect_fail (client, userdata)`.
pub type OnConnectFail<C, U> = dyn FnMut(&C, &U) + Send;
/// `on_pre_connect (client, userdata)`.
pub type OnPreConnect<C, U> = dyn FnMut(&C, &U) + Send;
/// `on_disconnect (client, userdata, flags, code, properties)`.
pub type OnDisconnect<C, U> = dyn FnMut(&C, &U, DisconnectFlags, ReasonCode, &Properties) + Send;
/// `on_message (client, userdata, msg)`, also for `message_callback_add`.
pub type OnMessage<C, U> = dyn FnMut(&C, &U, &Message) + Send;
/// `on_publish (client, userdata, mid, code, properties)`.
pub type OnPublish<C, U> = dyn FnMut(&C, &U, u16, ReasonCode, &Properties) + Send;
/// `on_subscribe (client, userdata, mid, codes, properties)`.
pub type OnSubscribe<C, U> = dyn FnMut(&C, &U, u16, &[ReasonCode], &Properties) + Send;
/// `on_unsubscribe (client, userdata, mid, codes, properties)`.
pub type OnUnsubscribe<C, U> = dyn FnMut(&C, &U, u16, &[ReasonCode], &Properties) + Send;

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
    routes: Mutex<Routes<OnMessage<C, U>>>,
}

impl<C, U> Default for Callbacks<C, U> {
    fn default() -> Self {
        Callbacks {
            connect: Slot::default(),
            connect_fail: Slot::default(),
            pre_connect: Slot::default(),
            disconnect: Slot::default(),
            message: Slot::default(),
            publish: Slot::default(),
            subscribe: Slot::default(),
            unsubscribe: Slot::default(),
            routes: Mutex::default(),
        }
    }
}

impl<C, U> Callbacks<C, U> {
    /// Registers a callback for messages whose topic matches `filter`.
    pub(crate) fn route_add(&self, filter: String, callback: Box<OnMessage<C, U>>) {
        routes::lock(&self.routes).add(filter, callback);
    }

    /// Removes what `route_add` registered; `false` when there is nothing.
    pub(crate) fn route_remove(&self, filter: &str) -> bool {
        routes::lock(&self.routes).remove(filter)
    }

    /// Gives a message to every callback whose filter matches its topic, or else to `on_message`.
    pub(crate) fn run_message(&self, client: &C, userdata: &U, message: &Message) {
        let matching = routes::lock(&self.routes).matching(&message.topic);
        if matching.is_empty() {
            let about = || format!("on_message (topic {:?})", message.topic);
            return self.message.call(|callback| guarded(about, || callback(client, userdata, message)));
        }
        for (filter, slot) in matching {
            let about = || format!("the callback for {filter:?} (topic {:?})", message.topic);
            slot.call(|callback| guarded(about, || callback(client, userdata, message)));
        }
    }
}

/// Runs user code: a panic in it is reported and goes no further.
pub(crate) fn guarded(name: impl FnOnce() -> String, run: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
        let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
            (Some(text), _) => text,
            (None, Some(text)) => text.as_str(),
            (None, None) => "no text",
        };
        log::error!("{} panicked: {text}; the loop goes on", name());
    }
}
