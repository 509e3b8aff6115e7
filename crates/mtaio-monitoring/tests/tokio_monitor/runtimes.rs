//! Which runtime the handlers run on: none, one, another one, one that is gone.

use mtaio_monitoring::MonitoringError;
use tokio::runtime::{Builder, Runtime};

use super::{Service, next};
use crate::monitor::wait_until;

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn multi_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

#[test]
fn starting_outside_a_runtime_is_an_error_that_says_what_to_do() {
    let service = Service::new();
    let error = service.monitor.start().expect_err("no runtime");
    assert!(matches!(error, MonitoringError::Unavailable(_)));
    assert_eq!(
        error.to_string(),
        "start() needs a running tokio runtime: call it inside #[tokio::main] or runtime.block_on(…)"
    );
    assert!(!service.monitor.is_running());
    assert_eq!(service.machine.reads(), 0, "nothing was begun");
}

#[test]
fn handlers_run_on_either_kind_of_runtime_for_records_of_any_thread() {
    for runtime in [current_thread(), multi_thread()] {
        let (service, mut told) = Service::with_threshold();
        runtime.block_on(async {
            service.start();
            let monitor = service.monitor.clone();
            let plain = std::thread::spawn(move || {
                for value in [11.0, 0.0, 12.0] {
                    monitor.record("queue", value).expect("a name");
                }
            });
            // Each call is a task of its own, so two of them may run in either order.
            let mut values = [next(&mut told).await.1, next(&mut told).await.1];
            values.sort_by(f64::total_cmp);
            assert_eq!(values, [11.0, 12.0]);
            plain.join().expect("no panic");
            service.monitor.stop().await;
        });
    }
}

#[test]
fn what_happened_without_a_runtime_is_told_at_the_start() {
    let (service, mut told) = Service::with_threshold();
    service.cross(11.0);
    service.cross(12.0);
    current_thread().block_on(async {
        assert!(told.try_recv().is_err());
        service.start();
        assert_eq!(next(&mut told).await.1, 11.0);
        assert_eq!(next(&mut told).await.1, 12.0);
        service.monitor.stop().await;
    });
}

#[test]
fn a_record_inside_a_runtime_needs_no_start() {
    let (service, mut told) = Service::with_threshold();
    current_thread().block_on(async {
        service.cross(11.0);
        assert_eq!(next(&mut told).await.1, 11.0);
    });
    assert!(!service.monitor.is_running());
}

#[test]
fn a_monitor_that_was_stopped_starts_under_another_runtime() {
    let (service, mut told) = Service::with_threshold();
    for (runtime, value) in [(current_thread(), 11.0), (multi_thread(), 12.0), (current_thread(), 13.0)] {
        runtime.block_on(async {
            service.start();
            service.cross(value);
            assert_eq!(next(&mut told).await.1, value);
            service.monitor.stop().await;
        });
        drop(runtime);
    }
    // Stopped: a record belongs to the runtime that it is made in, not to one that is gone.
    current_thread().block_on(async {
        service.cross(14.0);
        assert_eq!(next(&mut told).await.1, 14.0);
    });
    assert_eq!(service.monitor.health().handler_errors, 0);
}

#[test]
fn a_runtime_that_ends_without_a_stop_loses_no_event_uncounted() {
    let (service, mut told) = Service::with_threshold();
    current_thread().block_on(async { service.start() });
    // It is gone; the monitor samples on, and its handlers have nowhere to run.
    service.cross(11.0);
    assert_eq!(service.monitor.health().handler_errors, 1, "counted");
    assert!(told.try_recv().is_err());
    multi_thread().block_on(async {
        service.monitor.start().expect("a runtime again");
        service.cross(12.0);
        assert_eq!(next(&mut told).await.1, 12.0);
        // And the dispatcher of samples is a new one too.
        service.monitor.set_threshold("memory_usage", 1.0).expect("a sound threshold");
        service.hand.advance(1.0);
        assert_eq!(next(&mut told).await.0, "memory_usage");
        service.monitor.stop().await;
    });
    wait_until("the thread has ended", || !service.monitor.is_running());
}

#[test]
fn starts_and_stops_at_once_leave_either_a_whole_monitor_or_none() {
    let (service, mut told) = Service::with_threshold();
    multi_thread().block_on(async {
        let players: Vec<_> = (0..8)
            .map(|player| {
                let monitor = service.monitor.clone();
                tokio::spawn(async move {
                    for _ in 0..50 {
                        if player % 2 == 0 {
                            monitor.start().expect("inside a runtime");
                        } else {
                            monitor.stop().await;
                        }
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        for player in players {
            player.await.expect("no panic");
        }
        service.monitor.start().expect("inside a runtime");
        service.monitor.set_threshold("memory_usage", 1.0).expect("a sound threshold");
        // The thread may not have read its baseline yet: give it deadlines until one is met.
        let told = async {
            loop {
                service.hand.advance(1.0);
                if let Ok(told) = told.try_recv() {
                    return told;
                }
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        };
        let told = tokio::time::timeout(std::time::Duration::from_secs(20), told).await;
        assert_eq!(told.expect("told in time").0, "memory_usage");
        service.monitor.stop().await;
        assert!(!service.monitor.is_running());
    });
}
