//! What holds for every text: no parser panics, what it understood can be written down and understood again, and a
//! text that was cut never gives a number that the whole text does not give.
//!
//! Long because every file has a way to be written down again.

use std::fmt::{Debug, Write};

use mtaio_monitoring::sampling::linux::process::{self, Stat};
use mtaio_monitoring::sampling::linux::{
    Malformed, diskstats, host, loadavg, meminfo, mounts, netdev, pressure, process_io, stat, zoneinfo,
};
use mtaio_monitoring::sampling::{
    DiskKind, RawActivity, RawCpu, RawDisks, RawFileHandles, RawLoad, RawMemory, RawNetwork, RawPressure,
    RawProcessIo, RawSwapping,
};
use proptest::prelude::*;
use proptest::sample::Index;

use super::recorded::root;

type Parse<T> = fn(&[u8], &mut T) -> Result<(), Malformed>;

/// Parses `text` into `used`, which holds what an earlier text left there; if it is understood, so must be what
/// `render` makes of it, and mean the same.
fn check<T: Default + PartialEq + Debug, R: AsRef<[u8]> + Debug>(
    parse: Parse<T>,
    render: fn(&T) -> R,
    text: &[u8],
    used: &mut T,
) -> Result<(), TestCaseError> {
    if parse(text, used).is_ok() {
        let rendered = render(used);
        let mut again = T::default();
        prop_assert_eq!(parse(rendered.as_ref(), &mut again), Ok(()), "{:?}", rendered);
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
    check(parse_process, render_process, text, &mut Stat::default())?;
    check(process_io::parse, render_process_io, text, &mut RawProcessIo::default())?;
    check(zoneinfo::parse, |pages| format!("Node 0, zone X\n low {pages}\n"), text, &mut 7)?;
    let (mut network, mut mounts) = (RawNetwork::default(), Vec::new());
    netdev::parse(RECORDED_NETDEV, &mut network).unwrap();
    mounts::parse(RECORDED_MOUNTS, &mut mounts).unwrap();
    check(netdev::parse, render_netdev, text, &mut network)?;
    check(mounts::parse, render_mounts, text, &mut mounts)?;
    check(host::parse_file_nr, render_file_nr, text, &mut RawFileHandles::default())?;
    let parse_vmstat: Parse<RawSwapping> = |text, out| host::parse_vmstat(text, 1, out);
    check(parse_vmstat, render_vmstat, text, &mut RawSwapping::default())?;
    let parse_activity: Parse<RawActivity> = |text, out| {
        host::parse_activity(text, out);
        Ok(())
    };
    check(parse_activity, render_activity, text, &mut RawActivity::default())?;
    prop_assert!(mounts::chosen(&mounts).len() <= mounts.len());
    Ok(())
}

const RECORDED_NETDEV: &[u8] = b"  lo: 1 2 3 4 5 6 7 8 9 10 11 12\n";
const RECORDED_MOUNTS: &[u8] = b"27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n";

fn render_netdev(network: &RawNetwork) -> String {
    let mut text = String::from("Inter-|   Receive\n face |bytes\n");
    for interface in &network.interfaces {
        write!(text, "{}:", interface.name).unwrap();
        for traffic in [interface.received, interface.transmitted] {
            let drops = traffic.drops.unwrap();
            write!(text, "{} {} {} {drops} 0 0 0 0 ", traffic.bytes, traffic.packets, traffic.errors).unwrap();
        }
        text.push('\n');
    }
    text
}

/// Octal, as the kernel writes what would end a word or a line.
fn escaped(path: &[u8]) -> Vec<u8> {
    let escape = |&byte: &u8| match byte {
        b' ' | b'\t' | b'\n' | b'\\' => format!("\\{byte:03o}").into_bytes(),
        _ => vec![byte],
    };
    path.iter().flat_map(escape).collect()
}

fn render_mounts(mounts: &Vec<mounts::Mount>) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    let mut text = Vec::new();
    for mount in mounts {
        let (major, minor) = mount.device;
        let root = if mount.of_root { "/" } else { "/part" };
        let access = if mount.read_only { "ro" } else { "rw" };
        text.extend(format!("1 1 {major}:{minor} {root} ").bytes());
        text.extend(escaped(mount.place.as_os_str().as_bytes()));
        text.extend(format!(" {access} shared:1 - {} ", mount.kind).bytes());
        text.extend(escaped(mount.source.as_bytes()));
        text.extend(format!(" {access}\n").bytes());
    }
    text
}

fn render_file_nr(handles: &RawFileHandles) -> String {
    format!("{}\t0\t{}\n", handles.used, handles.max.unwrap_or(u64::MAX))
}

fn render_vmstat(swapping: &RawSwapping) -> String {
    format!("nr_free_pages 1\npswpin {}\npswpout {}\n", swapping.in_bytes, swapping.out_bytes)
}

fn render_activity(activity: &RawActivity) -> String {
    let lines = [
        ("ctxt", activity.context_switches),
        ("btime", activity.boot_seconds),
        ("processes", activity.processes_created),
        ("procs_blocked", activity.processes_blocked),
    ];
    let known = lines.iter().filter_map(|(name, value)| Some(format!("{name} {}\n", (*value)?)));
    known.collect::<String>() + "softirq 1 2\n"
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
            write!(text, "{reads} 0 {read_sectors} {read_ms} {writes} 0 {write_sectors} {write_ms}").unwrap();
            // As many more as the kernel printed; what stands between two that are kept is nobody's.
            let more = [
                disk.in_flight,
                disk.busy_ms,
                disk.weighted_ms,
                disk.discards,
                disk.discard_sectors.map(|_| 0),
                disk.discard_sectors,
                disk.flushes.map(|_| 0),
                disk.flushes,
                disk.flush_ms,
            ];
            more.iter().map_while(|counter| *counter).for_each(|counter| write!(text, " {counter}").unwrap());
            text.push('\n');
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

fn parse_process(text: &[u8], out: &mut Stat) -> Result<(), Malformed> {
    *out = process::parse(text)?;
    Ok(())
}

fn render_process(process: &Stat) -> String {
    let optional = |value: Option<u64>| value.map_or("-1".to_owned(), |value| value.to_string());
    let pair = |pair: Option<[u64; 2]>| pair.map_or("-1 -1".to_owned(), |[a, b]| format!("{a} {b}"));
    let Stat { pid, threads, start_ticks, .. } = process;
    let state = if process.is_zombie { 'Z' } else { 'R' };
    let parent = optional(process.parent.map(u64::from));
    let (minor, major) = (optional(process.minor_faults), optional(process.major_faults));
    let (own, inherited) = (pair(process.own_ticks), pair(process.inherited_ticks));
    let (vms, rss) = (optional(process.vms_bytes), optional(process.rss_pages));
    format!(
        "{pid} (a) b) {state} {parent} 0 0 0 -1 0 {minor} 0 {major} 0 {own} {inherited} 0 0 {threads} 0 \
         {start_ticks} {vms} {rss}\n"
    )
}

fn render_process_io(io: &RawProcessIo) -> String {
    let lines = [
        ("rchar", io.rchar),
        ("wchar", io.wchar),
        ("read_bytes", io.read_bytes),
        ("write_bytes", io.write_bytes),
        ("cancelled_write_bytes", io.cancelled_write_bytes),
    ];
    lines.iter().filter_map(|(name, value)| Some(format!("{name}: {}\n", (*value)?))).collect()
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
        "rchar:",
        "write_bytes:",
        "cancelled_write_bytes:",
        "Node",
        "0,",
        "zone",
        "low",
        "sda",
        "sda1",
        "eth0:",
        "lo:1",
        "8:1",
        "/",
        "/a\\040b",
        "rw,ro",
        "-",
        "tmpfs",
        "pswpin",
        "pswpout",
        "ctxt",
        "procs_blocked",
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
    let files = [
        "stat",
        "loadavg",
        "meminfo",
        "diskstats",
        "self/stat",
        "self/io",
        "zoneinfo",
        "net/dev",
        "self/mountinfo",
        "vmstat",
        "sys/fs/file-nr",
        "pressure/cpu",
        "pressure/io",
    ];
    ["linux-6.18", "linux-2.6", "stacked-disks", "available-zero", "bridged-bond", "worker-tree"]
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
        check_cuts(recording, "self/stat", parse_process, |part, whole| part == whole);
        check_cuts(recording, "diskstats", diskstats::parse, |part, whole| {
            whole.devices.starts_with(&part.devices)
        });
        check_cuts(recording, "meminfo", meminfo::parse, |part, whole| {
            // What is known of the part is written down, and read as a whole must be known of the whole.
            let known = render_meminfo(part);
            known.lines().all(|line| render_meminfo(whole).contains(line))
        });
    }
    check_cuts("bridged-bond", "net/dev", netdev::parse, |part, whole| {
        whole.interfaces.starts_with(&part.interfaces)
    });
    check_cuts("bridged-bond", "self/mountinfo", mounts::parse, |part, whole| whole.starts_with(part));
    check_cuts("linux-6.18", "sys/fs/file-nr", host::parse_file_nr, |part, whole| part == whole);
    let parse_vmstat: Parse<RawSwapping> = |text, out| host::parse_vmstat(text, 4096, out);
    check_cuts("linux-6.18", "vmstat", parse_vmstat, |part, whole| part == whole);
    let parse_activity: Parse<RawActivity> = |text, out| {
        host::parse_activity(text, out);
        Ok(())
    };
    check_cuts("linux-6.18", "stat", parse_activity, |part, whole| {
        let agrees = |part: Option<u64>, whole| part.is_none() || part == whole;
        agrees(part.context_switches, whole.context_switches)
            && agrees(part.boot_seconds, whole.boot_seconds)
            && agrees(part.processes_created, whole.processes_created)
            && agrees(part.processes_blocked, whole.processes_blocked)
    });
    check_cuts("worker-tree", "self/io", process_io::parse, |part, whole| {
        render_process_io(part).lines().all(|line| render_process_io(whole).contains(line))
    });
    // A file of zones that ends with a zone looks whole; that it is read to its end is the reader's duty.
    check_cuts("linux-2.6", "zoneinfo", zoneinfo::parse, |part, whole| part == whole || *part == 21);
}
