//! The table by which another binary takes a profiler in, called as that one calls it.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::sync::Arc;

use mtaio_monitoring::Profiler;
use mtaio_monitoring::export::{DONE, FAILED, GONE, TAKEN, TIMELINE_VERSION, Timeline};
use mtaio_monitoring::profiler::{Attachment, Ending, Extra, Metadata, Outer, Profile, Scale, Status};

thread_local! {
    static LENGTHS: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

/// Where the bytes are cannot be looked at without `unsafe`: the Python tests do.
extern "C" fn sink(_context: *mut c_void, bytes: *const u8, length: usize) {
    assert!(!bytes.is_null());
    LENGTHS.with_borrow_mut(|lengths| lengths.push(length));
}

extern "C" fn current(token: u64) -> Outer {
    ASKED.set(ASKED.get() + 1);
    Outer { trace: token, task: 3 }
}

extern "C" fn nowhere(_token: u64) -> Outer {
    Outer { trace: u64::MAX, task: u32::MAX }
}

fn written(timeline: &Timeline) -> (u32, Vec<usize>) {
    let answer = (timeline.write)(timeline.handle, sink, std::ptr::null_mut());
    (answer, LENGTHS.take())
}

#[test]
fn it_writes_and_resets() {
    let profiler = Profiler::new();
    drop(profiler.enter("parse"));
    let timeline = profiler.timeline();
    assert_eq!((timeline.version, timeline.size as usize), (TIMELINE_VERSION, size_of::<Timeline>()));
    let (answer, lengths) = written(&timeline);
    assert_eq!((answer, lengths.len()), (DONE, 1));
    assert!(lengths[0] > 300, "{lengths:?}");
    assert!((timeline.scale)(timeline.handle).span_ns > 0);
    assert_eq!((timeline.reset)(timeline.handle), DONE);
    assert_eq!(profiler.profile().traces().len(), 0);
    assert_eq!(profiler.timeline().handle, timeline.handle);
}

#[test]
fn outermost_traces_ask_where_they_are_while_they_are_to() {
    let profiler = Profiler::new();
    let timeline = profiler.timeline();
    let parents = || {
        let profile = profiler.profile();
        let read = Profile::from_json(profile.export(mtaio_monitoring::export::Format::Json).as_bytes()).unwrap();
        let parents = |profile: &Profile| -> Vec<_> {
            profile.traces().map(|trace| (trace.parent_id().is_some(), trace.outer_parent_id())).collect()
        };
        assert_eq!(parents(&read), parents(&profile));
        profiler.reset();
        parents(&profile)
    };
    let trace = || {
        let _outer = profiler.enter("outer");
        drop(profiler.enter("inner"));
    };
    trace();
    assert_eq!((parents(), ASKED.get()), (vec![(false, None), (true, None)], 0));
    assert_eq!((timeline.connect)(timeline.handle, current, 77), DONE);
    assert_eq!((timeline.connect)(timeline.handle, current, 77), DONE);
    assert_eq!((timeline.connect)(timeline.handle, current, 78), TAKEN);
    assert_eq!((timeline.connect)(timeline.handle, nowhere, 77), TAKEN);
    trace();
    trace();
    assert_eq!((parents(), ASKED.get()), ([(false, Some(77)), (true, None)].repeat(2), 2));
    // Somebody else's connection stays.
    assert_eq!((timeline.disconnect)(timeline.handle, 78), DONE);
    trace();
    assert_eq!((parents().len(), ASKED.get()), (2, 3));
    assert_eq!((timeline.disconnect)(timeline.handle, 77), DONE);
    trace();
    assert_eq!((parents(), ASKED.get()), (vec![(false, None), (true, None)], 3));
    // What is no id that a recorder gives is nobody's.
    assert_eq!((timeline.connect)(timeline.handle, nowhere, 1), DONE);
    trace();
    assert_eq!(parents(), [(false, None), (true, None)]);
}

#[test]
fn a_future_belongs_to_where_it_was_made() {
    let profiler = Profiler::new();
    let timeline = profiler.timeline();
    assert_eq!((timeline.connect)(timeline.handle, current, 9), DONE);
    let future = profiler.trace("job", async {});
    assert_eq!((timeline.disconnect)(timeline.handle, 9), DONE);
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future);
    assert_eq!(profiler.profile().traces().next().unwrap().outer_parent_id(), Some(9));
}

#[test]
fn one_that_is_gone_or_disabled_says_so() {
    let timeline = Profiler::new().timeline();
    assert_eq!(written(&timeline), (GONE, vec![]));
    assert_eq!((timeline.reset)(timeline.handle), GONE);
    assert_eq!((timeline.connect)(timeline.handle, current, 1), GONE);
    assert_eq!((timeline.scale)(timeline.handle), Scale::default());
    let timeline = Profiler::disabled().timeline();
    assert_eq!(written(&timeline), (DONE, vec![]));
    assert_eq!((timeline.connect)(timeline.handle, current, 1), DONE);
}

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

#[test]
fn a_panic_does_not_get_out() {
    let profiler = Profiler::new();
    let recorder = profiler.recorder().unwrap();
    let open = recorder.begin(recorder.name("op"), 0, 0, recorder.ticks()).unwrap();
    let extra = Extra { error: None, attachment: Some(Arc::new(Unspeakable)) };
    recorder.end(open, recorder.ticks(), Ending { status: Status::Ok, run_ticks: None, extra });
    let timeline = profiler.timeline();
    assert_eq!(written(&timeline), (FAILED, vec![]));
    assert_eq!((timeline.reset)(timeline.handle), DONE);
    assert_eq!(written(&timeline).0, DONE);
}

#[test]
fn files_without_an_outer_parent_are_read_and_one_beside_a_parent_is_none() {
    let trace = |more: &str| {
        let text = format!(
            "{{\"format\":\"mtaio-profile\",\"version\":1,\"origin_ns\":1,\"taken_ns\":9,\"let_go\":0,\"dropped\":0,\
             \"threads\":[],\"tasks\":[],\"let_go_sums\":[],\"open_traces\":[],\"traces\":[{{\"id\":5,\"name\":\"op\",\
             \"start_ns\":1,\"duration_ns\":2,\"status\":\"ok\"{more}}}]}}"
        );
        let profile = Profile::from_json(text.as_bytes()).unwrap();
        let trace = profile.traces().next().unwrap();
        (trace.parent_id(), trace.outer_parent_id())
    };
    assert_eq!(trace(""), (None, None));
    assert_eq!(trace(",\"outer_parent\":8,\"outer_task\":2"), (None, Some(8)));
    assert_eq!(trace(",\"outer_parent\":8,\"parent\":3"), (Some(3), None));
}
