//! What is read less often than every sample, because it is dear or seldom changes.

use crate::sampling::Timed;

/// How often dear sections are read, and files that were missing are looked for again.
pub(super) const PACE_NS: u64 = 10_000_000_000;

/// The latest value of something, and when to read it again.
#[derive(Debug)]
pub(super) struct Paced<T> {
    every_ns: u64,
    due_ns: u64,
    latest: Option<Timed<T>>,
}

impl<T> Paced<T> {
    pub(super) fn new(every_ns: u64) -> Self {
        Self { every_ns, due_ns: 0, latest: None }
    }

    /// The next [`Self::get`] reads.
    pub(super) fn expire(&mut self) {
        self.due_ns = 0;
        self.latest = None;
    }

    /// The latest value; it is read first if it is due. What could not be read is not asked for again before the next
    /// time is due.
    pub(super) fn get(&mut self, now_ns: u64, read: impl FnOnce() -> Option<Timed<T>>) -> Option<&Timed<T>> {
        if now_ns >= self.due_ns {
            self.due_ns = now_ns.saturating_add(self.every_ns);
            self.latest = read();
        }
        self.latest.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_when_due_and_not_before() {
        let mut paced = Paced::new(10);
        let mut reads = 0;
        let mut get = |paced: &mut Paced<u32>, now_ns, value: Option<u32>| {
            let read = || {
                reads += 1;
                value.map(|value| Timed { read_at_ns: now_ns, value })
            };
            (paced.get(now_ns, read).map(|timed| timed.value), reads)
        };
        assert_eq!(get(&mut paced, 5, Some(1)), (Some(1), 1));
        assert_eq!(get(&mut paced, 14, Some(2)), (Some(1), 1));
        assert_eq!(get(&mut paced, 15, None), (None, 2), "a failure is not the value before it");
        assert_eq!(get(&mut paced, 24, Some(3)), (None, 2), "nor asked for again at once");
        paced.expire();
        assert_eq!(get(&mut paced, 25, Some(4)), (Some(4), 3));
    }
}
