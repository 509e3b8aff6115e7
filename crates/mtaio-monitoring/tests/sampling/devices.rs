//! Interfaces, mounts and machines as recorded.

use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::sampling::linux::{LinuxSource, host};
use mtaio_monitoring::sampling::{RawActivity, RawSample, Section, Source};

use super::recorded::check;

#[test]
fn a_modern_machine_has_its_card_and_its_activity() {
    check(
        "linux-6.18",
        Section::Network,
        "lo Loopback 1 in 1035050616 bytes 4312016 packets 0 errors 0 drops, out 1035050616 bytes 4312016 packets 0 errors 0 drops
         eth0 Physical 4 in 2669840502 bytes 75630 packets 0 errors 0 drops, out 4547015 bytes 45352 packets 0 errors 0 drops",
    );
}

#[test]
fn cards_bonds_bridges_and_tunnels_are_told_apart() {
    // The first card's counter leaves no blank after the colon (P39).
    check(
        "bridged-bond",
        Section::Network,
        "lo Loopback 1 in 1000 bytes 10 packets 0 errors 0 drops, out 1000 bytes 10 packets 0 errors 0 drops
         eno1 Physical 2 in 18446744073709 bytes 500 packets 1 errors 2 drops, out 7000 bytes 70 packets 3 errors 4 drops
         eno2 Physical 3 in 9000 bytes 90 packets 0 errors 0 drops, out 6000 bytes 60 packets 0 errors 0 drops
         bond0 Stacked 4 in 18446744082709 bytes 590 packets 0 errors 0 drops, out 13000 bytes 130 packets 0 errors 0 drops
         bond0.100 Stacked 5 in 18446744082000 bytes 580 packets 0 errors 0 drops, out 12900 bytes 129 packets 0 errors 0 drops
         br0 Stacked 6 in 18446744080000 bytes 570 packets 0 errors 0 drops, out 12000 bytes 120 packets 0 errors 0 drops
         veth1a2b Member 8 in 300 bytes 3 packets 0 errors 0 drops, out 400 bytes 4 packets 0 errors 0 drops
         tun0 Stacked 9 in 100 bytes 1 packets 0 errors 0 drops, out 200 bytes 2 packets 0 errors 0 drops
         wg0 Stacked 10 in 110 bytes 1 packets 0 errors 0 drops, out 210 bytes 2 packets 0 errors 0 drops
         vxlan7 Stacked 11 in 120 bytes 1 packets 0 errors 0 drops, out 220 bytes 2 packets 0 errors 0 drops
         ifb0 Stacked 12 in 9000 bytes 90 packets 0 errors 0 drops, out 9000 bytes 90 packets 0 errors 0 drops
         dummy0 Stacked 13 in 0 bytes 0 packets 0 errors 0 drops, out 55 bytes 5 packets 0 errors 0 drops
         sit0 Stacked 14 in 0 bytes 0 packets 0 errors 0 drops, out 0 bytes 0 packets 0 errors 0 drops",
    );
}

/// Names and kinds alone.
#[track_caller]
fn check_kinds(recording: &str, expected: &str) {
    let mut sample = RawSample::default();
    LinuxSource::with_root(super::recorded::root(recording)).read(&Clock::manual().0, &mut sample);
    let interfaces = sample.network.unwrap().value.interfaces;
    let kinds: Vec<_> = interfaces.iter().map(|one| format!("{} {}", one.name, one.kind.name())).collect();
    assert_eq!(kinds.join(", "), expected, "{recording}");
}

#[test]
fn in_a_container_its_end_of_the_pair_is_what_counts() {
    check_kinds("container-devices", "lo loopback, eth0 virtual, docker0 stacked, veth77 member");
}

#[test]
fn two_cards_that_count_the_same_packets_count_once() {
    check_kinds("doubled-cards", "lo loopback, eth0 physical, enP1 member, lan1 stacked");
}

#[test]
fn without_sys_the_names_decide() {
    check_kinds(
        "names-only-network",
        "lo loopback, eth0 virtual, eth0.7 stacked, br-0a1b stacked, vethab member, wg0 stacked, ifb0 stacked",
    );
    check_kinds("gvisor-devices", "lo loopback, eth0 virtual");
}

#[test]
fn p35_file_systems_are_each_listed_once_and_no_server_is_asked() {
    check(
        "bridged-bond",
        Section::Filesystems,
        "/ ext4 /dev/mapper/vg-root writable
         /dev devtmpfs udev writable
         /run tmpfs tmpfs writable
         /home xfs /dev/mapper/vg-home writable
         /snap/core 18 squashfs /dev/loop1 read-only
         /boot vfat /dev/sdb1 read-only",
    );
    check(
        "container-devices",
        Section::Filesystems,
        "/ overlay overlay writable
         /dev tmpfs tmpfs writable
         /dev/shm tmpfs shm writable
         /etc/hosts ext4 /dev/vda1 writable",
    );
    // Where the root is served there is no way around the server.
    check("gvisor-devices", Section::Filesystems, "/ 9p none writable\n/dev devtmpfs none writable");
    check("garbage", Section::Filesystems, "none");
}

#[test]
fn the_machine_as_a_whole_is_read_from_the_end_of_its_file() {
    let in_bytes = 12 * rustix::param::page_size();
    let out_bytes = 345 * rustix::param::page_size();
    check(
        "linux-6.18",
        Section::Host,
        &format!(
            "182812 switches, 3070 created, 0 blocked, booted at 1795361496
             1056 of - handles
             {in_bytes} bytes in, {out_bytes} out"
        ),
    );
    check(
        "garbage",
        Section::Host,
        "- switches, - created, - blocked, booted at -
         - handles
         - bytes in, - out",
    );
    check("garbage", Section::Network, "none");
}

fn activity(text: &str) -> RawActivity {
    let mut activity = RawActivity::default();
    host::parse_activity(text.as_bytes(), &mut activity);
    activity
}

#[test]
fn p39_a_count_below_zero_is_no_count() {
    let of = |blocked: &str| activity(&format!("intr 9\nctxt 5\nprocs_blocked {blocked}\n")).processes_blocked;
    assert_eq!(of("3"), Some(3));
    assert_eq!(of("18446744073709551615"), None);
    assert_eq!(of("18446744073709551616"), None);
    assert_eq!(of("-1"), None);
}

#[test]
fn p39_a_huge_line_of_interrupts_is_not_walked_through() {
    let interrupts = " 0".repeat(100_000);
    let text = format!("cpu  1 2 3 4\nintr 7{interrupts}\nctxt 11\nbtime 22\nprocesses 33\nsoftirq 1 2 3\n");
    let found = activity(&text);
    let expected = RawActivity {
        context_switches: Some(11),
        boot_seconds: Some(22),
        processes_created: Some(33),
        processes_blocked: None,
    };
    assert_eq!(found, expected);
    assert_eq!(
        activity("ctxt 9\nintr 1\nbtime 2\n").context_switches,
        None,
        "what stands before is not looked for"
    );
    assert_eq!(activity("ctxt 9\nbtime 2").boot_seconds, None, "the line is cut");
}

#[test]
fn p38_a_long_list_of_interfaces_is_read_whole() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("proc/net")).unwrap();
    for count in [1, 20, 30, 31, 32, 60, 400] {
        let line =
            |number: u32| format!("veth{number:010}: {number} 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16{:>40}\n", "");
        let lines: String = (0..count).map(line).collect();
        std::fs::write(root.path().join("proc/net/dev"), lines).unwrap();
        let mut sample = RawSample::default();
        LinuxSource::with_root(root.path()).read(&Clock::manual().0, &mut sample);
        assert_eq!(sample.network.unwrap().value.interfaces.len() as u32, count);
    }
}
