//! A sample as one line of JSON: the fields of `SystemStats`, by their own names and in their own order.

use mtaio_monitoring::rates::{ContainerStats, CpuStats, IoStats, MemoryStats, SystemStats};
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

fields!(SystemStats: [timestamp] [cpu memory io] [elapsed_seconds sequence gap] [container]);
fields!(CpuStats: [
    usage_percent load_average thread_count user_percent nice_percent system_percent idle_percent iowait_percent
    irq_percent softirq_percent steal_percent guest_percent guest_nice_percent usage_with_steal_percent online_count
    process_cores_used system_thread_count running_thread_count host_usage_percent
] [] [] []);
fields!(MemoryStats: [
    total available used percent free buffers cached slab_reclaimable shmem swap_total swap_free swap_used
    host_total host_available host_used host_percent
] [] [] []);
fields!(IoStats: [
    read_bytes write_bytes read_count write_count read_bytes_per_second write_bytes_per_second read_count_per_second
    write_count_per_second read_latency_seconds write_latency_seconds
] [] [] []);
fields!(ContainerStats: [
    version cpu_limit_cores cpu_cores_used cpu_usage_percent cpu_throttled_periods_percent
    cpu_throttled_seconds_per_second memory_limit memory_high memory_usage memory_working_set memory_percent swap_usage
    oom_kills oom_kills_total memory_high_events memory_max_events pids pids_limit read_bytes write_bytes read_count
    write_count read_bytes_per_second write_bytes_per_second read_count_per_second write_count_per_second
] [] [] []);
