//! The cache of ZFS, which the kernel counts as used memory (P13).

use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::monitor::{Config, MonitorCore};
use mtaio_monitoring::rates::SystemStats;
use mtaio_monitoring::sampling::linux::{LinuxSource, arc};
use mtaio_monitoring::sampling::{RawSample, Section, Source};

use super::recorded::root;

/// `size − c_min` of the recording.
const SHRINKABLE: u64 = 8_321_499_136 - 521_669_632;
const TOTAL: u64 = 16_303_428 * 1024;
const AVAILABLE: u64 = 2_140_012 * 1024;

fn stats(recording: &'static str, config: Config) -> SystemStats {
    let (clock, hand) = Clock::manual();
    let config = config.with_clock(clock).with_source(move || Box::new(LinuxSource::with_root(root(recording))));
    let monitor = MonitorCore::new(config);
    // The first reading wants another one after it.
    assert!(monitor.current_stats().unwrap().is_err());
    hand.advance(0.2);
    monitor.current_stats().unwrap().unwrap()
}

#[test]
fn p13_what_the_cache_of_zfs_gives_back_is_available() {
    let memory = stats("zfs", Config::default()).memory;
    assert_eq!(memory.arc_shrinkable, Some(SHRINKABLE));
    assert_eq!(memory.host_available, Some(AVAILABLE + SHRINKABLE));
    assert_eq!(memory.host_used, Some(TOTAL - AVAILABLE - SHRINKABLE));
}

#[test]
fn p13_who_wants_the_kernels_view_has_it() {
    let memory = stats("zfs", Config::default().with_zfs_arc_available(false)).memory;
    assert_eq!(memory.arc_shrinkable, Some(SHRINKABLE));
    assert_eq!(memory.host_available, Some(AVAILABLE));
}

#[test]
fn p13_inside_lxc_the_cache_is_the_hosts() {
    let memory = stats("zfs-lxc", Config::default()).memory;
    assert_eq!((memory.arc_shrinkable, memory.host_available), (None, Some(AVAILABLE)));
}

#[test]
fn p13_no_more_is_available_than_there_is() {
    let mut sample = RawSample::default();
    LinuxSource::with_root(root("zfs")).read(&Clock::manual().0, &mut sample);
    sample.memory.as_mut().unwrap().value.arc_shrinkable = Some(u64::MAX - 1);
    let mut memory = mtaio_monitoring::rates::Interval::between(None, &sample).memory;
    memory.add_arc();
    assert_eq!(memory.available.get(), Some(TOTAL));
}

#[test]
fn p13_a_module_that_is_loaded_later_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &[u8]| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("proc/meminfo", b"MemTotal: 100 kB\nMemAvailable: 10 kB\n");
    let (clock, hand) = Clock::manual();
    let mut source = LinuxSource::with_root(folder.path());
    let read = |source: &mut LinuxSource| {
        let mut sample = RawSample::default();
        source.read(&clock, &mut sample);
        sample.memory.unwrap().value.arc_shrinkable
    };
    assert_eq!(read(&mut source), None);
    write("proc/spl/kstat/zfs/arcstats", b"c_min 4 5\nsize 4 12\n");
    assert_eq!(read(&mut source), None, "looked for every ten seconds");
    hand.advance(10.0);
    assert_eq!(read(&mut source), Some(7));
    // Damaged: the memory is read all the same, and the report says why this is not.
    write("proc/spl/kstat/zfs/arcstats", b"c_min 4 5\nsize 4 twelve\n");
    assert_eq!(read(&mut source), None);
    let health = source.health().into_iter().find(|health| health.section == Section::Memory).unwrap();
    assert!(health.last_error.unwrap().ends_with("arcstats: it has no size or no c_min"));
}

#[test]
fn p13_a_smaller_cache_than_its_least_size_gives_nothing_back() {
    let mut bytes = 1;
    arc::parse(b"c_min                           4    9\nsize   4    8\n", &mut bytes).unwrap();
    assert_eq!(bytes, 0);
    for text in
        [&b""[..], b"size 4 9\n", b"c_min 4 1\nsize 4\n", b"c_min 4 1\nsize 4 -1\n", b"c_min 4 1\nsize 4 1 1\n"]
    {
        assert!(arc::parse(text, &mut bytes).is_err(), "{}", String::from_utf8_lossy(text));
    }
}
