//! What a thread remembers of each profiler: its shard, and the innermost trace that is open in the flow it runs.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use super::names::NameId;
use super::record::{Record, thread_of, trace_id};
use super::recorder::{Ending, Open, Recorder, Shard};
use super::slots::{CHUNK, Chunk};

/// A thread's own side of its shard.
#[derive(Debug)]
pub(super) struct Local {
    recorder: u64,
    shard: Arc<Shard>,
    /// The shard's chunks.
    chunks: RefCell<Vec<Arc<Chunk>>>,
    /// Slots of them that are free.
    free: RefCell<Vec<u32>>,
    /// Traces begun so far.
    begun: Cell<u64>,
    /// The innermost open trace; 0 for none.
    pub(super) current: Cell<u64>,
    /// The task that runs; 0 for none.
    pub(super) task: Cell<u32>,
    /// Names that this thread has used, by the place that they were at: most are literals, and asking the table that all
    /// threads share costs more than the rest of a trace. Another text at the same place is another name.
    names: RefCell<[Option<(Box<str>, NameId)>; NAMES]>,
}

/// Names that a thread remembers. A power of two.
const NAMES: usize = 32;

impl Local {
    /// The id of a name.
    #[inline]
    pub(super) fn name(&self, recorder: &Recorder, name: &str) -> NameId {
        let place = ((name.as_ptr() as usize >> 2) ^ name.len()) % NAMES;
        let mut names = self.names.borrow_mut();
        match &names[place] {
            Some((known, id)) if **known == *name => *id,
            _ => {
                let id = recorder.names.intern(name);
                names[place] = Some((name.into(), id));
                id
            }
        }
    }

    #[inline]
    pub(super) fn begin(
        &self,
        recorder: &Recorder,
        name: NameId,
        parent: u64,
        task: u32,
        now: u64,
    ) -> Option<Open> {
        let free = self.free.borrow_mut().pop();
        let index = match free {
            Some(index) => index,
            None => self.more_slots(recorder)?,
        };
        let begun = self.begun.get() + 1;
        self.begun.set(begun);
        let id = trace_id(self.shard.thread, begun);
        let record = Record::open(id, parent, now, name, task, recorder.memory_kib(now));
        let chunks = self.chunks.borrow();
        chunks[index as usize / CHUNK].open(index as usize % CHUNK, id, record.fields());
        Some(Open { id, index })
    }

    #[cold]
    fn more_slots(&self, recorder: &Recorder) -> Option<u32> {
        let mut free = self.free.borrow_mut();
        self.shard.take_returned(&mut free);
        if free.is_empty() {
            let mut chunks = self.chunks.borrow_mut();
            if !recorder.may_open_more(chunks.len()) {
                recorder.count_dropped();
                return None;
            }
            let first = (chunks.len() * CHUNK) as u32;
            chunks.push(self.shard.add_chunk());
            // The last one is taken first: the lowest places are used most.
            free.extend((first..first + CHUNK as u32).rev());
        }
        free.pop()
    }

    #[inline]
    pub(super) fn end(&self, recorder: &Recorder, open: Open, now: u64, ending: Ending) -> bool {
        let Ending { status, run_ticks, extra } = ending;
        let finish = |record: &mut Record| {
            record.end = now.max(record.start);
            record.status = status;
            record.set_run(run_ticks);
            record.memory_end_kib = recorder.memory_kib(now);
            record.extra = recorder.put_extra(extra);
        };
        if thread_of(open.id) != self.shard.thread {
            return recorder.end_elsewhere(&self.shard, &open, finish);
        }
        let chunks = self.chunks.borrow();
        let Some(chunk) = chunks.get(open.index as usize / CHUNK) else { return false };
        let slot = open.index as usize % CHUNK;
        let Some(fields) = chunk.fields(slot, open.id) else {
            // Forgotten by a reset, which leaves it to the one who ends a trace to free its slot.
            self.free.borrow_mut().push(open.index);
            return false;
        };
        let mut record = Record::from_fields(open.id, fields);
        finish(&mut record);
        recorder.push(&self.shard, &record);
        chunk.close(slot);
        self.free.borrow_mut().push(open.index);
        true
    }
}

thread_local! {
    /// One entry a profiler that this thread has met: almost always one, so a list is the quickest table.
    static LOCALS: RefCell<Vec<Rc<Local>>> = const { RefCell::new(Vec::new()) };
}

/// What this thread remembers of a profiler. `None` while the thread is being torn down.
#[inline]
pub(super) fn of(recorder: &Recorder) -> Option<Rc<Local>> {
    LOCALS
        .try_with(|locals| {
            let known = locals.borrow().iter().find(|local| local.recorder == recorder.id).map(Rc::clone);
            known.unwrap_or_else(|| meet(recorder, locals))
        })
        .ok()
}

#[cold]
fn meet(recorder: &Recorder, locals: &RefCell<Vec<Rc<Local>>>) -> Rc<Local> {
    let local = Rc::new(Local {
        recorder: recorder.id,
        shard: recorder.new_shard(),
        chunks: RefCell::default(),
        free: RefCell::default(),
        begun: Cell::new(0),
        current: Cell::new(0),
        task: Cell::new(0),
        names: RefCell::new([const { None }; NAMES]),
    });
    let mut locals = locals.borrow_mut();
    // A shard that nobody else holds is of a profiler that is gone.
    locals.retain(|local| Arc::strong_count(&local.shard) > 1);
    locals.push(Rc::clone(&local));
    local
}

/// A profiler is gone: the thread that saw it go forgets it at once, the others when they meet their next one.
pub(super) fn forget(recorder: u64) {
    let _torn_down = LOCALS.try_with(|locals| {
        if let Ok(mut locals) = locals.try_borrow_mut() {
            locals.retain(|local| local.recorder != recorder);
        }
    });
}
