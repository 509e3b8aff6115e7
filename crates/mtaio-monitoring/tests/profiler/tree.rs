//! Parents and statuses, one picture a case.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use mtaio_monitoring::Profiler;
use mtaio_monitoring::clock::Clock;

use super::check;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

#[test]
fn guards_nest() {
    let profiler = Profiler::new();
    {
        let _request = profiler.enter("request");
        drop(profiler.enter("parse"));
        let _query = profiler.enter("query");
        drop(profiler.enter("connect"));
    }
    drop(profiler.enter("next"));
    check(&profiler.profile(), "request ok\n  parse ok\n  query ok\n    connect ok\nnext ok");
}

#[test]
fn guards_dropped_out_of_order_leave_no_context_behind() {
    let profiler = Profiler::new();
    let outer = profiler.enter("outer");
    let inner = profiler.enter("inner");
    drop(outer);
    drop(profiler.enter("under inner"));
    drop(inner);
    check(&profiler.profile(), "outer ok\n  inner ok\n    under inner ok");
}

#[test]
fn futures_that_take_turns_never_see_each_other() {
    let profiler = Profiler::new();
    let work = async |name: &'static str, rounds: usize| {
        for _ in 0..rounds {
            tokio::task::yield_now().await;
            profiler.trace(name, tokio::task::yield_now()).await;
        }
    };
    block_on(profiler.trace("request", async {
        tokio::join!(profiler.trace("a", work("in a", 2)), profiler.trace("b", work("in b", 1)));
    }));
    check(&profiler.profile(), "request ok\n  a ok\n    in a ok\n    in a ok\n  b ok\n    in b ok");
}

#[test]
fn a_spawned_task_has_the_parent_that_it_was_made_in() {
    let profiler = Profiler::new();
    let spawned = profiler.clone();
    block_on(profiler.trace("request", async move {
        let task = tokio::spawn(spawned.trace("background", async { tokio::task::yield_now().await }));
        task.await.unwrap();
    }));
    check(&profiler.profile(), "request ok\n  background ok");
}

#[test]
fn a_future_that_is_dropped_half_way_was_cancelled_and_one_never_polled_was_not_there() {
    let profiler = Profiler::new();
    {
        let mut hanging = pin!(profiler.trace("hanging", profiler.trace("inside", std::future::pending::<()>())));
        assert!(hanging.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let _never = profiler.trace("never", async {});
        check(&profiler.profile(), "hanging open\n  inside open");
    }
    check(&profiler.profile(), "hanging cancelled\n  inside cancelled");
}

#[test]
fn what_a_future_does_while_it_is_dropped_is_part_of_its_trace() {
    struct Cleanup(Profiler);
    impl Drop for Cleanup {
        fn drop(&mut self) {
            drop(self.0.enter("cleanup"));
        }
    }
    let profiler = Profiler::new();
    block_on(async {
        let cleanup = Cleanup(profiler.clone());
        let work = profiler.trace("work", async move {
            let _cleanup = cleanup;
            std::future::pending::<()>().await;
        });
        let _elapsed = tokio::time::timeout(Duration::from_millis(1), work).await;
    });
    check(&profiler.profile(), "work cancelled\n  cleanup ok");
}

#[test]
fn a_panic_is_an_error_and_leaves_no_context_behind() {
    let profiler = Profiler::new();
    let quiet = || std::panic::resume_unwind(Box::new("no report"));
    let guarded = catch_unwind(AssertUnwindSafe(|| {
        let _guard = profiler.enter("guard");
        quiet();
    }));
    let polled = catch_unwind(AssertUnwindSafe(|| block_on(profiler.trace("future", async { quiet() }))));
    assert!(guarded.is_err() && polled.is_err());
    drop(profiler.enter("after"));
    check(&profiler.profile(), "guard error\nfuture error\nafter ok");
}

#[test]
fn two_profilers_do_not_mix() {
    let (one, other) = (Profiler::new(), Profiler::new());
    let _a = one.enter("a");
    let _b = other.enter("b");
    drop(one.enter("c"));
    drop(other.enter("d"));
    check(&one.profile(), "a open\n  c ok");
    check(&other.profile(), "b open\n  d ok");
}

#[test]
fn a_disabled_profiler_records_nothing() {
    let profiler = Profiler::disabled();
    let _guard = profiler.enter("guard");
    assert_eq!(block_on(profiler.trace("future", async { 7 })), 7);
    check(&profiler.profile(), "");
    assert!(!profiler.is_enabled());
}

#[test]
fn a_reset_forgets_and_what_was_open_is_not_counted_when_it_ends() {
    let profiler = Profiler::new();
    drop(profiler.enter("before"));
    let open = profiler.enter("open");
    profiler.reset();
    drop(open);
    drop(profiler.enter("after"));
    check(&profiler.profile(), "after ok");
}

#[test]
fn a_thread_that_has_ended_leaves_its_traces() {
    let profiler = Profiler::new();
    for round in 0..3 {
        let profiler = profiler.clone();
        std::thread::spawn(move || drop(profiler.enter(&format!("thread {round}")))).join().unwrap();
    }
    check(&profiler.profile(), "thread 0 ok\nthread 1 ok\nthread 2 ok");
}

#[test]
fn run_and_wait_time_are_told_apart() {
    let (clock, hand) = Clock::manual();
    let profiler = Profiler::with_clock(10, &clock);
    let mut polls = 0;
    let mut future = pin!(profiler.trace(
        "work",
        std::future::poll_fn(|_| {
            hand.advance(0.25);
            polls += 1;
            if polls < 3 { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
        })
    ));
    for _ in 0..3 {
        let _ready = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        hand.advance(1.0);
    }
    let profile = profiler.profile();
    let trace = profile.traces().next().unwrap();
    assert_eq!((trace.duration(), trace.run_time(), trace.wait_time()), (2.75, Some(0.75), Some(2.0)));
    hand.jump_wall(-3600.0);
    assert_eq!(
        profiler.profile().traces().next().unwrap().duration(),
        2.75,
        "durations do not jump with the wall clock"
    );
}
