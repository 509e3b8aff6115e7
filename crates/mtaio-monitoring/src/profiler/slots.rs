//! The places in which open traces can be seen by others than the thread that opened them.
//!
//! One thread opens traces in a chunk of slots; any thread may end one, and any may read all of them at any moment. The
//! id is written last and cleared last but one, and is unique for ever, so a reader that finds the same id before and
//! after it read the rest has read one trace and not two halves.

use super::atomic::{AtomicU64, Ordering, fence};

/// The words of an open trace beside its id.
pub(super) const FIELDS: usize = 4;

/// Some slots, a power of two. A thread that needs more gets another chunk. Of the place of a slot a chunk looks at its
/// own part, the remainder, which needs no check of its bounds.
#[derive(Debug)]
pub(super) struct Chunk<const SLOTS: usize> {
    slots: [Slot; SLOTS],
}

#[derive(Debug)]
struct Slot {
    /// 0 while the slot is free.
    id: AtomicU64,
    fields: [AtomicU64; FIELDS],
}

impl<const SLOTS: usize> Chunk<SLOTS> {
    pub(super) fn new() -> Self {
        let slot = |_| Slot { id: AtomicU64::new(0), fields: std::array::from_fn(|_| AtomicU64::new(0)) };
        Self { slots: std::array::from_fn(slot) }
    }

    /// Opens a trace in a free slot. Only the thread that owns the chunk may.
    #[inline]
    pub(super) fn open(&self, place: usize, id: u64, fields: [u64; FIELDS]) {
        let slot = &self.slots[place % SLOTS];
        // A reader that sees one of the fields below also sees that the slot was free before.
        fence(Ordering::Release);
        for (field, value) in slot.fields.iter().zip(fields) {
            field.store(value, Ordering::Relaxed);
        }
        slot.id.store(id, Ordering::Release);
    }

    /// The fields of a trace, for the one who ends it. `None` where it was ended or forgotten before.
    #[inline]
    pub(super) fn fields(&self, place: usize, id: u64) -> Option<[u64; FIELDS]> {
        let slot = &self.slots[place % SLOTS];
        // Acquire: the one who ends it may be another thread than the one that opened it.
        if slot.id.load(Ordering::Acquire) != id {
            return None;
        }
        Some(std::array::from_fn(|field| slot.fields[field].load(Ordering::Relaxed)))
    }

    /// Changes one field of an open trace, for the one who will end it. False where it was ended or forgotten before.
    #[inline]
    pub(super) fn set_field(&self, place: usize, id: u64, field: usize, value: u64) -> bool {
        let slot = &self.slots[place % SLOTS];
        let is_open = slot.id.load(Ordering::Acquire) == id;
        if is_open {
            // A reader sees the former value or this one: both are of this trace.
            slot.fields[field].store(value, Ordering::Relaxed);
        }
        is_open
    }

    /// Frees a slot, once its trace has ended.
    #[inline]
    pub(super) fn close(&self, place: usize) {
        self.slots[place % SLOTS].id.store(0, Ordering::Release);
    }

    /// Every open trace: its id and fields. What is opened or ended meanwhile may be in or not.
    pub(super) fn each_open(&self, mut see: impl FnMut(u64, [u64; FIELDS])) {
        for slot in &self.slots {
            let id = slot.id.load(Ordering::Acquire);
            if id == 0 {
                continue;
            }
            let fields = std::array::from_fn(|field| slot.fields[field].load(Ordering::Relaxed));
            fence(Ordering::Acquire);
            // Acquire: whoever finds that it was ended meanwhile also finds it in the ring, where it was put before.
            if slot.id.load(Ordering::Acquire) == id {
                see(id, fields);
            }
        }
    }

    /// Forgets every open trace: ending one afterwards finds nothing, and frees its slot.
    pub(super) fn forget(&self) {
        for slot in &self.slots {
            let id = slot.id.load(Ordering::Acquire);
            if id != 0 {
                // Unless it has ended, and another has been opened, since.
                let _ = slot.id.compare_exchange(id, 0, Ordering::AcqRel, Ordering::Relaxed);
            }
        }
    }
}
