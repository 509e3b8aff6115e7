//! The traced coroutine: a coroutine that owns another one and looks at the clock when it resumes and suspends.
//!
//! That needs no help from the event loop, so it is right under every one of them; the time between its resumes and its
//! suspends is the run time, the rest is waiting. It serves tasks as well: the coroutine of a task that was spawned
//! inside a trace is wrapped in one that traces nothing and counts the steps.
//!
//! Long because a coroutine has many ways to go on and to end, and all of them keep the same clock.

#![expect(unsafe_code, reason = "slots of CPython written by hand; every function here runs with the GIL")]
#![allow(unsafe_op_in_unsafe_fn, reason = "the bodies are calls of CPython's C API from end to end")]

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::ptr::{self, null_mut};

use mtaio_monitoring::profiler::{NameId, Status};
use pyo3::ffi;

use super::raised::Raised;
use super::trace::{self, Stage, TraceObject};
use super::types::{COROUTINE, Spare, attribute_of_either, class_of_either, itself, stop_with, visit_each};
use super::{ProfilerBase, task};

/// A coroutine around another.
#[repr(C)]
pub(super) struct CoroutineObject {
    ob_base: ffi::PyObject,
    weak_references: *mut ffi::PyObject,
    inner: *mut ffi::PyObject,
    profiler: *mut ffi::PyObject,
    /// Unique among these.
    pub(super) number: u64,
    /// The trace that it is, once it has begun.
    trace: *mut TraceObject,
    /// The trace's name; null where it is none.
    name: *mut ffi::PyObject,
    name_id: NameId,
    /// The link with which the task begins that it is; null for none.
    spawned: *mut TraceObject,
    /// The task that it is, where that is recorded; 0 for none.
    task: u32,
    /// The recorder in which it has that number.
    recorder: u64,
    run: u64,
    /// When it was resumed last; 0 while it is suspended.
    resumed_at: u64,
    steps: u32,
    stage: Stage,
}

struct Next(Cell<u64>);
// SAFETY: it is touched with the GIL held only.
unsafe impl Sync for Next {}
static NUMBER: Next = Next(Cell::new(1));

static SPARE: Spare<CoroutineObject> = Spare::new();

thread_local! {
    /// The innermost of these that runs on this thread: the clock of whatever begins in it.
    static RUNNING: Cell<*mut CoroutineObject> = const { Cell::new(null_mut()) };
}

/// The one that runs on this thread, borrowed, or null.
#[inline]
pub(super) fn running() -> *mut CoroutineObject {
    RUNNING.get()
}

impl CoroutineObject {
    /// Ticks that it has run.
    #[inline]
    pub(super) fn clock(&self, now: u64) -> u64 {
        self.run + if self.resumed_at == 0 { 0 } else { now.saturating_sub(self.resumed_at) }
    }

    /// Whether it can be the coroutine of a task that this profiler watches.
    pub(super) fn may_be_task(&self, profiler: *mut ffi::PyObject) -> bool {
        self.stage == Stage::New && self.spawned.is_null() && ptr::eq(self.profiler, profiler)
    }

    /// How often it was resumed.
    pub(super) fn steps(&self) -> u32 {
        self.steps
    }

    /// Makes it the coroutine of a task that begins with this link, which it takes over.
    pub(super) unsafe fn set_task(&mut self, task: u32, spawned: *mut TraceObject) {
        self.recorder = ProfilerBase::of(self.profiler).recorder().id();
        self.task = task;
        self.spawned = spawned;
    }

    /// Begins the trace, if it is one.
    unsafe fn start(this: *mut Self) -> u64 {
        (*this).stage = Stage::Open;
        let profiler = ProfilerBase::of((*this).profiler);
        if !(*this).spawned.is_null() {
            trace::set_innermost((*this).spawned);
        }
        if (*this).task != 0 && (*this).recorder == profiler.recorder().id() {
            task::adopt(profiler, (*this).task);
            profiler.lives((*this).task, this);
        }
        if !(*this).name.is_null() {
            (*this).trace = trace::new((*this).profiler, (*this).name, (*this).name_id, null_mut());
            if (*this).trace.is_null() {
                ffi::PyErr_Clear();
            } else {
                return TraceObject::begin((*this).trace);
            }
        }
        profiler.recorder().ticks()
    }

    unsafe fn now(this: *mut Self) -> u64 {
        ProfilerBase::of((*this).profiler).recorder().ticks()
    }

    /// Resumes: everything until [`Self::suspend`] is run time. Gives what ran before.
    #[inline]
    unsafe fn resume(this: *mut Self) -> *mut CoroutineObject {
        let now = if (*this).stage == Stage::New { Self::start(this) } else { Self::now(this) };
        (*this).resumed_at = now.max(1);
        (*this).steps += 1;
        RUNNING.replace(this)
    }

    #[inline]
    unsafe fn suspend(this: *mut Self, before: *mut CoroutineObject) -> u64 {
        RUNNING.set(before);
        let now = Self::now(this);
        (*this).run = (*this).clock(now);
        (*this).resumed_at = 0;
        now
    }

    /// Ends the trace and the task, once.
    unsafe fn finish(this: *mut Self, now: u64, status: Status, error: Option<Box<str>>) {
        if (*this).stage == Stage::Ended {
            return;
        }
        (*this).stage = Stage::Ended;
        TraceObject::unlink((*this).spawned);
        end_task(this, status);
        if !(*this).trace.is_null() {
            TraceObject::end((*this).trace, now, status, error, Some((*this).run));
        }
    }

    /// As [`Self::finish`], as the exception says that is raised.
    unsafe fn finish_raised(this: *mut Self, now: u64) {
        let raised = Raised::take();
        let (status, error) = if raised.is_stop() { (Status::Ok, None) } else { raised.judge() };
        Self::finish(this, now, status, error);
        raised.restore();
    }

    unsafe fn call(
        object: *mut ffi::PyObject,
        call: impl FnOnce(*mut ffi::PyObject) -> *mut ffi::PyObject,
    ) -> *mut ffi::PyObject {
        let this = object.cast::<Self>();
        let inner = (*this).inner;
        // Held, for whoever is called may let go of this.
        ffi::Py_INCREF(object);
        let before = Self::resume(this);
        let result = call(inner);
        let now = Self::suspend(this, before);
        if result.is_null() {
            Self::finish_raised(this, now);
        }
        ffi::Py_DECREF(object);
        result
    }
}

/// A coroutine around `inner`, which it takes over. `name` is null for one that is a task and no trace.
pub(super) unsafe fn new(
    profiler: *mut ffi::PyObject,
    name: *mut ffi::PyObject,
    name_id: NameId,
    inner: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    let object = SPARE.take_or_allocate(&COROUTINE);
    if object.is_null() {
        ffi::Py_DECREF(inner);
        return null_mut();
    }
    ffi::Py_INCREF(profiler);
    ffi::Py_XINCREF(name);
    let ob_base = ptr::read(&raw const (*object).ob_base);
    ptr::write(
        object,
        CoroutineObject {
            ob_base,
            weak_references: null_mut(),
            inner,
            profiler,
            number: NUMBER.0.replace(NUMBER.0.get() + 1),
            trace: null_mut(),
            name,
            name_id,
            spawned: null_mut(),
            task: 0,
            recorder: 0,
            run: 0,
            resumed_at: 0,
            steps: 0,
            stage: Stage::New,
        },
    );
    ffi::PyObject_GC_Track(object.cast());
    object.cast()
}

// --- slots ---

unsafe extern "C" fn am_send(
    object: *mut ffi::PyObject,
    sent: *mut ffi::PyObject,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    let this = object.cast::<CoroutineObject>();
    ffi::Py_INCREF(object);
    let before = CoroutineObject::resume(this);
    let how = ffi::PyIter_Send((*this).inner, sent, result);
    let now = CoroutineObject::suspend(this, before);
    match how {
        ffi::PySendResult::PYGEN_NEXT => {}
        ffi::PySendResult::PYGEN_RETURN => CoroutineObject::finish(this, now, Status::Ok, None),
        ffi::PySendResult::PYGEN_ERROR => CoroutineObject::finish_raised(this, now),
    }
    ffi::Py_DECREF(object);
    how
}

unsafe extern "C" fn send(object: *mut ffi::PyObject, sent: *mut ffi::PyObject) -> *mut ffi::PyObject {
    let mut result = null_mut();
    match am_send(object, sent, &raw mut result) {
        ffi::PySendResult::PYGEN_RETURN => {
            stop_with(result);
            ffi::Py_DECREF(result);
            null_mut()
        }
        _ => result,
    }
}

unsafe extern "C" fn next(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    send(object, ffi::Py_None())
}

unsafe extern "C" fn throw(
    object: *mut ffi::PyObject,
    arguments: *mut *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    let this = object.cast::<CoroutineObject>();
    let method = ffi::PyObject_GetAttrString((*this).inner, c"throw".as_ptr());
    if method.is_null() {
        return null_mut();
    }
    if (*this).stage == Stage::New {
        // Thrown into before it began: it never ran, and there is no trace of it.
        let result = ffi::PyObject_Vectorcall(method, arguments, count as usize, null_mut());
        ffi::Py_DECREF(method);
        if result.is_null() {
            let now = CoroutineObject::now(this);
            CoroutineObject::finish_raised(this, now);
        }
        return result;
    }
    let result =
        CoroutineObject::call(object, |_| ffi::PyObject_Vectorcall(method, arguments, count as usize, null_mut()));
    ffi::Py_DECREF(method);
    result
}

unsafe extern "C" fn close(object: *mut ffi::PyObject, _none: *mut ffi::PyObject) -> *mut ffi::PyObject {
    let this = object.cast::<CoroutineObject>();
    let was = (*this).stage;
    if was == Stage::New {
        (*this).stage = Stage::Ended;
        end_task_unrun(this);
        return ffi::PyObject_CallMethodNoArgs((*this).inner, super::close_name());
    }
    let result = CoroutineObject::call(object, |inner| ffi::PyObject_CallMethodNoArgs(inner, super::close_name()));
    if !result.is_null() {
        abandon(this);
    }
    result
}

unsafe fn end_task_unrun(this: *mut CoroutineObject) {
    TraceObject::unlink((*this).spawned);
    end_task(this, Status::Cancelled);
}

unsafe fn end_task(this: *mut CoroutineObject, status: Status) {
    let profiler = ProfilerBase::of((*this).profiler);
    // After a fork the number is that of another task, or of none.
    if (*this).task != 0 && (*this).recorder == profiler.recorder().id() {
        profiler.lives_no_more((*this).task);
        task::rename_running(profiler.recorder(), (*this).task);
        profiler.recorder().end_task((*this).task, status, (*this).run, (*this).steps);
    }
}

/// It was left half-way.
unsafe fn abandon(this: *mut CoroutineObject) {
    if (*this).stage == Stage::Open {
        CoroutineObject::finish(this, CoroutineObject::now(this), Status::Abandoned, None);
    }
}

/// The last reference is gone, or the collector found it in a cycle: what the inner one does while it is closed is part
/// of the trace.
unsafe extern "C" fn finalize(object: *mut ffi::PyObject) {
    let this = object.cast::<CoroutineObject>();
    if (*this).stage == Stage::New && !(*this).spawned.is_null() {
        (*this).stage = Stage::Ended;
        end_task_unrun(this);
    }
    if (*this).stage != Stage::Open || (*this).inner.is_null() {
        return;
    }
    let raised = Raised::take();
    let inside = (!(*this).trace.is_null()).then(|| {
        let before = trace::innermost();
        trace::set_innermost((*this).trace);
        before
    });
    let before = CoroutineObject::resume(this);
    // Closes it as its own finalizer would: what it raises cannot be handed to anybody.
    let inner = std::mem::replace(&mut (*this).inner, null_mut());
    ffi::Py_DECREF(inner);
    CoroutineObject::suspend(this, before);
    abandon(this);
    if let Some(before) = inside {
        trace::set_innermost(before);
        ffi::Py_XDECREF(before.cast());
    }
    raised.restore();
}

unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    let this = object.cast::<CoroutineObject>();
    if (*this).stage != Stage::Ended && ffi::PyObject_CallFinalizerFromDealloc(object) < 0 {
        return;
    }
    let was_finalized = ffi::PyObject_GC_IsFinalized(object) != 0;
    ffi::PyObject_GC_UnTrack(object.cast());
    if !(*this).weak_references.is_null() {
        ffi::PyObject_ClearWeakRefs(object);
    }
    let kind = ffi::Py_TYPE(object);
    clear(object);
    ffi::Py_XDECREF(ptr::replace(&raw mut (*this).profiler, null_mut()));
    // One that was finalized is marked as such for ever, and would not be finalized again.
    if was_finalized || !SPARE.keep(this) {
        ffi::PyObject_GC_Del(object.cast());
    }
    ffi::Py_DECREF(kind.cast());
}

unsafe extern "C" fn traverse(object: *mut ffi::PyObject, visit: ffi::visitproc, argument: *mut c_void) -> c_int {
    let this = object.cast::<CoroutineObject>();
    let held = [
        ffi::Py_TYPE(object).cast(),
        (*this).inner,
        (*this).profiler,
        (*this).trace.cast(),
        (*this).spawned.cast(),
        (*this).name,
    ];
    visit_each(held, visit, argument)
}

unsafe extern "C" fn clear(object: *mut ffi::PyObject) -> c_int {
    let this = object.cast::<CoroutineObject>();
    let links = [(&raw mut (*this).trace).cast(), (&raw mut (*this).spawned).cast()];
    for reference in [&raw mut (*this).inner, &raw mut (*this).name].into_iter().chain(links) {
        ffi::Py_XDECREF(ptr::replace(reference, null_mut()));
    }
    0
}

unsafe extern "C" fn repr(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    let this = object.cast::<CoroutineObject>();
    if (*this).inner.is_null() {
        return ffi::PyUnicode_FromString(c"<traced coroutine, closed>".as_ptr());
    }
    ffi::PyUnicode_FromFormat(c"<traced %R>".as_ptr(), (*this).inner)
}

/// What it does not have itself, the inner coroutine has: `cr_frame`, `cr_await`, `cr_code`, `__qualname__`, …
unsafe extern "C" fn get_attribute(object: *mut ffi::PyObject, name: *mut ffi::PyObject) -> *mut ffi::PyObject {
    attribute_of_either(object, (*object.cast::<CoroutineObject>()).inner, name)
}

/// `__name__` and `__qualname__` may be set on a coroutine.
unsafe extern "C" fn set_attribute(
    object: *mut ffi::PyObject,
    name: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
) -> c_int {
    let inner = (*object.cast::<CoroutineObject>()).inner;
    if inner.is_null() {
        return ffi::PyObject_GenericSetAttr(object, name, value);
    }
    ffi::PyObject_SetAttr(inner, name, value)
}

/// `__class__`: what it stands for, so that `isinstance` and `inspect` take it for a coroutine.
unsafe extern "C" fn class(object: *mut ffi::PyObject, _closure: *mut c_void) -> *mut ffi::PyObject {
    class_of_either(object, (*object.cast::<CoroutineObject>()).inner)
}

/// Makes the type.
pub(super) unsafe fn make_type(module: *mut ffi::PyObject) -> *mut ffi::PyTypeObject {
    use super::types::{fast, leak, no_arguments, offset, one_argument, slot};
    let getters = leak(vec![
        ffi::PyGetSetDef {
            name: c"__class__".as_ptr(),
            get: Some(class),
            set: None,
            doc: ptr::null(),
            closure: null_mut(),
        },
        std::mem::zeroed(),
    ]);
    let methods = leak(vec![
        one_argument(c"send", send),
        fast(c"throw", throw),
        no_arguments(c"close", close),
        std::mem::zeroed(),
    ]);
    let members = leak(vec![
        offset(c"__weaklistoffset__", std::mem::offset_of!(CoroutineObject, weak_references)),
        std::mem::zeroed(),
    ]);
    let doc = c"A coroutine whose run is a trace.";
    super::types::make(
        module,
        c"mtaio.monitoring._native.TracedCoroutine",
        size_of::<CoroutineObject>(),
        ffi::Py_TPFLAGS_HAVE_GC | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION,
        vec![
            slot(ffi::Py_tp_dealloc, dealloc as *mut c_void),
            slot(ffi::Py_tp_finalize, finalize as *mut c_void),
            slot(ffi::Py_tp_traverse, traverse as *mut c_void),
            slot(ffi::Py_tp_clear, clear as *mut c_void),
            slot(ffi::Py_tp_repr, repr as *mut c_void),
            slot(ffi::Py_tp_getattro, get_attribute as *mut c_void),
            slot(ffi::Py_tp_setattro, set_attribute as *mut c_void),
            slot(ffi::Py_tp_iternext, next as *mut c_void),
            slot(ffi::Py_am_await, itself as *mut c_void),
            slot(ffi::Py_am_send, am_send as *mut c_void),
            slot(ffi::Py_tp_getset, getters.cast()),
            slot(ffi::Py_tp_methods, methods.cast()),
            slot(ffi::Py_tp_members, members.cast()),
            slot(ffi::Py_tp_doc, doc.as_ptr() as *mut c_void),
        ],
    )
}

/// Whether an object is one of these.
pub(super) unsafe fn is_one(object: *mut ffi::PyObject) -> bool {
    ffi::Py_TYPE(object) == COROUTINE.get()
}
