//! Making types from slots, and what the hand-written types share.

#![expect(unsafe_code, reason = "slots of CPython written by hand; every function here runs with the GIL")]
#![allow(unsafe_op_in_unsafe_fn, reason = "the bodies are calls of CPython's C API from end to end")]

use std::cell::UnsafeCell;
use std::ffi::{CStr, c_int, c_uint, c_ulong, c_void};
use std::ptr::{self, null_mut};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::ffi;

/// A type that was made when the module was.
pub(super) struct Type(AtomicPtr<ffi::PyTypeObject>);

pub(super) static TRACE: Type = Type::unmade();
pub(super) static COROUTINE: Type = Type::unmade();
pub(super) static FUNCTION: Type = Type::unmade();

impl Type {
    const fn unmade() -> Self {
        Self(AtomicPtr::new(null_mut()))
    }

    #[inline]
    pub(super) fn get(&self) -> *mut ffi::PyTypeObject {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, made: *mut ffi::PyTypeObject) {
        self.0.store(made, Ordering::Relaxed);
    }
}

/// Objects that all profilers share. Never dropped.
pub(super) struct Shared {
    /// The context variable that holds the innermost trace.
    pub(super) variable: *mut ffi::PyObject,
    /// The awaitable that has finished with `None`.
    pub(super) ready: *mut ffi::PyObject,
    /// `asyncio.CancelledError`.
    pub(super) cancelled: *mut ffi::PyObject,
}

// SAFETY: the pointers are to objects that live for ever and are used with the GIL only.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

static SHARED: OnceLock<Shared> = OnceLock::new();

/// What was made with the module.
#[inline]
pub(super) fn shared() -> &'static Shared {
    SHARED.get().expect("the module makes it before anything else can run")
}

/// Makes the shared objects. Null on failure, with an exception set.
pub(super) unsafe fn make_shared(module: *mut ffi::PyObject) -> Option<()> {
    let ready_type = make(
        module,
        c"mtaio.monitoring._native.Ready",
        size_of::<ffi::PyObject>(),
        ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION,
        vec![
            slot(ffi::Py_tp_iter, itself as *mut c_void),
            slot(ffi::Py_tp_iternext, end_with_none as *mut c_void),
            slot(ffi::Py_am_await, itself as *mut c_void),
            slot(ffi::Py_am_send, finish_with_none as *mut c_void),
            slot(ffi::Py_tp_doc, c"An awaitable that has finished.".as_ptr() as *mut c_void),
        ],
    );
    if ready_type.is_null() {
        return None;
    }
    let ready = ffi::PyType_GenericAlloc(ready_type, 0);
    let variable = ffi::PyContextVar_New(c"mtaio.trace".as_ptr(), null_mut());
    let asyncio = ffi::PyImport_ImportModule(c"asyncio.exceptions".as_ptr());
    if ready.is_null() || variable.is_null() || asyncio.is_null() {
        return None;
    }
    let cancelled = ffi::PyObject_GetAttrString(asyncio, c"CancelledError".as_ptr());
    ffi::Py_DECREF(asyncio);
    if cancelled.is_null() {
        return None;
    }
    let _first = SHARED.set(Shared { variable, ready, cancelled });
    Some(())
}

/// `__iter__` and `__await__` of what is its own iterator.
pub(super) unsafe extern "C" fn itself(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    ffi::Py_INCREF(object);
    object
}

unsafe extern "C" fn end_with_none(_object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    null_mut()
}

unsafe extern "C" fn finish_with_none(
    _object: *mut ffi::PyObject,
    _sent: *mut ffi::PyObject,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    ffi::Py_INCREF(ffi::Py_None());
    *result = ffi::Py_None();
    ffi::PySendResult::PYGEN_RETURN
}

/// Raises `StopIteration(value)`, whatever the value is: a tuple or an exception must not be taken apart.
pub(super) unsafe fn stop_with(value: *mut ffi::PyObject) -> *mut ffi::PyObject {
    if value == ffi::Py_None() {
        ffi::PyErr_SetNone(ffi::PyExc_StopIteration);
        return null_mut();
    }
    let stop = ffi::PyObject_CallFunctionObjArgs(ffi::PyExc_StopIteration, value, null_mut::<ffi::PyObject>());
    if !stop.is_null() {
        ffi::PyErr_SetObject(ffi::PyExc_StopIteration, stop);
        ffi::Py_DECREF(stop);
    }
    null_mut()
}

/// An object of one of our types, not tracked yet.
#[inline]
pub(super) unsafe fn allocate<T>(kind: &Type) -> *mut T {
    ffi::PyObject_GC_New::<T>(kind.get())
}

unsafe extern "C" {
    /// Gives an object its first reference (`Include/cpython/object.h`).
    fn _Py_NewReference(object: *mut ffi::PyObject);
}

/// Objects of a type that were freed, kept for the next ones: allocating one is as dear as recording a trace.
pub(super) struct Spare<T>(UnsafeCell<Vec<*mut T>>);

// SAFETY: it is touched with the GIL held only, and never across a call that could let go of it.
unsafe impl<T> Sync for Spare<T> {}

impl<T> Spare<T> {
    /// Objects that are kept.
    const MOST: usize = 64;

    pub(super) const fn new() -> Self {
        Self(UnsafeCell::new(Vec::new()))
    }

    /// An object to be filled, not tracked yet. Null on failure, with an exception set.
    #[inline]
    pub(super) unsafe fn take_or_allocate(&self, kind: &Type) -> *mut T {
        let Some(object) = (*self.0.get()).pop() else { return allocate(kind) };
        ffi::Py_INCREF(kind.get().cast());
        _Py_NewReference(object.cast());
        object
    }

    /// Keeps an object whose contents are gone. False where there are enough.
    #[inline]
    pub(super) unsafe fn keep(&self, object: *mut T) -> bool {
        let spare = &mut *self.0.get();
        let is_wanted = spare.len() < Self::MOST;
        if is_wanted {
            spare.push(object);
        }
        is_wanted
    }
}

/// Shows the collector what an object holds; null is nothing.
pub(super) unsafe fn visit_each<const HELD: usize>(
    held: [*mut ffi::PyObject; HELD],
    visit: ffi::visitproc,
    argument: *mut c_void,
) -> c_int {
    for reference in held.into_iter().filter(|reference| !reference.is_null()) {
        let result = visit(reference, argument);
        if result != 0 {
            return result;
        }
    }
    0
}

/// An attribute of an object, or else of what it stands for (null: of nothing).
pub(super) unsafe fn attribute_of_either(
    object: *mut ffi::PyObject,
    stands_for: *mut ffi::PyObject,
    name: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    let found = ffi::PyObject_GenericGetAttr(object, name);
    if !found.is_null() || stands_for.is_null() || ffi::PyErr_ExceptionMatches(ffi::PyExc_AttributeError) == 0 {
        return found;
    }
    ffi::PyErr_Clear();
    ffi::PyObject_GetAttr(stands_for, name)
}

/// `__class__` of an object that passes for another (null: for none).
pub(super) unsafe fn class_of_either(
    object: *mut ffi::PyObject,
    stands_for: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    let kind = ffi::Py_TYPE(if stands_for.is_null() { object } else { stands_for });
    ffi::Py_INCREF(kind.cast());
    kind.cast()
}

/// A table that lives as long as the process: types keep pointers into theirs.
pub(super) fn leak<T>(table: Vec<T>) -> *mut T {
    Box::leak(table.into_boxed_slice()).as_mut_ptr()
}

pub(super) fn slot(number: c_int, function: *mut c_void) -> ffi::PyType_Slot {
    ffi::PyType_Slot { slot: number, pfunc: function }
}

/// A type made from its slots. Null on failure, with an exception set.
pub(super) unsafe fn make(
    module: *mut ffi::PyObject,
    name: &'static CStr,
    size: usize,
    flags: c_ulong,
    mut slots: Vec<ffi::PyType_Slot>,
) -> *mut ffi::PyTypeObject {
    slots.push(slot(0, null_mut()));
    let spec = leak(vec![ffi::PyType_Spec {
        name: name.as_ptr(),
        basicsize: size as c_int,
        itemsize: 0,
        flags: (ffi::Py_TPFLAGS_DEFAULT | flags) as c_uint,
        slots: leak(slots),
    }]);
    let made: *mut ffi::PyTypeObject = ffi::PyType_FromModuleAndSpec(module, spec, null_mut()).cast();
    let short = name.to_bytes().rsplit(|&byte| byte == b'.').next().unwrap_or_default();
    if !made.is_null() {
        let short = std::ffi::CString::new(short).unwrap_or_default();
        ffi::Py_INCREF(made.cast());
        if ffi::PyModule_AddObject(module, short.as_ptr(), made.cast()) < 0 {
            return null_mut();
        }
    }
    made
}

type NoArguments = unsafe extern "C" fn(*mut ffi::PyObject, *mut ffi::PyObject) -> *mut ffi::PyObject;
type Fast =
    unsafe extern "C" fn(*mut ffi::PyObject, *mut *mut ffi::PyObject, ffi::Py_ssize_t) -> *mut ffi::PyObject;
type FastWithKeywords = unsafe extern "C" fn(
    *mut ffi::PyObject,
    *const *mut ffi::PyObject,
    ffi::Py_ssize_t,
    *mut ffi::PyObject,
) -> *mut ffi::PyObject;

pub(super) fn no_arguments(name: &'static CStr, function: NoArguments) -> ffi::PyMethodDef {
    let ml_meth = ffi::PyMethodDefPointer { PyCFunction: function };
    ffi::PyMethodDef { ml_name: name.as_ptr(), ml_meth, ml_flags: ffi::METH_NOARGS, ml_doc: ptr::null() }
}

pub(super) fn one_argument(name: &'static CStr, function: NoArguments) -> ffi::PyMethodDef {
    let ml_meth = ffi::PyMethodDefPointer { PyCFunction: function };
    ffi::PyMethodDef { ml_name: name.as_ptr(), ml_meth, ml_flags: ffi::METH_O, ml_doc: ptr::null() }
}

pub(super) fn fast(name: &'static CStr, function: Fast) -> ffi::PyMethodDef {
    let ml_meth = ffi::PyMethodDefPointer { PyCFunctionFast: function };
    ffi::PyMethodDef { ml_name: name.as_ptr(), ml_meth, ml_flags: ffi::METH_FASTCALL, ml_doc: ptr::null() }
}

pub(super) fn fast_with_keywords(
    name: &'static CStr,
    function: FastWithKeywords,
    doc: &'static CStr,
) -> ffi::PyMethodDef {
    let ml_meth = ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: function };
    let ml_flags = ffi::METH_FASTCALL | ffi::METH_KEYWORDS;
    ffi::PyMethodDef { ml_name: name.as_ptr(), ml_meth, ml_flags, ml_doc: doc.as_ptr() }
}

/// A member that tells CPython where in the object something lies.
pub(super) fn offset(name: &'static CStr, offset: usize) -> ffi::PyMemberDef {
    ffi::PyMemberDef {
        name: name.as_ptr(),
        type_code: ffi::Py_T_PYSSIZET,
        offset: offset as ffi::Py_ssize_t,
        flags: ffi::Py_READONLY,
        doc: ptr::null(),
    }
}
