//! Views with made-up numbers, the same at each run.

use std::sync::Arc;

use mtaio_monitoring::alerts::Rule;
use mtaio_monitoring::metrics::{Series, SeriesSnapshot};
use mtaio_monitoring::monitor::{HealthReport, RecentAlerts};
use mtaio_monitoring::rates::{CoreStats, Details, DiskStats, FilesystemStats, InterfaceStats, ProcessEvidence};
use mtaio_monitoring::snapshot::ThresholdState;
use mtaio_monitoring::{Alert, AlertState, Level, RuleOptions, Snapshot, SystemStats};
use mtaio_monitoring_cli::View;
use mtaio_monitoring_cli::top::{Lists, Observation};

const GIB: u64 = 1 << 30;
/// 2026-01-01 00:00:00 UTC.
pub(crate) const MIDNIGHT: f64 = 1_767_225_600.0;
/// What somebody might record in order to do harm: a cleared screen, a forged line, turned text, a tower of marks.
pub(crate) const HOSTILE: &str =
    "\u{1b}[2J\u{1b}]0;owned\u{7}\r\nFIRING all\u{202e}\u{9b}31m e\u{301}\u{301}\u{301}\u{301}\u{301}";

/// A service under load: everything measured, two thresholds beyond, alerts.
pub(crate) fn busy() -> View {
    let recorded = vec![
        series("cache_hit_percent", 100, |at| 80.0 + f64::from(at % 20)),
        series("queue_depth", 7, f64::from),
        series("request_duration", 1000, |at| f64::from(at + 1) / 20_000.0),
        series("upload_bytes", 3, |at| f64::from(at) * 1e6),
    ];
    let thresholds = vec![
        threshold("cpu_usage", 80.0, RuleOptions { for_seconds: 5.0, ..Default::default() }, true, false),
        threshold("memory_usage", 40.0, RuleOptions { clear: Some(35.0), ..Default::default() }, false, true),
        threshold("queue_depth", 100.0, RuleOptions::default(), false, false),
        threshold("free_slots", 3.0, RuleOptions { below: true, ..Default::default() }, false, false),
    ];
    let newest = [
        alert(-30.0, AlertState::Firing, "request_duration 0.051 is above its threshold of 0.05"),
        alert(-12.0, AlertState::Resolved, "request_duration 0.002 is back within its threshold of 0.05"),
        alert(-3.0, AlertState::Firing, "memory_usage 41.02 % is above its threshold of 40 %"),
    ];
    let health = HealthReport {
        running: true,
        samples: 72,
        missed_ticks: 3,
        dropped_values: 2,
        handler_errors: 1,
        thresholds_without_data: vec!["free_slots".into()],
        ..HealthReport::default()
    };
    let history: Vec<_> = (0..60).map(sample).collect();
    View {
        title: "make run".to_owned(),
        snapshot: Snapshot {
            interval_seconds: 1.0,
            stats: history.last().cloned(),
            recorded,
            declared: Arc::default(),
            thresholds,
            alerts: RecentAlerts { newest: newest.into(), total: 5 },
            health,
        },
        history,
    }
}

/// The same service, with all that there is one of for each of something.
pub(crate) fn watched() -> Observation {
    Observation { host_name: Some("build-7".to_owned()), view: busy(), lists: Some(lists()), remote: None }
}

fn lists() -> Lists {
    let core = |number: u32| CoreStats {
        number,
        usage_percent: (number != 2).then_some(f64::from(number) * 33.3),
        ..CoreStats::default()
    };
    let disk = |name: &str, bytes: f64| DiskStats {
        name: name.to_owned(),
        read_bytes_per_second: Some(0.0),
        write_bytes_per_second: Some(bytes),
        utilisation_percent: Some(1.5),
        queue_depth: Some(0.02),
        ..DiskStats::default()
    };
    let interface = |name: &str, bytes: f64| InterfaceStats {
        name: name.to_owned(),
        receive_bytes_per_second: Some(bytes),
        transmit_bytes_per_second: Some(98_765.0),
        receive_packets_per_second: Some(1_804.0),
        transmit_packets_per_second: Some(912.0),
        receive_drops_per_second: Some(0.5),
        transmit_drops_per_second: Some(0.0),
        ..InterfaceStats::default()
    };
    let filesystem = |mount_point: &str, percent: f64| FilesystemStats {
        mount_point: mount_point.to_owned(),
        source: "/dev/sda1".to_owned(),
        kind: "ext4".to_owned(),
        total: Some(100 * GIB),
        used: Some(50 * GIB),
        usage_percent: Some(percent),
        inodes_usage_percent: Some(4.0),
        ..FilesystemStats::default()
    };
    let names = [
        "systemd",
        "cron",
        "sshd",
        "bash",
        "postgres",
        "redis-server",
        "python3",
        "node",
        "java",
        "nginx",
        "chrome",
        "mtaio",
    ];
    let process = |(at, name): (usize, &&str)| ProcessEvidence {
        pid: 1 + 97 * at as u32,
        name: (*name).to_owned(),
        is_own: *name == "mtaio",
        rss_bytes: Some(GIB / 64 * [1, 1, 2, 1, 9, 5, 12, 8, 60, 3, 40, 1][at]),
        cpu_cores_used: [0.0, 0.0, 0.01, 0.0, 1.42, 0.05, 0.97, 0.31, 0.02, 0.1, 0.25, 0.005].get(at).copied(),
        threads: Some([1, 1, 1, 1, 7, 4, 40, 11, 120, 2, 33, 4][at]),
        ..ProcessEvidence::default()
    };
    Lists {
        details: Details {
            cores: Some((0..4).map(core).collect()),
            disks: Some(vec![disk("sda", 1_234_567.0), disk("dm-0", 1_200_000.0)]),
            interfaces: Some(vec![interface("eth0", 2_345_678.0), interface("lo", 0.0)]),
            filesystems: Some(vec![filesystem("/", 52.5), filesystem("/var/lib/data", 97.0)]),
        },
        processes: Some(names.iter().enumerate().map(process).collect()),
    }
}

/// A machine that nothing could be measured on, and a program that says nothing.
pub(crate) fn unmeasured() -> View {
    View {
        title: "nothing".to_owned(),
        snapshot: Snapshot {
            interval_seconds: 0.1,
            stats: Some(SystemStats { timestamp: MIDNIGHT, ..SystemStats::default() }),
            recorded: Vec::new(),
            declared: Arc::default(),
            thresholds: Vec::new(),
            alerts: RecentAlerts::default(),
            health: HealthReport { running: true, samples: 1, ..HealthReport::default() },
        },
        history: vec![SystemStats::default(); 3],
    }
}

/// Hostile text wherever text can come from, and numbers at their limits.
pub(crate) fn hostile() -> View {
    let mut view = busy();
    view.title = HOSTILE.repeat(3);
    let limits = [f64::MAX, f64::MIN, f64::MIN_POSITIVE, 0.0, -0.0, 1e-300];
    view.snapshot.recorded =
        vec![series(HOSTILE, 6, |at| limits[at as usize]), series(&"長".repeat(500), 0, f64::from)];
    view.snapshot.recorded.extend((0..40).map(|at| series(&format!("metric_{at}"), at, f64::from)));
    view.snapshot.thresholds = vec![threshold(HOSTILE, f64::MAX, RuleOptions::default(), false, true)];
    view.snapshot.thresholds.extend((0..40).map(|_| threshold("a", 0.0, RuleOptions::default(), true, false)));
    view.snapshot.health.thresholds_without_data = vec![HOSTILE.into()];
    view.snapshot.interval_seconds = 86_400.0;
    let newest = [alert(f64::NAN, AlertState::Firing, HOSTILE), alert(1e300, AlertState::Resolved, HOSTILE)];
    view.snapshot.alerts = RecentAlerts { newest: newest.into(), total: u64::MAX };
    for stats in &mut view.history {
        stats.timestamp = f64::NAN;
        stats.cpu.usage_percent = Some(f64::INFINITY);
        stats.memory.percent = Some(-5.0);
    }
    view.snapshot.stats = view.history.last().cloned();
    view
}

pub(crate) fn sample(second: u32) -> SystemStats {
    let mut stats = SystemStats {
        timestamp: MIDNIGHT + f64::from(second),
        elapsed_seconds: Some(1.0),
        sequence: u64::from(second),
        gap: false,
        ..SystemStats::default()
    };
    // A wave with a hole in it: two samples that were not measured.
    let wave = 50.0 + 45.0 * (f64::from(second) / 6.0).sin();
    stats.cpu.usage_percent = (!(20..22).contains(&second)).then_some(wave);
    stats.cpu.load_average = Some([1.42, 0.96, 0.5]);
    stats.cpu.thread_count = Some(12);
    stats.cpu.user_percent = Some(wave - 5.0);
    stats.cpu.nice_percent = Some(0.0);
    stats.cpu.system_percent = Some(4.5);
    stats.cpu.iowait_percent = Some(0.13);
    stats.cpu.irq_percent = Some(0.0);
    stats.cpu.softirq_percent = Some(0.5);
    stats.cpu.online_count = Some(2);
    stats.cpu.process_cores_used = Some(0.1337);
    stats.cpu.system_thread_count = Some(412);
    stats.cpu.running_thread_count = Some(3);
    stats.memory.total = Some(8 * GIB);
    stats.memory.available = Some(8 * GIB - 8 * GIB * 41 / 100);
    stats.memory.used = Some(8 * GIB * 41 / 100);
    stats.memory.percent = Some(35.0 + 0.1 * f64::from(second));
    stats.memory.cached = Some(2 * GIB + GIB / 10);
    stats.memory.swap_total = Some(GIB);
    stats.memory.swap_used = Some(GIB / 8);
    stats.io.read_bytes_per_second = Some(0.0);
    stats.io.read_count_per_second = Some(0.0);
    stats.io.write_bytes_per_second = Some(1_234_567.0);
    stats.io.write_count_per_second = Some(12.5);
    stats.io.write_latency_seconds = Some(0.0013);
    around(&mut stats);
    stats
}

/// What is around the machine's own numbers: the network, a container at its limits, its workers.
fn around(stats: &mut SystemStats) {
    stats.host.uptime_seconds = Some(273_600.0);
    stats.io.utilisation_percent = Some(1.5);
    stats.space.usage_percent = Some(97.0);
    stats.memory.host_total = Some(8 * GIB);
    stats.network.receive_bytes_per_second = Some(2_345_678.0);
    stats.network.receive_packets_per_second = Some(1_804.0);
    stats.network.receive_drops_per_second = Some(0.5);
    stats.network.transmit_bytes_per_second = Some(98_765.0);
    stats.network.transmit_packets_per_second = Some(912.0);
    stats.network.transmit_drops_per_second = Some(0.0);
    stats.container_pressure.cpu.some_percent = Some(17.5);
    stats.container_pressure.memory.some_percent = Some(0.0);
    stats.container_pressure.io.some_percent = Some(2.25);
    stats.container.cpu_limit_cores = Some(0.5);
    stats.container.cpu_cores_used = Some(0.4987);
    stats.container.cpu_throttled_periods_percent = Some(31.0);
    stats.container.memory_limit = Some(GIB);
    stats.container.memory_working_set = Some(GIB / 2);
    stats.container.oom_kills_total = Some(1);
    stats.process.rss_bytes = Some(GIB / 16);
    stats.process.open_descriptors = Some(23);
    stats.tree.processes = Some(5);
    stats.tree.threads = Some(40);
    stats.tree.cpu_cores_used = Some(0.4987);
    stats.tree.rss_bytes = Some(GIB / 2);
}

fn series(name: &str, count: u32, value: impl Fn(u32) -> f64) -> SeriesSnapshot {
    let series = Series::new(name);
    (0..count).for_each(|at| series.record(value(at)));
    series.snapshot()
}

fn threshold(metric: &str, value: f64, options: RuleOptions, pending: bool, firing: bool) -> ThresholdState {
    ThresholdState { rule: Rule::new(metric, value, options).unwrap(), value: None, pending, firing }
}

fn alert(seconds: f64, state: AlertState, message: &str) -> Alert {
    Alert {
        metric: Some(Arc::from("memory_usage")),
        value: Some(1.0),
        threshold: Some(1.0),
        state,
        level: Level::Warning,
        ..Alert::of_message(message.to_owned(), MIDNIGHT + 60.0 + seconds)
    }
}
