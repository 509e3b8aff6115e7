//! A Rust extension whose traces the Python package takes into its timeline, and some that fail to be taken.

use std::ffi::c_void;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use mtaio_monitoring::Profiler;
use mtaio_monitoring::export::{DONE, Sink, TIMELINE_ATTRIBUTE, TIMELINE_CAPSULE, Timeline};
use mtaio_monitoring::profiler::{Attachment, Ending, Extra, Metadata, Status};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

/// The profiler of a module that holds its newest 64 traces.
static SMALL: LazyLock<Profiler> =
    LazyLock::new(|| Profiler::with_max_traces(64).expect("64 is a number of traces"));

fn rest(seconds: f64) {
    std::thread::sleep(Duration::from_secs_f64(seconds));
}

/// Traces `name`, and below it "inner", once without the GIL.
#[pyfunction]
#[pyo3(signature = (name, seconds=0.0))]
fn work(py: Python<'_>, name: &str, seconds: f64) {
    let mut outer = Profiler::global().enter(name);
    outer.record("language", "rust");
    drop(Profiler::global().enter("inner"));
    py.detach(|| {
        let _released = Profiler::global().enter("released");
        rest(seconds);
    });
}

/// A trace that begins when the GIL has been let go of already.
#[pyfunction]
fn work_detached(py: Python<'_>, name: &str) {
    py.detach(|| drop(Profiler::global().enter(name)));
}

/// Runs `name` on a thread of its own: a traced future that was made here, and a plain trace.
#[pyfunction]
fn work_on_a_thread(py: Python<'_>, name: &str) {
    let future = Profiler::global().trace(name, async { drop(Profiler::global().enter("inner")) });
    let thread = std::thread::Builder::new().name("rust worker".to_owned()).spawn(move || {
        let mut future = pin!(future);
        while future.as_mut().poll(&mut Context::from_waker(Waker::noop())) == Poll::Pending {}
        drop(Profiler::global().enter("alone"));
    });
    py.detach(|| thread.expect("a thread").join().expect("it does not panic"));
}

/// Calls `function` inside the trace `name`, and gives what it raises; fails the trace then.
#[pyfunction]
fn call(name: &str, function: &Bound<'_, PyAny>) -> PyResult<()> {
    let trace = Profiler::global().enter(name);
    let called = function.call0();
    match called {
        Ok(_) => Ok(()),
        Err(error) => {
            trace.fail(&error);
            Err(error)
        }
    }
}

/// Begins many short traces. Gives the seconds that each took.
#[pyfunction]
fn many(name: &str, count: u32, small: bool) -> f64 {
    let profiler = if small { &*SMALL } else { Profiler::global() };
    let started = std::time::Instant::now();
    for _ in 0..count {
        drop(profiler.enter(name));
    }
    started.elapsed().as_secs_f64() / f64::from(count.max(1))
}

/// A trace that stays open until its thread ends: the thread waits for `event.wait()`.
#[pyfunction]
fn hold_open(name: &str, event: &Bound<'_, PyAny>) -> PyResult<()> {
    let _open = Profiler::global().enter(name);
    event.call_method0("wait").map(drop)
}

/// What nobody can write down.
#[derive(Debug)]
struct Unspeakable;

impl Attachment for Unspeakable {
    fn metadata(&self) -> Metadata {
        panic!("nobody can write this down")
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// The timeline of a profiler whose export panics.
#[pyfunction]
fn panicking(py: Python<'_>) -> PyResult<Bound<'_, PyCapsule>> {
    static PANICKING: LazyLock<Profiler> = LazyLock::new(Profiler::new);
    let recorder = PANICKING.recorder().expect("it is enabled");
    let open = recorder.begin(recorder.name("unspeakable"), 0, 0, recorder.ticks()).expect("few are open");
    let extra = Extra { error: None, attachment: Some(Arc::new(Unspeakable)) };
    recorder.end(open, recorder.ticks(), Ending { status: Status::Ok, run_ticks: None, extra });
    published(py, PANICKING.timeline())
}

extern "C" fn lie(_handle: u64, sink: Sink, context: *mut c_void) -> u32 {
    let lie = "{\"format\":\"mtaio-profile\"}";
    sink(context, lie.as_ptr(), lie.len());
    DONE
}

extern "C" fn dawdle(_handle: u64, _sink: Sink, _context: *mut c_void) -> u32 {
    rest(0.3);
    DONE
}

/// A timeline whose profile is none.
#[pyfunction]
fn lying(py: Python<'_>) -> PyResult<Bound<'_, PyCapsule>> {
    published(py, Timeline { write: lie, ..SMALL.timeline() })
}

/// A timeline that takes 0.3 s to write nothing.
#[pyfunction]
fn slow(py: Python<'_>) -> PyResult<Bound<'_, PyCapsule>> {
    published(py, Timeline { write: dawdle, ..SMALL.timeline() })
}

/// The timeline of a profiler that is gone.
#[pyfunction]
fn gone(py: Python<'_>) -> PyResult<Bound<'_, PyCapsule>> {
    published(py, Profiler::new().timeline())
}

/// The timeline of a profiler that records nothing.
#[pyfunction]
fn disabled(py: Python<'_>) -> PyResult<Bound<'_, PyCapsule>> {
    published(py, Profiler::disabled().timeline())
}

/// The timeline of the profiler that holds its newest 64 traces.
#[pyfunction]
fn small(py: Python<'_>) -> PyResult<Bound<'_, PyCapsule>> {
    published(py, SMALL.timeline())
}

/// A timeline of another version, in a capsule of this name.
#[pyfunction]
fn of_version(py: Python<'_>, version: u32) -> PyResult<Bound<'_, PyCapsule>> {
    published(py, Timeline { version, ..Profiler::global().timeline() })
}

/// A capsule of another name.
#[pyfunction]
fn of_another_kind(py: Python<'_>) -> PyResult<Bound<'_, PyCapsule>> {
    PyCapsule::new_with_value(py, Profiler::global().timeline(), c"mtaio.monitoring.Timeline/2")
}

fn published(py: Python<'_>, timeline: Timeline) -> PyResult<Bound<'_, PyCapsule>> {
    PyCapsule::new_with_value(py, timeline, TIMELINE_CAPSULE)
}

/// Sets the profiler of this module up, and publishes it.
#[pymodule]
fn rust_service(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    Profiler::set_global(Profiler::new())
        .map_err(|error| PyErr::new::<pyo3::exceptions::PyImportError, _>(error.to_string()))?;
    module.add(
        TIMELINE_ATTRIBUTE,
        PyCapsule::new_with_value(py, Profiler::global().timeline(), TIMELINE_CAPSULE)?,
    )?;
    module.add_function(wrap_pyfunction!(work, module)?)?;
    module.add_function(wrap_pyfunction!(work_detached, module)?)?;
    module.add_function(wrap_pyfunction!(work_on_a_thread, module)?)?;
    module.add_function(wrap_pyfunction!(call, module)?)?;
    module.add_function(wrap_pyfunction!(many, module)?)?;
    module.add_function(wrap_pyfunction!(hold_open, module)?)?;
    module.add_function(wrap_pyfunction!(panicking, module)?)?;
    module.add_function(wrap_pyfunction!(lying, module)?)?;
    module.add_function(wrap_pyfunction!(slow, module)?)?;
    module.add_function(wrap_pyfunction!(gone, module)?)?;
    module.add_function(wrap_pyfunction!(disabled, module)?)?;
    module.add_function(wrap_pyfunction!(small, module)?)?;
    module.add_function(wrap_pyfunction!(of_version, module)?)?;
    module.add_function(wrap_pyfunction!(of_another_kind, module)?)
}
