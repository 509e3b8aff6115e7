//! A sample as one line of JSON: the fields of `SystemStats`, by their own names and in their own order.

use mtaio_monitoring::rates::{
    CpuStats, IoStats, MemoryStats, MonitorStats, ProcessStats, SystemStats, TreeStats,
};
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// The sample in one line, without a line feed.
pub(super) fn sample_json(stats: &SystemStats) -> serde_json::Result<String> {
    serde_json::to_string(&Json(stats))
}

/// Statistics as JSON. The core knows no format, so the fields are told here.
struct Json<'a, T>(&'a T);

/// The pattern names every field, so that a new one that is not told here does not compile.
macro_rules! fields {
    ($statistics:ident: [$($first:ident)*] [$($nested:ident)*] [$($last:ident)*] [$($section:ident)*]) => {
        impl Serialize for Json<'_, $statistics> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $statistics { $($first,)* $($nested,)* $($last,)* $($section,)* } = self.0;
                let names: &[&str] = &[
                    $(stringify!($first),)* $(stringify!($nested),)* $(stringify!($last),)* $(stringify!($section),)*
                ];
                let mut object = serializer.serialize_struct(stringify!($statistics), names.len())?;
                $(object.serialize_field(stringify!($first), $first)?;)*
                $(object.serialize_field(stringify!($nested), &Json($nested))?;)*
                $(object.serialize_field(stringify!($last), $last)?;)*
                $(object.serialize_field(stringify!($section), &Json($section))?;)*
                object.end()
            }
        }
    };
}

fields!(SystemStats: [timestamp] [cpu memory io] [elapsed_seconds sequence gap] [process tree monitor]);
fields!(CpuStats: [
    usage_percent load_average thread_count user_percent nice_percent system_percent idle_percent iowait_percent
    irq_percent softirq_percent steal_percent guest_percent guest_nice_percent usage_with_steal_percent online_count
    process_cores_used system_thread_count running_thread_count
] [] [] []);
fields!(MemoryStats: [
    total available used percent free buffers cached slab_reclaimable shmem swap_total swap_free swap_used
] [] [] []);
fields!(IoStats: [
    read_bytes write_bytes read_count write_count read_bytes_per_second write_bytes_per_second read_count_per_second
    write_count_per_second read_latency_seconds write_latency_seconds
] [] [] []);
fields!(ProcessStats: [
    cpu_percent cpu_user_percent cpu_system_percent cpu_cores_used cpu_seconds cpu_user_seconds cpu_system_seconds
    rss_bytes vms_bytes shared_bytes pss_bytes threads open_descriptors descriptor_limit descriptor_percent
    voluntary_switches involuntary_switches voluntary_switches_per_second involuntary_switches_per_second
    minor_faults major_faults minor_faults_per_second major_faults_per_second read_bytes write_bytes read_characters
    write_characters read_bytes_per_second write_bytes_per_second read_characters_per_second
    write_characters_per_second start_time uptime_seconds
] [] [] []);
fields!(TreeStats: [
    processes threads cpu_cores_used cpu_seconds rss_bytes open_descriptors read_bytes write_bytes
    read_bytes_per_second write_bytes_per_second by_cgroup age_seconds
] [] [] []);
fields!(MonitorStats: [
    cpu_percent late_seconds missed_ticks failed_reads sample_seconds
] [] [] []);
