//! What can be read here, and what it costs: what `mtaio doctor` shows.

use std::path::Path;

use super::costs::KEPT_READINGS;
use super::{Cost, RawSample, Section, SectionHealth, Source, State, Surroundings};
use crate::clock::Clock;

/// A machine that is so slow that this is not enough for all readings gets fewer of them.
const LONGEST_NS: u64 = 1_000_000_000;

/// Readings that there are at least.
const FEWEST_READINGS: usize = 3;

/// By how much the clock is put forward between two readings that are to read everything: an hour makes all of it due.
const AHEAD_SECONDS: f64 = 3_600.0;

/// What a monitor can read here, what it lacks and why, and what that costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    /// Where it was asked.
    pub surroundings: Surroundings,
    /// The interval that the costs are held against.
    pub interval_seconds: f64,
    /// Every section. The cost of one that is read from time to time is that of the readings that do look.
    pub sections: Vec<SectionHealth>,
    /// An ordinary sample, in which nothing is due that is read from time to time.
    pub sample: Option<Cost>,
    /// A sample in which all of that is due at once.
    pub fullest_sample: Option<Cost>,
    /// The share of one processor that sampling takes at this interval; 100 is all of it.
    pub core_percent: Option<f64>,
}

impl Diagnosis {
    /// Reads this machine some fifty times, which takes a few milliseconds.
    #[must_use]
    pub fn of_this_machine(interval_seconds: f64) -> Self {
        Self::of(super::native, Surroundings::below(Path::new("/")), &Clock::system(), interval_seconds)
    }

    /// The machine whose `proc` and `sys` lie below `root`.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn below(root: &Path, clock: &Clock, interval_seconds: f64) -> Self {
        let source = || Box::new(super::linux::LinuxSource::with_root(root)) as Box<dyn Source>;
        Self::of(source, Surroundings::below(root), clock, interval_seconds)
    }

    /// Reads what `source` makes.
    #[must_use]
    pub fn of(
        source: impl Fn() -> Box<dyn Source>,
        surroundings: Surroundings,
        clock: &Clock,
        interval_seconds: f64,
    ) -> Self {
        let (ordinary, sample) = readings(&mut *source(), |_| clock.clone());
        let (full, fullest_sample) =
            readings(&mut *source(), |reading| clock.ahead(AHEAD_SECONDS * (1.0 + reading as f64)));
        let core_percent = sample.map(|sample| {
            let extra = |(ordinary, full): (&SectionHealth, &SectionHealth)| {
                let extra = full.cost?.median_seconds - ordinary.cost?.median_seconds;
                // At an interval longer than its pace it is read in each sample.
                Some(extra.max(0.0) / full.every_seconds?.max(interval_seconds))
            };
            let paced: f64 = ordinary.iter().zip(&full).filter_map(extra).sum();
            100.0 * (sample.median_seconds / interval_seconds + paced)
        });
        let sections = ordinary.into_iter().zip(full).map(|(ordinary, full)| {
            let cost = if full.every_seconds.is_some() { full.cost } else { ordinary.cost };
            SectionHealth { cost, ..ordinary }
        });
        let sections = sections.collect();
        Self { surroundings, interval_seconds, sections, sample, fullest_sample, core_percent }
    }

    /// Whether a monitor works here: the sections without which it is none can be read, if not to the last field.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !self.in_state(State::Missing).any(Section::is_core)
    }

    /// The sections in a state.
    pub fn in_state(&self, state: State) -> impl Iterator<Item = Section> {
        self.sections.iter().filter(move |section| section.state == state).map(|section| section.section)
    }
}

/// How the sections are after some readings, of which the first, which opens the files, does not count.
fn readings(source: &mut dyn Source, clock_of: impl Fn(usize) -> Clock) -> (Vec<SectionHealth>, Option<Cost>) {
    let mut sample = RawSample::default();
    let system = Clock::system();
    let begun_ns = system.monotonic_ns();
    for reading in 0..=KEPT_READINGS {
        if reading > FEWEST_READINGS && system.monotonic_ns() - begun_ns > LONGEST_NS {
            break;
        }
        source.read(&clock_of(reading), &mut sample);
    }
    let mut sections = source.health();
    sections.iter_mut().for_each(|section| section.complete(&sample));
    (sections, source.cost())
}
