//! Time. This is the only file of the product that reads a clock.
//!
//! Three kernel clocks answer three questions, and a monitor that mixes them up reports nonsense after a
//! suspend or an NTP step (`sampling.md`, P36):
//!
//! - *monotonic* — how long did it take? Never jumps; stops while the machine is suspended.
//! - *boottime* — as monotonic, and counts suspended time. `boottime - monotonic` growing means a suspend.
//! - *realtime* — what is the date? May jump either way at any moment.
//!
//! Tests move time by hand with [`Clock::manual`] and never sleep.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Nanoseconds in a second.
pub const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// One instant, as the three clocks see it. All in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instant3 {
    /// `CLOCK_MONOTONIC`: for durations.
    pub monotonic_ns: u64,
    /// `CLOCK_BOOTTIME`: monotonic plus the time spent suspended. Equals `monotonic_ns` where a system has none.
    pub boottime_ns: u64,
    /// `CLOCK_REALTIME`: since the Unix epoch.
    pub realtime_ns: u64,
}

/// Clocks that were read further apart than this show two moments, not one.
const ONE_MOMENT_NS: u64 = 1_000_000;
/// How often a thread that waits for a [`ManualClock`] looks at it.
const MANUAL_NAP: Duration = Duration::from_millis(1);

/// A source of time: the system's, or one that a test moves.
#[derive(Clone, Debug, Default)]
pub struct Clock(Inner);

#[derive(Clone, Debug, Default)]
enum Inner {
    #[default]
    System,
    /// The system's, so many nanoseconds ahead.
    Ahead(u64),
    Manual(Arc<ManualClock>),
}

impl Clock {
    /// The system's clocks.
    #[must_use]
    pub fn system() -> Self {
        Self(Inner::System)
    }

    /// A clock that stands still until the returned [`ManualClock`] moves it.
    ///
    /// ```
    /// use mtaio_monitoring::clock::Clock;
    /// let (clock, hand) = Clock::manual();
    /// let before = clock.monotonic_ns();
    /// hand.advance(1.5);
    /// assert_eq!(clock.monotonic_ns() - before, 1_500_000_000);
    /// ```
    #[must_use]
    pub fn manual() -> (Self, Arc<ManualClock>) {
        let hand = Arc::new(ManualClock::default());
        (Self(Inner::Manual(Arc::clone(&hand))), hand)
    }

    /// This clock, `seconds` later: what is due by then is due on it now. One that is moved by hand stays where it is.
    #[must_use]
    pub fn ahead(&self, seconds: f64) -> Self {
        let step = (seconds * 1e9) as u64;
        Self(match &self.0 {
            Inner::System => Inner::Ahead(step),
            Inner::Ahead(ns) => Inner::Ahead(ns.saturating_add(step)),
            Inner::Manual(hand) => Inner::Manual(Arc::clone(hand)),
        })
    }

    /// Nanoseconds on the monotonic clock. Its zero is arbitrary.
    #[must_use]
    pub fn monotonic_ns(&self) -> u64 {
        match &self.0 {
            Inner::System => system::monotonic_ns(),
            Inner::Ahead(ns) => system::monotonic_ns().saturating_add(*ns),
            Inner::Manual(hand) => hand.monotonic_ns.load(Ordering::Acquire),
        }
    }

    /// All three clocks, read one right after the other.
    ///
    /// A thread that loses its processor between two of them would see a suspend, or a wall clock that was set, where
    /// there was none; so it reads them again.
    #[must_use]
    pub fn now(&self) -> Instant3 {
        match &self.0 {
            Inner::System => {
                let mut now = read_system();
                for _ in 0..3 {
                    if system::monotonic_ns().saturating_sub(now.monotonic_ns) <= ONE_MOMENT_NS {
                        break;
                    }
                    now = read_system();
                }
                now
            }
            Inner::Ahead(ns) => {
                let now = Self::system().now();
                let [monotonic_ns, boottime_ns, realtime_ns] =
                    [now.monotonic_ns, now.boottime_ns, now.realtime_ns].map(|now_ns| now_ns.saturating_add(*ns));
                Instant3 { monotonic_ns, boottime_ns, realtime_ns }
            }
            Inner::Manual(hand) => Instant3 {
                monotonic_ns: hand.monotonic_ns.load(Ordering::Acquire),
                boottime_ns: hand.boottime_ns.load(Ordering::Acquire),
                realtime_ns: hand.realtime_ns.load(Ordering::Acquire),
            },
        }
    }

    /// How long a thread may wait, on the system's own timer, before it must look at this clock again, if it waits for
    /// a moment `left_ns` away. A clock that is moved by hand is looked at often, because it wakes nobody.
    #[must_use]
    pub fn nap(&self, left_ns: u64) -> Duration {
        let left = Duration::from_nanos(left_ns);
        match &self.0 {
            Inner::System | Inner::Ahead(_) => left,
            Inner::Manual(_) => left.min(MANUAL_NAP),
        }
    }

    /// The clock for the hot path that goes with this one.
    #[must_use]
    pub fn fast(&self) -> FastClock {
        FastClock(match &self.0 {
            Inner::System | Inner::Ahead(_) => Fast::Counter(quanta::Clock::new()),
            Inner::Manual(hand) => Fast::Manual(Arc::clone(hand)),
        })
    }

    /// Processor time that this process has used, all threads, in nanoseconds
    /// (`CLOCK_PROCESS_CPUTIME_ID`: 0.7 µs, and no 10 ms ticks as in `/proc/self/stat`).
    /// `None` where the system has no such clock.
    #[must_use]
    pub fn process_cpu_ns(&self) -> Option<u64> {
        match &self.0 {
            Inner::System | Inner::Ahead(_) => system::process_cpu_ns(),
            Inner::Manual(hand) => Some(hand.process_cpu_ns.load(Ordering::Acquire)),
        }
    }

    /// Processor time that the calling thread has used, in nanoseconds (`CLOCK_THREAD_CPUTIME_ID`). `None` where the
    /// system has no such clock. By hand it is the processor time of the process: there all of it is one thread's.
    #[must_use]
    pub fn thread_cpu_ns(&self) -> Option<u64> {
        match &self.0 {
            Inner::System | Inner::Ahead(_) => system::thread_cpu_ns(),
            Inner::Manual(hand) => Some(hand.process_cpu_ns.load(Ordering::Acquire)),
        }
    }
}

/// A clock for the hot path: the processor's own counter where it is sound (about 10 ns a read, where the system's clock
/// takes 30), the system's monotonic clock elsewhere. Its zero is arbitrary.
#[derive(Clone, Debug)]
pub struct FastClock(Fast);

#[derive(Clone, Debug)]
enum Fast {
    Counter(quanta::Clock),
    Manual(Arc<ManualClock>),
}

impl FastClock {
    /// The counter now, in ticks of its own.
    #[must_use]
    #[inline]
    pub fn ticks(&self) -> u64 {
        match &self.0 {
            Fast::Counter(counter) => counter.raw(),
            Fast::Manual(hand) => hand.monotonic_ns.load(Ordering::Acquire),
        }
    }

    /// About how many ticks there are in so many nanoseconds.
    #[must_use]
    pub fn ticks_in(&self, nanoseconds: u64) -> u64 {
        const SPAN: u64 = 1 << 32;
        let span_ns = self.nanoseconds(SPAN).max(1);
        (u128::from(nanoseconds) * u128::from(SPAN) / u128::from(span_ns)) as u64
    }

    /// Nanoseconds in so many ticks.
    #[must_use]
    pub fn nanoseconds(&self, ticks: u64) -> u64 {
        match &self.0 {
            Fast::Counter(counter) => counter.delta_as_nanos(0, ticks),
            Fast::Manual(_) => ticks,
        }
    }
}

/// The hand of a clock that tests move. It starts at 1 000 s after boot, on 2026-01-01.
#[derive(Debug)]
pub struct ManualClock {
    monotonic_ns: AtomicU64,
    boottime_ns: AtomicU64,
    realtime_ns: AtomicU64,
    process_cpu_ns: AtomicU64,
}

impl Default for ManualClock {
    fn default() -> Self {
        Self {
            monotonic_ns: AtomicU64::new(1_000 * NANOS_PER_SECOND),
            boottime_ns: AtomicU64::new(1_000 * NANOS_PER_SECOND),
            realtime_ns: AtomicU64::new(1_767_225_600 * NANOS_PER_SECOND),
            process_cpu_ns: AtomicU64::new(0),
        }
    }
}

impl ManualClock {
    /// Lets `seconds` pass on all three clocks.
    pub fn advance(&self, seconds: f64) {
        let step = (seconds * 1e9) as u64;
        for clock in [&self.monotonic_ns, &self.boottime_ns, &self.realtime_ns] {
            clock.fetch_add(step, Ordering::AcqRel);
        }
    }

    /// The machine sleeps for `seconds`: the monotonic clock stands still.
    pub fn suspend(&self, seconds: f64) {
        let step = (seconds * 1e9) as u64;
        self.boottime_ns.fetch_add(step, Ordering::AcqRel);
        self.realtime_ns.fetch_add(step, Ordering::AcqRel);
    }

    /// Somebody sets the date: only the wall clock moves, forwards or backwards.
    pub fn jump_wall(&self, seconds: f64) {
        let step = (seconds.abs() * 1e9) as u64;
        if seconds < 0.0 {
            self.realtime_ns.fetch_sub(step, Ordering::AcqRel);
        } else {
            self.realtime_ns.fetch_add(step, Ordering::AcqRel);
        }
    }

    /// The process burns `seconds` of processor time.
    pub fn burn(&self, seconds: f64) {
        self.process_cpu_ns.fetch_add((seconds * 1e9) as u64, Ordering::AcqRel);
    }
}

/// Turns monotonic time into epoch timestamps that never go backwards and still follow the wall clock.
///
/// A wall clock that is set back must not make a history go back (`api.md`: "never going backwards within one
/// history"), and must not leave its stamps wrong for ever either. So a forward step is followed at once, and a
/// backward step is made good at half speed: the stamps advance half a second per second until they meet the wall.
#[derive(Clone, Copy, Debug, Default)]
pub struct EpochClock {
    last: Option<(u64, u64)>,
}

impl EpochClock {
    /// The timestamp for `now`, in nanoseconds since the epoch, never smaller than the one before.
    pub fn stamp(&mut self, now: Instant3) -> u64 {
        let stamp = match self.last {
            Some((monotonic_ns, stamp)) => {
                now.realtime_ns.max(stamp + now.monotonic_ns.saturating_sub(monotonic_ns) / 2)
            }
            None => now.realtime_ns,
        };
        self.last = Some((now.monotonic_ns, stamp));
        stamp
    }
}

fn read_system() -> Instant3 {
    Instant3 {
        monotonic_ns: system::monotonic_ns(),
        boottime_ns: system::boottime_ns(),
        realtime_ns: system::realtime_ns(),
    }
}

#[cfg(unix)]
mod system {
    use rustix::time::{ClockId, Timespec, clock_gettime};

    fn nanoseconds(time: Timespec) -> u64 {
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        seconds * super::NANOS_PER_SECOND + u64::try_from(time.tv_nsec).unwrap_or(0)
    }

    pub(super) fn monotonic_ns() -> u64 {
        nanoseconds(clock_gettime(ClockId::Monotonic))
    }

    #[cfg(target_os = "linux")]
    pub(super) fn boottime_ns() -> u64 {
        nanoseconds(clock_gettime(ClockId::Boottime))
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn boottime_ns() -> u64 {
        monotonic_ns()
    }

    pub(super) fn realtime_ns() -> u64 {
        nanoseconds(clock_gettime(ClockId::Realtime))
    }

    #[allow(clippy::unnecessary_wraps, reason = "the other systems have no such clock")]
    pub(super) fn process_cpu_ns() -> Option<u64> {
        Some(nanoseconds(clock_gettime(ClockId::ProcessCPUTime)))
    }

    #[allow(clippy::unnecessary_wraps, reason = "the other systems have no such clock")]
    pub(super) fn thread_cpu_ns() -> Option<u64> {
        Some(nanoseconds(clock_gettime(ClockId::ThreadCPUTime)))
    }
}

#[cfg(not(unix))]
mod system {
    use std::sync::OnceLock;
    use std::time::{Instant, SystemTime, UNIX_EPOCH};

    pub(super) fn monotonic_ns() -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed().as_nanos() as u64
    }

    pub(super) fn boottime_ns() -> u64 {
        monotonic_ns()
    }

    pub(super) fn realtime_ns() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
    }

    pub(super) fn process_cpu_ns() -> Option<u64> {
        None
    }

    pub(super) fn thread_cpu_ns() -> Option<u64> {
        None
    }
}
