//! What is known of all traces of a name.

use std::collections::BTreeMap;

use crate::clock::FastClock;
use crate::metrics::{SketchSnapshot, Tally};

use super::finished::LetGo;
use super::profile::seconds;
use super::record::{Record, Status};

/// The percentiles that [`ProfileMetrics`] gives.
const PERCENTILES: [u8; 4] = [50, 90, 95, 99];

/// What is known of all traces of one name, or of all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProfileMetrics {
    /// Finished traces.
    pub call_count: u64,
    /// Seconds, summed.
    pub total_time: f64,
    /// Mean seconds; 0 without a trace.
    pub avg_time: f64,
    /// Shortest, in seconds.
    pub min_time: f64,
    /// Longest, in seconds.
    pub max_time: f64,
    /// Seconds that those ran of which it is known.
    pub run_time: f64,
    /// How many of them that is known of.
    pub run_count: u64,
    /// Seconds that those waited of which it is known.
    pub wait_time: f64,
    /// Change of the resident memory from beginning to end, in bytes, summed over the traces. Traces that overlap see
    /// the same change.
    pub memory_total: i64,
    /// The same, a trace.
    pub memory_avg: f64,
    /// Traces that ended with an error.
    pub error_count: u64,
    /// Percentile → seconds, of 50, 90, 95 and 99: exact while all traces are held, within 0.55 % otherwise.
    pub percentiles: BTreeMap<u8, f64>,
}

/// Traces that are not held one by one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sum {
    pub(crate) count: u64,
    pub(crate) total: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) run: f64,
    pub(crate) run_count: u64,
    /// Duration of those that have a run time.
    pub(crate) run_duration: f64,
    pub(crate) memory: i64,
    pub(crate) errors: u64,
    /// Of the durations in seconds.
    pub(crate) sketch: SketchSnapshot,
}

impl Sum {
    pub(super) fn of(let_go: &LetGo, clock: &FastClock) -> Self {
        let time = |ticks: u128| match u64::try_from(ticks) {
            Ok(ticks) => seconds(clock.nanoseconds(ticks)),
            // More than two centuries, as a million traces that each take a day.
            Err(_) => ticks as f64 * (seconds(clock.nanoseconds(1 << 62)) / (1_u64 << 62) as f64),
        };
        let (total, min, max) = (time(let_go.total), time(let_go.min.into()), time(let_go.max.into()));
        Self {
            count: let_go.count,
            total,
            min,
            max,
            run: time(let_go.run),
            run_count: let_go.run_count,
            run_duration: time(let_go.run_duration),
            memory: let_go.memory_kib * 1024,
            errors: let_go.errors,
            sketch: let_go.durations.snapshot(total, min, max),
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.min = if self.count == 0 { other.min } else { self.min.min(other.min) };
        self.max = self.max.max(other.max);
        self.count += other.count;
        self.total += other.total;
        self.run += other.run;
        self.run_count += other.run_count;
        self.run_duration += other.run_duration;
        self.memory = self.memory.saturating_add(other.memory);
        self.errors += other.errors;
        self.sketch.merge(&other.sketch);
    }
}

/// The metrics of traces that are held and of others that are not.
pub(super) fn metrics_of<'a>(held: impl Iterator<Item = &'a Record>, mut sum: Sum) -> ProfileMetrics {
    let let_go = sum.count > 0;
    let mut own = Sum::default();
    let mut total_ns = 0_u128;
    let (mut run_ns, mut run_duration_ns) = (0_u128, 0_u128);
    let mut durations: Vec<u64> = Vec::with_capacity(held.size_hint().1.unwrap_or(0));
    for record in held {
        let duration = record.duration();
        durations.push(duration);
        total_ns += u128::from(duration);
        if let Some(run) = record.run() {
            run_ns += u128::from(run);
            run_duration_ns += u128::from(duration);
            own.run_count += 1;
        }
        own.memory = own.memory.saturating_add(record.memory_delta_kib() * 1024);
        own.errors += u64::from(record.status == Status::Error);
    }
    own.count = durations.len() as u64;
    own.total = total_ns as f64 / 1e9;
    own.run = run_ns as f64 / 1e9;
    own.run_duration = run_duration_ns as f64 / 1e9;
    own.min = durations.iter().min().copied().map_or(0.0, seconds);
    own.max = durations.iter().max().copied().map_or(0.0, seconds);
    let percentiles = if let_go {
        let mut tally = Tally::default();
        for duration in &durations {
            tally.count(seconds(*duration));
        }
        sum.sketch.merge(&tally.snapshot(own.total, own.min, own.max));
        let quantile = |percentile: u8| Some((percentile, sum.sketch.quantile(f64::from(percentile) / 100.0)?));
        PERCENTILES.into_iter().filter_map(quantile).collect()
    } else {
        exact_percentiles(&mut durations)
    };
    sum.add(&own);
    let a_trace = |total: f64| if sum.count == 0 { 0.0 } else { total / sum.count as f64 };
    ProfileMetrics {
        call_count: sum.count,
        total_time: sum.total,
        avg_time: a_trace(sum.total),
        min_time: sum.min,
        max_time: sum.max,
        run_time: sum.run,
        run_count: sum.run_count,
        wait_time: (sum.run_duration - sum.run).max(0.0),
        memory_total: sum.memory,
        memory_avg: a_trace(sum.memory as f64),
        error_count: sum.errors,
        percentiles,
    }
}

/// Nearest rank: the smallest duration that at least so many percent do not exceed. Sorting a million would take most of
/// the time, so each percentile is selected from what lies above the one before.
fn exact_percentiles(durations: &mut [u64]) -> BTreeMap<u8, f64> {
    let mut percentiles = BTreeMap::new();
    let mut below = 0;
    for percentile in PERCENTILES {
        if durations.is_empty() {
            break;
        }
        let rank = (durations.len() * usize::from(percentile)).div_ceil(100).max(1) - 1;
        if rank >= below {
            let (_, found, _) = durations[below..].select_nth_unstable(rank - below);
            percentiles.insert(percentile, seconds(*found));
            below = rank + 1;
        } else {
            percentiles.insert(percentile, seconds(durations[rank]));
        }
    }
    percentiles
}
