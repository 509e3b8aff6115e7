//! Windows, held against somebody who keeps every single value with its time. Part of the core's own tests, because it
//! ticks without a monitor.

use std::sync::Arc;

use proptest::prelude::*;

use super::{FINE_TICKS, MERGED_TICKS, Wanted, Windows};
use crate::clock::{Clock, ManualClock};
use crate::metrics::catalogue::Kind;
use crate::metrics::{Declaration, Labels, Registry, Series, Summary};

const SERIES: usize = 4;
const CAPACITY: usize = 700;
/// What a quantile may be off by.
const ERROR: f64 = 0.0109;

/// A few series, their windows, and the whole truth.
struct Bench {
    registry: Registry,
    hand: Arc<ManualClock>,
    clock: Clock,
    windows: Windows,
    series: Vec<Arc<Series>>,
    /// When, into which series, what.
    recorded: Vec<(u64, usize, f64)>,
    /// The moments of the ticks, after that of the beginning.
    ticks: Vec<u64>,
}

impl Bench {
    fn new(kind: Kind, budget: usize) -> Self {
        let (clock, hand) = Clock::manual();
        let registry = Registry::new().with_clock(clock.clone());
        registry.declare("m", &Declaration::new(kind, "", "").unwrap()).unwrap();
        let labels = |at: usize| Labels::new([("at", at.to_string())]);
        let series = (0..SERIES)
            .map(|at| registry.get_or_create_labelled("m", &labels(at), false).unwrap().series)
            .collect();
        let begin = clock.monotonic_ns();
        let windows = Windows::new(begin, CAPACITY, budget);
        Self { registry, hand, clock, windows, series, recorded: Vec::new(), ticks: vec![begin] }
    }

    /// Each at a moment of its own, so that none is both before and after a tick.
    fn record(&mut self, series: usize, value: f64) {
        self.hand.advance(1e-6);
        self.series[series].record(value);
        self.recorded.push((self.clock.monotonic_ns(), series, value));
    }

    fn tick(&mut self, after_seconds: f64) {
        self.hand.advance(after_seconds);
        let all: Vec<_> = self.registry.metrics().iter().flat_map(|metric| metric.series()).collect();
        self.windows.tick(self.clock.monotonic_ns(), all.iter().map(|series| &**series));
        self.ticks.push(self.clock.monotonic_ns());
    }

    fn ask(&self, series: &[usize], seconds: f64) -> (u64, Summary) {
        let span = self.windows.span(self.clock.monotonic_ns(), (seconds * 1e9) as u64);
        // Without a tick it is all since the series were made.
        let start_ns = if self.ticks.len() == 1 { self.ticks[0] } else { span.start_ns };
        (start_ns, self.windows.summary(span, series.iter().map(|at| &*self.series[*at]), Wanted::Distribution))
    }

    /// The values of these series after a moment.
    fn truth(&self, series: &[usize], after_ns: u64) -> Vec<f64> {
        let wanted = |(time, at, _): &&(u64, usize, f64)| *time > after_ns && series.contains(at);
        self.recorded.iter().filter(wanted).map(|(_, _, value)| *value).collect()
    }

    /// Where a window begins when it is rounded to whole ticks, of which none was merged.
    fn rounded(&self, begin_ns: u64) -> u64 {
        let inside = |pair: &&[u64]| pair[0].midpoint(pair[1]) > begin_ns;
        self.ticks.windows(2).find(inside).map_or(*self.ticks.last().unwrap(), |pair| pair[0])
    }

    fn check(&self, series: &[usize], seconds: f64) {
        let (start_ns, summary) = self.ask(series, seconds);
        let begin_ns = self.clock.monotonic_ns().saturating_sub((seconds * 1e9) as u64);
        let fine_from = self.ticks.len().saturating_sub(FINE_TICKS as usize);
        if begin_ns >= self.ticks[fine_from] {
            assert_eq!(start_ns, self.rounded(begin_ns), "the newest ticks are kept one by one");
        } else {
            const TEN: usize = MERGED_TICKS as usize;
            let at = self.ticks.iter().position(|tick| *tick == start_ns).expect("a window begins at a tick");
            let oldest = self.ticks.len().saturating_sub(CAPACITY + 1);
            let after = self.ticks[(at + TEN).min(self.ticks.len() - 1)] - start_ns;
            let before = start_ns - self.ticks[at.saturating_sub(TEN)];
            if begin_ns < self.ticks[oldest] {
                assert!((oldest.saturating_sub(TEN)..=oldest + TEN).contains(&at), "all that is kept");
            } else {
                assert!(start_ns.abs_diff(begin_ns) <= after.max(before) / 2 + 1, "at most half of ten ticks");
            }
        }
        let mut truth = self.truth(series, start_ns);
        let magnitude: f64 = truth.iter().map(|value| value.abs()).sum();
        let sum: f64 = truth.iter().sum();
        truth.sort_unstable_by(f64::total_cmp);
        assert_eq!(summary.count(), truth.len() as u64);
        assert_eq!((summary.sketch.min, summary.sketch.max), (truth.first().copied(), truth.last().copied()));
        assert!((summary.sum() - sum).abs() <= ERROR * magnitude, "{} for {sum}", summary.sum());
        for share in [0.001, 0.25, 0.5, 0.9, 0.99, 0.9999] {
            let rank = ((share * truth.len() as f64).ceil() as usize).clamp(1, truth.len().max(1));
            let Some(exact) = truth.get(rank - 1) else { continue };
            let told = summary.sketch.quantile(share).unwrap();
            let off = (told - exact).abs();
            assert!(off <= ERROR * exact.abs() + f64::from_bits(1), "p{share}: {told} for {exact}");
        }
        assert_eq!(summary.last, self.last(series, summary.is_counter));
        assert_eq!(summary.seconds, (self.clock.monotonic_ns() - start_ns) as f64 / 1e9);
    }

    fn last(&self, series: &[usize], is_counter: bool) -> Option<f64> {
        if is_counter {
            let totals = series.iter().filter_map(|at| self.series[*at].last());
            return totals.reduce(|sum, total| sum + total);
        }
        // To within a tick; in one tick, of the series that comes last.
        let tick = |time: u64| self.ticks.partition_point(|tick| *tick < time);
        let newest = |at: &usize| self.recorded.iter().rev().find(|(_, of, _)| of == at);
        let newest = series.iter().filter_map(newest);
        newest.max_by_key(|(time, at, _)| (tick(*time), *at)).map(|(_, _, value)| *value)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Record(usize, f64),
    Tick(f64),
    Ticks(usize),
    Ask(f64),
}

fn steps(value: impl Strategy<Value = f64> + 'static) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..SERIES, value).prop_map(|(series, value)| Step::Record(series, value)),
        4 => (0.01..2.0).prop_map(Step::Tick),
        1 => (1..120_usize).prop_map(Step::Ticks),
        2 => prop_oneof![0.001..20.0, 20.0..1500.0].prop_map(Step::Ask),
    ];
    prop::collection::vec(step, 1..120)
}

fn run(kind: Kind, steps: Vec<Step>) {
    let mut bench = Bench::new(kind, usize::MAX);
    for step in steps {
        match step {
            Step::Record(series, value) => bench.record(series, value),
            Step::Tick(seconds) => bench.tick(seconds),
            Step::Ticks(count) => (0..count).for_each(|at| {
                bench.record(at % SERIES, at as f64 + 0.5);
                bench.tick(1.0);
            }),
            Step::Ask(seconds) => {
                bench.check(&[0, 1, 2, 3], seconds);
                bench.check(&[2], seconds);
            }
        }
    }
    bench.check(&[0, 1, 2, 3], 10.0);
    bench.check(&[1, 3], 1e6);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_window_is_what_who_keeps_every_value_says(steps in steps(prop_oneof![0.0..10.0, -5.0..5.0])) {
        run(Kind::Untyped, steps);
    }

    #[test]
    fn hostile_values_do_no_harm_to_the_windows_after_them(
        steps in steps(prop_oneof![
            prop::num::f64::NORMAL.prop_map(|value| value / 1e6), prop::num::f64::SUBNORMAL, Just(0.0), 0.1..10.0
        ])
    ) {
        run(Kind::Gauge, steps);
    }

    #[test]
    fn so_it_is_for_counters(steps in steps(prop_oneof![Just(1.0), 0.0..100.0])) {
        run(Kind::Counter, steps);
    }
}

#[test]
fn a_minute_of_seconds_is_sixty_of_them_and_rates_are_by_what_it_came_to() {
    let mut bench = Bench::new(Kind::Counter, usize::MAX);
    for _ in 0..100 {
        bench.record(0, 5.0);
        bench.tick(1.0 - 1e-6);
    }
    let (_, summary) = bench.ask(&[0], 60.0);
    assert_eq!((summary.count(), summary.sum(), summary.seconds), (60, 300.0, 60.0));
    assert_eq!((summary.rate(), summary.last), (Some(5.0), Some(500.0)));
    // Between two ticks what is new belongs to it.
    bench.hand.advance(0.25);
    bench.record(0, 7.0);
    let (_, summary) = bench.ask(&[0], 60.0);
    assert_eq!((summary.count(), summary.last), (61, Some(507.0)));
    assert!((summary.seconds - 60.25).abs() < 1e-5);
}

#[test]
fn a_sum_survives_a_value_that_drowns_it() {
    let mut bench = Bench::new(Kind::Histogram, usize::MAX);
    bench.record(0, 1e300);
    bench.tick(1.0);
    (0..1000).for_each(|_| bench.record(0, 0.5));
    bench.tick(1.0);
    let (_, summary) = bench.ask(&[0], 1.0);
    assert_eq!((summary.count(), summary.sketch.max), (1000, Some(0.5)));
    assert!((summary.sum() - 500.0).abs() <= 500.0 * ERROR, "{}", summary.sum());
}

#[test]
fn no_more_ticks_are_kept_than_the_history_has_rows() {
    let mut bench = Bench::new(Kind::Untyped, usize::MAX);
    for _ in 0..CAPACITY + 500 {
        bench.record(0, 1.0);
        bench.tick(1.0);
    }
    let kept = bench.ask(&[0], 1e9).1.count();
    assert!((CAPACITY as u64..CAPACITY as u64 + MERGED_TICKS).contains(&kept), "{kept}");
    // The newest 300 to 309 one by one, the others by ten.
    let blocks = bench.windows.kept.values().map(|kept| kept.blocks.len()).sum::<usize>();
    assert!(blocks <= 310 + (CAPACITY - 300) / 10 + 1, "{blocks}");
    assert_eq!(bench.windows.dropped(), 0);
}

#[test]
fn memory_is_bounded_and_the_oldest_goes_first_and_is_counted() {
    const BUDGET: usize = 8_000;
    let mut bench = Bench::new(Kind::Untyped, BUDGET);
    for at in 0..200 {
        (0..SERIES).for_each(|series| bench.record(series, f64::from(at) + 1.0));
        bench.tick(1.0);
        assert!(bench.windows.bytes <= BUDGET);
        let held = bench.windows.kept.values().flat_map(|kept| &kept.blocks).map(super::Block::bytes);
        assert_eq!(bench.windows.bytes, held.sum::<usize>());
    }
    let (_, summary) = bench.ask(&[0, 1, 2, 3], 1e9);
    assert_eq!(summary.count() + bench.windows.dropped(), 200 * SERIES as u64, "a value a block here");
    assert!(summary.count() > 0 && bench.windows.dropped() > 0);
    assert_eq!(summary.sketch.max, Some(200.0), "the newest are there");
    // Who is told of a window hears how much of it there is.
    assert!((summary.seconds - summary.count() as f64 / SERIES as f64).abs() < 0.01);
    let numbers: Vec<u64> = bench.series.iter().map(|series| series.number()).collect();
    bench.windows.forget(&numbers);
    assert_eq!(bench.windows.bytes, 0);
}

#[test]
fn threads_that_record_while_ticks_go_on_lose_nothing() {
    let bench = Bench::new(Kind::Untyped, usize::MAX);
    let Bench { mut windows, series, clock, hand, .. } = bench;
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let series = &series[0];
            scope.spawn(move || (0..50_000).for_each(|at| series.record(f64::from(at % 100 + thread) + 1.0)));
        }
        for _ in 0..200 {
            hand.advance(1.0);
            windows.tick(clock.monotonic_ns(), series.iter().map(|series| &**series));
        }
    });
    let all = windows.summary(
        windows.span(clock.monotonic_ns(), u64::MAX),
        series[..1].iter().map(|series| &**series),
        Wanted::Distribution,
    );
    let exact: f64 =
        (0..4).map(|thread| (0..50_000).map(|at| f64::from(at % 100 + thread) + 1.0).sum::<f64>()).sum();
    assert_eq!(all.count(), 200_000);
    assert_eq!((all.sketch.min, all.sketch.max), (Some(1.0), Some(103.0)));
    // A value may be counted in one block and summed in the next.
    assert!((all.sum() - exact).abs() <= exact * 0.001, "{} for {exact}", all.sum());
}
