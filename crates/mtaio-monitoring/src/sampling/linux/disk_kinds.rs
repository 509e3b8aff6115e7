//! Which block devices are parts of others, so that nothing is counted twice.
//!
//! One write to a file can pass through a logical volume, an encrypted device, a mirror and two disks, and
//! `/proc/diskstats` has a line for each of them. Only the disks at the bottom are [`DiskKind::Whole`]:
//!
//! - a *partition* has a file `partition` in `/sys/class/block/<name>` (P22);
//! - a *stacked* device has entries in `slaves/` there (P23), or the name of a driver that stacks. Names come first
//!   because a ZFS volume has no `slaves`, and because a mapper device exists before its table is loaded;
//! - `nvme0c1n1` is one *path* to the disk `nvme0n1`. Since Linux 6.2 the disk counts what its paths carry; before,
//!   its own line stayed at 0 and only the paths counted. So a path is a part of its disk as soon as the disk has
//!   counted anything, and whole until then;
//! - where `/sys` does not know the device, names decide: `sda1` is a partition if there is an `sda`.
//!
//! All of it is found out when the list of devices changes. Only `slaves` may change while a device runs, so they
//! are looked at again from time to time.

use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, RawDir};

use crate::sampling::{DiskKind, RawDisk};

/// Readings between two looks at `slaves`: a minute, at one reading a second.
const READINGS_BETWEEN_LOOKS: u32 = 60;

/// Drivers whose devices are not disks.
const VIRTUAL: [&str; 3] = ["ram", "loop", "zram"];

/// Drivers whose devices hand their requests to other devices of the same list.
const STACKING: [&str; 6] = ["dm-", "md", "md_d", "bcache", "drbd", "zd"];

/// What is known of the devices of the last reading, in its order.
#[derive(Debug)]
pub(super) struct DiskKinds {
    class_block: PathBuf,
    known: Vec<Known>,
    readings: u32,
}

#[derive(Debug)]
struct Known {
    device: (u32, u32),
    name: String,
    role: Role,
}

#[derive(Debug)]
enum Role {
    Fixed(DiskKind),
    /// Stacked while this directory has entries, whole while it has none.
    MayStack {
        slaves: PathBuf,
        is_stacked: bool,
    },
    /// A path to the disk at this place of the list.
    PathTo(usize),
}

impl DiskKinds {
    /// `class_block` is `/sys/class/block`, or a recording of it.
    pub(super) fn new(class_block: PathBuf) -> Self {
        Self { class_block, known: Vec::new(), readings: 0 }
    }

    /// Sets the kind of every device whose own line has not settled it.
    pub(super) fn assign(&mut self, devices: &mut [RawDisk]) {
        self.readings += 1;
        if !self.is_about(devices) {
            self.known = devices.iter().map(|disk| self.examine(disk, devices)).collect();
        } else if self.readings.is_multiple_of(READINGS_BETWEEN_LOOKS) {
            self.look_at_slaves();
        }
        for (index, known) in self.known.iter().enumerate() {
            let kind = match known.role {
                Role::Fixed(kind) => kind,
                Role::MayStack { is_stacked: true, .. } => DiskKind::Stacked,
                Role::PathTo(disk) if has_counted(&devices[disk]) => DiskKind::Partition,
                Role::MayStack { .. } | Role::PathTo(_) => DiskKind::Whole,
            };
            if devices[index].kind == DiskKind::Whole {
                devices[index].kind = kind;
            }
        }
    }

    fn is_about(&self, devices: &[RawDisk]) -> bool {
        let same = |(known, disk): (&Known, &RawDisk)| known.device == disk.device && known.name == disk.name;
        self.known.len() == devices.len() && self.known.iter().zip(devices).all(same)
    }

    fn examine(&self, disk: &RawDisk, devices: &[RawDisk]) -> Known {
        Known { device: disk.device, name: disk.name.clone(), role: self.role(&disk.name, devices) }
    }

    fn role(&self, name: &str, devices: &[RawDisk]) -> Role {
        let place = |name: &str| devices.iter().position(|disk| disk.name == name);
        if is_numbered(name, &VIRTUAL) {
            return Role::Fixed(DiskKind::Virtual);
        }
        if let Some(disk) = disk_of_path(name).and_then(|disk| place(&disk)) {
            return Role::PathTo(disk);
        }
        // The kernel replaces the slash of names like `cciss/c0d0`, which a file name cannot hold.
        let entry = self.class_block.join(name.replace('/', "!"));
        let is_partition = if entry.exists() {
            entry.join("partition").exists()
        } else {
            disk_of_partition(name).and_then(place).is_some()
        };
        if is_partition {
            return Role::Fixed(DiskKind::Partition);
        }
        if is_numbered(name, &STACKING) {
            return Role::Fixed(DiskKind::Stacked);
        }
        let slaves = entry.join("slaves");
        match has_entries(&slaves) {
            Some(is_stacked) => Role::MayStack { slaves, is_stacked },
            None => Role::Fixed(DiskKind::Whole),
        }
    }

    fn look_at_slaves(&mut self) {
        for known in &mut self.known {
            if let Role::MayStack { slaves, is_stacked } = &mut known.role
                && let Some(has_entries) = has_entries(slaves)
            {
                *is_stacked = has_entries;
            }
        }
    }
}

fn has_counted(disk: &RawDisk) -> bool {
    disk.reads.unwrap_or(0) > 0 || disk.writes.unwrap_or(0) > 0
}

/// One of `drivers` and a number, with or without a partition's suffix: `loop0`, `loop0p1`, not `mdev`.
fn is_numbered(name: &str, drivers: &[&str]) -> bool {
    drivers.iter().any(|driver| name.strip_prefix(driver).is_some_and(|rest| rest.starts_with(is_digit)))
}

/// `nvme0c1n2` is a path to `nvme0n2`.
fn disk_of_path(name: &str) -> Option<String> {
    let (subsystem, path) = name.strip_prefix("nvme")?.split_once('c')?;
    let (controller, namespace) = path.split_once('n')?;
    let are_numbers =
        [subsystem, controller, namespace].iter().all(|part| !part.is_empty() && part.chars().all(is_digit));
    are_numbers.then(|| format!("nvme{subsystem}n{namespace}"))
}

/// `sda1` would be a partition of `sda`. A disk whose own name ends in a digit has a `p` between: `nvme0n1p2`.
fn disk_of_partition(name: &str) -> Option<&str> {
    let stem = name.trim_end_matches(is_digit);
    if stem.len() == name.len() {
        return None;
    }
    let numbered_disk = stem.strip_suffix('p').filter(|disk| disk.ends_with(is_digit));
    numbered_disk.or(Some(stem))
}

fn is_digit(character: char) -> bool {
    character.is_ascii_digit()
}

/// Whether a directory has entries; `None` where it cannot be read. Allocates nothing, unlike the standard
/// library's, because it runs within a sample.
fn has_entries(directory: &Path) -> Option<bool> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(directory, flags, Mode::empty()).ok()?;
    let mut buffer = [MaybeUninit::uninit(); 1024];
    let mut entries = RawDir::new(directory, &mut buffer);
    while let Some(entry) = entries.next() {
        if !matches!(entry.ok()?.file_name().to_bytes(), b"." | b"..") {
            return Some(true);
        }
    }
    Some(false)
}
