//! The place of one callback: taken out while it runs, put back unless it was replaced meanwhile.

use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard};

use crate::callbacks::guarded;
use crate::sync::lock;
use crate::types::{language, tell};

/// Holds a callback of type `F`, if one is registered.
pub(crate) struct Slot<F: ?Sized> {
    /// As it is called where a fault of its is reported.
    name: Cow<'static, str>,
    state: Mutex<State<F>>,
}

struct State<F: ?Sized> {
    callback: Option<Box<F>>,
    /// One is registered; while it runs, it is not in here.
    is_set: bool,
    /// Counts registrations and removals.
    generation: u64,
}

impl<F: ?Sized> Slot<F> {
    /// A place for the callback called `name`.
    pub(crate) fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Slot { name: name.into(), state: Mutex::new(State { callback: None, is_set: false, generation: 0 }) }
    }

    fn lock(&self) -> MutexGuard<'_, State<F>> {
        lock(&self.state)
    }

    /// Registers `callback`, or removes the one there is. What was there is dropped without the lock.
    pub(crate) fn set(&self, callback: Option<Box<F>>) {
        let mut state = self.lock();
        state.generation += 1;
        state.is_set = callback.is_some();
        let old = std::mem::replace(&mut state.callback, callback);
        drop(state);
        self.release(old);
    }

    /// Whether a callback is registered, or running.
    pub(crate) fn is_set(&self) -> bool {
        self.lock().is_set
    }

    /// Runs `run` on the callback, if there is one, while the slot is free for changes, and gives what that gives.
    pub(crate) fn call<R>(&self, run: impl FnOnce(&mut F) -> R) -> Option<R> {
        let mut state = self.lock();
        let mut callback = state.callback.take()?;
        let generation = state.generation;
        drop(state);
        let done = run(&mut callback);
        let mut state = self.lock();
        if state.generation == generation {
            state.callback = Some(callback);
        } else {
            drop(state);
            self.release(Some(callback));
        }
        Some(done)
    }

    /// Drops a callback with all it has captured, which is the program's code as much as the callback itself.
    fn release(&self, callback: Option<Box<F>>) {
        if callback.is_some() {
            let name = &self.name;
            let about = || {
                tell!(language(), "the drop of what {name} has captured", "la destruction de ce que {name} a capturé")
            };
            guarded(about, || drop(callback));
        }
    }
}

impl<F: ?Sized> Drop for Slot<F> {
    fn drop(&mut self) {
        let callback = self.lock().callback.take();
        self.release(callback);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    type Count = dyn FnMut() + Send;

    fn adding(to: &Arc<AtomicU32>, amount: u32) -> Box<Count> {
        let to = Arc::clone(to);
        Box::new(move || {
            to.fetch_add(amount, Ordering::Relaxed);
        })
    }

    #[test]
    fn a_callback_stays_until_it_is_replaced() {
        let (slot, sum) = (Slot::<Count>::new("on_message"), Arc::new(AtomicU32::new(0)));
        slot.call(|callback| callback());
        slot.set(Some(adding(&sum, 1)));
        slot.call(|callback| callback());
        slot.call(|callback| callback());
        slot.set(Some(adding(&sum, 10)));
        slot.call(|callback| callback());
        assert_eq!(sum.load(Ordering::Relaxed), 12);
    }

    #[test]
    fn a_callback_may_replace_or_clear_itself() {
        let (slot, sum) = (Slot::<Count>::new("on_message"), Arc::new(AtomicU32::new(0)));
        slot.set(Some(adding(&sum, 1)));
        slot.call(|callback| {
            callback();
            slot.set(Some(adding(&sum, 10)));
        });
        slot.call(|callback| {
            callback();
            slot.set(None);
        });
        slot.call(|callback| callback());
        assert_eq!(sum.load(Ordering::Relaxed), 11);
    }

    /// Panics when it is dropped, once it has been counted.
    struct Grenade(Arc<AtomicU32>);

    impl Drop for Grenade {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
            panic!("dropped");
        }
    }

    #[test]
    fn a_captured_value_may_panic_when_it_is_dropped() {
        let dropped = Arc::new(AtomicU32::new(0));
        let armed = || -> Box<Count> {
            let grenade = Grenade(Arc::clone(&dropped));
            Box::new(move || assert_eq!(grenade.0.load(Ordering::Relaxed), 0))
        };
        let slot = Slot::<Count>::new("on_message");
        slot.set(Some(armed()));
        slot.set(Some(armed()));
        slot.call(|_| slot.set(None));
        slot.set(Some(armed()));
        drop(slot);
        assert_eq!(dropped.load(Ordering::Relaxed), 3);
    }
}
