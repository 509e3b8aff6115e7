//! What went over the network: totals without double counting, and counters that do not only grow.

use mtaio_monitoring::rates::{Details, InterfaceStats, NetworkStats};
use mtaio_monitoring::sampling::InterfaceKind::{self, Loopback, Member, Physical, Stacked, Virtual};
use mtaio_monitoring::sampling::{RawInterface, RawNetwork, RawSample, RawTraffic};

use super::{at, stats, timed};

/// An interface on which every counter of both directions stands at `count`.
fn interface(name: &str, kind: InterfaceKind, count: u64) -> RawInterface {
    let traffic = RawTraffic { bytes: count, packets: count, errors: count, drops: Some(count) };
    RawInterface { name: name.into(), index: None, kind, received: traffic, transmitted: traffic }
}

fn with_network(mut raw: RawSample, interfaces: Vec<RawInterface>) -> RawSample {
    raw.network = timed(&raw, RawNetwork { interfaces });
    raw
}

fn each(before: &RawSample, now: &RawSample) -> Vec<InterfaceStats> {
    Details::between(Some(before), now).interfaces.unwrap()
}

/// The interfaces that count, by the bytes of the total: each is given another power of ten.
#[track_caller]
fn check(kinds: &[InterfaceKind], expected: u64) {
    let interfaces = |grown: u64| {
        let one = |(index, kind): (usize, &InterfaceKind)| {
            interface(&format!("if{index}"), *kind, (1 + grown) * 10_u64.pow(index as u32))
        };
        kinds.iter().enumerate().map(one).collect::<Vec<_>>()
    };
    let found = stats(&with_network(at(10), interfaces(0)), &with_network(at(11), interfaces(1))).network;
    assert_eq!(found.receive_bytes, Some(2 * expected), "{kinds:?}");
    assert_eq!(found.transmit_packets_per_second, Some(expected as f64), "{kinds:?}");
}

#[test]
fn the_total_counts_no_packet_twice() {
    check(&[Loopback, Physical, Physical], 110);
    check(&[Loopback, Physical, Stacked, Stacked, Member, Virtual], 10);
    // A container: its end of a veth pair, and a bridge of its own with containers of its own.
    check(&[Loopback, Virtual, Stacked, Member], 10);
    // Nothing but a bridge and what is plugged into it.
    check(&[Loopback, Member, Stacked], 10);
    check(&[Loopback, Stacked], 10);
    check(&[Loopback], 0);
}

#[test]
fn rates_are_each_directions_own() {
    let before = with_network(at(10), vec![interface("eth0", Physical, 0)]);
    let mut eth0 = interface("eth0", Physical, 0);
    eth0.received = RawTraffic { bytes: 3_000, packets: 20, errors: 2, drops: Some(6) };
    eth0.transmitted = RawTraffic { bytes: 1_000, packets: 10, errors: 1, drops: Some(4) };
    let now = with_network(at(12), vec![eth0]);
    let expected = NetworkStats {
        receive_bytes: Some(3_000),
        transmit_bytes: Some(1_000),
        receive_packets: Some(20),
        transmit_packets: Some(10),
        receive_errors: Some(2),
        transmit_errors: Some(1),
        receive_drops: Some(6),
        transmit_drops: Some(4),
        receive_bytes_per_second: Some(1_500.0),
        transmit_bytes_per_second: Some(500.0),
        receive_packets_per_second: Some(10.0),
        transmit_packets_per_second: Some(5.0),
        receive_errors_per_second: Some(1.0),
        transmit_errors_per_second: Some(0.5),
        receive_drops_per_second: Some(3.0),
        transmit_drops_per_second: Some(2.0),
        interfaces: None,
    };
    assert_eq!(stats(&before, &now).network, expected);
    let found = &each(&before, &now)[0];
    assert!(found.counted);
    assert_eq!(found.receive_bytes_per_second, Some(1_500.0));
    assert_eq!(found.transmit_drops_per_second, Some(2.0));
}

#[test]
fn p36_rates_are_over_the_time_between_the_networks_own_readings() {
    let before = with_network(at(10), vec![interface("eth0", Physical, 0)]);
    let mut now = with_network(at(11), vec![interface("eth0", Physical, 30)]);
    now.network.as_mut().unwrap().read_at_ns += 500_000_000;
    assert_eq!(stats(&before, &now).network.receive_bytes_per_second, Some(20.0));
    assert_eq!(each(&before, &now)[0].receive_bytes_per_second, Some(20.0));
}

#[test]
fn p27_p28_interfaces_that_come_and_go_count_in_no_rate() {
    let before = with_network(at(10), vec![interface("eth0", Physical, 100), interface("eth1", Physical, 9_000)]);
    let now = with_network(at(11), vec![interface("eth0", Physical, 107), interface("eth2", Physical, 5_000)]);
    assert_eq!(stats(&before, &now).network.receive_bytes_per_second, Some(7.0));
    let rates: Vec<_> =
        each(&before, &now).into_iter().map(|one| (one.name, one.receive_bytes_per_second)).collect();
    assert_eq!(rates, [("eth0".to_owned(), Some(7.0)), ("eth2".to_owned(), None)]);
    // Renamed: nobody knows that it is the same.
    let renamed = with_network(at(12), vec![interface("lan0", Physical, 120)]);
    assert_eq!(stats(&now, &renamed).network.receive_bytes_per_second, None, "not 0: nothing was measured");
    assert_eq!(stats(&now, &renamed).network.receive_bytes, Some(120));
}

#[test]
fn an_interface_that_took_the_name_of_another_is_not_the_same() {
    let with_index = |index, count| RawInterface { index: Some(index), ..interface("eth0", Physical, count) };
    let before = with_network(at(10), vec![with_index(2, 100)]);
    let same = with_network(at(11), vec![with_index(2, 150)]);
    let other = with_network(at(11), vec![with_index(7, 150)]);
    assert_eq!(stats(&before, &same).network.receive_bytes_per_second, Some(50.0));
    assert_eq!(stats(&before, &other).network.receive_bytes_per_second, None);
}

#[test]
fn p39_counters_that_go_back_give_no_rate() {
    let before = with_network(at(10), vec![interface("eth0", Physical, 5_000)]);
    let now = with_network(at(11), vec![interface("eth0", Physical, 30)]);
    let total = stats(&before, &now).network;
    assert_eq!((total.receive_bytes, total.receive_bytes_per_second), (Some(30), None));
    let one = &each(&before, &now)[0];
    assert_eq!((one.receive_bytes_per_second, one.transmit_errors_per_second), (None, None));
    // One that goes back alone leaves the rest.
    let mut odd = interface("eth0", Physical, 5_010);
    odd.received.drops = Some(3);
    let now = with_network(at(11), vec![odd]);
    let total = stats(&before, &now).network;
    assert_eq!((total.receive_drops_per_second, total.transmit_drops_per_second), (None, Some(10.0)));
    assert_eq!(total.receive_bytes_per_second, Some(10.0));
}

#[test]
fn p25_bytes_of_a_32_bit_driver_wrap_and_those_of_a_new_interface_do_not() {
    const RANGE: u64 = 1 << 32;
    let with_traffic = |raw, bytes, packets| {
        let mut eth0 = interface("eth0", Physical, 0);
        eth0.received = RawTraffic { bytes, packets, ..eth0.received };
        with_network(raw, vec![eth0])
    };
    let before = with_traffic(at(10), RANGE - 1_000, 70);
    let rate =
        |bytes, packets| stats(&before, &with_traffic(at(11), bytes, packets)).network.receive_bytes_per_second;
    assert_eq!(rate(500, 80), Some(1_500.0), "the packets go on");
    assert_eq!(rate(500, 4), None, "the packets began anew, so it is another interface");
    assert_eq!(rate(RANGE / 2, 80), None, "too far for one step");
}

#[test]
fn p42_what_the_system_does_not_count_is_unknown_in_the_total_too() {
    let mut eth1 = interface("eth1", Physical, 5);
    eth1.received.drops = None;
    let now = with_network(at(11), vec![interface("eth0", Physical, 5), eth1]);
    let total = stats(&at(10), &now).network;
    assert_eq!((total.receive_drops, total.transmit_drops), (None, Some(10)));
}
