//! T7: what one default sample costs, beside a bare `pread` of the same files.
//!
//! Both keep their descriptors open and read into a buffer that is used again; the peer does nothing else. Their
//! batches alternate within one run, so that whatever else the machine does befalls both, and each reports the
//! median of its batches. Prints one line of JSON.

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("{{\"id\":\"T7-rust\",\"skipped\":\"there is no /proc here\"}}");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::File;
    use std::hint::black_box;
    use std::os::unix::fs::FileExt;

    use mtaio_monitoring::clock::Clock;
    use mtaio_monitoring::sampling::linux::LinuxSource;
    use mtaio_monitoring::sampling::linux::cgroup::{Controller, OwnCgroups, Version};
    use mtaio_monitoring::sampling::{RawSample, Source};

    const FILES: [&str; 7] = [
        "/proc/stat",
        "/proc/loadavg",
        "/proc/meminfo",
        "/proc/diskstats",
        "/proc/self/stat",
        "/proc/net/dev",
        "/proc/self/io",
    ];
    /// What a sample reads of the own control groups, where they are not the hierarchies' roots.
    const GROUP_FILES: [(Controller, Version, &str); 6] = [
        (Controller::Cpuacct, Version::V1, "cpuacct.usage"),
        (Controller::Cpuacct, Version::V2, "cpu.stat"),
        (Controller::Memory, Version::V1, "memory.usage_in_bytes"),
        (Controller::Memory, Version::V2, "memory.current"),
        (Controller::Memory, Version::V1, "memory.oom_control"),
        (Controller::Memory, Version::V2, "memory.events"),
    ];
    /// What not every kernel has.
    const OPTIONAL_FILES: [&str; 4] =
        ["/proc/pressure/cpu", "/proc/pressure/memory", "/proc/pressure/io", "/proc/pressure/irq"];
    const BATCHES: usize = 201;
    const PASSES_A_BATCH: u64 = 50;
    const TARGET: f64 = 1.25;

    pub(super) fn main() {
        let clock = Clock::system();
        let mut source = LinuxSource::new();
        let mut sample = RawSample::default();
        let mut files: Vec<File> =
            FILES.iter().map(|path| File::open(path).expect("a file of /proc opens")).collect();
        files.extend(group_files());
        let mut buffer = vec![0; 16 * 1024];
        let optional = OPTIONAL_FILES.iter().filter_map(|path| File::open(path).ok());
        files.extend(optional.filter(|file| file.read_at(&mut buffer, 0).is_ok()));

        let mut ours = || source.read(&clock, black_box(&mut sample));
        let mut peer = || {
            for file in &files {
                black_box(file.read_at(&mut buffer, 0).expect("a file of /proc is readable"));
            }
        };
        let mut ours_ns = Vec::with_capacity(BATCHES);
        let mut peer_ns = Vec::with_capacity(BATCHES);
        for _ in 0..BATCHES {
            ours_ns.push(batch(&clock, &mut ours));
            peer_ns.push(batch(&clock, &mut peer));
        }
        let (ours_ns, peer_ns) = (median(ours_ns), median(peer_ns));
        println!(
            "{{\"id\":\"T7-rust\",\"what\":\"one default sample\",\"ours_ns\":{ours_ns:.0},\
             \"peer\":\"pread of the same files\",\"peer_ns\":{peer_ns:.0},\
             \"ratio\":{:.3},\"target\":{TARGET}}}",
            ours_ns / peer_ns
        );
    }

    fn group_files() -> Vec<File> {
        let read = |path: &str| std::fs::read(path).unwrap_or_default();
        let own = OwnCgroups::resolve("/".as_ref(), &read("/proc/self/cgroup"), &read("/proc/self/mountinfo"));
        GROUP_FILES
            .iter()
            .filter_map(|(controller, version, name)| {
                let group = own.hierarchy(*controller).filter(|group| group.version == *version)?;
                let is_root = match version {
                    Version::V1 => group.directory().join("release_agent").exists(),
                    Version::V2 => !group.directory().join("cgroup.events").exists(),
                };
                if is_root { None } else { File::open(group.directory().join(name)).ok() }
            })
            .collect()
    }

    /// Nanoseconds a pass.
    fn batch(clock: &Clock, pass: &mut impl FnMut()) -> f64 {
        let begin_ns = clock.monotonic_ns();
        for _ in 0..PASSES_A_BATCH {
            pass();
        }
        (clock.monotonic_ns() - begin_ns) as f64 / PASSES_A_BATCH as f64
    }

    fn median(mut values: Vec<f64>) -> f64 {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }
}
