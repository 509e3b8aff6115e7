//! What many threads record is all there, and the last value is the last.

use std::sync::{Arc, Barrier};
use std::thread;

use mtaio_monitoring::metrics::{Series, Sketch, SketchSnapshot};

use super::{SMALLEST, record_all};

const THREADS: u32 = 8;
// Some milliseconds for each, or the threads would run one after the other.
const RECORDS: u32 = 400_000;

#[test]
fn eight_threads_on_one_sketch_lose_nothing() {
    let sketch = Sketch::new();
    record_concurrently(|value| sketch.record(value));
    check_nothing_lost(&sketch.snapshot(), THREADS);
    assert_eq!(sketch.count(), u64::from(THREADS * RECORDS));
}

#[test]
fn eight_threads_on_one_series_lose_nothing() {
    let series = Series::new("concurrent");
    record_concurrently(|value| series.record(value));
    let snapshot = series.snapshot();
    check_nothing_lost(&snapshot.sketch, THREADS);
    assert_eq!((snapshot.count, snapshot.sum), (series.count(), snapshot.sketch.sum));
    // Whichever thread ended last, its last value was this one.
    assert_eq!(snapshot.last, Some(RECORDS.into()));
}

#[test]
fn a_reader_sees_counts_with_their_extremes() {
    let series = Series::new("read while written");
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for value in 1..=200_000 {
                series.record(value.into());
            }
        });
        let mut seen = 0;
        while !writer.is_finished() {
            let snapshot = series.snapshot();
            assert!(snapshot.count >= seen);
            seen = snapshot.count;
            if seen > 0 {
                assert_eq!(snapshot.min, Some(1.0));
                assert!(snapshot.max.unwrap() >= seen as f64);
                assert!(snapshot.sum >= seen as f64 * (seen as f64 + 1.0) / 2.0);
            }
        }
    });
}

#[test]
fn more_threads_than_slots_lose_nothing() {
    let series = Series::new("crowd");
    let crowd = 100;
    let ready = Barrier::new(crowd);
    thread::scope(|scope| {
        for _ in 0..crowd {
            scope.spawn(|| {
                // All are alive at once, so that some of them find no slot of their own.
                series.record(0.0);
                ready.wait();
                for value in 1..=20_000 {
                    series.record(value.into());
                }
            });
        }
    });
    let snapshot = series.snapshot();
    assert_eq!(snapshot.count, 20_001 * crowd as u64);
    assert_eq!(snapshot.sum, 200_010_000.0 * crowd as f64);
    assert_eq!(snapshot.last, Some(20_000.0));
}

#[test]
fn threads_that_come_and_go_reuse_what_others_left() {
    let series = Arc::new(Series::new("short-lived threads"));
    for value in 1..=300 {
        let series = Arc::clone(&series);
        thread::spawn(move || series.record(value.into())).join().unwrap();
    }
    assert_eq!((series.count(), series.snapshot().sum), (300, 45_150.0));
}

#[test]
fn a_record_while_its_thread_is_torn_down_is_kept() {
    struct OnExit(Arc<Series>);
    impl Drop for OnExit {
        fn drop(&mut self) {
            self.0.record(2.0);
        }
    }
    thread_local!(static ON_EXIT: std::cell::RefCell<Option<OnExit>> = const { std::cell::RefCell::new(None) });

    let series = Arc::new(Series::new("teardown"));
    let inner = Arc::clone(&series);
    let ending = thread::spawn(move || {
        ON_EXIT.with(|cell| *cell.borrow_mut() = Some(OnExit(Arc::clone(&inner))));
        inner.record(1.0);
    });
    ending.join().unwrap();
    assert_eq!((series.count(), series.last()), (2, Some(2.0)));
}

#[test]
fn last_is_none_first_and_then_what_was_recorded() {
    let series = Series::new("last");
    assert_eq!((series.last(), series.count(), series.quantile(0.5)), (None, 0, None));
    let empty = series.snapshot();
    assert_eq!((empty.last, empty.min, empty.max, empty.sum), (None, None, None, 0.0));
    for value in [3.0, 0.0, -0.0, -7.5, f64::MAX, SMALLEST] {
        series.record(value);
        assert_eq!(series.last().map(f64::to_bits), Some(value.to_bits()));
    }
}

#[test]
fn last_is_the_newest_across_threads_that_take_turns() {
    let series = Series::new("turns");
    let (to_b, from_a) = std::sync::mpsc::channel();
    let (to_a, from_b) = std::sync::mpsc::channel();
    let turn = |value: u32| {
        series.record(value.into());
        assert_eq!(series.last(), Some(value.into()));
    };
    // Turns come faster than a term, and now and then slower, so that leaders change in every way there is.
    let rest = |value: u32| {
        if value % 256 < 2 {
            let begin = std::time::Instant::now();
            while begin.elapsed().as_micros() < 1_100 {
                std::hint::spin_loop();
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(move || {
            for value in from_a {
                turn(value);
                rest(value);
                to_a.send(value + 1).unwrap();
            }
        });
        let mut value = 0;
        while value < 10_000 {
            turn(value);
            turn(value + 1);
            to_b.send(value + 2).unwrap();
            value = from_b.recv().unwrap();
            assert_eq!(series.last(), Some((value - 1).into()));
        }
        drop(to_b);
    });
}

#[test]
fn watched_is_a_switch() {
    let series = Series::new("watched");
    assert!(!series.is_watched());
    series.set_watched(true);
    assert!(series.is_watched());
    series.set_watched(false);
    assert!(!series.is_watched());
}

/// Every thread records 1 to [`RECORDS`], all at the same time.
fn record_concurrently(record: impl Fn(f64) + Sync) {
    let ready = Barrier::new(THREADS as usize);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                ready.wait();
                for value in 1..=RECORDS {
                    record(value.into());
                }
            });
        }
    });
}

#[track_caller]
fn check_nothing_lost(snapshot: &SketchSnapshot, threads: u32) {
    let one: Vec<_> = (1..=RECORDS).map(f64::from).collect();
    let mut all = SketchSnapshot::default();
    for _ in 0..threads {
        all.merge(&record_all(&one));
    }
    assert_eq!(*snapshot, all);
}
