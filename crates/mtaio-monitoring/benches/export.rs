//! What it takes to look at a profile of 1,000,000 traces: metrics, text and every format, and reading it back.
//!
//! The traces are those of a service: 100,000 requests in tasks of their own, 32 at once, each with nine calls below it.
//! Prints one line of JSON a case, with the median of several runs.

use std::hint::black_box;

use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::export::Format;
use mtaio_monitoring::profiler::{Ending, Open, Profile, Recorder, Status};

const REQUESTS: usize = 100_000;
const CALLS_A_REQUEST: usize = 9;
const AT_ONCE: usize = 32;
const RUNS: usize = 5;

fn main() {
    let clock = Clock::system();
    let profile = service(&clock);
    let traces = profile.traces().len();
    assert_eq!(traces, REQUESTS * (CALLS_A_REQUEST + 1));
    let report = |what: &str, work: &mut dyn FnMut() -> usize| {
        let mut seconds = Vec::with_capacity(RUNS);
        let mut bytes = 0;
        for _ in 0..RUNS {
            let begin_ns = clock.monotonic_ns();
            bytes = black_box(work());
            seconds.push((clock.monotonic_ns() - begin_ns) as f64 / 1e9);
        }
        seconds.sort_by(f64::total_cmp);
        println!(
            "{{\"id\":\"export\",\"what\":\"{what}\",\"traces\":{traces},\"seconds\":{:.3},\"bytes\":{bytes}}}",
            seconds[RUNS / 2]
        );
    };
    report("metrics of all", &mut || profile.metrics(None).percentiles.len());
    report("metrics of a name", &mut || profile.metrics(Some("call 3")).percentiles.len());
    report("metrics by name", &mut || profile.metrics_by_name().len());
    report("text", &mut || profile.to_string().len());
    for format in Format::ALL {
        report(format.name(), &mut || profile.export(format).len());
    }
    let json = profile.export(Format::Json);
    report("reading json", &mut || Profile::from_json(json.as_bytes()).map_or(0, |read| read.traces().len()));
}

/// Each step begins or ends one trace of one of the requests that are under way.
fn service(clock: &Clock) -> Profile {
    let recorder = Recorder::new(REQUESTS * (CALLS_A_REQUEST + 1), clock, true);
    let names = [0, 1, 2, 3, 4, 5, 6, 7, 8].map(|call| recorder.name(&format!("call {call}")));
    let request = recorder.name("GET /items/{id}");
    let serve = recorder.begin(recorder.name("serve"), 0, 0, recorder.ticks()).expect("room");
    let end = |open: Open| {
        let ending = Ending { status: Status::Ok, run_ticks: Some(700), ..Ending::default() };
        recorder.end(open, recorder.ticks(), ending);
    };
    let mut under_way: Vec<(u32, Vec<Open>, usize)> = Vec::new();
    let mut begun = 0;
    while begun < REQUESTS || !under_way.is_empty() {
        while under_way.len() < AT_ONCE && begun < REQUESTS {
            let task =
                recorder.begin_task(serve.id, &format!("Task-{begun}"), "handle", Some("app.py:12 in serve"));
            let open = recorder.begin(request, serve.id, task, recorder.ticks()).expect("room");
            under_way.push((task, vec![open], 0));
            begun += 1;
        }
        let mut at = 0;
        while at < under_way.len() {
            let (task, open, calls) = &mut under_way[at];
            let parent = open.last().map_or(0, |open| open.id);
            if *calls < CALLS_A_REQUEST && open.len() < 4 {
                open.push(recorder.begin(names[*calls], parent, *task, recorder.ticks()).expect("room"));
                *calls += 1;
            } else if let Some(last) = open.pop() {
                end(last);
            }
            if open.is_empty() {
                recorder.end_task(*task, Status::Ok, 20_000, 10);
                under_way.swap_remove(at);
            } else {
                at += 1;
            }
        }
    }
    recorder.profile()
}
