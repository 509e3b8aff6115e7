//! Pressure stall information: for how long tasks stood still for want of processors, memory or disks.

use super::Timed;

/// What a task may have to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// A processor.
    Cpu,
    /// Memory: reclaim, swapping in, refaults.
    Memory,
    /// A disk.
    Io,
    /// A processor that serves interrupts (Linux ≥ 6.1). Only `full` is counted.
    Irq,
}

impl Resource {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Cpu, Self::Memory, Self::Io, Self::Irq];

    /// As the kernel names the file: `cpu`, `memory`, `io`, `irq`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Io => "io",
            Self::Irq => "irq",
        }
    }

    /// The resource of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resource| resource.name() == name)
    }
}

/// Which tasks stand still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StallKind {
    /// At least one.
    Some,
    /// All that are not idle, at once: nothing gets done.
    Full,
}

impl StallKind {
    /// As the kernel names the line: `some`, `full`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Some => "some",
            Self::Full => "full",
        }
    }
}

/// Whose tasks are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PressureScope {
    /// Those of this process's own cgroup.
    Container,
    /// Those of the machine.
    Host,
}

impl PressureScope {
    /// `"container"` or `"host"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Host => "host",
        }
    }
}

/// One line: how long tasks have stood still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawStall {
    /// Shares of the last 10, 60 and 300 s, in hundredths of a percent: the kernel's own averages, for display.
    pub average_hundredths: [Option<u32>; 3],
    /// Microseconds since boot, or since the cgroup was made.
    pub total_us: u64,
}

/// One file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawPressure {
    /// At least one task stood still.
    pub some: Option<RawStall>,
    /// All tasks that were not idle stood still. For the processors of a whole machine this means nothing; the
    /// kernel prints zeros since 5.13 and nothing before.
    pub full: Option<RawStall>,
}

/// The files of the machine or of a cgroup, each with its own time, since each can be missing by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RawPressures {
    /// `cpu`.
    pub cpu: Option<Timed<RawPressure>>,
    /// `memory`.
    pub memory: Option<Timed<RawPressure>>,
    /// `io`.
    pub io: Option<Timed<RawPressure>>,
    /// `irq` (Linux ≥ 6.1, if built with CONFIG_IRQ_TIME_ACCOUNTING); not read of cgroups.
    pub irq: Option<Timed<RawPressure>>,
    /// Another number than before where the process was moved into another cgroup, whose totals are others.
    pub generation: u64,
}

impl RawPressures {
    /// The file of a resource.
    #[must_use]
    pub fn get(&self, resource: Resource) -> Option<&Timed<RawPressure>> {
        match resource {
            Resource::Cpu => self.cpu.as_ref(),
            Resource::Memory => self.memory.as_ref(),
            Resource::Io => self.io.as_ref(),
            Resource::Irq => self.irq.as_ref(),
        }
    }

    /// Where the file of a resource is put.
    pub fn slot(&mut self, resource: Resource) -> &mut Option<Timed<RawPressure>> {
        match resource {
            Resource::Cpu => &mut self.cpu,
            Resource::Memory => &mut self.memory,
            Resource::Io => &mut self.io,
            Resource::Irq => &mut self.irq,
        }
    }

    /// When the file was read and the total of one of its lines. `None` also for what a machine's processors print as
    /// `full`, which means nothing.
    #[must_use]
    pub fn total(&self, scope: PressureScope, resource: Resource, kind: StallKind) -> Option<(u64, u64)> {
        if is_undefined(scope, resource, kind) {
            return None;
        }
        let file = self.get(resource)?;
        let stall = match kind {
            StallKind::Some => file.value.some,
            StallKind::Full => file.value.full,
        };
        Some((file.read_at_ns, stall?.total_us))
    }
}

/// Whether a line has no meaning: on a whole machine some task always gets each processor, and while interrupts are
/// served nothing else runs.
#[must_use]
pub fn is_undefined(scope: PressureScope, resource: Resource, kind: StallKind) -> bool {
    (scope, resource, kind) == (PressureScope::Host, Resource::Cpu, StallKind::Full)
        || (resource, kind) == (Resource::Irq, StallKind::Some)
}
