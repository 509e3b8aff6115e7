//! Every interleaving of the ring and the slots that the memory model allows (loom).
//!
//! The two files are included as they are, beside loom's atomics instead of the standard library's. The models are
//! small: two threads and two records are enough for the faults that such structures have, and the capacity is so small
//! that positions wrap around.
//!
//! That a fault would be found was tried. Each of these makes a model fail: in the ring, the store of `pushed` or the load
//! of it in `drain` made `Relaxed`; in the slots, either fence left out, or any store or load of an id made `Relaxed` (but
//! in `forget`). Two orderings are beyond loom, which lets no load see a store that comes after it: the store of `drained`
//! and the load of it in `push`, which keep a place from being written again while it is read.

/// What the two files ask for as `super::atomic`.
mod atomic {
    pub(super) use loom::sync::atomic::{AtomicU64, Ordering, fence};
}

#[path = "../../src/profiler/ring.rs"]
mod ring;

#[path = "../../src/profiler/slots.rs"]
mod slots;

use loom::sync::{Arc, Mutex};
use loom::{model, thread};

use ring::Ring;
use slots::{Chunk, FIELDS};

/// The fields of a trace, each of which tells its id.
fn fields_of(id: u64) -> [u64; FIELDS] {
    std::array::from_fn(|field| id * 10 + field as u64)
}

#[test]
fn a_ring_loses_nothing_doubles_nothing_and_tears_nothing() {
    model(|| {
        let ring = Arc::new(Ring::<2, 2>::new());
        let pusher = {
            let ring = Arc::clone(&ring);
            // More than it holds: the third has a place only once the first was taken out.
            thread::spawn(move || (1..=3).filter(|value| ring.push(&[*value, value * 10])).collect::<Vec<u64>>())
        };
        let mut taken = Vec::new();
        ring.drain(|record| taken.push(record));
        let pushed = pusher.join().unwrap();
        ring.drain(|record| taken.push(record));
        let expected: Vec<[u64; 2]> = pushed.into_iter().map(|value| [value, value * 10]).collect();
        assert_eq!(taken, expected);
    });
}

#[test]
fn a_ring_is_drained_by_one_after_the_other() {
    model(|| {
        let ring = Arc::new(Ring::<1, 1>::new());
        let taken = Arc::new(Mutex::new(Vec::new()));
        // Whoever drains holds the recorder's lock.
        let drain = |ring: &Ring<1, 1>, taken: &Mutex<Vec<u64>>| {
            let mut taken = taken.lock().unwrap();
            ring.drain(|[value]| taken.push(value));
        };
        let reader = {
            let (ring, taken) = (Arc::clone(&ring), Arc::clone(&taken));
            thread::spawn(move || drain(&ring, &taken))
        };
        for value in 1..=2 {
            if !ring.push(&[value]) {
                drain(&ring, &taken);
                assert!(ring.push(&[value]), "there is room now");
            }
        }
        reader.join().unwrap();
        drain(&ring, &taken);
        assert_eq!(*taken.lock().unwrap(), [1, 2]);
    });
}

#[test]
fn a_reader_of_a_slot_sees_whole_traces() {
    model(|| {
        let chunk = Arc::new(Chunk::<1>::new());
        let owner = {
            let chunk = Arc::clone(&chunk);
            thread::spawn(move || {
                chunk.open(0, 1, fields_of(1));
                chunk.close(0);
                chunk.open(0, 2, fields_of(2));
            })
        };
        chunk.each_open(|id, fields| assert_eq!(fields, fields_of(id), "two halves"));
        owner.join().unwrap();
        let mut open = Vec::new();
        chunk.each_open(|id, _| open.push(id));
        assert_eq!(open, [2]);
    });
}

#[test]
fn whoever_ends_a_trace_elsewhere_sees_what_its_owner_wrote() {
    model(|| {
        let chunk = Arc::new(Chunk::<1>::new());
        let owner = {
            let chunk = Arc::clone(&chunk);
            thread::spawn(move || chunk.open(0, 1, fields_of(1)))
        };
        if let Some(fields) = chunk.fields(0, 1) {
            assert_eq!(fields, fields_of(1));
        }
        owner.join().unwrap();
    });
}

#[test]
fn forgetting_leaves_alone_what_was_opened_since() {
    model(|| {
        let chunk = Arc::new(Chunk::<1>::new());
        chunk.open(0, 1, fields_of(1));
        let resetting = {
            let chunk = Arc::clone(&chunk);
            thread::spawn(move || chunk.forget())
        };
        // The owner frees the slot in either case, and uses it again.
        if let Some(fields) = chunk.fields(0, 1) {
            assert_eq!(fields, fields_of(1));
            chunk.close(0);
        }
        chunk.open(0, 2, fields_of(2));
        let second = chunk.fields(0, 2);
        resetting.join().unwrap();
        // It may be forgotten too, where the reset came after it; half of it never is.
        assert!(second.is_none_or(|fields| fields == fields_of(2)));
        let mut open = Vec::new();
        chunk.each_open(|id, fields| open.push((id, fields)));
        assert!(open.is_empty() || open == [(2, fields_of(2))]);
    });
}

#[test]
fn a_trace_is_found_in_its_slot_or_in_its_ring() {
    model(|| {
        let chunk = Arc::new(Chunk::<1>::new());
        let ring = Arc::new(Ring::<1, 2>::new());
        chunk.open(0, 1, fields_of(1));
        let owner = {
            let (chunk, ring) = (Arc::clone(&chunk), Arc::clone(&ring));
            thread::spawn(move || {
                assert!(ring.push(&[1]));
                chunk.close(0);
            })
        };
        // As a profile looks: at the slots first.
        let mut found = 0;
        chunk.each_open(|_, _| found += 1);
        ring.drain(|_| found += 1);
        owner.join().unwrap();
        assert!(found == 1 || found == 2, "at least once, and whoever looks tells the second from the first");
    });
}

#[test]
fn a_trace_that_gets_another_name_is_whole_under_either() {
    model(|| {
        let chunk = Arc::new(Chunk::<1>::new());
        chunk.open(0, 1, fields_of(1));
        let renaming = {
            let chunk = Arc::clone(&chunk);
            thread::spawn(move || {
                let renamed = chunk.set_field(0, 1, 2, 99);
                // Whoever renames it is the one who ends it, so nobody has opened another one meanwhile.
                chunk.close(0);
                chunk.open(0, 2, fields_of(2));
                assert!(!chunk.set_field(0, 1, 2, 77), "it has ended");
                renamed
            })
        };
        let under_another_name = [10, 11, 99, 13];
        chunk.each_open(|id, fields| {
            assert!(fields == fields_of(id) || (id == 1 && fields == under_another_name), "{id}: {fields:?}");
        });
        assert!(renaming.join().unwrap());
        assert_eq!(chunk.fields(0, 2), Some(fields_of(2)));
    });
}
