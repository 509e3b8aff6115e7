//! The tasks of a runtime in which traces were recorded.

use std::collections::{HashMap, VecDeque};

use crate::lock::Mutex;

use super::names::NameId;
use super::record::{OUTER_TASK, Status};

/// Tasks that live are held up to this number; what begins in others has no task.
const MOST_LIVING: usize = 2_000_000;

/// What is known of a task. Times as in [`super::record::Record`].
#[derive(Clone, Debug)]
pub(crate) struct TaskRecord {
    /// Unique in the recorder, from 1.
    pub(crate) id: u32,
    /// The trace that it was spawned in; 0 for a task that is known only because traces began in it.
    pub(crate) parent: u64,
    /// The trace of another profiler that it was spawned in; 0 for none.
    pub(crate) outer: u64,
    pub(crate) name: Box<str>,
    /// What it runs.
    pub(crate) coroutine: NameId,
    /// Where it was made.
    pub(crate) created_at: NameId,
    pub(crate) start: u64,
    /// 0 while it lives.
    pub(crate) end: u64,
    pub(crate) run: u64,
    /// How often it was resumed.
    pub(crate) steps: u32,
    pub(crate) status: Status,
}

impl TaskRecord {
    /// Whether it was spawned inside a trace, and so belongs to the profile in its own right.
    pub(crate) fn is_spawned(&self) -> bool {
        self.parent != 0 || self.outer != 0
    }
}

/// All tasks of a recorder: the living, and the newest of those that have ended.
#[derive(Debug)]
pub(super) struct Tasks(Mutex<Table>);

#[derive(Debug)]
struct Table {
    next: u32,
    capacity: usize,
    living: HashMap<u32, TaskRecord>,
    ended: VecDeque<TaskRecord>,
}

impl Table {
    fn take_number(&mut self) -> u32 {
        let number = self.next;
        self.next = if number + 1 < OUTER_TASK { number + 1 } else { 1 };
        number
    }
}

impl Tasks {
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self(Mutex::new(Table { next: 1, capacity, living: HashMap::new(), ended: VecDeque::new() }))
    }

    /// A task begins. 0 where there are too many.
    pub(super) fn begin(&self, mut task: TaskRecord) -> u32 {
        let mut table = self.0.lock();
        if table.living.len() >= MOST_LIVING {
            return 0;
        }
        task.id = table.take_number();
        let id = task.id;
        table.living.insert(id, task);
        id
    }

    /// A number that no task of this recorder has: for one of another's.
    pub(super) fn take_number(&self) -> u32 {
        self.0.lock().take_number()
    }

    /// Changes what is known of a task that lives.
    pub(super) fn update(&self, id: u32, change: impl FnOnce(&mut TaskRecord)) {
        if let Some(task) = self.0.lock().living.get_mut(&id) {
            change(task);
        }
    }

    /// A task ends; once it has, nothing happens.
    pub(super) fn end(&self, id: u32, finish: impl FnOnce(&mut TaskRecord)) {
        let mut table = self.0.lock();
        let Some(mut task) = table.living.remove(&id) else { return };
        finish(&mut task);
        if table.ended.len() >= table.capacity {
            table.ended.pop_front();
        }
        table.ended.push_back(task);
    }

    /// The name of a task that is known.
    pub(super) fn name(&self, id: u32) -> Option<String> {
        let table = self.0.lock();
        let task = table.living.get(&id).or_else(|| table.ended.iter().rev().find(|task| task.id == id));
        task.map(|task| task.name.to_string())
    }

    /// The same of a task that lives, or is one of the newest that have ended; none where somebody looks at the tasks.
    pub(super) fn recent_name(&self, id: u32) -> Option<String> {
        const NEWEST: usize = 256;
        let table = self.0.try_lock()?;
        let ended = || table.ended.iter().rev().take(NEWEST).find(|task| task.id == id);
        table.living.get(&id).or_else(ended).map(|task| task.name.to_string())
    }

    /// Forgets the ended ones. The living go on, since traces of theirs may yet begin.
    pub(super) fn reset(&self) {
        let mut table = self.0.lock();
        table.ended.clear();
        for task in table.living.values_mut() {
            // What it was spawned in is forgotten: from now on it is known for its traces' sake.
            (task.parent, task.outer) = (0, 0);
        }
    }

    /// Every task, in the order of their ids.
    pub(super) fn all(&self) -> Vec<TaskRecord> {
        let table = self.0.lock();
        let mut tasks: Vec<TaskRecord> = table.ended.iter().chain(table.living.values()).cloned().collect();
        drop(table);
        tasks.sort_unstable_by_key(|task| task.id);
        tasks
    }
}
