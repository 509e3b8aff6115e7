//! The traced function: a callable that passes for the function it wraps.
//!
//! A wrapper written in Python adds a frame to every traceback and a call to every call, and `functools.wraps` keeps only
//! some of a function's attributes. This one has a vectorcall slot, adds no frame, and asks the function itself for
//! whatever it is asked: `inspect`, `functools`, `pickle` and FastAPI see the function.

#![expect(unsafe_code, reason = "slots of CPython written by hand; every function here runs with the GIL")]
#![allow(unsafe_op_in_unsafe_fn, reason = "the bodies are calls of CPython's C API from end to end")]

use std::ffi::{c_int, c_void};
use std::ptr::{self, null_mut};

use mtaio_monitoring::profiler::NameId;
use pyo3::prelude::*;
use pyo3::types::PyString;
use pyo3::{PyErr, ffi};

use super::trace::{self, TraceObject};
use super::types::{FUNCTION, allocate, attribute_of_either, class_of_either, visit_each};
use super::{ProfilerBase, coroutine, generator};

unsafe extern "C" {
    /// Not among PyO3's declarations (`Include/cpython/classobject.h`).
    fn PyMethod_New(function: *mut ffi::PyObject, instance: *mut ffi::PyObject) -> *mut ffi::PyObject;
}

/// What a call of the function gives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Its result, when it returns.
    Function,
    Coroutine,
    Generator,
    AsyncGenerator,
}

#[repr(C)]
struct FunctionObject {
    ob_base: ffi::PyObject,
    vectorcall: Option<ffi::vectorcallfunc>,
    weak_references: *mut ffi::PyObject,
    function: *mut ffi::PyObject,
    profiler: *mut ffi::PyObject,
    name: *mut ffi::PyObject,
    /// The name's number in the recorder of this id: after a fork there is another one.
    name_id: NameId,
    recorder: u64,
    kind: Kind,
}

/// A traced function. `kind` is function, coroutine, generator or async generator.
pub(super) fn new<'py>(
    profiler: &Bound<'py, ProfilerBase>,
    function: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
    kind: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let py = profiler.py();
    let kind = match kind {
        "coroutine" => Kind::Coroutine,
        "generator" => Kind::Generator,
        "async generator" => Kind::AsyncGenerator,
        _ => Kind::Function,
    };
    // SAFETY: the object is made by the type that it is laid out for, and filled before anybody sees it.
    unsafe {
        let object = allocate::<FunctionObject>(&FUNCTION);
        if object.is_null() {
            return Err(PyErr::fetch(py));
        }
        let ob_base = ptr::read(&raw const (*object).ob_base);
        ptr::write(
            object,
            FunctionObject {
                ob_base,
                vectorcall: Some(call),
                weak_references: null_mut(),
                function: function.clone().into_ptr(),
                profiler: profiler.clone().into_ptr(),
                name: name.clone().into_ptr(),
                name_id: profiler.get().name_id(name.as_ptr()),
                recorder: profiler.get().recorder().id(),
                kind,
            },
        );
        ffi::PyObject_GC_Track(object.cast());
        Bound::from_owned_ptr_or_err(py, object.cast())
    }
}

unsafe fn name_id(this: *mut FunctionObject) -> NameId {
    let profiler = ProfilerBase::of((*this).profiler);
    let recorder = profiler.recorder().id();
    if (*this).recorder != recorder {
        (*this).recorder = recorder;
        (*this).name_id = profiler.name_id((*this).name);
    }
    (*this).name_id
}

unsafe extern "C" fn call(
    object: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: usize,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    let this = object.cast::<FunctionObject>();
    if (*this).kind == Kind::Function {
        return call_and_trace(this, arguments, count, keywords);
    }
    let made = ffi::PyObject_Vectorcall((*this).function, arguments, count, keywords);
    if made.is_null() {
        return made;
    }
    match (*this).kind {
        Kind::Coroutine => coroutine::new((*this).profiler, (*this).name, name_id(this), made),
        Kind::Generator | Kind::AsyncGenerator | Kind::Function => {
            let py = Python::assume_attached();
            let trace = trace::new((*this).profiler, (*this).name, name_id(this), null_mut());
            if trace.is_null() {
                ffi::Py_DECREF(made);
                return null_mut();
            }
            let made = Bound::from_owned_ptr(py, made);
            let trace = Bound::from_owned_ptr(py, trace.cast());
            let wrapped = if (*this).kind == Kind::AsyncGenerator {
                generator::wrap_async(&made, trace)
            } else {
                generator::wrap(&made, trace)
            };
            match wrapped {
                Ok(wrapped) => wrapped.into_ptr(),
                Err(error) => {
                    error.restore(py);
                    null_mut()
                }
            }
        }
    }
}

unsafe fn call_and_trace(
    this: *mut FunctionObject,
    arguments: *const *mut ffi::PyObject,
    count: usize,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    let trace = trace::new((*this).profiler, (*this).name, name_id(this), null_mut());
    if trace.is_null() {
        ffi::PyErr_Clear();
        return ffi::PyObject_Vectorcall((*this).function, arguments, count, keywords);
    }
    let began = TraceObject::begin(trace);
    let result = ffi::PyObject_Vectorcall((*this).function, arguments, count, keywords);
    let now = TraceObject::now(trace);
    // A function cannot suspend: it ran all the time.
    let run = Some(now.saturating_sub(began));
    if result.is_null() {
        TraceObject::end_with_raised(trace, now, run);
    } else {
        TraceObject::end(trace, now, mtaio_monitoring::profiler::Status::Ok, None, run);
    }
    ffi::Py_DECREF(trace.cast());
    result
}

// --- slots ---

unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    let this = object.cast::<FunctionObject>();
    ffi::PyObject_GC_UnTrack(object.cast());
    if !(*this).weak_references.is_null() {
        ffi::PyObject_ClearWeakRefs(object);
    }
    let kind = ffi::Py_TYPE(object);
    clear(object);
    ffi::PyObject_GC_Del(object.cast());
    ffi::Py_DECREF(kind.cast());
}

unsafe extern "C" fn traverse(object: *mut ffi::PyObject, visit: ffi::visitproc, argument: *mut c_void) -> c_int {
    let this = object.cast::<FunctionObject>();
    visit_each([ffi::Py_TYPE(object).cast(), (*this).function, (*this).profiler, (*this).name], visit, argument)
}

unsafe extern "C" fn clear(object: *mut ffi::PyObject) -> c_int {
    let this = object.cast::<FunctionObject>();
    (*this).vectorcall = Some(call_cleared);
    for reference in [&raw mut (*this).function, &raw mut (*this).profiler, &raw mut (*this).name] {
        ffi::Py_XDECREF(ptr::replace(reference, null_mut()));
    }
    0
}

/// The collector has taken it apart.
unsafe extern "C" fn call_cleared(
    _object: *mut ffi::PyObject,
    _arguments: *const *mut ffi::PyObject,
    _count: usize,
    _keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    ffi::PyErr_SetString(ffi::PyExc_ReferenceError, c"this traced function was collected".as_ptr());
    null_mut()
}

/// Binds as a function does.
unsafe extern "C" fn bind(
    object: *mut ffi::PyObject,
    instance: *mut ffi::PyObject,
    _class: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    if instance.is_null() || instance == ffi::Py_None() {
        ffi::Py_INCREF(object);
        return object;
    }
    PyMethod_New(object, instance)
}

unsafe extern "C" fn repr(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    ffi::PyObject_Repr((*object.cast::<FunctionObject>()).function)
}

/// Whatever it does not have itself, the function has.
unsafe extern "C" fn get_attribute(object: *mut ffi::PyObject, name: *mut ffi::PyObject) -> *mut ffi::PyObject {
    attribute_of_either(object, (*object.cast::<FunctionObject>()).function, name)
}

unsafe extern "C" fn set_attribute(
    object: *mut ffi::PyObject,
    name: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
) -> c_int {
    let function = (*object.cast::<FunctionObject>()).function;
    if function.is_null() {
        return ffi::PyObject_GenericSetAttr(object, name, value);
    }
    if value.is_null() {
        ffi::PyObject_DelAttr(function, name)
    } else {
        ffi::PyObject_SetAttr(function, name, value)
    }
}

/// An attribute that the type itself would answer for, asked of the function.
unsafe extern "C" fn of_function(object: *mut ffi::PyObject, closure: *mut c_void) -> *mut ffi::PyObject {
    let function = (*object.cast::<FunctionObject>()).function;
    if function.is_null() {
        ffi::PyErr_SetString(ffi::PyExc_ReferenceError, c"this traced function was collected".as_ptr());
        return null_mut();
    }
    ffi::PyObject_GetAttrString(function, closure.cast())
}

unsafe extern "C" fn wrapped(object: *mut ffi::PyObject, _closure: *mut c_void) -> *mut ffi::PyObject {
    let function = (*object.cast::<FunctionObject>()).function;
    ffi::Py_XINCREF(function);
    function
}

unsafe extern "C" fn class(object: *mut ffi::PyObject, _closure: *mut c_void) -> *mut ffi::PyObject {
    class_of_either(object, (*object.cast::<FunctionObject>()).function)
}

/// Pickled, and copied, as functions are: by name.
unsafe extern "C" fn reduce(object: *mut ffi::PyObject, _argument: *mut ffi::PyObject) -> *mut ffi::PyObject {
    ffi::PyObject_GetAttrString(object, c"__qualname__".as_ptr())
}

unsafe extern "C" fn dir(object: *mut ffi::PyObject, _argument: *mut ffi::PyObject) -> *mut ffi::PyObject {
    ffi::PyObject_Dir((*object.cast::<FunctionObject>()).function)
}

/// Makes the type.
pub(super) unsafe fn make_type(module: *mut ffi::PyObject) -> *mut ffi::PyTypeObject {
    use super::types::{leak, no_arguments, offset, one_argument, slot};
    let asked = |name: &'static std::ffi::CStr| ffi::PyGetSetDef {
        name: name.as_ptr(),
        get: Some(of_function),
        set: None,
        doc: ptr::null(),
        closure: name.as_ptr() as *mut c_void,
    };
    let own = |name: &'static std::ffi::CStr, get: ffi::getter| ffi::PyGetSetDef {
        name: name.as_ptr(),
        get: Some(get),
        set: None,
        doc: ptr::null(),
        closure: null_mut(),
    };
    let getters = leak(vec![
        own(c"__class__", class),
        own(c"__wrapped__", wrapped),
        asked(c"__doc__"),
        asked(c"__module__"),
        asked(c"__dict__"),
        // A type that somebody asks for its annotations keeps some of its own.
        asked(c"__annotations__"),
        asked(c"__type_params__"),
        // SAFETY: a null name ends the table.
        std::mem::zeroed(),
    ]);
    let methods = leak(vec![
        no_arguments(c"__reduce__", reduce),
        one_argument(c"__reduce_ex__", reduce),
        no_arguments(c"__dir__", dir),
        std::mem::zeroed(),
    ]);
    let members = leak(vec![
        offset(c"__vectorcalloffset__", std::mem::offset_of!(FunctionObject, vectorcall)),
        offset(c"__weaklistoffset__", std::mem::offset_of!(FunctionObject, weak_references)),
        std::mem::zeroed(),
    ]);
    super::types::make(
        module,
        c"mtaio.monitoring._native.TracedFunction",
        size_of::<FunctionObject>(),
        ffi::Py_TPFLAGS_HAVE_GC
            | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION
            | ffi::Py_TPFLAGS_HAVE_VECTORCALL
            | ffi::Py_TPFLAGS_METHOD_DESCRIPTOR,
        vec![
            slot(ffi::Py_tp_dealloc, dealloc as *mut c_void),
            slot(ffi::Py_tp_traverse, traverse as *mut c_void),
            slot(ffi::Py_tp_clear, clear as *mut c_void),
            slot(ffi::Py_tp_repr, repr as *mut c_void),
            slot(ffi::Py_tp_call, ffi::PyVectorcall_Call as *mut c_void),
            slot(ffi::Py_tp_descr_get, bind as *mut c_void),
            slot(ffi::Py_tp_getattro, get_attribute as *mut c_void),
            slot(ffi::Py_tp_setattro, set_attribute as *mut c_void),
            slot(ffi::Py_tp_getset, getters.cast()),
            slot(ffi::Py_tp_methods, methods.cast()),
            slot(ffi::Py_tp_members, members.cast()),
        ],
    )
}
