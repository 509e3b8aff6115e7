//! Random async programs whose true tree is known: each trace exactly once, with the right parent and status.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};

use mtaio_monitoring::Profiler;
use proptest::prelude::*;
use tokio::task::yield_now;

/// One step of a program.
#[derive(Clone, Debug)]
enum Step {
    Yield,
    /// A traced call that is awaited here.
    Await(Vec<Step>),
    /// A traced call in a task of its own, awaited at the end of this one.
    Spawn(Vec<Step>),
    /// Traced calls that take turns.
    Join(Vec<Vec<Step>>),
    /// A guard that is held for a moment.
    Guard,
    /// A traced call that never ends and is dropped after its first steps.
    Cancel(Vec<Step>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let leaf = prop_oneof![Just(Step::Yield), Just(Step::Guard)];
    let step = leaf.prop_recursive(4, 40, 4, |inner| {
        let body = || prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            body().prop_map(Step::Await),
            body().prop_map(Step::Spawn),
            prop::collection::vec(body(), 1..4).prop_map(Step::Join),
            body().prop_map(Step::Cancel),
        ]
    });
    prop::collection::vec(step, 1..5)
}

/// Names are unique, so that the true tree can be told by names alone: `(name, parent's name, status)`.
type Truth = BTreeSet<(String, Option<String>, &'static str)>;

struct Names(AtomicU64);

impl Names {
    fn next(&self) -> String {
        format!("trace {}", self.0.fetch_add(1, Ordering::Relaxed))
    }
}

type Running = Pin<Box<dyn Future<Output = Truth> + Send>>;

fn run(profiler: Profiler, names: &'static Names, parent: Option<String>, steps: Vec<Step>) -> Running {
    Box::pin(async move {
        let mut truth = Truth::new();
        let mut spawned = Vec::new();
        let call = |body: Vec<Step>, status: &'static str| {
            let name = names.next();
            let inner = run(profiler.clone(), names, Some(name.clone()), body);
            (name.clone(), (name, parent.clone(), status), inner)
        };
        for step in steps {
            match step {
                Step::Yield => yield_now().await,
                Step::Guard => {
                    let name = names.next();
                    drop(profiler.enter(&name));
                    truth.insert((name, parent.clone(), "ok"));
                }
                Step::Await(body) => {
                    let (name, own, inner) = call(body, "ok");
                    truth.extend(profiler.trace(&name, inner).await);
                    truth.insert(own);
                }
                Step::Spawn(body) => {
                    let (name, own, inner) = call(body, "ok");
                    spawned.push(tokio::spawn(profiler.trace(&name, inner)));
                    truth.insert(own);
                }
                Step::Join(bodies) => {
                    let mut turns = Vec::new();
                    for body in bodies {
                        let (name, own, inner) = call(body, "ok");
                        turns.push(Box::pin(profiler.trace(&name, inner)));
                        truth.insert(own);
                    }
                    for found in take_turns(turns).await {
                        truth.extend(found);
                    }
                }
                Step::Cancel(body) => {
                    let (name, own, inner) = call(body, "cancelled");
                    let (done, mut wait) = tokio::sync::mpsc::channel(1);
                    let never = profiler.trace(&name, async move {
                        let found = inner.await;
                        done.send(found).await.unwrap();
                        std::future::pending::<()>().await;
                    });
                    tokio::select! {
                        found = wait.recv() => truth.extend(found.unwrap()),
                        () = never => unreachable!("it never ends"),
                    }
                    truth.insert(own);
                }
            }
        }
        for task in spawned {
            truth.extend(task.await.unwrap());
        }
        truth
    })
}

/// All of them, polled in turn in one task.
async fn take_turns<F: Future + Unpin>(mut futures: Vec<F>) -> Vec<F::Output> {
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let std::task::Poll::Ready(value) = Pin::new(future).poll(context)
            {
                *output = Some(value);
            }
        }
        if outputs.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    outputs.into_iter().flatten().collect()
}

/// The profile's tree is the true one.
fn check(profiler: &Profiler, truth: &Truth) {
    let profile = profiler.profile();
    assert!(profile.open_traces().len() == 0, "every trace ended: {:?}", profile.open_traces());
    assert_eq!(profile.traces().len(), truth.len(), "each exactly once");
    let name_of =
        |id: u64| profile.traces().find(|trace| trace.trace_id() == id).map(|trace| trace.name().to_owned());
    let found: Truth = profile
        .traces()
        .map(|trace| {
            let parent = trace.parent_id().map(|id| name_of(id).expect("the parent is in the profile"));
            (trace.name().to_owned(), parent, trace.status().name())
        })
        .collect();
    assert_eq!(&found, truth);
}

fn new_names() -> &'static Names {
    // Leaked, a word a case: tasks need it for as long as they live.
    Box::leak(Box::new(Names(AtomicU64::new(0))))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn the_tree_of_a_random_program_is_the_true_one(program in steps(), threads in 1_usize..4) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).build().unwrap();
        let profiler = Profiler::new();
        let truth = runtime.block_on(run(profiler.clone(), new_names(), None, program));
        check(&profiler, &truth);
    }
}

#[test]
fn a_hundred_thousand_at_once_lose_nothing() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let profiler = Profiler::with_max_traces(300_000).unwrap();
    let all = profiler.clone();
    runtime.block_on(profiler.trace("all", async move {
        let child = |_| {
            let inner = all.clone();
            tokio::spawn(all.trace("outer", async move {
                yield_now().await;
                inner.trace("inner", yield_now()).await;
            }))
        };
        let tasks: Vec<_> = (0..100_000).map(child).collect();
        for task in tasks {
            task.await.unwrap();
        }
    }));
    let profile = profiler.profile();
    let all = profile.traces().find(|trace| trace.name() == "all").unwrap().trace_id();
    let outer: BTreeSet<u64> = profile
        .traces()
        .filter(|it| it.name() == "outer" && it.parent_id() == Some(all))
        .map(|it| it.trace_id())
        .collect();
    let parents: BTreeSet<u64> =
        profile.traces().filter(|it| it.name() == "inner").filter_map(|it| it.parent_id()).collect();
    assert_eq!((profile.traces().len(), outer.len()), (200_001, 100_000));
    assert_eq!(parents, outer);
}
