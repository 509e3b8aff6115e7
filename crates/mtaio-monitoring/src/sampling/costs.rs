//! What reading costs, measured while reading.

use super::Section;
use crate::clock::Clock;

/// What a reading took, of the newest few.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Half of the readings took no longer.
    pub median_seconds: f64,
    /// None took longer.
    pub worst_seconds: f64,
    /// Readings that this is of.
    pub readings: u32,
}

/// Readings that are kept: a minute's, at one a second.
pub(super) const KEPT_READINGS: usize = 50;

/// The newest readings' nanoseconds, of each section and of the whole sample.
///
/// A section costs one reading of the clock and one store, so that it need not be switched on.
#[derive(Clone, Debug)]
pub(super) struct Costs {
    sections: [Recent; Section::ALL.len()],
    sample: Recent,
    /// The sample that is being read.
    now: [u32; Section::ALL.len()],
    begun_ns: u64,
    lap_ns: u64,
}

impl Costs {
    pub(super) fn new() -> Self {
        Self {
            sections: std::array::from_fn(|_| Recent::default()),
            sample: Recent::default(),
            now: [0; Section::ALL.len()],
            begun_ns: 0,
            lap_ns: 0,
        }
    }

    /// A sample begins.
    pub(super) fn begin(&mut self, now_ns: u64) {
        self.now = [0; Section::ALL.len()];
        (self.begun_ns, self.lap_ns) = (now_ns, now_ns);
    }

    /// What has been done since the last call was for this section. A section may have several such parts.
    pub(super) fn lap(&mut self, section: Section, clock: &Clock) {
        let now_ns = clock.monotonic_ns();
        let part = &mut self.now[section as usize];
        *part = part.saturating_add(short(now_ns.saturating_sub(self.lap_ns)));
        self.lap_ns = now_ns;
    }

    /// The sample has been read.
    pub(super) fn end(&mut self) {
        for (recent, &ns) in self.sections.iter_mut().zip(&self.now) {
            recent.push(ns);
        }
        self.sample.push(short(self.lap_ns.saturating_sub(self.begun_ns)));
    }

    pub(super) fn of(&self, section: Section) -> Option<Cost> {
        self.sections[section as usize].cost()
    }

    pub(super) fn of_sample(&self) -> Option<Cost> {
        self.sample.cost()
    }
}

/// Four seconds are as good as for ever.
fn short(ns: u64) -> u32 {
    u32::try_from(ns).unwrap_or(u32::MAX)
}

#[derive(Clone, Debug)]
struct Recent {
    ns: [u32; KEPT_READINGS],
    count: usize,
}

impl Default for Recent {
    fn default() -> Self {
        Self { ns: [0; KEPT_READINGS], count: 0 }
    }
}

impl Recent {
    fn push(&mut self, ns: u32) {
        self.ns[self.count % KEPT_READINGS] = ns;
        self.count += 1;
    }

    fn cost(&self) -> Option<Cost> {
        let mut ns = self.ns;
        let ns = &mut ns[..self.count.min(KEPT_READINGS)];
        ns.sort_unstable();
        let seconds = |ns: u32| f64::from(ns) / 1e9;
        Some(Cost {
            median_seconds: seconds(*ns.get(ns.len() / 2)?),
            worst_seconds: seconds(*ns.last()?),
            readings: ns.len() as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_goes_to_its_section_and_old_readings_go() {
        let (clock, hand) = Clock::manual();
        let mut costs = Costs::new();
        assert_eq!(costs.of_sample(), None);
        let mut sample = |first: f64| {
            costs.begin(clock.monotonic_ns());
            for (section, seconds) in [(Section::Cpu, first), (Section::Load, 2e-6), (Section::Cpu, 3e-6)] {
                hand.advance(seconds);
                costs.lap(section, &clock);
            }
            costs.end();
            [costs.of(Section::Cpu), costs.of(Section::Load), costs.of_sample()].map(|cost| {
                cost.map(|cost| ((cost.median_seconds * 1e6).round(), (cost.worst_seconds * 1e6).round()))
            })
        };
        assert_eq!(sample(10e-6), [Some((13.0, 13.0)), Some((2.0, 2.0)), Some((15.0, 15.0))]);
        sample(1e-6);
        assert_eq!(sample(1e-6), [Some((4.0, 13.0)), Some((2.0, 2.0)), Some((6.0, 15.0))]);
        for _ in 0..KEPT_READINGS {
            sample(1e-6);
        }
        assert_eq!(sample(1e-6), [Some((4.0, 4.0)), Some((2.0, 2.0)), Some((6.0, 6.0))]);
    }
}
