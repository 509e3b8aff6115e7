//! Where each trace is drawn: a track a task, a track a thread for what runs in no task, and further lanes of both for
//! what overlaps there.
//!
//! Viewers nest what overlaps on a track by its times alone. Two siblings that run concurrently would be drawn one inside
//! the other, or cut. So a trace stands on its parent's lane only if nothing but its own ancestors is open there, and
//! elsewhere otherwise; an arrow from its parent says where it belongs.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use crate::profiler::{Profile, Record, TaskRecord};

use super::tree::parents;

/// Ended traces that are skipped on the way to an ancestor that is still open.
const MOST_ENDED_ANCESTORS: usize = 16;

/// What a track shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Flow {
    /// A task, by its number.
    Task(u32),
    /// What no task runs, by the number of the thread on which it began.
    Thread(u32),
}

/// A lane: slices that nest.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) flow: Flow,
    /// 0 for the first lane of the flow.
    pub(super) lane: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Item<'a> {
    Trace(&'a Record),
    /// The life of a task that was spawned inside a trace.
    Task(&'a TaskRecord),
}

/// A slice on its track.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice<'a> {
    pub(super) item: Item<'a>,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) track: u32,
    /// The slice of its parent, if this is not drawn right below it.
    pub(super) from: Option<u32>,
}

/// Every trace and every spawned task of a profile, laid out.
#[derive(Debug, Default)]
pub(super) struct Tracks<'a> {
    pub(super) tracks: Vec<Track>,
    /// In the order of their beginnings, outer ones before inner ones.
    pub(super) slices: Vec<Slice<'a>>,
}

/// The lanes of a flow.
#[derive(Debug, Default)]
struct Lanes {
    tracks: Vec<u32>,
    /// Lanes on which nothing is open, the first first.
    free: BinaryHeap<Reverse<u32>>,
    /// When the outermost slice of each other lane ends.
    busy: BinaryHeap<Reverse<(u64, u32)>>,
}

/// What is open on a track: places among the slices, the innermost last.
type Stack = Vec<u32>;

struct Layout<'a> {
    laid: Tracks<'a>,
    stacks: Vec<Stack>,
    lanes: Vec<Lanes>,
    places: HashMap<Flow, u32>,
    records: Vec<&'a Record>,
    parents: Vec<Option<u32>>,
    /// The flow of each record, and its slice.
    flows: Vec<Option<Flow>>,
    slices: Vec<Option<u32>>,
}

impl<'a> Tracks<'a> {
    pub(super) fn of(profile: &'a Profile) -> Self {
        let data = &*profile.data;
        let records: Vec<&Record> = data.records.iter().chain(&data.open).collect();
        let parents = parents(profile, &records);
        let tasks: Vec<&TaskRecord> = data.tasks.iter().filter(|task| task.is_spawned()).collect();
        // What begins at the same moment: outer ones first, a task between the trace that spawned it and what it runs.
        let depths = depths(&parents);
        let below = |parent: Option<u32>| parent.map_or(0, |parent| 2 * depths[parent as usize] + 1);
        let record_keys = records.iter().enumerate().map(|(place, record)| {
            let depth = 2 * depths[place];
            ((record.start, depth, true, record.id), place as u32, record.end)
        });
        let end_of = |task: &TaskRecord| if task.end == 0 { data.taken_ns } else { task.end };
        let task_keys = tasks.iter().enumerate().map(|(place, task)| {
            let depth = below(data.places().get(&task.parent).copied());
            ((task.start, depth, false, u64::from(task.id)), place as u32, end_of(task))
        });
        let mut order: Vec<_> = record_keys.chain(task_keys).collect();
        order.sort_unstable();
        let count = records.len();
        let mut layout = Layout {
            laid: Self { tracks: Vec::new(), slices: Vec::with_capacity(order.len()) },
            stacks: Vec::new(),
            lanes: Vec::new(),
            places: HashMap::new(),
            records,
            parents,
            flows: vec![None; count],
            slices: vec![None; count],
        };
        for ((start, _, is_trace, _), place, end) in order {
            if is_trace {
                layout.lay_trace(place, start, end);
            } else {
                let task = tasks[place as usize];
                let parent = data.places().get(&task.parent).copied();
                layout.lay(Item::Task(task), Flow::Task(task.id), parent, start, end.max(start));
            }
        }
        layout.laid
    }
}

/// How many ancestors each record has.
fn depths(parents: &[Option<u32>]) -> Vec<u32> {
    const UNKNOWN: u32 = u32::MAX;
    let mut depths = vec![UNKNOWN; parents.len()];
    let mut waiting = Vec::new();
    for place in 0..parents.len() as u32 {
        let mut next = Some(place);
        while let Some(place) = next.filter(|place| depths[*place as usize] == UNKNOWN) {
            waiting.push(place);
            // A circle, which only a file that somebody else made can hold, is cut open where it closes.
            depths[place as usize] = 0;
            next = parents[place as usize];
        }
        let mut above = next;
        while let Some(place) = waiting.pop() {
            depths[place as usize] = above.map_or(0, |above| (depths[above as usize] + 1).min(UNKNOWN / 4));
            above = Some(place);
        }
    }
    depths
}

impl<'a> Layout<'a> {
    fn lay_trace(&mut self, place: u32, start: u64, end: u64) {
        let record = self.records[place as usize];
        let parent = self.parents[place as usize].filter(|parent| *parent != place);
        let flow = if record.task == 0 {
            let of_parent = parent.and_then(|parent| self.flows[parent as usize]);
            of_parent.filter(|flow| matches!(flow, Flow::Thread(_))).unwrap_or(Flow::Thread(record.thread()))
        } else {
            Flow::Task(record.task)
        };
        self.flows[place as usize] = Some(flow);
        let slice = self.lay(Item::Trace(record), flow, parent, start, end.max(start));
        self.slices[place as usize] = Some(slice);
    }

    fn lay(&mut self, item: Item<'a>, flow: Flow, parent: Option<u32>, start: u64, end: u64) -> u32 {
        let group = self.group(flow);
        let mut from = parent.and_then(|parent| self.slices[parent as usize]);
        let track = match self.fitting_lane(group, flow, parent, start, end) {
            Some((track, is_below_parent)) => {
                if is_below_parent {
                    from = None;
                }
                track
            }
            None => self.free_lane(group, flow, start, end),
        };
        let place = self.laid.slices.len() as u32;
        self.laid.slices.push(Slice { item, start, end, track, from });
        self.stacks[track as usize].push(place);
        place
    }

    fn group(&mut self, flow: Flow) -> u32 {
        *self.places.entry(flow).or_insert_with(|| {
            self.lanes.push(Lanes::default());
            self.lanes.len() as u32 - 1
        })
    }

    /// The innermost slice of a track at that time. Times come in ascending order, so that what has ended can go; a
    /// parent that ended when its child began is still there for it.
    fn innermost(&mut self, track: u32, start: u64, parent: Option<u32>) -> Option<u32> {
        let parent = parent.and_then(|parent| self.slices[parent as usize]);
        let stack = &mut self.stacks[track as usize];
        while let Some(last) = stack.last().copied() {
            if self.laid.slices[last as usize].end > start || Some(last) == parent {
                return Some(last);
            }
            stack.pop();
        }
        None
    }

    /// A lane of the flow on which the slice stands below an ancestor of it, and whether that is its parent.
    fn fitting_lane(
        &mut self,
        group: u32,
        flow: Flow,
        parent: Option<u32>,
        start: u64,
        end: u64,
    ) -> Option<(u32, bool)> {
        // The nearest ancestor that is open and in this flow.
        let mut ancestor = parent;
        for _ in 0..MOST_ENDED_ANCESTORS {
            let Some(place) = ancestor else { break };
            let slice = self.slices[place as usize].map(|slice| self.laid.slices[slice as usize]);
            if self.flows[place as usize] == Some(flow)
                && let Some(slice) = slice
                && (slice.end > start || Some(place) == parent)
            {
                let innermost = self.innermost(slice.track, start, parent);
                let is_fitting = innermost == self.slices[place as usize] && end <= slice.end;
                return is_fitting.then_some((slice.track, Some(place) == parent));
            }
            ancestor = self.parents[place as usize];
        }
        // No ancestor in this flow: below the life of the task itself.
        let track = *self.lanes[group as usize].tracks.first()?;
        let innermost = self.innermost(track, start, None)?;
        let slice = self.laid.slices[innermost as usize];
        let is_own_task = matches!(slice.item, Item::Task(task) if Flow::Task(task.id) == flow);
        let has_same_parent = matches!(slice.item, Item::Task(task) if parent.is_some_and(|parent| self.records[parent as usize].id == task.parent));
        (is_own_task && end <= slice.end).then_some((track, has_same_parent))
    }

    /// A lane on which nothing is open, made if need be.
    fn free_lane(&mut self, group: u32, flow: Flow, start: u64, end: u64) -> u32 {
        let lanes = &mut self.lanes[group as usize];
        while let Some(Reverse((until, lane))) = lanes.busy.peek().copied()
            && until <= start
        {
            lanes.busy.pop();
            lanes.free.push(Reverse(lane));
        }
        let lane = lanes.free.pop().map_or(lanes.tracks.len() as u32, |Reverse(lane)| lane);
        if lane as usize == lanes.tracks.len() {
            lanes.tracks.push(self.laid.tracks.len() as u32);
            self.laid.tracks.push(Track { flow, lane });
            self.stacks.push(Stack::new());
        }
        lanes.busy.push(Reverse((end, lane)));
        let track = lanes.tracks[lane as usize];
        self.stacks[track as usize].clear();
        track
    }
}
