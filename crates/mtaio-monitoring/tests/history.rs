//! The ring of samples against a plain list.

use mtaio_monitoring::history::{Ring, Stamped};
use proptest::prelude::*;
use proptest::sample::select;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Row(f64);

impl Stamped for Row {
    fn timestamp_seconds(&self) -> f64 {
        self.0
    }
}

fn times<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<f64> {
    rows.map(|row| row.0).collect()
}

fn ring_of(capacity: usize, rows: &[f64]) -> Ring<Row> {
    let mut ring = Ring::new(capacity);
    rows.iter().for_each(|&row| ring.push(Row(row)));
    ring
}

#[test]
fn an_empty_history_has_no_rows() {
    let ring: Ring<Row> = Ring::new(10);
    assert!(ring.is_empty());
    assert_eq!(ring.newest(), None);
    assert_eq!(ring.range(f64::NEG_INFINITY, f64::INFINITY).count(), 0);
}

#[test]
fn both_ends_of_a_range_belong_to_it() {
    let ring = ring_of(10, &[1.0, 2.0, 2.0, 3.0, 4.0]);
    let range = |start, end| times(ring.range(start, end));
    assert_eq!(range(2.0, 3.0), [2.0, 2.0, 3.0]);
    assert_eq!(range(2.5, 2.6), [0.0; 0]);
    assert_eq!(range(3.0, 2.0), [0.0; 0], "nothing lies between");
    assert_eq!(range(f64::NEG_INFINITY, f64::INFINITY), [1.0, 2.0, 2.0, 3.0, 4.0]);
}

#[test]
fn a_time_that_an_answer_gave_finds_that_row_again() {
    // Nanoseconds since the epoch do not fit a double: a reader has the rounded time, and so must the search.
    let exact = [1_767_225_600_123_456_789_u64, 1_767_225_600_123_457_043];
    let stamps = exact.map(|ns| ns as f64 / 1e9);
    let ring = ring_of(10, &stamps);
    assert_eq!(times(ring.range(stamps[0], stamps[0]))[0], stamps[0]);
    assert_eq!(times(ring.range(stamps[1], stamps[1])).pop(), Some(stamps[1]));
}

#[test]
fn a_history_of_no_rows_keeps_one() {
    let ring = ring_of(0, &[1.0, 2.0]);
    assert_eq!(times(ring.range(0.0, 9.0)), [2.0]);
}

proptest! {
    #[test]
    fn the_ring_is_the_end_of_a_list(
        // Around the size of a chunk, where rows are let go at other places than they are added.
        capacity in select(vec![1, 2, 3, 7, 511, 512, 513, 1_023, 1_024, 1_025, 3_600]),
        steps in proptest::collection::vec(0..3_u8, 0..2_600),
        ends in proptest::collection::vec((-2.0..3_000.0, -10.0..3_000.0), 8),
    ) {
        let mut list: Vec<f64> = Vec::new();
        let mut ring = Ring::new(capacity);
        let mut time = 0.0;
        for step in steps {
            // A step of nothing: rows may have the same time.
            time += f64::from(step) / 2.0;
            list.push(time);
            ring.push(Row(time));
        }
        let kept = &list[list.len().saturating_sub(capacity)..];
        prop_assert_eq!(ring.len(), kept.len());
        prop_assert_eq!(ring.is_empty(), kept.is_empty());
        prop_assert_eq!(ring.newest().map(|row| row.0), kept.last().copied());
        prop_assert_eq!(times(ring.range(f64::NEG_INFINITY, f64::INFINITY)), kept);
        for (start, end) in ends {
            let expected: Vec<f64> = kept.iter().copied().filter(|&time| start <= time && time <= end).collect();
            prop_assert_eq!(times(ring.range(start, end)), expected);
        }
        // And exactly at rows.
        for &time in kept.iter().step_by(97) {
            let expected = kept.iter().filter(|&&other| other == time).count();
            prop_assert_eq!(ring.range(time, time).count(), expected);
        }
    }
}
