//! Disks: all of them over time; where there is room, each of them now, and how full the file systems are.

use mtaio_monitoring::export::writing::printable::fit;
use mtaio_monitoring::export::writing::quantity::{Unit, quantity, whole};
use mtaio_monitoring::rates::{DiskStats, FilesystemStats};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::record::Course;
use super::super::{Lists, Panel, Top};
use super::table::Table;
use super::{Fact, Shown, directions, share};

pub(super) fn title(shown: &Shown<'_>) -> Vec<Fact> {
    let stats = shown.stats;
    vec![
        ("busy", quantity(stats.io.utilisation_percent, Unit::Percent)),
        ("full", quantity(stats.space.usage_percent, Unit::Percent)),
    ]
}

pub(super) fn render(shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    let io = &shown.stats.io;
    let direction = |name, bytes, operations, latency| {
        vec![
            (name, quantity(bytes, Unit::BytesPerSecond)),
            ("", quantity(operations, Unit::PerSecond)),
            ("", quantity(latency, Unit::Seconds)),
        ]
    };
    let read = direction("read", io.read_bytes_per_second, io.read_count_per_second, io.read_latency_seconds);
    let write = direction("write", io.write_bytes_per_second, io.write_count_per_second, io.write_latency_seconds);
    let charts = Rect { height: if shown.top.state.zoomed { area.height / 2 } else { area.height }, ..area };
    directions(shown, [(read, Course::DiskRead), (write, Course::DiskWrite)], charts, buffer);
    let below = Rect { y: area.y + charts.height, height: area.height - charts.height, ..area };
    if below.height > 1 {
        let columns = ["device or mount point", "read", "write", "busy", "queue", "used", "of", "full", "inodes"];
        Table {
            columns: columns.map(str::to_owned).to_vec(),
            rows: listed(shown.top, shown.lists()).map(|cells| (cells, Style::new())).collect(),
            name_columns: 16,
        }
        .render(Panel::Disks, shown, below, buffer);
    }
}

pub(super) fn rows(top: &Top) -> usize {
    listed(top, top.record.lists_at(top.state.held).0).count()
}

/// The devices, then the file systems, as far as the filter shows them.
fn listed<'a>(top: &'a Top, lists: Option<&'a Lists>) -> impl Iterator<Item = Vec<String>> + 'a {
    let disks = lists.and_then(|lists| lists.details.disks.as_deref()).unwrap_or_default();
    let filesystems = lists.and_then(|lists| lists.details.filesystems.as_deref()).unwrap_or_default();
    let disks = disks.iter().filter(|disk| top.state.shows(&disk.name)).map(disk_cells);
    let is_shown =
        |mount: &&FilesystemStats| top.state.shows(&mount.mount_point) || top.state.shows(&mount.source);
    disks.chain(filesystems.iter().filter(is_shown).map(filesystem_cells))
}

fn disk_cells(disk: &DiskStats) -> Vec<String> {
    let mut cells = vec![
        disk.name.clone(),
        quantity(disk.read_bytes_per_second, Unit::BytesPerSecond),
        quantity(disk.write_bytes_per_second, Unit::BytesPerSecond),
        share(disk.utilisation_percent),
        quantity(disk.queue_depth, Unit::Plain),
    ];
    cells.resize(9, String::new());
    cells
}

fn filesystem_cells(mount: &FilesystemStats) -> Vec<String> {
    let name = format!("{} ({})", fit(&mount.mount_point, 40), mount.kind);
    let mut cells = vec![name];
    cells.resize(5, String::new());
    cells.extend([
        whole(mount.used, Unit::Bytes),
        whole(mount.total, Unit::Bytes),
        share(mount.usage_percent),
        share(mount.inodes_usage_percent),
    ]);
    cells
}
