//! `Trace`: one object for the context manager, the handle that it gives and the link that context variables carry.
//!
//! A class of PyO3 cannot have the slot `am_send`, and without it `__aenter__` and `__aexit__` must make a coroutine each:
//! four times what the rest of a trace costs. So the slots are written by hand. An object of this type *is* the finished
//! awaitable that `__aenter__` returns; `__aexit__` returns one that all share.
//!
//! **How the parent is found.** One context variable holds the trace that began last in the flow, whatever its profiler;
//! each trace holds the one that was innermost before it. Setting the variable is dearer than all the rest of a trace, so
//! it is set when a trace begins and not when one ends: a trace that has ended is transparent. That also lets a trace end
//! in another context, or twice, or never. A task that was spawned inside a trace begins with a link of its own, which
//! says what it was spawned in, also when that has ended since (`factory`).

#![expect(unsafe_code, reason = "slots of CPython written by hand; every function here runs with the GIL")]
#![allow(unsafe_op_in_unsafe_fn, reason = "the bodies are calls of CPython's C API from end to end")]

use std::ptr::{self, null_mut};
use std::sync::Arc;

use mtaio_monitoring::profiler::{Ending, Extra, NameId, Open, Recorder, Status};
use pyo3::ffi;

use super::coroutine::{self, CoroutineObject};
use super::stack::Stack;
use super::types::{Spare, TRACE, shared};
use super::{Attached, ProfilerBase, task};

/// Where a trace stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not begun, or the profiler could not record it.
    New,
    Open,
    Ended,
    /// No trace: the link with which a task begins that was spawned in the trace of this id.
    Spawned,
}

/// A trace as Python sees it.
#[repr(C)]
pub(super) struct TraceObject {
    pub(super) ob_base: ffi::PyObject,
    pub(super) vectorcall: Option<ffi::vectorcallfunc>,
    /// The [`ProfilerBase`] it belongs to; null for a disabled one.
    pub(super) profiler: *mut ffi::PyObject,
    /// The profiler's recorder when the trace began. It lives as long as the profiler does.
    pub(super) recorder: *const Recorder,
    /// The trace that was innermost before this one began.
    pub(super) outer: *mut TraceObject,
    /// The traced coroutine in which this began, whose clock tells the run time: its number, and the address, which is
    /// looked at only while that very coroutine runs.
    pub(super) clock: *const CoroutineObject,
    pub(super) clock_number: u64,
    pub(super) name: *mut ffi::PyObject,
    pub(super) metadata: *mut ffi::PyObject,
    pub(super) stack: Option<Arc<Stack>>,
    pub(super) open: Option<Open>,
    pub(super) error: Option<Box<str>>,
    pub(super) id: u64,
    pub(super) parent: u64,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) run_base: u64,
    pub(super) run: Option<u64>,
    pub(super) memory_start_kib: u32,
    pub(super) memory_end_kib: u32,
    pub(super) generation: u32,
    pub(super) task: u32,
    pub(super) name_id: NameId,
    pub(super) stage: Stage,
    pub(super) status: Status,
}

pub(super) static SPARE: Spare<TraceObject> = Spare::new();

/// A new trace, not begun. Takes over the metadata, and nothing else.
///
/// The collector is told of it only when it has metadata, without which it cannot be part of a cycle.
pub(super) unsafe fn new(
    profiler: *mut ffi::PyObject,
    name: *mut ffi::PyObject,
    name_id: NameId,
    metadata: *mut ffi::PyObject,
) -> *mut TraceObject {
    let object = SPARE.take_or_allocate(&TRACE);
    if object.is_null() {
        ffi::Py_XDECREF(metadata);
        return object;
    }
    ffi::Py_XINCREF(profiler);
    ffi::Py_XINCREF(name);
    let ob_base = ptr::read(&raw const (*object).ob_base);
    ptr::write(
        object,
        TraceObject {
            ob_base,
            vectorcall: Some(super::handle::enter_or_exit),
            profiler,
            recorder: ptr::null(),
            outer: null_mut(),
            clock: ptr::null(),
            clock_number: 0,
            name,
            metadata,
            stack: None,
            open: None,
            error: None,
            id: 0,
            parent: 0,
            start: 0,
            end: 0,
            run_base: 0,
            run: None,
            memory_start_kib: 0,
            memory_end_kib: 0,
            generation: 0,
            task: 0,
            name_id,
            stage: Stage::New,
            status: Status::Open,
        },
    );
    if !metadata.is_null() {
        ffi::PyObject_GC_Track(object.cast());
    }
    object
}

/// The innermost trace of this context: a new reference, or null.
pub(super) unsafe fn innermost() -> *mut TraceObject {
    let mut value = null_mut();
    if ffi::PyContextVar_Get(shared().variable, null_mut(), &raw mut value) < 0 {
        ffi::PyErr_Clear();
        return null_mut();
    }
    if value.is_null() || ffi::Py_TYPE(value) != TRACE.get() {
        ffi::Py_XDECREF(value);
        return null_mut();
    }
    value.cast()
}

/// Makes a trace (or null: none) the innermost of this context.
pub(super) unsafe fn set_innermost(trace: *mut TraceObject) {
    let value = if trace.is_null() { ffi::Py_None() } else { trace.cast() };
    let token = ffi::PyContextVar_Set(shared().variable, value);
    if token.is_null() {
        ffi::PyErr_Clear();
    }
    ffi::Py_XDECREF(token);
}

impl TraceObject {
    /// Whether something can have it for a parent.
    #[inline]
    fn is_link(&self) -> bool {
        matches!(self.stage, Stage::Open | Stage::Spawned)
    }

    #[inline]
    fn is_link_of(&self, recorder: &Recorder) -> bool {
        self.is_link() && ptr::eq(self.recorder, recorder) && self.generation == recorder.generation()
    }

    /// The nearest link of this recorder, from this trace outwards; null for none.
    #[inline]
    pub(super) unsafe fn parent_from(mut trace: *mut Self, recorder: &Recorder) -> *mut Self {
        while !trace.is_null() && !(*trace).is_link_of(recorder) {
            trace = (*trace).outer;
        }
        trace
    }

    /// The link with which a task begins that is spawned now, below `innermost`: for each profiler that has a trace open,
    /// what the task was spawned in. A new reference, or null for none.
    pub(super) unsafe fn spawned_below(innermost: *mut Self) -> *mut Self {
        let mut links: Vec<*mut Self> = Vec::new();
        let mut trace = innermost;
        while !trace.is_null() {
            let known = links.iter().any(|link| ptr::eq((**link).recorder, (*trace).recorder));
            if !known && (*trace).is_link() && (*trace).is_link_of(ProfilerBase::of((*trace).profiler).recorder())
            {
                let link = new((*trace).profiler, (*trace).name, (*trace).name_id, null_mut());
                if !link.is_null() {
                    (*link).stage = Stage::Spawned;
                    (*link).recorder = (*trace).recorder;
                    (*link).generation = (*trace).generation;
                    (*link).id = (*trace).id;
                    links.push(link);
                }
            }
            trace = (*trace).outer;
        }
        links.into_iter().rev().fold(null_mut(), |outer, link| {
            (*link).outer = outer;
            link
        })
    }

    /// The task is over that began with this link: what is left in its context leads nowhere.
    pub(super) unsafe fn unlink(mut link: *mut Self) {
        while !link.is_null() && (*link).stage == Stage::Spawned {
            (*link).stage = Stage::Ended;
            link = (*link).outer;
        }
    }

    /// Begins it in the present flow, and makes it the innermost there.
    pub(super) unsafe fn begin(trace: *mut Self) -> u64 {
        let this = &mut *trace;
        if this.profiler.is_null() || this.stage == Stage::Open {
            return 0;
        }
        let profiler = ProfilerBase::of(this.profiler);
        let recorder = profiler.recorder();
        let task = task::present(profiler, recorder);
        let current = innermost();
        // What has ended is no link any more.
        let mut outer = current;
        while !outer.is_null() && !(*outer).is_link() {
            outer = (*outer).outer;
        }
        ffi::Py_XINCREF(outer.cast());
        drop_chain(current);
        let parent = Self::parent_from(outer, recorder);
        this.parent = if parent.is_null() { 0 } else { (*parent).id };
        this.recorder = recorder;
        this.generation = recorder.generation();
        this.task = task;
        let former = std::mem::replace(&mut this.outer, outer);
        drop_chain(former);
        this.run = None;
        this.error = None;
        this.status = Status::Open;
        if profiler.settings().collects_stacks {
            this.stack = super::stack::present();
        }
        set_innermost(trace);
        let clock = coroutine::running();
        let now = recorder.ticks();
        let Some(open) = recorder.begin(this.name_id, this.parent, task, now) else {
            set_innermost(this.outer);
            return now;
        };
        this.clock = clock;
        if !clock.is_null() {
            this.clock_number = (*clock).number;
            this.run_base = (*clock).clock(now);
        }
        this.id = open.id;
        this.open = Some(open);
        this.stage = Stage::Open;
        this.start = now;
        this.memory_start_kib = recorder.memory_kib(now);
        if !this.metadata.is_null() || this.stack.is_some() {
            profiler.carries(this.id, trace);
        }
        now
    }

    /// Ends it. One that is not open is left alone.
    pub(super) unsafe fn end(
        trace: *mut Self,
        now: u64,
        status: Status,
        error: Option<Box<str>>,
        run: Option<u64>,
    ) {
        let this = &mut *trace;
        let Some(open) = this.open.take() else { return };
        if this.is_of_the_parent() {
            this.stage = Stage::Ended;
            return;
        }
        let recorder = &*this.recorder;
        this.stage = Stage::Ended;
        this.status = status;
        this.end = now.max(this.start);
        this.run = run.or_else(|| this.ran(now));
        let extra = this.give_up(error.clone());
        this.error = error;
        this.memory_end_kib = recorder.memory_kib(now);
        recorder.end(open, this.end, Ending { status, run_ticks: this.run, extra });
    }

    /// Gives it another name, which must be a `str`. What has ended keeps its own: false.
    pub(super) unsafe fn rename(&mut self, name: *mut ffi::PyObject) -> bool {
        if matches!(self.stage, Stage::Ended | Stage::Spawned) {
            return false;
        }
        if !self.profiler.is_null() {
            let profiler = ProfilerBase::of(self.profiler);
            self.name_id = profiler.name_id(name);
            if let Some(open) = &self.open
                && !self.is_of_the_parent()
            {
                profiler.recorder().rename(open, self.name_id);
            }
        }
        ffi::Py_INCREF(name);
        let former = std::mem::replace(&mut self.name, name);
        ffi::Py_XDECREF(former);
        true
    }

    /// Whether it was begun before a fork, in the process of which this one is the child. There its recorder's locks may
    /// be held for ever, and whatever it became is the parent's to record.
    unsafe fn is_of_the_parent(&self) -> bool {
        !ptr::eq(self.recorder, ProfilerBase::of(self.profiler).recorder())
    }

    /// What it carries now: it may be added to as long as it is open.
    pub(super) unsafe fn carried(&self) -> Extra {
        let metadata = if self.metadata.is_null() { null_mut() } else { ffi::PyDict_Copy(self.metadata) };
        let attachment = Attached::of(metadata, self.stack.clone());
        ffi::Py_XDECREF(metadata);
        Extra { error: None, attachment }
    }

    /// What it carries, for its record.
    unsafe fn give_up(&self, error: Option<Box<str>>) -> Extra {
        if self.metadata.is_null() && self.stack.is_none() {
            return Extra { error, attachment: None };
        }
        ProfilerBase::of(self.profiler).carries_no_more(self.id);
        let has_metadata = !self.metadata.is_null() && ffi::PyDict_Size(self.metadata) > 0;
        let metadata = if has_metadata { self.metadata } else { null_mut() };
        Extra { error, attachment: Attached::of(metadata, self.stack.clone()) }
    }

    /// Ends it as the exception says that is raised now, or well where there is none.
    pub(super) unsafe fn end_with_raised(trace: *mut Self, now: u64, run: Option<u64>) {
        let raised = super::raised::Raised::take();
        let (status, error) = raised.judge();
        Self::end(trace, now, status, error, run);
        raised.restore();
    }

    pub(super) unsafe fn now(trace: *mut Self) -> u64 {
        if (*trace).recorder.is_null() { 0 } else { (*(*trace).recorder).ticks() }
    }

    /// Ticks that it ran until it ended, or until now.
    pub(super) unsafe fn run_until_now(&self) -> Option<u64> {
        if self.stage == Stage::Open { self.ran((*self.recorder).ticks()) } else { self.run }
    }

    /// Ticks that it has run, as the clock tells of the coroutine in which it began, if that one runs now.
    unsafe fn ran(&self, now: u64) -> Option<u64> {
        let clock = coroutine::running();
        if clock.is_null() || !ptr::eq(clock, self.clock) || (*clock).number != self.clock_number {
            return None;
        }
        Some((*clock).clock(now).saturating_sub(self.run_base).min(now.saturating_sub(self.start)))
    }
}

/// Lets go of a chain of traces, in a loop: one of 100 000 links would else recurse as deep.
pub(super) unsafe fn drop_chain(mut trace: *mut TraceObject) {
    while !trace.is_null() {
        let next = if ffi::Py_REFCNT(trace.cast()) == 1 {
            std::mem::replace(&mut (*trace).outer, null_mut())
        } else {
            null_mut()
        };
        ffi::Py_DECREF(trace.cast());
        trace = next;
    }
}
