//! Where a trace began: code objects and instructions, made into text when somebody reads it.
//!
//! `traceback.extract_stack()` opens source files and makes strings, 49 µs of them. Walking the frames and keeping
//! pairs of numbers takes under a microsecond; equal stacks are kept once.

#![expect(unsafe_code, reason = "slots of CPython written by hand; every function here runs with the GIL")]
#![allow(unsafe_op_in_unsafe_fn, reason = "the bodies are calls of CPython's C API from end to end")]

use std::cell::UnsafeCell;
use std::collections::HashMap;
use std::ptr::null_mut;
use std::sync::Arc;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyList;

/// Frames that are kept of a stack: the innermost ones.
const DEEPEST: usize = 1_000;

/// Different stacks that are kept. Beyond that the table is emptied: stacks that traces hold live on.
const MOST_STACKS: usize = 16_384;

/// Frames, innermost first.
#[derive(Debug)]
pub(super) struct Stack(Vec<(Py<PyAny>, i32)>);

type Key = Box<[(usize, i32)]>;

struct Interned(UnsafeCell<Option<HashMap<Key, Arc<Stack>>>>);
// SAFETY: it is touched with the GIL held only, and never across a call that could let go of it.
unsafe impl Sync for Interned {}
static INTERNED: Interned = Interned(UnsafeCell::new(None));

struct Walk(UnsafeCell<Vec<(usize, i32)>>);
// SAFETY: it is touched with the GIL held only, and taken out while it is used.
unsafe impl Sync for Walk {}
static WALK: Walk = Walk(UnsafeCell::new(Vec::new()));

/// The stack of this thread; `None` without a Python frame.
pub(super) unsafe fn present() -> Option<Arc<Stack>> {
    let mut walk = std::mem::take(&mut *WALK.0.get());
    walk.clear();
    let mut frame = ffi::PyEval_GetFrame();
    ffi::Py_XINCREF(frame.cast());
    while !frame.is_null() && walk.len() < DEEPEST {
        let code = ffi::PyFrame_GetCode(frame);
        walk.push((code as usize, ffi::PyFrame_GetLasti(frame)));
        let back = ffi::PyFrame_GetBack(frame);
        // The frame keeps its code, and whoever runs keeps the frame.
        ffi::Py_XDECREF(code.cast());
        ffi::Py_DECREF(frame.cast());
        frame = back;
    }
    ffi::Py_XDECREF(frame.cast());
    let stack = (!walk.is_empty()).then(|| intern(&walk));
    *WALK.0.get() = walk;
    stack
}

unsafe fn intern(walk: &[(usize, i32)]) -> Arc<Stack> {
    let table = (*INTERNED.0.get()).get_or_insert_default();
    if let Some(stack) = table.get(walk) {
        return Arc::clone(stack);
    }
    let py = Python::assume_attached();
    let frame = |&(code, instruction): &(usize, i32)| {
        (Bound::from_borrowed_ptr(py, code as *mut ffi::PyObject).unbind(), instruction)
    };
    let stack = Arc::new(Stack(walk.iter().map(frame).collect()));
    // An address in the table is of a code object that its stack keeps alive, so it stands for nothing else.
    let spent = if table.len() >= MOST_STACKS { std::mem::take(table) } else { HashMap::new() };
    table.insert(walk.into(), Arc::clone(&stack));
    drop(spent);
    stack
}

impl Stack {
    /// In the traceback's own format, outermost first.
    pub(super) fn text(&self, py: Python<'_>) -> PyResult<String> {
        let frames = self.0.iter().rev().map(|(code, instruction)| (code.clone_ref(py), *instruction));
        let frames = PyList::new(py, frames.collect::<Vec<_>>())?;
        py.import("mtaio.monitoring._profile")?.getattr("stack_text")?.call1((frames,))?.extract()
    }
}

/// The text of a stack as a new object, or `None`.
pub(super) unsafe fn text(stack: Option<&Stack>) -> *mut ffi::PyObject {
    let py = Python::assume_attached();
    let Some(stack) = stack else { return py.None().into_ptr() };
    match stack.text(py).and_then(|text| Ok(text.into_pyobject(py)?.into_any().unbind())) {
        Ok(text) => text.into_ptr(),
        Err(error) => {
            error.restore(py);
            null_mut()
        }
    }
}

/// `file:line in function` of the innermost frame that is neither asyncio's nor of what the package lays over it.
pub(super) unsafe fn place() -> Option<String> {
    let py = Python::assume_attached();
    let mut frame = ffi::PyEval_GetFrame();
    ffi::Py_XINCREF(frame.cast());
    while !frame.is_null() {
        let code = Bound::from_owned_ptr(py, ffi::PyFrame_GetCode(frame).cast());
        let file: String = code.getattr("co_filename").and_then(|name| name.extract()).unwrap_or_default();
        let is_asyncio = ["/asyncio/", "\\asyncio\\", "mtaio/monitoring/_loop.py", "mtaio\\monitoring\\_loop.py"];
        if !is_asyncio.iter().any(|part| file.contains(part)) {
            let line = ffi::PyFrame_GetLineNumber(frame);
            ffi::Py_DECREF(frame.cast());
            let name: String = code.getattr("co_qualname").and_then(|name| name.extract()).unwrap_or_default();
            return Some(format!("{file}:{line} in {name}"));
        }
        let back = ffi::PyFrame_GetBack(frame);
        ffi::Py_DECREF(frame.cast());
        frame = back;
    }
    None
}
