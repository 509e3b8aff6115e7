//! One reading after another, each held against the right earlier one.

use crate::clock::{Clock, EpochClock, Instant3};
use crate::rates::{Baselines, Details, Interval, cpu_delta};
use crate::sampling::{RawSample, SectionHealth, Source};

use super::config::Scope;
use super::pressure_watch::PressureSample;

/// A timer that is late once and punctual the next time makes an interval a little shorter than asked for; that must
/// not send the window of a tick back a whole interval further. So a tick takes a baseline that is this share of the
/// window too young.
const TIMER_SLACK: f64 = 0.05;

/// A source, the baselines for its readings, and the stamps that they get.
///
/// Ticks of the cadence and readings asked for in between have baselines of their own: somebody who asks often must
/// not shorten the windows of the history.
pub struct Sampler {
    source: Box<dyn Source>,
    clock: Clock,
    scope: Scope,
    zfs_arc_available: bool,
    /// How much the wall or boot clock may drift from the monotonic one between two readings before it is an event.
    tolerance_ns: u64,
    tick_slack_ns: u64,
    raw: RawSample,
    ticks: Baselines,
    asked: Baselines,
    stamps: EpochClock,
    last: Option<Instant3>,
    suspends: u64,
    wall_jumps: u64,
    restarts: u64,
    /// There was a gap that no tick has heeded yet, by muting the alerts.
    gap_unheeded: bool,
    /// There was a gap that no row of the history shows yet.
    gap_unmarked: bool,
}

/// A reading, and what was noticed while taking it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// The sample. Without a baseline it has levels and no rates.
    pub interval: Interval,
    /// Whether there was a baseline, so that shares and rates are measured.
    pub has_window: bool,
    /// The machine slept or the counters started anew since the reading before: time that nobody saw.
    pub after_gap: bool,
    /// The totals of the pressure files.
    pub pressure: PressureSample,
}

impl Sampler {
    /// A sampler for ticks `interval_ns` apart.
    #[must_use]
    pub fn new(source: Box<dyn Source>, clock: Clock, interval_ns: u64) -> Self {
        let window_seconds = source.minimum_window_seconds();
        Self {
            source,
            clock,
            scope: Scope::default(),
            zfs_arc_available: true,
            // At 1 ms intervals half an interval is within a busy machine's scheduling noise.
            tolerance_ns: (interval_ns / 2).max(100_000_000),
            // Faster ticks have another one a little further back.
            tick_slack_ns: if interval_ns as f64 >= window_seconds * 1e9 {
                (window_seconds * TIMER_SLACK * 1e9) as u64
            } else {
                0
            },
            raw: RawSample::default(),
            ticks: Baselines::new(window_seconds),
            asked: Baselines::new(window_seconds),
            stamps: EpochClock::default(),
            last: None,
            suspends: 0,
            wall_jumps: 0,
            restarts: 0,
            gap_unheeded: false,
            gap_unmarked: false,
        }
    }

    /// What the unqualified numbers are shares of, if not of what this process may use.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Whether what the cache of ZFS gives back counts as available memory.
    #[must_use]
    pub fn with_zfs_arc_available(mut self, available: bool) -> Self {
        self.zfs_arc_available = available;
        self
    }

    /// A reading of the cadence.
    pub fn tick(&mut self) -> Reading {
        self.read();
        let mut reading = self.join(true);
        reading.after_gap = std::mem::take(&mut self.gap_unheeded);
        if reading.has_window {
            reading.interval.time.gap = std::mem::take(&mut self.gap_unmarked);
        }
        self.ticks.keep(&mut self.raw);
        reading
    }

    /// A reading that somebody asks for now, against the newest earlier reading of either sort.
    pub fn ask(&mut self) -> Reading {
        self.ask_in_detail().0
    }

    /// As [`Self::ask`], with what there is of each processor, disk, interface and file system.
    pub fn ask_in_detail(&mut self) -> (Reading, Details) {
        let after_gap = self.read();
        let mut reading = self.join(false);
        reading.after_gap = after_gap;
        reading.interval.time.gap = after_gap;
        let details = Details::between(self.baseline(false), &self.raw);
        self.asked.keep(&mut self.raw);
        (reading, details)
    }

    /// Seconds until [`Self::ask`] will have a window; `None` before the first reading.
    #[must_use]
    pub fn seconds_until_window(&self) -> Option<f64> {
        let ready_ns = self.ticks.ready_at_ns().into_iter().chain(self.asked.ready_at_ns()).min()?;
        Some(ready_ns.saturating_sub(self.clock.monotonic_ns()) as f64 / 1e9)
    }

    /// The cadence begins, or begins again after a stop: what was before is no baseline, and leaves a hole.
    pub fn start_anew(&mut self) {
        self.gap_unmarked |= self.ticks.ready_at_ns().is_some();
        self.ticks.forget();
    }

    /// How the source's readings have gone, and what the newest of them lacks.
    #[must_use]
    pub fn source_health(&self) -> Vec<SectionHealth> {
        let mut sections = self.source.health();
        let newest = self.ticks.newest().into_iter().chain(self.asked.newest());
        if let Some(newest) = newest.max_by_key(|reading| reading.clock.monotonic_ns) {
            sections.iter_mut().for_each(|section| section.complete(newest));
        }
        sections
    }

    /// Readings that gave nothing, so far.
    #[must_use]
    pub fn failed_reads(&self) -> u64 {
        self.source.failures()
    }

    /// How often the machine slept, the wall clock was set, and the counters started anew.
    #[must_use]
    pub fn events(&self) -> (u64, u64, u64) {
        (self.suspends, self.wall_jumps, self.restarts)
    }

    /// Reads, and says whether there is a gap before this reading; if so all baselines are gone.
    fn read(&mut self) -> bool {
        self.source.read(&self.clock, &mut self.raw);
        let now = self.raw.clock;
        let slept = self.last.is_some_and(|last| {
            let monotonic = now.monotonic_ns.saturating_sub(last.monotonic_ns);
            let wall = i128::from(now.realtime_ns) - i128::from(last.realtime_ns);
            let slept_ns = now.boottime_ns.saturating_sub(last.boottime_ns).saturating_sub(monotonic);
            // A clock that NTP slews gains or loses up to 500 ppm, which is no jump however long ago the last reading.
            let tolerance_ns = u128::from(self.tolerance_ns.max(monotonic / 1_000));
            if (wall - i128::from(monotonic) - i128::from(slept_ns)).unsigned_abs() > tolerance_ns {
                self.wall_jumps += 1;
            }
            slept_ns > self.tolerance_ns
        });
        self.last = Some(now);
        let restarted = !slept && self.counters_restarted();
        self.suspends += u64::from(slept);
        self.restarts += u64::from(restarted);
        let after_gap = slept || restarted;
        if after_gap {
            self.ticks.forget();
            self.asked.forget();
            self.gap_unheeded = true;
            self.gap_unmarked = true;
        }
        after_gap
    }

    /// Whether the processors' counters belong to another life than the baselines' (P4).
    fn counters_restarted(&self) -> bool {
        let now_ns = self.raw.clock.monotonic_ns + self.tick_slack_ns;
        let baseline = self.ticks.for_reading_at(now_ns).or_else(|| self.asked.for_reading_at(now_ns));
        let before = baseline.and_then(|raw| raw.cpu.as_ref());
        before
            .zip(self.raw.cpu.as_ref())
            .is_some_and(|(before, now)| cpu_delta(&before.value.total, &now.value.total).is_none())
    }

    fn join(&mut self, ticks_only: bool) -> Reading {
        let baseline = self.baseline(ticks_only);
        let has_window = baseline.is_some();
        let mut interval = Interval::between(baseline, &self.raw);
        interval.container.cpu.sets_scope = self.scope == Scope::Auto;
        if self.zfs_arc_available {
            interval.memory.add_arc();
        }
        interval.time.timestamp_ns = self.stamps.stamp(self.raw.clock);
        Reading { interval, has_window, after_gap: false, pressure: (&self.raw).into() }
    }

    fn baseline(&self, ticks_only: bool) -> Option<&RawSample> {
        let now_ns = self.raw.clock.monotonic_ns;
        let of_ticks = self.ticks.for_reading_at(if ticks_only { now_ns + self.tick_slack_ns } else { now_ns });
        let of_asked = if ticks_only { None } else { self.asked.for_reading_at(now_ns) };
        of_ticks.into_iter().chain(of_asked).max_by_key(|baseline| baseline.clock.monotonic_ns)
    }
}
