//! The type `Trace`: its slots and its attributes.
//!
//! Long because a type of CPython's is one table of slots, and one of attributes with their documentation.

#![expect(unsafe_code, reason = "slots of CPython written by hand; every function here runs with the GIL")]
#![allow(unsafe_op_in_unsafe_fn, reason = "the bodies are calls of CPython's C API from end to end")]

use std::ffi::{c_int, c_void};
use std::ptr::{self, null_mut};

use mtaio_monitoring::profiler::Status;
use pyo3::ffi;

use super::ProfilerBase;
use super::raised::{self, Raised};
use super::trace::{SPARE, Stage, TraceObject, drop_chain};
use super::types::{TRACE, itself, shared, visit_each};

unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    ffi::PyObject_GC_UnTrack(object.cast());
    let trace: *mut TraceObject = object.cast();
    if (*trace).stage == Stage::Open {
        // Nobody can end it any more. Kept alive for that moment.
        let raised = Raised::take();
        let now = TraceObject::now(trace);
        TraceObject::end(trace, now, Status::Abandoned, None, None);
        raised.restore();
    }
    let kind = ffi::Py_TYPE(object);
    clear(object);
    let chain = std::mem::replace(&mut (*trace).outer, null_mut());
    drop_chain(chain);
    ptr::drop_in_place(&raw mut (*trace).stack);
    ptr::drop_in_place(&raw mut (*trace).error);
    if !SPARE.keep(trace) {
        ffi::PyObject_GC_Del(object.cast());
    }
    ffi::Py_DECREF(kind.cast());
}

unsafe extern "C" fn traverse(object: *mut ffi::PyObject, visit: ffi::visitproc, argument: *mut c_void) -> c_int {
    let trace: *mut TraceObject = object.cast();
    let held =
        [ffi::Py_TYPE(object).cast(), (*trace).profiler, (*trace).outer.cast(), (*trace).name, (*trace).metadata];
    visit_each(held, visit, argument)
}

unsafe extern "C" fn clear(object: *mut ffi::PyObject) -> c_int {
    let trace: *mut TraceObject = object.cast();
    if (*trace).stage == Stage::Open {
        // From here on a profile would find nothing that it carries.
        ProfilerBase::of((*trace).profiler).carries_no_more((*trace).id);
    }
    for reference in [&raw mut (*trace).name, &raw mut (*trace).metadata] {
        ffi::Py_XDECREF(ptr::replace(reference, null_mut()));
    }
    if (*trace).stage != Stage::Open {
        // While it is open its recorder is needed, which the profiler keeps.
        ffi::Py_XDECREF(ptr::replace(&raw mut (*trace).profiler, null_mut()));
    }
    0
}

unsafe extern "C" fn repr(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    let trace: *mut TraceObject = object.cast();
    let status = match (*trace).stage {
        Stage::New => c"not begun",
        Stage::Open => c"open",
        Stage::Ended => c"ended",
        Stage::Spawned => c"where a task was spawned",
    };
    ffi::PyUnicode_FromFormat(c"<Trace %R, %s>".as_ptr(), (*trace).name, status.as_ptr())
}

/// As an awaitable, it has finished, with itself as the result.
unsafe extern "C" fn finish_with_itself(
    object: *mut ffi::PyObject,
    _sent: *mut ffi::PyObject,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    ffi::Py_INCREF(object);
    *result = object;
    ffi::PySendResult::PYGEN_RETURN
}

unsafe extern "C" fn next(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    super::types::stop_with(object)
}

unsafe extern "C" fn aenter(object: *mut ffi::PyObject, _none: *mut ffi::PyObject) -> *mut ffi::PyObject {
    TraceObject::begin(object.cast());
    ffi::Py_INCREF(object);
    object
}

unsafe extern "C" fn aexit(
    object: *mut ffi::PyObject,
    arguments: *mut *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    leave(object.cast(), arguments, count);
    ffi::Py_INCREF(shared().ready);
    shared().ready
}

unsafe extern "C" fn exit(
    object: *mut ffi::PyObject,
    arguments: *mut *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    leave(object.cast(), arguments, count);
    ffi::Py_INCREF(ffi::Py_False());
    ffi::Py_False()
}

unsafe fn leave(trace: *mut TraceObject, arguments: *mut *mut ffi::PyObject, count: ffi::Py_ssize_t) {
    let now = TraceObject::now(trace);
    let exception = if count >= 2 { *arguments.add(1) } else { ffi::Py_None() };
    let (status, error) = raised::judge(exception);
    TraceObject::end(trace, now, status, error, None);
}

/// `__aenter__` and `__aexit__`, looked up on a trace, are the trace: called without arguments it begins, called with
/// three it ends. CPython makes a bound method of whatever else it finds there, twice a trace.
pub(super) unsafe extern "C" fn enter_or_exit(
    object: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: usize,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    let count = ffi::PyVectorcall_NARGS(count);
    if !keywords.is_null() || !(count == 0 || count == 3) {
        ffi::PyErr_SetString(
            ffi::PyExc_TypeError,
            c"a trace is entered without arguments and left with three: write 'async with' or 'with'".as_ptr(),
        );
        return null_mut();
    }
    if count == 0 { aenter(object, null_mut()) } else { aexit(object, arguments.cast_mut(), count) }
}

/// The descriptor of both: on an instance it gives the instance, on the class itself.
unsafe extern "C" fn bind(
    descriptor: *mut ffi::PyObject,
    instance: *mut ffi::PyObject,
    _class: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    let found = if instance.is_null() || instance == ffi::Py_None() { descriptor } else { instance };
    ffi::Py_INCREF(found);
    found
}

/// `Trace.__aenter__(trace)`, as `contextlib.AsyncExitStack` calls it.
unsafe extern "C" fn call_on_class(
    _descriptor: *mut ffi::PyObject,
    arguments: *mut ffi::PyObject,
    _keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    let count = ffi::PyTuple_Size(arguments);
    let trace = if count > 0 { ffi::PyTuple_GetItem(arguments, 0) } else { null_mut() };
    if trace.is_null() || ffi::Py_TYPE(trace) != TRACE.get() || !(count == 1 || count == 4) {
        ffi::PyErr_Clear();
        ffi::PyErr_SetString(ffi::PyExc_TypeError, c"the first argument must be a trace".as_ptr());
        return null_mut();
    }
    if count == 1 {
        return aenter(trace, null_mut());
    }
    let mut exception = [1, 2, 3].map(|index| ffi::PyTuple_GetItem(arguments, index));
    aexit(trace, exception.as_mut_ptr(), 3)
}

/// `_end(exception)`: what `Profiler.end_trace` calls.
unsafe extern "C" fn end(object: *mut ffi::PyObject, exception: *mut ffi::PyObject) -> *mut ffi::PyObject {
    let trace: *mut TraceObject = object.cast();
    let now = TraceObject::now(trace);
    let (status, error) = raised::judge(exception);
    TraceObject::end(trace, now, status, error, None);
    ffi::Py_INCREF(ffi::Py_None());
    ffi::Py_None()
}

// --- attributes ---

fn float(value: f64) -> *mut ffi::PyObject {
    // SAFETY: called by attribute getters, with the GIL.
    unsafe { ffi::PyFloat_FromDouble(value) }
}

unsafe fn none() -> *mut ffi::PyObject {
    ffi::Py_INCREF(ffi::Py_None());
    ffi::Py_None()
}

/// What a getter is for; carried in its closure pointer.
#[derive(Clone, Copy)]
#[repr(usize)]
enum Field {
    Name = 1,
    Metadata,
    TraceId,
    ParentId,
    TaskId,
    TaskName,
    ThreadId,
    StartTime,
    EndTime,
    Duration,
    Status,
    Error,
    MemoryStart,
    MemoryEnd,
    MemoryDelta,
    RunTime,
    WaitTime,
    StackTrace,
}

unsafe extern "C" fn get(object: *mut ffi::PyObject, closure: *mut c_void) -> *mut ffi::PyObject {
    let this = &mut *object.cast::<TraceObject>();
    let recorder = this.recorder.as_ref();
    let began = this.stage != Stage::New;
    let duration = || {
        let end = if this.stage == Stage::Open { (*this.recorder).ticks() } else { this.end };
        end.saturating_sub(this.start)
    };
    let field = closure as usize;
    let is = |wanted: Field| field == wanted as usize;
    let number = |value: u64| ffi::PyLong_FromUnsignedLongLong(value);
    if is(Field::Name) {
        ffi::Py_XINCREF(this.name);
        return this.name;
    }
    if is(Field::Metadata) {
        if this.metadata.is_null() {
            this.metadata = ffi::PyDict_New();
            ffi::PyObject_GC_Track(object.cast());
            if this.stage == Stage::Open {
                ProfilerBase::of(this.profiler).carries(this.id, this);
            }
        }
        ffi::Py_XINCREF(this.metadata);
        return this.metadata;
    }
    if is(Field::Status) {
        let name = if began { this.status.name() } else { "open" };
        return ffi::PyUnicode_FromStringAndSize(name.as_ptr().cast(), name.len() as ffi::Py_ssize_t);
    }
    let Some(recorder) = recorder.filter(|_| began) else { return none() };
    if is(Field::TraceId) {
        number(this.id)
    } else if is(Field::ParentId) && this.parent != 0 {
        number(this.parent)
    } else if is(Field::TaskId) && this.task != 0 {
        number(u64::from(this.task))
    } else if is(Field::TaskName) && this.task != 0 {
        recorder.task_name(this.task).map_or_else(
            || none(),
            |name| ffi::PyUnicode_FromStringAndSize(name.as_ptr().cast(), name.len() as ffi::Py_ssize_t),
        )
    } else if is(Field::ThreadId) {
        recorder.thread_id(this.id).map_or_else(|| none(), number)
    } else if is(Field::StartTime) {
        float(recorder.epoch_seconds(this.start))
    } else if is(Field::EndTime) && this.stage == Stage::Ended {
        float(recorder.epoch_seconds(this.start) + recorder.seconds(this.end - this.start))
    } else if is(Field::Duration) {
        float(recorder.seconds(duration()))
    } else if is(Field::Error) {
        this.error.as_ref().map_or_else(
            || none(),
            |error| ffi::PyUnicode_FromStringAndSize(error.as_ptr().cast(), error.len() as ffi::Py_ssize_t),
        )
    } else if is(Field::MemoryStart) {
        number(u64::from(this.memory_start_kib) * 1024)
    } else if is(Field::MemoryEnd) && this.stage == Stage::Ended {
        number(u64::from(this.memory_end_kib) * 1024)
    } else if is(Field::MemoryDelta) && this.stage == Stage::Ended {
        ffi::PyLong_FromLongLong((i64::from(this.memory_end_kib) - i64::from(this.memory_start_kib)) * 1024)
    } else if is(Field::RunTime) {
        this.run_until_now().map_or_else(|| none(), |run| float(recorder.seconds(run)))
    } else if is(Field::WaitTime) {
        let wait = this.run_until_now().map(|run| duration().saturating_sub(run));
        wait.map_or_else(|| none(), |wait| float(recorder.seconds(wait)))
    } else if is(Field::StackTrace) {
        super::stack::text(this.stack.as_deref())
    } else {
        none()
    }
}

/// Sets the name: of a trace that has ended, it stays.
unsafe extern "C" fn set_name(
    object: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
    _closure: *mut c_void,
) -> c_int {
    if value.is_null() || ffi::PyUnicode_Check(value) == 0 {
        ffi::PyErr_SetString(ffi::PyExc_TypeError, c"the name of a trace must be a str".as_ptr());
        return -1;
    }
    // Held, for whoever the former name is may let go of it.
    ffi::Py_INCREF(object);
    (*object.cast::<TraceObject>()).rename(value);
    ffi::Py_DECREF(object);
    0
}

const fn getter(name: &'static std::ffi::CStr, field: Field, doc: &'static std::ffi::CStr) -> ffi::PyGetSetDef {
    ffi::PyGetSetDef {
        name: name.as_ptr(),
        get: Some(get),
        set: None,
        doc: doc.as_ptr(),
        closure: ptr::without_provenance_mut(field as usize),
    }
}

/// Makes the type.
pub(super) unsafe fn make_type(module: *mut ffi::PyObject) -> *mut ffi::PyTypeObject {
    use super::types::{fast, leak, no_arguments, offset, one_argument, slot};
    let getters = leak(vec![
        ffi::PyGetSetDef {
            set: Some(set_name),
            ..getter(c"name", Field::Name, c"What is traced; may be set as long as it has not ended.")
        },
        getter(
            c"metadata",
            Field::Metadata,
            c"Names and values attached to it; may be added to while it is open.",
        ),
        getter(c"trace_id", Field::TraceId, c"Unique in the process; None before it begins."),
        getter(c"parent_id", Field::ParentId, c"The innermost open trace of the flow when it began, or None."),
        getter(c"task_id", Field::TaskId, c"The asyncio task that it began in, numbered; None outside of one."),
        getter(c"task_name", Field::TaskName, c"That task's name."),
        getter(
            c"thread_id",
            Field::ThreadId,
            c"The thread that it began in, as threading.get_native_id() gives it.",
        ),
        getter(c"start_time", Field::StartTime, c"When it began, in seconds since the epoch."),
        getter(c"end_time", Field::EndTime, c"When it ended, in seconds since the epoch; None while it is open."),
        getter(c"duration", Field::Duration, c"Seconds from its beginning to its end, or to now."),
        getter(c"status", Field::Status, c"open, ok, error, cancelled or abandoned."),
        getter(c"error", Field::Error, c"What it failed with, e.g. 'ValueError: no such user', or None."),
        getter(
            c"memory_start",
            Field::MemoryStart,
            c"Resident bytes of the process when it began, at most 10 ms old.",
        ),
        getter(c"memory_end", Field::MemoryEnd, c"The same when it ended; None while it is open."),
        getter(c"memory_delta", Field::MemoryDelta, c"The difference of both."),
        getter(c"run_time", Field::RunTime, c"Seconds that it ran, or None where that is not known."),
        getter(c"wait_time", Field::WaitTime, c"Its duration less its run time."),
        getter(
            c"stack_trace",
            Field::StackTrace,
            c"Where it began, as a traceback prints it; None unless collected.",
        ),
        // SAFETY: a null name ends the table.
        std::mem::zeroed(),
    ]);
    let methods = leak(vec![
        no_arguments(c"__enter__", aenter),
        fast(c"__exit__", exit),
        one_argument(c"_end", end),
        // SAFETY: a null name ends the table.
        std::mem::zeroed(),
    ]);
    let members = leak(vec![
        offset(c"__vectorcalloffset__", std::mem::offset_of!(TraceObject, vectorcall)),
        // SAFETY: a null name ends the table.
        std::mem::zeroed(),
    ]);
    let doc = c"A trace: the context manager that begins and ends it, and what is known of it.";
    let made = super::types::make(
        module,
        c"mtaio.monitoring._native.Trace",
        size_of::<TraceObject>(),
        ffi::Py_TPFLAGS_HAVE_GC | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION | ffi::Py_TPFLAGS_HAVE_VECTORCALL,
        vec![
            slot(ffi::Py_tp_call, ffi::PyVectorcall_Call as *mut c_void),
            slot(ffi::Py_tp_members, members.cast()),
            slot(ffi::Py_tp_dealloc, dealloc as *mut c_void),
            slot(ffi::Py_tp_traverse, traverse as *mut c_void),
            slot(ffi::Py_tp_clear, clear as *mut c_void),
            slot(ffi::Py_tp_repr, repr as *mut c_void),
            slot(ffi::Py_tp_iter, itself as *mut c_void),
            slot(ffi::Py_tp_iternext, next as *mut c_void),
            slot(ffi::Py_am_await, itself as *mut c_void),
            slot(ffi::Py_am_send, finish_with_itself as *mut c_void),
            slot(ffi::Py_tp_getset, getters.cast()),
            slot(ffi::Py_tp_methods, methods.cast()),
            slot(ffi::Py_tp_doc, doc.as_ptr() as *mut c_void),
        ],
    );
    if made.is_null() || add_async_methods(module, made).is_none() {
        return null_mut();
    }
    made
}

unsafe fn add_async_methods(module: *mut ffi::PyObject, made: *mut ffi::PyTypeObject) -> Option<()> {
    use super::types::slot;
    let kind = super::types::make(
        module,
        c"mtaio.monitoring._native.TraceMethod",
        size_of::<ffi::PyObject>(),
        ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION,
        vec![
            slot(ffi::Py_tp_descr_get, bind as *mut c_void),
            slot(ffi::Py_tp_call, call_on_class as *mut c_void),
            slot(ffi::Py_tp_doc, c"__aenter__ and __aexit__ of a trace.".as_ptr() as *mut c_void),
        ],
    );
    if kind.is_null() {
        return None;
    }
    for name in [c"__aenter__", c"__aexit__"] {
        let descriptor = ffi::PyType_GenericAlloc(kind, 0);
        if descriptor.is_null() || ffi::PyObject_SetAttrString(made.cast(), name.as_ptr(), descriptor) < 0 {
            return None;
        }
        ffi::Py_DECREF(descriptor);
    }
    Some(())
}
