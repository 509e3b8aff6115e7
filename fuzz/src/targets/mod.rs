//! What is fuzzed: a line a target. The core's tests replay the corpus through this same table.
//!
//! A target may not panic, whatever the bytes, and may not hold more memory than its share of them: a file of `/proc`
//! that is not what it should be must not eat the host's memory.
//!
//! **A new parser** is a line in [`TARGETS`]. **A new section** of [`RawSample`](mtaio_monitoring::sampling::RawSample)
//! is a line in `readings.rs`.

use std::fmt::Debug;
use std::path::Path;

use mtaio_monitoring::Profile;
use mtaio_monitoring::export::{Format, samples_of_json};
use mtaio_monitoring::monitor::ConfigFile;
use mtaio_monitoring::sampling::DiskKind;
use mtaio_monitoring::sampling::linux::{
    Malformed, arc, cgroup, cgroup_files, diskstats, host, loadavg, meminfo, mounts, netdev, pressure, process,
    process_io, resident, stat, surroundings, zoneinfo,
};

use crate::allocations;

mod readings;

/// Something that takes any bytes.
pub(crate) struct Target {
    /// Also the name of its corpus.
    pub(crate) name: &'static str,
    /// The file of a recording that is an input; `-` where there is none.
    pub(crate) recorded: &'static str,
    /// Bytes that it may hold at once for each byte of its input, above [`ANY_INPUT_BYTES`].
    pub(crate) bytes_each: usize,
    pub(crate) run: fn(&[u8]),
}

/// Bytes that a target may hold whatever its input: the text of an error, a vector's first entries.
pub(crate) const ANY_INPUT_BYTES: usize = 16 * 1024;

/// Output that goes with the depth of a tree times its size is not bounded by the input alone.
const UNBOUNDED: usize = usize::MAX;

/// Every target. The shortest line of a list that is understood makes an entry of so many bytes, and a vector that grows
/// holds it three times; what makes no list keeps nothing but numbers.
#[rustfmt::skip]
pub(crate) const TARGETS: &[Target] = &[
    Target { name: "stat", recorded: "proc/stat", bytes_each: 24, run: |text| filled(stat::parse, USED_STAT, text) },
    Target { name: "loadavg", recorded: "proc/loadavg", bytes_each: 0, run: |text| filled(loadavg::parse, b"", text) },
    Target { name: "meminfo", recorded: "proc/meminfo", bytes_each: 0, run: |text| filled(meminfo::parse, b"", text) },
    Target { name: "diskstats", recorded: "proc/diskstats", bytes_each: 64, run: |text| filled(diskstats::parse, USED_DISKSTATS, text) },
    Target { name: "process", recorded: "proc/self/stat", bytes_each: 0, run: |text| _ = (process::parse(text), process::name(text)) },
    Target { name: "zoneinfo", recorded: "proc/zoneinfo", bytes_each: 0, run: |text| filled(zoneinfo::parse, b"", text) },
    Target { name: "arcstats", recorded: "proc/spl/kstat/zfs/arcstats", bytes_each: 0, run: |text| filled(arc::parse, b"", text) },
    Target { name: "statm", recorded: "proc/self/statm", bytes_each: 0, run: |text| _ = resident::parse(text) },
    Target { name: "own-memory", recorded: "proc/self/smaps_rollup", bytes_each: 0, run: |text| _ = (resident::shared_pages(text), resident::pss_bytes(text)) },
    Target { name: "children", recorded: "proc/self/task/100/children", bytes_each: 8, run: |text| process::parse_children(text, &mut Vec::new()) },
    Target { name: "netdev", recorded: "proc/net/dev", bytes_each: 64, run: |text| filled(netdev::parse, USED_NETDEV, text) },
    Target { name: "mounts", recorded: "proc/self/mountinfo", bytes_each: 64, run: |text| filled(mounts::parse, b"", text) },
    Target { name: "activity", recorded: "proc/stat", bytes_each: 0, run: |text| filled(|text, out| { host::parse_activity(text, out); Ok(()) }, b"", text) },
    Target { name: "vmstat", recorded: "proc/vmstat", bytes_each: 0, run: |text| filled(|text, out| host::parse_vmstat(text, 4096, out), b"", text) },
    Target { name: "file-nr", recorded: "proc/sys/fs/file-nr", bytes_each: 0, run: |text| filled(host::parse_file_nr, b"", text) },
    Target { name: "pressure", recorded: "proc/pressure/cpu", bytes_each: 0, run: |text| filled(pressure::parse, USED_PRESSURE, text) },
    Target { name: "process-io", recorded: "proc/self/io", bytes_each: 0, run: |text| filled(process_io::parse, b"", text) },
    Target { name: "cgroup", recorded: "proc/self/cgroup", bytes_each: 128, run: own_cgroups },
    Target { name: "cgroup-files", recorded: "-", bytes_each: 0, run: group_files },
    Target { name: "surroundings", recorded: "proc/self/mountinfo", bytes_each: 64, run: |text| drop((surroundings::mount_signs(text), surroundings::engine_of_cgroup(text))) },
    Target { name: "profile", recorded: "-", bytes_each: 128, run: |text| _ = Profile::from_json(text) },
    Target { name: "samples", recorded: "-", bytes_each: 1024, run: |text| _ = samples_of_json(text) },
    Target { name: "config-file", recorded: "-", bytes_each: 2048, run: config_file },
    Target { name: "exports", recorded: "-", bytes_each: UNBOUNDED, run: exports },
    Target { name: "readings", recorded: "-", bytes_each: UNBOUNDED, run: readings::check },
];

const USED_NETDEV: &[u8] = b"h\nh\n  lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";
const USED_STAT: &[u8] = b"cpu  9 8 7 6 5\ncpu0 9 8 7 6 5\ncpu1 1 2 3 4 5\n";
const USED_PRESSURE: &[u8] =
    b"some avg10=1.25 avg60=0.17 avg300=1.11 total=58\nfull avg10=0.50 avg60=0.17 avg300=1.08 total=51\n";
const USED_DISKSTATS: &[u8] = b"8 0 sda 1 2 3 4 5 6 7 8\n8 1 sda1 1 2 3 4\n";

impl Target {
    /// Runs it.
    ///
    /// # Panics
    ///
    /// It found something.
    pub(crate) fn check(&self, input: &[u8]) {
        let most = self.bytes_each.saturating_mul(input.len()).saturating_add(ANY_INPUT_BYTES);
        let held = allocations::most_bytes_during(|| (self.run)(input));
        assert!(held <= most, "{}: {} bytes made it hold {held}, more than {most}", self.name, input.len());
    }
}

/// Parses into a fresh value and into one that an earlier text has left: samples are reused, so both must be the same.
pub(crate) fn filled<T: Default + PartialEq + Debug>(
    parse: fn(&[u8], &mut T) -> Result<(), Malformed>,
    earlier: &[u8],
    text: &[u8],
) {
    let (mut fresh, mut used) = (T::default(), T::default());
    let _ = parse(earlier, &mut used);
    let (outcome, again) = (parse(text, &mut fresh), parse(text, &mut used));
    assert_eq!(outcome, again);
    if outcome.is_ok() {
        assert_eq!(fresh, used, "what an earlier text has left shows through");
    }
}

/// The text before the first 0 is `/proc/self/cgroup`, what follows `/proc/self/mountinfo`.
fn own_cgroups(text: &[u8]) {
    let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
    let (cgroup, mountinfo) = text.split_at(end);
    let root = Path::new("/recording");
    let own = cgroup::OwnCgroups::resolve(root, cgroup, mountinfo);
    assert!(own.unified().is_none_or(|directory| directory.starts_with(root)));
    let _ = own.version();
}

/// Every file of a group, none of which is long.
fn group_files(text: &[u8]) {
    let kind = |_, minor| if minor == 0 { DiskKind::Whole } else { DiskKind::Partition };
    let _ = cgroup_files::cpu_stat(text);
    let _ = cgroup_files::number(text);
    let _ = cgroup_files::limit(text);
    assert!(cgroup_files::cpu_max(text).ok().flatten().is_none_or(|quota| quota.period_us > 0));
    let _ = cgroup_files::cfs_quota(text);
    let _ = cgroup_files::cpu_list(text);
    let _ = cgroup_files::allowed_cpus(text);
    let _ = cgroup_files::memory_events(text);
    let _ = cgroup_files::memory_stat(text);
    let _ = cgroup_files::io_stat(text, kind);
    let _ = cgroup_files::blkio(text, kind);
}

/// Whatever profile can be read can be written in every format, and the written one is read as the same.
fn exports(text: &[u8]) {
    let Ok(profile) = Profile::from_json(text) else { return };
    let json = profile.export(Format::Json);
    let again = Profile::from_json(json.as_bytes()).expect("it was written by the same crate");
    assert_eq!(again.export(Format::Json), json);
    for format in Format::ALL {
        drop(profile.export(format));
    }
    drop((profile.to_string(), profile.diff(&again).to_string()));
}

/// Whatever file can be used gives settings that can be; of any other the message says where it is wrong, and the secrets of
/// its destinations are in neither.
fn config_file(text: &[u8]) {
    const SECRET: &str = "t0ps3cret";
    let environment = |name: &str| (name != "MISSING").then(|| SECRET.to_owned());
    let Ok(text) = std::str::from_utf8(text) else {
        assert!(ConfigFile::parse_bytes("mtaio.toml", text).is_err());
        return;
    };
    match ConfigFile::parse_with("mtaio.toml", text, &environment) {
        Ok(file) => drop(file.config().expect("each was checked")),
        Err(error) => {
            let message = error.to_string();
            assert!(!message.contains(SECRET), "{message}");
            let first = message.lines().nth(1).expect("a fault");
            let mut place = first.strip_prefix("mtaio.toml:").expect("the name of the file").split(':');
            let mut number = || place.next().and_then(|number| number.parse::<usize>().ok()).expect("a place");
            let (line, column) = (number(), number());
            let source = text.split('\n').nth(line - 1).expect("a line of the text");
            assert!(column <= source.chars().count() + 1, "{message}");
        }
    }
}
