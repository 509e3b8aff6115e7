//! Tasks that are spawned inside a trace: a task factory, laid over the loop's own.
//!
//! It wraps the coroutine of such a task in one that says what the task was spawned in, counts its steps and takes their
//! time; the task itself is made by whoever made tasks before. A task spawned outside of any trace goes through untouched.

#![expect(unsafe_code, reason = "the innermost trace is an object with slots written by hand")]
#![allow(unsafe_op_in_unsafe_fn, reason = "the bodies are calls of CPython's C API from end to end")]

use std::cell::{Cell, UnsafeCell};
use std::collections::HashSet;

use mtaio_monitoring::profiler::NameId;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::coroutine::{self, CoroutineObject};
use super::raised::Raised;
use super::task::qualified_name;
use super::trace::{self, TraceObject};
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
    /// `asyncio.tasks`, whose `Task` a program may have changed.
    tasks: Py<PyAny>,
    /// Given where a task was created, in debug mode: takes out what is none of the program's.
    trim: Py<PyAny>,
    /// What wraps the coroutine of every task first, wherever it is spawned.
    wrap: Option<Py<PyAny>>,
}

#[pymethods]
impl TaskFactory {
    #[new]
    #[pyo3(signature = (former, tasks, trim, wrap=None))]
    fn new(former: Option<Py<PyAny>>, tasks: Py<PyAny>, trim: Py<PyAny>, wrap: Option<Py<PyAny>>) -> Self {
        Self { former, tasks, trim, wrap }
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
        let coroutine = match &self.wrap {
            // What it raises is the program's: a handler of a signal that came meanwhile.
            Some(wrap) if is_coroutine(&coroutine) => wrap.bind(py).call1((coroutine,))?,
            _ => coroutine,
        };
        // SAFETY: with the GIL, and `coroutine` is alive.
        let coroutine = unsafe { as_task(&coroutine) }.unwrap_or(coroutine);
        if let Some(former) = &self.former {
            let arguments = PyTuple::new(py, [running_loop, coroutine])?;
            return former.bind(py).call(arguments, options.as_ref());
        }
        let options = options.unwrap_or_else(|| PyDict::new(py));
        options.set_item("loop", running_loop)?;
        let kind = self.tasks.bind(py).getattr(pyo3::intern!(py, "Task"))?;
        let task = kind.call((coroutine,), Some(&options))?;
        let created = task.getattr(pyo3::intern!(py, "_source_traceback"))?;
        if !created.is_none() {
            self.trim.bind(py).call1((created,))?;
        }
        Ok(task)
    }
}

/// Whether it is a coroutine of the interpreter's own or one that stands for such a one. Nothing that only acts like a
/// coroutine is wrapped.
fn is_coroutine(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: with the GIL, and the object is alive.
    unsafe { ffi::PyCoro_CheckExact(object.as_ptr()) != 0 || coroutine::is_one(object.as_ptr()) }
}

/// The coroutine of a task that is spawned now, wrapped if it is spawned inside a trace.
unsafe fn as_task<'py>(inner: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    let innermost = trace::innermost();
    let spawned = TraceObject::spawned_below(innermost);
    ffi::Py_XDECREF(innermost.cast());
    if spawned.is_null() {
        return None;
    }
    let wrapped = wrap(inner, spawned);
    if wrapped.is_none() {
        ffi::Py_DECREF(spawned.cast());
    }
    wrapped
}

/// Takes over the link where it gives something.
unsafe fn wrap<'py>(inner: &Bound<'py, PyAny>, spawned: *mut TraceObject) -> Option<Bound<'py, PyAny>> {
    let owner = watching(spawned);
    let profiler = (*owner).profiler;
    let begin = || {
        let profiler = ProfilerBase::of(profiler);
        if !profiler.settings().watches_tasks {
            return 0;
        }
        let place = stack::place();
        profiler.recorder().begin_task((*owner).id, "", &qualified_name(inner), place.as_deref())
    };
    let wrapped = if coroutine::is_one(inner.as_ptr())
        && (*inner.as_ptr().cast::<CoroutineObject>()).may_be_task(profiler)
    {
        inner.clone()
    } else if is_coroutine(inner) {
        let name = std::ptr::null_mut();
        let wrapped = coroutine::new(profiler, name, NameId::default(), inner.clone().into_ptr());
        Bound::from_owned_ptr_or_opt(inner.py(), wrapped)?
    } else {
        return None;
    };
    (*wrapped.as_ptr().cast::<CoroutineObject>()).set_task(begin(), spawned);
    Some(wrapped)
}

/// The first of these links whose profiler records tasks; the first of all where none does.
unsafe fn watching(first: *mut TraceObject) -> *mut TraceObject {
    let mut link = first;
    while !link.is_null() {
        if ProfilerBase::of((*link).profiler).settings().watches_tasks {
            return link;
        }
        link = (*link).outer;
    }
    first
}
