//! A sample as one line of JSON: the fields of `SystemStats`, by their own names and in their own order.

use mtaio_monitoring::rates::{
    ContainerStats, CoreStats, CpuStats, DiskStats, FilesystemStats, HostStats, InterfaceStats, IoStats,
    MemoryStats, MonitorStats, NetworkStats, Pressure, PressureStats, ProcessStats, SpaceStats, SystemStats,
    TreeStats,
};
use mtaio_monitoring::sampling::{DiskKind, InterfaceKind};
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// The sample in one line, without a line feed.
pub(super) fn sample_json(stats: &SystemStats) -> serde_json::Result<String> {
    serde_json::to_string(&Json(stats))
}

/// Statistics as JSON. The core knows no format, so the fields are told here.
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
    };
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
fields!(ContainerStats: [
    version cpu_limit_cores cpu_cores_used cpu_usage_percent cpu_throttled_periods_percent
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
