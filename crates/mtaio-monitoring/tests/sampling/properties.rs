//! What holds for every text: no parser panics, what it understood can be written down and understood again, and a
//! text that was cut never gives a number that the whole text does not give.

use std::fmt::{Debug, Write};

use mtaio_monitoring::sampling::linux::{
    Malformed, diskstats, loadavg, meminfo, pressure, process, stat, zoneinfo,
};
use mtaio_monitoring::sampling::{DiskKind, RawCpu, RawDisks, RawLoad, RawMemory, RawPressure, RawProcess};
use proptest::prelude::*;
use proptest::sample::Index;

use super::recorded::root;

type Parse<T> = fn(&[u8], &mut T) -> Result<(), Malformed>;

/// Parses `text` into `used`, which holds what an earlier text left there; if it is understood, so must be what
/// `render` makes of it, and mean the same.
fn check<T: Default + PartialEq + Debug>(
    parse: Parse<T>,
    render: fn(&T) -> String,
    text: &[u8],
    used: &mut T,
) -> Result<(), TestCaseError> {
    if parse(text, used).is_ok() {
        let rendered = render(used);
        let mut again = T::default();
        prop_assert_eq!(parse(rendered.as_bytes(), &mut again), Ok(()), "{:?}", rendered);
        prop_assert_eq!(&again, used, "{:?}", rendered);
    }
    Ok(())
}

fn check_all(text: &[u8]) -> Result<(), TestCaseError> {
    let (mut cpu, mut disks) = (RawCpu::default(), RawDisks::default());
    stat::parse(RECORDED_STAT, &mut cpu).unwrap();
    diskstats::parse(RECORDED_DISKSTATS, &mut disks).unwrap();
    check(stat::parse, render_stat, text, &mut cpu)?;
    check(diskstats::parse, render_diskstats, text, &mut disks)?;
    check(loadavg::parse, render_loadavg, text, &mut RawLoad::default())?;
    check(meminfo::parse, render_meminfo, text, &mut RawMemory::default())?;
    check(pressure::parse, render_pressure, text, &mut RawPressure::default())?;
    check(process::parse, render_process, text, &mut RawProcess::default())?;
    check(zoneinfo::parse, |pages| format!("Node 0, zone X\n low {pages}\n"), text, &mut 7)
}

const RECORDED_STAT: &[u8] = b"cpu  9 8 7 6 5\ncpu0 9 8 7 6 5\ncpu1 1 2 3 4 5\n";
const RECORDED_DISKSTATS: &[u8] = b"8 0 sda 1 2 3 4 5 6 7 8\n8 1 sda1 1 2 3 4\n";

fn render_stat(cpu: &RawCpu) -> String {
    let mut text = format!("cpu  {}\n", cpu.total.0.map(|ticks| ticks.to_string()).join(" "));
    for (number, times) in &cpu.cores {
        writeln!(text, "cpu{number} {}", times.0.map(|ticks| ticks.to_string()).join(" ")).unwrap();
    }
    text + "intr 0\n"
}

fn render_loadavg(load: &RawLoad) -> String {
    let averages = load.hundredths.map(|value| format!("{}.{:02}", value / 100, value % 100)).join(" ");
    let (running, total) = (load.running_threads.unwrap_or(0), load.total_threads.unwrap_or(0));
    format!("{averages} {running}/{total} 1\n")
}

fn render_meminfo(memory: &RawMemory) -> String {
    let lines = [
        ("MemTotal", memory.total),
        ("MemFree", memory.free),
        ("MemAvailable", memory.available),
        ("Buffers", memory.buffers),
        ("Cached", memory.cached),
        ("Active(file)", memory.active_file),
        ("Inactive(file)", memory.inactive_file),
        ("SReclaimable", memory.slab_reclaimable),
        ("Shmem", memory.shmem),
        ("SwapTotal", memory.swap_total),
        ("SwapFree", memory.swap_free),
    ];
    let known = lines.iter().filter_map(|(name, bytes)| Some((name, (*bytes)? / 1024)));
    known.map(|(name, kibibytes)| format!("{name}:{kibibytes:>15} kB\n")).collect()
}

fn render_diskstats(disks: &RawDisks) -> String {
    let mut text = String::new();
    for disk in &disks.devices {
        let ((major, minor), name) = (disk.device, &disk.name);
        let (reads, writes) = (disk.reads.unwrap(), disk.writes.unwrap());
        let (read_sectors, write_sectors) = (disk.read_sectors, disk.write_sectors);
        write!(text, "{major:4} {minor:7} {name} ").unwrap();
        if disk.kind == DiskKind::Partition {
            writeln!(text, "{reads} {read_sectors} {writes} {write_sectors}").unwrap();
        } else {
            let (read_ms, write_ms) = (disk.read_ms.unwrap(), disk.write_ms.unwrap());
            writeln!(text, "{reads} 0 {read_sectors} {read_ms} {writes} 0 {write_sectors} {write_ms} 0 0 0")
                .unwrap();
        }
    }
    text
}

fn render_pressure(pressure: &RawPressure) -> String {
    let mut text = String::new();
    for (name, stall) in [("some", pressure.some), ("full", pressure.full)] {
        let Some(stall) = stall else { continue };
        write!(text, "{name}").unwrap();
        for (name, share) in ["avg10", "avg60", "avg300"].into_iter().zip(stall.average_hundredths) {
            if let Some(share) = share {
                write!(text, " {name}={}.{:02}", share / 100, share % 100).unwrap();
            }
        }
        writeln!(text, " total={}", stall.total_us).unwrap();
    }
    text
}

fn render_process(process: &RawProcess) -> String {
    let unused = " 0".repeat(16);
    let (threads, start) = (process.threads.unwrap_or(0), process.start_ticks.unwrap());
    format!("1 (a) b) R{unused} {threads} 0 {start}\n")
}

/// Texts from the pieces that the files are made of, so that parsers get further than the first byte.
fn assembled() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "cpu",
        "cpu0",
        "cpu7",
        "intr",
        "MemTotal:",
        "MemAvailable:",
        "SwapFree:",
        "kB",
        "Node",
        "0,",
        "zone",
        "low",
        "sda",
        "sda1",
        "(a",
        "b)",
        ")",
        "S",
        "0.25",
        "some",
        "full",
        "avg10=1.5",
        "total=77",
        "total=",
        "1.5",
        "3/70",
        "-1",
        "18446744073709551615",
        "18446744073709551616",
        "\u{ff}",
    ]);
    let piece = prop_oneof![
        4 => words.prop_map(|word| word.as_bytes().to_vec()),
        6 => any::<u64>().prop_map(|number| number.to_string().into_bytes()),
        3 => (0_u32..300).prop_map(|number| number.to_string().into_bytes()),
        1 => any::<Vec<u8>>(),
    ];
    let gap = prop::sample::select(vec![" ", " ", " ", "  ", "\n", "\n", "\t", ""]);
    prop::collection::vec((piece, gap), 0..80).prop_map(|pieces| {
        pieces.into_iter().flat_map(|(piece, gap)| [piece, gap.as_bytes().to_vec()].concat()).collect()
    })
}

/// A recorded file with some of its bytes replaced.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<Index>(), any::<u8>()), 0..8);
    (prop::sample::select(recorded_files()), changes).prop_map(|(mut text, changes)| {
        for (place, byte) in changes {
            let place = place.index(text.len());
            text[place] = byte;
        }
        text
    })
}

fn recorded_files() -> Vec<Vec<u8>> {
    let files =
        ["stat", "loadavg", "meminfo", "diskstats", "self/stat", "zoneinfo", "pressure/cpu", "pressure/io"];
    ["linux-6.18", "linux-2.6", "stacked-disks", "available-zero"]
        .iter()
        .flat_map(|recording| files.map(|file| root(recording).join("proc").join(file)))
        .filter_map(|path| std::fs::read(path).ok())
        .collect()
}

proptest! {
    #[test]
    fn p39_any_bytes_are_refused_or_understood_for_good(text in any::<Vec<u8>>()) {
        check_all(&text)?;
    }

    #[test]
    fn p39_any_pieces_are_refused_or_understood_for_good(text in assembled()) {
        check_all(&text)?;
    }

    #[test]
    fn p39_damaged_files_are_refused_or_understood_for_good(text in damaged()) {
        check_all(&text)?;
    }
}

/// Cuts a recorded file at every byte; `agrees` says whether the first value claims nothing that the whole does not.
fn check_cuts<T: Default>(recording: &str, file: &str, parse: Parse<T>, agrees: fn(&T, &T) -> bool) {
    let text = std::fs::read(root(recording).join("proc").join(file)).unwrap();
    let mut whole = T::default();
    parse(&text, &mut whole).unwrap();
    for length in 0..text.len() {
        let mut part = T::default();
        if parse(&text[..length], &mut part).is_ok() {
            assert!(agrees(&part, &whole), "{recording}/{file} cut at {length}");
        }
    }
}

#[test]
fn p38_a_file_cut_anywhere_gives_no_wrong_number() {
    for recording in ["linux-6.18", "linux-2.6"] {
        check_cuts(recording, "stat", stat::parse, |part, whole| {
            part.total == whole.total && whole.cores.starts_with(&part.cores)
        });
        if recording == "linux-6.18" {
            check_cuts(recording, "pressure/memory", pressure::parse, |part, whole| {
                part.some == whole.some && (part.full.is_none() || part.full == whole.full)
            });
        }
        check_cuts(recording, "loadavg", loadavg::parse, |part, whole| part == whole);
        check_cuts(recording, "self/stat", process::parse, |part, whole| part == whole);
        check_cuts(recording, "diskstats", diskstats::parse, |part, whole| {
            whole.devices.starts_with(&part.devices)
        });
        check_cuts(recording, "meminfo", meminfo::parse, |part, whole| {
            // What is known of the part is written down, and read as a whole must be known of the whole.
            let known = render_meminfo(part);
            known.lines().all(|line| render_meminfo(whole).contains(line))
        });
    }
    // A file of zones that ends with a zone looks whole; that it is read to its end is the reader's duty.
    check_cuts("linux-2.6", "zoneinfo", zoneinfo::parse, |part, whole| part == whole || *part == 21);
}
