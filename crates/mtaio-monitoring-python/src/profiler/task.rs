//! The task that runs, as the traces that begin in it know it: a number in their recorder.

#![expect(unsafe_code, reason = "slots of CPython written by hand; every function here runs with the GIL")]
#![allow(unsafe_op_in_unsafe_fn, reason = "the bodies are calls of CPython's C API from end to end")]

use std::cell::{Cell, UnsafeCell};
use std::collections::HashMap;
use std::ptr::null_mut;
use std::sync::{Arc, OnceLock};

use mtaio_monitoring::profiler::{Recorder, Status};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyCFunction;

use super::ProfilerBase;

/// How asyncio is asked for the task that runs. Given by the package's `_loop`.
struct Asyncio {
    /// `_get_running_loop`.
    running_loop: Py<PyAny>,
    /// The loop → task table that asyncio and uvloop keep; `None` where there is no such table.
    current_tasks: Option<Py<PyAny>>,
    /// `asyncio.current_task`, for where there is none.
    current_task: Py<PyAny>,
}

static ASYNCIO: OnceLock<Asyncio> = OnceLock::new();

/// A task that is known.
struct Known {
    /// Its number in each recorder that met it: nearly always one.
    ids: Vec<(Arc<Recorder>, u32)>,
    /// Calls back when the task is gone, before its address can be another's.
    watch: Py<PyAny>,
}

/// The tasks that are known, by address; and by the address of the weak reference that watches them.
#[derive(Default)]
struct Table {
    known: HashMap<usize, Known>,
    watched: HashMap<usize, usize>,
}

struct Tasks(UnsafeCell<Option<Table>>);

// SAFETY: it is touched with the GIL held only, and never across a call that could let go of it.
unsafe impl Sync for Tasks {}

static TASKS: Tasks = Tasks(UnsafeCell::new(None));

/// The task that was asked for last, its recorder and its number: nearly always the next one too.
struct Last(Cell<(usize, u64, u32)>);

// SAFETY: it is touched with the GIL held only.
unsafe impl Sync for Last {}

static LAST: Last = Last(Cell::new((0, 0, 0)));

/// Tells where asyncio keeps the task that runs.
#[pyfunction]
pub(crate) fn _set_asyncio(running_loop: Py<PyAny>, current_tasks: Option<Py<PyAny>>, current_task: Py<PyAny>) {
    let _first = ASYNCIO.set(Asyncio { running_loop, current_tasks, current_task });
}

/// The loop that runs in this thread, borrowed from whoever runs it, or null.
#[inline]
unsafe fn running_loop(asyncio: &Asyncio) -> *mut ffi::PyObject {
    #[cfg(not(Py_3_12))]
    if let Some(running) = holder::running_loop(asyncio) {
        return running;
    }
    let running = ffi::PyObject_CallNoArgs(asyncio.running_loop.as_ptr());
    if running.is_null() {
        ffi::PyErr_Clear();
        return null_mut();
    }
    ffi::Py_DECREF(running);
    if running == ffi::Py_None() { null_mut() } else { running }
}

/// CPython 3.11's `get_running_loop` asks the kernel for the process's id each time, which costs more than the rest of a
/// trace. What it looks at before that is the thread's dict (`Modules/_asynciomodule.c`, `get_running_loop`).
#[cfg(not(Py_3_12))]
mod holder {
    use super::{Asyncio, ffi, null_mut};
    use std::cell::Cell;
    use std::sync::OnceLock;

    /// `PyRunningLoopHolder`.
    #[repr(C)]
    struct Holder {
        ob_base: ffi::PyObject,
        running_loop: *mut ffi::PyObject,
    }

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Trust {
        Unproved,
        Proved,
        Refused,
    }

    struct State {
        key: *mut ffi::PyObject,
        trust: Cell<Trust>,
    }

    // SAFETY: the key is an interned string, and the rest is touched with the GIL held only.
    unsafe impl Send for State {}
    // SAFETY: as above.
    unsafe impl Sync for State {}

    static STATE: OnceLock<State> = OnceLock::new();

    /// The running loop or null; `None` where the dict does not hold what it is expected to.
    #[inline]
    pub(super) unsafe fn running_loop(asyncio: &Asyncio) -> Option<*mut ffi::PyObject> {
        let state = STATE.get_or_init(|| State {
            key: ffi::PyUnicode_InternFromString(c"__asyncio_running_event_loop__".as_ptr()),
            trust: Cell::new(Trust::Unproved),
        });
        if state.trust.get() == Trust::Refused || state.key.is_null() {
            return None;
        }
        let thread = ffi::PyThreadState_GetDict();
        let holder: *mut Holder =
            if thread.is_null() { null_mut() } else { ffi::PyDict_GetItemWithError(thread, state.key).cast() };
        if holder.is_null() {
            ffi::PyErr_Clear();
            return Some(null_mut());
        }
        if state.trust.get() == Trust::Unproved {
            prove(state, holder, asyncio);
            return None;
        }
        let running = (*holder).running_loop;
        Some(if running == ffi::Py_None() { null_mut() } else { running })
    }

    /// The first time, asyncio is asked as well: only if it says the same is the dict believed from then on.
    #[cold]
    unsafe fn prove(state: &State, holder: *mut Holder, asyncio: &Asyncio) {
        let large_enough = (*ffi::Py_TYPE(holder.cast())).tp_basicsize >= size_of::<Holder>() as ffi::Py_ssize_t;
        let running = ffi::PyObject_CallNoArgs(asyncio.running_loop.as_ptr());
        if running.is_null() {
            ffi::PyErr_Clear();
            return;
        }
        let same = large_enough && std::ptr::eq((*holder).running_loop, running);
        state.trust.set(if same { Trust::Proved } else { Trust::Refused });
        ffi::Py_DECREF(running);
    }
}

/// The running loop, borrowed, or null; and the task that runs: a new reference, or null.
#[inline]
unsafe fn running() -> (*mut ffi::PyObject, *mut ffi::PyObject) {
    let Some(asyncio) = ASYNCIO.get() else { return (null_mut(), null_mut()) };
    let running_loop = running_loop(asyncio);
    if running_loop.is_null() {
        return (null_mut(), null_mut());
    }
    let task = match &asyncio.current_tasks {
        Some(table) => {
            let (mut place, mut key, mut task) = (0, null_mut(), null_mut());
            // Nearly always one loop runs, and its task is the first entry: then nothing need be hashed.
            let first = ffi::PyDict_Next(table.as_ptr(), &raw mut place, &raw mut key, &raw mut task) != 0;
            if !first || key != running_loop {
                task = ffi::PyDict_GetItemWithError(table.as_ptr(), running_loop);
            }
            ffi::Py_XINCREF(task);
            task
        }
        None => ffi::PyObject_CallNoArgs(asyncio.current_task.as_ptr()),
    };
    if task.is_null() {
        ffi::PyErr_Clear();
    } else if task == ffi::Py_None() {
        ffi::Py_DECREF(task);
        return (running_loop, null_mut());
    }
    (running_loop, task)
}

/// The number of the task that runs now; 0 outside of one.
#[inline]
pub(super) unsafe fn present(profiler: &ProfilerBase, recorder: &Recorder) -> u32 {
    let (running_loop, task) = running();
    if running_loop.is_null() {
        return 0;
    }
    super::factory::watch(running_loop);
    if task.is_null() {
        return 0;
    }
    // The loop holds its task while it runs.
    ffi::Py_DECREF(task);
    let (address, asked, id) = LAST.0.get();
    if address == task as usize && asked == recorder.id() {
        return id;
    }
    number_of(profiler, task, 0)
}

/// The number of a task, which becomes known. `id` is its number in the profiler's recorder where it has one already.
unsafe fn number_of(profiler: &ProfilerBase, task: *mut ffi::PyObject, id: u32) -> u32 {
    let recorder = profiler.recorder_arc();
    let address = task as usize;
    let known = (*TASKS.0.get()).get_or_insert_default().known.get(&address);
    let found = known.and_then(|known| known.ids.iter().find(|(other, _)| Arc::ptr_eq(other, recorder)));
    let is_known = known.is_some();
    if let Some((_, id)) = found {
        LAST.0.set((address, recorder.id(), *id));
        return *id;
    }
    // Names and watches call into Python, which may come back here: nothing is borrowed meanwhile.
    let id = if id == 0 {
        let (name, coroutine) = describe(task);
        recorder.begin_task(0, &name, &coroutine, None)
    } else {
        id
    };
    if !is_known {
        let Some(watch) = watch_end(task) else { return id };
        let table = (*TASKS.0.get()).get_or_insert_default();
        table.watched.insert(watch.as_ptr() as usize, address);
        table.known.insert(address, Known { ids: Vec::with_capacity(1), watch });
    }
    if let Some(known) = (*TASKS.0.get()).get_or_insert_default().known.get_mut(&address) {
        known.ids.push((Arc::clone(recorder), id));
    }
    LAST.0.set((address, recorder.id(), id));
    id
}

/// The running task is the one that was given this number when it was spawned.
pub(super) unsafe fn adopt(profiler: &ProfilerBase, id: u32) {
    let (_, task) = running();
    if task.is_null() {
        return;
    }
    ffi::Py_DECREF(task);
    if let Some(name) = task_name(task) {
        profiler.recorder().rename_task(id, &name);
    }
    number_of(profiler, task, id);
}

/// The running task ends, which is known by this number: an eager one is given its name only after its first step.
pub(super) unsafe fn rename_running(recorder: &Recorder, id: u32) {
    let (_, task) = running();
    if task.is_null() {
        return;
    }
    // Whoever closes a coroutine may be another task than the one that it was.
    let known = (*TASKS.0.get()).get_or_insert_default().known.get(&(task as usize));
    let is_it = known
        .is_some_and(|known| known.ids.iter().any(|(other, known)| other.id() == recorder.id() && *known == id));
    if is_it && let Some(name) = task_name(task) {
        recorder.rename_task(id, &name);
    }
    ffi::Py_DECREF(task);
}

/// Tells a recorder the names that living tasks have now.
pub(super) fn rename_living(py: Python<'_>, recorder: &Arc<Recorder>) {
    // SAFETY: with the GIL; what is found is copied before anything of Python's is called.
    let living: Vec<(Py<PyAny>, u32)> = unsafe {
        let known = (*TASKS.0.get()).get_or_insert_default().known.values();
        known
            .filter_map(|known| {
                let (_, id) = known.ids.iter().find(|(other, _)| Arc::ptr_eq(other, recorder))?;
                Some((known.watch.clone_ref(py), *id))
            })
            .collect()
    };
    for (watch, id) in living {
        let name = watch.call0(py).and_then(|task| task.call_method0(py, "get_name"));
        if let Ok(name) = name.and_then(|name| name.extract::<String>(py)) {
            recorder.rename_task(id, &name);
        }
    }
}

unsafe fn task_name(task: *mut ffi::PyObject) -> Option<String> {
    let task = Bound::from_borrowed_ptr(Python::assume_attached(), task);
    task.call_method0("get_name").ok()?.extract().ok()
}

/// A task's name, and the qualified name of what it runs.
unsafe fn describe(task: *mut ffi::PyObject) -> (String, String) {
    let name = task_name(task).unwrap_or_default();
    let task = Bound::from_borrowed_ptr(Python::assume_attached(), task);
    let coroutine = task.call_method0("get_coro").ok().map(|coroutine| qualified_name(&coroutine));
    (name, coroutine.unwrap_or_default())
}

/// The qualified name of a coroutine.
pub(super) fn qualified_name(coroutine: &Bound<'_, PyAny>) -> String {
    let name = coroutine.getattr("__qualname__").and_then(|name| name.extract());
    name.unwrap_or_else(|_| coroutine.get_type().name().map_or_else(|_| String::new(), |name| name.to_string()))
}

/// Has the task forgotten when it is gone.
unsafe fn watch_end(task: *mut ffi::PyObject) -> Option<Py<PyAny>> {
    static FORGET: PyOnceLock<Py<PyCFunction>> = PyOnceLock::new();
    let py = Python::assume_attached();
    let make = || Ok::<_, PyErr>(wrap_pyfunction!(_task_is_gone, py)?.unbind());
    let forget = FORGET.get_or_try_init(py, make).ok()?;
    let watch = ffi::PyWeakref_NewRef(task, forget.as_ptr());
    if watch.is_null() {
        ffi::PyErr_Clear();
        return None;
    }
    Some(Bound::from_owned_ptr(py, watch).unbind())
}

/// What the weak reference to a task calls: before the task's address can be another's.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "the signature of a Python function")]
fn _task_is_gone(watch: Bound<'_, PyAny>) {
    // SAFETY: called by Python, with the GIL; the table is not borrowed across any other call.
    let known = unsafe {
        let table = (*TASKS.0.get()).get_or_insert_default();
        let address = table.watched.remove(&(watch.as_ptr() as usize));
        address.and_then(|address| {
            if LAST.0.get().0 == address {
                LAST.0.set((0, 0, 0));
            }
            table.known.remove(&address)
        })
    };
    for (recorder, id) in known.iter().flat_map(|known| &known.ids) {
        // Those that were spawned inside a trace have ended by now; for the others it is all that is known.
        recorder.end_task(*id, Status::Ok, 0, 0);
    }
}

/// A profiler is gone, or begins anew: nothing of its recorder is kept.
pub(super) unsafe fn forget_recorder(recorder: &Arc<Recorder>) {
    LAST.0.set((0, 0, 0));
    if let Some(tasks) = &mut *TASKS.0.get() {
        for known in tasks.known.values_mut() {
            known.ids.retain(|(other, _)| !Arc::ptr_eq(other, recorder));
        }
    }
}
