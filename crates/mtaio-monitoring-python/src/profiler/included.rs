//! The profilers of Rust extensions that a Python profiler takes into its timeline.
//!
//! An extension is another binary, with a copy of the core of its own. It publishes a table of C functions in a capsule
//! (`mtaio_monitoring::export::Timeline`); two of ours cross over in return: the sink for its profile, and [`current`],
//! which tells its traces in which Python trace they begin.

#![expect(unsafe_code, reason = "reads the table of another binary, and is called by it")]
#![allow(unsafe_op_in_unsafe_fn, reason = "the bodies are calls of CPython's C API from end to end")]

use std::cell::UnsafeCell;
use std::collections::HashMap;
use std::ffi::{CStr, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mtaio_monitoring::export::{
    DONE, GONE, TAKEN, TIMELINE_ATTRIBUTE, TIMELINE_CAPSULE, TIMELINE_VERSION, Timeline,
};
use mtaio_monitoring::profiler::{Joints, Outer, Part, Profile, Recorder};
use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use pyo3::{Borrowed, ffi};

use super::ProfilerBase;
use super::raised::Raised;
use super::task;
use super::trace::{self, TraceObject, drop_chain};
use crate::errors::{profiler_error, wrong_type};

/// One of them.
#[derive(Clone)]
struct Included {
    /// What people know it by.
    label: Arc<str>,
    key: u64,
    timeline: Timeline,
}

/// What a profiler includes.
#[derive(Clone, Default)]
pub(super) struct Inclusions {
    /// What the included ones know the profiler by; 0 while there is none.
    token: u64,
    all: Vec<Included>,
    joints: Arc<Joints>,
}

/// Names of those whose part is missing, and why.
pub(super) type Missing = Vec<(String, String)>;

/// Profilers that include others, by their tokens. Borrowed: they go before they are freed.
struct Tokens(UnsafeCell<Option<HashMap<u64, *mut ffi::PyObject>>>);

// SAFETY: it is touched with the GIL held only, and never across a call that could let go of it.
unsafe impl Sync for Tokens {}

static TOKENS: Tokens = Tokens(UnsafeCell::new(None));

/// Tokens are never used again, so that a late question finds nobody.
static NEXT_TOKEN: AtomicU64 = AtomicU64::new(1);

/// The table that an object publishes, and what people know that by.
pub(super) fn published(source: &Bound<'_, PyAny>) -> PyResult<(String, Timeline)> {
    const ACCEPTED: &str =
        "a module (or another object) with the attribute __mtaio_profiler__, or what is in that";
    let py = source.py();
    let attribute = if source.is_instance_of::<PyCapsule>() {
        source.clone()
    } else {
        source.getattr(TIMELINE_ATTRIBUTE).map_err(|error| {
            if error.is_instance_of::<PyAttributeError>(py) {
                wrong_type("source", ACCEPTED, source)
            } else {
                error
            }
        })?
    };
    let Ok(capsule) = attribute.cast::<PyCapsule>() else {
        return Err(wrong_type(
            TIMELINE_ATTRIBUTE,
            "a capsule, as Profiler::timeline of the crate says",
            &attribute,
        ));
    };
    let label = source.getattr("__name__").and_then(|name| name.extract());
    let label: String =
        label.unwrap_or_else(|_| source.repr().map_or_else(|_| "?".to_owned(), |it| it.to_string()));
    // SAFETY: it is a capsule, which keeps its name; the name says what it points at, and the version what of that.
    unsafe {
        let name = ffi::PyCapsule_GetName(capsule.as_ptr());
        let name = if name.is_null() { c"" } else { CStr::from_ptr(name) };
        if name != TIMELINE_CAPSULE {
            return Err(profiler_error(
                py,
                &format!(
                    "cannot include {label}: its capsule is {name:?}, accepted is {TIMELINE_CAPSULE:?}; build the \
                     extension with a release of the crate that goes with this one's"
                ),
            ));
        }
        let table: *const Timeline = ffi::PyCapsule_GetPointer(capsule.as_ptr(), name.as_ptr()).cast();
        if table.is_null() {
            return Err(PyErr::fetch(py));
        }
        let (version, size) = ((&raw const (*table).version).read(), (&raw const (*table).size).read());
        if version != TIMELINE_VERSION || (size as usize) < size_of::<Timeline>() {
            return Err(profiler_error(
                py,
                &format!(
                    "cannot include {label}: its timeline is of version {version} and {size} bytes, accepted is \
                     version {TIMELINE_VERSION} of {} or more",
                    size_of::<Timeline>()
                ),
            ));
        }
        Ok((label, table.read()))
    }
}

/// Has a profiler take in what an object publishes. Once is enough.
pub(super) fn include(owner: &Bound<'_, ProfilerBase>, label: &str, timeline: Timeline) -> PyResult<()> {
    let py = owner.py();
    // The table may be anybody's, and exceptions are made by Python: the profiler is borrowed across neither.
    let change = |change: &mut dyn FnMut(&mut Inclusions)| owner.get().change_inclusions(change);
    let (mut is_known, mut token) = (false, 0);
    change(&mut |all| (is_known, token) = (all.has(&timeline), all.token_of(owner.as_ptr())));
    if is_known {
        return Ok(());
    }
    let why = match (timeline.connect)(timeline.handle, current, token) {
        DONE => {
            change(&mut |all| all.add(label, timeline));
            return Ok(());
        }
        TAKEN => {
            "it is part of another profiler, or was before a fork; one profiler includes it, and the child of a \
                  fork only what was not included before"
                .to_owned()
        }
        other => answer(other),
    };
    Err(profiler_error(py, &format!("cannot include {label}: {why}")))
}

impl Inclusions {
    fn has(&self, timeline: &Timeline) -> bool {
        let is_same = |known: &Included| {
            known.timeline.handle == timeline.handle && std::ptr::fn_addr_eq(known.timeline.write, timeline.write)
        };
        self.all.iter().any(is_same)
    }

    /// What the profiler `owner` is known by to those that it includes.
    fn token_of(&mut self, owner: *mut ffi::PyObject) -> u64 {
        if self.token == 0 {
            self.token = NEXT_TOKEN.fetch_add(1, Ordering::Relaxed);
            // SAFETY: see `Tokens`.
            unsafe { (*TOKENS.0.get()).get_or_insert_default().insert(self.token, owner) };
        }
        self.token
    }

    fn add(&mut self, label: &str, timeline: Timeline) {
        let key = self.all.len() as u64;
        self.all.push(Included { label: label.into(), key, timeline });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// What the included ones have recorded until now. Without the GIL: they may have much to write, and locks to wait for.
    pub(super) fn parts(&self, recorder: &Recorder) -> (Vec<Part>, Missing) {
        let mut missing = Missing::new();
        let mut parts = Vec::new();
        for included in &self.all {
            match included.part(recorder) {
                Ok(part) => parts.extend(part),
                Err(why) => missing.push((included.label.to_string(), why)),
            }
        }
        (parts, missing)
    }

    pub(super) fn join(&self, recorder: &Recorder, own: Profile, parts: Vec<Part>) -> Profile {
        self.joints.join(recorder, own, parts)
    }

    /// Has all of them forget everything.
    pub(super) fn reset(&self) -> Missing {
        let answers = self.all.iter().map(|one| (one, (one.timeline.reset)(one.timeline.handle)));
        let failed = answers.filter(|(_, code)| *code != DONE);
        failed.map(|(one, code)| (one.label.to_string(), answer(code))).collect()
    }

    /// Nobody asks the profiler any more.
    pub(super) fn forget_token(&mut self) {
        // SAFETY: see `Tokens`.
        unsafe {
            if let Some(tokens) = &mut *TOKENS.0.get() {
                tokens.remove(&std::mem::take(&mut self.token));
            }
        }
    }

    /// Lets go of all of them.
    pub(super) fn disconnect(&mut self) {
        for included in self.all.drain(..) {
            (included.timeline.disconnect)(included.timeline.handle, self.token);
        }
        self.forget_token();
    }
}

impl Included {
    /// Its profile; `None` where it is disabled.
    fn part(&self, recorder: &Recorder) -> Result<Option<Part>, String> {
        let Timeline { handle, write, scale, .. } = self.timeline;
        let mut bytes: Vec<u8> = Vec::new();
        let code = write(handle, sink, (&raw mut bytes).cast());
        if code != DONE {
            return Err(answer(code));
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        // What it holds was not made by us: that it is refused must not depend on its being wrong in an expected way.
        let read = catch_unwind(|| Profile::from_json(&bytes));
        let profile =
            read.map_err(|_| "its profile cannot be read".to_owned())?.map_err(|error| error.to_string())?;
        Part::new(self.key, profile, recorder, || scale(handle)).map(Some).map_err(|error| error.to_string())
    }
}

fn answer(code: u32) -> String {
    match code {
        GONE => "its profiler is gone: the extension must keep it, as Profiler::set_global does".to_owned(),
        code => format!("it panicked, or answered what is not known: {code}"),
    }
}

/// Takes the bytes of a profile. Given to `write` alone, with a `Vec<u8>` that outlives the call.
extern "C" fn sink(context: *mut c_void, bytes: *const u8, length: usize) {
    if bytes.is_null() {
        return;
    }
    // SAFETY: the context is what `part` gave; the bytes are as the table's contract says, and are copied at once.
    let (into, bytes) = unsafe { (&mut *context.cast::<Vec<u8>>(), std::slice::from_raw_parts(bytes, length)) };
    // Memory that is not there leaves the part out: it is cut short then, and refused.
    if into.try_reserve(length).is_ok() {
        into.extend_from_slice(bytes);
    }
}

/// Where this thread is in the Python profiler of that token. Called by the extension, on any of its threads.
extern "C" fn current(token: u64) -> Outer {
    // SAFETY: it looks whether the thread may ask Python anything.
    let outer = catch_unwind(AssertUnwindSafe(|| unsafe { is_attached().then(|| innermost(token)) }));
    outer.ok().flatten().unwrap_or_default()
}

/// Whether this thread holds the GIL. `PyGILState_Check` says so of every thread once the interpreter has ended, or another
/// one was made.
unsafe fn is_attached() -> bool {
    let state = ffi::compat::PyThreadState_GetUnchecked();
    !state.is_null() && std::ptr::eq(state, ffi::PyGILState_GetThisThreadState())
}

unsafe fn innermost(token: u64) -> Outer {
    let known = (*TOKENS.0.get()).as_ref().and_then(|tokens| tokens.get(&token).copied());
    // One that is being freed is asked nothing: what holds it then would free it again.
    let Some(owner) = known.filter(|owner| ffi::Py_REFCNT(*owner) > 0) else { return Outer::default() };
    let raised = Raised::take();
    // Held: a task that becomes known is asked for its name.
    let held = Borrowed::from_ptr(Python::assume_attached(), owner).to_owned();
    let profiler = ProfilerBase::of(owner);
    let recorder = profiler.recorder();
    let task = task::present(profiler, recorder);
    let innermost = trace::innermost();
    let link = TraceObject::parent_from(innermost, recorder);
    let trace = if link.is_null() { 0 } else { (*link).id };
    drop_chain(innermost);
    drop(held);
    raised.restore();
    Outer { trace, task }
}
