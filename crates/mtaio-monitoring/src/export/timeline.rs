//! A profiler's timeline, for another binary of the process to take in: that of a Rust extension, for the Python program
//! that it runs in.
//!
//! The two were built apart, perhaps by other compilers and with other versions of this crate, so nothing of Rust's may
//! lie between them. What does is a table of C functions, which the extension publishes in a capsule, and bytes: the
//! profile as JSON, which [`Profile::from_json`] reads as it reads anybody's. Memory that both wrote to would be quicker
//! to join, but its layout would be a promise for ever, and nobody could check what the other one does to it.

use std::ffi::{CStr, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock, Weak};

use crate::lock::Mutex;
use crate::profiler::{Current, Profile, Profiler, Recorder, Scale};

use super::Format;

/// The attribute of a Python module that publishes a [`Timeline`].
pub const TIMELINE_ATTRIBUTE: &str = "__mtaio_profiler__";

/// The name of the capsule in it. Whatever cannot be called as before gets another number.
pub const TIMELINE_CAPSULE: &CStr = c"mtaio.monitoring.Timeline/1";

/// [`Timeline::version`].
pub const TIMELINE_VERSION: u32 = 1;

/// It was done.
pub const DONE: u32 = 0;
/// The profiler is gone.
pub const GONE: u32 = 1;
/// The profiler is part of another one's timeline.
pub const TAKEN: u32 = 2;
/// It panicked.
pub const FAILED: u32 = 3;

/// Takes bytes, in the order in which they are given. It lets no panic out.
pub type Sink = extern "C" fn(context: *mut c_void, bytes: *const u8, length: usize);

/// What a profiler offers to other binaries of the process: see [`Profiler::timeline`]. Its functions may be called on any
/// thread; they take locks of the profiler's, and answer [`DONE`], [`GONE`], [`TAKEN`] or [`FAILED`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Timeline {
    /// [`TIMELINE_VERSION`]. First, in every version.
    pub version: u32,
    /// The bytes of this struct: a later release may add some at the end.
    pub size: u32,
    /// The profiler, for the functions.
    pub handle: u64,
    /// Writes the profile of this moment as JSON; nothing where the profiler is disabled.
    pub write: extern "C" fn(handle: u64, sink: Sink, context: *mut c_void) -> u32,
    /// How the times of that profile and the processor's counter go together; zeros where the profiler is gone.
    pub scale: extern "C" fn(handle: u64) -> Scale,
    /// Forgets everything.
    pub reset: extern "C" fn(handle: u64) -> u32,
    /// Has the profiler ask where its outermost traces begin.
    pub connect: extern "C" fn(handle: u64, current: Current, token: u64) -> u32,
    /// Undoes that.
    pub disconnect: extern "C" fn(handle: u64, token: u64) -> u32,
}

impl Profiler {
    /// What the module of a Python extension publishes, so that `Profiler.include` of the Python package takes the traces
    /// of this profiler into its own timeline, below the Python traces that called.
    ///
    /// With PyO3 it is one line of the module's initialisation, after [`Profiler::set_global`]:
    ///
    /// ```text
    /// use mtaio_monitoring::export::{TIMELINE_ATTRIBUTE, TIMELINE_CAPSULE};
    ///
    /// let timeline = Profiler::global().timeline();
    /// module.add(TIMELINE_ATTRIBUTE, PyCapsule::new_with_value(py, timeline, TIMELINE_CAPSULE)?)?;
    /// ```
    ///
    /// It does not keep the profiler alive. That of a disabled profiler is empty.
    #[must_use]
    pub fn timeline(&self) -> Timeline {
        Timeline {
            version: TIMELINE_VERSION,
            size: size_of::<Timeline>() as u32,
            handle: self.recorder().map_or(DISABLED, publish),
            write,
            scale,
            reset,
            connect,
            disconnect,
        }
    }
}

/// The handle of a profiler that records nothing. Those of recorders, their ids, count from 1.
const DISABLED: u64 = 0;

/// A recorder by its handle.
type Published = (u64, Weak<Recorder>);

/// Those that were published. A handle that means nothing, or no longer, is found to.
static PUBLISHED: LazyLock<Mutex<Vec<Published>>> = LazyLock::new(Mutex::default);

fn publish(recorder: &Arc<Recorder>) -> u64 {
    let mut published = PUBLISHED.lock();
    published.retain(|(handle, known)| *handle != recorder.id() && known.strong_count() > 0);
    published.push((recorder.id(), Arc::downgrade(recorder)));
    recorder.id()
}

/// Does something with a recorder. A panic must not get into the other binary.
fn with(handle: u64, act: impl FnOnce(&Arc<Recorder>) -> u32) -> u32 {
    let answer = catch_unwind(AssertUnwindSafe(|| {
        if handle == DISABLED {
            return DONE;
        }
        let published = PUBLISHED.lock();
        let known = published.iter().find(|(known, _)| *known == handle);
        let recorder = known.and_then(|(_, recorder)| recorder.upgrade());
        drop(published);
        recorder.map_or(GONE, |recorder| act(&recorder))
    }));
    answer.unwrap_or_else(|panic| {
        // What it carries may panic as well when it is dropped.
        std::mem::forget(panic);
        FAILED
    })
}

extern "C" fn write(handle: u64, sink: Sink, context: *mut c_void) -> u32 {
    with(handle, |recorder| {
        let profile: Profile = recorder.profile();
        let text = profile.export(Format::Json);
        sink(context, text.as_ptr(), text.len());
        DONE
    })
}

extern "C" fn scale(handle: u64) -> Scale {
    let mut scale = Scale::default();
    with(handle, |recorder| {
        scale = recorder.scale();
        DONE
    });
    scale
}

extern "C" fn reset(handle: u64) -> u32 {
    with(handle, |recorder| {
        recorder.reset();
        DONE
    })
}

extern "C" fn connect(handle: u64, current: Current, token: u64) -> u32 {
    with(handle, |recorder| if recorder.connect(current, token) { DONE } else { TAKEN })
}

extern "C" fn disconnect(handle: u64, token: u64) -> u32 {
    with(handle, |recorder| {
        recorder.disconnect(token);
        DONE
    })
}
