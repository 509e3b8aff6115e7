//! P20: being woken by pressure. The kernel is played by sockets that become urgent, the samples by a machine whose
//! pressure the test moves.

use std::sync::{Arc, Mutex};

use mtaio_monitoring::alerts::PressureRule;
use mtaio_monitoring::monitor::{PressureMode, PressureTriggerHealth};
use mtaio_monitoring::sampling::{
    OpenTriggers, OpenedTrigger, PressureScope, RawPressure, RawPressures, RawStall, RefusedTrigger, Resource,
    StallKind, Timed, TriggerRequest,
};

use super::{PATIENCE, Simulation, wait_until};
use crate::sampling::pressure::Urgent;

/// A kernel that takes every trigger, or refuses all.
#[derive(Default)]
struct Kernel {
    opened: Mutex<Vec<(Urgent, TriggerRequest)>>,
    refusal: Option<RefusedTrigger>,
    longer_us: Option<u64>,
}

impl OpenTriggers for Kernel {
    fn open(&self, request: &TriggerRequest) -> Result<OpenedTrigger, RefusedTrigger> {
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        let (urgent, trigger) = Urgent::new();
        self.opened.lock().unwrap().push((urgent, *request));
        let window_us = self.longer_us.unwrap_or(request.window_us);
        let remark = self.longer_us.map(|_| "longer windows only".to_owned());
        Ok(OpenedTrigger { trigger, scope: PressureScope::Container, window_us, remark })
    }
}

impl Kernel {
    fn refusing(is_readable: bool) -> Self {
        let reason = "Operation not permitted".to_owned();
        let refusal = RefusedTrigger { scope: PressureScope::Host, is_readable, reason };
        Self { refusal: Some(refusal), ..Self::default() }
    }

    fn stall(&self, index: usize) {
        self.opened.lock().unwrap()[index].0.be_urgent();
    }

    fn held(&self) -> Vec<bool> {
        self.opened.lock().unwrap().iter().map(|(urgent, _)| urgent.is_held()).collect()
    }
}

fn rule(resource: Resource, share: f64, window: f64) -> PressureRule {
    PressureRule::new(resource, StallKind::Some, share, window).expect("a sound rule")
}

/// A simulation of a machine with this kernel. The monitor is made anew, since a source is asked when it is opened.
fn with_kernel(kernel: Kernel) -> (Simulation, Arc<Kernel>) {
    let simulation = Simulation::new();
    let kernel = Arc::new(kernel);
    simulation.machine.give_triggers(Arc::clone(&kernel) as Arc<dyn OpenTriggers>);
    simulation.monitor.after_fork_in_child();
    (simulation, kernel)
}

fn set_total(simulation: &Simulation, scope: PressureScope, total_us: u64) {
    let stall = Some(RawStall { total_us, ..RawStall::default() });
    let file = Some(Timed { read_at_ns: 0, value: RawPressure { some: stall, full: stall } });
    simulation.machine.change(|counters| match scope {
        PressureScope::Host => counters.pressure.memory = file,
        PressureScope::Container => counters.container_pressure.memory = file,
    });
}

/// A second of which tasks wait for memory for so many tenths; what is told then.
fn tick_with(simulation: &Simulation, total_us: &mut u64, tenths: u64) -> Vec<String> {
    *total_us += tenths * 100_000;
    set_total(simulation, PressureScope::Host, *total_us);
    simulation.tick();
    simulation.told()
}

fn triggers(simulation: &Simulation) -> Vec<PressureTriggerHealth> {
    simulation.monitor.health().pressure_triggers
}

fn told_of(simulation: &Simulation, count: usize) -> Vec<String> {
    let mut told = Vec::new();
    wait_until("the kernel is heard", || {
        told.extend(simulation.told());
        told.len() >= count
    });
    told
}

const SAMPLED: &str = "pressure 0: memory some 0.30 of the host, sampled";

#[test]
fn p20_a_stall_that_the_kernel_tells_of_arrives_without_a_sample() {
    let (simulation, kernel) = with_kernel(Kernel::default());
    let number = simulation.monitor.add_pressure_rule(rule(Resource::Memory, 0.15, 1.0));
    assert_eq!(simulation.monitor.add_pressure_rule(rule(Resource::Memory, 0.15, 1.0)), number, "the same one");
    assert_eq!(triggers(&simulation)[0].mode, PressureMode::Unavailable);
    assert!(kernel.held().is_empty(), "nothing is asked for before the start");
    let simulation = simulation.start();
    let asked = kernel.opened.lock().unwrap()[0].1;
    assert_eq!((asked.resource, asked.share, asked.window_us), (Resource::Memory, 0.15, 1_000_000));
    let health = triggers(&simulation).remove(0);
    assert_eq!((health.mode, health.scope), (PressureMode::Kernel, Some(PressureScope::Container)));
    assert_eq!((health.threshold, health.window_seconds, health.reason), (0.15, 1.0, None));
    kernel.stall(0);
    assert_eq!(told_of(&simulation, 1), ["pressure 0: memory some unknown of the container, kernel"]);
    assert_eq!(simulation.deadlines(), 0, "no sample was taken");
    // It is still urgent: the next window tells of it again, and the samples do not.
    set_total(&simulation, PressureScope::Container, 0);
    simulation.tick();
    assert_eq!(told_of(&simulation, 1), ["pressure 0: memory some unknown of the container, kernel"]);
}

#[test]
fn p20_one_thread_waits_for_every_trigger_and_ends_with_the_monitor() {
    let (simulation, kernel) = with_kernel(Kernel::default());
    for index in 0..30_u32 {
        let share = 0.01 + f64::from(index) / 100.0;
        simulation.monitor.add_pressure_rule(rule(Resource::Io, share, 10.0));
    }
    let simulation = simulation.start();
    for index in [3, 28, 7] {
        kernel.stall(index);
        let expected = format!("pressure {index}: io some unknown of the container, kernel");
        assert_eq!(told_of(&simulation, 1), [expected]);
    }
    // Added while it runs.
    let late = simulation.monitor.add_pressure_rule(rule(Resource::Cpu, 0.5, 2.0));
    kernel.stall(30);
    assert_eq!(told_of(&simulation, 1), [format!("pressure {late}: cpu some unknown of the container, kernel")]);
    assert!(simulation.monitor.remove_pressure_rule(3));
    assert!(!simulation.monitor.remove_pressure_rule(3));
    wait_until("the removed one is closed", || !kernel.held()[3]);
    simulation.monitor.request_stop();
    assert!(simulation.monitor.wait_stopped(PATIENCE), "both threads");
    assert!(kernel.held().iter().all(|held| !held), "the kernel has forgotten all of them");
    assert!(triggers(&simulation).iter().all(|health| health.mode == PressureMode::Unavailable));
    assert_eq!(triggers(&simulation)[0].reason.as_deref(), Some("the monitor does not run"));
    // Anew, with the numbers that they had.
    simulation.start_again();
    kernel.stall(31 + 28 - 1);
    assert_eq!(told_of(&simulation, 1), ["pressure 28: io some unknown of the container, kernel"]);
    assert_eq!(simulation.monitor.health().panics, 0);
}

#[test]
fn p20_a_window_that_the_kernel_makes_longer_is_said() {
    let kernel = Kernel { longer_us: Some(2_000_000), ..Kernel::default() };
    let (simulation, _kernel) = with_kernel(kernel);
    simulation.monitor.add_pressure_rule(rule(Resource::Memory, 0.15, 1.0));
    let simulation = simulation.start();
    let health = triggers(&simulation).remove(0);
    assert_eq!((health.mode, health.window_seconds), (PressureMode::Kernel, 2.0));
    assert_eq!(health.reason.as_deref(), Some("longer windows only"));
    assert!(simulation.told().is_empty(), "it is still the kernel that tells");
}

#[test]
fn p20_a_trigger_that_is_gone_is_said_once_and_samples_go_on() {
    let (simulation, kernel) = with_kernel(Kernel::default());
    simulation.monitor.add_pressure_rule(rule(Resource::Memory, 0.15, 2.0));
    let simulation = simulation.start();
    set_total(&simulation, PressureScope::Container, 0);
    let gone = kernel.opened.lock().unwrap().remove(0).0;
    gone.go();
    let reason = "the kernel has taken the trigger back: its cgroup was removed";
    let notice = "notice: on_pressure('memory', some=0.15, window=2) is served by samples and not by the kernel";
    assert_eq!(told_of(&simulation, 1), [format!("{notice}: {reason}")]);
    let health = triggers(&simulation).remove(0);
    assert_eq!((health.mode, health.reason.as_deref()), (PressureMode::Sampled, Some(reason)));
    simulation.ticks(3);
    set_total(&simulation, PressureScope::Container, 600_000);
    simulation.tick();
    assert_eq!(simulation.told(), ["pressure 0: memory some 0.30 of the container, sampled"]);
}

#[test]
fn p20_what_the_kernel_refuses_is_sampled_and_said_once() {
    let (simulation, _kernel) = with_kernel(Kernel::refusing(true));
    simulation.monitor.add_pressure_rule(rule(Resource::Memory, 0.15, 2.0));
    let mut total = 7_000_000;
    set_total(&simulation, PressureScope::Host, total);
    let simulation = simulation.start();
    let notice = "notice: on_pressure('memory', some=0.15, window=2) is served by samples and not by the kernel: \
                  Operation not permitted";
    assert_eq!(simulation.told(), [notice]);
    assert_eq!(triggers(&simulation)[0].mode, PressureMode::Sampled);
    let mut told = |tenths| tick_with(&simulation, &mut total, tenths);
    assert!(told(9).is_empty(), "no window yet");
    assert!(told(0).is_empty(), "no window yet");
    assert_eq!(told(0), [""; 0], "what was before the first sample is not known");
    assert_eq!(told(6), [SAMPLED]);
    // 0.6 s of 2 s again: it lasts, but the window in which it was told is not over.
    assert_eq!(told(0), [""; 0]);
    assert_eq!(told(6), [SAMPLED], "once a window");
    assert_eq!(told(0), [""; 0]);
    assert_eq!(told(0), [""; 0], "over");
    assert_eq!(told(6), [SAMPLED]);
    assert_eq!(triggers(&simulation)[0].mode, PressureMode::Sampled);
}

#[test]
fn p36_time_that_nobody_saw_is_no_pressure() {
    let (simulation, _kernel) = with_kernel(Kernel::refusing(true));
    simulation.monitor.add_pressure_rule(rule(Resource::Memory, 0.15, 1.0));
    let mut total = 0;
    set_total(&simulation, PressureScope::Host, total);
    let simulation = simulation.start();
    let mut told = |tenths| tick_with(&simulation, &mut total, tenths);
    told(0);
    assert_eq!(told(0), [""; 0]);
    simulation.hand.suspend(3_600.0);
    assert_eq!(told(9), [""; 0], "the sample after a gap");
    assert_eq!(told(3), [SAMPLED]);
}

#[test]
fn p20_where_there_is_no_pressure_at_all_that_is_said_and_nothing_else_happens() {
    let (simulation, _kernel) = with_kernel(Kernel::refusing(false));
    simulation.monitor.add_pressure_rule(rule(Resource::Memory, 0.15, 2.0));
    let simulation = simulation.start();
    simulation.ticks(3);
    let notice = "notice: on_pressure('memory', some=0.15, window=2) cannot be served: Operation not permitted";
    assert_eq!(simulation.told(), [notice]);
    assert_eq!(triggers(&simulation)[0].mode, PressureMode::Unavailable);
    // Somebody switches it on, and off again.
    set_total(&simulation, PressureScope::Host, 0);
    simulation.tick();
    assert_eq!(triggers(&simulation)[0].mode, PressureMode::Sampled);
    assert_eq!(simulation.told().len(), 1, "that it is served now");
    simulation.machine.change(|counters| counters.pressure = RawPressures::default());
    simulation.ticks(2);
    let health = triggers(&simulation).remove(0);
    assert_eq!(health.mode, PressureMode::Unavailable);
    assert!(health.reason.unwrap().starts_with("its file could not be read"));
    assert!(simulation.told().is_empty(), "each once");
}

#[test]
fn p20_a_source_without_a_kernel_is_sampled_of_the_own_cgroup_where_there_is_one() {
    for (container, scope) in [(false, PressureScope::Host), (true, PressureScope::Container)] {
        let simulation = Simulation::new();
        simulation.monitor.add_pressure_rule(rule(Resource::Memory, 0.15, 1.0));
        let set = |total_us| {
            set_total(&simulation, PressureScope::Host, total_us);
            if container {
                set_total(&simulation, PressureScope::Container, total_us);
            }
        };
        set(0);
        simulation.start_again();
        simulation.ticks(2);
        assert_eq!(simulation.told().len(), 1, "that samples serve it");
        set(500_000);
        simulation.tick();
        let expected = format!("pressure 0: memory some 0.50 of the {}, sampled", scope.name());
        assert_eq!(simulation.told(), [expected]);
    }
}

#[test]
fn p31_the_child_of_a_fork_has_the_rules_with_their_numbers_and_triggers_of_its_own() {
    let (simulation, kernel) = with_kernel(Kernel::default());
    simulation.monitor.add_pressure_rule(rule(Resource::Io, 0.5, 2.0));
    let second = simulation.monitor.add_pressure_rule(rule(Resource::Cpu, 0.5, 2.0));
    simulation.monitor.remove_pressure_rule(0);
    simulation.start_again();
    // A fork copies no threads; here they must be ended by hand.
    simulation.monitor.request_stop();
    assert!(simulation.monitor.wait_stopped(PATIENCE));
    simulation.monitor.after_fork_in_child();
    assert_eq!(triggers(&simulation).len(), 1);
    assert_eq!(simulation.monitor.add_pressure_rule(rule(Resource::Cpu, 0.5, 2.0)), second);
    assert_eq!(simulation.monitor.add_pressure_rule(rule(Resource::Io, 0.25, 2.0)), 2, "no number twice");
    simulation.start_again();
    kernel.stall(1);
    assert_eq!(told_of(&simulation, 1), [format!("pressure {second}: cpu some unknown of the container, kernel")]);
}

#[test]
fn a_pressure_rule_that_cannot_be_is_refused_by_name() {
    let refused = |resource: &str, some, full, window| {
        PressureRule::from_arguments(resource, some, full, window).expect_err("no rule").to_string()
    };
    let resource = "resource must be 'cpu', 'memory', 'io' or 'irq', got \"disk\"";
    assert_eq!(refused("disk", Some(0.5), None, 2.0), resource);
    let neither = "exactly one of some and full must be given, got neither";
    assert_eq!(refused("cpu", None, None, 2.0), neither);
    assert_eq!(refused("cpu", Some(0.5), Some(0.5), 2.0), neither.replace("neither", "both"));
    for (share, shown) in [(0.0, "0"), (-0.1, "-0.1"), (1.001, "1.001"), (15.0, "15"), (f64::NAN, "NaN")] {
        let expected = format!("must be a share of the window above 0 and up to 1 (0.15 is 15 %), got {shown}");
        assert_eq!(refused("memory", Some(share), None, 2.0), format!("some {expected}"));
        assert_eq!(refused("memory", None, Some(share), 2.0), format!("full {expected}"));
    }
    for (window, shown) in [(0.499, "0.499"), (10.1, "10.1"), (f64::INFINITY, "inf"), (f64::NAN, "NaN")] {
        let expected = format!("window must be a number of seconds from 0.5 to 10, got {shown}");
        assert_eq!(refused("memory", Some(0.5), None, window), expected);
    }
    let irq = "the kernel counts no some of 'irq': give full instead";
    assert_eq!(refused("irq", Some(0.5), None, 2.0), irq);
    let taken = PressureRule::from_arguments("irq", None, Some(1.0), 0.5).expect("a rule");
    assert_eq!(taken.to_string(), "on_pressure('irq', full=1, window=0.5)");
    assert_eq!(
        PressureRule::from_arguments("io", Some(0.001), None, 10.0).expect("a rule").window_seconds(),
        10.0
    );
}
