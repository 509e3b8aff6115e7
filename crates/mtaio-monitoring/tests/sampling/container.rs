//! The own control group: recorded trees, and what happens while time goes by.

use std::fs;
use std::path::Path;

use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::sampling::linux::LinuxSource;
use mtaio_monitoring::sampling::{RawContainer, RawContainerIo, RawSample, Section, Source, Timed};

use super::recorded::{check, root};
use crate::allocations;

#[test]
fn p8_version_2_with_the_tightest_limits_further_out() {
    // The quota is the service's (1.5 processors of its workers' 2), and so are the periods that count. The memory
    // limit is the slice's, `high` the service's. What the mapper counted, sda counted too.
    check(
        "cgroup-v2",
        Section::Container,
        "version v2
         cpu_usage_ns 1234567000
         quota 150000 of 100000 us
         cpuset 5
         affinity 8
         throttling_level 1
         periods 1200
         throttled 340
         throttled_ns 7654321000
         memory 536870912
         inactive_file 150000000
         limit 1073741824
         high 805306368
         swap 4096
         oom_kills 1
         high_events 12
         max_events 3
         pids 42 of 4915
         io 409600 bytes in 100 reads, 819200 in 50 writes",
    );
}

#[test]
fn p8_a_namespace_whose_root_is_the_own_group_is_not_the_machine() {
    check(
        "cgroup-v2-docker",
        Section::Container,
        "version v2
         cpu_usage_ns 777000
         quota 30000 of 100000 us
         cpuset -
         affinity 2
         throttling_level 0
         periods 10
         throttled 9
         throttled_ns 8888000
         memory 104857600
         inactive_file 4096
         limit 134217728
         high -
         swap -
         oom_kills 0
         high_events 0
         max_events 0
         pids 3 of 100
         io 0 bytes in 0 reads, 0 in 0 writes",
    );
}

#[test]
fn p15_version_1_has_the_limits_of_hidden_groups_in_memory_stat() {
    check(
        "cgroup-v1-docker",
        Section::Container,
        "version v1
         cpu_usage_ns 123456789012
         quota 50000 of 100000 us
         cpuset 2
         affinity 4
         throttling_level 0
         periods 500
         throttled 250
         throttled_ns 9876543210
         memory 268435456
         inactive_file 68435456
         limit 402653184
         high -
         swap 8192
         oom_kills 2
         high_events -
         max_events 17
         pids 12 of -
         io 4096 bytes in 1 reads, 12288 in 3 writes",
    );
}

#[test]
fn p15_the_largest_number_there_is_is_no_limit() {
    check(
        "cgroup-v1-unlimited",
        Section::Container,
        "version v1
         cpu_usage_ns 5000
         quota -
         cpuset -
         affinity -
         throttling_level -
         periods -
         throttled -
         throttled_ns -
         memory 1000000
         inactive_file 2000000
         limit -
         high -
         swap -
         oom_kills -
         high_events -
         max_events -
         pids 1 of -
         io -",
    );
}

#[test]
fn p8_hybrid_reads_each_controller_where_it_is() {
    check(
        "cgroup-hybrid",
        Section::Container,
        "version hybrid
         cpu_usage_ns 42000
         quota 200000 of 100000 us
         cpuset -
         affinity -
         throttling_level 2
         periods 8
         throttled 4
         throttled_ns 16000
         memory 3000000
         inactive_file -
         limit 8000000
         high -
         swap -
         oom_kills -
         high_events -
         max_events -
         pids -
         io -",
    );
}

#[test]
fn p8_lxc_has_its_limits_at_the_root_of_the_mount() {
    check(
        "cgroup-lxc",
        Section::Container,
        "version v2
         cpu_usage_ns 10000
         quota -
         cpuset -
         affinity 2
         throttling_level -
         periods -
         throttled -
         throttled_ns -
         memory 2048
         inactive_file -
         limit 4294967296
         high -
         swap -
         oom_kills -
         high_events -
         max_events -
         pids 1 of -
         io -",
    );
}

const NOTHING: &str = "cpu_usage_ns -
         quota -
         cpuset -
         affinity AFFINITY
         throttling_level -
         periods -
         throttled -
         throttled_ns -
         memory -
         inactive_file -
         limit -
         high -
         swap -
         oom_kills -
         high_events -
         max_events -
         pids -
         io -";

#[test]
fn p41_files_that_are_missing_or_empty_are_none() {
    check("cgroup-gvisor", Section::Container, &format!("version v1\n{}", NOTHING.replace("AFFINITY", "-")));
    for recording in ["linux-6.18", "empty", "garbage"] {
        check(recording, Section::Container, "none");
    }
}

#[test]
fn p8_the_real_root_of_a_hierarchy_is_no_container() {
    check("cgroup-root", Section::Container, &format!("version hybrid\n{}", NOTHING.replace("AFFINITY", "4")));
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Groups `a` and `b`, in the first of which the process is.
fn two_groups() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "proc/self/cgroup", "0::/a\n");
    write(root.path(), "proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    for (group, usage) in [("a", 1), ("b", 100)] {
        write(root.path(), &format!("sys/fs/cgroup/{group}/cgroup.events"), "populated 1\n");
        write(root.path(), &format!("sys/fs/cgroup/{group}/cpu.stat"), &format!("usage_usec {usage}\n"));
        write(root.path(), &format!("sys/fs/cgroup/{group}/memory.max"), &format!("{usage}\n"));
    }
    root
}

/// A reading of the container alone.
fn container(source: &mut LinuxSource, clock: &Clock) -> RawContainer {
    let mut sample = RawSample::default();
    source.read(clock, &mut sample);
    sample.container.unwrap().value
}

#[test]
fn p8_a_process_that_is_moved_is_followed() {
    let root = two_groups();
    let (clock, hand) = Clock::manual();
    let mut source = LinuxSource::with_root(root.path());
    let first = container(&mut source, &clock);
    assert_eq!(first.cpu_usage_ns.as_ref().unwrap().value, 1_000);
    assert_eq!(first.seldom.memory_limit, Some(1));

    write(root.path(), "proc/self/cgroup", "0::/b\n");
    hand.advance(9.0);
    let before = container(&mut source, &clock);
    assert_eq!(before.generation, first.generation, "looked for every ten seconds");
    hand.advance(1.0);
    let after = container(&mut source, &clock);
    assert_ne!(after.generation, first.generation);
    assert_eq!(after.cpu_usage_ns.unwrap().value, 100_000);
    assert_eq!(after.seldom.memory_limit, Some(100), "limits are read again at once");
    let health = source.health().into_iter().find(|health| health.section == Section::Container).unwrap();
    assert!(health.origin.ends_with("sys/fs/cgroup/b"), "{health:?}");
    assert_eq!(health.failures, 0);
}

#[test]
fn p17_what_is_dear_is_read_every_ten_seconds() {
    let root = two_groups();
    let (clock, hand) = Clock::manual();
    let mut source = LinuxSource::with_root(root.path());
    let stat = |bytes: u64| write(root.path(), "sys/fs/cgroup/a/memory.stat", &format!("inactive_file {bytes}\n"));
    let io = |bytes: u64| {
        write(root.path(), "sys/fs/cgroup/a/io.stat", &format!("8:0 rbytes={bytes} wbytes=0 rios=0 wios=0\n"));
    };
    stat(1);
    io(1000);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let raw = container(&mut source, &clock).seldom;
        let bytes = |io: Option<Timed<RawContainerIo>>| io.map(|io| io.value.read_bytes);
        seen.push((raw.inactive_file, bytes(raw.io), bytes(raw.io_before)));
        stat(2);
        io(5000);
        hand.advance(5.0);
    }
    assert_eq!(
        seen,
        [
            (Some(1), Some(1000), None),
            (Some(1), Some(1000), None),
            // The rate of traffic is over the ten seconds between the two.
            (Some(2), Some(5000), Some(1000)),
        ]
    );
}

#[test]
fn p16_a_kill_is_seen_at_the_next_sample() {
    let root = two_groups();
    let (clock, hand) = Clock::manual();
    let mut source = LinuxSource::with_root(root.path());
    let events = |kills: u64| write(root.path(), "sys/fs/cgroup/a/memory.events", &format!("oom_kill {kills}\n"));
    for kills in [0, 0, 1, 3] {
        events(kills);
        assert_eq!(container(&mut source, &clock).memory_events.oom_kills, Some(kills));
        hand.advance(1.0);
    }
}

#[test]
fn p35_a_missing_file_is_not_looked_for_at_every_sample() {
    let root = two_groups();
    let (clock, hand) = Clock::manual();
    let mut source = LinuxSource::with_root(root.path());
    assert_eq!(container(&mut source, &clock).memory_usage, None);
    write(root.path(), "sys/fs/cgroup/a/memory.current", "77\n");
    hand.advance(9.0);
    assert_eq!(container(&mut source, &clock).memory_usage, None);
    hand.advance(1.0);
    assert_eq!(container(&mut source, &clock).memory_usage, Some(77));
}

#[test]
fn p41_health_says_which_file_is_missing() {
    let root = two_groups();
    let mut source = LinuxSource::with_root(root.path());
    container(&mut source, &Clock::manual().0);
    let health = source.health().into_iter().find(|health| health.section == Section::Container).unwrap();
    let error = health.last_error.unwrap();
    assert!(error.ends_with("sys/fs/cgroup/a/memory.current: No such file or directory (os error 2)"), "{error}");
}

#[test]
fn t7_the_dear_files_too_are_read_without_allocating() {
    let (clock, hand) = Clock::manual();
    for recording in ["cgroup-v2", "cgroup-v1-docker"] {
        let mut source = LinuxSource::with_root(root(recording));
        let mut sample = RawSample::default();
        source.read(&clock, &mut sample);
        let allocations = allocations::during(|| {
            // Shorter than the time after which mounts are listed anew.
            for _ in 0..20 {
                hand.advance(1.25);
                source.read(&clock, &mut sample);
            }
        });
        assert_eq!(allocations, 0, "{recording}");
    }
}
