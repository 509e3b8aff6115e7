//! Profiles of several profilers joined to one, held against an oracle that saw all of it happen.

use std::cell::Cell;
use std::collections::BTreeSet;

use mtaio_monitoring::Profiler;
use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::export::Format;
use mtaio_monitoring::profiler::{Entered, Joints, Outer, Part, Profile, Recorder};
use proptest::prelude::*;

thread_local! {
    /// Where the thread is in the profiler that all others are part of.
    static HERE: Cell<Outer> = const { Cell::new(Outer { trace: 0, task: 0 }) };
}

extern "C" fn here(_token: u64) -> Outer {
    HERE.get()
}

/// One thing that happens. Profiler 0 is the one that includes the others.
#[derive(Clone, Debug)]
enum Event {
    Enter(usize),
    Leave(usize),
    Advance(u32),
    SetTheDate(i32),
    Look,
}

const PROFILERS: usize = 3;

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..PROFILERS).prop_map(Event::Enter),
        3 => (0..PROFILERS).prop_map(Event::Leave),
        3 => (1_u32..1_000_000_000).prop_map(Event::Advance),
        1 => (-10_000..10_000).prop_map(Event::SetTheDate),
        1 => Just(Event::Look),
    ]
}

/// What is true of a trace: its name, its parent's, when it began and ended (`None` while it is open), and its task.
type Truth = (String, Option<String>, u64, Option<u64>, Option<u32>);

fn recorder(profiler: &Profiler) -> &Recorder {
    profiler.recorder().unwrap()
}

fn joined(joints: &Joints, profilers: &[Profiler]) -> Profile {
    let own = recorder(&profilers[0]);
    let part = |(key, profiler): (usize, &Profiler)| {
        // As it comes from another binary.
        let profile = Profile::from_json(profiler.profile().export(Format::Json).as_bytes()).unwrap();
        Part::new(key as u64, profile, own, || recorder(profiler).scale()).unwrap()
    };
    let parts = profilers[1..].iter().enumerate().map(part).collect();
    joints.join(own, profilers[0].profile(), parts)
}

fn found(profile: &Profile) -> BTreeSet<Truth> {
    let traces = profile.traces().chain(profile.open_traces());
    let truth = traces.map(|trace| {
        let parent = trace.parent_id().map(|id| profile.trace(id).expect("it is held").name().to_owned());
        let end = (trace.status().name() != "open").then(|| trace.end_ns());
        (trace.name().to_owned(), parent, trace.start_ns(), end, trace.task_id())
    });
    truth.collect()
}

proptest! {
    #[test]
    fn a_joined_profile_is_what_happened(
        events in prop::collection::vec(event(), 0..120),
        ages in prop::collection::vec(0_u32..1_000_000, PROFILERS),
        dates in prop::collection::vec(-100_000..100_000_i32, PROFILERS),
    ) {
        let (clock, hand) = Clock::manual();
        // Made at different times, and with the date set meanwhile.
        let mut profilers = Vec::new();
        for (age, date) in ages.iter().zip(&dates) {
            hand.advance(f64::from(*age) / 1e3);
            hand.jump_wall(f64::from(*date));
            profilers.push(Profiler::with_clock(100_000, &clock));
            if profilers.len() == 1 {
                HERE.set(Outer::default());
            }
        }
        let epoch = recorder(&profilers[0]).scale().epoch_ns;
        let now = || epoch + clock.monotonic_ns();
        for profiler in &profilers[1..] {
            prop_assert!(recorder(profiler).connect(here, 1));
        }
        let joints = Joints::default();
        let mut truth: Vec<Truth> = Vec::new();
        let mut ids: Vec<(String, u64)> = Vec::new();
        let mut open: [Vec<(Entered<'_>, usize)>; PROFILERS] = [const { Vec::new() }; PROFILERS];
        for event in &events {
            match event {
                Event::Enter(which) => {
                    let name = format!("trace {}", truth.len());
                    let around = open[*which].last().or(open[0].last()).map(|(_, place)| *place);
                    let parent = around.map(|place| truth[place].0.clone());
                    // In a task of the first while a trace of the first is open.
                    let first_task = (*which != 0 && !open[0].is_empty()).then_some(7);
                    let task = match open[*which].last() {
                        Some((_, place)) if *which != 0 => truth[*place].4,
                        _ => first_task,
                    };
                    let guard = profilers[*which].enter(&name);
                    open[*which].push((guard, truth.len()));
                    truth.push((name, parent, now(), None, task));
                }
                Event::Leave(which) => {
                    if let Some((guard, place)) = open[*which].pop() {
                        drop(guard);
                        truth[place].3 = Some(now());
                    }
                }
                Event::Advance(nanoseconds) => hand.advance(f64::from(*nanoseconds) / 1e9),
                Event::SetTheDate(seconds) => hand.jump_wall(f64::from(*seconds)),
                Event::Look => {
                    let profile = joined(&joints, &profilers);
                    ids.extend(profile.traces().map(|trace| (trace.name().to_owned(), trace.trace_id())));
                }
            }
            let innermost = open[0].last().and_then(|(guard, _)| guard.trace_id());
            HERE.set(innermost.map_or(Outer::default(), |trace| Outer { trace, task: 7 }));
        }
        let profile = joined(&joints, &profilers);
        prop_assert_eq!(&found(&profile), &truth.iter().cloned().collect());
        prop_assert_eq!(profile.traces().len() + profile.open_traces().len(), truth.len());
        let unique: BTreeSet<u64> = profile.traces().chain(profile.open_traces()).map(|it| it.trace_id()).collect();
        prop_assert_eq!(unique.len(), truth.len());
        for (name, id) in &ids {
            prop_assert_eq!(profile.trace(*id).map(|trace| trace.name()), Some(&**name));
        }
        let starts: Vec<u64> = profile.traces().map(|trace| trace.start_ns()).collect();
        prop_assert!(starts.is_sorted());
        let ended = truth.iter().filter(|it| it.3.is_some()).count() as u64;
        prop_assert_eq!(profile.metrics(None).call_count, ended);
        // What was joined is a profile as any other.
        let text = profile.export(Format::Json);
        prop_assert_eq!(Profile::from_json(text.as_bytes()).unwrap().export(Format::Json), text);
        HERE.set(Outer::default());
    }
}

#[test]
fn what_was_let_go_is_counted_and_so_is_what_was_dropped() {
    let (clock, hand) = Clock::manual();
    let profilers = [Profiler::with_clock(2, &clock), Profiler::with_clock(3, &clock)];
    for profiler in &profilers {
        for milliseconds in 1..=10 {
            let trace = profiler.enter("op");
            hand.advance(f64::from(milliseconds) / 1e3);
            drop(trace);
        }
    }
    let profile = joined(&Joints::default(), &profilers);
    let metrics = profile.metrics(Some("op"));
    assert_eq!((profile.let_go(), profile.traces().len(), metrics.call_count), (8 + 7, 5, 20));
    assert!((metrics.total_time - 0.110).abs() < 1e-9, "{metrics:?}");
    assert_eq!((metrics.min_time, metrics.max_time), (0.001, 0.010));
    assert!((profile.total_time() - 0.110).abs() < 1e-9);
}

#[test]
fn a_task_spawned_in_a_trace_of_the_other_is_below_it() {
    let (clock, _) = Clock::manual();
    let profilers = [Profiler::with_clock(100, &clock), Profiler::with_clock(100, &clock)];
    assert!(recorder(&profilers[1]).connect(here, 1));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let request = profilers[0].enter("request");
    HERE.set(Outer { trace: request.trace_id().unwrap(), task: 7 });
    let job = runtime.block_on(async {
        let task = profilers[1].spawn("job", async {});
        HERE.set(Outer::default());
        task.await
    });
    job.unwrap();
    let profile = joined(&Joints::default(), &profilers);
    let request = profile.open_traces().next().unwrap().trace_id();
    let tasks: Vec<_> = profile.tasks().map(|task| (task.name().to_owned(), task.parent_id())).collect();
    assert_eq!(tasks, [("job".to_owned(), Some(request))]);
    let job = profile.traces().next().unwrap();
    assert_eq!((job.parent_id(), job.task().map(|task| task.name())), (Some(request), Some("job")));
}

#[test]
fn another_counter_is_joined_by_the_moment_of_asking() {
    let ((clock, hand), (other, other_hand)) = (Clock::manual(), Clock::manual());
    hand.advance(500.0);
    let profilers = [Profiler::with_clock(100, &clock), Profiler::with_clock(100, &other)];
    drop(profilers[1].enter("early"));
    for hand in [&hand, &other_hand] {
        hand.advance(2.0);
    }
    let profile = joined(&Joints::default(), &profilers);
    let early = profile.traces().next().unwrap();
    assert!((profile.taken_at() - early.start_time() - 2.0).abs() < 1e-6);
}

#[test]
fn one_that_has_no_clock_is_refused() {
    let profiler = Profiler::new();
    let refused = Part::new(0, Profile::default(), recorder(&profiler), Default::default);
    assert_eq!(refused.unwrap_err().to_string(), "its clock stands still");
}
