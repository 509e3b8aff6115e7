//! The speedscope file held to the rules that its schema cannot tell. The schema itself is checked where there is a
//! program for it: `tests/python/test_exports.py`.

use mtaio_monitoring::export::Format;
use mtaio_monitoring::profiler::Profile;
use proptest::prelude::*;
use serde_json::Value;

use super::{profiles, service};

fn check(profile: &Profile) -> Value {
    let file: Value = serde_json::from_str(&profile.export(Format::Speedscope)).unwrap();
    assert_eq!(file["$schema"], "https://www.speedscope.app/file-format-schema.json");
    let frames = file["shared"]["frames"].as_array().unwrap();
    let profiles = file["profiles"].as_array().unwrap();
    let merged = &profiles[0];
    let (samples, weights) = (merged["samples"].as_array().unwrap(), merged["weights"].as_array().unwrap());
    assert_eq!(samples.len(), weights.len());
    let total: u64 = weights.iter().map(|weight| weight.as_u64().unwrap()).sum();
    assert_eq!(total, merged["endValue"].as_u64().unwrap());
    let stacks = profile.export(Format::Collapsed);
    let of_stacks: u64 = stacks.lines().map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(total, of_stacks);
    let mut opened = 0;
    for evented in &profiles[1..] {
        let (mut open, mut last) = (Vec::new(), evented["startValue"].as_u64().unwrap());
        for event in evented["events"].as_array().unwrap() {
            let at = event["at"].as_u64().unwrap();
            let frame = event["frame"].as_u64().unwrap();
            assert!((frame as usize) < frames.len());
            assert!(at >= last, "times ascend: {event}");
            last = at;
            if event["type"] == "O" {
                open.push(frame);
                opened += 1;
            } else {
                assert_eq!(open.pop(), Some(frame), "what opens last closes first: {event}");
            }
        }
        assert!(open.is_empty());
        assert!(last <= evented["endValue"].as_u64().unwrap());
    }
    assert_eq!(opened, profile.traces().len() + profile.open_traces().len() + profile.tasks().count());
    file
}

proptest! {
    #[test]
    fn every_trace_opens_and_closes_once(profile in profiles()) {
        check(&profile);
    }
}

#[test]
fn tasks_and_threads_have_a_profile_each() {
    let file = check(&service());
    let names: Vec<&str> =
        file["profiles"].as_array().unwrap().iter().map(|profile| profile["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 4);
    assert_eq!((names[0], names[2], names[3]), ("all calls, merged", "one", "two"));
    assert!(names[1].starts_with("thread "), "{names:?}");
}
