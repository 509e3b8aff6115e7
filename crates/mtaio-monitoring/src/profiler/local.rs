//! What a thread remembers of each profiler: its shard, and the innermost trace that is open in the flow it runs.

use std::cell::RefCell;
use std::sync::Arc;

use super::names::NameId;
use super::recorder::{Recorder, Shard};

pub(super) struct Local {
    recorder: u64,
    pub(super) shard: Arc<Shard>,
    /// The innermost open trace; 0 for none.
    pub(super) current: u64,
    /// Names that this thread has used, by the place that they were at: most are literals, and asking the table that all
    /// threads share costs more than the rest of a trace. Another text at the same place is another name.
    names: [Option<(Box<str>, NameId)>; NAMES],
}

/// Names that a thread remembers. A power of two.
const NAMES: usize = 32;

impl Local {
    /// The id of a name.
    pub(super) fn name(&mut self, recorder: &Recorder, name: &str) -> NameId {
        let place = ((name.as_ptr() as usize >> 2) ^ name.len()) % NAMES;
        match &self.names[place] {
            Some((known, id)) if **known == *name => *id,
            _ => {
                let id = recorder.names.intern(name);
                self.names[place] = Some((name.into(), id));
                id
            }
        }
    }
}

thread_local! {
    /// One entry a profiler that this thread has met: almost always one, so a list is the quickest table.
    static LOCALS: RefCell<Vec<Local>> = const { RefCell::new(Vec::new()) };
}

/// Profilers that a thread remembers at most; beyond that, those that are gone are forgotten.
const REMEMBERED: usize = 16;

/// Calls `with` with what this thread remembers of a profiler. `None` while the thread is being torn down.
pub(super) fn with<T>(recorder: &Recorder, with: impl FnOnce(&mut Local) -> T) -> Option<T> {
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
                    locals.push(Local {
                        recorder: recorder.id,
                        shard,
                        current: 0,
                        names: [const { None }; NAMES],
                    });
                    locals.len() - 1
                }
            };
            Some(with(&mut locals[index]))
        })
        .ok()
        .flatten()
}
