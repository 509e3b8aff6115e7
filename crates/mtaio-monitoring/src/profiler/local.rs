//! What a thread remembers of each profiler: its shard, and the innermost trace that is open in the flow it runs.

use std::cell::RefCell;
use std::sync::Arc;

use super::recorder::{Recorder, Shard};

struct Local {
    recorder: u64,
    shard: Arc<Shard>,
    /// The innermost open trace; 0 for none.
    current: u64,
}

thread_local! {
    /// One entry a profiler that this thread has met: almost always one, so a list is the quickest table.
    static LOCALS: RefCell<Vec<Local>> = const { RefCell::new(Vec::new()) };
}

/// Profilers that a thread remembers at most; beyond that, those that are gone are forgotten.
const REMEMBERED: usize = 16;

/// Calls `with` with this thread's shard and current trace. `None` while the thread is being torn down.
pub(super) fn with<T>(recorder: &Recorder, with: impl FnOnce(&Arc<Shard>, &mut u64) -> T) -> Option<T> {
    LOCALS
        .try_with(|locals| {
            let mut locals = locals.try_borrow_mut().ok()?;
            let index = match locals.iter().position(|local| local.recorder == recorder.id) {
                Some(index) => index,
                None => {
                    if locals.len() >= REMEMBERED {
                        // A shard that nobody else holds is of a profiler that is gone.
                        locals.retain(|local| Arc::strong_count(&local.shard) > 1 || local.current != 0);
                    }
                    let shard = recorder.new_shard();
                    locals.push(Local { recorder: recorder.id, shard, current: 0 });
                    locals.len() - 1
                }
            };
            let local = &mut locals[index];
            Some(with(&local.shard, &mut local.current))
        })
        .ok()
        .flatten()
}
