//! What runs beside a monitor and ends with it: a server, which this crate knows nothing of.

use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;

use super::core::MonitorCore;

/// Something with threads or sockets of its own that shows a monitor, and that nobody should have to stop by itself.
pub trait Attached: Send + Sync {
    /// The monitor is being stopped: ends, and returns at once.
    fn request_stop(&self);

    /// Waits until it has ended, for `budget` at most, and says whether it has.
    fn wait_stopped(&self, budget: Duration) -> bool;

    /// In the child of a fork: lets go of the sockets that it has there, and takes no lock.
    fn after_fork_in_child(&self);
}

/// Those of one monitor. Without a lock, because the child of a fork reads it.
#[derive(Default)]
pub(super) struct AttachedList(ArcSwap<Vec<Weak<dyn Attached>>>);

impl AttachedList {
    fn add(&self, new: &Weak<dyn Attached>) {
        self.0.rcu(|present| {
            let living = present.iter().filter(|one| one.strong_count() > 0);
            living.chain([new]).cloned().collect::<Vec<_>>()
        });
    }

    fn living(&self) -> impl Iterator<Item = Arc<dyn Attached>> {
        let all = self.0.load_full();
        (0..all.len()).filter_map(move |at| all[at].upgrade())
    }

    pub(super) fn request_stop(&self) {
        self.living().for_each(|one| one.request_stop());
    }

    /// Whether all have ended before `left` says that no time is.
    pub(super) fn wait_stopped(&self, left: impl Fn() -> Duration) -> bool {
        // Each of them, so that those which have ended are seen to have.
        let mut all = true;
        for one in self.living() {
            all &= one.wait_stopped(left());
        }
        all
    }

    pub(super) fn after_fork_in_child(&self) {
        for one in self.0.swap(Arc::default()).iter().filter_map(Weak::upgrade) {
            one.after_fork_in_child();
            // If it was the last one: what the parent's threads share with us must not be torn down here.
            std::mem::forget(one);
        }
    }
}

impl MonitorCore {
    /// Has this end when the monitor is stopped, and let go of its sockets in the child of a fork. It is not kept alive by
    /// that.
    pub fn attach(&self, attached: &Weak<dyn Attached>) {
        self.attached.add(attached);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Arc, Weak};
    use std::time::Duration;

    use super::{Attached, AttachedList};

    #[derive(Default)]
    struct Counted {
        stops: AtomicU32,
        forks: AtomicU32,
    }

    impl Attached for Counted {
        fn request_stop(&self) {
            self.stops.fetch_add(1, Ordering::Relaxed);
        }

        fn wait_stopped(&self, budget: Duration) -> bool {
            !budget.is_zero()
        }

        fn after_fork_in_child(&self) {
            self.forks.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn all_that_live_are_told_and_a_child_forgets_them() {
        let list = AttachedList::default();
        let kept: Vec<Arc<Counted>> = (0..3).map(|_| Arc::default()).collect();
        for one in &kept {
            let attached: Arc<dyn Attached> = Arc::clone(one) as Arc<dyn Attached>;
            list.add(&Arc::downgrade(&attached));
        }
        let gone: Arc<dyn Attached> = Arc::new(Counted::default());
        let weak: Weak<dyn Attached> = Arc::downgrade(&gone);
        drop(gone);
        list.add(&weak);
        list.request_stop();
        assert!(kept.iter().all(|one| one.stops.load(Ordering::Relaxed) == 1));
        assert!(list.wait_stopped(|| Duration::from_secs(1)) && !list.wait_stopped(|| Duration::ZERO));
        list.after_fork_in_child();
        list.request_stop();
        assert!(
            kept.iter()
                .all(|one| one.stops.load(Ordering::Relaxed) == 1 && one.forks.load(Ordering::Relaxed) == 1)
        );
    }
}
