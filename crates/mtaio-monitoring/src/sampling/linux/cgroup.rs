//! Where this process's own control groups are (`/proc/self/cgroup`, `/proc/self/mountinfo`).
//!
//! A fixed `/sys/fs/cgroup` is right only by luck (P8): a container may see its own group as the mount's root, a
//! part of the tree bound to some other place, or a group outside of what it can see. The two files tell: the first
//! says which group the process is in, the second which part of each hierarchy is mounted where, both in the terms
//! of the reader's cgroup namespace. Their difference is the directory.
//!
//! **Hybrid is decided per controller.** The line `0::/…` of version 2 is there also where the controllers live in
//! version 1; a controller belongs to the hierarchy whose line names it, and to version 2 where no line does.

use std::path::{Component, Path, PathBuf};

use crate::sampling::CgroupVersion;

/// A controller that is read from. Version 2 calls `Blkio` `io`, and has `Cpuacct` in `cpu`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controller {
    /// Quotas and throttling.
    Cpu,
    /// Processor time used.
    Cpuacct,
    /// Which processors.
    Cpuset,
    /// Memory.
    Memory,
    /// How many processes and threads.
    Pids,
    /// Block devices.
    Blkio,
}

impl Controller {
    /// Every controller.
    pub const ALL: [Self; 6] = [Self::Cpu, Self::Cpuacct, Self::Cpuset, Self::Memory, Self::Pids, Self::Blkio];

    /// Its name in version 1.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cpuacct => "cpuacct",
            Self::Cpuset => "cpuset",
            Self::Memory => "memory",
            Self::Pids => "pids",
            Self::Blkio => "blkio",
        }
    }

    fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|controller| controller.name().as_bytes() == name)
    }
}

/// Which of the two interfaces a hierarchy has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// A hierarchy for each controller or few of them.
    V1,
    /// One hierarchy for all.
    V2,
}

/// The own group in one hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// Which interface its files have.
    pub version: Version,
    /// The group as `/proc/self/cgroup` calls it.
    pub path: PathBuf,
    /// The group's directory.
    directory: PathBuf,
    /// The names that `directory` ends in below the mount's root.
    depth: usize,
}

impl Hierarchy {
    /// The group's directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The directory and those of the groups around it, up to the mount's root: limits of all of them hold.
    pub fn levels(&self) -> impl Iterator<Item = &Path> {
        self.directory.ancestors().take(self.depth + 1)
    }
}

/// The own group in every hierarchy in which it can be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnCgroups {
    /// By [`Controller`]: `Some` where a hierarchy of version 1 has it, with `None` within where the process's group
    /// is not in any mount.
    v1: [Option<Option<Hierarchy>>; Controller::ALL.len()],
    unified: Option<Hierarchy>,
}

impl OwnCgroups {
    /// Joins the two files. Directories begin with `root`, below which the machine's or the recording's tree lies.
    ///
    /// Total: what cannot be understood is left out, line by line.
    #[must_use]
    pub fn resolve(root: &Path, cgroup: &[u8], mountinfo: &[u8]) -> Self {
        let mounts: Vec<Mount> = lines(mountinfo).filter_map(Mount::parse).collect();
        let mut own = Self::default();
        for (controllers, path) in lines(cgroup).filter_map(membership) {
            if controllers.is_empty() {
                let seen = mounts.iter().filter(|mount| mount.version == Version::V2);
                own.unified = place(root, path, seen);
            }
            for name in controllers.split(|&byte| byte == b',') {
                let Some(controller) = Controller::from_name(name) else { continue };
                own.v1[controller as usize] =
                    Some(place(root, path, mounts.iter().filter(|mount| mount.has(name))));
            }
        }
        own
    }

    /// The hierarchy that `controller` lives in, if the own group can be seen there.
    #[must_use]
    pub fn hierarchy(&self, controller: Controller) -> Option<&Hierarchy> {
        match &self.v1[controller as usize] {
            Some(hierarchy) => hierarchy.as_ref(),
            None => self.unified.as_ref(),
        }
    }

    /// The directory of the own group in the hierarchy that `controller` lives in.
    #[must_use]
    pub fn directory(&self, controller: Controller) -> Option<&Path> {
        self.hierarchy(controller).map(Hierarchy::directory)
    }

    /// The directory of the own group in the hierarchy of version 2, which has pressure files and `cpu.stat` also
    /// where the controllers live in version 1.
    #[must_use]
    pub fn unified(&self) -> Option<&Path> {
        self.unified.as_ref().map(Hierarchy::directory)
    }

    /// Which interfaces the groups that can be seen have; `None` where there are none.
    #[must_use]
    pub fn version(&self) -> Option<CgroupVersion> {
        let has_v1 = self.v1.iter().flatten().any(Option::is_some);
        match (has_v1, self.unified.is_some()) {
            (true, true) => Some(CgroupVersion::Hybrid),
            (true, false) => Some(CgroupVersion::V1),
            (false, true) => Some(CgroupVersion::V2),
            (false, false) => None,
        }
    }
}

/// A mount of a cgroup file system.
struct Mount {
    version: Version,
    /// Which part of the hierarchy it shows, as the reader's namespace calls it: `/..` is outside of it.
    root: PathBuf,
    point: PathBuf,
    /// The options of the file system, among them the controllers of version 1.
    options: Vec<u8>,
}

impl Mount {
    /// `36 35 0:29 /root /mount/point rw,relatime optional:1 - cgroup source rw,cpu,cpuacct`.
    fn parse(line: &[u8]) -> Option<Self> {
        let mut words = line.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
        let root = words.nth(3)?;
        let point = words.next()?;
        let mut words = words.skip_while(|&word| word != b"-").skip(1);
        let version = match words.next()? {
            b"cgroup" => Version::V1,
            b"cgroup2" => Version::V2,
            _ => return None,
        };
        let options = words.nth(1)?.to_vec();
        Some(Self { version, root: unescaped(root), point: unescaped(point), options })
    }

    fn has(&self, controller: &[u8]) -> bool {
        self.version == Version::V1 && self.options.split(|&byte| byte == b',').any(|option| option == controller)
    }
}

/// The controllers, and the path, of a line `4:cpu,cpuacct:/path`. A path may hold colons.
fn membership(line: &[u8]) -> Option<(&[u8], &Path)> {
    let mut parts = line.splitn(3, |&byte| byte == b':');
    let (_id, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    path.starts_with(b"/").then(|| (controllers, as_path(path)))
}

/// Where the group `path` is, in the mount that shows most of the groups around it; of equal ones in the last, since
/// it may lie over the others.
fn place<'m>(root: &Path, path: &Path, mounts: impl Iterator<Item = &'m Mount>) -> Option<Hierarchy> {
    let seen = mounts.filter_map(|mount| {
        let below = path.strip_prefix(&mount.root).ok()?;
        // `..` here would be a group beside or above what the mount shows.
        let is_below = below.components().all(|part| matches!(part, Component::Normal(_)));
        is_below.then_some((mount, below))
    });
    let (mount, below) = seen.max_by_key(|(_, below)| below.components().count())?;
    let point = mount.point.strip_prefix("/").ok()?;
    if point.components().any(|part| part == Component::ParentDir) {
        return None;
    }
    // `join` of an empty path would end in a slash.
    let directory: PathBuf = root.join(point).components().chain(below.components()).collect();
    Some(Hierarchy { version: mount.version, path: path.to_owned(), directory, depth: below.components().count() })
}

/// The text without the octal escapes that stand for blanks, newlines and backslashes.
fn unescaped(word: &[u8]) -> PathBuf {
    let mut plain = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&byte, after)) = rest.split_first() {
        match rest {
            [b'\\', high @ b'0'..=b'3', middle @ b'0'..=b'7', low @ b'0'..=b'7', after @ ..] => {
                plain.push((high - b'0') << 6 | (middle - b'0') << 3 | (low - b'0'));
                rest = after;
            }
            _ => {
                plain.push(byte);
                rest = after;
            }
        }
    }
    as_path(&plain).to_owned()
}

fn as_path(bytes: &[u8]) -> &Path {
    use std::os::unix::ffi::OsStrExt;
    Path::new(std::ffi::OsStr::from_bytes(bytes))
}

/// Whole lines only: one that is cut may name another group.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|&byte| byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"))
}
