//! Locks that the child of a fork can make anew.
//!
//! A child of a fork has one thread, and whatever another thread of the parent held stays held for ever. The monitor
//! therefore makes all its locks anew in the child. The obvious faster locks, those of `parking_lot`, cannot be made
//! anew: every lock of the process keeps its waiters in one global table, whose buckets may be locked at the moment of
//! the fork, with queues that lie on the stacks of threads that are gone. A child then waits for ever, or crashes. The
//! standard library's locks have no state but their own.
//!
//! None of them is poisoned: a panic while one is held is caught at the sampler's edge and counted.

use std::ops::{Deref, DerefMut};
use std::sync::{self, PoisonError, TryLockError};
use std::time::Duration;

/// How often somebody who waits with a limit looks again.
const LOOK_AGAIN: Duration = Duration::from_micros(200);

/// How often it looks before that.
const IMPATIENT_LOOKS: u128 = 100;

/// A mutex without poisoning.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(sync::Mutex<T>);

/// What [`Mutex::lock`] gives. The option is empty only inside [`Condvar::wait_for`].
#[derive(Debug)]
pub(crate) struct MutexGuard<'a, T>(Option<sync::MutexGuard<'a, T>>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(Some(self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// The lock, if nobody holds it.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(MutexGuard(Some(guard))),
            Err(TryLockError::Poisoned(error)) => Some(MutexGuard(Some(error.into_inner()))),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// The lock, if it can be had within about `budget`. Whoever holds one holds it for microseconds, so the first
    /// looks only let others run; after that it is looked at now and then.
    pub(crate) fn try_lock_for(&self, budget: Duration) -> Option<MutexGuard<'_, T>> {
        let looks = budget.as_micros() / LOOK_AGAIN.as_micros() + IMPATIENT_LOOKS;
        for look in 0..=looks {
            match self.0.try_lock() {
                Ok(guard) => return Some(MutexGuard(Some(guard))),
                Err(TryLockError::Poisoned(error)) => return Some(MutexGuard(Some(error.into_inner()))),
                Err(TryLockError::WouldBlock) if look < IMPATIENT_LOOKS => std::thread::yield_now(),
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK_AGAIN),
            }
        }
        None
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("only a wait takes it, and gives it back")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("only a wait takes it, and gives it back")
    }
}

/// A condition variable.
#[derive(Debug, Default)]
pub(crate) struct Condvar(sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }

    pub(crate) fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, budget: Duration) {
        if let Some(inner) = guard.0.take() {
            let (inner, _) = self.0.wait_timeout(inner, budget).unwrap_or_else(PoisonError::into_inner);
            guard.0 = Some(inner);
        }
    }

    pub(crate) fn wait_while_for<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        condition: impl FnMut(&mut T) -> bool,
        budget: Duration,
    ) {
        if let Some(inner) = guard.0.take() {
            let (inner, _) =
                self.0.wait_timeout_while(inner, budget, condition).unwrap_or_else(PoisonError::into_inner);
            guard.0 = Some(inner);
        }
    }
}

/// A readers-writer lock without poisoning.
#[derive(Debug, Default)]
pub(crate) struct RwLock<T>(sync::RwLock<T>);

impl<T> RwLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(sync::RwLock::new(value))
    }

    pub(crate) fn read(&self) -> sync::RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> sync::RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
