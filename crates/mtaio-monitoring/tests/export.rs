//! Exports, held against what the formats' own descriptions demand, as properties over random profiles.

mod chrome_trace;
mod collapsed;
mod diff;
mod evidence;
mod exposition;
mod foreign;
mod json;
#[cfg(feature = "protobuf")]
mod protobuf;
mod speedscope;
mod text;
mod timeline;

use std::sync::Arc;

use mtaio_monitoring::clock::{Clock, ManualClock};
use mtaio_monitoring::profiler::{Attachment, Ending, Extra, Metadata, Open, Profile, Recorder, Status};
use proptest::prelude::*;
use serde_json::json;

/// Names that somebody could choose.
const NAMES: [&str; 10] = [
    "parse",
    "load",
    "GET /users/{id} 200",
    "応答時間",
    "a;b",
    "\u{1b}[2J\n\"quoted\" \\",
    "",
    " 7",
    "100%;",
    "app.services.orders.OrderService.with_a_rather_long_qualified_name.<locals>.inner",
];

/// One thing that happens while a profiler records. Numbers choose among what is there, whatever that is.
#[derive(Clone, Debug)]
enum Event {
    Advance(u32),
    Begin { name: usize, parent: Option<usize>, task: Option<usize> },
    End { which: usize, status: usize, run: Option<u32>, extra: u8 },
    Spawn { parent: Option<usize> },
    EndTask { which: usize, run: u32, steps: u32 },
}

fn event() -> impl Strategy<Value = Event> {
    let any_of = || any::<prop::sample::Index>().prop_map(|index| index.index(1 << 20));
    prop_oneof![
        2 => prop_oneof![Just(0), Just(1), 1_u32..5_000, any::<u32>()].prop_map(Event::Advance),
        4 => (0..NAMES.len(), prop::option::weighted(0.8, any_of()), prop::option::of(any_of()))
            .prop_map(|(name, parent, task)| Event::Begin { name, parent, task }),
        4 => (any_of(), 1..Status::ALL.len(), prop::option::of(any::<u32>()), any::<u8>())
            .prop_map(|(which, status, run, extra)| Event::End { which, status, run, extra }),
        1 => prop::option::weighted(0.8, any_of()).prop_map(|parent| Event::Spawn { parent }),
        1 => (any_of(), any::<u32>(), any::<u32>())
            .prop_map(|(which, run, steps)| Event::EndTask { which, run, steps }),
    ]
}

/// Profiles of random programs: open and ended traces of many shapes, tasks, and traces that were let go.
pub(crate) fn profiles() -> impl Strategy<Value = Profile> {
    (prop::collection::vec(event(), 0..120), 1_usize..80).prop_map(|(events, most)| recorded(&events, most))
}

#[derive(Debug)]
struct Attached(Metadata, Option<String>);

impl Attachment for Attached {
    fn metadata(&self) -> Metadata {
        self.0.clone()
    }

    fn stack_trace(&self) -> Option<String> {
        self.1.clone()
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

fn extra(seed: u8) -> Extra {
    let metadata = json!({
        "user": "日本\u{7}", "share": 0.1 + 0.2, "tiny": -5e-324, "big": u64::MAX, "nested": [{"a": [null, true]}],
        "-0": -0.0,
    });
    let metadata = if seed & 1 == 0 { Metadata::new() } else { metadata.as_object().unwrap().clone() };
    let stack = (seed & 2 != 0).then(|| "  File \"x.py\", line 1, in <module>\n".to_owned());
    let attachment = (seed & 4 != 0).then(|| Arc::new(Attached(metadata, stack)) as Arc<_>);
    Extra { error: (seed & 8 != 0).then(|| "ValueError: \"x\"\n".into()), attachment }
}

fn recorded(events: &[Event], most: usize) -> Profile {
    let (clock, hand) = Clock::manual();
    hand.advance(1e9 + 0.123_456_789);
    let recorder = Recorder::new(most, &clock, false);
    let (mut ids, mut open, mut tasks, mut living) = (vec![0], Vec::<Open>::new(), vec![0], Vec::new());
    for event in events {
        match *event {
            Event::Advance(nanoseconds) => advance(&hand, nanoseconds),
            Event::Begin { name, parent, task } => {
                let parent = parent.map_or(0, |parent| ids[parent % ids.len()]);
                let task = task.map_or(0, |task| tasks[task % tasks.len()]);
                let begun = recorder.begin(recorder.name(NAMES[name]), parent, task, recorder.ticks()).unwrap();
                ids.push(begun.id);
                open.push(begun);
            }
            Event::End { which, status, run, extra: seed } => {
                if !open.is_empty() {
                    let ended = open.swap_remove(which % open.len());
                    let ending =
                        Ending { status: Status::ALL[status], run_ticks: run.map(u64::from), extra: extra(seed) };
                    assert!(recorder.end(ended, recorder.ticks(), ending));
                }
            }
            Event::Spawn { parent } => {
                let parent = parent.map_or(0, |parent| ids[parent % ids.len()]);
                let task =
                    recorder.begin_task(parent, NAMES[tasks.len() % NAMES.len()], "main", Some("a.py:1 in f"));
                tasks.push(task);
                living.push(task);
            }
            Event::EndTask { which, run, steps } => {
                if !living.is_empty() {
                    let task = living.swap_remove(which % living.len());
                    recorder.end_task(task, Status::Ok, u64::from(run), steps);
                }
            }
        }
    }
    recorder.profile()
}

fn advance(hand: &ManualClock, nanoseconds: u32) {
    hand.advance(f64::from(nanoseconds) / 1e9);
}

/// A service of two requests at once, with times that are known: 60 ms in all.
pub(crate) fn service() -> Profile {
    let (clock, hand) = Clock::manual();
    let recorder = Recorder::new(100, &clock, false);
    let begin = |name: &str, parent: u64, task: u32| {
        recorder.begin(recorder.name(name), parent, task, recorder.ticks()).unwrap()
    };
    let end = |open: Open, status: Status, run_ms: u64| {
        let ending = Ending { status, run_ticks: Some(run_ms * 1_000_000), extra: Extra::default() };
        assert!(recorder.end(open, recorder.ticks(), ending));
    };
    let serve = begin("serve", 0, 0);
    let tasks =
        ["one", "two"].map(|name| recorder.begin_task(serve.id, name, "handle", Some("app.py:7 in serve")));
    let requests = tasks.map(|task| begin("request", serve.id, task));
    hand.advance(0.010);
    let queries = [0, 1].map(|at| begin("query", requests[at].id, tasks[at]));
    hand.advance(0.020);
    for (query, status) in queries.into_iter().zip([Status::Ok, Status::Error]) {
        end(query, status, 1);
    }
    hand.advance(0.010);
    for (request, task) in requests.into_iter().zip(tasks) {
        end(request, Status::Ok, 12);
        recorder.end_task(task, Status::Ok, 12_000_000, 3);
    }
    hand.advance(0.020);
    end(serve, Status::Ok, 20);
    recorder.profile()
}
