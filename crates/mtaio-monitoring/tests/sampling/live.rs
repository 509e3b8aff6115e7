//! The source over time: descriptors that are kept, files that come and go, and this machine itself.

use std::fs;
use std::path::Path;

use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::sampling::linux::LinuxSource;
use mtaio_monitoring::sampling::{DiskKind, RawSample, Section, SectionHealth, Source, native};

use crate::allocations;

const STAT: &str = "cpu  1 2 3 4\n";
const DISK: &str = "8 0 sda 1 0 8 1 1 0 8 1 0 0 0\n";

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn read(source: &mut LinuxSource) -> RawSample {
    let mut sample = RawSample::default();
    source.read(&Clock::manual().0, &mut sample);
    sample
}

fn health(source: &dyn Source, section: Section) -> SectionHealth {
    source.health().into_iter().find(|health| health.section == section).unwrap()
}

/// Reads once and compares `cpu`'s presence, the failures so far, and what the last error ends with.
#[track_caller]
fn check(source: &mut LinuxSource, is_read: bool, failures: u64, last_error: Option<&str>) {
    let sample = read(source);
    let health = health(source, Section::Cpu);
    assert_eq!((sample.cpu.is_some(), health.failures), (is_read, failures));
    let found = health.last_error.unwrap_or_default();
    assert!(found.ends_with(last_error.unwrap_or_default()), "{found}");
    assert_eq!(found.is_empty(), last_error.is_none(), "{found}");
}

#[test]
fn p35_a_file_that_fails_is_counted_and_recovers() {
    let root = tempfile::tempdir().unwrap();
    let mut source = LinuxSource::with_root(root.path());
    let missing = "proc/stat: No such file or directory (os error 2)";
    let malformed = "proc/stat: the first line is not the one named cpu";
    check(&mut source, false, 1, Some(missing));
    check(&mut source, false, 2, Some(missing));
    write(root.path(), "proc/stat", STAT);
    check(&mut source, true, 2, Some(missing));
    write(root.path(), "proc/stat", "");
    check(&mut source, false, 3, Some(malformed));
    write(root.path(), "proc/stat", STAT);
    check(&mut source, true, 3, Some(malformed));
    fs::remove_file(root.path().join("proc/stat")).unwrap();
    let mut source = LinuxSource::with_root(root.path());
    check(&mut source, false, 1, Some(missing));
    fs::create_dir(root.path().join("proc/stat")).unwrap();
    check(&mut source, false, 2, Some("proc/stat: Is a directory (os error 21)"));
}

#[test]
fn p31_only_a_new_source_sees_a_file_that_took_the_olds_place() {
    let root = tempfile::tempdir().unwrap();
    let mut source = LinuxSource::with_root(root.path());
    let user = |source: &mut LinuxSource| read(source).cpu.unwrap().value.total.0[0];
    write(root.path(), "proc/stat", "cpu  1 2 3 4\n");
    assert_eq!(user(&mut source), 1);
    write(root.path(), "proc/new", "cpu  5 6 7 8\n");
    fs::rename(root.path().join("proc/new"), root.path().join("proc/stat")).unwrap();
    assert_eq!(user(&mut source), 1, "the kept descriptor is of the file that was opened");
    assert_eq!(user(&mut LinuxSource::with_root(root.path())), 5);
}

#[test]
fn p38_a_file_longer_than_the_buffer_is_read_whole() {
    let root = tempfile::tempdir().unwrap();
    let processors: String = (0..4000).map(|number| format!("cpu{number} 10 20 30 40\n")).collect();
    write(root.path(), "proc/stat", &format!("cpu  1 2 3 4\n{processors}"));
    let disks: String = (0..4000).map(|number| format!("8 {number} sd{number} 1 0 8 1 1 0 8 1 0 0 0\n")).collect();
    write(root.path(), "proc/diskstats", &disks);
    let sample = read(&mut LinuxSource::with_root(root.path()));
    assert_eq!(sample.cpu.unwrap().value.cores.last().unwrap().0, 3999);
    assert_eq!(sample.disks.unwrap().value.devices.len(), 4000);
}

#[test]
fn p23_a_disk_that_becomes_stacked_is_noticed_within_a_minute() {
    let root = tempfile::tempdir().unwrap();
    let mut source = LinuxSource::with_root(root.path());
    write(root.path(), "proc/diskstats", DISK);
    fs::create_dir_all(root.path().join("sys/class/block/sda/slaves")).unwrap();
    let kind = |source: &mut LinuxSource| read(source).disks.unwrap().value.devices[0].kind;
    assert_eq!(kind(&mut source), DiskKind::Whole);
    write(root.path(), "sys/class/block/sda/slaves/sdb", "");
    let kinds: Vec<DiskKind> = (0..60).map(|_| kind(&mut source)).collect();
    assert_eq!(kinds.last(), Some(&DiskKind::Stacked));
    fs::remove_file(root.path().join("sys/class/block/sda/slaves/sdb")).unwrap();
    let kinds: Vec<DiskKind> = (0..60).map(|_| kind(&mut source)).collect();
    assert_eq!(kinds.last(), Some(&DiskKind::Whole));
}

#[test]
fn p22_a_new_device_is_known_at_once() {
    let root = tempfile::tempdir().unwrap();
    let mut source = LinuxSource::with_root(root.path());
    let kinds = |source: &mut LinuxSource| -> Vec<DiskKind> {
        read(source).disks.unwrap().value.devices.iter().map(|disk| disk.kind).collect()
    };
    write(root.path(), "proc/diskstats", DISK);
    assert_eq!(kinds(&mut source), [DiskKind::Whole]);
    write(root.path(), "proc/diskstats", &format!("{DISK}{}", DISK.replace("0 sda", "1 sda1")));
    assert_eq!(kinds(&mut source), [DiskKind::Whole, DiskKind::Partition]);
    write(root.path(), "proc/diskstats", &DISK.replace("sda", "dm-0"));
    assert_eq!(kinds(&mut source), [DiskKind::Stacked]);
}

#[test]
fn p36_every_section_carries_the_time_after_its_own_read() {
    let clock = Clock::system();
    let mut sample = RawSample::default();
    LinuxSource::new().read(&clock, &mut sample);
    let times = [
        sample.clock.monotonic_ns,
        sample.cpu.unwrap().read_at_ns,
        sample.load.unwrap().read_at_ns,
        sample.memory.unwrap().read_at_ns,
        sample.process.unwrap().read_at_ns,
        clock.monotonic_ns(),
    ];
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
}

#[test]
fn this_machine_is_read() {
    let clock = Clock::system();
    let mut source = native();
    let mut sample = RawSample::default();
    source.read(&clock, &mut sample);
    let memory = sample.memory.unwrap().value;
    assert!(memory.free <= memory.total && memory.total > Some(1 << 20), "{memory:?}");
    let cpu = sample.cpu.unwrap().value;
    assert!(!cpu.cores.is_empty() && cpu.total.0[3] > 0, "{cpu:?}");
    let process = sample.process.unwrap().value;
    assert!(process.threads > Some(0) && process.cpu_ns > Some(0) && process.start_ticks > Some(0), "{process:?}");
    for section in [Section::Cpu, Section::Memory, Section::Process] {
        assert_eq!(health(&*source, section).failures, 0);
    }
}

#[test]
fn t7_a_sample_allocates_nothing_once_its_buffers_have_grown() {
    let clock = Clock::system();
    for mut source in [LinuxSource::new(), LinuxSource::with_root(super::recorded::root("stacked-disks"))] {
        // Two samples take turns, as a loop that keeps the one before does.
        let mut samples = [RawSample::default(), RawSample::default()];
        for sample in &mut samples {
            source.read(&clock, sample);
        }
        // More readings than there are between two looks at what is stacked on what.
        let allocations = allocations::during(|| {
            for turn in 0..130 {
                source.read(&clock, &mut samples[turn % 2]);
            }
        });
        assert_eq!(allocations, 0);
    }
}
