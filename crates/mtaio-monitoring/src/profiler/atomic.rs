//! The atomics of the ring and the slots, in one place, so that the model checker can put its own in theirs
//! (`tests/profiler/interleavings.rs` includes those two files beside loom's atomics).

pub(super) use std::sync::atomic::{AtomicU64, Ordering, fence};
