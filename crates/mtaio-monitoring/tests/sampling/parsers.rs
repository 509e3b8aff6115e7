//! Single lines given to the parsers: where exactly the border runs between a value and none.

use mtaio_monitoring::sampling::linux::process::Units;
use mtaio_monitoring::sampling::linux::{Malformed, diskstats, loadavg, meminfo, process, stat, zoneinfo};
use mtaio_monitoring::sampling::{CpuTimes, RawCpu, RawDisks, RawLoad, RawMemory, RawProcess};

/// Parses `text` and compares what `pick` finds in the result; `None` stands for a text that is refused.
#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "the calls read better without a borrow")]
fn check<T: Default, E: std::fmt::Debug, P: PartialEq + std::fmt::Debug>(
    parse: fn(&[u8], &mut T) -> Result<(), E>,
    text: &str,
    pick: impl FnOnce(&T) -> P,
    expected: Option<P>,
) {
    let mut value = T::default();
    let found = parse(text.as_bytes(), &mut value).ok().map(|()| pick(&value));
    assert_eq!(found, expected, "{text:?}");
}

#[test]
fn p39_a_processor_needs_four_numbers_and_nothing_else() {
    let total = |cpu: &RawCpu| cpu.total.0;
    let unknown = [CpuTimes::UNKNOWN; 10];
    let four = [1, 2, 3, 4];
    let and_unknown = std::array::from_fn(|mode| *four.get(mode).unwrap_or(&unknown[mode]));
    check(stat::parse, "cpu  1 2 3 4\n", total, Some(and_unknown));
    check(stat::parse, "cpu 1 2 3 4 5 6 7 8 9 10 11 12\n", total, Some([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
    for refused in [
        "cpu  1 2 3\n",
        "cpu  1 2 3 4",
        "cpu  1 2 3 x\n",
        "cpu  1 2 3 -4\n",
        "cpu  1 2 3 4.5\n",
        "cpu  1 2 3 18446744073709551616\n",
        "cpu0 1 2 3 4\n",
        "\ncpu 1 2 3 4\n",
        "",
    ] {
        check(stat::parse, refused, total, None);
    }
}

#[test]
fn p5_a_damaged_processor_is_left_out() {
    let numbers = |cpu: &RawCpu| cpu.cores.iter().map(|(number, _)| *number).collect::<Vec<_>>();
    let total = "cpu  9 9 9 9\n";
    let check_lines = |lines: &str, expected: &[u32]| {
        check(stat::parse, &format!("{total}{lines}"), numbers, Some(expected.to_vec()));
    };
    check_lines("cpu0 1 2 3 4\ncpu1 1 2 3\ncpu2 1 2 3 4\n", &[0, 2]);
    check_lines(
        "cpu0 1 2 3 4\ncpux 1 2 3 4\ncpu4294967296 1 2 3 4\ncpu5x 1 2 3 4\ncpu4294967295 1 2 3 4\n",
        &[0, 4_294_967_295],
    );
    check_lines("cpu0 1 2 3 4\ncpu1 1 2 3 4", &[0]);
    // After the first other line nothing is looked at.
    check_lines("cpu0 1 2 3 4\nintr 1 2 3\ncpu1 1 2 3 4\n", &[0]);
}

#[test]
fn p39_averages_are_hundredths() {
    let load = |load: &RawLoad| load.hundredths;
    check(loadavg::parse, "0.00 1.5 42949672.95 1/2 3\n", load, Some([0, 150, 4_294_967_295]));
    check(loadavg::parse, "1.999 2.0 3.10\n", load, Some([199, 200, 310]));
    for refused in
        ["0.00 0.00 0.00 1/2 3", "0.00 0.00\n", "0 0 0 1/2 3\n", "-1.00 0.00 0.00 1/2 3\n", "1. 2. 3.\n"]
    {
        check(loadavg::parse, refused, load, None);
    }
    check(loadavg::parse, "42949672.96 0.00 0.00 1/2 3\n", load, None);
}

#[test]
fn p10_threads_of_the_system_need_not_be_known() {
    let threads = |load: &RawLoad| (load.running_threads, load.total_threads);
    check(loadavg::parse, "0.00 0.00 0.00 1/800 3\n", threads, Some((Some(1), Some(800))));
    for unknown in ["0/0", "1", "1/", "/1", "1/4294967296", "a/b"] {
        let text = format!("0.00 0.00 0.00 {unknown} 3\n");
        check(loadavg::parse, &text, threads, Some((None, None)));
    }
}

#[test]
fn p39_memory_lines_may_come_in_any_shape_and_order() {
    let fields = |memory: &RawMemory| (memory.total, memory.swap_free);
    check(meminfo::parse, "SwapFree:1 kB\nMemTotal:\t 2 kB\n", fields, Some((Some(2048), Some(1024))));
    check(meminfo::parse, "MemTotal: 2 kB\nMemTotal: 3 kB\n", fields, Some((Some(2048), None)));
    check(meminfo::parse, "MemTotal: 2 kB\nSwapFree: 1", fields, Some((Some(2048), None)));
    check(meminfo::parse, "MemTotal: 2 kB\nSwapFree: 1 kB", fields, Some((Some(2048), None)));
    // 2^54 kB are 2^64 bytes.
    check(meminfo::parse, "MemTotal: 18014398509481983 kB\n", fields, Some((Some(u64::MAX - 1023), None)));
    for refused in [
        "",
        "MemTotal: 18014398509481984 kB\n",
        "MemTotal: 2 MB\n",
        "MemTotal: 2\n",
        "MemTotal: 2 kB 3\n",
        "MemTotal 2 kB\n",
        "MemTotal: 2x kB\n",
        "Memtotal: 2 kB\n",
        "xMemTotal: 2 kB\n",
    ] {
        check(meminfo::parse, refused, fields, None);
    }
}

#[test]
fn p24_fields_are_read_by_index_and_more_are_ignored() {
    let counters = |disks: &RawDisks| {
        let disk = &disks.devices[0];
        (disk.reads, disk.read_sectors, disk.read_ms, disk.writes, disk.write_sectors, disk.write_ms)
    };
    let full = Some((Some(1), 3, Some(4), Some(5), 7, Some(8)));
    for more in ["9 10 11", "9 10 11 12 13 14 15", "9 10 11 12 13 14 15 16 17", "9 10 11 x y z"] {
        check(diskstats::parse, &format!("8 0 sda 1 2 3 4 5 6 7 8 {more}\n"), counters, full);
    }
    check(diskstats::parse, "8 1 sda1 1 2 3 4\n", counters, Some((Some(1), 2, None, Some(3), 4, None)));
    let later = |disks: &RawDisks| {
        let disk = &disks.devices[0];
        let of_discards = [disk.discards, disk.discard_sectors, disk.flushes, disk.flush_ms];
        ([disk.in_flight, disk.busy_ms, disk.weighted_ms], of_discards)
    };
    let of = |more: &str, expected| {
        check(diskstats::parse, &format!("8 0 sda 1 2 3 4 5 6 7 8{more}\n"), later, Some(expected));
    };
    of("", ([None; 3], [None; 4]));
    of(" 9", ([Some(9), None, None], [None; 4]));
    of(" 9 10 11", ([Some(9), Some(10), Some(11)], [None; 4]));
    of(" 9 10 11 12 13 14 15", ([Some(9), Some(10), Some(11)], [Some(12), Some(14), None, None]));
    let all = ([Some(9), Some(10), Some(11)], [Some(12), Some(14), Some(16), Some(17)]);
    of(" 9 10 11 12 13 14 15 16 17", all);
    of(" 9 10 11 12 13 14 15 16 17 18", all);
    of(" 9 x 11 12", ([Some(9), None, None], [None; 4]));
    for refused in [
        "8 0 sda 1 2 3 4 5 6 7 8",
        "8 0 sda 1 2 3 4 5 6 7\n",
        "8 0 sda 1 2 3\n",
        "8 0 sda\n",
        "8 x sda 1 2 3 4 5 6 7 8\n",
        "8 4294967296 sda 1 2 3 4 5 6 7 8\n",
        "8 0 sda 1 2 3 4 5 6 7 18446744073709551616\n",
        "\n",
    ] {
        check(diskstats::parse, refused, counters, None);
    }
}

#[test]
fn p11_a_zone_without_its_watermark_is_refused() {
    let pages = |pages: &u64| *pages;
    check(zoneinfo::parse, "Node 0, zone DMA\n  low 5\nNode 1, zone Normal\n\tlow 7\n", pages, Some(12));
    check(zoneinfo::parse, "Node 0, zone DMA\n  low 5\n  low: 9\n", pages, Some(5));
    for refused in [
        "",
        "low 5\n",
        "Node 0, zone DMA\n",
        "Node 0, zone DMA\n low 5\nNode 0, zone Normal\n min 1\n",
        "Node 0, zone DMA\n low 5",
        "Node 0, zone DMA\n low x\n",
        "Node 0, zone DMA\n low 5x\n",
    ] {
        check(zoneinfo::parse, refused, pages, None);
    }
    let overflow = "Node 0, zone DMA\n low 18446744073709551615\nNode 0, zone Normal\n low 1\n";
    check(zoneinfo::parse, overflow, pages, None);
}

#[test]
fn p32_what_counts_is_the_last_parenthesis() {
    let fields = |process: &RawProcess| (process.threads, process.start_ticks);
    let parse = |text: &[u8], out: &mut RawProcess| {
        *out = process::parse(text)?.raw(&Units::of_this_machine());
        Ok::<(), Malformed>(())
    };
    let after = "S 1 2 3 4 -1 6 7 8 9 10 11 12 13 14 15 16 5 0 777 99\n";
    for name in ["python", "a b", ")", "((", ") S 1 2 3", "", "x\ny"] {
        check(parse, &format!("42 ({name}) {after}"), fields, Some((Some(5), Some(777))));
    }
    let imitation = "42 (a) S 1 2 3 4 -1 6 7 8 9 10 11 12 13 14 15 16 0 0 777 99\n";
    check(parse, imitation, fields, Some((None, Some(777))));
    for refused in ["", "42 a S 1\n", "42 (a)\n", "42 (a) S 1 2 3\n", &format!("42 (a) {}", after.trim_end())] {
        check(parse, refused, fields, None);
    }
}
