//! The files of a control group, one by one.

use mtaio_monitoring::sampling::linux::{Malformed, cgroup_files as files};
use mtaio_monitoring::sampling::{DiskKind, RawContainerIo, RawMemoryEvents, RawQuota, RawThrottling};
use proptest::prelude::*;

#[test]
fn lists_of_processors_are_counted() {
    let count = |text: &str| files::cpu_list(text.as_bytes()).ok();
    assert_eq!(count("0-3,8,10-11\n"), Some(7));
    assert_eq!(count("0\n"), Some(1));
    assert_eq!(count("\n"), Some(0));
    for hostile in ["", "0-3", "3-0\n", "a\n", "0-\n", ",\n", "0-18446744073709551615\n", "0-4294967295,0\n"] {
        assert_eq!(count(hostile), None, "{hostile:?}");
    }
    assert_eq!(files::allowed_cpus(b"Cpus_allowed:\tf\nCpus_allowed_list:\t1-2\n"), Ok(2));
}

#[test]
fn quotas_and_limits_of_both_versions() {
    let quota = |quota_us, period_us| Ok(Some(RawQuota { quota_us, period_us }));
    assert_eq!(files::cpu_max(b"30000 100000\n"), quota(30_000, 100_000));
    assert_eq!(files::cpu_max(b"max 100000\n"), Ok(None));
    for hostile in ["", "max", "max 0\n", "-1 100000\n", "30000\n", "30000 \n", "30000 1000"] {
        assert!(files::cpu_max(hostile.as_bytes()).is_err(), "{hostile:?}");
    }
    assert_eq!(files::cfs_quota(b"-1\n"), Ok(None));
    assert_eq!(files::cfs_quota(b"20000\n"), Ok(Some(20_000)));
    for none in ["max\n", "9223372036854771712\n", "9223372036854710272\n", "18446744073709551615\n"] {
        assert_eq!(files::limit(none.as_bytes()), Ok(None), "{none:?}");
    }
    assert_eq!(files::limit(b"0\n"), Ok(Some(0)));
    assert_eq!(files::number(b"12"), Err(Malformed("it is no number")), "it may go on");
    assert!(files::number(b"12 13\n").is_err());
}

#[test]
fn p29_the_same_request_is_not_counted_at_two_devices() {
    let kind = |major, minor| match (major, minor) {
        (253, _) => DiskKind::Stacked,
        (7, _) => DiskKind::Virtual,
        (8, 1) => DiskKind::Partition,
        _ => DiskKind::Whole,
    };
    let read = |text: &str| files::io_stat(text.as_bytes(), kind).map(|io| io.read_bytes);
    assert_eq!(read("253:0 rbytes=5\n8:0 rbytes=7 wbytes=1\n8:16 rbytes=1\n7:0 rbytes=9\n8:1 rbytes=3\n"), Ok(8));
    // What is below the mapper was not known to be this group's.
    assert_eq!(read("253:0 rbytes=5\n"), Ok(5));
    // A kernel that leaves out newlines.
    assert_eq!(read("253:0 8:0 rbytes=5\n"), Ok(5));
    assert_eq!(read(""), Ok(0));
    assert!(read("x\n").is_err() && read("8:0 rbytes=5").is_err());
    let blkio = |text: &str| files::blkio(text.as_bytes(), kind);
    assert_eq!(blkio("8:0 Read 1\n8:0 Write 2\n253:0 Read 1\n8:0 Total 3\nTotal 3\n"), Ok((1, 2)));
    assert_eq!(blkio("Total 0\n"), Ok((0, 0)));
    assert!(blkio("8:0 Read\n").is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(text: Vec<u8>) {
        let kind = |_, _| DiskKind::Whole;
        let _ = files::cpu_stat(&text);
        let _ = (files::number(&text), files::limit(&text), files::cpu_max(&text), files::cfs_quota(&text));
        let _ = (files::cpu_list(&text), files::allowed_cpus(&text));
        let _ = (files::memory_events(&text), files::memory_stat(&text));
        let _ = (files::io_stat(&text, kind), files::blkio(&text, kind));
    }

    #[test]
    fn what_the_kernel_prints_is_read(
        values in proptest::array::uniform4(0..u64::MAX / 1000), cut in any::<prop::sample::Index>(),
    ) {
        let [a, b, c, d] = values;
        let stat = format!("usage_usec {a}\nuser_usec 1\nnr_periods {b}\nnr_throttled {c}\nthrottled_usec {d}\n");
        let throttling = RawThrottling {
            level: 0,
            periods: Some(b),
            throttled_periods: Some(c),
            throttled_ns: Some(d * 1000),
        };
        prop_assert_eq!(files::cpu_stat(stat.as_bytes()), Ok((Some(a * 1000), throttling)));
        // A text that is cut never gives a number that the whole one does not give.
        if let Ok((usage, part)) = files::cpu_stat(&stat.as_bytes()[..cut.index(stat.len())]) {
            prop_assert!(usage.is_none_or(|usage| usage == a * 1000));
            prop_assert!(part.throttled_ns.is_none() && part.periods.is_none_or(|periods| periods == b));
        }
        let events = format!("low 0\nhigh {a}\nmax {b}\noom {c}\noom_kill {d}\noom_group_kill 0\n");
        let expected = RawMemoryEvents { oom_kills: Some(d), high: Some(a), max: Some(b) };
        prop_assert_eq!(files::memory_events(events.as_bytes()), Ok(expected));
        let io = format!("8:0 rbytes={a} wbytes={b} rios={c} wios={d} dbytes=1 dios=1\n");
        let expected = RawContainerIo { read_bytes: a, write_bytes: b, reads: c, writes: d };
        prop_assert_eq!(files::io_stat(io.as_bytes(), |_, _| DiskKind::Whole), Ok(expected));
    }
}
