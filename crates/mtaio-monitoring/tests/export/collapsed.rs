//! Collapsed stacks, read by a flame graph tool that nobody here wrote.

use std::collections::BTreeMap;

use mtaio_monitoring::export::Format;
use mtaio_monitoring::profiler::{Profile, Trace};
use proptest::prelude::*;

use super::{profiles, service};

#[test]
fn own_time_is_what_no_child_covers() {
    let stacks = service().export(Format::Collapsed);
    // Two requests at once, for 40 of the 60 ms of `serve`; each of them spends 20 of its 40 ms in a query.
    assert_eq!(stacks, "serve 20000000\nserve;request 40000000\nserve;request;query 40000000\n");
}

#[test]
fn a_flame_graph_tool_draws_them() {
    let stacks = service().export(Format::Collapsed);
    let mut svg = Vec::new();
    let mut options = inferno::flamegraph::Options::default();
    inferno::flamegraph::from_lines(&mut options, stacks.lines(), &mut svg).unwrap();
    let svg = String::from_utf8(svg).unwrap();
    assert!(svg.contains("<title>serve (100,000,000 samples, 100.00%)</title>"), "{svg}");
    assert!(svg.contains("<title>query (40,000,000 samples, 40.00%)</title>"), "{svg}");
}

#[test]
fn a_chain_without_end_stays_small() {
    let profiler = mtaio_monitoring::Profiler::with_max_traces(20_000).unwrap();
    let recorder = profiler.recorder().unwrap();
    let name = recorder.name("next");
    let mut parent = 0;
    for at in 0..20_000 {
        let open = recorder.begin(name, parent, 0, at * 10).unwrap();
        parent = open.id;
        assert!(recorder.end(open, at * 10 + 9, mtaio_monitoring::profiler::Ending::default()));
    }
    let profile = profiler.profile();
    let stacks = profile.export(Format::Collapsed);
    assert_eq!(stacks.lines().count(), 257);
    assert!(stacks.lines().last().unwrap().contains(";(deeper%20calls) "), "{}", stacks.len());
    assert!(profile.to_string().lines().count() < 100);
}

/// The stacks by the slow way: of each trace the nanoseconds in which no child of it is open, counted one by one between
/// all times at which anything begins or ends.
fn slowly(profile: &Profile) -> BTreeMap<Vec<String>, u64> {
    let traces: BTreeMap<u64, Trace<'_>> =
        profile.traces().chain(profile.open_traces()).map(|trace| (trace.trace_id(), trace)).collect();
    let mut times: Vec<u64> = traces.values().flat_map(|trace| [trace.start_ns(), trace.end_ns()]).collect();
    times.sort_unstable();
    times.dedup();
    let mut stacks = BTreeMap::new();
    for trace in traces.values() {
        let covers = |trace: &Trace<'_>, from: u64, to: u64| trace.start_ns() <= from && to <= trace.end_ns();
        let mut own = 0;
        for pair in times.windows(2) {
            let child = |child: &&Trace<'_>| {
                child.parent_id() == Some(trace.trace_id()) && covers(child, pair[0], pair[1])
            };
            if covers(trace, pair[0], pair[1]) && traces.values().find(child).is_none() {
                own += pair[1] - pair[0];
            }
        }
        let mut path = vec![trace.name().to_owned()];
        let mut above = trace.parent_id().and_then(|parent| traces.get(&parent));
        while let Some(trace) = above {
            path.insert(0, trace.name().to_owned());
            above = trace.parent_id().and_then(|parent| traces.get(&parent));
        }
        if own > 0 {
            *stacks.entry(path).or_insert(0) += own;
        }
    }
    stacks
}

fn decoded(name: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = name.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        if *byte == b'%' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&tail[..2]).unwrap(), 16).unwrap());
            rest = &tail[2..];
        } else {
            bytes.push(*byte);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap().replace('\0', "")
}

proptest! {
    #[test]
    fn stacks_are_what_they_are_by_the_slow_way(profile in profiles()) {
        let text = profile.export(Format::Collapsed);
        let mut stacks = BTreeMap::new();
        for line in text.lines() {
            let (path, value) = line.split_once(' ').unwrap();
            let path: Vec<String> = path.split(';').map(decoded).collect();
            prop_assert!(stacks.insert(path, value.parse::<u64>().unwrap()).is_none(), "twice: {line}");
        }
        prop_assert_eq!(stacks, slowly(&profile));
    }
}
