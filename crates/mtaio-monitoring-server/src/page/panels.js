// Which metric is drawn where. A panel whose metrics are not measured here is not shown.

const lines = (...pairs) => pairs.map(([name, label]) => ({ name, label }));

export const PANELS = [
  { id: 'cpu', title: 'Processor', hint: 'Of what this process may use', unit: '%', top: 100, lines: lines(['cpu_usage', 'in use'], ['host_cpu_iowait_percent', 'waits for disks'], ['host_cpu_steal_percent', 'stolen']) },
  { id: 'memory', title: 'Memory', hint: 'Of what this process may use', unit: '%', top: 100, lines: lines(['memory_usage', 'in use']) },
  { id: 'container-cpu', title: 'Container: processor', hint: 'Of its limit; throttled is the share of periods in which the quota ran out', unit: '%', top: 100, lines: lines(['container_cpu_usage_percent', 'in use'], ['container_cpu_throttled_periods_percent', 'throttled']) },
  { id: 'container-memory', title: 'Container: memory', hint: 'Working set of its limit', unit: '%', top: 100, lines: lines(['container_memory_usage_percent', 'in use']) },
  { id: 'process-cpu', title: 'This process: processor', hint: 'Of one processor; threads may use more', unit: '%', top: 10, lines: lines(['process_cpu_percent', 'all'], ['process_cpu_system_percent', 'in the kernel']) },
  { id: 'process-memory', title: 'This process: memory', hint: 'Resident, and its share of what it shares', unit: 'By', lines: lines(['process_resident_memory_bytes', 'resident'], ['process_proportional_memory_bytes', 'proportional']) },
  { id: 'pressure', title: 'Pressure', hint: 'Share of time in which at least one task waited', unit: '%', top: 5, lines: lines(['host_pressure_cpu_some_percent', 'processor'], ['host_pressure_memory_some_percent', 'memory'], ['host_pressure_io_some_percent', 'disks']) },
  { id: 'container-pressure', title: 'Container: pressure', hint: 'Share of time in which at least one of its tasks waited', unit: '%', top: 5, lines: lines(['container_pressure_cpu_some_percent', 'processor'], ['container_pressure_memory_some_percent', 'memory'], ['container_pressure_io_some_percent', 'disks']) },
  { id: 'load', title: 'Load', hint: 'Tasks that run or wait, over 1, 5 and 15 minutes', unit: '', top: 1, lines: lines(['host_load_1m', '1 min'], ['host_load_5m', '5 min'], ['host_load_15m', '15 min']) },
  { id: 'disks', title: 'Disks', hint: 'Whole physical disks', unit: 'By/s', top: 1024, lines: lines(['host_disk_read_bytes_per_second', 'read'], ['host_disk_write_bytes_per_second', 'written']) },
  { id: 'network', title: 'Network', hint: 'In the network namespace of this process', unit: 'By/s', top: 1024, lines: lines(['network_receive_bytes_per_second', 'received'], ['network_transmit_bytes_per_second', 'sent']) },
  { id: 'descriptors', title: 'Open descriptors', hint: 'Of this process, and of those below it', unit: '', top: 16, lines: lines(['process_open_fds', 'this process'], ['tree_open_fds', 'with its children']) },
];

/** The numbers on top: `[metric, words, unit]`. */
export const TILES = [
  ['cpu_usage', 'processor', '%'],
  ['memory_usage', 'memory', '%'],
  ['host_load_1m', 'load', ''],
  ['process_cpu_percent', 'this process', '%'],
  ['process_resident_memory_bytes', 'its memory', 'By'],
  ['process_open_fds', 'its descriptors', ''],
  ['container_cpu_throttled_periods_percent', 'throttled', '%'],
  ['host_pressure_memory_some_percent', 'memory pressure', '%'],
  ['process_uptime_seconds', 'up', 's'],
];

/** What a recorded metric is drawn with, by what it is. */
export function panelOf(metric) {
  const of = (aggregate, label) => ({ name: `${metric.name}:${aggregate}`, label });
  const head = { id: `metric-${metric.number}`, title: metric.name, hint: metric.help || metric.kind };
  if (metric.kind === 'counter') return { ...head, unit: `${metric.unit || '1'}/s`.replace('1/s', '/s'), lines: [of('rate', 'a second')] };
  if (metric.kind === 'gauge') return { ...head, unit: metric.unit, lines: [of('last', 'value')] };
  if (metric.kind === 'histogram') return { ...head, unit: metric.unit, lines: [of('p50', 'p50'), of('p90', 'p90'), of('p99', 'p99')] };
  return { ...head, unit: metric.unit, lines: [of('last', 'last'), of('p50', 'p50'), of('p99', 'p99')] };
}
