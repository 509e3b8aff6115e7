//! What a thread remembers of each profiler: its shard, and the innermost trace that is open in the flow it runs.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::extra::Extra;
use super::names::NameId;
use super::record::{
    COUNTER_BITS, Status, UNKNOWN, begun, count_of, ended, parent_of, renamed, thread_of, trace_id,
};
use super::recorder::{CHUNK, Chunk, Ending, MOST_OPEN, Open, Recorder, Shard};

/// A thread's own side of its shard.
#[derive(Debug)]
pub(super) struct Local {
    recorder: u64,
    shard: Arc<Shard>,
    /// The shard's first chunk, which is all that most threads ever need.
    chunk: Arc<Chunk>,
    /// Slots of it that are free, a bit each.
    free: Cell<u64>,
    /// What a thread needs that has many traces open at once.
    more: RefCell<More>,
    /// Traces begun so far.
    begun: Cell<u64>,
    /// The innermost open trace; 0 for none.
    pub(super) current: Cell<u64>,
    /// The task that runs; 0 for none.
    pub(super) task: Cell<u32>,
    /// What traces carry that guards hold open, by slot.
    carried: RefCell<BTreeMap<u32, Extra>>,
    /// Names that this thread has used, by the place that they were at: most are literals, and asking the table that all
    /// threads share costs more than the rest of a trace. Another text at the same place is another name.
    names: RefCell<[Option<KnownName>; NAMES]>,
}

#[derive(Debug)]
struct KnownName {
    short: (usize, u64, u64),
    name: Box<str>,
    id: NameId,
}

/// The longest name, in bytes, that [`short`] tells from all others.
const SHORT: usize = 16;

/// A name's length, and its first and last bytes: what two names are compared by without a call.
#[inline]
fn short(name: &str) -> (usize, u64, u64) {
    let bytes = name.as_bytes();
    let (first, last) = if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into())
    } else if let [first, .., last] = bytes {
        // Of three at most: the middle one, or one of these again.
        (u64::from(*first), u64::from(*last) | u64::from(bytes[bytes.len() / 2]) << 8)
    } else {
        (bytes.first().copied().unwrap_or_default().into(), 0)
    };
    (bytes.len(), first, last)
}

/// Names that a thread remembers. A power of two.
const NAMES: usize = 32;

/// The chunks beyond the first.
#[derive(Debug, Default)]
struct More {
    chunks: Vec<Arc<Chunk>>,
    /// Slots of them that are free: places counted over all chunks of the shard.
    free: Vec<u32>,
}

const _: () = assert!(CHUNK == u64::BITS as usize, "a bit for each slot of the first chunk");

impl Local {
    /// The thread's number.
    #[cfg(feature = "tracing-layer")]
    pub(super) fn thread(&self) -> u32 {
        self.shard.thread
    }

    /// The id of a name.
    #[inline]
    pub(super) fn name(&self, recorder: &Recorder, name: &str) -> NameId {
        let place = ((name.as_ptr() as usize >> 2) ^ name.len()) % NAMES;
        let short = short(name);
        let mut names = self.names.borrow_mut();
        match &names[place] {
            Some(known) if known.short == short && (name.len() <= SHORT || *known.name == *name) => known.id,
            _ => {
                let id = recorder.names.intern(name);
                names[place] = Some(KnownName { short, name: name.into(), id });
                id
            }
        }
    }

    /// The parent and the task of a trace that begins here and now.
    #[inline]
    pub(super) fn place(&self, recorder: &Recorder) -> (u64, u32) {
        match self.current.get() {
            0 => recorder.around.place(self.task.get()),
            innermost => (innermost, self.task.get()),
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
        let free = self.free.get();
        let index = if free == 0 {
            self.one_more_slot(recorder)?
        } else {
            self.free.set(free & (free - 1));
            free.trailing_zeros()
        };
        let count = self.begun.get() + 1;
        self.begun.set(count);
        let id = trace_id(self.shard.thread, count);
        let fields = begun(parent, now, name, task, recorder.memory_kib(now));
        self.in_chunk(index, |chunk| chunk.open(index as usize, id, fields));
        Some(Open { id, index })
    }

    /// A slot, once those of the first chunk are taken.
    #[inline(never)]
    fn one_more_slot(&self, recorder: &Recorder) -> Option<u32> {
        let mut more = self.more.borrow_mut();
        let More { chunks, free } = &mut *more;
        if free.is_empty() {
            self.shard.take_returned(free);
        }
        if free.is_empty() {
            if !recorder.may_open_more(chunks.len() + 1) {
                recorder.count_dropped();
                return None;
            }
            chunks.push(self.shard.add_chunk());
            let first = (chunks.len() * CHUNK) as u32;
            // The last one is taken first: the lowest places are used most.
            free.extend((first..first + CHUNK as u32).rev());
        }
        free.pop()
    }

    #[inline]
    fn give_back(&self, index: u32) {
        if index < CHUNK as u32 {
            self.free.set(self.free.get() | (1 << index));
        } else {
            self.more.borrow_mut().free.push(index);
        }
    }

    /// Does something with the chunk of a slot; the default where there is none.
    #[inline]
    fn in_chunk<T: Default>(&self, index: u32, act: impl FnOnce(&Chunk) -> T) -> T {
        if index < CHUNK as u32 {
            return act(&self.chunk);
        }
        let more = self.more.borrow();
        more.chunks.get(index as usize / CHUNK - 1).map_or_else(T::default, |chunk| act(chunk))
    }

    /// Gives an open trace another name, whichever thread began it.
    pub(super) fn rename(&self, recorder: &Recorder, open: &Open, name: NameId) -> bool {
        if thread_of(open.id) != self.shard.thread {
            return recorder.rename_elsewhere(open, name);
        }
        self.in_chunk(open.index, |chunk| rename_in(chunk, open, name))
    }

    /// Ends a trace that any thread began.
    #[inline]
    pub(super) fn end(&self, recorder: &Recorder, open: &Open, now: u64, ending: Ending) -> bool {
        if thread_of(open.id) != self.shard.thread {
            return recorder.end_elsewhere(&self.shard, open, now, ending);
        }
        let Ending { status, run_ticks, extra } = ending;
        let run = run_ticks.unwrap_or(UNKNOWN);
        self.end_own(recorder, open, now, run, || (recorder.put_extra(extra), status)).is_some()
    }

    /// Ends a trace that this thread began, and gives its parent. How it ended, and where that is which it carries, is
    /// asked for only if there is such a trace.
    #[inline]
    fn end_own(
        &self,
        recorder: &Recorder,
        open: &Open,
        now: u64,
        run: u64,
        ending: impl FnOnce() -> (u32, Status),
    ) -> Option<u64> {
        let place = open.index as usize;
        // `None` where it was forgotten by a reset, which leaves it to the one who ends a trace to free its slot.
        let fields = self.in_chunk(open.index, |chunk| chunk.fields(place, open.id));
        if let Some(fields) = fields {
            let (extra, status) = ending();
            recorder.push(&self.shard, &ended(open.id, fields, now, run, recorder.memory_kib(now), extra, status));
            self.in_chunk(open.index, |chunk| chunk.close(place));
        }
        self.give_back(open.index);
        fields.map(parent_of)
    }
}

/// Which of its thread's traces a guard holds open: the count, the place of the slot, and whether it carries something.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held(u64);

impl Held {
    const CARRIES: u64 = 1 << 63;

    #[inline]
    fn new(open: &Open) -> Self {
        Self(count_of(open.id) | (u64::from(open.index) << COUNTER_BITS))
    }

    #[inline]
    fn carries(self) -> bool {
        self.0 & Self::CARRIES != 0
    }
}

const _: () = assert!(MOST_OPEN << COUNTER_BITS < Held::CARRIES, "a place fits between the count and the mark");

impl Local {
    /// The trace that a guard of this thread holds open.
    #[inline]
    pub(super) fn open(&self, held: Held) -> Open {
        let index = ((held.0 & !Held::CARRIES) >> COUNTER_BITS) as u32;
        Open { id: trace_id(self.shard.thread, held.0), index }
    }

    /// Changes what the trace of a guard carries. Most carry nothing, and their guards stay small.
    pub(super) fn carry(&self, held: Held, change: impl FnOnce(&mut Extra)) -> Held {
        change(self.carried.borrow_mut().entry(self.open(held).index).or_default());
        Held(held.0 | Held::CARRIES)
    }

    #[cold]
    fn end_carrying(&self, recorder: &Recorder, open: &Open, now: u64, status: Status) -> Option<u64> {
        let extra = self.carried.borrow_mut().remove(&open.index).unwrap_or_default();
        let status = if extra.error.is_some() { Status::Error } else { status };
        self.end_own(recorder, open, now, UNKNOWN, || (recorder.put_extra(extra), status))
    }
}

/// Gives a trace another name in the slot that it is in.
pub(super) fn rename_in(chunk: &Chunk, open: &Open, name: NameId) -> bool {
    let place = open.index as usize;
    chunk.fields(place, open.id).is_some_and(|fields| {
        let (field, value) = renamed(fields, name);
        chunk.set_field(place, open.id, field, value)
    })
}

/// Begins a trace that a guard holds open, and puts it in place as the innermost one.
pub(super) fn enter(recorder: &Recorder, name: &str) -> Option<Held> {
    let local = of(recorder)?;
    let name = local.name(recorder, name);
    let (parent, task) = local.place(recorder);
    let open = local.begin(recorder, name, parent, task, recorder.ticks())?;
    local.current.set(open.id);
    Some(Held::new(&open))
}

/// Ends it. Nothing happens while the thread is being torn down: such a trace stays open.
pub(super) fn leave(recorder: &Recorder, held: Held) {
    let Some(local) = of(recorder) else { return };
    let open = local.open(held);
    let status = if std::thread::panicking() { Status::Error } else { Status::Ok };
    let now = recorder.ticks();
    let outer = if held.carries() {
        local.end_carrying(recorder, &open, now, status)
    } else {
        local.end_own(recorder, &open, now, UNKNOWN, || (0, status))
    };
    // Guards may be dropped out of order; then another trace is innermost, and stays so. What was innermost before is
    // the parent; nothing is, if both were forgotten by a reset.
    if local.current.get() == open.id {
        local.current.set(outer.unwrap_or(0));
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
    let shard = recorder.new_shard();
    let local = Rc::new(Local {
        recorder: recorder.id,
        chunk: shard.add_chunk(),
        shard,
        free: Cell::new(u64::MAX),
        more: RefCell::default(),
        carried: RefCell::default(),
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
