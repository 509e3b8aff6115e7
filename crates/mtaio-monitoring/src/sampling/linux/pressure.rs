//! `/proc/pressure/*` and `*.pressure` of a cgroup (`Documentation/accounting/psi.rst`).

use std::io;
use std::path::{Path, PathBuf};

use super::cgroup::OwnCgroups;
use super::cursor::{Cursor, decimal};
use super::file::{KeptFile, Records};
use super::loadavg::hundredths;
use super::paced::PACE_NS;
use super::{Failure, Malformed, Origin};
use crate::clock::Clock;
use crate::sampling::{RawPressure, RawPressures, RawStall, Resource, Section, SectionHealth};

/// Parses
///
/// ```text
/// some avg10=0.22 avg60=0.17 avg300=1.11 total=58761459
/// full avg10=0.23 avg60=0.17 avg300=1.08 total=51895370
/// ```
///
/// Either line may be missing, and lines and fields of other names are ignored. A line without its total, or that is
/// cut, was not measured; of lines that come twice the first one counts.
///
/// # Errors
///
/// There is neither line.
pub fn parse(text: &[u8], out: &mut RawPressure) -> Result<(), Malformed> {
    *out = RawPressure::default();
    let mut text = Cursor::new(text);
    while !text.is_at_end() {
        let line = match text.word() {
            Some(b"some") => Some(&mut out.some),
            Some(b"full") => Some(&mut out.full),
            _ => None,
        };
        if let Some(line) = line
            && line.is_none()
        {
            *line = stall(&mut text);
        }
        text.skip_line();
    }
    if *out == RawPressure::default() {
        return Err(Malformed("it has neither a line of some nor one of full with a total"));
    }
    Ok(())
}

fn stall(line: &mut Cursor<'_>) -> Option<RawStall> {
    let mut total_us = None;
    let mut average_hundredths = [None; 3];
    while !line.is_at_line_end() {
        let word = line.word()?;
        let value = |name: &[u8]| word.strip_prefix(name);
        if let Some(total) = value(b"total=") {
            total_us = decimal(total);
        }
        for (average, name) in average_hundredths.iter_mut().zip([&b"avg10="[..], b"avg60=", b"avg300="]) {
            if let Some(share) = value(name) {
                *average = hundredths(share);
            }
        }
    }
    Some(RawStall { average_hundredths, total_us: total_us? })
}

/// The files of the machine, or of a cgroup.
#[derive(Debug)]
pub(super) struct PressureFiles {
    section: Section,
    generation: u64,
    /// For the health report: where they lie.
    pattern: String,
    files: Vec<PressureFile>,
}

#[derive(Debug)]
struct PressureFile {
    resource: Resource,
    origin: Origin,
    /// Nothing is tried before this monotonic time: a file that is missing must not cost an attempt a sample.
    due_ns: u64,
}

impl PressureFiles {
    /// Those of the machine whose `proc` lies below `root`.
    pub(super) fn of_host(root: &Path) -> Self {
        let folder = root.join("proc/pressure");
        let pattern = format!("{}/{{cpu,memory,io,irq}}", folder.display());
        let file = |resource| PressureFile::new(resource, host_file(root, resource));
        Self { section: Section::Pressure, generation: 0, pattern, files: Resource::ALL.map(file).into() }
    }

    /// Those of a cgroup of version 2; none where there is no cgroup of the process's own. Another `generation` is
    /// another cgroup.
    pub(super) fn of_cgroup(folder: Option<&Path>, generation: u64) -> Self {
        let section = Section::ContainerPressure;
        let Some(folder) = folder else {
            return Self { section, generation, pattern: "a cgroup of version 2".to_owned(), files: Vec::new() };
        };
        let pattern = format!("{}/{{cpu,memory,io}}.pressure", folder.display());
        let file = |resource| PressureFile::new(resource, cgroup_file(folder, resource));
        Self {
            section,
            generation,
            pattern,
            files: [Resource::Cpu, Resource::Memory, Resource::Io].map(file).into(),
        }
    }

    pub(super) fn read(&mut self, buffer: &mut Vec<u8>, clock: &Clock, now_ns: u64, out: &mut RawPressures) {
        // The sample may hold what another source left in it.
        *out = RawPressures { generation: self.generation, ..RawPressures::default() };
        for file in &mut self.files {
            if now_ns < file.due_ns {
                continue;
            }
            let slot = out.slot(file.resource);
            file.origin.read(buffer, clock, slot, parse);
            if slot.is_none() {
                file.due_ns = now_ns.saturating_add(PACE_NS);
            }
        }
    }

    /// Readings that gave nothing, without allocating.
    pub(super) fn failures(&self) -> u64 {
        self.counted().map(|file| file.origin.failures).sum()
    }

    fn counted(&self) -> impl Iterator<Item = &PressureFile> {
        self.files.iter().filter(|file| file.resource != Resource::Irq)
    }

    /// A missing `irq` is no failure: few kernels have it. That it is missing is told where nothing else is.
    pub(super) fn health(&self) -> SectionHealth {
        let missing = self.files.is_empty().then(|| "this process is in no cgroup that has one".to_owned());
        SectionHealth {
            section: self.section,
            origin: self.pattern.clone(),
            reads: self.counted().map(|file| file.origin.reads).sum(),
            failures: self.failures(),
            last_error: missing.or_else(|| self.files.iter().find_map(PressureFile::last_error)),
            ..SectionHealth::unread(self.section)
        }
    }
}

impl PressureFile {
    fn new(resource: Resource, path: PathBuf) -> Self {
        Self { resource, origin: Origin::new(KeptFile::new(path, Records::One)), due_ns: 0 }
    }

    fn last_error(&self) -> Option<String> {
        let error = self.origin.last_error()?;
        Some(match &self.origin.last_failure {
            Some(Failure::Read(cause)) => explained(&error, cause, self.resource),
            _ => error,
        })
    }
}

/// The own group's directory, unless the group is the root of all: then its files are the machine's. The kernel gives
/// `cgroup.type` to every other group; a container whose namespace begins at its group has one too.
pub(super) fn own_cgroup(own: &OwnCgroups) -> Option<&Path> {
    own.unified().filter(|folder| folder.join("cgroup.type").exists())
}

/// The file of the machine whose `proc` lies below `root`.
pub(super) fn host_file(root: &Path, resource: Resource) -> PathBuf {
    root.join("proc/pressure").join(resource.name())
}

/// The file of a cgroup.
pub(super) fn cgroup_file(folder: &Path, resource: Resource) -> PathBuf {
    folder.join(format!("{}.pressure", resource.name()))
}

/// What the kernel means by these errors, which do not say so themselves.
pub(super) fn explained(error: &str, cause: &io::Error, resource: Resource) -> String {
    const NOT_SUPPORTED: i32 = rustix::io::Errno::OPNOTSUPP.raw_os_error();
    match (cause.raw_os_error(), cause.kind(), resource) {
        (Some(NOT_SUPPORTED), ..) => {
            format!("{error}: pressure stall information is built in and disabled; boot with psi=1")
        }
        (_, io::ErrorKind::NotFound, Resource::Irq) => {
            format!("{error}: Linux has it from 6.1 on, with CONFIG_IRQ_TIME_ACCOUNTING")
        }
        (_, io::ErrorKind::NotFound, _) => {
            format!("{error}: Linux has it from 4.20 on, with CONFIG_PSI")
        }
        _ => error.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No file of a recording can be made to answer so.
    #[test]
    fn p19_a_kernel_with_pressure_disabled_is_told_from_one_without() {
        let said = |number, resource| {
            let cause = io::Error::from_raw_os_error(number);
            explained(&format!("/proc/pressure/cpu: {cause}"), &cause, resource)
        };
        let disabled = said(rustix::io::Errno::OPNOTSUPP.raw_os_error(), Resource::Cpu);
        assert!(
            disabled
                .ends_with("(os error 95): pressure stall information is built in and disabled; boot with psi=1")
        );
        let missing = said(rustix::io::Errno::NOENT.raw_os_error(), Resource::Cpu);
        assert!(missing.ends_with("(os error 2): Linux has it from 4.20 on, with CONFIG_PSI"), "{missing}");
        let refused = said(rustix::io::Errno::ACCESS.raw_os_error(), Resource::Cpu);
        assert!(refused.ends_with("(os error 13)"), "{refused}");
    }
}
