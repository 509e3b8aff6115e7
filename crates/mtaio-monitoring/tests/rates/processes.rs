//! The own process and its tree: what two readings of them may hold, every number computed once more, and the pitfalls.

use mtaio_monitoring::clock::Instant3;
use mtaio_monitoring::rates::{Interval, MonitorGroup, ProcessStats, SystemStats};
use mtaio_monitoring::sampling::{
    RawDescriptors, RawProcess, RawProcessIo, RawProcessMemory, RawSample, RawTree, Timed, TreeCounters,
};
use proptest::option::weighted;
use proptest::prelude::*;

use super::oracle::Values;
use super::{at, timed};

fn counter() -> impl Strategy<Value = Option<u64>> {
    let number =
        prop_oneof![3 => 0..1_000_u64, 1 => (1_u64 << 32)..(1 << 33), 1 => 0..(1_u64 << 53), 1 => Just(0)];
    weighted(0.85, number)
}

pub(super) fn process() -> impl Strategy<Value = RawProcess> {
    let start = prop::sample::select(vec![None, Some(1), Some(1), Some(1), Some(2)]);
    let threads = weighted(0.8, 0..u32::MAX);
    (threads, start, proptest::array::uniform10(counter())).prop_map(|(threads, start_ticks, numbers)| {
        let [
            cpu_ns,
            started_ns,
            user_ns,
            system_ns,
            minor_faults,
            major_faults,
            voluntary_switches,
            involuntary_switches,
            rss_bytes,
            vms_bytes,
        ] = numbers;
        RawProcess {
            threads,
            cpu_ns,
            start_ticks,
            started_ns,
            user_ns,
            system_ns,
            minor_faults,
            major_faults,
            voluntary_switches,
            involuntary_switches,
            rss_bytes,
            vms_bytes,
        }
    })
}

/// The other sections about processes, in a reading that has none of them; few instants, some out of order.
pub(super) fn sections() -> impl Strategy<Value = RawSample> {
    fn read<T: Clone + std::fmt::Debug>(
        value: impl Strategy<Value = T> + 'static,
    ) -> impl Strategy<Value = Option<Timed<T>>> {
        weighted(0.85, (0..4_u64, value).prop_map(|(s, value)| Timed { read_at_ns: s * 1_000_000_000, value }))
    }
    let io = proptest::array::uniform4(counter()).prop_map(|[rchar, wchar, read_bytes, written_bytes]| {
        RawProcessIo { rchar, wchar, read_bytes, written_bytes, ..RawProcessIo::default() }
    });
    let descriptors = (counter(), counter()).prop_map(|(open, limit)| RawDescriptors { open, limit });
    let memory =
        (counter(), counter()).prop_map(|(shared_bytes, pss_bytes)| RawProcessMemory { shared_bytes, pss_bytes });
    let counters = || {
        (0..4_u64, 0..(1_u64 << 53), counter(), counter()).prop_map(|(s, cpu_ns, read_bytes, written_bytes)| {
            TreeCounters { read_at_ns: s * 1_000_000_000, cpu_ns, read_bytes, written_bytes }
        })
    };
    let tree = (any::<[u16; 2]>(), counter(), counter(), counters(), weighted(0.7, counters())).prop_map(
        |([processes, threads], rss_bytes, open_descriptors, counters, earlier)| RawTree {
            processes: processes.into(),
            threads: threads.into(),
            rss_bytes,
            open_descriptors,
            by_cgroup: false,
            counters,
            earlier,
        },
    );
    let clock = (0..(1_u64 << 50), 0..(1_u64 << 50)).prop_map(|(boottime_ns, realtime_ns)| Instant3 {
        monotonic_ns: 0,
        boottime_ns,
        realtime_ns,
    });
    (clock, read(io), read(descriptors), read(memory), read(tree)).prop_map(
        |(clock, process_io, descriptors, process_memory, tree)| RawSample {
            clock,
            process_io,
            descriptors,
            process_memory,
            tree,
            ..RawSample::default()
        },
    )
}

/// What a monitor must say, by the names of the catalogue.
pub(super) fn values(before: Option<&RawSample>, now: &RawSample, values: &mut Values) {
    own_process(before, now, values);
    own_io(before, now, values);
    let Some(tree) = now.tree.as_ref().map(|tree| tree.value) else { return };
    values.insert("tree_processes", Some(f64::from(tree.processes)));
    values.insert("tree_threads", Some(f64::from(tree.threads)));
    values.insert("tree_resident_memory_bytes", tree.rss_bytes.map(|bytes| bytes as f64));
    values.insert("tree_open_fds", tree.open_descriptors.map(|count| count as f64));
    values.insert("tree_cpu_seconds_total", Some(tree.counters.cpu_ns as f64 / 1e9));
    values.insert("tree_io_read_bytes_total", tree.counters.read_bytes.map(|bytes| bytes as f64));
    values.insert("tree_io_write_bytes_total", tree.counters.written_bytes.map(|bytes| bytes as f64));
    let Some(earlier) = tree.earlier else { return };
    let ns = step(Some(earlier.read_at_ns), Some(tree.counters.read_at_ns));
    let rate = |before: Option<u64>, now: Option<u64>| Some(step(before, now)? * 1e9 / ns.filter(|ns| *ns > 0.0)?);
    values.insert(
        "tree_cpu_cores_used",
        rate(Some(earlier.cpu_ns), Some(tree.counters.cpu_ns)).map(|cores| cores / 1e9),
    );
    values.insert("tree_io_read_bytes_per_second", rate(earlier.read_bytes, tree.counters.read_bytes));
    values.insert("tree_io_write_bytes_per_second", rate(earlier.written_bytes, tree.counters.written_bytes));
}

/// Growth, unless it is not known or the counter went back.
fn step(before: Option<u64>, now: Option<u64>) -> Option<f64> {
    let step = i128::from(now?) - i128::from(before?);
    (step >= 0).then_some(step as f64)
}

fn own_process(before: Option<&RawSample>, now: &RawSample, values: &mut Values) {
    if let Some(memory) = now.process_memory.as_ref().map(|memory| memory.value) {
        values.insert("process_shared_memory_bytes", memory.shared_bytes.map(|bytes| bytes as f64));
        values.insert("process_proportional_memory_bytes", memory.pss_bytes.map(|bytes| bytes as f64));
    }
    if let Some(RawDescriptors { open, limit }) = now.descriptors.as_ref().map(|descriptors| descriptors.value) {
        values.insert("process_open_fds", open.map(|open| open as f64));
        values.insert("process_max_fds", limit.map(|limit| limit as f64));
        let share = open.zip(limit.filter(|limit| *limit > 0)).map(|(open, limit)| open as f64 / limit as f64);
        values.insert("process_fds_percent", share.map(|share| (100.0 * share).min(100.0)));
    }
    let Some(own) = &now.process else { return };
    type Field = fn(&RawProcess) -> Option<u64>;
    let levels: [(&str, Field, f64); 9] = [
        ("process_cpu_seconds_total", |own| own.cpu_ns, 1e9),
        ("process_cpu_user_seconds_total", |own| own.user_ns, 1e9),
        ("process_cpu_system_seconds_total", |own| own.system_ns, 1e9),
        ("process_resident_memory_bytes", |own| own.rss_bytes, 1.0),
        ("process_virtual_memory_bytes", |own| own.vms_bytes, 1.0),
        ("process_voluntary_context_switches_total", |own| own.voluntary_switches, 1.0),
        ("process_involuntary_context_switches_total", |own| own.involuntary_switches, 1.0),
        ("process_minor_page_faults_total", |own| own.minor_faults, 1.0),
        ("process_major_page_faults_total", |own| own.major_faults, 1.0),
    ];
    for (name, field, unit) in levels {
        values.insert(name, field(&own.value).map(|value| value as f64 / unit));
    }
    if let Some(started_ns) = own.value.started_ns.filter(|&ns| ns <= now.clock.boottime_ns) {
        let uptime_ns = now.clock.boottime_ns - started_ns;
        values.insert("process_uptime_seconds", Some(uptime_ns as f64 / 1e9));
        let start = i128::from(now.clock.realtime_ns) - i128::from(uptime_ns);
        let hundredths = (start + 5_000_000).div_euclid(10_000_000);
        values.insert("process_start_time_seconds", (start >= 0).then_some(hundredths as f64 / 100.0));
    }
    let Some(old) = before.and_then(|before| before.process.as_ref()) else { return };
    let Some(ns) = step(Some(old.read_at_ns), Some(own.read_at_ns)).filter(|&ns| ns > 0.0) else { return };
    let cores = step(old.value.cpu_ns, own.value.cpu_ns).map(|used| used / ns);
    values.insert("process_cpu_percent", cores.map(|cores| 100.0 * cores));
    // Another process has no past in this one's counters.
    if old.value.start_ticks != own.value.start_ticks {
        return;
    }
    let rates: [(&str, Field); 4] = [
        ("process_voluntary_context_switches_per_second", |own| own.voluntary_switches),
        ("process_involuntary_context_switches_per_second", |own| own.involuntary_switches),
        ("process_minor_page_faults_per_second", |own| own.minor_faults),
        ("process_major_page_faults_per_second", |own| own.major_faults),
    ];
    for (name, field) in rates {
        let grown = step(field(&old.value), field(&own.value)).filter(|&grown| grown < f64::from(u32::MAX));
        values.insert(name, grown.map(|grown| grown * 1e9 / ns));
    }
    let user = step(old.value.user_ns, own.value.user_ns);
    let system = step(old.value.system_ns, own.value.system_ns);
    if let (Some(user), Some(system), Some(cores)) = (user, system, cores)
        && user + system > 0.0
    {
        values.insert("process_cpu_user_percent", Some(100.0 * cores * user / (user + system)));
        values.insert("process_cpu_system_percent", Some(100.0 * cores * system / (user + system)));
    }
}

fn own_io(before: Option<&RawSample>, now: &RawSample, values: &mut Values) {
    type Field = fn(&RawProcessIo) -> Option<u64>;
    let fields: [(&str, &str, Field); 4] = [
        ("process_io_read_bytes_total", "process_io_read_bytes_per_second", |io| io.read_bytes),
        ("process_io_write_bytes_total", "process_io_write_bytes_per_second", |io| io.written_bytes),
        ("process_io_read_characters_total", "process_io_read_characters_per_second", |io| io.rchar),
        ("process_io_write_characters_total", "process_io_write_characters_per_second", |io| io.wchar),
    ];
    let Some(now) = &now.process_io else { return };
    for (total, rate, field) in fields {
        values.insert(total, field(&now.value).map(|bytes| bytes as f64));
        let Some(before) = before.and_then(|before| before.process_io.as_ref()) else { continue };
        let ns = step(Some(before.read_at_ns), Some(now.read_at_ns)).filter(|&ns| ns > 0.0);
        let grown = step(field(&before.value), field(&now.value));
        values.insert(rate, grown.zip(ns).map(|(grown, ns)| grown * 1e9 / ns));
    }
}

fn own(seconds: u64, process: RawProcess) -> RawSample {
    let mut raw = at(seconds);
    raw.process = timed(&raw, process);
    raw
}

fn process_stats(before: &RawSample, now: &RawSample) -> ProcessStats {
    super::stats(before, now).process
}

#[test]
fn p7_the_halves_only_say_how_the_sum_is_divided() {
    let times = |cpu: u64, user: u64, system: u64| RawProcess {
        cpu_ns: Some(cpu * 1_000_000),
        user_ns: Some(user * 1_000_000),
        system_ns: Some(system * 1_000_000),
        ..RawProcess::default()
    };
    let halves = |before, now| {
        let process = process_stats(&own(10, before), &own(11, now));
        (process.cpu_percent, process.cpu_user_percent, process.cpu_system_percent)
    };
    // They lag: 60 ms of the 80.
    assert_eq!(halves(times(0, 0, 0), times(80, 45, 15)), (Some(8.0), Some(6.0), Some(2.0)));
    // One stands still.
    assert_eq!(halves(times(0, 0, 10), times(80, 40, 10)), (Some(8.0), Some(8.0), Some(0.0)));
    // One went back: which part is whose is not known, the sum is.
    assert_eq!(halves(times(0, 0, 10), times(80, 40, 9)), (Some(8.0), None, None));
    assert_eq!(halves(times(0, 5, 5), times(80, 5, 5)), (Some(8.0), None, None), "nothing to divide by");
}

#[test]
fn p6_several_busy_threads_make_more_than_a_hundred_percent() {
    let cpu_ns = |ns| RawProcess { cpu_ns: Some(ns), ..RawProcess::default() };
    let process = process_stats(&own(10, cpu_ns(0)), &own(12, cpu_ns(5_000_000_000)));
    assert_eq!((process.cpu_percent, process.cpu_cores_used), (Some(250.0), Some(2.5)));
}

#[test]
fn p30_another_start_is_another_process() {
    let process = |start: u64, faults: u64| RawProcess {
        start_ticks: Some(start),
        minor_faults: Some(faults),
        ..RawProcess::default()
    };
    let rate = |before, now| process_stats(&own(10, before), &own(11, now)).minor_faults_per_second;
    assert_eq!(rate(process(1, 100), process(1, 150)), Some(50.0));
    assert_eq!(rate(process(1, 100), process(2, 150)), None);
}

#[test]
fn the_start_is_the_same_while_the_clock_is_disciplined_and_follows_it_when_it_is_set() {
    let start = |seconds: u64, wall_ns: i64| {
        let process = RawProcess { started_ns: Some(3_000_000_000), ..RawProcess::default() };
        let mut raw = own(seconds, process);
        let wall_ns = 1_000_000_000_000 + seconds as i64 * 1_000_000_000 + wall_ns;
        raw.clock.realtime_ns = u64::try_from(wall_ns).unwrap();
        let stats = SystemStats::from(&Interval::between(None, &raw)).process;
        (stats.start_time, stats.uptime_seconds)
    };
    assert_eq!(start(10, 0), (Some(1_003.0), Some(7.0)));
    assert_eq!(start(11, 400_000), (Some(1_003.0), Some(8.0)));
    assert_eq!(start(12, -400_000), (Some(1_003.0), Some(9.0)));
    assert_eq!(start(13, 60_000_000_000), (Some(1_063.0), Some(10.0)));
    assert_eq!(start(2, 0), (None, None), "it cannot have started in the future");
}

#[test]
fn p33_samples_between_two_looks_show_the_newest_pair() {
    let tree = RawTree {
        processes: 3,
        counters: TreeCounters { read_at_ns: 10_000_000_000, cpu_ns: 9_000_000_000, ..TreeCounters::default() },
        earlier: Some(TreeCounters {
            read_at_ns: 5_000_000_000,
            cpu_ns: 1_500_000_000,
            ..TreeCounters::default()
        }),
        ..RawTree::default()
    };
    let sample = |seconds| {
        let mut raw = at(seconds);
        raw.tree = Some(Timed { read_at_ns: tree.counters.read_at_ns, value: tree });
        raw
    };
    for (before, now) in [(9, 10), (11, 12), (12, 13)] {
        let stats = super::stats(&sample(before), &sample(now)).tree;
        assert_eq!((stats.cpu_cores_used, stats.cpu_seconds), (Some(1.5), Some(9.0)));
        assert_eq!(stats.age_seconds, Some((now - 10) as f64));
    }
}

#[test]
fn the_monitor_about_itself_is_nothing_before_the_first_tick() {
    let mut interval = Interval::default();
    assert_eq!(SystemStats::from(&interval).monitor, mtaio_monitoring::MonitorStats::default());
    interval.monitor = MonitorGroup {
        delta_cpu_ns: Some(2_000_000).into(),
        elapsed_ns: Some(1_000_000_000).into(),
        late_ns: Some(500_000).into(),
        missed_ticks: Some(3).into(),
        failed_reads: Some(0).into(),
        sample_ns: Some(90_000).into(),
    };
    let monitor = SystemStats::from(&interval).monitor;
    assert_eq!((monitor.cpu_percent, monitor.late_seconds), (Some(0.2), Some(0.0005)));
    assert_eq!((monitor.missed_ticks, monitor.failed_reads), (Some(3), Some(0)));
    assert_eq!(monitor.sample_seconds, Some(0.00009));
}
