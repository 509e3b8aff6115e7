//! The call tree: calls merged by their path of names, as the table, the flame graphs and the stacks show it.
//!
//! Calls that wait for others overlap with them, and siblings overlap with each other, so the obvious "duration less the
//! children's durations" would go below zero. A call's own time is therefore the part of it in which none of its
//! children was open.

use std::collections::HashMap;

use crate::profiler::{NameId, Profile, Record, Status};

/// Calls below this depth are merged into one node a parent: a task that spawns its successor makes a chain without end.
const MOST_DEPTH: u32 = 256;

/// What stands for calls that are deeper than [`MOST_DEPTH`].
const DEEPER: &str = "(deeper calls)";

/// What no trace's name is: the id of [`DEEPER`].
const DEEPER_ID: NameId = NameId(u32::MAX);

/// Places of nodes are positions in [`CallTree::nodes`], where parents stand before their children.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallTree<'a> {
    pub(crate) nodes: Vec<Node<'a>>,
    /// Those without a parent, the one with the longest total time first.
    pub(crate) roots: Vec<u32>,
}

/// All calls of one path of names. Times are nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    pub(crate) name: &'a str,
    pub(crate) parent: Option<u32>,
    /// The one with the longest total time first.
    pub(crate) children: Vec<u32>,
    /// From 0.
    pub(crate) depth: u32,
    /// Calls, open ones included.
    pub(crate) calls: u64,
    /// How many of them are open.
    pub(crate) open: u64,
    /// How many of them ended with an error.
    pub(crate) errors: u64,
    /// Sum of the durations.
    pub(crate) total: u64,
    /// Sum of the times in which no child was open.
    pub(crate) own: u64,
    /// Own times of it and of everything below: how wide a flame graph draws it. More than [`Self::total`] where calls
    /// below overlap.
    pub(crate) width: u64,
    /// Sum of the run times of those calls of which it is known.
    pub(crate) run: u64,
    /// How many calls that is known of, and their duration.
    pub(crate) run_calls: u64,
    pub(crate) run_total: u64,
}

impl<'a> CallTree<'a> {
    /// The tree of all traces that the profile holds, finished and open. A trace whose parent is not held is a root.
    pub(crate) fn of(profile: &'a Profile) -> Self {
        let data = &*profile.data;
        let records: Vec<&Record> = data.records.iter().chain(&data.open).collect();
        let parents = parents(profile, &records);
        let own = own_times(&records, &parents);
        let nodes = nodes_of_records(&records, &parents);
        let mut tree = Self::default();
        for key in &nodes.keys {
            let (parent, name) = *key;
            tree.nodes.push(Node {
                name: if name == DEEPER_ID { DEEPER } else { data.name(name) },
                parent,
                children: Vec::new(),
                depth: parent.map_or(0, |parent| tree.nodes[parent as usize].depth + 1),
                calls: 0,
                open: 0,
                errors: 0,
                total: 0,
                own: 0,
                width: 0,
                run: 0,
                run_calls: 0,
                run_total: 0,
            });
        }
        for ((record, node), own) in records.iter().zip(&nodes.of_record).zip(own) {
            tree.nodes[*node as usize].add(record, own);
        }
        tree.link();
        tree
    }

    fn link(&mut self) {
        for place in (0..self.nodes.len()).rev() {
            let node = &mut self.nodes[place];
            node.width = node.width.saturating_add(node.own);
            let (width, parent) = (node.width, node.parent);
            if let Some(parent) = parent {
                let parent = &mut self.nodes[parent as usize];
                parent.width = parent.width.saturating_add(width);
            }
        }
        for place in 0..self.nodes.len() {
            match self.nodes[place].parent {
                Some(parent) => self.nodes[parent as usize].children.push(place as u32),
                None => self.roots.push(place as u32),
            }
        }
        // The widest first, and of the same width by name, so that the same profile always looks the same.
        let key = |nodes: &[Node<'a>], place: u32| {
            let node = &nodes[place as usize];
            (std::cmp::Reverse(node.total), node.name)
        };
        for place in 0..self.nodes.len() {
            let mut children = std::mem::take(&mut self.nodes[place].children);
            children.sort_by_key(|child| key(&self.nodes, *child));
            self.nodes[place].children = children;
        }
        self.roots.sort_by_key(|root| key(&self.nodes, *root));
    }
}

impl Node<'_> {
    fn add(&mut self, record: &Record, own: u64) {
        self.calls += 1;
        self.open += u64::from(record.status == Status::Open);
        self.errors += u64::from(record.status == Status::Error);
        self.total = self.total.saturating_add(record.duration());
        self.own = self.own.saturating_add(own);
        if let Some(run) = record.run() {
            self.run = self.run.saturating_add(run);
            self.run_calls += 1;
            self.run_total = self.run_total.saturating_add(record.duration());
        }
    }
}

/// The place of each record's parent among the records.
pub(super) fn parents(profile: &Profile, records: &[&Record]) -> Vec<Option<u32>> {
    let places = profile.data.places();
    records.iter().map(|record| places.get(&record.parent).copied()).collect()
}

/// Each record's duration less the time in which a child of it was open.
fn own_times(records: &[&Record], parents: &[Option<u32>]) -> Vec<u64> {
    // The finished ones and the open ones are each in the order of their beginnings, the union of them is not.
    let mut order: Vec<u32> = (0..records.len() as u32).collect();
    order.sort_by_key(|place| records[*place as usize].start);
    let mut own: Vec<u64> = records.iter().map(|record| record.duration()).collect();
    let mut covered_until: Vec<u64> = records.iter().map(|record| record.start).collect();
    for place in order {
        let Some(parent) = parents[place as usize] else { continue };
        let (child, parent) = (records[place as usize], parent as usize);
        let from = child.start.max(covered_until[parent]);
        let to = child.end.min(records[parent].end);
        if to > from {
            own[parent] -= to - from;
            covered_until[parent] = to;
        }
    }
    own
}

/// A node's parent and name: what makes it one node.
type Key = (Option<u32>, NameId);

struct Nodes {
    keys: Vec<Key>,
    depths: Vec<u32>,
    places: HashMap<Key, u32>,
    of_record: Vec<u32>,
}

const UNKNOWN: u32 = u32::MAX;
const UNDER_WAY: u32 = u32::MAX - 1;

fn nodes_of_records(records: &[&Record], parents: &[Option<u32>]) -> Nodes {
    let mut nodes = Nodes {
        keys: Vec::new(),
        depths: Vec::new(),
        places: HashMap::new(),
        of_record: vec![UNKNOWN; records.len()],
    };
    let mut waiting = Vec::new();
    for place in 0..records.len() {
        // Upwards to what has a node already, and down again: a chain of a million must not recurse.
        let mut next = Some(place as u32);
        let mut above = None;
        while let Some(place) = next {
            match nodes.of_record[place as usize] {
                UNKNOWN => {
                    nodes.of_record[place as usize] = UNDER_WAY;
                    waiting.push(place);
                    next = parents[place as usize];
                }
                // A circle, which only a file that somebody else made can hold: it is cut open here.
                UNDER_WAY => next = None,
                node => {
                    above = Some(node);
                    next = None;
                }
            }
        }
        while let Some(place) = waiting.pop() {
            let node = nodes.node(above, records[place as usize].name);
            nodes.of_record[place as usize] = node;
            above = Some(node);
        }
    }
    nodes
}

impl Nodes {
    fn node(&mut self, parent: Option<u32>, name: NameId) -> u32 {
        let depth = parent.map_or(0, |parent| self.depths[parent as usize] + 1);
        let key = match parent {
            // What lies below the node of the deeper ones belongs to that too.
            Some(parent) if depth > MOST_DEPTH => return parent,
            Some(parent) if depth == MOST_DEPTH => (Some(parent), DEEPER_ID),
            parent => (parent, name),
        };
        *self.places.entry(key).or_insert_with(|| {
            self.keys.push(key);
            self.depths.push(depth);
            self.keys.len() as u32 - 1
        })
    }
}
