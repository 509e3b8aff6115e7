//! P19 and P20 on the reader's side: which files are there, what is in them, and where a trigger can be had.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::sampling::linux::LinuxSource;
use mtaio_monitoring::sampling::linux::pressure::parse;
use mtaio_monitoring::sampling::{
    PressureScope, RawPressure, RawSample, Resource, Section, SectionHealth, Source, StallKind, Told, Trigger,
    TriggerBell, TriggerPoll, TriggerRequest,
};

use super::recorded::{check, root};

const SECOND: u64 = 1_000_000_000;

fn health(source: &LinuxSource, section: Section) -> SectionHealth {
    source.health().into_iter().find(|health| health.section == section).unwrap()
}

#[test]
fn p19_totals_and_averages_are_read_of_every_file() {
    check(
        "linux-6.18",
        Section::Pressure,
        "cpu some 5612684046 us 153 87 64 hundredths, full 0 us 0 0 0 hundredths
         memory some 40128371 us 1207 340 91 hundredths, full 31007152 us 996 281 70 hundredths
         io some 170212948 us 0 31 53 hundredths, full 113585648 us 0 25 46 hundredths
         irq some -, full 918273 us 2 0 0 hundredths",
    );
}

#[test]
fn p19_an_old_kernel_has_no_full_of_the_processors_and_no_irq() {
    let recording = "pressure-4.20";
    check(
        recording,
        Section::Pressure,
        "cpu some 76245128 us 1400 912 333 hundredths, full -
         memory some 1702 us 0 0 0 hundredths, full 1102 us 0 0 0 hundredths
         io some 58761459 us 22 17 111 hundredths, full 51895370 us 23 17 108 hundredths",
    );
    let mut source = LinuxSource::with_root(root(recording));
    source.read(&Clock::manual().0, &mut RawSample::default());
    let health = health(&source, Section::Pressure);
    assert_eq!((health.reads, health.failures), (3, 0), "a missing irq is no failure");
    let reason = health.last_error.unwrap();
    assert!(reason.ends_with("irq: No such file or directory (os error 2): Linux has it from 6.1 on, with CONFIG_IRQ_TIME_ACCOUNTING"), "{reason}");
}

#[test]
fn p19_the_own_cgroup_has_pressure_of_its_own() {
    let recording = "pressure-cgroup";
    check(
        recording,
        Section::ContainerPressure,
        "cpu some 9001000 us 8810 6100 2055 hundredths, full 4500500 us 4400 3000 1000 hundredths
         memory some 0 us 0 0 0 hundredths, full 0 us 0 0 0 hundredths",
    );
    let mut source = LinuxSource::with_root(root(recording));
    source.read(&Clock::manual().0, &mut RawSample::default());
    let health = health(&source, Section::ContainerPressure);
    assert!(health.origin.ends_with("/sys/fs/cgroup/system.slice/shop.service/{cpu,memory,io}.pressure"));
    assert_eq!((health.reads, health.failures), (3, 1));
    assert!(health.last_error.unwrap().contains("io.pressure: No such file"), "only what is missing is none");
}

#[test]
fn p19_the_root_cgroup_is_the_machine_and_no_container() {
    check("pressure-root-cgroup", Section::ContainerPressure, "none");
    let mut source = LinuxSource::with_root(root("pressure-root-cgroup"));
    source.read(&Clock::manual().0, &mut RawSample::default());
    let health = health(&source, Section::ContainerPressure);
    assert_eq!((health.reads, health.failures), (0, 0));
    assert_eq!(health.last_error.as_deref(), Some("this process is in no cgroup that has one"));
}

#[test]
fn p19_disabled_pressure_is_none_and_is_not_asked_for_at_each_sample() {
    check("pressure-disabled", Section::Pressure, "none");
    for recording in ["pressure-disabled", "empty"] {
        let (clock, hand) = Clock::manual();
        let mut source = LinuxSource::with_root(root(recording));
        let mut sample = RawSample::default();
        for _ in 0..9 {
            source.read(&clock, &mut sample);
            hand.advance(1.0);
        }
        assert_eq!(sample.pressure.get(Resource::Cpu), None);
        assert_eq!(health(&source, Section::Pressure).reads, 3, "each file once");
        hand.advance(1.0);
        source.read(&clock, &mut sample);
        let health = health(&source, Section::Pressure);
        assert_eq!((health.reads, health.failures), (6, 6), "and once more at the pace of what is dear");
        let reason = health.last_error.unwrap();
        let expected = if recording == "empty" {
            "cpu: No such file or directory (os error 2): Linux has it from 4.20 on, with CONFIG_PSI"
        } else {
            "cpu: it has neither a line of some nor one of full with a total"
        };
        assert!(reason.ends_with(expected), "{reason}");
    }
}

#[test]
fn p19_pressure_that_is_switched_on_is_seen() {
    let root = tempfile::tempdir().unwrap();
    let (clock, hand) = Clock::manual();
    let mut source = LinuxSource::with_root(root.path());
    let mut sample = RawSample::default();
    source.read(&clock, &mut sample);
    fs::create_dir_all(root.path().join("proc/pressure")).unwrap();
    fs::write(root.path().join("proc/pressure/memory"), "some total=5\n").unwrap();
    hand.advance(10.0);
    source.read(&clock, &mut sample);
    let total = sample.pressure.total(PressureScope::Host, Resource::Memory, StallKind::Some);
    assert_eq!(total, Some((clock.monotonic_ns(), 5)));
    // What the slot of the sample held before is not left there.
    fs::remove_file(root.path().join("proc/pressure/memory")).unwrap();
    LinuxSource::with_root(root.path()).read(&clock, &mut sample);
    assert_eq!(sample.pressure.memory, None);
}

#[test]
fn p39_a_line_counts_with_its_total_and_whole() {
    let totals = |text: &str| {
        let mut pressure = RawPressure::default();
        let total = |stall: Option<mtaio_monitoring::sampling::RawStall>| stall.map(|stall| stall.total_us);
        parse(text.as_bytes(), &mut pressure).ok().map(|()| (total(pressure.some), total(pressure.full)))
    };
    assert_eq!(totals("some avg10=0.00 total=7\nfull total=3\n"), Some((Some(7), Some(3))));
    assert_eq!(totals("full total=3\nsome total=7 avg10=1.00\n"), Some((Some(7), Some(3))), "in any order");
    assert_eq!(totals("some total=7\nsome total=8\n"), Some((Some(7), None)), "the first counts");
    assert_eq!(totals("most total=1\nsome total=7 avg10=x later=1\n"), Some((Some(7), None)));
    assert_eq!(totals("some total=18446744073709551615\n"), Some((Some(u64::MAX), None)));
    assert_eq!(totals("some total=7\nfull total=3"), Some((Some(7), None)), "a cut line may be a wrong number");
    for refused in [
        "",
        "some\n",
        "some avg10=0.00\n",
        "some total=-1\n",
        "some total=18446744073709551616\n",
        "some total= 7\n",
        "some total=7",
        "some: total=7\n",
        "SOME total=7\n",
    ] {
        assert_eq!(totals(refused), None, "{refused:?}");
    }
}

fn request(resource: Resource, kind: StallKind) -> TriggerRequest {
    TriggerRequest { resource, kind, share: 0.1, window_us: 2_000_000 }
}

#[test]
fn p20_a_recording_is_not_written_to() {
    for recording in ["linux-6.18", "pressure-cgroup"] {
        let before = fs::read(root(recording).join("proc/pressure/memory")).unwrap();
        let triggers = LinuxSource::with_root(root(recording)).pressure_triggers().unwrap();
        let refused = triggers.open(&request(Resource::Memory, StallKind::Some)).unwrap_err();
        assert!(refused.is_readable && refused.reason.ends_with("not a file of the kernel's"), "{refused:?}");
        assert_eq!(fs::read(root(recording).join("proc/pressure/memory")).unwrap(), before);
    }
}

#[test]
fn p20_the_own_cgroups_file_is_asked_where_there_is_one() {
    let refused = |recording: &str, resource, kind| {
        let triggers = LinuxSource::with_root(root(recording)).pressure_triggers().unwrap();
        triggers.open(&request(resource, kind)).unwrap_err()
    };
    let memory = refused("pressure-cgroup", Resource::Memory, StallKind::Full);
    assert_eq!(memory.scope, PressureScope::Container);
    assert!(memory.reason.contains("shop.service/memory.pressure"), "{}", memory.reason);
    let cpu = refused("pressure-cgroup", Resource::Cpu, StallKind::Full);
    assert_eq!((cpu.scope, cpu.is_readable), (PressureScope::Container, true), "a container has it");
    let io = refused("pressure-cgroup", Resource::Io, StallKind::Some);
    assert_eq!(io.scope, PressureScope::Host, "the cgroup has no such file");
    let cpu = refused("linux-6.18", Resource::Cpu, StallKind::Full);
    assert_eq!((cpu.scope, cpu.is_readable), (PressureScope::Host, false));
    assert_eq!(cpu.reason, "full pressure on the processors of a whole machine is not defined: give some");
    let disabled = refused("pressure-disabled", Resource::Cpu, StallKind::Some);
    assert!(!disabled.is_readable, "{disabled:?}");
    let missing = refused("empty", Resource::Cpu, StallKind::Some);
    assert!(!missing.is_readable && missing.reason.contains("Linux has it from 4.20 on"), "{missing:?}");
}

/// Something that is urgent when told to be: TCP's out-of-band data is the one descriptor beside the kernel's own files
/// that gives `POLLPRI`.
pub(crate) struct Urgent {
    peer: TcpStream,
}

impl Urgent {
    pub(crate) fn new() -> (Self, Trigger) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let own = listener.accept().unwrap().0;
        (Self { peer }, Trigger::from(OwnedFd::from(own)))
    }

    pub(crate) fn be_urgent(&self) {
        rustix::net::send(&self.peer, b"!", rustix::net::SendFlags::OOB).unwrap();
    }

    /// The descriptor says that it is no more (`POLLERR`), as a trigger does whose cgroup was removed.
    pub(crate) fn go(self) {
        rustix::net::sockopt::set_socket_linger(&self.peer, Some(Duration::ZERO)).unwrap();
    }

    /// Whether somebody still holds the other end.
    pub(crate) fn is_held(&self) -> bool {
        self.peer.set_nonblocking(true).unwrap();
        let mut byte = [0];
        !matches!((&self.peer).read(&mut byte), Ok(0)) && (&self.peer).write(&[]).is_ok()
    }
}

/// A poll of `count` triggers, numbered from 0, with windows of a second.
fn polled(count: u64) -> (TriggerPoll, Arc<TriggerBell>, Vec<Urgent>) {
    let bell = Arc::new(TriggerBell::new().unwrap());
    let mut poll = TriggerPoll::new(Arc::clone(&bell));
    let urgent = (0..count)
        .map(|number| {
            let (urgent, trigger) = Urgent::new();
            poll.add(number, trigger, SECOND);
            urgent
        })
        .collect();
    (poll, bell, urgent)
}

fn wait(poll: &mut TriggerPoll, clock: &Clock) -> Vec<Told> {
    let mut told = Vec::new();
    poll.wait(clock, &mut told).unwrap();
    told
}

#[test]
fn p20_what_is_urgent_is_told_by_its_number() {
    let (clock, _hand) = Clock::manual();
    let (mut poll, _bell, urgent) = polled(40);
    urgent[7].be_urgent();
    assert_eq!(wait(&mut poll, &clock), [Told::Stalled(7)]);
    // 7 is still urgent, and quiet until its window is over.
    urgent[3].be_urgent();
    urgent[39].be_urgent();
    let mut told = Vec::new();
    while told.len() < 2 {
        told.extend(wait(&mut poll, &clock));
    }
    told.sort_by_key(|told| format!("{told:?}"));
    assert_eq!(told, [Told::Stalled(3), Told::Stalled(39)]);
}

#[test]
fn p20_a_stall_that_lasts_is_told_once_a_window_and_never_spins() {
    let (clock, hand) = Clock::manual();
    let (mut poll, _bell, urgent) = polled(1);
    urgent[0].be_urgent();
    assert_eq!(wait(&mut poll, &clock), [Told::Stalled(0)]);
    for _ in 0..3 {
        for _ in 0..3 {
            assert_eq!(wait(&mut poll, &clock), [], "the byte is still there, and nobody reads it");
        }
        hand.advance(1.0);
        assert_eq!(wait(&mut poll, &clock), [Told::Stalled(0)]);
    }
}

#[test]
fn p20_a_trigger_that_is_gone_is_told_once_and_let_go() {
    let (clock, _hand) = Clock::manual();
    let (mut poll, bell, mut urgent) = polled(2);
    urgent.remove(0).go();
    assert_eq!(wait(&mut poll, &clock), [Told::Gone(0)]);
    bell.ring();
    assert_eq!(wait(&mut poll, &clock), [], "the bell, and no error again");
    urgent[0].be_urgent();
    assert_eq!(wait(&mut poll, &clock), [Told::Stalled(1)], "the other one goes on");
}

#[test]
fn p20_the_bell_ends_a_wait_however_often_it_was_rung() {
    let clock = Clock::system();
    let (mut poll, bell, _urgent) = polled(2);
    for _ in 0..1_000 {
        bell.ring();
    }
    assert_eq!(wait(&mut poll, &clock), []);
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| wait(&mut poll, &clock));
        bell.ring();
        assert_eq!(waiting.join().unwrap(), []);
    });
    assert!(begin.elapsed() < Duration::from_secs(10));
}

#[test]
fn p20_a_trigger_that_is_removed_is_closed() {
    let (clock, _hand) = Clock::manual();
    let (mut poll, _bell, urgent) = polled(2);
    assert!(urgent[0].is_held());
    poll.remove(0);
    assert!(!urgent[0].is_held(), "that is what makes the kernel forget it");
    urgent[1].be_urgent();
    assert_eq!(wait(&mut poll, &clock), [Told::Stalled(1)]);
}

/// This machine's own, where it has pressure: more threads than processors must wait for one.
#[test]
fn p20_this_kernel_tells_of_pressure_on_the_processors() {
    let source = LinuxSource::new();
    let triggers = source.pressure_triggers().unwrap();
    let asked =
        TriggerRequest { resource: Resource::Cpu, kind: StallKind::Some, share: 0.05, window_us: 1_000_000 };
    let opened = match triggers.open(&asked) {
        Ok(opened) => opened,
        Err(refused) => {
            // Nothing of it can be had here; that the reason is a good one is all that can be held.
            assert!(refused.reason.contains("pressure"), "{refused:?}");
            eprintln!("no trigger on this machine: {}", refused.reason);
            return;
        }
    };
    assert!(
        opened.window_us == 1_000_000 || (opened.window_us == 2_000_000 && opened.remark.is_some()),
        "{opened:?}"
    );
    let bell = Arc::new(TriggerBell::new().unwrap());
    let mut poll = TriggerPoll::new(Arc::clone(&bell));
    poll.add(5, opened.trigger, opened.window_us * 1_000);
    let over = AtomicBool::new(false);
    let told = std::thread::scope(|scope| {
        let busy = 3 * std::thread::available_parallelism().map_or(2, usize::from);
        for _ in 0..busy {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        scope.spawn(|| {
            let begin = Instant::now();
            while !over.load(Ordering::Relaxed) && begin.elapsed() < Duration::from_secs(30) {
                std::thread::sleep(Duration::from_millis(10));
            }
            bell.ring();
        });
        let told = wait(&mut poll, &Clock::system());
        over.store(true, Ordering::Relaxed);
        told
    });
    assert_eq!(told, [Told::Stalled(5)]);
}

/// The numbers of this machine beside the kernel's own line, read before and after.
#[test]
fn p19_this_machines_totals_lie_between_two_other_readings() {
    let total = |resource: &str| -> Option<u64> {
        let text = fs::read_to_string(Path::new("/proc/pressure").join(resource)).ok()?;
        text.lines().find(|line| line.starts_with("some "))?.rsplit_once("total=")?.1.parse().ok()
    };
    let mut source = LinuxSource::new();
    let mut sample = RawSample::default();
    for resource in [Resource::Cpu, Resource::Memory, Resource::Io] {
        let before = total(resource.name());
        source.read(&Clock::system(), &mut sample);
        let ours = sample.pressure.total(PressureScope::Host, resource, StallKind::Some).map(|(_, total)| total);
        let after = total(resource.name());
        assert!(before <= ours && ours <= after, "{before:?} {ours:?} {after:?}");
        assert_eq!(ours.is_some(), after.is_some(), "{}", resource.name());
    }
}
