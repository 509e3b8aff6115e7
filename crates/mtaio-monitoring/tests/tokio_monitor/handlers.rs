//! Handlers that panic, hang, are slow, are many, or stop the monitor that calls them.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mtaio_monitoring::ResourceMonitor;
use tokio::time::{Instant, sleep};

use super::{Service, next};

/// Lets every task that can run do so.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_is_counted_and_the_others_are_told() {
    let (service, mut told) = Service::with_threshold();
    // Unwinds as a panic does, without a report on standard error.
    service
        .monitor
        .on_threshold_exceeded(|_, _, _| async { std::panic::resume_unwind(Box::new("a handler panics")) });
    service.cross(11.0);
    service.cross(12.0);
    assert_eq!(next(&mut told).await, ("queue".to_owned(), 11.0, 10.0));
    assert_eq!(next(&mut told).await.1, 12.0);
    settle().await;
    let health = service.monitor.health();
    assert_eq!((health.handler_errors, health.dropped_calls), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_before_its_future_exists_is_counted_too() {
    let (service, mut told) = Service::with_threshold();
    service.monitor.on_alert(|_| {
        std::panic::resume_unwind(Box::new("a handler panics"));
        #[allow(unreachable_code, reason = "names the type of the future")]
        pending()
    });
    service.monitor.record("queue", 11.0).expect("the recorder does not hear of it");
    next(&mut told).await;
    settle().await;
    assert_eq!(service.monitor.health().handler_errors, 1);
}

#[tokio::test(start_paused = true)]
async fn stop_waits_for_a_slow_handler() {
    let service = Service::with_threshold().0;
    let ended = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ended);
    service.monitor.on_alert(move |_| {
        let count = Arc::clone(&count);
        async move {
            sleep(Duration::from_secs(1)).await;
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    service.monitor.record("queue", 11.0).expect("a name");
    let begin = Instant::now();
    service.monitor.stop().await;
    assert_eq!(ended.load(Ordering::Relaxed), 1);
    let took = begin.elapsed();
    assert!((Duration::from_secs(1)..Duration::from_millis(1_010)).contains(&took), "{took:?}");
    assert_eq!(service.monitor.health().handler_errors, 0);
}

#[tokio::test(start_paused = true)]
async fn stop_waits_five_seconds_for_a_handler_that_hangs_and_then_aborts_it() {
    let service = Service::with_threshold().0;
    let under_way = Arc::new(());
    let held = Arc::clone(&under_way);
    service.monitor.on_alert(move |_| {
        let held = Arc::clone(&held);
        async move {
            let _held = held;
            pending::<()>().await;
        }
    });
    service.monitor.record("queue", 11.0).expect("a name");
    settle().await;
    assert_eq!(Arc::strong_count(&under_way), 3, "the handler's own and one call's");
    let begin = Instant::now();
    service.monitor.stop().await;
    let took = begin.elapsed();
    assert!((Duration::from_secs(5)..Duration::from_millis(5_010)).contains(&took), "{took:?}");
    settle().await;
    assert_eq!(Arc::strong_count(&under_way), 2, "nothing of it runs any more");
    assert_eq!(service.monitor.health().handler_errors, 1);
}

#[tokio::test(start_paused = true)]
async fn at_most_64_calls_of_one_handler_are_under_way() {
    let (service, mut told) = Service::with_threshold();
    let under_way = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&under_way);
    service.monitor.on_threshold_exceeded(move |_, _, _| {
        count.fetch_add(1, Ordering::Relaxed);
        pending()
    });
    for crossing in 0..100 {
        service.cross(f64::from(11 + crossing));
        // The quick handler ends its call; the hanging one does not.
        settle().await;
    }
    assert_eq!(under_way.load(Ordering::Relaxed), 64);
    assert_eq!(service.monitor.health().dropped_calls, 36);
    for crossing in 0..100 {
        assert_eq!(next(&mut told).await.1, f64::from(11 + crossing), "the limit is each handler's own");
    }
    service.monitor.stop().await;
    assert_eq!(service.monitor.health().dropped_calls, 36);
    settle().await;
    assert_eq!(service.monitor.health().handler_errors, 64);
    service.monitor.set_threshold("other", 1.0).expect("a sound threshold");
    service.monitor.record("other", 2.0).expect("a name");
    settle().await;
    assert_eq!(under_way.load(Ordering::Relaxed), 65, "there is room again");
}

#[tokio::test(start_paused = true)]
async fn what_comes_before_the_aborted_calls_have_ended_is_told_when_they_have() {
    let service = Service::with_threshold().0;
    let told = Arc::new(Mutex::new(Vec::new()));
    let calls = Arc::clone(&told);
    service.monitor.on_alert(move |alert| {
        calls.lock().expect("nobody panics").push(alert.message);
        pending()
    });
    for index in 0..64 {
        service.monitor.alert(format!("message {index}"));
    }
    settle().await;
    service.monitor.stop().await;
    // At once: those that were aborted have not been dropped.
    service.monitor.alert("after".to_owned());
    settle().await;
    let told = told.lock().expect("nobody panics");
    assert_eq!((told.len(), told.last().map(String::as_str)), (65, Some("after")));
    assert_eq!(service.monitor.health().dropped_calls, 0);
}

#[tokio::test(start_paused = true)]
async fn of_what_waits_for_room_the_newest_state_is_told() {
    let (service, _told) = Service::with_threshold();
    let (go_on, gate) = tokio::sync::watch::channel(false);
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    service.monitor.on_alert(move |alert| {
        tell.send((alert.state.name(), alert.value)).expect("the test listens");
        let mut gate = gate.clone();
        async move {
            gate.wait_for(|open| *open).await.expect("the test holds it");
        }
    });
    for crossing in 11..80 {
        service.cross(f64::from(crossing));
        settle().await;
    }
    let mut newest = None;
    while let Ok(call) = told.try_recv() {
        newest = Some(call);
    }
    // 32 crossings of two alerts each were told. Of the further ones two wait: the last beginning, and its end.
    assert_eq!(newest, Some(("resolved", Some(0.0))));
    let calls_before = service.monitor.health().dropped_calls;
    go_on.send(true).expect("calls wait for it");
    settle().await;
    assert_eq!(told.try_recv(), Ok(("firing", Some(79.0))));
    assert_eq!(told.try_recv(), Ok(("resolved", Some(0.0))));
    assert!(told.try_recv().is_err());
    assert_eq!(service.monitor.health().dropped_calls, calls_before - 2, "those that were told were not dropped");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_cancelled_and_counted() {
    for (timeout, errors) in [(Some(2.5), 1), (None, 0)] {
        let monitor = ResourceMonitor::builder().handler_timeout(timeout).build().expect("sound settings");
        let (begun, held) = (Arc::new(()), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&held);
        let holds = Arc::clone(&begun);
        monitor.on_alert(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            let held = Arc::clone(&holds);
            async move {
                std::future::pending::<()>().await;
                drop(held);
            }
        });
        monitor.alert("the disk is on fire");
        settle().await;
        assert_eq!(held.load(Ordering::Relaxed), 1);
        tokio::time::sleep(Duration::from_millis(2_499)).await;
        assert_eq!(monitor.health().handler_errors, 0);
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(monitor.health().handler_errors, errors, "{timeout:?}");
        assert_eq!(Arc::strong_count(&begun), 3 - errors as usize, "what it held is let go of");
    }
    for wrong in [0.0, -1.0, f64::NAN, 86_401.0] {
        let error = ResourceMonitor::builder().handler_timeout(Some(wrong)).build().map(drop).unwrap_err();
        assert!(error.to_string().starts_with("handler_timeout must be a number of seconds above 0"), "{error}");
    }
}

/// A handler that stops the monitor at the first alert, which is what it holds.
fn stop_at_an_alert(monitor: &ResourceMonitor) -> Arc<AtomicUsize> {
    let stopped = Arc::new(AtomicUsize::new(0));
    let (count, own) = (Arc::clone(&stopped), monitor.clone());
    monitor.on_alert(move |_| {
        let (count, own) = (Arc::clone(&count), own.clone());
        async move {
            own.stop().await;
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    stopped
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_stop_its_own_monitor_even_twice_at_once() {
    let service = Service::with_threshold().0;
    let stopped = stop_at_an_alert(&service.monitor);
    let begin = Instant::now();
    service.cross(11.0);
    service.cross(12.0);
    settle().await;
    while stopped.load(Ordering::Relaxed) < 4 {
        sleep(Duration::from_millis(1)).await;
        assert!(begin.elapsed() < Duration::from_secs(1), "they wait for each other");
    }
    assert_eq!(service.monitor.health().handler_errors, 0, "none was aborted");
}

#[tokio::test]
async fn a_handler_may_stop_the_monitor_that_samples() {
    let service = Service::new();
    let stopped = stop_at_an_alert(&service.monitor);
    service.monitor.set_threshold("memory_usage", 1.0).expect("a sound threshold");
    service.start();
    service.hand.advance(1.0);
    let in_time = tokio::time::timeout(Duration::from_secs(20), async {
        while stopped.load(Ordering::Relaxed) == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    });
    in_time.await.expect("stopped");
    assert!(!service.monitor.is_running());
}

#[tokio::test(start_paused = true)]
async fn a_threshold_that_is_removed_while_it_fires_ends_its_alert() {
    let (service, mut told) = Service::with_threshold();
    let (sender, mut alerts) = tokio::sync::mpsc::unbounded_channel();
    service.monitor.on_alert(move |alert| {
        let sent = sender.send((alert.state.name(), alert.value));
        async move { sent.expect("the test listens") }
    });
    service.monitor.record("queue", 11.0).expect("a name");
    next(&mut told).await;
    assert_eq!(next(&mut alerts).await, ("firing", Some(11.0)));
    assert!(service.monitor.remove_threshold("queue"));
    assert_eq!(next(&mut alerts).await, ("resolved", None));
    assert!(!service.monitor.remove_threshold("queue"));
}
