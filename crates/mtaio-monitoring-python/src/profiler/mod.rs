//! `Profiler`: the native half. What every trace goes through is written in slots of CPython's own; the rest is PyO3.

#![expect(unsafe_code, reason = "the bridge to the slots that are written by hand")]

mod coroutine;
pub(crate) mod factory;
mod function;
mod generator;
pub(crate) mod profile;
mod raised;
mod stack;
pub(crate) mod task;
mod trace;
mod types;

use std::cell::UnsafeCell;
use std::collections::HashMap;
use std::ffi::CStr;
use std::ptr::null_mut;
use std::sync::Arc;

use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::profiler::{Attachment, Extra, Metadata, NameId, Recorder};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString};
use pyo3::{Borrowed, ffi};

use crate::errors::wrong_type;
use coroutine::CoroutineObject;
use stack::Stack;
use trace::TraceObject;

pub(crate) use generator::{TracedAsyncGenerator, TracedGenerator, TracedStep};

/// Names whose numbers are remembered by the address of their string. A power of two.
const NAMES: usize = 64;

/// What [`ProfilerBase`] changes after it was made, with the GIL held.
struct Inside {
    recorder: Arc<Recorder>,
    /// Recorders of before a fork: traces of then may still point at theirs.
    former: Vec<Arc<Recorder>>,
    names: [Option<(Py<PyAny>, NameId)>; NAMES],
    /// Open traces that carry something, by id, and tasks that live, by number: a profile asks them.
    carrying: HashMap<u64, *const TraceObject>,
    tasks: HashMap<u32, *const CoroutineObject>,
}

/// The native half of a profiler.
#[pyclass(frozen, subclass, weakref, module = "mtaio.monitoring._native")]
pub(crate) struct ProfilerBase {
    inside: UnsafeCell<Inside>,
    enabled: bool,
    watches_tasks: bool,
    collects_stacks: bool,
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

    #[inline]
    fn watches_tasks(&self) -> bool {
        self.watches_tasks
    }

    #[inline]
    fn collects_stacks(&self) -> bool {
        self.collects_stacks
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
    #[new]
    #[pyo3(signature = (enabled, watches_tasks, collects_stacks, max_traces, with_memory))]
    fn new(
        enabled: bool,
        watches_tasks: bool,
        collects_stacks: bool,
        max_traces: usize,
        with_memory: bool,
    ) -> Self {
        let recorder = Arc::new(Recorder::new(max_traces, &Clock::system(), with_memory));
        let names = [const { None }; NAMES];
        let (carrying, tasks) = (HashMap::new(), HashMap::new());
        let inside = Inside { recorder, former: Vec::new(), names, carrying, tasks };
        Self { inside: UnsafeCell::new(inside), enabled, watches_tasks, collects_stacks }
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

    /// What was recorded until now.
    fn _mtaio_profile(&self, py: Python<'_>) -> profile::NativeProfile {
        let recorder = Arc::clone(self.recorder_arc());
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
        profile::NativeProfile::new(py.detach(move || recorder.profile_with(&carried)))
    }

    fn _mtaio_reset(&self, py: Python<'_>) {
        let recorder = Arc::clone(self.recorder_arc());
        py.detach(move || recorder.reset());
    }

    /// In the child of a fork: nothing of the parent's, and no lock that one of its threads may hold.
    fn _mtaio_after_fork(&self) {
        // SAFETY: see `Sync`; the child has one thread.
        unsafe {
            let inside = &mut *self.inside.get();
            task::forget_recorder(&inside.recorder);
            let anew = Arc::new(inside.recorder.anew(&Clock::system()));
            inside.former.push(std::mem::replace(&mut inside.recorder, anew));
            inside.names = [const { None }; NAMES];
            inside.carrying.clear();
            inside.tasks.clear();
        }
    }
}

impl Drop for ProfilerBase {
    fn drop(&mut self) {
        // SAFETY: nobody else has it any more.
        unsafe {
            let inside = &mut *self.inside.get();
            task::forget_recorder(&inside.recorder);
            // Their locks may be held by threads that a fork left behind.
            for former in inside.former.drain(..) {
                std::mem::forget(former);
            }
        }
    }
}

/// `trace_context(name, metadata=None)`.
unsafe extern "C" fn trace_context(
    object: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls it on an instance of the class, with as many arguments as it says.
    unsafe {
        let profiler = ProfilerBase::of(object);
        if count == 1 && keywords.is_null() && ffi::PyUnicode_Check(*arguments) != 0 {
            return make(profiler, object, *arguments, null_mut());
        }
        let py = Python::assume_attached();
        match parse(py, arguments, count as usize, keywords) {
            Ok((name, metadata)) => {
                let metadata = metadata.map_or(null_mut(), Bound::into_ptr);
                make(profiler, object, name.as_ptr(), metadata)
            }
            Err(error) => {
                error.restore(py);
                null_mut()
            }
        }
    }
}

/// The context manager; a disabled profiler has one that does nothing.
unsafe fn make(
    profiler: &ProfilerBase,
    object: *mut ffi::PyObject,
    name: *mut ffi::PyObject,
    metadata: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the caller holds what it gives, and hands the metadata over.
    unsafe {
        if !profiler.enabled {
            return trace::new(null_mut(), name, NameId::default(), metadata).cast();
        }
        trace::new(object, name, profiler.name_id(name), metadata).cast()
    }
}

type Arguments<'py> = (Bound<'py, PyAny>, Option<Bound<'py, PyAny>>);

/// The arguments, with a copy of the metadata.
unsafe fn parse<'py>(
    py: Python<'py>,
    arguments: *const *mut ffi::PyObject,
    count: usize,
    keywords: *mut ffi::PyObject,
) -> PyResult<Arguments<'py>> {
    let mut name = None;
    let mut metadata = None;
    // SAFETY: as `trace_context`.
    let given = |index: usize| unsafe { Bound::from_borrowed_ptr(py, *arguments.add(index)) };
    if count > 2 {
        let message = format!("trace_context() takes a name and metadata, got {count} arguments");
        return Err(pyo3::exceptions::PyTypeError::new_err(message));
    }
    if count > 0 {
        name = Some(given(0));
    }
    if count > 1 {
        metadata = Some(given(1));
    }
    if !keywords.is_null() {
        // SAFETY: CPython gives a tuple of names, whose values follow the arguments.
        let keywords = unsafe { Bound::from_borrowed_ptr(py, keywords) };
        for (index, keyword) in keywords.try_iter()?.enumerate() {
            let (keyword, value): (String, _) = (keyword?.extract()?, given(count + index));
            let place = match keyword.as_str() {
                "name" => &mut name,
                "metadata" => &mut metadata,
                _ => {
                    let message = format!("trace_context() takes name and metadata, got {keyword:?}");
                    return Err(pyo3::exceptions::PyTypeError::new_err(message));
                }
            };
            if place.replace(value).is_some() {
                let message = format!("trace_context() got {keyword} twice");
                return Err(pyo3::exceptions::PyTypeError::new_err(message));
            }
        }
    }
    let Some(name) = name else {
        return Err(pyo3::exceptions::PyTypeError::new_err("trace_context() needs a name"));
    };
    if !name.is_instance_of::<PyString>() {
        return Err(wrong_type("name", "a str", &name));
    }
    let metadata = metadata.filter(|metadata| !metadata.is_none());
    let copy = metadata
        .map(|metadata| {
            let copy = PyDict::new(py);
            let mapping = metadata.cast::<pyo3::types::PyMapping>();
            let mapping = mapping.map_err(|_| wrong_type("metadata", "a mapping or None", &metadata))?;
            copy.update(mapping)?;
            Ok::<_, PyErr>(copy.into_any())
        })
        .transpose()?;
    Ok((name, copy))
}

/// A name as an object that is kept for ever, for calls of methods.
unsafe fn interned(name: &'static CStr) -> *mut ffi::PyObject {
    static CLOSE: PyOnceLock<Py<PyString>> = PyOnceLock::new();
    debug_assert!(name == c"close", "the only one that is called by name often");
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
    unsafe fn new(metadata: *mut ffi::PyObject, stack: Option<Arc<Stack>>) -> Option<Arc<dyn Attachment>> {
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
            (&types::TRACE, trace::make_type(object)),
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
        let method = types::leak(vec![types::fast_with_keywords(c"trace_context", trace_context, doc)]);
        let method = ffi::PyDescr_NewMethod(class.as_ptr().cast(), method);
        let method = Bound::from_owned_ptr_or_err(py, method)?;
        class.setattr("trace_context", method)?;
    }
    Ok(())
}
