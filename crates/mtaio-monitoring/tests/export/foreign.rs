//! Metrics whose names, labels and help are anybody's.

use std::collections::BTreeSet;

use mtaio_monitoring::metrics::catalogue::Kind;
use mtaio_monitoring::metrics::{Labels, Registry};
use proptest::prelude::*;

use super::exposition::declare;

fn hostile_text() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        4 => any::<char>().prop_map(String::from),
        2 => "[a-c_.:-]",
        1 => prop::sample::select(vec!["\n", "\"", "\\", "{", "} 1\n", "\u{1b}[2J", "__name__", "le", "_total", "_bucket", "\0"])
            .prop_map(str::to_owned),
    ];
    prop::collection::vec(pieces, 1..6).prop_map(|pieces| pieces.concat())
}

/// A metric of anybody's: name, which kind, unit, help, and the labels of its series.
type Foreign = (String, usize, &'static str, String, Vec<Vec<(String, String)>>);

pub(super) fn foreign() -> impl Strategy<Value = Vec<Foreign>> {
    let labels = prop::collection::vec((hostile_text(), hostile_text()), 0..4);
    let unit = prop::sample::select(vec!["", "s", "ms", "%", "By", "{x}", "1"]);
    let metric = (hostile_text(), 0..4_usize, unit, hostile_text(), prop::collection::vec(labels, 1..5));
    prop::collection::vec(metric, 1..12)
}

/// What was recorded into them, and how many series that makes.
pub(super) fn foreign_registry(metrics: &[Foreign], value: f64) -> (Registry, usize) {
    let registry = Registry::new();
    let mut count = 0;
    let mut known = BTreeSet::new();
    for (name, kind, unit, help, series) in metrics {
        if !known.insert(name.clone()) {
            continue;
        }
        let kind = [Kind::Counter, Kind::Gauge, Kind::Histogram, Kind::Untyped][*kind];
        if kind != Kind::Untyped {
            declare(&registry, name, kind, unit, help);
        }
        let sets: BTreeSet<Labels> = series
            .iter()
            .map(|pairs| Labels::new(pairs.iter().map(|(name, value)| (&**name, &**value))))
            .collect();
        for labels in sets {
            let found = registry.get_or_create_labelled(name, &labels, false).expect("room");
            found.series.record(value.abs());
            count += 1;
        }
    }
    (registry, count)
}
