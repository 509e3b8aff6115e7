//! A sample as one line of JSON: the fields of `SystemStats`, by their own names.

use mtaio_monitoring::rates::{CpuStats, IoStats, MemoryStats, Pressure, PressureStats, SystemStats};
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// The sample in one line, without a line feed.
pub(super) fn sample_json(stats: &SystemStats) -> serde_json::Result<String> {
    serde_json::to_string(&Json(stats))
}

/// Statistics as JSON. The core knows no format, so the fields are told here.
struct Json<'a, T>(&'a T);

/// The pattern names every field, so that a new one that is not told here does not compile.
macro_rules! fields {
    ($statistics:ident: [$($first:ident)*] [$($nested:ident)*] [$($last:ident)*]) => {
        impl Serialize for Json<'_, $statistics> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $statistics { $($first,)* $($nested,)* $($last,)* } = self.0;
                let names: &[&str] = &[$(stringify!($first),)* $(stringify!($nested),)* $(stringify!($last),)*];
                let mut object = serializer.serialize_struct(stringify!($statistics), names.len())?;
                $(object.serialize_field(stringify!($first), $first)?;)*
                $(object.serialize_field(stringify!($nested), &Json($nested))?;)*
                $(object.serialize_field(stringify!($last), $last)?;)*
                object.end()
            }
        }
    };
}

fields!(SystemStats: [timestamp] [cpu memory io pressure container_pressure] [elapsed_seconds sequence gap]);
fields!(PressureStats: [] [cpu memory io irq] []);
fields!(Pressure: [some_percent full_percent some_avg10_percent full_avg10_percent] [] []);
fields!(CpuStats: [
    usage_percent load_average thread_count user_percent nice_percent system_percent idle_percent iowait_percent
    irq_percent softirq_percent steal_percent guest_percent guest_nice_percent usage_with_steal_percent online_count
    process_cores_used system_thread_count running_thread_count
] [] []);
fields!(MemoryStats: [
    total available used percent free buffers cached slab_reclaimable shmem swap_total swap_free swap_used
] [] []);
fields!(IoStats: [
    read_bytes write_bytes read_count write_count read_bytes_per_second write_bytes_per_second read_count_per_second
    write_count_per_second read_latency_seconds write_latency_seconds
] [] []);
