//! `trace_context`, the method that every traced block calls: its arguments are looked at here, without PyO3's.

#![expect(unsafe_code, reason = "a method with a signature of CPython's own")]

use std::ptr::null_mut;

use mtaio_monitoring::profiler::NameId;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString};

use super::{ProfilerBase, trace};
use crate::errors::wrong_type;

/// `trace_context(name, metadata=None)`.
pub(super) unsafe extern "C" fn trace_context(
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
        if !profiler.settings().enabled {
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
        return Err(PyTypeError::new_err(message));
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
                    return Err(PyTypeError::new_err(message));
                }
            };
            if place.replace(value).is_some() {
                let message = format!("trace_context() got {keyword} twice");
                return Err(PyTypeError::new_err(message));
            }
        }
    }
    let Some(name) = name else {
        return Err(PyTypeError::new_err("trace_context() needs a name"));
    };
    if !name.is_instance_of::<PyString>() {
        return Err(wrong_type("name", "a str", &name));
    }
    let metadata = metadata.filter(|metadata| !metadata.is_none());
    let copy = metadata
        .map(|metadata| {
            let copy = PyDict::new(py);
            let mapping = metadata.cast::<PyMapping>();
            let mapping = mapping.map_err(|_| wrong_type("metadata", "a mapping or None", &metadata))?;
            copy.update(mapping)?;
            Ok::<_, PyErr>(copy.into_any())
        })
        .transpose()?;
    Ok((name, copy))
}
