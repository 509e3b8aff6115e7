//! `Profiler`: the native half. What every trace goes through is written in slots of CPython's own; the rest is PyO3.

#![expect(unsafe_code, reason = "the bridge to the slots that are written by hand")]

mod context;
mod coroutine;
pub(crate) mod factory;
mod function;
mod generator;
mod handle;
mod included;
pub(crate) mod profile;
mod raised;
mod stack;
pub(crate) mod task;
mod trace;
mod types;

use std::cell::UnsafeCell;
use std::collections::HashMap;
use std::sync::Arc;

use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::profiler::{Attachment, Extra, Metadata, NameId, Recorder};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyTuple};
use pyo3::{Borrowed, ffi};

use coroutine::CoroutineObject;
use included::{Inclusions, Missing};
use stack::Stack;
use trace::TraceObject;

pub(crate) use generator::{TracedAsyncGenerator, TracedGenerator, TracedStep};

/// Names whose numbers are remembered by the address of their string. A power of two.
const NAMES: usize = 64;

const DEFAULT_MAX_TRACES: usize = 100_000;

/// What [`ProfilerBase`] changes after it was made, with the GIL held.
struct Inside {
    settings: Settings,
    recorder: Arc<Recorder>,
    /// Recorders of before a fork or another `__init__`: traces of then may still point at theirs.
    former: Vec<Arc<Recorder>>,
    names: [Option<(Py<PyAny>, NameId)>; NAMES],
    /// Open traces that carry something, by id, and tasks that live, by number: a profile asks them.
    carrying: HashMap<u64, *const TraceObject>,
    tasks: HashMap<u32, *const CoroutineObject>,
    /// Profilers of extensions.
    inclusions: Inclusions,
}

#[derive(Clone, Copy)]
struct Settings {
    enabled: bool,
    watches_tasks: bool,
    collects_stacks: bool,
}

/// The native half of a profiler.
#[pyclass(frozen, subclass, weakref, module = "mtaio.monitoring._native")]
pub(crate) struct ProfilerBase {
    inside: UnsafeCell<Inside>,
}

// SAFETY: the module asks for the GIL, and what is in the cell is touched with it held, never across a call that could
// let go of it.
unsafe impl Sync for ProfilerBase {}
// SAFETY: as above.
unsafe impl Send for ProfilerBase {}

impl ProfilerBase {
    /// The profiler that an object is.
    #[inline]
    unsafe fn of<'a>(object: *mut ffi::PyObject) -> &'a Self {
        // SAFETY: the caller has it from a trace, a coroutine or a function, which hold a profiler and nothing else;
        // the class is frozen, so no borrow is kept track of.
        unsafe {
            let object = Borrowed::from_ptr(Python::assume_attached(), object).cast_unchecked::<Self>();
            &*std::ptr::from_ref(object.get())
        }
    }

    #[inline]
    fn recorder(&self) -> &Recorder {
        self.recorder_arc()
    }

    #[inline]
    fn recorder_arc(&self) -> &Arc<Recorder> {
        // SAFETY: see `Sync`; a recorder that was replaced is kept.
        unsafe { &(*self.inside.get()).recorder }
    }

    /// What its traces are written to; `None` where it is disabled.
    pub(crate) fn enabled_recorder(&self) -> Option<Arc<Recorder>> {
        self.settings().enabled.then(|| Arc::clone(self.recorder_arc()))
    }

    #[inline]
    fn settings(&self) -> Settings {
        // SAFETY: see `Sync`.
        unsafe { (*self.inside.get()).settings }
    }

    /// Goes on with another recorder, which knows nothing of what was before.
    fn go_on_with(&self, recorder: Recorder) {
        // SAFETY: see `Sync`; nothing in here runs Python before the cell is left.
        let names = unsafe {
            let inside = &mut *self.inside.get();
            task::forget_recorder(&inside.recorder);
            let former = std::mem::replace(&mut inside.recorder, Arc::new(recorder));
            // For a monitor that this is attached to.
            former.hand_over_to(&inside.recorder);
            inside.former.push(former);
            inside.carrying.clear();
            inside.tasks.clear();
            std::mem::replace(&mut inside.names, [const { None }; NAMES])
        };
        drop(names);
    }

    /// What it includes: a copy, for use without the GIL.
    fn inclusions(&self) -> Inclusions {
        // SAFETY: see `Sync`.
        unsafe { (*self.inside.get()).inclusions.clone() }
    }

    /// Changes what it includes. The change calls nobody.
    fn change_inclusions(&self, change: &mut dyn FnMut(&mut Inclusions)) {
        // SAFETY: see `Sync`.
        change(unsafe { &mut (*self.inside.get()).inclusions });
    }

    fn take_inclusions(&self) -> Inclusions {
        // SAFETY: see `Sync`.
        unsafe { std::mem::take(&mut (*self.inside.get()).inclusions) }
    }

    /// The number of a name, which must be a `str`.
    #[inline]
    fn name_id(&self, name: *mut ffi::PyObject) -> NameId {
        let place = (name as usize >> 4) % NAMES;
        // SAFETY: see `Sync`.
        let remembered = unsafe { &(*self.inside.get()).names[place] };
        match remembered {
            Some((known, id)) if std::ptr::eq(known.as_ptr(), name) => *id,
            _ => self.learn(name, place),
        }
    }

    /// An open trace carries something; it says so before it goes.
    fn carries(&self, id: u64, trace: *const TraceObject) {
        // SAFETY: see `Sync`.
        unsafe { (*self.inside.get()).carrying.insert(id, trace) };
    }

    fn carries_no_more(&self, id: u64) {
        // SAFETY: see `Sync`.
        unsafe { (*self.inside.get()).carrying.remove(&id) };
    }

    /// A task lives; it says so before it goes.
    fn lives(&self, task: u32, coroutine: *const CoroutineObject) {
        // SAFETY: see `Sync`.
        unsafe { (*self.inside.get()).tasks.insert(task, coroutine) };
    }

    fn lives_no_more(&self, task: u32) {
        // SAFETY: see `Sync`.
        unsafe { (*self.inside.get()).tasks.remove(&task) };
    }

    #[cold]
    fn learn(&self, name: *mut ffi::PyObject, place: usize) -> NameId {
        // SAFETY: with the GIL, and the caller holds the name.
        let name = unsafe { Bound::from_borrowed_ptr(Python::assume_attached(), name) };
        let text = name.cast::<PyString>().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let id = self.recorder().name(&text);
        // SAFETY: see `Sync`. What was remembered is dropped afterwards.
        let former = unsafe { (*self.inside.get()).names[place].replace((name.unbind(), id)) };
        drop(former);
        id
    }
}

#[pymethods]
impl ProfilerBase {
    /// A derived class may take arguments of its own, so `__init__` is what sets it up.
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        let settings = Settings { enabled: true, watches_tasks: true, collects_stacks: false };
        let recorder = Arc::new(Recorder::new(DEFAULT_MAX_TRACES, &Clock::system(), true));
        let names = [const { None }; NAMES];
        let (carrying, tasks) = (HashMap::new(), HashMap::new());
        let inclusions = Inclusions::default();
        let inside = Inside { settings, recorder, former: Vec::new(), names, carrying, tasks, inclusions };
        Self { inside: UnsafeCell::new(inside) }
    }

    fn _mtaio_configure(
        &self,
        enabled: bool,
        watches_tasks: bool,
        collects_stacks: bool,
        max_traces: usize,
        with_memory: bool,
    ) {
        // SAFETY: see `Sync`.
        unsafe { (*self.inside.get()).settings = Settings { enabled, watches_tasks, collects_stacks } };
        self.take_inclusions().disconnect();
        self.go_on_with(Recorder::new(max_traces, &Clock::system(), with_memory));
    }

    /// A callable that passes for `function`.
    fn _mtaio_trace<'py>(
        slf: &Bound<'py, Self>,
        function: &Bound<'py, PyAny>,
        name: &Bound<'py, PyString>,
        kind: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        function::new(slf, function, name, kind)
    }

    /// A coroutine around `coroutine` that tells the blocks in it how long they ran, and is no trace itself.
    fn _mtaio_clocked<'py>(slf: &Bound<'py, Self>, coroutine: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        // SAFETY: with the GIL; it takes over the reference that is made for it.
        unsafe {
            let inner = coroutine.clone().into_ptr();
            let object = coroutine::new(slf.as_ptr(), std::ptr::null_mut(), NameId::default(), inner);
            Bound::from_owned_ptr_or_err(slf.py(), object)
        }
    }

    /// What was recorded until now.
    fn _mtaio_profile(&self, py: Python<'_>) -> profile::NativeProfile {
        let recorder = Arc::clone(self.recorder_arc());
        let inclusions = self.inclusions();
        // First: the Python traces in which theirs began are then among ours.
        let (parts, missing) =
            if inclusions.is_empty() { Default::default() } else { py.detach(|| inclusions.parts(&recorder)) };
        task::rename_living(py, &recorder);
        // SAFETY: see `Sync`; whatever is in the tables is alive, and nothing here can let go of it.
        let carried: HashMap<u64, Extra> = unsafe {
            let inside = &*self.inside.get();
            let now = recorder.ticks();
            for (task, coroutine) in &inside.tasks {
                recorder.tell_task(*task, (**coroutine).clock(now), (**coroutine).steps());
            }
            let carried = inside.carrying.iter();
            carried.map(|(id, trace)| (*id, TraceObject::carried(&**trace))).collect()
        };
        let profile = py.detach(move || {
            let own = recorder.profile_with(&carried);
            inclusions.join(&recorder, own, parts)
        });
        profile::NativeProfile::new(profile, missing)
    }

    /// The names of included ones that could not be reset, and why.
    fn _mtaio_reset(&self, py: Python<'_>) -> Missing {
        let recorder = Arc::clone(self.recorder_arc());
        let inclusions = self.inclusions();
        py.detach(move || {
            recorder.reset();
            inclusions.reset()
        })
    }

    /// Takes the profiler of an extension in; only looks at it where this one is disabled.
    fn _mtaio_include(slf: &Bound<'_, Self>, source: &Bound<'_, PyAny>) -> PyResult<()> {
        let (label, timeline) = included::published(source)?;
        if !slf.get().settings().enabled {
            return Ok(());
        }
        included::include(slf, &label, timeline)
    }

    /// In the child of a fork: nothing of the parent's, and no lock that one of its threads may hold.
    fn _mtaio_after_fork(&self) {
        // Of the included ones any lock may be held, so they are asked no more.
        self.take_inclusions().forget_token();
        let parents = Arc::clone(self.recorder_arc());
        self.go_on_with(parents.anew(&Clock::system()));
        // Never dropped: its locks may be held by threads that the fork left behind.
        std::mem::forget(parents);
    }
}

impl Drop for ProfilerBase {
    fn drop(&mut self) {
        self.take_inclusions().disconnect();
        // SAFETY: with the GIL, as everything that drops an object.
        unsafe { task::forget_recorder(self.recorder_arc()) };
    }
}

/// `"close"` as an object that is kept for ever.
unsafe fn close_name() -> *mut ffi::PyObject {
    static CLOSE: PyOnceLock<Py<PyString>> = PyOnceLock::new();
    // SAFETY: with the GIL.
    let py = unsafe { Python::assume_attached() };
    CLOSE.get_or_init(py, || PyString::intern(py, "close").unbind()).as_ptr()
}

/// What Python attaches to a trace.
#[derive(Debug)]
pub(crate) struct Attached {
    /// A `dict`, or nothing.
    pub(crate) metadata: Option<Py<PyAny>>,
    stack: Option<Arc<Stack>>,
}

impl Attached {
    /// Borrows the metadata, which may be null. `None` where there is nothing to attach.
    unsafe fn of(metadata: *mut ffi::PyObject, stack: Option<Arc<Stack>>) -> Option<Arc<dyn Attachment>> {
        if metadata.is_null() && stack.is_none() {
            return None;
        }
        // SAFETY: with the GIL; the caller holds it.
        let metadata = unsafe { Bound::from_borrowed_ptr_or_opt(Python::assume_attached(), metadata) };
        Some(Arc::new(Self { metadata: metadata.map(Bound::unbind), stack }))
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // PyO3 does not know that the slots run with the GIL, and would put the reference by until somebody asks it for
        // the GIL: never, in a program that only traces.
        // SAFETY: asking is always allowed.
        if self.metadata.is_some() && unsafe { ffi::PyGILState_Check() } != 0 {
            Python::attach(|_| self.metadata.take());
        }
    }
}

impl Attachment for Attached {
    fn metadata(&self) -> Metadata {
        let Some(metadata) = &self.metadata else { return Metadata::new() };
        Python::attach(|py| profile::as_json_object(metadata.bind(py)))
    }

    fn stack_trace(&self) -> Option<String> {
        Python::attach(|py| self.stack.as_ref()?.text(py).ok())
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// Makes the types and gives the class its quick method.
pub(crate) fn install(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let class = py.get_type::<ProfilerBase>();
    // SAFETY: with the GIL, while the module is made; the definition of the method lives for ever.
    unsafe {
        let object = module.as_ptr();
        if types::make_shared(object).is_none() {
            return Err(PyErr::fetch(py));
        }
        for (kind, made) in [
            (&types::TRACE, handle::make_type(object)),
            (&types::COROUTINE, coroutine::make_type(object)),
            (&types::FUNCTION, function::make_type(object)),
        ] {
            if made.is_null() {
                return Err(PyErr::fetch(py));
            }
            kind.set(made);
        }
        let doc =
            c"trace_context($self, /, name, metadata=None)\n--\n\nTraces a block: ``async with`` or ``with``.\n\n\
            Gives the trace, which can be added to (``trace.metadata``) while it is open. ``name`` is a str;\n\
            ``metadata`` a mapping, copied.";
        let method = types::leak(vec![types::fast_with_keywords(c"trace_context", context::trace_context, doc)]);
        let method = ffi::PyDescr_NewMethod(class.as_ptr().cast(), method);
        let method = Bound::from_owned_ptr_or_err(py, method)?;
        class.setattr("trace_context", method)?;
    }
    Ok(())
}
