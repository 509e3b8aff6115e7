//! What each process used, and which are the biggest: two looks at all of them, made into a list.

use std::collections::HashMap;

use crate::sampling::{RawListed, RawProcessList};

/// So many by memory, and so many by processor time.
const OF_A_SORT: usize = 5;

/// A look that is older than this says nothing of now.
const OLDEST_LOOK_NS: u64 = 60_000_000_000;

/// A process, as a list of them or the evidence of an alert shows it. What was not measured is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProcessEvidence {
    /// Its number.
    pub pid: u32,
    /// Its name as the system has it (Linux: 15 bytes of it), which anybody may have chosen: a face escapes it.
    pub name: String,
    /// Whether it is this process.
    pub is_own: bool,
    /// Resident memory, pages shared with others included.
    pub rss_bytes: Option<u64>,
    /// Processors' worth of time that it used over `cpu_window_seconds`; 1.0 is one kept busy.
    pub cpu_cores_used: Option<f64>,
    /// Seconds that this covers.
    pub cpu_window_seconds: Option<f64>,
    /// Whether that is its whole life, because nobody had looked at it within the minute before: then a process that has
    /// just begun to be busy does not stand out.
    pub cpu_is_lifetime_mean: bool,
    /// Its threads.
    pub threads: Option<u64>,
}

/// Each process with what it used since the look before, in ascending order of their numbers. `before` is an earlier look,
/// whose age is for this to judge.
#[must_use]
pub fn processes(before: Option<&RawProcessList>, now: &RawProcessList) -> Vec<ProcessEvidence> {
    let recent = before.filter(|before| {
        let elapsed_ns = now.read_at_ns.saturating_sub(before.read_at_ns);
        elapsed_ns > 0 && elapsed_ns <= OLDEST_LOOK_NS
    });
    let earlier: HashMap<(u32, Option<u64>), Option<u64>> = recent
        .map(|before| before.processes.iter().map(|one| ((one.pid, one.started_ns), one.cpu_ns)).collect())
        .unwrap_or_default();
    let elapsed_ns = recent.map(|before| now.read_at_ns - before.read_at_ns);
    let share = |process: &RawListed| -> Option<(f64, f64, bool)> {
        let cpu_ns = process.cpu_ns?;
        let since_then = earlier.get(&(process.pid, process.started_ns)).copied().flatten().zip(elapsed_ns);
        let (used_ns, window_ns, is_lifetime) = match since_then {
            // Ticks of 10 ms are counted for threads one by one, and their sum may go back by one.
            Some((before_ns, elapsed_ns)) => (cpu_ns.saturating_sub(before_ns), elapsed_ns, false),
            None => (cpu_ns, now.boottime_ns.checked_sub(process.started_ns?)?, true),
        };
        (window_ns > 0).then(|| (used_ns as f64 / window_ns as f64, window_ns as f64 / 1e9, is_lifetime))
    };
    let evidence = |process: &RawListed| {
        let share = share(process);
        ProcessEvidence {
            pid: process.pid,
            name: process.name.to_string(),
            is_own: process.is_own,
            rss_bytes: process.rss_bytes,
            cpu_cores_used: share.map(|(cores, ..)| cores),
            cpu_window_seconds: share.map(|(_, seconds, _)| seconds),
            cpu_is_lifetime_mean: share.is_some_and(|(.., is_lifetime)| is_lifetime),
            threads: process.threads,
        }
    };
    now.processes.iter().map(evidence).collect()
}

/// The five processes with the most resident memory and the five that used the most processor time, the one with the most
/// memory first, each once. `before` is an earlier look, as for [`processes`].
#[must_use]
pub fn biggest(before: Option<&RawProcessList>, now: &RawProcessList) -> Vec<ProcessEvidence> {
    let every = processes(before, now);
    // What holds or uses nothing is no evidence of anything.
    let rss_bytes = |at: usize| every[at].rss_bytes.filter(|&bytes| bytes > 0);
    let used = |at: usize| every[at].cpu_cores_used.filter(|&cores| cores > 0.0);
    let all = || 0..every.len();

    let mut chosen: Vec<usize> = all().filter(|&at| rss_bytes(at).is_some()).collect();
    chosen.sort_by_key(|&at| std::cmp::Reverse(rss_bytes(at)));
    chosen.truncate(OF_A_SORT);
    let mut busiest: Vec<usize> = all().filter(|&at| used(at).is_some()).collect();
    busiest.sort_by(|&left, &right| used(right).unwrap_or(0.0).total_cmp(&used(left).unwrap_or(0.0)));
    busiest.truncate(OF_A_SORT);
    busiest.retain(|at| !chosen.contains(at));
    chosen.extend(busiest);
    chosen.sort_by_key(|&at| std::cmp::Reverse(every[at].rss_bytes));
    chosen.into_iter().map(|at| every[at].clone()).collect()
}
