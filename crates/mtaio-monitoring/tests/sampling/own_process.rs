//! What is read of this process: recordings of what goes wrong, and this process itself.

use std::fs;
use std::path::Path;

use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::sampling::linux::LinuxSource;
use mtaio_monitoring::sampling::{RawDescriptors, RawSample, Section, SectionHealth, Source};

use super::recorded::root;

const STAT: &str = "7 (a) R 1 7 7 0 -1 0 11 0 3 0 5 6 0 0 20 0 2 0 4000 81920 20 0\n";
const IO: &str = "rchar: 10\nwchar: 20\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 4096\n";

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn health(source: &LinuxSource, section: Section) -> SectionHealth {
    source.health().into_iter().find(|health| health.section == section).unwrap()
}

fn read(source: &mut LinuxSource, clock: &Clock) -> RawSample {
    let mut sample = RawSample::default();
    source.read(clock, &mut sample);
    sample
}

#[test]
fn the_own_process_is_read_in_full() {
    let page = rustix::param::page_size() as u64;
    let sample = read(&mut LinuxSource::with_root(root("worker-tree")), &Clock::manual().0);
    let process = sample.process.unwrap().value;
    assert_eq!((process.threads, process.start_ticks), (Some(2), Some(5000)));
    assert_eq!(process.started_ns, Some(50_000_000_000));
    assert_eq!((process.minor_faults, process.major_faults), (Some(100), Some(2)));
    assert_eq!((process.rss_bytes, process.vms_bytes), (Some(2000 * page), Some(1 << 24)));
    let io = sample.process_io.unwrap().value;
    assert_eq!((io.rchar, io.wchar), (Some(3 * 4096), Some(3 * 8192)));
    assert_eq!((io.read_bytes, io.written_bytes), (Some(4096), Some(8192)));
    let memory = sample.process_memory.unwrap().value;
    assert_eq!((memory.shared_bytes, memory.pss_bytes), (Some(700 * page), Some(3210 * 1024)));
}

#[test]
fn p29_writes_that_were_cancelled_do_not_count_and_never_make_the_counter_go_back() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "proc/self/stat", STAT);
    let (clock, hand) = Clock::manual();
    let mut source = LinuxSource::with_root(folder.path());
    let mut written = |write_bytes: u64, cancelled: u64| {
        write(
            folder.path(),
            "proc/self/io",
            &format!("write_bytes: {write_bytes}\ncancelled_write_bytes: {cancelled}\n"),
        );
        hand.advance(1.0);
        read(&mut source, &clock).process_io.unwrap().value.written_bytes
    };
    assert_eq!(written(8192, 4096), Some(4096));
    assert_eq!(written(12_288, 4096), Some(8192));
    assert_eq!(written(12_288, 12_288), Some(8192), "a file was removed before it was written");
    assert_eq!(written(20_480, 12_288), Some(8192), "counted already");
    assert_eq!(written(20_480, 99_999), Some(8192), "others' pages may be cancelled too");
    assert_eq!(written(30_480, 12_288), Some(18_192));
}

#[test]
fn p34_where_a_folders_size_is_not_the_number_of_descriptors_they_are_listed() {
    // The size of a folder that is not the kernel's is anything but the number of its files.
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "proc/self/stat", STAT);
    let (clock, hand) = Clock::manual();
    let mut source = LinuxSource::with_root(folder.path());
    let open = |sample: RawSample| sample.descriptors.and_then(|descriptors| descriptors.value.open);
    assert_eq!(open(read(&mut source, &clock)), None);
    for number in 0..5 {
        write(folder.path(), &format!("proc/self/fd/{number}"), "");
    }
    hand.advance(10.0);
    // The one through which a list is read is not counted.
    assert_eq!(open(read(&mut source, &clock)), Some(4));
    write(folder.path(), "proc/self/fd/5", "");
    assert_eq!(open(read(&mut source, &clock)), Some(4), "not looked at with every sample");
    hand.advance(10.0);
    assert_eq!(open(read(&mut source, &clock)), Some(5));
}

#[test]
fn p41_what_a_system_does_not_have_is_none_by_the_field_and_not_asked_for_at_every_sample() {
    let folder = tempfile::tempdir().unwrap();
    // What gVisor and old kernels print: fields that are 0 or missing.
    write(folder.path(), "proc/self/stat", "7 (a) R 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 0 0 4000\n");
    let (clock, hand) = Clock::manual();
    let mut source = LinuxSource::with_root(folder.path());
    for _ in 0..50 {
        let sample = read(&mut source, &clock);
        let process = sample.process.unwrap().value;
        assert_eq!((process.threads, process.rss_bytes, process.vms_bytes), (None, None, None));
        assert_eq!(process.minor_faults, Some(0), "it says so");
        assert!(sample.process_io.is_none() && sample.descriptors.is_none() && sample.process_memory.is_none());
        hand.advance(0.1);
    }
    for section in [Section::ProcessIo, Section::Descriptors, Section::ProcessMemory] {
        let health = health(&source, section);
        assert_eq!((health.reads, health.failures), (1, 1), "{health:?}");
        assert!(health.last_error.unwrap().ends_with("No such file or directory (os error 2)"));
    }
    write(folder.path(), "proc/self/io", IO);
    hand.advance(5.0);
    assert_eq!(read(&mut source, &clock).process_io.unwrap().value.read_bytes, Some(4096), "found again");
}

#[test]
fn p18_the_proportional_size_is_read_seldom_and_not_of_a_large_process() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "proc/self/stat", STAT);
    write(folder.path(), "proc/self/statm", "20 20 5 0 0 0 0\n");
    write(folder.path(), "proc/self/smaps_rollup", "1-2 ---p 0 0:0 0 [rollup]\nRss: 80 kB\nPss: 40 kB\n");
    let (clock, hand) = Clock::manual();
    let mut source = LinuxSource::with_root(folder.path());
    let mut pss = || {
        let memory = read(&mut source, &clock).process_memory.unwrap().value;
        (memory.shared_bytes.is_some(), memory.pss_bytes)
    };
    assert_eq!(pss(), (true, Some(40_960)));
    write(folder.path(), "proc/self/smaps_rollup", "Pss: 50 kB\n");
    for _ in 0..5 {
        hand.advance(5.0);
        assert_eq!(pss(), (true, Some(40_960)));
    }
    hand.advance(5.0);
    assert_eq!(pss(), (true, Some(51_200)));
    write(folder.path(), "proc/self/stat", &STAT.replace(" 20 0\n", " 99999999 0\n"));
    hand.advance(5.0);
    assert_eq!(pss(), (true, None));
}

#[test]
fn p7_the_halves_of_the_own_time_never_go_back_and_are_those_of_the_sum() {
    let clock = Clock::system();
    let mut source = LinuxSource::new();
    let mut before = read(&mut source, &clock).process.unwrap().value;
    let mut hash = 0_u64;
    for turn in 0..50_u64 {
        (0..200_000_u64).for_each(|step| hash = hash.wrapping_mul(31).wrapping_add(step ^ turn));
        let now = read(&mut source, &clock).process.unwrap().value;
        assert!(now.user_ns >= before.user_ns && now.system_ns >= before.system_ns);
        assert!(now.voluntary_switches >= before.voluntary_switches);
        let halves = now.user_ns.unwrap() + now.system_ns.unwrap();
        // The other tests' threads go on between the two calls.
        assert!(halves.abs_diff(now.cpu_ns.unwrap()) < 50_000_000, "{now:?}");
        before = now;
    }
    assert_ne!(hash, 1);
}

#[test]
fn this_process_has_what_the_kernel_says_it_has() {
    let clock = Clock::system();
    let mut source = LinuxSource::new();
    let sample = read(&mut source, &clock);
    let process = sample.process.unwrap().value;
    let rss = process.rss_bytes.unwrap();
    assert!(rss > 1 << 20 && process.vms_bytes.unwrap() > rss, "{process:?}");
    assert!(process.started_ns.unwrap() <= clock.now().boottime_ns);
    let RawDescriptors { open, limit } = sample.descriptors.unwrap().value;
    assert!(open > Some(2) && open < limit.or(Some(u64::MAX)), "{open:?} of {limit:?}");
    assert!(sample.process_memory.unwrap().value.shared_bytes <= Some(rss + (1 << 22)));
    let tree = sample.tree.unwrap().value;
    assert!(tree.processes >= 1 && tree.threads >= 1 && tree.counters.cpu_ns > 0, "{tree:?}");
}
