//! The place of one callback: taken out while it runs, put back unless it was replaced meanwhile.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Holds a callback of type `F`, if one is registered.
pub(crate) struct Slot<F: ?Sized> {
    state: Mutex<State<F>>,
}

struct State<F: ?Sized> {
    callback: Option<Box<F>>,
    /// Counts registrations and removals.
    generation: u64,
}

impl<F: ?Sized> Default for Slot<F> {
    fn default() -> Self {
        Slot { state: Mutex::new(State { callback: None, generation: 0 }) }
    }
}

impl<F: ?Sized> Slot<F> {
    fn lock(&self) -> MutexGuard<'_, State<F>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers `callback`, or removes the one there is. What was there is dropped without the lock.
    pub(crate) fn set(&self, callback: Option<Box<F>>) {
        let mut state = self.lock();
        state.generation += 1;
        let old = std::mem::replace(&mut state.callback, callback);
        drop(state);
        drop(old);
    }

    /// Runs `run` on the callback, if there is one, while the slot is free for changes.
    pub(crate) fn call(&self, run: impl FnOnce(&mut F)) {
        let mut state = self.lock();
        let Some(mut callback) = state.callback.take() else {
            return;
        };
        let generation = state.generation;
        drop(state);
        run(&mut callback);
        let mut state = self.lock();
        if state.generation == generation {
            state.callback = Some(callback);
        } else {
            drop(state);
            drop(callback);
        }
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
        let (slot, sum) = (Slot::<Count>::default(), Arc::new(AtomicU32::new(0)));
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
        let (slot, sum) = (Slot::<Count>::default(), Arc::new(AtomicU32::new(0)));
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
}
