//! `/proc/spl/kstat/zfs/arcstats`: what ZFS keeps in its cache (OpenZFS, `module/zfs/arc.c`, `arc_stats`).

use std::fs;
use std::path::{Path, PathBuf};

use super::cursor::Cursor;
use super::file::{KeptFile, Records};
use super::paced::PACE_NS;
use super::{Malformed, Origin};
use crate::clock::Clock;
use crate::sampling::Timed;

/// Reads the cache's size where there is one that counts.
#[derive(Debug)]
pub(super) struct ArcReader {
    root: PathBuf,
    file: Origin,
    /// Whether the file is there, and about what programs here can have.
    counts: bool,
    /// When to look at that again: a module can be loaded and unloaded.
    due_ns: u64,
}

impl ArcReader {
    pub(super) fn new(root: &Path) -> Self {
        let path = root.join("proc/spl/kstat/zfs/arcstats");
        Self {
            root: root.to_owned(),
            file: Origin::new(KeptFile::new(path, Records::Many)),
            counts: false,
            due_ns: 0,
        }
    }

    /// Bytes that the cache gives back when programs want them; `None` without ZFS. Also `None` inside LXC, whose
    /// `/proc/meminfo` is the container's, while this file is the host's (P13).
    pub(super) fn read(&mut self, now_ns: u64, buffer: &mut Vec<u8>, clock: &Clock) -> Option<u64> {
        if now_ns >= self.due_ns {
            self.due_ns = now_ns.saturating_add(PACE_NS);
            // That a machine has no ZFS is no failure.
            self.counts = self.file.file.path().exists() && !is_lxc(&self.root);
        }
        let mut shrinkable: Option<Timed<u64>> = None;
        if self.counts {
            self.file.read(buffer, clock, &mut shrinkable, parse);
        }
        shrinkable.map(|bytes| bytes.value)
    }

    pub(super) fn failures(&self) -> u64 {
        self.file.failures
    }

    pub(super) fn last_error(&self) -> Option<String> {
        self.file.last_error()
    }
}

/// Bytes above the size that the cache keeps in any case: `size − c_min`, at least 0.
///
/// # Errors
///
/// A line of the two is missing or damaged.
pub fn parse(text: &[u8], shrinkable: &mut u64) -> Result<(), Malformed> {
    let (mut size, mut least): (Option<u64>, Option<u64>) = (None, None);
    let mut text = Cursor::new(text);
    while (size.is_none() || least.is_none()) && !text.is_at_end() {
        let field = match text.word() {
            Some(b"size") => Some(&mut size),
            Some(b"c_min") => Some(&mut least),
            _ => None,
        };
        if let Some(field) = field {
            // The type of the number stands before it.
            *field = text.number().and_then(|_| text.number()).filter(|_| text.is_at_line_end());
        }
        text.skip_line();
    }
    let (size, least) = size.zip(least).ok_or(Malformed("it has no size or no c_min"))?;
    *shrinkable = size.saturating_sub(least);
    Ok(())
}

/// By the variable that container managers give process 1 (systemd's container interface), or by what lxcfs imitates.
fn is_lxc(root: &Path) -> bool {
    let has = |path: &str, sign: &[u8]| {
        fs::read(root.join(path)).is_ok_and(|bytes| bytes.windows(sign.len()).any(|window| window == sign))
    };
    has("proc/1/environ", b"container=lxc") || has("proc/self/mountinfo", b" - fuse.lxcfs ")
}
