//! What the page shows, as JSON: columns rather than objects, and beginnings as steps from one to the next, since it is
//! the traces that make the file long.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value, json};

use crate::profiler::{NameId, Profile, Record, Status};

use super::super::tree::CallTree;

/// Traces that the timeline holds: as many as a profiler does by default, and open ones. A browser draws ten times as
/// many, but opens them slowly.
const MOST_TRACES: usize = 120_000;

/// Paths of the flame graph: those of the most time.
const MOST_PATHS: usize = 20_000;

/// Tasks without a trace of their own that have a lane.
const MOST_EMPTY_TASKS: usize = 10_000;

/// Bytes of errors, metadata and stacks, of one trace and of all.
const MOST_ERROR: usize = 2_000;
const MOST_METADATA: usize = 4_000;
const MOST_STACK: usize = 16_000;
const MOST_DETAILS: usize = 8 << 20;

/// The data of the page.
pub(super) fn write(profile: &Profile) -> String {
    write_at_most(profile, MOST_TRACES, MOST_PATHS)
}

/// The same, of so many traces and paths.
pub(super) fn write_at_most(profile: &Profile, most_traces: usize, most_paths: usize) -> String {
    let data = &*profile.data;
    let mut names = Names::default();
    let table = table(profile, &mut names);
    let flame = flame(profile, most_paths, &mut names);
    let chosen = Chosen::of(profile, most_traces);
    let origin = chosen.records.first().map_or(0, |record| record.start);
    let mut lanes = Lanes::new(profile, origin);
    let slices = slices(profile, &chosen, origin, &mut lanes, &mut names);
    let tasks_left_out = lanes.add_empty(&mut names);
    let (details, stacks, details_left_out) = details(profile, &chosen);
    let ended_as = |status: Status| data.records.iter().filter(|record| record.status == status).count();
    let all = profile.metrics(None);
    let threads: BTreeMap<String, &str> =
        data.threads.iter().map(|thread| (thread.number.to_string(), thread_name(&thread.name))).collect();
    let spawned = profile.tasks().count();
    json!({
        "version": 1,
        "start": profile.start_time(),
        "total": nanoseconds(profile.total_time()),
        "traces": all.call_count,
        "held": data.records.len(),
        "open": data.open.len(),
        "tasks": spawned.max(lanes.tasks()),
        "errors": all.error_count,
        "cancelled": ended_as(Status::Cancelled),
        "abandoned": ended_as(Status::Abandoned),
        "let_go": profile.let_go(),
        "dropped": profile.dropped(),
        "exact": data.sums.is_empty(),
        "table": table,
        "flame": flame,
        "lanes": lanes.list,
        "slices": slices,
        "shown": chosen.records.len(),
        "longest": chosen.longest,
        "details": details,
        "stacks": stacks,
        "details_left_out": details_left_out,
        "tasks_left_out": tasks_left_out,
        "threads": threads,
        "names": names.list,
    })
    .to_string()
}

fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

fn thread_name(name: &str) -> &str {
    if name.is_empty() { "a thread without a name" } else { name }
}

/// Every text that traces share, once.
#[derive(Default)]
struct Names<'a> {
    list: Vec<&'a str>,
    places: HashMap<&'a str, u32>,
    /// By the profile's own number of it.
    of_id: HashMap<NameId, u32>,
}

impl<'a> Names<'a> {
    fn place(&mut self, name: &'a str) -> u32 {
        let list = &mut self.list;
        *self.places.entry(name).or_insert_with(|| {
            list.push(name);
            list.len() as u32 - 1
        })
    }

    fn place_of(&mut self, profile: &'a Profile, id: NameId) -> u32 {
        if let Some(place) = self.of_id.get(&id) {
            return *place;
        }
        let place = self.place(profile.data.name(id));
        self.of_id.insert(id, place);
        place
    }
}

fn table<'a>(profile: &'a Profile, names: &mut Names<'a>) -> Value {
    let by_name = profile.metrics_by_name();
    let known: HashMap<&str, &'a str> =
        profile.data.names.iter().chain(profile.data.sums.keys()).map(|name| (&**name, &**name)).collect();
    let places: Vec<u32> =
        by_name.keys().map(|name| names.place(known.get(&**name).copied().unwrap_or(""))).collect();
    let rows = || by_name.values();
    let percentile = |percent: u8| -> Vec<Option<u64>> {
        rows().map(|row| row.percentiles.get(&percent).copied().map(nanoseconds)).collect()
    };
    json!({
        "name": places,
        "calls": rows().map(|row| row.call_count).collect::<Vec<_>>(),
        "total": rows().map(|row| nanoseconds(row.total_time)).collect::<Vec<_>>(),
        "run": rows().map(|row| (row.run_count > 0).then(|| nanoseconds(row.run_time))).collect::<Vec<_>>(),
        "wait": rows().map(|row| (row.run_count > 0).then(|| nanoseconds(row.wait_time))).collect::<Vec<_>>(),
        "mean": rows().map(|row| nanoseconds(row.avg_time)).collect::<Vec<_>>(),
        "p50": percentile(50),
        "p90": percentile(90),
        "p99": percentile(99),
        "memory": rows().map(|row| row.memory_total).collect::<Vec<_>>(),
        "errors": rows().map(|row| row.error_count).collect::<Vec<_>>(),
    })
}

/// The call tree, parents before their children.
fn flame<'a>(profile: &'a Profile, most_paths: usize, names: &mut Names<'a>) -> Value {
    let tree = CallTree::of(profile);
    // Those of the most time. A child may have more than its parent, so each has to have its parent there too.
    let mut order: Vec<u32> = (0..tree.nodes.len() as u32).collect();
    if order.len() > most_paths {
        order.select_nth_unstable_by_key(most_paths, |place| std::cmp::Reverse(tree.nodes[*place as usize].total));
        order.truncate(most_paths);
    }
    let kept: HashSet<u32> = order.into_iter().collect();
    let mut places = HashMap::new();
    let mut nodes = Vec::new();
    let mut waiting: Vec<u32> = tree.roots.iter().rev().copied().collect();
    while let Some(place) = waiting.pop() {
        if !kept.contains(&place) {
            continue;
        }
        let node = &tree.nodes[place as usize];
        places.insert(place, nodes.len());
        nodes.push(node);
        waiting.extend(node.children.iter().rev());
    }
    let parent =
        |parent: Option<u32>| parent.and_then(|parent| places.get(&parent)).map_or(-1, |place| *place as i64);
    json!({
        "name": nodes.iter().map(|node| names.place(node.name)).collect::<Vec<_>>(),
        "parent": nodes.iter().map(|node| parent(node.parent)).collect::<Vec<_>>(),
        "total": nodes.iter().map(|node| node.total).collect::<Vec<_>>(),
        "own": nodes.iter().map(|node| node.own).collect::<Vec<_>>(),
        "run": nodes.iter().map(|node| (node.run_calls > 0).then_some(node.run)).collect::<Vec<_>>(),
        "calls": nodes.iter().map(|node| node.calls).collect::<Vec<_>>(),
        "errors": nodes.iter().map(|node| node.errors).collect::<Vec<_>>(),
        "left_out": tree.nodes.len() - nodes.len(),
    })
}

/// The traces that the timeline holds, in the order in which they began.
struct Chosen<'a> {
    records: Vec<&'a Record>,
    /// How many of them are there because they are the longest; 0 where all are.
    longest: usize,
}

impl<'a> Chosen<'a> {
    /// All, or the longest half and of the others the latest.
    fn of(profile: &'a Profile, most: usize) -> Self {
        let mut records: Vec<&Record> = profile.data.records.iter().chain(&profile.data.open).collect();
        records.sort_by_key(|record| (record.start, record.id));
        if records.len() <= most {
            return Self { records, longest: 0 };
        }
        let longest = most / 2;
        let mut order: Vec<usize> = (0..records.len()).collect();
        order.select_nth_unstable_by_key(longest, |place| std::cmp::Reverse(records[*place].duration()));
        let mut is_chosen = vec![false; records.len()];
        for place in &order[..longest] {
            is_chosen[*place] = true;
        }
        let latest = (0..records.len()).rev().filter(|place| !is_chosen[*place]).take(most - longest);
        for place in latest.collect::<Vec<_>>() {
            is_chosen[place] = true;
        }
        let chosen = records.into_iter().zip(is_chosen).filter(|(_, is_chosen)| *is_chosen);
        Self { records: chosen.map(|(record, _)| record).collect(), longest }
    }
}

/// A lane of the timeline: of a task, or of what a thread traced outside of any.
struct Lanes<'a> {
    profile: &'a Profile,
    origin: u64,
    list: Vec<Value>,
    of_task: HashMap<u32, u32>,
    of_thread: HashMap<u32, u32>,
}

impl<'a> Lanes<'a> {
    fn new(profile: &'a Profile, origin: u64) -> Self {
        Self { profile, origin, list: Vec::new(), of_task: HashMap::new(), of_thread: HashMap::new() }
    }

    fn tasks(&self) -> usize {
        self.of_task.len()
    }

    fn of(&mut self, record: &Record, names: &mut Names<'a>) -> u32 {
        if record.task != 0 {
            if let Some(lane) = self.of_task.get(&record.task) {
                return *lane;
            }
            return self.add_task(record.task, names);
        }
        let thread = record.thread();
        if let Some(lane) = self.of_thread.get(&thread) {
            return *lane;
        }
        let known = self.profile.data.threads.iter().find(|known| known.number == thread);
        let name = known.map_or("a thread without a name", |known| thread_name(&known.name));
        self.list.push(json!([format!("Thread {name}"), -1, -1, 0, 0, 0, 0, -1, -1]));
        let lane = self.list.len() as u32 - 1;
        self.of_thread.insert(thread, lane);
        lane
    }

    fn add_task(&mut self, id: u32, names: &mut Names<'a>) -> u32 {
        let profile = self.profile;
        let lane = match profile.data.task(id) {
            None => json!([format!("Task {id}"), -1, -1, 0, 0, 0, 0, -1, -1]),
            Some(task) => {
                let since = |time: u64| time as i64 - self.origin as i64;
                let end = if task.end == 0 { profile.data.taken_ns } else { task.end };
                let text = |id: NameId| if id == NameId::OVERFLOW { None } else { Some(profile.data.name(id)) };
                let mut place = |text: Option<&'a str>| {
                    text.filter(|text| !text.is_empty()).map_or(-1, |text| i64::from(names.place(text)))
                };
                let parent = profile.trace(task.parent).map(|parent| parent.name());
                json!([
                    task.name,
                    place(text(task.coroutine)),
                    place(text(task.created_at)),
                    since(task.start),
                    since(end),
                    task.run,
                    task.steps,
                    task.status as u8,
                    place(parent),
                ])
            }
        };
        self.list.push(lane);
        let lane = self.list.len() as u32 - 1;
        self.of_task.insert(id, lane);
        lane
    }

    /// Tasks in which nothing was traced have a lane too, up to a number, unless they ended before what is seen begins:
    /// then their traces were let go. Gives how many have none.
    fn add_empty(&mut self, names: &mut Names<'a>) -> usize {
        let tasks = self.profile.data.tasks.iter();
        let empty: Vec<u32> = tasks
            .filter(|task| task.is_spawned() && !self.of_task.contains_key(&task.id))
            .map(|task| task.id)
            .collect();
        let mut added = 0;
        for id in &empty {
            let is_seen = self.profile.data.task(*id).is_some_and(|task| task.end == 0 || task.end >= self.origin);
            if is_seen && added < MOST_EMPTY_TASKS {
                self.add_task(*id, names);
                added += 1;
            }
        }
        empty.len() - added
    }
}

/// The columns of the traces. `parent` is the place of the parent's slice, -1 for none, and below that says the name of
/// one that has no slice.
fn slices<'a>(
    profile: &'a Profile,
    chosen: &Chosen<'a>,
    origin: u64,
    lanes: &mut Lanes<'a>,
    names: &mut Names<'a>,
) -> Value {
    let places: HashMap<u64, usize> =
        chosen.records.iter().enumerate().map(|(place, record)| (record.id, place)).collect();
    let parent = |record: &Record, names: &mut Names<'a>| -> i64 {
        match (record.parent, places.get(&record.parent), profile.trace(record.parent)) {
            (0, _, _) => -1,
            (_, Some(place), _) => *place as i64,
            (_, None, Some(parent)) => -2 - i64::from(names.place(parent.name())),
            // A number that no name has.
            (_, None, None) => -2 - i64::from(u32::MAX),
        }
    };
    let records = || chosen.records.iter();
    let mut before = origin;
    let steps: Vec<u64> = records()
        .map(|record| {
            let step = record.start - before;
            before = record.start;
            step
        })
        .collect();
    json!({
        "name": records().map(|record| names.place_of(profile, record.name)).collect::<Vec<_>>(),
        "start": steps,
        "duration": records().map(|record| record.duration()).collect::<Vec<_>>(),
        "run": records().map(|record| record.run().map_or(-1, |run| run as i64)).collect::<Vec<_>>(),
        "status": records().map(|record| record.status as u8).collect::<Vec<_>>(),
        "parent": records().map(|record| parent(record, names)).collect::<Vec<_>>(),
        "lane": records().map(|record| lanes.of(record, names)).collect::<Vec<_>>(),
        "thread": records().map(|record| record.thread()).collect::<Vec<_>>(),
        "memory": records().map(|record| record.memory_delta_kib() * 1024).collect::<Vec<_>>(),
    })
}

/// Error, metadata, metadata that was cut off, and the place of the stack, by place of the slice; the stacks; and of how
/// many traces they are left out. The longest traces come first, where there is not room for all.
fn details(profile: &Profile, chosen: &Chosen<'_>) -> (BTreeMap<usize, Value>, Vec<String>, usize) {
    let mut order: Vec<usize> =
        (0..chosen.records.len()).filter(|place| chosen.records[*place].extra != 0).collect();
    order.sort_by_key(|place| std::cmp::Reverse(chosen.records[*place].duration()));
    let mut details = BTreeMap::new();
    let mut stacks: Vec<String> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut left_out = 0;
    let mut bytes = 0;
    for place in order {
        if bytes > MOST_DETAILS {
            left_out += 1;
            continue;
        }
        let Some(trace) = profile.trace(chosen.records[place].id) else { continue };
        let error = trace.error().map(|error| cut(error, MOST_ERROR));
        let metadata = Value::Object(trace.metadata());
        let text = metadata.to_string();
        bytes += error.as_ref().map_or(0, String::len) + text.len().min(MOST_METADATA);
        let (metadata, cut_off) = match &metadata {
            Value::Object(values) if values.is_empty() => (Value::Null, Value::Null),
            metadata if text.len() <= MOST_METADATA => (metadata.clone(), Value::Null),
            _ => (Value::Null, Value::String(cut(&text, MOST_METADATA))),
        };
        let stack = trace.stack_trace().filter(|stack| !stack.is_empty()).map(|stack| {
            // The innermost calls stand last.
            let stack = cut_front(&stack, MOST_STACK);
            *known.entry(stack).or_insert_with_key(|stack| {
                bytes += stack.len();
                stacks.push(stack.clone());
                stacks.len() - 1
            })
        });
        if error.is_some() || !metadata.is_null() || !cut_off.is_null() || stack.is_some() {
            details.insert(place, json!([error, metadata, cut_off, stack]));
        }
    }
    (details, stacks, left_out)
}

fn cut(text: &str, most: usize) -> String {
    if text.len() <= most { text.to_owned() } else { format!("{}…", &text[..text.floor_char_boundary(most)]) }
}

fn cut_front(text: &str, most: usize) -> String {
    match text.len().checked_sub(most) {
        None | Some(0) => text.to_owned(),
        Some(more) => format!("…{}", &text[text.ceil_char_boundary(more)..]),
    }
}
