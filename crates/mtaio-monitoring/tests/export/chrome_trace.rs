//! The chrome-trace held against the Trace Event Format: what both viewers need to draw every trace once, whole and where
//! it belongs.

use std::collections::{BTreeMap, BTreeSet};

use mtaio_monitoring::export::Format;
use mtaio_monitoring::profiler::Profile;
use proptest::prelude::*;
use serde_json::Value;

use super::{profiles, service};

/// Microseconds as the file has them, in nanoseconds.
fn nanoseconds(value: &Value) -> u64 {
    let microseconds = value.as_f64().expect("a number");
    assert!(microseconds >= 0.0 && microseconds.is_finite(), "{value}");
    (microseconds * 1e3).round() as u64
}

#[derive(Debug)]
struct Slice {
    start: u64,
    end: u64,
    args: Value,
}

/// What a slice shows.
fn key_of(slice: &Slice) -> (&'static str, u64) {
    let id = |field: &'static str| Some((field, slice.args[field].as_u64()?));
    id("trace_id").or_else(|| id("task_id")).unwrap()
}

/// Everything that the format demands of a file such as ours.
fn check(profile: &Profile) {
    let file: Value = serde_json::from_str(&profile.export(Format::ChromeTrace)).unwrap();
    assert_eq!(file["displayTimeUnit"], "ns");
    assert!(file["otherData"].as_object().unwrap().values().all(|value| value.is_string() || value.is_u64()));
    let mut named = BTreeSet::new();
    let mut slices: BTreeMap<u64, Vec<Slice>> = BTreeMap::new();
    let mut arrows: BTreeMap<u64, BTreeMap<String, (u64, u64)>> = BTreeMap::new();
    for event in file["traceEvents"].as_array().unwrap() {
        assert_eq!(event["pid"], 1);
        assert!(event["name"].is_string(), "{event}");
        let track = event["tid"].as_u64();
        match event["ph"].as_str().unwrap() {
            "M" if event["name"] == "process_name" => assert!(event["args"]["name"].is_string()),
            "M" if event["name"] == "thread_name" => {
                assert!(event["args"]["name"].is_string());
                assert!(named.insert(track.unwrap()), "a track has one name: {event}");
            }
            "M" => assert!(event["args"]["sort_index"].is_u64(), "{event}"),
            "X" => {
                let start = nanoseconds(&event["ts"]);
                let end = start + nanoseconds(&event["dur"]);
                assert!(event["cat"].is_string());
                slices.entry(track.unwrap()).or_default().push(Slice { start, end, args: event["args"].clone() });
            }
            "C" => assert!(event["args"]["bytes"].is_u64(), "{event}"),
            phase @ ("s" | "f") => {
                assert!(phase == "s" || event["bp"] == "e", "{event}");
                let arrow = arrows.entry(event["id"].as_u64().unwrap()).or_default();
                let at = (track.unwrap(), nanoseconds(&event["ts"]));
                assert!(arrow.insert(phase.to_owned(), at).is_none(), "an id is unique: {event}");
            }
            phase => panic!("a phase of {phase}"),
        }
    }
    // Every trace and every spawned task, once, with its own times.
    let origin = file["otherData"]["origin_ns"].as_str().unwrap().parse::<u64>().unwrap();
    let mut expected = BTreeMap::new();
    for trace in profile.traces().chain(profile.open_traces()) {
        expected.insert(("trace_id", trace.trace_id()), (trace.start_ns() - origin, trace.end_ns() - origin));
    }
    for task in profile.tasks() {
        expected
            .insert(("task_id", u64::from(task.task_id())), (task.start_ns() - origin, task.end_ns() - origin));
    }
    let key = key_of;
    let mut places = BTreeMap::new();
    let mut found = BTreeMap::new();
    for (track, slices) in &slices {
        assert!(named.contains(track), "track {track} has no name");
        for slice in slices {
            assert!(found.insert(key(slice), (slice.start, slice.end)).is_none(), "twice: {slice:?}");
            places.insert(key(slice), *track);
        }
    }
    assert_eq!(found, expected);
    // On a track, slices nest, and what stands inside a trace is a descendant of it.
    let parents: BTreeMap<u64, u64> = profile
        .traces()
        .chain(profile.open_traces())
        .filter_map(|trace| Some((trace.trace_id(), trace.parent_id()?)))
        .collect();
    let is_ancestor = |ancestor: u64, of: u64| {
        let mut above = parents.get(&of);
        while let Some(parent) = above {
            if *parent == ancestor {
                return true;
            }
            above = parents.get(parent);
        }
        false
    };
    for slices in slices.values() {
        for (place, inner) in slices.iter().enumerate() {
            for outer in &slices[..place] {
                assert!(outer.start <= inner.start, "in the order of their beginnings");
                if inner.start >= outer.end {
                    continue;
                }
                assert!(inner.end <= outer.end, "{inner:?} reaches beyond {outer:?}");
                if let (("trace_id", outer), ("trace_id", inner)) = (key(outer), key(inner)) {
                    assert!(is_ancestor(outer, inner), "{inner} is drawn inside of {outer}");
                }
            }
        }
    }
    // An arrow leads from the beginning of a trace to that of a child of it, and there is one from wherever the parent is
    // in the file and the child does not stand right below it.
    let drawn_at = |key: (&'static str, u64)| Some((*places.get(&key)?, found[&key].0));
    let mut led = BTreeSet::new();
    for arrow in arrows.values() {
        let (from, to) = (arrow["s"], arrow["f"]);
        let children = slices[&to.0].iter().filter(|slice| slice.start == to.1);
        let of_parent = |slice: &&Slice| {
            let parent = slice.args["parent_id"].as_u64();
            parent.is_some_and(|parent| drawn_at(("trace_id", parent)) == Some(from))
        };
        let children: Vec<_> = children.filter(of_parent).map(key).collect();
        assert!(!children.is_empty(), "{arrow:?}");
        led.extend(children);
    }
    for slice in slices.values().flatten() {
        let parent = slice.args["parent_id"].as_u64().map(|parent| ("trace_id", parent));
        let Some(parent) = parent.filter(|parent| expected.contains_key(parent)) else { continue };
        let own_task = profile.trace(key(slice).1).and_then(|trace| trace.task_id()).map(u64::from);
        let is_below_task = own_task.is_some_and(|task| {
            let key = ("task_id", task);
            expected.contains_key(&key) && places.get(&key) == places.get(&key_of(slice))
        });
        let is_below = places[&parent] == places[&key(slice)] && found[&parent].1 >= slice.end;
        assert!(led.contains(&key(slice)) || is_below || is_below_task || parent == key(slice), "{slice:?}");
    }
}

proptest! {
    #[test]
    fn every_trace_is_drawn_once_and_where_it_belongs(profile in profiles()) {
        check(&profile);
    }
}

#[test]
fn concurrent_tasks_have_a_track_each() {
    let profile = service();
    check(&profile);
    let file: Value = serde_json::from_str(&profile.export(Format::ChromeTrace)).unwrap();
    let events = file["traceEvents"].as_array().unwrap();
    let of_phase = |phase: &str| events.iter().filter(|event| event["ph"] == *phase).cloned().collect::<Vec<_>>();
    let names: Vec<Value> = of_phase("M").iter().map(|event| event["args"]["name"].clone()).collect();
    assert!(names.contains(&"one".into()) && names.contains(&"two".into()), "{names:?}");
    // `serve`, two tasks, two requests, two queries; an arrow from `serve` to each of the tasks.
    assert_eq!((of_phase("X").len(), of_phase("s").len(), of_phase("f").len()), (7, 2, 2));
    let query = of_phase("X").into_iter().find(|event| event["args"]["status"] == "error").unwrap();
    assert_eq!(
        (&query["name"], query["ts"].as_f64(), query["dur"].as_f64()),
        (&"query".into(), Some(1e4), Some(2e4))
    );
    assert_eq!((query["args"]["run_us"].as_f64(), query["args"]["wait_us"].as_f64()), (Some(1e3), Some(1.9e4)));
}
