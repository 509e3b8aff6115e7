//! What nobody listens to goes to the log.

use std::cell::RefCell;
use std::io;
use std::sync::Once;

use tracing::subscriber::set_global_default;

use super::Service;

thread_local! {
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Writes to the log of the thread that logs.
struct OwnLog;

impl io::Write for OwnLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.with_borrow_mut(|log| log.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines that `work` logs, on a runtime of this thread.
///
/// One subscriber serves all threads: with one for each, `tracing` may decide, for good and for all of them, that
/// nobody listens, because of a thread that has none.
fn logged(work: impl AsyncFnOnce()) -> Vec<String> {
    static SUBSCRIBER: Once = Once::new();
    SUBSCRIBER.call_once(|| {
        let subscriber = tracing_subscriber::fmt().with_writer(|| OwnLog).without_time().with_ansi(false).finish();
        set_global_default(subscriber).expect("the only one of this binary");
        tracing::callsite::rebuild_interest_cache();
    });
    LOG.take();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(work());
    let text = String::from_utf8(LOG.take()).expect("text");
    text.lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn an_alert_without_a_handler_is_a_warning() {
    let service = Service::new();
    let lines = logged(async || {
        service.monitor.set_threshold("queue", 10.0).expect("a sound threshold");
        service.monitor.record("queue", 11.0).expect("a name");
        service.monitor.alert("the disk is full");
    });
    assert_eq!(
        lines,
        [
            "WARN mtaio.monitoring: queue 11 is above its threshold of 10",
            "WARN mtaio.monitoring: the disk is full",
        ]
    );
}

#[test]
fn an_alert_with_a_handler_is_none() {
    let (service, mut told) = Service::with_threshold();
    let lines = logged(async || {
        service.monitor.record("queue", 11.0).expect("a name");
        super::next(&mut told).await;
    });
    assert_eq!(lines, [""; 0]);
}

#[test]
fn a_handler_that_fails_is_an_error_in_the_log() {
    let service = Service::new();
    service.monitor.on_alert(|_| async { std::panic::resume_unwind(Box::new("a handler panics")) });
    let lines = logged(async || {
        service.monitor.alert("now");
        tokio::task::yield_now().await;
    });
    assert_eq!(lines, ["ERROR mtaio.monitoring: a handler panicked; sampling goes on"]);
}

#[test]
fn a_threshold_without_data_is_a_warning() {
    let service = Service::new();
    let lines = logged(async || {
        service.monitor.set_threshold("cpu_usgae", 10.0).expect("a sound threshold");
        service.start();
        for tick in 1..=4 {
            service.hand.advance(1.0);
            crate::monitor::wait_until("the sample is taken", || service.monitor.health().samples >= tick);
        }
        tokio::task::yield_now().await;
        service.monitor.stop().await;
    });
    assert_eq!(
        lines,
        ["WARN mtaio.monitoring: the threshold on \"cpu_usgae\" has had no value for three intervals; \
             did you mean \"cpu_usage\"?"]
    );
}
