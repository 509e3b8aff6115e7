//! One series for one name, and no more of them than allowed.

use std::sync::{Arc, Barrier};
use std::thread;

use mtaio_monitoring::metrics::{DEFAULT_SERIES_LIMIT, Registry};

const THREADS: usize = 8;

#[test]
fn a_registry_gives_one_series_for_one_name() {
    let registry = Registry::new();
    assert!(registry.is_empty());
    let made = registry.get_or_create("b").unwrap();
    assert!(Arc::ptr_eq(&made, &registry.get("b").unwrap()));
    assert!(Arc::ptr_eq(&made, &registry.get_or_create("b").unwrap()));
    registry.get_or_create("a").unwrap().record(1.0);
    assert_eq!(registry.names().iter().map(|name| &**name).collect::<Vec<_>>(), ["a", "b"]);
    let snapshot = registry.snapshot();
    assert_eq!(snapshot.iter().map(|series| series.last).collect::<Vec<_>>(), [Some(1.0), None]);
    assert_eq!((registry.len(), registry.overflowed()), (2, 0));
}

#[test]
fn a_registry_is_bounded_and_counts_what_it_refuses() {
    let registry = Registry::default();
    for number in 0..DEFAULT_SERIES_LIMIT {
        assert!(registry.get_or_create(&number.to_string()).is_some());
    }
    for _ in 0..3 {
        assert!(registry.get_or_create("one too many").is_none());
    }
    assert!(registry.get("one too many").is_none());
    assert!(registry.get_or_create("0").is_some());
    assert_eq!((registry.len(), registry.overflowed()), (DEFAULT_SERIES_LIMIT, 3));
}

#[test]
fn threads_that_ask_for_one_new_name_get_one_series() {
    let registry = Registry::with_limit(50);
    let ready = Barrier::new(THREADS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                ready.wait();
                for number in 0..100 {
                    if let Some(series) = registry.get_or_create(&number.to_string()) {
                        series.record(1.0);
                    }
                }
            });
        }
    });
    assert_eq!((registry.len(), registry.overflowed()), (50, 50 * THREADS as u64));
    assert!(registry.snapshot().iter().all(|series| series.count == THREADS as u64));
}
