//! Tasks that are spawned inside a trace: a task factory, laid over the loop's own.
//!
//! It wraps the coroutine of such a task in one that counts its steps and takes their time; the task itself is made by
//! whoever made tasks before. A task spawned outside of any trace goes through untouched.

#![expect(unsafe_code, reason = "the innermost trace is an object with slots written by hand")]
#![allow(unsafe_op_in_unsafe_fn, reason = "the bodies are calls of CPython's C API from end to end")]

use std::cell::{Cell, UnsafeCell};
use std::collections::HashSet;

use mtaio_monitoring::profiler::NameId;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::coroutine::{self, CoroutineObject};
use super::flow::qualified_name;
use super::raised::Raised;
use super::trace::{self, Stage, TraceObject};
use super::{ProfilerBase, stack};

struct Loops(UnsafeCell<Option<HashSet<usize>>>);
// SAFETY: it is touched with the GIL held only, and never across a call that could let go of it.
unsafe impl Sync for Loops {}

/// Loops that have a factory of ours, by address; each is forgotten when it is gone.
static WATCHED: Loops = Loops(UnsafeCell::new(None));

struct Last(Cell<usize>);
// SAFETY: it is touched with the GIL held only.
unsafe impl Sync for Last {}

/// The loop that was looked at last: nearly always the next one too.
static LAST: Last = Last(Cell::new(0));

/// Sees to it that this loop has the factory.
#[inline]
pub(super) unsafe fn watch(running_loop: *mut ffi::PyObject) {
    if LAST.0.get() == running_loop as usize {
        return;
    }
    LAST.0.set(running_loop as usize);
    if !(*WATCHED.0.get()).get_or_insert_default().insert(running_loop as usize) {
        return;
    }
    let raised = Raised::take();
    let py = Python::assume_attached();
    let install = || -> PyResult<()> {
        let running_loop = Bound::from_borrowed_ptr(py, running_loop);
        py.import("mtaio.monitoring._loop")?.getattr("watch_tasks")?.call1((running_loop,))?;
        Ok(())
    };
    // A loop that takes no factory runs its tasks unseen; nothing is raised into whoever began a trace.
    drop(install());
    raised.restore();
}

/// A loop is gone: another may come to lie at its address.
#[pyfunction]
pub(crate) fn _forget_loop(address: usize) {
    LAST.0.set(0);
    // SAFETY: called by Python, with the GIL.
    unsafe { (*WATCHED.0.get()).get_or_insert_default().remove(&address) };
}

/// The task factory that a loop is given.
#[pyclass(frozen, module = "mtaio.monitoring._native")]
pub(crate) struct TaskFactory {
    /// What made this loop's tasks before; `None` for asyncio itself.
    former: Option<Py<PyAny>>,
    /// `asyncio.Task`.
    task: Py<PyAny>,
}

#[pymethods]
impl TaskFactory {
    #[new]
    fn new(former: Option<Py<PyAny>>, task: Py<PyAny>) -> Self {
        Self { former, task }
    }

    /// What made this loop's tasks before.
    #[getter]
    fn former(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.former.as_ref().map(|former| former.clone_ref(py))
    }

    #[pyo3(signature = (running_loop, coroutine, **options))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        running_loop: Bound<'py, PyAny>,
        coroutine: Bound<'py, PyAny>,
        options: Option<Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        // SAFETY: with the GIL, and `coroutine` is alive.
        let coroutine = unsafe { as_task(&coroutine) }.unwrap_or(coroutine);
        if let Some(former) = &self.former {
            let arguments = PyTuple::new(py, [running_loop, coroutine])?;
            return former.bind(py).call(arguments, options.as_ref());
        }
        let options = options.unwrap_or_else(|| PyDict::new(py));
        options.set_item("loop", running_loop)?;
        self.task.bind(py).call((coroutine,), Some(&options))
    }
}

/// The coroutine of a task that is spawned now, wrapped if it is spawned inside a trace.
unsafe fn as_task<'py>(inner: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    let py = inner.py();
    let innermost = trace::innermost();
    let parent = watching(innermost);
    let wrapped = (|| {
        if parent.is_null() {
            return None;
        }
        let profiler = ProfilerBase::of((*parent).profiler);
        if coroutine::is_one(inner.as_ptr()) {
            let own = inner.as_ptr().cast::<CoroutineObject>();
            if !(*own).may_be_task((*parent).profiler) {
                return None;
            }
            (*own).set_task(begin(profiler, (*parent).id, inner));
            return Some(inner.clone());
        }
        if ffi::PyCoro_CheckExact(inner.as_ptr()) == 0 {
            return None;
        }
        let task = begin(profiler, (*parent).id, inner);
        let wrapped =
            coroutine::new((*parent).profiler, std::ptr::null_mut(), NameId::default(), inner.clone().into_ptr());
        let wrapped = Bound::from_owned_ptr_or_opt(py, wrapped)?;
        (*wrapped.as_ptr().cast::<CoroutineObject>()).set_task(task);
        Some(wrapped)
    })();
    ffi::Py_XDECREF(innermost.cast());
    wrapped
}

unsafe fn begin(profiler: &ProfilerBase, parent: u64, inner: &Bound<'_, PyAny>) -> u32 {
    let place = stack::place();
    profiler.recorder().begin_task(parent, "", &qualified_name(inner), place.as_deref())
}

/// The innermost trace that a task spawned now belongs to, of a profiler that wants to know; null for none.
unsafe fn watching(mut trace: *mut TraceObject) -> *mut TraceObject {
    while !trace.is_null() {
        let wanted = (*trace).stage == Stage::Open
            && !(*trace).profiler.is_null()
            && ProfilerBase::of((*trace).profiler).watches_tasks()
            && (*trace).is_current();
        if wanted {
            return trace;
        }
        trace = (*trace).outer;
    }
    trace
}
