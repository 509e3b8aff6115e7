//! The trace of another profiler in which one of this begins: in a Python program, the Python trace that called.
//!
//! The other one is another binary's, with a copy of this crate of its own. All that the two share is a function that is
//! asked, when a trace begins that nothing of this profiler is around, which of the other's traces is innermost just then.
//! What it says is only a number here; whoever joins the two profiles knows what it stands for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;

use super::record::{OUTER, OUTER_TASK};

/// Where in another profiler a trace began. 0 stands for nowhere.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outer {
    /// The id of the innermost open trace of the calling flow.
    pub trace: u64,
    /// The number of the task that runs.
    pub task: u32,
}

/// Tells where the calling thread is in another profiler. It is called on any thread, with whatever locks that holds: it
/// waits for nothing, and lets no panic out.
pub type Current = extern "C" fn(token: u64) -> Outer;

impl Outer {
    /// The parent and the task of a trace that begins in this, marked as another profiler's.
    fn marked(self) -> (u64, u32) {
        // One that is so large that the mark is part of it is nobody's that this can tell of.
        let trace = if self.trace != 0 && self.trace < OUTER { self.trace | OUTER } else { 0 };
        let task = if self.task != 0 && self.task < OUTER_TASK { self.task | OUTER_TASK } else { 0 };
        (trace, task)
    }
}

/// Who is asked.
#[derive(Debug)]
struct Connection {
    current: Current,
    /// What the other profiler knows itself by.
    token: u64,
}

impl Connection {
    fn is(&self, current: Current, token: u64) -> bool {
        self.token == token && std::ptr::fn_addr_eq(self.current, current)
    }
}

/// The connection to another profiler, if there is one.
#[derive(Debug, Default)]
pub(super) struct Around {
    /// Looked at by every trace that has no parent, so it is a plain flag.
    is_connected: AtomicBool,
    /// Read without a lock, and sound in the child of a fork.
    connection: ArcSwapOption<Connection>,
}

impl Around {
    /// The parent and the task of a trace that begins now in this task, with no trace of this profiler around it.
    #[inline]
    pub(super) fn place(&self, task: u32) -> (u64, u32) {
        if self.is_connected.load(Ordering::Relaxed) { self.ask(task) } else { (0, task) }
    }

    #[cold]
    fn ask(&self, task: u32) -> (u64, u32) {
        // Let go of before the call, in which a trace of this profiler may begin.
        let connection = self.connection.load().as_ref().map(|connection| (connection.current, connection.token));
        let Some((current, token)) = connection else { return (0, task) };
        let (outer, outer_task) = current(token).marked();
        (outer, if task == 0 { outer_task } else { task })
    }

    /// False where another one is connected.
    pub(super) fn connect(&self, current: Current, token: u64) -> bool {
        let ours = Some(Arc::new(Connection { current, token }));
        let former = self.connection.compare_and_swap(&None::<Arc<Connection>>, ours);
        let is_ours = former.as_ref().is_none_or(|former| former.is(current, token));
        if is_ours {
            self.is_connected.store(true, Ordering::Release);
        }
        is_ours
    }

    /// Nothing happens where another one is connected.
    pub(super) fn disconnect(&self, token: u64) {
        let former = self.connection.load_full();
        if former.as_ref().is_some_and(|former| former.token == token) {
            self.is_connected.store(false, Ordering::Release);
            self.connection.compare_and_swap(&former, None);
        }
    }
}
