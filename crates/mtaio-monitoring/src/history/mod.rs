//! What has been: a bounded ring of samples, oldest first, and what was recorded between them.

mod packed;
mod windows;

pub(crate) use windows::{Wanted, Windows};

use std::collections::VecDeque;

/// Rows are allocated this many at a time, so that a history of ten million samples costs nothing until they come,
/// and growing never copies what is there.
const CHUNK_ROWS: usize = 512;

/// A row of a history: knows its time.
pub trait Stamped {
    /// Seconds since the epoch, as a reader sees them; never smaller than the row's before.
    ///
    /// Seconds and not the nanoseconds behind them, because a reader asks with a time that an earlier answer gave,
    /// and two roundings need not meet.
    fn timestamp_seconds(&self) -> f64;
}

/// The newest `capacity` rows.
///
/// ```
/// use mtaio_monitoring::history::{Ring, Stamped};
/// #[derive(Clone, Copy)]
/// struct Row(f64);
/// impl Stamped for Row {
///     fn timestamp_seconds(&self) -> f64 { self.0 }
/// }
/// let mut ring = Ring::new(2);
/// for time in [10.0, 20.0, 30.0] {
///     ring.push(Row(time));
/// }
/// let times: Vec<f64> = ring.range(0.0, 30.0).map(|row| row.0).collect();
/// assert_eq!(times, [20.0, 30.0]);
/// ```
#[derive(Debug)]
pub struct Ring<T> {
    capacity: usize,
    chunk_rows: usize,
    chunks: VecDeque<Vec<T>>,
    /// Rows of the first chunk that have been let go.
    gone: usize,
    len: usize,
}

impl<T: Copy + Stamped> Ring<T> {
    /// An empty history of at most `capacity` rows (at least one).
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        let chunk_rows = capacity.min(CHUNK_ROWS);
        Self { capacity, chunk_rows, chunks: VecDeque::new(), gone: 0, len: 0 }
    }

    /// How many rows it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a row, and lets the oldest go where there is no more room.
    pub fn push(&mut self, row: T) {
        if self.len == self.capacity {
            self.let_oldest_go();
        }
        match self.chunks.back_mut() {
            Some(chunk) if chunk.len() < self.chunk_rows => chunk.push(row),
            _ => {
                let mut chunk = Vec::with_capacity(self.chunk_rows);
                chunk.push(row);
                self.chunks.push_back(chunk);
            }
        }
        self.len += 1;
    }

    /// The newest row.
    #[must_use]
    pub fn newest(&self) -> Option<&T> {
        self.chunks.back().and_then(|chunk| chunk.last())
    }

    /// Rows from `start` to `end` (seconds since the epoch, both inclusive), oldest first.
    pub fn range(&self, start: f64, end: f64) -> impl Iterator<Item = &T> {
        let first = self.first_from(start);
        (first..self.len).map_while(|index| self.get(index)).take_while(move |row| row.timestamp_seconds() <= end)
    }

    /// Index of the first row at or after `start`: a binary search, since times do not go back.
    fn first_from(&self, start: f64) -> usize {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle).is_some_and(|row| row.timestamp_seconds() < start) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn get(&self, index: usize) -> Option<&T> {
        let index = index + self.gone;
        self.chunks.get(index / self.chunk_rows)?.get(index % self.chunk_rows)
    }

    fn let_oldest_go(&mut self) {
        self.gone += 1;
        self.len -= 1;
        if self.gone == self.chunk_rows {
            self.chunks.pop_front();
            self.gone = 0;
        }
    }
}
