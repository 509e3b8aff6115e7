//! Which processes are the biggest, and what they use.

use mtaio_monitoring::clock::NANOS_PER_SECOND;
use mtaio_monitoring::rates::{biggest, processes};
use mtaio_monitoring::sampling::{RawListed, RawProcessList};

const MIB: u64 = 1 << 20;

fn list(seconds: u64, processes: impl IntoIterator<Item = RawListed>) -> RawProcessList {
    let ns = seconds * NANOS_PER_SECOND;
    RawProcessList { read_at_ns: ns, boottime_ns: ns, processes: processes.into_iter().collect() }
}

fn process(pid: u32, started: u64, cpu: f64, mib: u64) -> RawListed {
    RawListed {
        pid,
        name: format!("p{pid}").into(),
        is_own: pid == 1,
        started_ns: Some(started * NANOS_PER_SECOND),
        cpu_ns: Some((cpu * 1e9) as u64),
        rss_bytes: Some(mib * MIB),
        threads: Some(2),
    }
}

/// `pid cores over-seconds`, with `life` where it is its whole life.
fn check(before: Option<&RawProcessList>, now: &RawProcessList, expected: &[&str]) {
    let number = |number: Option<f64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    let told: Vec<String> = biggest(before, now)
        .iter()
        .map(|one| {
            let life = if one.cpu_is_lifetime_mean { " life" } else { "" };
            format!("{} {} {}{life}", one.pid, number(one.cpu_cores_used), number(one.cpu_window_seconds))
        })
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn five_by_memory_and_five_by_time_each_once_the_largest_first() {
    // Those with high numbers hold much, those with low ones work much; number 6 does both.
    let of = |pid: u32| process(pid, 0, f64::from(if pid == 6 { 100 } else { 20 - pid.min(20) }), pid.into());
    let now = list(100, (1..=20).map(of).chain([process(30, 0, 0.0, 500)]));
    let evidence = biggest(None, &now);
    let pids: Vec<u32> = evidence.iter().map(|one| one.pid).collect();
    assert_eq!(pids, [30, 20, 19, 18, 17, 6, 4, 3, 2, 1]);
    let own = evidence.last().expect("ten");
    assert_eq!((own.is_own, &*own.name, own.rss_bytes, own.threads), (true, "p1", Some(MIB), Some(2)));
    assert_eq!(evidence[0].cpu_cores_used, Some(0.0), "measured, and nothing");
}

#[test]
fn a_list_of_all_has_those_who_hold_and_use_nothing_too() {
    let unknown = RawListed { pid: 9, ..RawListed::default() };
    let before = list(90, [process(1, 0, 1.0, 1), process(2, 0, 4.0, 0)]);
    let now = list(100, [process(1, 0, 1.0, 1), process(2, 0, 9.0, 0), process(3, 95, 1.0, 7), unknown]);
    let listed: Vec<_> =
        processes(Some(&before), &now).iter().map(|one| (one.pid, one.cpu_cores_used, one.rss_bytes)).collect();
    let expected =
        [(1, Some(0.0), Some(MIB)), (2, Some(0.5), Some(0)), (3, Some(0.2), Some(7 * MIB)), (9, None, None)];
    assert_eq!(listed, expected);
}

#[test]
fn without_an_earlier_look_a_share_is_the_mean_of_a_life() {
    let now = list(100, [process(7, 60, 10.0, 3), process(8, 100, 1.0, 2)]);
    // The second has begun in this very moment: nobody can say.
    check(None, &now, &["7 0.25 40 life", "8 ? ?"]);
}

#[test]
fn with_one_it_is_what_was_used_since() {
    let before = list(96, [process(7, 60, 10.0, 3), process(8, 90, 0.0, 1)]);
    let now = list(100, [process(7, 60, 13.0, 3), process(8, 90, 1.0, 2), process(9, 98, 1.0, 1)]);
    check(Some(&before), &now, &["7 0.75 4", "8 0.25 4", "9 0.5 2 life"]);
    // Ticks may go back by one.
    let now = list(100, [process(7, 60, 9.99, 3)]);
    check(Some(&before), &now, &["7 0 4"]);
}

#[test]
fn one_that_is_too_old_or_of_the_same_moment_is_none() {
    let before = list(40, [process(7, 0, 10.0, 3)]);
    check(Some(&before), &list(100, [process(7, 0, 40.0, 3)]), &["7 0.5 60"]);
    check(Some(&before), &list(101, [process(7, 1, 50.0, 3)]), &["7 0.5 100 life"]);
    check(Some(&before), &list(40, [process(7, 0, 10.0, 3)]), &["7 0.25 40 life"]);
}

#[test]
fn another_process_of_the_same_number_has_nothing_of_the_former() {
    let before = list(90, [process(7, 10, 50.0, 3)]);
    check(Some(&before), &list(100, [process(7, 92, 2.0, 3)]), &["7 0.25 8 life"]);
}

#[test]
fn what_is_not_known_is_none_and_nothing_is_no_evidence() {
    let unknown = RawListed { pid: 5, name: "x".into(), rss_bytes: Some(MIB), ..RawListed::default() };
    let nothing = process(6, 10, 0.0, 0);
    let kernel = RawListed { rss_bytes: Some(0), ..process(2, 0, 50.0, 0) };
    check(None, &list(100, [unknown, nothing, kernel]), &["5 ? ?", "2 0.5 100 life"]);
    check(None, &list(100, []), &[]);
}
