//! Whole recorded machines, read through [`LinuxSource`] and compared as text.
//!
//! Long because each machine is told in full, section by section.

use std::fmt::Write;
use std::path::PathBuf;

use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::sampling::linux::LinuxSource;
use mtaio_monitoring::sampling::{
    CpuTimes, RawContainer, RawDisk, RawFilesystem, RawHost, RawInterface, RawMemory, RawPressures, RawSample,
    RawStall, RawTraffic, Resource, Section, Source,
};

/// Reads `section` of the recording and compares it with `expected`, in which the indentation does not count.
#[track_caller]
pub(super) fn check(recording: &str, section: Section, expected: &str) {
    let mut sample = RawSample::default();
    LinuxSource::with_root(root(recording)).read(&Clock::manual().0, &mut sample);
    let expected: Vec<&str> = expected.trim().lines().map(str::trim).collect();
    let found = render(&sample, section);
    assert_eq!(found.trim().lines().collect::<Vec<_>>(), expected, "{recording}, {}", section.name());
}

pub(super) fn root(recording: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/recordings").join(recording);
    assert!(root.is_dir(), "{} is no recording", root.display());
    root
}

/// A section as text: `-` for what was not measured, so that it cannot be taken for a 0.
fn render(sample: &RawSample, section: Section) -> String {
    let mut text = String::new();
    match section {
        Section::Cpu => {
            let Some(cpu) = &sample.cpu else {
                return "none".into();
            };
            writeln!(text, "cpu {}", times(&cpu.value.total)).unwrap();
            for (number, core) in &cpu.value.cores {
                writeln!(text, "cpu{number} {}", times(core)).unwrap();
            }
        }
        Section::Load => {
            let Some(load) = &sample.load else {
                return "none".into();
            };
            let [one, five, fifteen] = load.value.hundredths;
            let running = optional(load.value.running_threads);
            let total = optional(load.value.total_threads);
            writeln!(text, "{one} {five} {fifteen} hundredths, {running} of {total} threads").unwrap();
        }
        Section::Memory => {
            let Some(memory) = &sample.memory else {
                return "none".into();
            };
            text = memory_lines(&memory.value);
        }
        Section::Disks => {
            let Some(disks) = &sample.disks else {
                return "none".into();
            };
            for disk in &disks.value.devices {
                text += &disk_line(disk);
            }
        }
        Section::Process => {
            let Some(process) = &sample.process else {
                return "none".into();
            };
            let threads = optional(process.value.threads);
            let start = optional(process.value.start_ticks);
            writeln!(text, "{threads} threads since tick {start}").unwrap();
        }
        Section::Pressure => text = pressure_lines(&sample.pressure),
        Section::ContainerPressure => text = pressure_lines(&sample.container_pressure),
        Section::Network => {
            let Some(network) = &sample.network else {
                return "none".into();
            };
            text = network.value.interfaces.iter().map(interface_line).collect();
        }
        Section::Filesystems => {
            let Some(filesystems) = &sample.filesystems else {
                return "none".into();
            };
            text = filesystems.value.mounts.iter().map(mount_line).collect();
        }
        Section::Host => {
            let Some(host) = &sample.host else {
                return "none".into();
            };
            text = host_lines(&host.value);
        }
        Section::Container => {
            let Some(container) = &sample.container else {
                return "none".into();
            };
            text = container_lines(&container.value);
        }
        // In files of their own.
        _ => unreachable!("{} is not shown as text", section.name()),
    }
    text
}

fn pressure_lines(files: &RawPressures) -> String {
    let stall = |stall: Option<RawStall>| {
        let Some(stall) = stall else { return "-".to_owned() };
        let averages = stall.average_hundredths.map(optional).join(" ");
        format!("{} us {averages} hundredths", stall.total_us)
    };
    let mut text = String::new();
    for resource in Resource::ALL {
        if let Some(file) = files.get(resource) {
            let (some, full) = (stall(file.value.some), stall(file.value.full));
            writeln!(text, "{} some {some}, full {full}", resource.name()).unwrap();
        }
    }
    if text.is_empty() { "none".to_owned() } else { text }
}

fn times(times: &CpuTimes) -> String {
    times.0.map(|ticks| optional(Some(ticks).filter(|&ticks| ticks != CpuTimes::UNKNOWN))).join(" ")
}

pub(super) fn optional<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn memory_lines(memory: &RawMemory) -> String {
    let fields = [
        ("total", memory.total),
        ("free", memory.free),
        ("available", memory.available),
        ("buffers", memory.buffers),
        ("cached", memory.cached),
        ("active_file", memory.active_file),
        ("inactive_file", memory.inactive_file),
        ("slab_reclaimable", memory.slab_reclaimable),
        ("shmem", memory.shmem),
        ("swap_total", memory.swap_total),
        ("swap_free", memory.swap_free),
        ("low_watermark", memory.low_watermark),
        ("arc_shrinkable", memory.arc_shrinkable),
    ];
    fields.iter().map(|(name, bytes)| format!("{name} {}\n", optional(*bytes))).collect()
}

fn interface_line(interface: &RawInterface) -> String {
    let traffic = |traffic: &RawTraffic| {
        let RawTraffic { bytes, packets, errors, drops } = traffic;
        format!("{bytes} bytes {packets} packets {errors} errors {} drops", optional(*drops))
    };
    let (received, transmitted) = (traffic(&interface.received), traffic(&interface.transmitted));
    let index = optional(interface.index);
    format!("{} {:?} {index} in {received}, out {transmitted}\n", interface.name, interface.kind)
}

/// Room cannot be recorded: what is mounted where, and what it is.
fn mount_line(mount: &RawFilesystem) -> String {
    let access = if mount.read_only { "read-only" } else { "writable" };
    format!("{} {} {} {access}\n", mount.mount_point, mount.kind, mount.source)
}

fn host_lines(host: &RawHost) -> String {
    let activity = &host.activity;
    let handles = host.file_handles.map(|handles| format!("{} of {}", handles.used, optional(handles.max)));
    let swapping = host.swapping.as_ref().map(|look| (look.value.in_bytes, look.value.out_bytes));
    format!(
        "{} switches, {} created, {} blocked, booted at {}\n{} handles\n{} bytes in, {} out\n",
        optional(activity.context_switches),
        optional(activity.processes_created),
        optional(activity.processes_blocked),
        optional(activity.boot_seconds),
        optional(handles),
        optional(swapping.map(|swapping| swapping.0)),
        optional(swapping.map(|swapping| swapping.1)),
    )
}

fn container_lines(container: &RawContainer) -> String {
    let RawContainer { cpu_usage_ns, throttling, memory_events, seldom, .. } = container;
    let throttling = throttling.as_ref().map(|throttling| throttling.value);
    let quota = seldom.cpu_quota.map(|quota| format!("{} of {} us", quota.quota_us, quota.period_us));
    let io = seldom.io.as_ref().map(|io| {
        let io = io.value;
        format!("{} bytes in {} reads, {} in {} writes", io.read_bytes, io.reads, io.write_bytes, io.writes)
    });
    let fields = [
        ("version", container.version.map(|version| version.name().to_owned())),
        ("cpu_usage_ns", cpu_usage_ns.as_ref().map(|usage| usage.value.to_string())),
        ("quota", quota),
        ("cpuset", seldom.cpuset_cpus.map(|cpus| cpus.to_string())),
        ("affinity", seldom.affinity_cpus.map(|cpus| cpus.to_string())),
        ("throttling_level", throttling.map(|throttling| throttling.level.to_string())),
        ("periods", throttling.map(|throttling| optional(throttling.periods))),
        ("throttled", throttling.map(|throttling| optional(throttling.throttled_periods))),
        ("throttled_ns", throttling.map(|throttling| optional(throttling.throttled_ns))),
        ("memory", container.memory_usage.map(|bytes| bytes.to_string())),
        ("inactive_file", seldom.inactive_file.map(|bytes| bytes.to_string())),
        ("limit", seldom.memory_limit.map(|bytes| bytes.to_string())),
        ("high", seldom.memory_high.map(|bytes| bytes.to_string())),
        ("swap", seldom.swap_usage.map(|bytes| bytes.to_string())),
        ("oom_kills", memory_events.oom_kills.map(|count| count.to_string())),
        ("high_events", memory_events.high.map(|count| count.to_string())),
        ("max_events", memory_events.max.map(|count| count.to_string())),
        ("pids", seldom.pids.map(|count| format!("{count} of {}", optional(seldom.pids_limit)))),
        ("io", io),
    ];
    fields.iter().map(|(name, value)| format!("{name} {}\n", optional(value.as_deref()))).collect()
}

fn disk_line(disk: &RawDisk) -> String {
    format!(
        "{} {:?} {} reads {} sectors {} ms, {} writes {} sectors {} ms\n",
        disk.name,
        disk.kind,
        optional(disk.reads),
        disk.read_sectors,
        optional(disk.read_ms),
        optional(disk.writes),
        disk.write_sectors,
        optional(disk.write_ms),
    )
}

#[test]
fn a_modern_machine_is_read_in_full() {
    let recording = "linux-6.18";
    check(
        recording,
        Section::Cpu,
        "cpu 1495 0 1605 174182 834 0 31 271 0 0
         cpu0 468 0 768 87688 103 0 9 143 0 0
         cpu1 1026 0 836 86493 731 0 22 128 0 0",
    );
    check(recording, Section::Load, "3 2 0 hundredths, 1 of 81 threads");
    check(
        recording,
        Section::Memory,
        "total 25276514304
         free 24974393344
         available 24970477568
         buffers 815104
         cached 204029952
         active_file 39481344
         inactive_file 156348416
         slab_reclaimable 18288640
         shmem 8998912
         swap_total 0
         swap_free 0
         low_watermark -
         arc_shrinkable -",
    );
    check(
        recording,
        Section::Disks,
        "loop0 Virtual 0 reads 0 sectors 0 ms, 0 writes 0 sectors 0 ms
         vda Whole 6737 reads 1712514 sectors 20204 ms, 894 writes 343848 sectors 1461 ms
         zram0 Virtual 0 reads 0 sectors 0 ms, 0 writes 0 sectors 0 ms",
    );
    check(recording, Section::Process, "1 threads since tick 89364");
}

#[test]
fn p39_four_modes_of_an_old_kernel_are_enough() {
    check(
        "linux-2.6",
        Section::Cpu,
        "cpu 10132153 290696 3084719 46828483 - - - - - -
         cpu0 10132153 290696 3084719 46828483 - - - - - -",
    );
}

#[test]
fn p11_without_available_memory_the_watermarks_are_read() {
    let low_watermark = (21 + 1170) * rustix::param::page_size();
    check(
        "linux-2.6",
        Section::Memory,
        &format!(
            "total 1059332096
             free 123338752
             available -
             buffers 62889984
             cached 512131072
             active_file 266240000
             inactive_file 245891072
             slab_reclaimable 30965760
             shmem -
             swap_total 2146787328
             swap_free 2146787328
             low_watermark {low_watermark}
             arc_shrinkable -"
        ),
    );
}

#[test]
fn p5_numbers_of_processors_may_have_holes() {
    check(
        "sparse-cpus",
        Section::Cpu,
        "cpu 900 10 300 80000 50 0 7 0 0 0
         cpu0 300 5 100 20000 20 0 3 0 0 0
         cpu3 400 5 100 19000 20 0 2 0 0 0
         cpu128 100 0 50 9000 5 0 1 0 0 0",
    );
}

#[test]
fn p12_an_available_memory_of_0_makes_the_watermarks_be_read() {
    let low_watermark = (14 + 2625) * rustix::param::page_size();
    check(
        "available-zero",
        Section::Memory,
        &format!(
            "total 4143251456
             free 512000000
             available 0
             buffers 20480000
             cached 819200000
             active_file 307200000
             inactive_file 409600000
             slab_reclaimable 61440000
             shmem 10240000
             swap_total 0
             swap_free 0
             low_watermark {low_watermark}
             arc_shrinkable -"
        ),
    );
}

#[test]
fn p39_odd_formats_are_read_and_what_does_not_fit_is_not_measured() {
    let recording = "odd-formats";
    check(recording, Section::Cpu, "cpu 5 6 7 8 9 10 11 12 - -\ncpu0 5 6 7 8 9 10 11 12 - -");
    // gVisor prints 0/0 for what it does not know.
    check(recording, Section::Load, "1250 10007 0 hundredths, - of - threads");
    check(
        recording,
        Section::Memory,
        "total 1073741824
         free 536870912
         available 716800000
         buffers -
         cached -
         active_file -
         inactive_file -
         slab_reclaimable -
         shmem -
         swap_total 0
         swap_free 0
         low_watermark -
         arc_shrinkable -",
    );
    check(
        recording,
        Section::Disks,
        "sda Whole 18446744073709551615 reads 18446744073709551615 sectors 4294967295 ms, 1 writes 8 sectors 1 ms",
    );
}

#[test]
fn p32_a_name_may_hold_parentheses_newlines_and_foreign_bytes() {
    check("odd-formats", Section::Process, "37 threads since tick 18446744073709551615");
}

#[test]
fn rule_zero_what_was_not_read_is_none() {
    for recording in ["empty", "garbage"] {
        for section in [Section::Cpu, Section::Load, Section::Memory] {
            check(recording, section, "none");
        }
        // The clock still knows the processor time.
        check(recording, Section::Process, "- threads since tick -");
    }
    check("garbage", Section::Disks, "none");
    // A machine may have no block device.
    check("empty", Section::Disks, "");
}

#[test]
fn p38_a_cut_line_is_not_a_number() {
    let recording = "truncated";
    check(recording, Section::Cpu, "none");
    check(recording, Section::Load, "none");
    check(recording, Section::Process, "- threads since tick -");
    check(
        recording,
        Section::Disks,
        "vda Whole 6737 reads 1712514 sectors 20204 ms, 894 writes 343848 sectors 1461 ms",
    );
    check(
        recording,
        Section::Memory,
        "total 25276514304
         free -
         available -
         buffers -
         cached -
         active_file -
         inactive_file -
         slab_reclaimable -
         shmem -
         swap_total -
         swap_free -
         low_watermark -
         arc_shrinkable -",
    );
}

#[test]
fn p41_missing_files_are_counted_and_named() {
    let root = root("missing");
    let mut source = LinuxSource::with_root(&root);
    let mut sample = RawSample::default();
    for _ in 0..3 {
        source.read(&Clock::manual().0, &mut sample);
    }
    assert!(sample.cpu.is_none() && sample.load.is_none() && sample.disks.is_none());
    assert_eq!(sample.memory.unwrap().value.total, Some(2048 * 1024));
    // The others are not looked for with every sample.
    let later = [Section::ProcessIo, Section::Descriptors, Section::ProcessMemory, Section::Tree];
    for health in source
        .health()
        .into_iter()
        .filter(|health| !later.contains(&health.section) && !health.section.is_optional())
    {
        // What is looked at from time to time is not missed at every reading; the machine as a whole is two files.
        let (reads, failures) = match health.section {
            Section::Memory => (3, 0),
            Section::Network | Section::Filesystems => (1, 1),
            Section::Host => (2, 2),
            _ => (3, 3),
        };
        assert_eq!((health.reads, health.failures), (reads, failures), "{}", health.section.name());
        if failures > 0 {
            let first = health.origin.split(", ").next().unwrap();
            let expected = format!("{first}: No such file or directory (os error 2)");
            assert_eq!(health.last_error.as_deref(), Some(&*expected));
        }
    }
}
