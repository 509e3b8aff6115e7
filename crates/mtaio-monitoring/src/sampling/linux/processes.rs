//! The files of `/proc/PID` of many processes, by numbers: nothing is kept open, and nothing allocated once the buffers
//! have grown.

use std::io::Write;
use std::path::{Path, PathBuf};

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, Mode, OFlags, RawDir, open, openat, statat};
use rustix::io::{Errno, read};

use super::Malformed;
use super::cursor::decimal;
use super::process::{self, Stat};

/// What a look at a process finds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Seen {
    Alive(Stat),
    Gone,
    Unreadable(Errno),
    Malformed(Malformed),
}

/// A list of directory entries is read through a buffer of this size.
const ENTRIES_BYTES: usize = 8 * 1024;
/// Larger than any file that is read here, but for the children of a process that has thousands.
const TEXT_BYTES: usize = 4 * 1024;
/// The list of a hundred thousand children.
const LARGEST_TEXT_BYTES: usize = 1024 * 1024;

#[derive(Debug)]
pub(super) struct Processes {
    proc: PathBuf,
    folder: Option<OwnedFd>,
    /// This process, whose folder is called `self`.
    root: u32,
    path: Vec<u8>,
    text: Vec<u8>,
    text_length: usize,
    entries: Vec<u8>,
    numbers: Vec<u32>,
    /// Where the kernel lists no children: `(parent, child)` of all processes, in order.
    parents: Option<Vec<(u32, u32)>>,
}

impl Processes {
    /// The processes that the folder `proc` shows.
    pub(super) fn new(proc: &Path) -> Self {
        Self {
            proc: proc.to_owned(),
            folder: None,
            root: 0,
            path: Vec::with_capacity(64),
            text: vec![0; TEXT_BYTES],
            text_length: 0,
            entries: Vec::with_capacity(ENTRIES_BYTES),
            numbers: Vec::with_capacity(64),
            parents: None,
        }
    }

    /// This process, as `proc` numbers it. Everything else that is asked for comes after this.
    pub(super) fn root(&mut self) -> Seen {
        if self.folder.is_none() {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            match open(&self.proc, flags, Mode::empty()) {
                Ok(folder) => self.folder = Some(folder),
                Err(error) => return Seen::Unreadable(error),
            }
        }
        self.root = 0;
        let seen = self.stat(0);
        if let Seen::Alive(stat) = seen {
            self.root = stat.pid;
        }
        seen
    }

    /// What `/proc/PID/stat` says.
    pub(super) fn stat(&mut self, pid: u32) -> Seen {
        match self.read(pid, "stat") {
            Ok(length) => match process::parse(&self.text[..length]) {
                // Being taken down: its counters have been handed to its parent already, and are printed as 0.
                Ok(stat) if stat.threads == 0 && pid != self.root => Seen::Gone,
                Ok(stat) => Seen::Alive(stat),
                Err(malformed) => Seen::Malformed(malformed),
            },
            Err(Errno::NOENT | Errno::SRCH) => Seen::Gone,
            Err(error) => Seen::Unreadable(error),
        }
    }

    /// What was read last.
    pub(super) fn text(&self) -> &[u8] {
        &self.text[..self.text_length]
    }

    /// The numbers of the processes that can be seen, the lowest first and `most` of them at most. After [`Self::root`].
    pub(super) fn all(&mut self, most: usize) -> Vec<u32> {
        self.path.clear();
        self.path.push(b'.');
        if self.list(most).is_err() {
            return Vec::new();
        }
        // A kernel lists them in order, a recording does not.
        self.numbers.sort_unstable();
        self.numbers.clone()
    }

    /// The text of `/proc/PID/io`, where it may be read.
    pub(super) fn io(&mut self, pid: u32) -> Option<&[u8]> {
        let length = self.read(pid, "io").ok()?;
        Some(&self.text[..length])
    }

    /// How many descriptors a process has.
    pub(super) fn descriptors(&mut self, pid: u32, size_is_count: bool) -> Option<u64> {
        self.set_path(pid, "fd");
        let folder = self.folder.as_ref()?;
        if size_is_count {
            let size = statat(folder, self.path.as_slice(), AtFlags::empty()).ok()?.st_size;
            return u64::try_from(size).ok();
        }
        self.list(usize::MAX).ok()?;
        let count = self.numbers.len() as u64;
        // Reading the own list takes a descriptor, which is in it.
        Some(if pid == self.root { count.saturating_sub(1) } else { count })
    }

    /// Finds out how children are to be found, and looks at all processes if need be. After [`Self::root`].
    pub(super) fn prepare(&mut self) {
        let name = format!("task/{}/children", self.root);
        // A process that is out of descriptors just now is no reason to look at all of them from now on.
        let is_missing = |outcome: Result<OwnedFd, Errno>| matches!(outcome, Err(Errno::NOENT));
        if self.parents.is_none() && !is_missing(self.open(self.root, &name, OFlags::empty())) {
            return;
        }
        let mut parents = self.parents.take().unwrap_or_default();
        parents.clear();
        self.path.clear();
        self.path.push(b'.');
        if self.list(usize::MAX).is_ok() {
            let numbers = std::mem::take(&mut self.numbers);
            for &pid in &numbers {
                if let Seen::Alive(stat) = self.stat(pid)
                    && let Some(parent) = stat.parent
                {
                    parents.push((parent, pid));
                }
            }
            self.numbers = numbers;
        }
        parents.sort_unstable();
        self.parents = Some(parents);
    }

    /// Appends the children of a process. One that is born or dies meanwhile is among them or not.
    pub(super) fn children(&mut self, pid: u32, children: &mut Vec<u32>) {
        if let Some(parents) = &self.parents {
            let first = parents.partition_point(|(parent, _)| *parent < pid);
            children
                .extend(parents[first..].iter().take_while(|(parent, _)| *parent == pid).map(|(_, child)| *child));
            return;
        }
        // Each thread has those that it has started.
        self.set_path(pid, "task");
        if self.list(usize::MAX).is_err() {
            return;
        }
        let threads = std::mem::take(&mut self.numbers);
        for thread in &threads {
            let mut name = [0_u8; 32];
            let mut rest = &mut name[..];
            let written = write!(rest, "task/{thread}/children").is_ok();
            let left = rest.len();
            let name = std::str::from_utf8(&name[..name.len() - left]).unwrap_or_default();
            if let (true, Ok(length)) = (written, self.read(pid, name)) {
                process::parse_children(&self.text[..length], children);
            }
        }
        self.numbers = threads;
    }

    fn set_path(&mut self, pid: u32, name: &str) {
        self.path.clear();
        let written =
            if pid == self.root { write!(self.path, "self/{name}") } else { write!(self.path, "{pid}/{name}") };
        debug_assert!(written.is_ok(), "a vector takes everything");
    }

    fn open(&mut self, pid: u32, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        self.set_path(pid, name);
        self.open_path(flags)
    }

    fn open_path(&self, flags: OFlags) -> Result<OwnedFd, Errno> {
        let folder = self.folder.as_ref().ok_or(Errno::BADF)?;
        openat(folder, self.path.as_slice(), flags | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
    }

    /// Reads a file to its end into `text` and returns its length.
    fn read(&mut self, pid: u32, name: &str) -> Result<usize, Errno> {
        let file = self.open(pid, name, OFlags::empty())?;
        let mut filled = 0;
        loop {
            if filled == self.text.len() {
                if filled >= LARGEST_TEXT_BYTES {
                    return Err(Errno::FBIG);
                }
                self.text.resize(filled * 2, 0);
            }
            match read(file.as_fd(), &mut self.text[filled..]) {
                Ok(0) => {
                    self.text_length = filled;
                    return Ok(filled);
                }
                Ok(length) => filled += length,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Lists the entries of the folder `path` that are numbers, into `numbers`, up to `most` of them.
    fn list(&mut self, most: usize) -> Result<(), Errno> {
        let folder = self.open_path(OFlags::DIRECTORY)?;
        self.numbers.clear();
        let mut entries = RawDir::new(folder, self.entries.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let number = decimal(entry?.file_name().to_bytes()).and_then(|number| u32::try_from(number).ok());
            self.numbers.extend(number);
            if self.numbers.len() >= most {
                break;
            }
        }
        Ok(())
    }
}
