//! Writes the page of a made-up service's profile, always the same one: for the tests that open it in a browser, and for
//! whoever changes the page.
//!
//! `cargo run -p mtaio-monitoring --example profile_page -- PATH [REQUESTS [MAX_TRACES]]`

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use mtaio_monitoring::Profiler;
use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::export::Format;
use mtaio_monitoring::profiler::{Attachment, Ending, Extra, Metadata, Open, Recorder, Status};
use serde_json::json;

/// Names that a page must show as they are.
const HOSTILE: [&str; 6] = [
    "<img src=x onerror=\"document.title='hostile'\">",
    "</script><script>document.title='hostile'</script>",
    "{{script}} <!-- <script> ${alert(1)} ' \" & &lt;",
    "画像を取得する 🔥 \u{202e}gnitset",
    "",
    "a.very.long.name.that.no.table.has.room.for.and.that.has.no.blank.at.which.it.could.be.broken.into.two.lines",
];

#[derive(Debug)]
struct Attached(Metadata);

impl Attachment for Attached {
    fn metadata(&self) -> Metadata {
        self.0.clone()
    }

    fn stack_trace(&self) -> Option<String> {
        Some("  File \"service.py\", line 12, in handle\n    await query(\"<b>\")\n".to_owned())
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// One call of the service. Times are microseconds from the beginning of all.
struct Call {
    name: &'static str,
    from: u64,
    to: u64,
    run: Option<u64>,
    status: Status,
    parent: Option<usize>,
    task: usize,
    metadata: Option<serde_json::Value>,
}

#[derive(Default)]
struct Service {
    calls: Vec<Call>,
    /// Name, beginning, end, and the call that it is spawned in.
    tasks: Vec<(String, u64, u64, Option<usize>)>,
    state: u64,
}

impl Service {
    /// A number below `limit`, the same in every run.
    fn random(&mut self, limit: u64) -> u64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % limit
    }

    fn call(
        &mut self,
        name: &'static str,
        from: u64,
        long: u64,
        run: Option<u64>,
        parent: Option<usize>,
        task: usize,
    ) -> usize {
        self.calls.push(Call {
            name,
            from,
            to: from + long,
            run,
            status: Status::Ok,
            parent,
            task,
            metadata: None,
        });
        self.calls.len() - 1
    }

    fn request(&mut self, number: u64) {
        let from = number * 5_000 + self.random(4_000);
        let long = 20_000 + self.random(30_000) * (1 + self.random(3));
        let part = |percent: u64| long * percent / 100;
        let task = self.tasks.len();
        self.tasks.push((format!("Task-{}", number + 2), from, from + long, None));
        let request = self.call("request", from, long, Some(part(24)), None, task);
        self.calls[request].metadata =
            Some(json!({"path": format!("/items/{number}"), "<b>user</b>": "<script>"}));
        self.call("authenticate", from + part(2), part(9), Some(part(5)), Some(request), task);
        let query = self.call("db.query", from + part(14), part(38), Some(part(2)), Some(request), task);
        self.calls[query].metadata =
            Some(json!({"sql": "select * from items where id = $1", "rows": number % 40}));
        self.call("db.acquire connection", from + part(15), part(19), Some(0), Some(query), task);
        self.call("db.fetch", from + part(35), part(16), Some(part(1)), Some(query), task);
        // At once, each in a task of its own every other time.
        for (place, name) in ["fetch prices", "fetch stock", "fetch images"].into_iter().enumerate() {
            let begin = from + part(54) + place as u64 * 40;
            let took = part(12 + self.random(18));
            let mut task = task;
            if number.is_multiple_of(2) {
                self.tasks.push((format!("{name} {number}"), begin, begin + took, Some(request)));
                task = self.tasks.len() - 1;
            }
            let fetch = self.call(name, begin, took, Some(took / 12), Some(request), task);
            self.call("http.get", begin + took / 20, took * 9 / 10, Some(took / 15), Some(fetch), task);
        }
        // A guard: it is not known what of its time it ran.
        let render = self.call("render", from + part(88), part(9), None, Some(request), task);
        match number % 17 {
            10 => {
                self.calls[render].status = Status::Error;
                self.calls[request].status = Status::Error;
            }
            12 => self.calls[request].status = Status::Cancelled,
            14 => self.calls[render].status = Status::Abandoned,
            other if (other as usize) < HOSTILE.len() => {
                let hostile = HOSTILE[other as usize];
                self.call(hostile, from + part(97), part(2).max(1), Some(part(1)), Some(request), task);
            }
            _ => {}
        }
    }
}

/// Plays the calls and tasks in the order of time.
fn play(service: &Service, max_traces: usize) -> Result<Profiler, Box<dyn std::error::Error>> {
    let (clock, hand) = Clock::manual();
    let profiler = Profiler::with_clock(max_traces, &clock);
    let recorder: &Arc<Recorder> = profiler.recorder().ok_or("it is enabled")?;
    // Ends before beginnings; of calls that begin together the outer first, and the other way round at their end.
    let mut events: BTreeMap<(u64, u8, usize), Event> = BTreeMap::new();
    for (place, (_, from, to, _)) in service.tasks.iter().enumerate() {
        events.insert((*from, 2, place), Event::BeginTask(place));
        events.insert((*to, 1, place), Event::EndTask(place));
    }
    for (place, call) in service.calls.iter().enumerate() {
        events.insert((call.from, 3, place), Event::Begin(place));
        if call.status != Status::Open {
            events.insert((call.to, 0, usize::MAX - place), Event::End(place));
        }
    }
    let mut open: Vec<Option<Open>> = service.calls.iter().map(|_| None).collect();
    let mut ids = vec![0; service.calls.len()];
    let mut tasks = vec![0; service.tasks.len()];
    let mut now = 0;
    for ((time, ..), event) in events {
        hand.advance((time - now) as f64 / 1e6);
        now = time;
        match event {
            Event::BeginTask(place) => {
                let (name, _, _, parent) = &service.tasks[place];
                let parent = parent.map_or(0, |parent: usize| ids[parent]);
                tasks[place] = recorder.begin_task(parent, name, "handle_request", Some("service.py:40 in serve"));
            }
            Event::EndTask(place) => recorder.end_task(tasks[place], Status::Ok, 0, 7),
            Event::Begin(place) => {
                let call = &service.calls[place];
                let parent = call.parent.map_or(0, |parent| ids[parent]);
                open[place] = recorder.begin(recorder.name(call.name), parent, tasks[call.task], recorder.ticks());
                ids[place] = open[place].as_ref().map_or(0, |open| open.id);
            }
            Event::End(place) => {
                let call = &service.calls[place];
                let failed = call.status == Status::Error;
                let attached = |value: &serde_json::Value| {
                    let metadata = value.as_object().cloned().unwrap_or_default();
                    Arc::new(Attached(metadata)) as Arc<dyn Attachment>
                };
                let extra = Extra {
                    error: failed.then(|| "ConnectionResetError: the peer </script> went away".into()),
                    attachment: call.metadata.as_ref().map(attached),
                };
                let run_ticks = call.run.map(|run| run * 1_000);
                if let Some(open) = open[place].take() {
                    recorder.end(open, recorder.ticks(), Ending { status: call.status, run_ticks, extra });
                }
            }
        }
    }
    Ok(profiler)
}

enum Event {
    Begin(usize),
    End(usize),
    BeginTask(usize),
    EndTask(usize),
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: profile_page PATH [REQUESTS [MAX_TRACES]]")?;
    let mut number = |otherwise: usize| arguments.next().map_or(Ok(otherwise), |text| text.parse());
    let (requests, max_traces) = (number(300)?, number(100_000)?);
    let mut service = Service::default();
    service.tasks.push(("main".to_owned(), 0, requests as u64 * 5_000 + 60_000, None));
    let refresh = service.call("background.refresh", requests as u64 * 3_000, 1, None, None, 0);
    service.calls[refresh].status = Status::Open;
    for request in 0..requests as u64 {
        service.request(request);
    }
    let begun = std::time::Instant::now();
    let profiler = play(&service, max_traces)?;
    let played = begun.elapsed();
    let profile = profiler.profile();
    let page = profile.export(Format::Html);
    let exported = begun.elapsed() - played;
    std::fs::write(&path, &page)?;
    std::fs::write(format!("{path}.notebook.html"), profile.notebook())?;
    println!("{}", Size { traces: profile.traces().len(), bytes: page.len(), seconds: exported.as_secs_f64() });
    Ok(())
}

struct Size {
    traces: usize,
    bytes: usize,
    seconds: f64,
}

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} traces, {} bytes, written in {:.3} s", self.traces, self.bytes, self.seconds)
    }
}
