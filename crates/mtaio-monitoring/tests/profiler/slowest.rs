//! The slowest traces of now: few, bounded, and never waited for.

use std::collections::HashSet;
use std::sync::Arc;

use mtaio_monitoring::Profiler;
use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::profiler::{Ending, Recorder, Status, TraceEvidence};

fn names(traces: &[TraceEvidence]) -> Vec<&str> {
    traces.iter().map(|trace| &*trace.name).collect()
}

#[test]
fn five_of_each_sort_the_slowest_first() {
    let (clock, hand) = Clock::manual();
    let profiler = Profiler::with_clock(1_000, &clock);
    let mut open = Vec::new();
    for at in 0..8 {
        open.push(profiler.enter(["a", "b", "c", "d", "e", "f", "g", "h"][at]));
        hand.advance(1.0);
    }
    for (name, seconds) in [("quick", 0.1), ("slow", 3.0), ("slower", 4.0)] {
        let trace = profiler.enter(name);
        hand.advance(seconds);
        drop(trace);
    }
    let (now_open, recent) = profiler.recorder().unwrap().slowest().expect("nobody else looks");
    assert_eq!(names(&now_open), ["a", "b", "c", "d", "e"]);
    assert_eq!(names(&recent), ["slower", "slow", "quick"]);
    let (first, slow) = (&now_open[0], &recent[1]);
    assert!((first.duration_seconds - 15.1).abs() < 1e-6, "{first:?}");
    assert_eq!((first.status, first.parent_id), (Status::Open, None));
    assert_eq!(now_open[1].parent_id, Some(first.trace_id));
    assert!((slow.duration_seconds - 3.0).abs() < 1e-6 && slow.status == Status::Ok, "{slow:?}");
    assert!((slow.start_time - (1_767_225_600.0 + 8.1)).abs() < 1e-3, "{slow:?}");
    // The same as the profile shows.
    let profile = profiler.profile();
    assert_eq!(profile.trace(slow.trace_id).expect("held").name(), "slow");
    while let Some(last) = open.pop() {
        drop(last);
    }
    let (none, recent) = profiler.recorder().unwrap().slowest().unwrap();
    assert_eq!((none.len(), names(&recent)), (0, vec!["a", "b", "c", "d", "e"]));
}

#[test]
fn of_the_finished_ones_the_newest_thousand_are_looked_at_whatever_is_held() {
    let (clock, hand) = Clock::manual();
    for (capacity, others, found) in
        [(100_000, 1_023, true), (100_000, 1_024, false), (10, 9, true), (10, 500, false)]
    {
        let profiler = Profiler::with_clock(capacity, &clock);
        let slow = profiler.enter("slow");
        hand.advance(60.0);
        drop(slow);
        (0..others).for_each(|_| drop(profiler.enter("quick")));
        let (open, recent) = profiler.recorder().unwrap().slowest().unwrap();
        assert_eq!(open, []);
        assert_eq!(recent.len(), 5);
        assert_eq!(&*recent[0].name == "slow", found, "{capacity} {others}");
    }
}

#[test]
fn nothing_is_in_both_lists_and_none_is_lost_while_threads_trace() {
    let profiler = Profiler::new();
    let recorder = Arc::clone(profiler.recorder().unwrap());
    let _outer = profiler.enter("outer");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..20_000).for_each(|_| drop(profiler.enter("inner"))));
        }
        for _ in 0..2_000 {
            let Some((open, recent)) = recorder.slowest() else { continue };
            let ids: HashSet<u64> = open.iter().chain(&recent).map(|trace| trace.trace_id).collect();
            assert_eq!(ids.len(), open.len() + recent.len());
            assert_eq!(&*open[0].name, "outer", "it has been open the longest");
        }
    });
    let profile = profiler.profile();
    assert_eq!(profile.metrics(Some("inner")).call_count, 40_000, "looking takes nothing away");
}

#[test]
fn hostile_names_are_kept_and_long_ones_cut_between_characters() {
    let profiler = Profiler::new();
    let (hostile, long) = ("\u{1b}[2J\nGET /", format!("x{}", "応".repeat(5_000)));
    let (_hostile, _long) = (profiler.enter(hostile), profiler.enter(&long));
    let (open, _) = profiler.recorder().unwrap().slowest().unwrap();
    assert_eq!(&*open[0].name, hostile);
    assert_eq!(open[1].name.len(), 1 + 255);
    assert!(long.starts_with(&*open[1].name));
}

#[test]
fn a_trace_tells_its_task() {
    let (clock, hand) = Clock::manual();
    let recorder = Arc::new(Recorder::new(100, &clock, false));
    let name = recorder.name("step");
    let task = recorder.begin_task(0, &"t".repeat(300), "coroutine", None);
    let open = recorder.begin(name, 0, task, recorder.ticks()).expect("room");
    hand.advance(1.0);
    let (traces, _) = recorder.slowest().unwrap();
    assert_eq!(traces[0].task_name.as_deref(), Some(&*"t".repeat(256)));
    recorder.end_task(task, Status::Ok, 0, 1);
    assert!(recorder.end(open, recorder.ticks(), Ending { status: Status::Error, ..Ending::default() }));
    let (_, recent) = recorder.slowest().unwrap();
    assert_eq!(recent[0].task_name.as_deref().map(str::len), Some(256), "it has ended just now");
    assert_eq!(recent[0].status, Status::Error);
}

#[test]
fn ten_thousand_open_traces_are_not_all_looked_at() {
    let (clock, hand) = Clock::manual();
    let recorder = Recorder::new(100, &clock, false);
    let name = recorder.name("open");
    let mut all = Vec::new();
    for _ in 0..10_000 {
        all.push(recorder.begin(name, 0, 0, recorder.ticks()).expect("room"));
        hand.advance(0.001);
    }
    let (open, _) = recorder.slowest().unwrap();
    let ids: Vec<u64> = open.iter().map(|trace| trace.trace_id).collect();
    let oldest: Vec<u64> = all.iter().take(5).map(|open| open.id).collect();
    assert_eq!(ids, oldest, "the first places are looked at, where the oldest are");
    all.into_iter().for_each(|open| _ = recorder.end(open, recorder.ticks(), Ending::default()));
}
