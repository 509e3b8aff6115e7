//! What is read, what is missing and why, and what it costs: the report behind `mtaio doctor`.

use std::cell::Cell;
use std::path::Path;

use mtaio_monitoring::clock::{Clock, NANOS_PER_SECOND};
use mtaio_monitoring::sampling::linux::LinuxSource;
use mtaio_monitoring::sampling::linux::surroundings::{engine_of_cgroup, mount_signs};
use mtaio_monitoring::sampling::{
    Cost, Diagnosis, RawLoad, RawSample, Section, SectionHealth, Source, State, Surroundings, Timed,
};

use super::recorded::root;

/// Reads the recording, and compares a section's state, what it lacks, and what its hint contains.
#[track_caller]
fn check(recording: &str, section: Section, state: State, missing: &[&str], hint: Option<&str>) {
    let mut source = LinuxSource::with_root(root(recording));
    let mut sample = RawSample::default();
    source.read(&Clock::manual().0, &mut sample);
    let mut health = source.health().into_iter().find(|health| health.section == section).unwrap();
    assert_eq!(health.state, State::Unread, "the source itself does not look");
    health.complete(&sample);
    assert_eq!((health.state, &*health.missing), (state, missing), "{recording}");
    match hint {
        Some(hint) => assert!(health.hint.unwrap_or_default().contains(hint), "{:?}", health.hint),
        None => assert_eq!(health.hint, None),
    }
}

#[test]
fn p41_what_a_sandbox_leaves_out_is_named() {
    check("gvisor", Section::Cpu, State::Ok, &[], None);
    let threads = ["running_threads", "total_threads"];
    check("gvisor", Section::Load, State::Partial, &threads, Some("does not print them"));
    check("gvisor", Section::Memory, State::Partial, &["slab_reclaimable"], Some("does not print them"));
    check("gvisor", Section::Disks, State::Missing, &[], Some("gVisor"));
    check("gvisor", Section::Network, State::Ok, &[], None);
    check("gvisor", Section::Container, State::Missing, &[], Some("the own group is the root"));
    check("lxc", Section::Disks, State::Ok, &[], None);
    check("linux-2.6", Section::Memory, State::Partial, &["available", "shmem"], Some("Linux 3.14"));
    check("garbage", Section::Cpu, State::Missing, &[], Some("imitation"));
    check("missing", Section::Cpu, State::Missing, &[], Some("mount -t proc"));
}

#[test]
fn p41_pressure_that_is_missing_is_told_by_the_file() {
    check("linux-6.18", Section::Pressure, State::Ok, &[], None);
    check("pressure-4.20", Section::Pressure, State::Ok, &[], None);
    check("gvisor", Section::Pressure, State::Missing, &[], Some("CONFIG_PSI"));
    check("pressure-cgroup", Section::ContainerPressure, State::Partial, &["io"], Some("cgroup.pressure"));
    check("pressure-root-cgroup", Section::ContainerPressure, State::Missing, &[], Some("the machine's is all"));
}

/// A section of which nothing was read, with this as its last error.
#[track_caller]
fn check_hint(section: Section, error: &str, expected: Option<&str>) {
    let mut health = SectionHealth { last_error: Some(error.to_owned()), ..SectionHealth::unread(section) };
    health.complete(&RawSample::default());
    assert_eq!(health.state, State::Missing);
    match expected {
        Some(expected) => assert!(health.hint.unwrap_or_default().contains(expected), "{:?}", health.hint),
        None => assert_eq!(health.hint, None),
    }
}

#[test]
fn p41_the_kernels_answer_becomes_a_hint() {
    let refused = "/proc/self/io: Permission denied (os error 13)";
    check_hint(Section::Disks, refused, Some("no permission"));
    check_hint(Section::Disks, "/proc/diskstats: Operation not permitted (os error 1)", Some("no permission"));
    check_hint(
        Section::Disks,
        "/proc/pressure/cpu: Operation not supported (os error 95)",
        Some("boot with psi=1"),
    );
    check_hint(Section::Disks, "/proc/diskstats: Too many open files (os error 24)", Some("ulimit -n"));
    let missing = |path: &str| format!("{path}: No such file or directory (os error 2)");
    let explained = |path: &str| missing(path) + ": Linux has it from 4.20 on, with CONFIG_PSI";
    check_hint(Section::Pressure, &explained("/proc/pressure/io"), Some("CONFIG_PSI"));
    check_hint(Section::ContainerPressure, &explained("/sys/fs/cgroup/a/io.pressure"), Some("cgroup.pressure"));
    check_hint(Section::Disks, &missing("/proc/self/io"), Some("CONFIG_TASK_IO_ACCOUNTING"));
    check_hint(Section::Host, &missing("/proc/vmstat"), Some("CONFIG_VM_EVENT_COUNTERS"));
    check_hint(Section::Host, "/proc/vmstat: it has no pswpin and pswpout", Some("CONFIG_SWAP"));
    check_hint(Section::Disks, "/proc/diskstats: Input/output error (os error 5)", None);
}

#[test]
fn what_failed_once_and_reads_well_again_has_no_hint() {
    let load = RawLoad { hundredths: [0; 3], running_threads: Some(1), total_threads: Some(2) };
    let sample = RawSample { load: Some(Timed { read_at_ns: 1, value: load }), ..RawSample::default() };
    let error = Some("/proc/loadavg: Permission denied (os error 13)".to_owned());
    let mut health = SectionHealth { last_error: error, ..SectionHealth::unread(Section::Load) };
    health.complete(&sample);
    assert_eq!((health.state, health.hint), (State::Ok, None));
}

#[test]
fn what_is_read_from_time_to_time_is_diagnosed_when_it_is_read() {
    let diagnosis = Diagnosis::of_this_machine(1.0);
    assert!(diagnosis.is_usable());
    assert_eq!(diagnosis.sections.iter().map(|section| section.section).collect::<Vec<_>>(), Section::ALL);
    let (sample, fullest) = (diagnosis.sample.unwrap(), diagnosis.fullest_sample.unwrap());
    assert!(fullest.median_seconds > sample.median_seconds, "{fullest:?} {sample:?}");
    for section in &diagnosis.sections {
        let cost = section.cost.unwrap();
        assert!(cost.median_seconds <= cost.worst_seconds && cost.readings >= 3, "{section:?}");
        assert!(cost.worst_seconds <= sample.worst_seconds.max(fullest.worst_seconds) * 1.000_001, "{section:?}");
        assert!(section.every_seconds.is_none_or(|seconds| seconds >= 1.0), "{section:?}");
    }
}

/// A source that says what its readings took.
struct Priced {
    sample_seconds: f64,
    sections: Vec<(Section, f64, Option<f64>)>,
}

fn cost(seconds: f64) -> Cost {
    Cost { median_seconds: seconds, worst_seconds: 2.0 * seconds, readings: 50 }
}

impl Source for Priced {
    fn read(&mut self, _: &Clock, _: &mut RawSample) {}

    fn health(&self) -> Vec<SectionHealth> {
        let health = |&(section, seconds, every_seconds)| SectionHealth {
            cost: Some(cost(seconds)),
            every_seconds,
            ..SectionHealth::unread(section)
        };
        self.sections.iter().map(health).collect()
    }

    fn cost(&self) -> Option<Cost> {
        Some(cost(self.sample_seconds))
    }
}

/// The percents of a core at an interval at which an ordinary sample takes 100 µs; in one where all is due the file
/// systems, every 30 s, take 3 ms more, and the disks, which every sample reads, happen to.
#[track_caller]
fn check_core_percent(interval_seconds: f64, expected: f64) {
    let made = Cell::new(0);
    let source = || {
        made.set(made.get() + 1);
        let (sample_seconds, looks) = if made.get() == 1 { (100e-6, 1e-6) } else { (6e-3, 3.001e-3) };
        let sections = vec![(Section::Filesystems, looks, Some(30.0)), (Section::Disks, looks, None)];
        Box::new(Priced { sample_seconds, sections }) as Box<dyn Source>
    };
    let diagnosis = Diagnosis::of(source, Surroundings::default(), &Clock::manual().0, interval_seconds);
    let percent = diagnosis.core_percent.unwrap();
    assert!((percent - expected).abs() < 1e-9, "{percent} at {interval_seconds} s");
    assert_eq!((diagnosis.sample, diagnosis.fullest_sample), (Some(cost(100e-6)), Some(cost(6e-3))));
    let costs: Vec<_> = diagnosis.sections.iter().map(|section| section.cost).collect();
    assert_eq!(costs, [Some(cost(3.001e-3)), Some(cost(1e-6))]);
}

#[test]
fn what_sampling_takes_of_a_core_goes_by_the_interval_and_by_what_is_seldom_due() {
    check_core_percent(1.0, 0.01 + 0.01);
    check_core_percent(0.01, 1.0 + 0.01);
    // Then each sample reads it.
    check_core_percent(60.0, (0.01 + 0.3) / 60.0);
}

#[test]
fn a_clock_ahead_runs_on_and_one_that_is_moved_by_hand_stays() {
    let system = Clock::system();
    let ahead = system.ahead(60.0).ahead(30.0);
    let (before, now, after) = (system.now(), ahead.now(), system.now());
    let step = 90 * NANOS_PER_SECOND;
    for (before, now, after) in [
        (before.monotonic_ns, now.monotonic_ns, after.monotonic_ns),
        (before.boottime_ns, now.boottime_ns, after.boottime_ns),
        (before.monotonic_ns, ahead.monotonic_ns(), system.monotonic_ns()),
    ] {
        assert!((before + step..=after + step).contains(&now));
    }
    assert!(ahead.process_cpu_ns() > Some(0));
    let (manual, hand) = Clock::manual();
    let ahead = manual.ahead(60.0);
    hand.advance(1.0);
    assert_eq!(ahead.now(), manual.now());
}

#[cfg(target_os = "linux")]
#[test]
fn the_machine_has_the_name_that_the_kernel_gives() {
    let kernels = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("Linux has this file");
    assert_eq!(mtaio_monitoring::sampling::host_name().as_deref(), Some(kernels.trim_end()));
}

#[test]
fn p41_the_surroundings_are_recognised() {
    let seen = |recording: &str| Surroundings::below(&root(recording));
    let gvisor = seen("gvisor");
    assert_eq!((gvisor.kernel.as_deref(), gvisor.pid, gvisor.cgroups), (Some("Linux 4.4.0"), 7, None));
    assert_eq!(gvisor.hints, ["gVisor (/proc/version)"]);
    let lxc = seen("lxc");
    assert_eq!((lxc.kernel.as_deref(), lxc.cgroups), (Some("Linux 6.8.12-4-pve"), Some("v2")));
    let imitated = "/proc/cpuinfo, /proc/diskstats, /proc/loadavg, /proc/meminfo, /proc/stat";
    assert_eq!(lxc.hints, ["container=lxc (environment of process 1)", &format!("lxcfs imitates {imitated}")]);
    let hidepid = seen("hidepid");
    assert_eq!(hidepid.hints, ["/proc hides other users' processes (hidepid=invisible)"]);
    let nowhere = Surroundings::below(Path::new("/nonexistent"));
    assert_eq!(nowhere, Surroundings { pid: std::process::id(), ..Surroundings::default() });
}

#[test]
fn engines_are_recognised_by_their_groups() {
    for (text, engine) in [
        ("0::/\n", None),
        ("0::/user.slice/user-1000.slice\n", None),
        ("12:memory:/docker/0123\n", Some("docker")),
        ("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-2.scope\n", Some("kubepods")),
        ("0::/system.slice/containerd.service\n", None),
        ("11:cpu:/lxc/web\n", Some("lxc")),
    ] {
        assert_eq!(engine_of_cgroup(text.as_bytes()), engine, "{text}");
    }
    let both = b"1 2 0:1 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n1 2 0:2 / /sys/fs/cgroup/unified rw - cgroup2 none rw\nx - cgroup";
    assert!(mount_signs(both).v1 && mount_signs(both).v2);
    assert_eq!(mount_signs(b"1 2 0:1 / /proc rw - proc proc rw,hidepid=0\n").hidepid, None);
    assert_eq!(mount_signs(b"1 2 0:1 / /proc rw - proc proc rw,hidepid=2\n").hidepid.as_deref(), Some("2"));
    // Another process's, mounted elsewhere.
    assert_eq!(mount_signs(b"1 2 0:1 / /mnt/proc rw - proc proc rw,hidepid=2\n").hidepid, None);
}
