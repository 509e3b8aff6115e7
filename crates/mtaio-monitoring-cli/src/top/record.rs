//! What was seen so far: the screen can go back in it while sampling goes on.
//!
//! All of it would take too much memory: a list of thousands of processes a second most of all. So what the charts
//! show is kept for a day at one sample a second, all figures for an hour of it, and lists for ten minutes.

use std::collections::VecDeque;

use mtaio_monitoring::rates::{ProcessEvidence, SystemStats};

use super::observation::{Lists, Observation};

/// Samples that the charts go back to; 72 bytes each.
const CHARTED: usize = 86_400;
/// Of these, the newest that have all of their figures; some 2.5 KiB each.
const WITH_FIGURES: usize = 3_600;
/// Of these, the newest that have their lists.
const WITH_LISTS: usize = 600;
/// Processes in a list of the past: those with the most processor time and memory.
const PROCESSES: usize = 200;
/// A list is of a moment for so many seconds after it, at short intervals.
const LIST_SECONDS: f64 = 5.0;

/// What charts show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    Processors,
    Memory,
    DiskRead,
    DiskWrite,
    NetworkIn,
    NetworkOut,
    PressureProcessors,
    PressureMemory,
    PressureIo,
}

const COURSES: [Course; 9] = [
    Course::Processors,
    Course::Memory,
    Course::DiskRead,
    Course::DiskWrite,
    Course::NetworkIn,
    Course::NetworkOut,
    Course::PressureProcessors,
    Course::PressureMemory,
    Course::PressureIo,
];

impl Course {
    fn of(self, stats: &SystemStats) -> Option<f64> {
        let pressure = super::panels::pressure::of_whom(stats).0;
        match self {
            Self::Processors => stats.cpu.usage_percent,
            Self::Memory => stats.memory.percent,
            Self::DiskRead => stats.io.read_bytes_per_second,
            Self::DiskWrite => stats.io.write_bytes_per_second,
            Self::NetworkIn => stats.network.receive_bytes_per_second,
            Self::NetworkOut => stats.network.transmit_bytes_per_second,
            Self::PressureProcessors => pressure.cpu.some_percent,
            Self::PressureMemory => pressure.memory.some_percent,
            Self::PressureIo => pressure.io.some_percent,
        }
    }
}

/// The smallest and the largest value of some time; `None` where nothing was measured in it.
pub(super) type Band = Option<(f64, f64)>;

/// Samples, oldest first.
#[derive(Debug, Default)]
pub(super) struct Record {
    samples: VecDeque<Sample>,
}

/// One sample, as much of it as is kept.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) timestamp: f64,
    /// Seconds that its rates and shares cover; 0 where that is not known.
    covers_seconds: f32,
    /// A value for each of [`COURSES`]; what was not measured is not a number.
    values: [f32; COURSES.len()],
    pub(super) stats: Option<Box<SystemStats>>,
    lists: Option<Box<Lists>>,
}

impl Record {
    /// Takes in what is newer than what there is.
    pub(super) fn take_in(&mut self, observation: &mut Observation) {
        for stats in observation.view.history.drain(..) {
            // Of a time that is not a number nobody can say whether it is newer.
            let newest = self.newest().map_or(f64::NEG_INFINITY, |newest| newest.timestamp);
            if stats.timestamp.is_finite() && stats.timestamp > newest {
                self.samples.push_back(Sample::of(stats));
            }
        }
        if let Some(lists) = observation.lists.take() {
            if lists.processes.is_some() {
                self.shorten_newest();
            }
            if let Some(newest) = self.samples.back_mut() {
                newest.lists = Some(Box::new(lists));
            }
        }
        self.let_go();
    }

    /// Every sample that has just become too old for what it holds is seen to: there may be several.
    fn let_go(&mut self) {
        while self.samples.len() > CHARTED {
            self.samples.pop_front();
        }
        let count = self.samples.len();
        let older = |by: usize| (0..count.saturating_sub(by)).rev();
        for at in older(WITH_FIGURES) {
            if self.samples[at].stats.take().is_none() {
                break;
            }
        }
        for at in older(WITH_LISTS).take(WITH_LISTS) {
            self.samples[at].lists = None;
        }
    }

    /// The list of now is whole, those of the past are not.
    fn shorten_newest(&mut self) {
        let lists = self.samples.iter_mut().rev().take(WITH_LISTS).filter_map(|sample| sample.lists.as_mut());
        if let Some(processes) = lists.filter_map(|lists| lists.processes.as_mut()).next() {
            shorten(processes);
        }
    }

    pub(super) fn newest(&self) -> Option<&Sample> {
        self.samples.back()
    }

    pub(super) fn oldest(&self) -> Option<&Sample> {
        self.samples.front()
    }

    /// The sample that was the newest at this time; the oldest there is, where the time is before all.
    pub(super) fn at(&self, time: Option<f64>) -> Option<&Sample> {
        let Some(time) = time else { return self.newest() };
        self.samples.get(self.until(time).saturating_sub(1))
    }

    /// The lists of that moment, each with one who has it: processes are not listed with every sample.
    pub(super) fn lists_at(&self, time: Option<f64>) -> (Option<&Lists>, Option<&Lists>) {
        let until = time.map_or(self.samples.len(), |time| self.until(time));
        let Some(moment) = until.checked_sub(1).map(|at| self.samples[at].timestamp) else { return (None, None) };
        let samples = self.samples.range(..until).rev();
        let near = samples.take_while(|sample| moment - sample.timestamp <= LIST_SECONDS);
        let mut lists = near.filter_map(|sample| sample.lists.as_deref()).peekable();
        (lists.peek().copied(), lists.find(|lists| lists.processes.is_some()))
    }

    /// How many samples are not younger than this.
    fn until(&self, time: f64) -> usize {
        self.samples.partition_point(|sample| sample.timestamp <= time)
    }

    /// The last `seconds` before and including `end`, in so many equal parts.
    ///
    /// The parts begin at multiples of their length, so that they hold the same samples from frame to frame.
    pub(super) fn bands(&self, course: Course, end: f64, seconds: f64, parts: usize) -> Vec<Band> {
        let mut bands: Vec<Band> = vec![None; parts];
        let each = seconds / parts.max(1) as f64;
        let last = (end / each).floor();
        let first = last - (parts as f64 - 1.0);
        // A sample just before the beginning may reach into it, and none of after the end is of it.
        let begin = self.until(first * each).saturating_sub(1);
        let mut before: Option<f64> = begin.checked_sub(1).map(|at| self.samples[at].timestamp);
        for sample in self.samples.range(begin..self.until(end)) {
            let value = f64::from(sample.values[course as usize]);
            let to = (sample.timestamp / each).floor() - first;
            let from = (sample.since(before) / each).floor() + 1.0 - first;
            before = Some(sample.timestamp);
            if !value.is_finite() || to < 0.0 {
                continue;
            }
            let to = (to as usize).min(parts.saturating_sub(1));
            for band in bands.iter_mut().take(to + 1).skip((from as usize).min(to)) {
                let (low, high) = band.unwrap_or((value, value));
                *band = Some((low.min(value), high.max(value)));
            }
        }
        bands
    }
}

impl Sample {
    fn of(stats: SystemStats) -> Self {
        let values = COURSES.map(|course| course.of(&stats).map_or(f32::NAN, |value| value as f32));
        // Across a gap nobody measured.
        let covers = stats.elapsed_seconds.filter(|_| !stats.gap).unwrap_or(0.0);
        Self {
            timestamp: stats.timestamp,
            covers_seconds: covers as f32,
            values,
            stats: Some(Box::new(stats)),
            lists: None,
        }
    }

    /// When what it covers began. The two clocks differ by a little, which is not to look like a gap.
    fn since(&self, before: Option<f64>) -> f64 {
        let covers = f64::from(self.covers_seconds);
        match before {
            Some(before) if self.timestamp - before <= 1.5 * covers => before,
            _ => self.timestamp - covers,
        }
    }
}

fn shorten(processes: &mut Vec<ProcessEvidence>) {
    if processes.len() <= PROCESSES {
        return;
    }
    // Half by one measure, half by the other.
    processes.sort_by_key(|process| std::cmp::Reverse(process.rss_bytes));
    let cores = |process: &ProcessEvidence| process.cpu_cores_used.unwrap_or(-1.0);
    processes[PROCESSES / 2..].sort_by(|left, right| cores(right).total_cmp(&cores(left)));
    processes.truncate(PROCESSES);
    processes.shrink_to_fit();
}

#[cfg(test)]
mod tests {
    use mtaio_monitoring::monitor::{Config, MonitorCore};
    use mtaio_monitoring::rates::{ProcessEvidence, SystemStats};

    use super::{CHARTED, Course, PROCESSES, Record, WITH_FIGURES, WITH_LISTS};
    use crate::top::{Lists, Observation};
    use crate::view::View;

    /// A sample a second from so many seconds on, with these shares of the processors.
    fn take_in(record: &mut Record, first: u32, shares: &[Option<f64>], processes: Option<usize>) {
        let monitor = MonitorCore::new(Config::default());
        let sample = |(at, share): (usize, &Option<f64>)| {
            let timestamp = f64::from(first) + at as f64;
            let mut stats = SystemStats { timestamp, elapsed_seconds: Some(1.0), ..SystemStats::default() };
            stats.cpu.usage_percent = *share;
            stats
        };
        let mut view = View::of(&monitor, "test");
        view.history = shares.iter().enumerate().map(sample).collect();
        let process = |at: usize| ProcessEvidence {
            pid: at as u32,
            rss_bytes: Some(at as u64),
            cpu_cores_used: Some(1.0 / (at + 1) as f64),
            ..ProcessEvidence::default()
        };
        let processes = processes.map(|count| (0..count).map(process).collect());
        let lists = processes.map(|processes| Lists { processes: Some(processes), ..Lists::default() });
        record.take_in(&mut Observation { host_name: None, view, lists, remote: None });
    }

    fn low_and_high(record: &Record, end: f64, seconds: f64, parts: usize) -> Vec<Option<(f64, f64)>> {
        record.bands(Course::Processors, end, seconds, parts)
    }

    #[test]
    fn bands_have_extremes_and_gaps_stay_gaps() {
        let mut record = Record::default();
        take_in(&mut record, 100, &[Some(1.0), Some(5.0), None, Some(2.0), Some(3.0)], None);
        // Each for itself; before the first there was nothing, but for the second that it covers.
        let one = |value| Some((value, value));
        assert_eq!(low_and_high(&record, 104.0, 6.0, 6), [None, one(1.0), one(5.0), None, one(2.0), one(3.0)]);
        // More parts than samples: a sample is what it was for all of its second.
        let each = [1.0, 1.0, 5.0, 5.0, -1.0, -1.0, 2.0, 2.0, 3.0, 3.0];
        let each = each.map(|value| if value < 0.0 { None } else { one(value) });
        assert_eq!(low_and_high(&record, 104.0, 5.0, 10), each);
        // Fewer: the smallest and the largest.
        assert_eq!(low_and_high(&record, 104.0, 8.0, 4), [None, Some((1.0, 5.0)), one(2.0), one(3.0)]);
        // As it was then.
        assert_eq!(low_and_high(&record, 101.0, 2.0, 2), [one(1.0), one(5.0)]);
        // A machine that slept, and times that go back or are none.
        take_in(&mut record, 110, &[Some(7.0)], None);
        take_in(&mut record, 50, &[Some(9.0)], None);
        assert_eq!(low_and_high(&record, 110.0, 6.0, 6), [None, None, None, None, None, one(7.0)]);
        assert_eq!(low_and_high(&Record::default(), 110.0, 6.0, 2), [None, None]);
        assert!(low_and_high(&record, 110.0, 6.0, 0).is_empty());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut record = Record::default();
        let shares = vec![Some(1.0); 400];
        let many = u32::try_from(CHARTED / shares.len() + 3).unwrap();
        for turn in 0..many {
            take_in(&mut record, 1000 + turn * 400, &shares, Some(1000));
        }
        assert_eq!(record.samples.len(), CHARTED);
        let kept =
            |is_kept: fn(&super::Sample) -> bool| record.samples.iter().filter(|sample| is_kept(sample)).count();
        assert_eq!(kept(|sample| sample.stats.is_some()), WITH_FIGURES);
        assert_eq!(kept(|sample| sample.lists.is_some()), 2);
        assert!(record.samples.iter().rev().take(WITH_LISTS).filter(|sample| sample.lists.is_some()).count() == 2);

        // The list of now is whole; of those before, the biggest by either measure are kept.
        let newest = record.newest().unwrap().timestamp;
        let pids = |time| -> Vec<u32> {
            let processes = record.lists_at(time).1.unwrap().processes.as_ref().unwrap();
            processes.iter().map(|process| process.pid).collect()
        };
        assert_eq!(pids(None).len(), 1000);
        let before = pids(Some(newest - 400.0));
        assert_eq!(before.len(), PROCESSES);
        assert!(before.contains(&999) && before.contains(&0), "{before:?}");
        // What is long past has none.
        assert!(record.lists_at(Some(newest - 10_000.0)).1.is_none());
        assert!(record.at(Some(0.0)).is_some());
    }
}
