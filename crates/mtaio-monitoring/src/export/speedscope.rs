//! The file format of <https://www.speedscope.app>: first all calls merged by their path of names, then each task as it
//! went, and each thread for what ran in no task.
//!
//! In an evented profile, what opens last closes first. Concurrent siblings do not, and so they stand on profiles of
//! their own: see [`super::tracks`].

use crate::profiler::Profile;

use super::chrome_trace::track_name;
use super::json_text::{push_number, push_string};
use super::tracks::{Item, Slice, Tracks};
use super::tree::CallTree;

const SCHEMA: &str = "https://www.speedscope.app/file-format-schema.json";

/// Tasks that get a profile of their own, those of the longest time first: the viewer lists them in a menu. All are in
/// the merged one.
const MOST_TRACKS: usize = 2_000;

/// The file.
pub(super) fn write(profile: &Profile) -> String {
    let tree = CallTree::of(profile);
    let laid = Tracks::of(profile);
    let mut frames = Frames { of_names: vec![None; profile.data.names.len()], texts: Vec::new(), of_texts: None };
    let mut profiles = String::with_capacity(1_024 + 64 * laid.slices.len());
    push_merged(&mut profiles, &tree, &mut frames, profile);
    for (track, slices) in tracks(&laid) {
        profiles.push_str(",\n");
        let name = track_name(profile, &laid.tracks[track as usize]);
        push_evented(&mut profiles, &name, &slices, &mut frames, profile);
    }
    let mut text = String::with_capacity(profiles.len() + 1_024);
    text.push_str("{\"$schema\":");
    push_string(&mut text, SCHEMA);
    text.push_str(",\n\"exporter\":");
    push_string(&mut text, concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")));
    text.push_str(",\n\"name\":\"mtaio profile\",\n\"activeProfileIndex\":0,\n\"shared\":{\"frames\":[");
    for (place, frame) in frames.texts.iter().enumerate() {
        text.push_str(if place == 0 { "\n{\"name\":" } else { ",\n{\"name\":" });
        push_string(&mut text, frame);
        text.push('}');
    }
    text.push_str("]},\n\"profiles\":[\n");
    text.push_str(&profiles);
    text.push_str("\n]}\n");
    text
}

/// Names, by their place in the file.
struct Frames<'a> {
    of_names: Vec<Option<u32>>,
    texts: Vec<&'a str>,
    /// Of names that are not in the profile's table: those of tasks.
    of_texts: Option<std::collections::HashMap<&'a str, u32>>,
}

impl<'a> Frames<'a> {
    fn of_text(&mut self, name: &'a str) -> u32 {
        let texts = &mut self.texts;
        *self.of_texts.get_or_insert_default().entry(name).or_insert_with(|| {
            texts.push(name);
            texts.len() as u32 - 1
        })
    }

    fn of_slice(&mut self, profile: &'a Profile, slice: &Slice<'a>) -> u32 {
        match slice.item {
            Item::Task(task) => self.of_text(&task.name),
            Item::Trace(record) => {
                let place = record.name.0 as usize;
                if let Some(Some(frame)) = self.of_names.get(place) {
                    return *frame;
                }
                let frame = self.of_text(profile.data.name(record.name));
                if let Some(known) = self.of_names.get_mut(place) {
                    *known = Some(frame);
                }
                frame
            }
        }
    }
}

/// The slices of each track, in their order, those of the longest time first.
fn tracks<'a>(laid: &Tracks<'a>) -> Vec<(u32, Vec<Slice<'a>>)> {
    let mut lengths = vec![0_u64; laid.tracks.len()];
    for slice in &laid.slices {
        let length = &mut lengths[slice.track as usize];
        *length = length.saturating_add(slice.end - slice.start);
    }
    let mut shown: Vec<u32> = (0..lengths.len() as u32).collect();
    if shown.len() > MOST_TRACKS {
        shown.sort_by_key(|track| std::cmp::Reverse(lengths[*track as usize]));
        shown.truncate(MOST_TRACKS);
        shown.sort_unstable();
    }
    let mut places = vec![None; lengths.len()];
    let mut tracks: Vec<(u32, Vec<Slice<'_>>)> = Vec::with_capacity(shown.len());
    for track in shown {
        places[track as usize] = Some(tracks.len());
        tracks.push((track, Vec::new()));
    }
    for slice in &laid.slices {
        if let Some(place) = places[slice.track as usize] {
            tracks[place].1.push(*slice);
        }
    }
    tracks
}

fn push_beginning(text: &mut String, kind: &str, name: &str, start: u64, end: u64) {
    text.push_str("{\"type\":\"");
    text.push_str(kind);
    text.push_str("\",\"name\":");
    push_string(text, name);
    text.push_str(",\"unit\":\"nanoseconds\",\"startValue\":");
    push_number(text, start);
    text.push_str(",\"endValue\":");
    push_number(text, end);
}

/// All calls by their paths, each weighing the time in which no call of its own was open.
fn push_merged<'a>(text: &mut String, tree: &CallTree<'a>, frames: &mut Frames<'a>, profile: &'a Profile) {
    let total = tree.nodes.iter().fold(0_u64, |sum, node| sum.saturating_add(node.own));
    let mut name = "all calls, merged".to_owned();
    if profile.let_go() > 0 {
        name.push_str(" (of those that are still held)");
    }
    push_beginning(text, "sampled", &name, 0, total);
    let mut weights = String::new();
    text.push_str(",\"samples\":[");
    let mut waiting: Vec<(u32, usize)> = tree.roots.iter().rev().map(|root| (*root, 0)).collect();
    let mut path: Vec<u32> = Vec::new();
    while let Some((place, depth)) = waiting.pop() {
        let node = &tree.nodes[place as usize];
        path.truncate(depth);
        path.push(frames.of_text(node.name));
        if node.own > 0 {
            if !weights.is_empty() {
                text.push(',');
                weights.push(',');
            }
            text.push('[');
            for (place, frame) in path.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                push_number(text, *frame);
            }
            text.push(']');
            push_number(&mut weights, node.own);
        }
        waiting.extend(node.children.iter().rev().map(|child| (*child, path.len())));
    }
    text.push_str("],\"weights\":[");
    text.push_str(&weights);
    text.push_str("]}");
}

fn push_evented<'a>(
    text: &mut String,
    name: &str,
    slices: &[Slice<'a>],
    frames: &mut Frames<'a>,
    profile: &'a Profile,
) {
    let origin = slices.first().map_or(0, |slice| slice.start);
    let end = slices.iter().map(|slice| slice.end).max().unwrap_or(origin);
    push_beginning(text, "evented", name, 0, end - origin);
    text.push_str(",\"events\":[");
    let mut is_first = true;
    let mut push_event = |text: &mut String, kind: &str, frame: u32, at: u64| {
        text.push_str(if is_first { "{\"type\":\"" } else { ",{\"type\":\"" });
        is_first = false;
        text.push_str(kind);
        text.push_str("\",\"frame\":");
        push_number(text, frame);
        text.push_str(",\"at\":");
        push_number(text, at - origin);
        text.push('}');
    };
    let mut open: Vec<(u64, u32)> = Vec::new();
    for slice in slices {
        // What ended when this began stays open around it only where this is as short as that is.
        while let Some((end, frame)) = open.last().copied()
            && (end < slice.start || (end == slice.start && slice.end > end))
        {
            push_event(text, "C", frame, end);
            open.pop();
        }
        let frame = frames.of_slice(profile, slice);
        push_event(text, "O", frame, slice.start);
        open.push((slice.end, frame));
    }
    while let Some((end, frame)) = open.pop() {
        push_event(text, "C", frame, end);
    }
    text.push_str("]}");
}
