//! A sample as one line of JSON: the fields of `SystemStats`, by their own names and in their own order; and back.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::rates::{
    ContainerStats, CoreStats, CpuStats, DiskStats, FilesystemStats, HostStats, InterfaceStats, IoStats,
    MemoryStats, MonitorStats, NetworkStats, Pressure, PressureStats, ProcessStats, SpaceStats, SystemStats,
    TreeStats,
};
use crate::sampling::{DiskKind, InterfaceKind};
use serde_json::Value;

/// The sample in one line, without a line feed. What was not measured is null.
///
/// ```
/// use mtaio_monitoring::export::sample_json;
/// use mtaio_monitoring::rates::SystemStats;
///
/// let text = sample_json(&SystemStats { timestamp: 1.5, ..SystemStats::default() });
/// assert!(text.starts_with(r#"{"timestamp":1.5,"cpu":{"usage_percent":null,"#));
/// ```
#[must_use]
pub fn sample_json(stats: &SystemStats) -> String {
    // Strings, numbers and lists of them always have a JSON text.
    serde_json::to_string(&Json(stats)).unwrap_or_else(|_| "null".to_owned())
}

/// Samples that are taken out of one text: they are far larger than the shortest of their texts.
const MOST_SAMPLES: usize = 1_000;

/// Samples of a history, oldest first: what a server answers at `/api/v1/history`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SamplePage {
    /// Without lists of processors, disks, interfaces and file systems, which no history has.
    pub samples: Vec<SystemStats>,
    /// The time of the first sample that had no room in the answer.
    pub next_start: Option<f64>,
}

/// Reads `{"samples": [...], "next_start": ...}`, each sample as [`sample_json`] writes it. It is foreign text: what is
/// missing or is not what it should be was not measured, and what has no time is no sample. Of more than a thousand, which
/// no server sends, the first are taken. `None` where it is something else altogether.
///
/// ```
/// use mtaio_monitoring::export::samples_of_json;
///
/// let text = br#"{"samples": [{"timestamp": 1.5, "cpu": {"usage_percent": 7, "nice_percent": "much"}}, {}]}"#;
/// let page = samples_of_json(text).unwrap();
/// assert_eq!(page.samples.len(), 1);
/// assert_eq!((page.samples[0].cpu.usage_percent, page.samples[0].cpu.nice_percent), (Some(7.0), None));
/// ```
#[must_use]
pub fn samples_of_json(bytes: &[u8]) -> Option<SamplePage> {
    #[derive(Deserialize)]
    struct Page {
        samples: Vec<Value>,
        next_start: Option<f64>,
    }
    let Page { samples, next_start } = serde_json::from_slice(bytes).ok()?;
    let has_time = |sample: &&Value| sample.get("timestamp").is_some_and(Value::is_number);
    let samples = samples
        .iter()
        .filter(has_time)
        .take(MOST_SAMPLES)
        .map(|sample| SystemStats::of_json(Some(sample)))
        .collect();
    Some(SamplePage { samples, next_start })
}

/// What was written by [`sample_json`], as far as it is there.
trait OfJson {
    fn of_json(json: Option<&Value>) -> Self;
}

/// A field that is one number, word or pair of these.
fn plain<T: DeserializeOwned + Default>(json: Option<&Value>) -> T {
    json.and_then(|json| T::deserialize(json).ok()).unwrap_or_default()
}

/// Statistics as JSON. The statistics know no format, so the fields are told here.
struct Json<'a, T>(&'a T);

/// The pattern names every field, so that a new one that is not told here does not compile. Plain fields and nested
/// ones take turns.
macro_rules! fields {
    ($statistics:ident: $([$($plain:ident)*] [$($nested:ident)*])*) => {
        impl Serialize for Json<'_, $statistics> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $statistics { $($($plain,)* $($nested,)*)* } = self.0;
                let names: &[&str] = &[$($(stringify!($plain),)* $(stringify!($nested),)*)*];
                let mut object = serializer.serialize_struct(stringify!($statistics), names.len())?;
                $(
                    $(object.serialize_field(stringify!($plain), $plain)?;)*
                    $(object.serialize_field(stringify!($nested), &Json($nested))?;)*
                )*
                object.end()
            }
        }

        impl OfJson for $statistics {
            fn of_json(json: Option<&Value>) -> Self {
                let field = |name: &str| json.and_then(|json| json.get(name));
                Self {
                    $($($plain: plain(field(stringify!($plain))),)* $($nested: OfJson::of_json(field(stringify!($nested))),)*)*
                }
            }
        }
    };
}

impl<T> OfJson for Option<Vec<T>> {
    /// No sample of a history has one.
    fn of_json(_json: Option<&Value>) -> Self {
        None
    }
}

impl Serialize for Json<'_, Option<&'static str>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl OfJson for Option<&'static str> {
    /// A version of cgroups: there is no other such field.
    fn of_json(json: Option<&Value>) -> Self {
        let given = json.and_then(Value::as_str)?;
        ["v1", "v2", "hybrid"].into_iter().find(|version| *version == given)
    }
}

impl OfJson for DiskKind {
    fn of_json(_json: Option<&Value>) -> Self {
        Self::default()
    }
}

impl OfJson for InterfaceKind {
    fn of_json(_json: Option<&Value>) -> Self {
        Self::default()
    }
}

impl<T> Serialize for Json<'_, Option<Vec<T>>>
where
    for<'a> Json<'a, T>: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(list) => serializer.collect_seq(list.iter().map(Json)),
            None => serializer.serialize_none(),
        }
    }
}

impl Serialize for Json<'_, DiskKind> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

impl Serialize for Json<'_, InterfaceKind> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

fields!(SystemStats: [timestamp] [cpu memory io] [elapsed_seconds sequence gap] [
    network space filesystems host container process tree monitor pressure container_pressure
]);
fields!(PressureStats: [] [cpu memory io irq]);
fields!(Pressure: [some_percent full_percent some_avg10_percent full_avg10_percent] []);
fields!(CpuStats: [
    usage_percent load_average thread_count user_percent nice_percent system_percent idle_percent iowait_percent
    irq_percent softirq_percent steal_percent guest_percent guest_nice_percent usage_with_steal_percent online_count
    process_cores_used system_thread_count running_thread_count
] [cores] [host_usage_percent] []);
fields!(CoreStats: [
    number usage_percent user_percent nice_percent system_percent idle_percent iowait_percent irq_percent
    softirq_percent steal_percent guest_percent guest_nice_percent
] []);
fields!(MemoryStats: [
    total available used percent free buffers cached slab_reclaimable arc_shrinkable shmem swap_total swap_free swap_used
    host_total host_available host_used host_percent
] []);
fields!(IoStats: [
    read_bytes write_bytes read_count write_count read_bytes_per_second write_bytes_per_second read_count_per_second
    write_count_per_second read_latency_seconds write_latency_seconds utilisation_percent
] [devices]);
fields!(DiskStats: [name] [kind] [
    read_bytes write_bytes read_count write_count read_bytes_per_second write_bytes_per_second read_count_per_second
    write_count_per_second read_latency_seconds write_latency_seconds utilisation_percent queue_depth in_flight
    discard_count discard_bytes discard_count_per_second discard_bytes_per_second flush_count flush_count_per_second
    flush_latency_seconds
] []);
fields!(NetworkStats: [
    receive_bytes transmit_bytes receive_packets transmit_packets receive_errors transmit_errors receive_drops
    transmit_drops receive_bytes_per_second transmit_bytes_per_second receive_packets_per_second
    transmit_packets_per_second receive_errors_per_second transmit_errors_per_second receive_drops_per_second
    transmit_drops_per_second
] [interfaces]);
fields!(InterfaceStats: [name] [kind] [
    counted receive_bytes transmit_bytes receive_packets transmit_packets receive_errors transmit_errors receive_drops
    transmit_drops receive_bytes_per_second transmit_bytes_per_second receive_packets_per_second
    transmit_packets_per_second receive_errors_per_second transmit_errors_per_second receive_drops_per_second
    transmit_drops_per_second
] []);
fields!(SpaceStats: [
    usage_percent inodes_usage_percent root_total root_used root_available root_usage_percent
    root_inodes_usage_percent
] []);
fields!(FilesystemStats: [
    mount_point source kind read_only total free available used usage_percent inodes_total inodes_free
    inodes_usage_percent
] []);
fields!(HostStats: [
    uptime_seconds boot_time context_switches_per_second processes_created_per_second processes_blocked
    file_handles_used file_handles_max swap_in_bytes_per_second swap_out_bytes_per_second
] []);
fields!(ContainerStats: [] [version] [
    cpu_limit_cores cpu_cores_used cpu_usage_percent cpu_throttled_periods_percent
    cpu_throttled_seconds_per_second memory_limit memory_high memory_usage memory_working_set memory_percent swap_usage
    oom_kills oom_kills_total memory_high_events memory_max_events pids pids_limit read_bytes write_bytes read_count
    write_count read_bytes_per_second write_bytes_per_second read_count_per_second write_count_per_second
] []);
fields!(ProcessStats: [
    cpu_percent cpu_user_percent cpu_system_percent cpu_cores_used cpu_seconds cpu_user_seconds cpu_system_seconds
    rss_bytes vms_bytes shared_bytes pss_bytes threads open_descriptors descriptor_limit descriptor_percent
    voluntary_switches involuntary_switches voluntary_switches_per_second involuntary_switches_per_second
    minor_faults major_faults minor_faults_per_second major_faults_per_second read_bytes write_bytes read_characters
    write_characters read_bytes_per_second write_bytes_per_second read_characters_per_second
    write_characters_per_second start_time uptime_seconds
] []);
fields!(TreeStats: [
    processes threads cpu_cores_used cpu_seconds rss_bytes open_descriptors read_bytes write_bytes
    read_bytes_per_second write_bytes_per_second by_cgroup age_seconds
] []);
fields!(MonitorStats: [
    cpu_percent late_seconds missed_ticks failed_reads sample_seconds
] []);

#[cfg(test)]
mod tests {
    use super::{MOST_SAMPLES, sample_json, samples_of_json};
    use crate::rates::SystemStats;

    fn page(samples: &[String]) -> Vec<SystemStats> {
        let text = format!("{{\"samples\":[{}],\"next_start\":2.5}}", samples.join(","));
        let page = samples_of_json(text.as_bytes()).expect("a page");
        assert_eq!(page.next_start, Some(2.5));
        page.samples
    }

    /// A field of each type; that every one of a machine comes back, the command's tests hold against a server.
    #[test]
    fn what_was_written_is_read() {
        let mut stats = SystemStats { timestamp: 1.25, sequence: 7, gap: true, ..SystemStats::default() };
        stats.cpu.load_average = Some([0.1, 0.2, 0.3]);
        stats.cpu.thread_count = Some(3);
        stats.memory.total = Some(u64::MAX);
        stats.container.version = Some("v2");
        stats.pressure.io.full_percent = Some(1e-300);
        stats.tree.by_cgroup = Some(true);
        assert_eq!(
            page(&[sample_json(&stats), sample_json(&SystemStats::default())]),
            [stats, SystemStats::default()]
        );
    }

    #[test]
    fn what_is_something_else_is_not_measured() {
        let odd = r#"{"timestamp":1,"cpu":[],"memory":{"total":-1,"percent":"9"},"sequence":"x","gap":2}"#;
        assert_eq!(page(&[odd.to_owned()]), [SystemStats { timestamp: 1.0, ..SystemStats::default() }]);
        assert_eq!(page(&["7".to_owned(), "{}".to_owned(), r#"{"timestamp":null}"#.to_owned()]), []);
        assert_eq!(page(&vec![r#"{"timestamp":1}"#.to_owned(); MOST_SAMPLES + 1]).len(), MOST_SAMPLES);
        for wrong in ["", "[]", "{}", "{\"samples\":{}}", "<html>"] {
            assert_eq!(samples_of_json(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
