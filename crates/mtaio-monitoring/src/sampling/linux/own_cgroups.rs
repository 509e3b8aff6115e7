//! The own control groups, looked up again from time to time: systemd and docker move processes that run.

use std::io;
use std::path::{Path, PathBuf};

use super::cgroup::OwnCgroups;
use super::file::{KeptFile, Records};
use super::paced::PACE_NS;

/// Where the own groups are now.
#[derive(Debug)]
pub(super) struct CgroupFinder {
    root: PathBuf,
    cgroup: KeptFile,
    mountinfo: KeptFile,
    due_ns: u64,
    /// What `/proc/self/cgroup` held when `own` was made of it.
    membership: Vec<u8>,
    own: OwnCgroups,
    generation: u64,
    last_error: Option<String>,
}

impl CgroupFinder {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            cgroup: KeptFile::new(root.join("proc/self/cgroup"), Records::One),
            mountinfo: KeptFile::new(root.join("proc/self/mountinfo"), Records::Many),
            due_ns: 0,
            membership: Vec::new(),
            own: OwnCgroups::default(),
            generation: 0,
            last_error: None,
        }
    }

    /// Looks again, if it is time to.
    pub(super) fn look(&mut self, buffer: &mut Vec<u8>, now_ns: u64) {
        if now_ns < self.due_ns {
            return;
        }
        self.due_ns = now_ns.saturating_add(PACE_NS);
        self.last_error = self.refresh(buffer).err();
    }

    fn refresh(&mut self, buffer: &mut Vec<u8>) -> Result<(), String> {
        match self.cgroup.read(buffer) {
            Ok(text) if text == self.membership => return Ok(()),
            Ok(text) => {
                self.membership.clear();
                self.membership.extend_from_slice(text);
            }
            Err(error) => {
                self.cgroup.close();
                return Err(failure(&self.cgroup, &error));
            }
        }
        let outcome = match self.mountinfo.read(buffer) {
            Ok(mountinfo) => {
                self.own = OwnCgroups::resolve(&self.root, &self.membership, mountinfo);
                Ok(())
            }
            Err(error) => {
                self.own = OwnCgroups::default();
                self.membership.clear();
                Err(failure(&self.mountinfo, &error))
            }
        };
        self.generation += 1;
        // Needed again only when the process is moved.
        self.mountinfo.close();
        outcome
    }

    pub(super) fn own(&self) -> &OwnCgroups {
        &self.own
    }

    /// Another number than before where the process has been moved: what was open belongs to another group.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn last_error(&self) -> Option<String> {
        self.last_error.clone()
    }
}

fn failure(file: &KeptFile, error: &io::Error) -> String {
    format!("{}: {error}", file.path().display())
}
