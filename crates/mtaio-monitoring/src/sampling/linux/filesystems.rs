//! Room on the mounted file systems: which there are, and `statvfs` of each, from time to time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::{KeptFile, Records};
use super::paced::Paced;
use super::{Origin, mounts};
use crate::clock::{Clock, Instant3};
use crate::sampling::{RawFilesystem, RawFilesystems, RawSpace, Section, SectionHealth, Timed};

/// A disk does not fill up within seconds, and each file system costs a system call.
const EVERY_NS: u64 = 30_000_000_000;

/// The list of mounts, and the file systems as they were when last looked at.
#[derive(Debug)]
pub(super) struct Filesystems {
    root: PathBuf,
    mounts: Origin,
    paced: Paced<RawFilesystems>,
}

impl Filesystems {
    /// The file systems as the machine below `root` has them mounted.
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            mounts: Origin::new(KeptFile::new(root.join("proc/self/mountinfo"), Records::Many)),
            paced: Paced::new(EVERY_NS),
        }
    }

    pub(super) fn read(
        &mut self,
        now: Instant3,
        buffer: &mut Vec<u8>,
        clock: &Clock,
        slot: &mut Option<Timed<RawFilesystems>>,
    ) {
        let Self { root, mounts, paced } = self;
        let latest = paced.get(now.monotonic_ns, || {
            let mut list = None;
            mounts.read(buffer, clock, &mut list, mounts::parse);
            let list: Timed<Vec<mounts::Mount>> = list?;
            let found: Arc<[RawFilesystem]> =
                mounts::chosen(&list.value).into_iter().filter_map(|mount| filesystem(root, mount)).collect();
            Some(Timed { read_at_ns: clock.monotonic_ns(), value: RawFilesystems { mounts: found } })
        });
        *slot = latest.cloned();
    }

    pub(super) fn health(&self, section: Section) -> SectionHealth {
        SectionHealth { every_seconds: Some(EVERY_NS as f64 / 1e9), ..self.mounts.health(section) }
    }

    pub(super) fn failures(&self) -> u64 {
        self.mounts.failures
    }
}

/// `None` for what has no size, as `df` leaves it out.
fn filesystem(root: &Path, mount: &mounts::Mount) -> Option<RawFilesystem> {
    let below = mount.place.strip_prefix("/").unwrap_or(&mount.place);
    let space = space(&root.join(below));
    if space.is_some_and(|space| space.total_bytes == 0) {
        return None;
    }
    Some(RawFilesystem {
        mount_point: mount.place.to_string_lossy().into_owned(),
        source: mount.source.clone(),
        kind: mount.kind.clone(),
        read_only: mount.read_only,
        space,
    })
}

fn space(place: &Path) -> Option<RawSpace> {
    let answer = rustix::fs::statvfs(place).ok()?;
    let unit = if answer.f_frsize > 0 { answer.f_frsize } else { answer.f_bsize };
    let bytes = |blocks: u64| blocks.saturating_mul(unit);
    let has_inodes = answer.f_files > 0;
    Some(RawSpace {
        total_bytes: bytes(answer.f_blocks),
        free_bytes: Some(bytes(answer.f_bfree)),
        available_bytes: bytes(answer.f_bavail),
        inodes: has_inodes.then_some(answer.f_files),
        free_inodes: has_inodes.then_some(answer.f_ffree),
    })
}
