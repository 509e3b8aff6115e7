//! Which block devices of recorded machines are disks, and which are parts of disks or made of them.

use mtaio_monitoring::sampling::Section;

use super::recorded::check;

#[test]
fn p24_short_lines_are_partitions_whose_times_are_unknown() {
    check(
        "linux-2.6",
        Section::Disks,
        "hda Whole 446216 reads 9550688 sectors 4382310 ms, 424847 writes 5922052 sectors 19310380 ms
         hda1 Partition 35486 reads 38030 sectors - ms, 38030 writes 38030 sectors - ms
         hda2 Partition 410692 reads 9512658 sectors - ms, 740252 writes 5922018 sectors - ms",
    );
}

#[test]
fn p22_partitions_are_not_counted_beside_their_disk() {
    check(
        "nvme",
        Section::Disks,
        "nvme0n1 Whole 93309610 reads 23882648030 sectors 11355661 ms, 95197224 writes 24366029343 sectors 1398530277 ms
         nvme0n1p1 Partition 312 reads 7294 sectors 32 ms, 1 writes 1 sectors 0 ms
         nvme0n1p2 Partition 93309298 reads 23882640736 sectors 11355629 ms, 95197223 writes 24366029342 sectors 1398530277 ms",
    );
}

#[test]
fn p23_stacked_devices_are_counted_once() {
    check(
        "stacked-disks",
        Section::Disks,
        "sda Whole 1100 reads 8800 sectors 300 ms, 2100 writes 16800 sectors 700 ms
         sda1 Partition 100 reads 800 sectors 20 ms, 100 writes 800 sectors 30 ms
         sda2 Partition 1000 reads 8000 sectors 280 ms, 2000 writes 16000 sectors 670 ms
         sdb Whole 1000 reads 8000 sectors 310 ms, 2000 writes 16000 sectors 690 ms
         sdb1 Partition 1000 reads 8000 sectors 310 ms, 2000 writes 16000 sectors 690 ms
         sr0 Whole 3 reads 24 sectors 1 ms, 0 writes 0 sectors 0 ms
         md127 Stacked 2000 reads 16000 sectors 600 ms, 2000 writes 16000 sectors 1400 ms
         dm-0 Stacked 2000 reads 16000 sectors 610 ms, 2000 writes 16000 sectors 1410 ms
         dm-1 Stacked 1500 reads 12000 sectors 400 ms, 1000 writes 8000 sectors 800 ms
         dm-2 Stacked 500 reads 4000 sectors 210 ms, 1000 writes 8000 sectors 610 ms",
    );
}

#[test]
fn p23_unusual_names_are_known_for_what_they_are() {
    check(
        "odd-disks",
        Section::Disks,
        "cciss/c0d0 Whole 500 reads 4000 sectors 10 ms, 600 writes 4800 sectors 20 ms
         cciss/c0d0p1 Partition 500 reads 4000 sectors 10 ms, 600 writes 4800 sectors 20 ms
         sda Whole 70 reads 560 sectors 7 ms, 80 writes 640 sectors 8 ms
         cas1-1 Stacked 70 reads 560 sectors 7 ms, 80 writes 640 sectors 8 ms
         cas1-1p1 Partition 70 reads 560 sectors 7 ms, 80 writes 640 sectors 8 ms
         bcache0 Stacked 30 reads 240 sectors 3 ms, 40 writes 320 sectors 4 ms
         zd0 Stacked 20 reads 160 sectors 2 ms, 30 writes 240 sectors 3 ms
         ram0 Virtual 1 reads 8 sectors 1 ms, 1 writes 8 sectors 1 ms
         loop9p1 Virtual 1 reads 8 sectors 1 ms, 1 writes 8 sectors 1 ms
         mmcblk0 Whole 9 reads 72 sectors 1 ms, 9 writes 72 sectors 1 ms
         mmcblk0boot0 Whole 5 reads 40 sectors 1 ms, 5 writes 40 sectors 1 ms",
    );
}

#[test]
fn p23_without_sys_the_names_decide() {
    check(
        "nvme-without-sys",
        Section::Disks,
        "nvme0n1 Whole 400 reads 3200 sectors 4 ms, 500 writes 4000 sectors 5 ms
         nvme0n1p1 Partition 400 reads 3200 sectors 4 ms, 500 writes 4000 sectors 5 ms
         sda Whole 7 reads 56 sectors 1 ms, 8 writes 64 sectors 1 ms
         sda1 Partition 7 reads 56 sectors 1 ms, 8 writes 64 sectors 1 ms
         xvda1 Whole 9 reads 72 sectors 1 ms, 9 writes 72 sectors 1 ms
         md0 Stacked 5 reads 40 sectors 1 ms, 5 writes 40 sectors 1 ms
         dm-0 Stacked 5 reads 40 sectors 1 ms, 5 writes 40 sectors 1 ms
         nbd0 Whole 1 reads 8 sectors 1 ms, 1 writes 8 sectors 1 ms",
    );
}

#[test]
fn p23_paths_to_a_disk_count_while_the_disk_does_not() {
    check(
        "nvme-multipath-5.15",
        Section::Disks,
        "nvme0c0n1 Whole 34706049 reads 4815165730 sectors 93876201 ms, 4187610 writes 6989322264 sectors 47813633 ms
         nvme0c1n1 Whole 100 reads 800 sectors 10 ms, 200 writes 1600 sectors 20 ms
         nvme0n1 Whole 0 reads 0 sectors 0 ms, 0 writes 0 sectors 0 ms",
    );
    check(
        "nvme-multipath-6.8",
        Section::Disks,
        "nvme0c0n1 Partition 300 reads 2400 sectors 30 ms, 400 writes 3200 sectors 40 ms
         nvme0c1n1 Partition 100 reads 800 sectors 10 ms, 200 writes 1600 sectors 20 ms
         nvme0n1 Whole 400 reads 3200 sectors 40 ms, 600 writes 4800 sectors 60 ms",
    );
}
