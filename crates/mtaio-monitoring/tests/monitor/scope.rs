//! `scope`: of what `cpu_usage` and `memory_usage` are shares, in readings, in the history and for thresholds.

use std::sync::Arc;

use mtaio_monitoring::alerts::{Rule, RuleOptions};
use mtaio_monitoring::monitor::{MonitorCore, Scope};
use mtaio_monitoring::rates::SystemStats;
use mtaio_monitoring::sampling::{CgroupVersion, RawContainer, RawContainerSeldom, RawQuota, Timed};

use super::Simulation;
use crate::machine::{GIB, Machine};

/// A group that may use half of a processor and 1 GiB, of which it uses the half.
fn container() -> RawContainer {
    RawContainer {
        cpu_usage_ns: Some(Timed { read_at_ns: 0, value: 0 }),
        memory_usage: Some(GIB / 2),
        seldom: RawContainerSeldom {
            cpu_quota: Some(RawQuota { quota_us: 50_000, period_us: 100_000 }),
            memory_limit: Some(GIB),
            inactive_file: Some(0),
            ..RawContainerSeldom::default()
        },
        version: Some(CgroupVersion::V2),
        ..RawContainer::default()
    }
}

fn simulation(scope: Scope) -> Simulation {
    let machine = Machine::new();
    machine.change(|counters| counters.container = Some(container()));
    let (config, hand) = machine.config();
    let monitor = Arc::new(MonitorCore::new(config.with_scope(scope)));
    Simulation { monitor, machine, hand, interval: 1.0 }.start()
}

/// A second in which the group works for 0.4 of one, and is about to be read at its end.
fn tick(simulation: &Simulation) {
    simulation.machine.change(|counters| {
        let usage = counters.container.as_mut().and_then(|container| container.cpu_usage_ns.as_mut()).unwrap();
        usage.value += 400_000_000;
        usage.read_at_ns += 1_000_000_000;
    });
    simulation.tick_at(20);
}

#[test]
fn p8_auto_follows_the_limits_in_readings_and_rows_alike() {
    for (scope, cpu, memory) in [(Scope::Auto, 80.0, 50.0), (Scope::Host, 20.0, 25.0)] {
        let simulation = simulation(scope);
        tick(&simulation);
        let shares = |stats: &SystemStats| (stats.cpu.usage_percent, stats.memory.percent);
        let rows = simulation.monitor.history(None, None).unwrap();
        assert_eq!(rows.iter().map(shares).collect::<Vec<_>>(), [(Some(cpu), Some(memory))], "{scope:?}");
        simulation.hand.advance(0.2);
        let asked = simulation.monitor.current_stats().unwrap().unwrap();
        assert_eq!(asked.memory.percent, Some(memory));
        assert_eq!((rows[0].cpu.host_usage_percent, rows[0].memory.host_percent), (Some(20.0), Some(25.0)));
        assert_eq!(
            asked.container.cpu_limit_cores,
            Some(0.5),
            "{scope:?}: the container's own numbers stand anyway"
        );
    }
}

#[test]
fn p16_a_kill_sets_off_an_alert_once() {
    let simulation = simulation(Scope::Auto);
    simulation.rule("container_oom_kills", 0.0, RuleOptions::default());
    let kills = |count| {
        simulation.machine.change(|counters| {
            counters.container.as_mut().unwrap().memory_events.oom_kills = Some(count);
        });
        tick(&simulation);
        simulation.told()
    };
    assert!(kills(3).is_empty(), "those before the monitor began are nobody's news");
    assert!(kills(3).is_empty());
    let told = kills(4);
    assert!(told.len() == 1 && told[0].starts_with("exceeded: container_oom_kills 1"), "{told:?}");
    let told = kills(4);
    assert!(told.len() == 1 && told[0].starts_with("cleared: container_oom_kills 0"), "{told:?}");
}

#[test]
fn a_threshold_on_cpu_usage_is_of_the_limit() {
    let simulation = simulation(Scope::Auto);
    simulation.monitor.set_rule(Rule::new("cpu_usage", 70.0, RuleOptions::default()).unwrap());
    tick(&simulation);
    let told = simulation.told();
    assert_eq!(told, ["exceeded: cpu_usage 80 % is above its threshold of 70 %"]);
}
