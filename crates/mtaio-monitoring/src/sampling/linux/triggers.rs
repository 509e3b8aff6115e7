//! Triggers on pressure (`Documentation/accounting/psi.rst`, "Monitoring for pressure thresholds"): a line written into
//! the pressure file, and then `poll` on the descriptor that it was written to.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

use super::own_cgroups::CgroupFinder;
use super::pressure::{cgroup_file, explained, host_file, own_cgroup};
use crate::clock::Clock;
use crate::sampling::{
    OpenTriggers, OpenedTrigger, PressureScope, RefusedTrigger, Resource, Told, TriggerRequest,
    is_pressure_undefined,
};

/// Without CAP_SYS_RESOURCE the kernel takes windows that are multiples of this, in which it looks anyway.
const UNPRIVILEGED_WINDOW_US: u64 = 2_000_000;

/// `PROC_SUPER_MAGIC` and `CGROUP2_SUPER_MAGIC` of `linux/magic.h`.
const KERNEL_FILE_SYSTEMS: [i64; 2] = [0x9fa0, 0x6367_7270];

/// A descriptor that becomes urgent (`POLLPRI`) when there is something to tell.
#[derive(Debug)]
pub struct Trigger(OwnedFd);

impl From<OwnedFd> for Trigger {
    fn from(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }
}

/// The pressure files below a root, and those of the process's own cgroup where it has one.
#[derive(Debug)]
pub(super) struct PressureTriggers {
    root: PathBuf,
}

impl PressureTriggers {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// A cgroup may have no pressure files (`cgroup.pressure`, `cgroup_disable=pressure`): then the machine's count.
    fn file(&self, resource: Resource) -> (PressureScope, PathBuf) {
        // Looked up anew: a trigger is asked for seldom, and the process may have been moved.
        let mut cgroups = CgroupFinder::new(&self.root);
        cgroups.look(&mut Vec::new(), 0);
        let own = own_cgroup(cgroups.own()).map(|folder| cgroup_file(folder, resource));
        // The pressure of interrupts is read of the machine alone.
        match own.filter(|path| resource != Resource::Irq && path.exists()) {
            Some(path) => (PressureScope::Container, path),
            None => (PressureScope::Host, host_file(&self.root, resource)),
        }
    }
}

impl OpenTriggers for PressureTriggers {
    fn open(&self, request: &TriggerRequest) -> Result<OpenedTrigger, RefusedTrigger> {
        let (scope, path) = self.file(request.resource);
        let refused = |is_readable, reason| RefusedTrigger { scope, is_readable, reason };
        let named =
            |error: &io::Error| explained(&format!("{}: {error}", path.display()), error, request.resource);
        if is_pressure_undefined(scope, request.resource, request.kind) {
            let reason = "full pressure on the processors of a whole machine is not defined: give some".to_owned();
            return Err(refused(false, reason));
        }
        can_be_read(&path).map_err(|error| refused(false, named(&error)))?;
        // Before Linux 6.5 this alone takes CAP_SYS_RESOURCE; in a container the file is often read-only.
        let opened = OpenOptions::new().read(true).write(true).open(&path);
        let mut file = opened.map_err(|error| refused(true, named(&error)))?;
        if !is_of_the_kernel(&file) {
            // Writing into a recording would change it.
            return Err(refused(true, format!("{}: not a file of the kernel's", path.display())));
        }
        let longer_us = request.window_us.next_multiple_of(UNPRIVILEGED_WINDOW_US);
        let asked = ask(&mut file, request, request.window_us);
        let (window_us, outcome) = match asked {
            Err(_) if longer_us != request.window_us => (longer_us, ask(&mut file, request, longer_us)),
            asked => (request.window_us, asked),
        };
        outcome.map_err(|error| refused(true, named(&error)))?;
        let remark = (window_us != request.window_us)
            .then(|| "without CAP_SYS_RESOURCE the kernel takes windows that are multiples of 2 s".to_owned());
        Ok(OpenedTrigger { trigger: Trigger(file.into()), scope, window_us, remark })
    }
}

/// Where pressure is disabled the file opens, and only reading it fails.
fn can_be_read(path: &Path) -> io::Result<()> {
    let read = File::open(path)?.read(&mut [0; 16])?;
    if read == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

fn is_of_the_kernel(file: &File) -> bool {
    // The width of the number is the architecture's.
    #[allow(clippy::unnecessary_cast, reason = "it is an i64 here")]
    rustix::fs::fstatfs(file).is_ok_and(|about| KERNEL_FILE_SYSTEMS.contains(&(about.f_type as i64)))
}

/// Writes the line. Its last byte is lost: the kernel puts the end of its string there.
fn ask(file: &mut File, request: &TriggerRequest, window_us: u64) -> io::Result<()> {
    let stall_us = ((request.share * window_us as f64).round() as u64).clamp(1, window_us);
    let line = format!("{} {stall_us} {window_us}\n", request.kind.name());
    file.write_all(line.as_bytes())
}

/// Wakes somebody who waits in [`TriggerPoll::wait`], from any thread.
#[derive(Debug)]
pub struct TriggerBell(OwnedFd);

impl TriggerBell {
    /// A bell that has not been rung.
    ///
    /// # Errors
    ///
    /// Where the process has no descriptor left.
    pub fn new() -> io::Result<Self> {
        Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    /// Rings, without ever waiting: a bell that was rung often wakes once.
    pub fn ring(&self) {
        // It fails only where the count is full, and then it has been rung.
        let _rung = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    fn answer(&self) {
        let _silent_already = rustix::io::read(&self.0, &mut [0; 8]);
    }
}

/// Triggers that one thread waits for together.
#[derive(Debug)]
pub struct TriggerPoll {
    bell: Arc<TriggerBell>,
    waited_for: Vec<Waited>,
}

#[derive(Debug)]
struct Waited {
    number: u64,
    trigger: Trigger,
    window_ns: u64,
    /// It has told, and does not tell again before this monotonic time.
    quiet_until_ns: u64,
}

impl TriggerPoll {
    /// One without triggers.
    #[must_use]
    pub fn new(bell: Arc<TriggerBell>) -> Self {
        Self { bell, waited_for: Vec::new() }
    }

    /// Waits for one more, which tells once in `window_ns` at most.
    ///
    /// The kernel holds itself to that. An imitation of its file may not, and this thread must not spin.
    pub fn add(&mut self, number: u64, trigger: Trigger, window_ns: u64) {
        self.waited_for.push(Waited { number, trigger, window_ns, quiet_until_ns: 0 });
    }

    /// Waits for one less. The kernel forgets the trigger when its descriptor closes.
    pub fn remove(&mut self, number: u64) {
        self.waited_for.retain(|waited| waited.number != number);
    }

    /// Waits until a trigger tells, the bell rings or a signal comes, and adds what was told to `told`. It may return
    /// with nothing. A trigger that is gone is told of once and forgotten.
    ///
    /// # Errors
    ///
    /// Where the system has no memory for it.
    pub fn wait(&mut self, clock: &Clock, told: &mut Vec<Told>) -> io::Result<()> {
        let now_ns = clock.monotonic_ns();
        let left_ns = |waited: &Waited| waited.quiet_until_ns.saturating_sub(now_ns);
        let timeout = self.waited_for.iter().map(left_ns).filter(|&left_ns| left_ns > 0).min().map(|left_ns| {
            let nap = clock.nap(left_ns);
            Timespec { tv_sec: nap.as_secs() as i64, tv_nsec: nap.subsec_nanos().into() }
        });
        // Even asking a quiet one for errors alone would take what it has to tell.
        let awake: Vec<usize> =
            (0..self.waited_for.len()).filter(|&index| left_ns(&self.waited_for[index]) == 0).collect();
        let descriptor = |index: &usize| self.waited_for[*index].trigger.0.as_fd();
        let mut polled: Vec<PollFd<'_>> = Vec::with_capacity(awake.len() + 1);
        polled.push(PollFd::new(&self.bell.0, PollFlags::IN));
        polled.extend(awake.iter().map(|index| PollFd::from_borrowed_fd(descriptor(index), PollFlags::PRI)));
        match poll(&mut polled, timeout.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let answers: Vec<PollFlags> = polled.iter().map(PollFd::revents).collect();
        if answers[0].contains(PollFlags::IN) {
            self.bell.answer();
        }
        let now_ns = clock.monotonic_ns();
        let mut gone = Vec::new();
        for (&index, answer) in awake.iter().zip(&answers[1..]) {
            let waited = &mut self.waited_for[index];
            if answer.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL) {
                gone.push(waited.number);
            } else if answer.contains(PollFlags::PRI) {
                waited.quiet_until_ns = now_ns.saturating_add(waited.window_ns);
                told.push(Told::Stalled(waited.number));
            }
        }
        for number in gone {
            self.remove(number);
            told.push(Told::Gone(number));
        }
        Ok(())
    }
}
