//! The ledger against a model of a tree of processes in which everything is known: births, deaths, waits, orphans,
//! adoption, children that nobody waits for, and all of that while the tree is being read.

use mtaio_monitoring::sampling::{Ledger, Member};
use proptest::prelude::*;
use proptest::sample::Index;

/// A process of the model. Its number is its place.
#[derive(Clone, Debug)]
struct Process {
    parent: usize,
    own: u64,
    inherited: u64,
    state: State,
    ignores_children: bool,
    adopts_orphans: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Alive,
    Zombie,
    Gone,
}

/// Init, the root of the tree, and whoever descends from it.
#[derive(Debug)]
struct Model {
    processes: Vec<Process>,
    /// What the tree has used.
    burnt: u64,
}

const INIT: usize = 0;
const ROOT: usize = 1;

#[derive(Clone, Debug)]
enum Step {
    Fork(Index),
    Burn(Index, u64),
    Exit(Index),
    /// The parent waits for one of its zombies.
    Wait(Index),
    /// The root alone: `SIGCHLD` ignored, orphans adopted.
    Ignore(Index),
    Adopt(Index),
}

impl Model {
    fn new() -> Self {
        let process = |parent| Process {
            parent,
            own: 0,
            inherited: 0,
            state: State::Alive,
            ignores_children: false,
            adopts_orphans: false,
        };
        Self { processes: vec![process(INIT), process(INIT)], burnt: 0 }
    }

    fn alive(&self, index: Index) -> usize {
        let alive: Vec<usize> =
            (ROOT..self.processes.len()).filter(|&pid| self.processes[pid].state == State::Alive).collect();
        alive[index.index(alive.len())]
    }

    fn children(&self, pid: usize) -> Vec<usize> {
        let is_child = |&child: &usize| {
            child != INIT && self.processes[child].parent == pid && self.processes[child].state != State::Gone
        };
        (0..self.processes.len()).filter(is_child).collect()
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Fork(index) => {
                let parent = self.alive(*index);
                self.processes.push(Process { parent, ..Self::new().processes[ROOT].clone() });
            }
            Step::Burn(index, amount) => {
                let pid = self.alive(*index);
                self.processes[pid].own += amount;
                self.burnt += amount;
            }
            Step::Exit(index) => {
                let pid = self.alive(*index);
                if pid != ROOT {
                    self.exit(pid);
                }
            }
            Step::Wait(index) => {
                let zombies: Vec<usize> = (ROOT..self.processes.len())
                    .filter(|&pid| self.processes[pid].state == State::Zombie)
                    .collect();
                if !zombies.is_empty() {
                    self.wait_for(zombies[index.index(zombies.len())]);
                }
            }
            Step::Ignore(index) => {
                let pid = self.alive(*index);
                self.processes[pid].ignores_children = true;
            }
            Step::Adopt(index) => {
                let pid = self.alive(*index);
                self.processes[pid].adopts_orphans = true;
            }
        }
    }

    fn exit(&mut self, pid: usize) {
        for child in self.children(pid) {
            let mut ancestor = self.processes[pid].parent;
            while ancestor != INIT && !self.processes[ancestor].adopts_orphans {
                ancestor = self.processes[ancestor].parent;
            }
            self.processes[child].parent = ancestor;
            if self.processes[child].state == State::Zombie && ancestor == INIT {
                self.wait_for(child);
            }
        }
        self.processes[pid].state = State::Zombie;
        let parent = self.processes[pid].parent;
        if self.processes[parent].ignores_children {
            self.processes[pid].state = State::Gone;
        } else if parent == INIT {
            self.wait_for(pid);
        }
    }

    fn wait_for(&mut self, pid: usize) {
        let Process { parent, own, inherited, .. } = self.processes[pid];
        self.processes[parent].inherited += own + inherited;
        self.processes[pid].state = State::Gone;
    }

    fn member(&self, pid: usize) -> Option<Member> {
        let process = &self.processes[pid];
        (process.state != State::Gone).then(|| Member {
            pid: pid as u32,
            start_ticks: 0,
            own: [process.own, 0, 0, 0],
            // One that mixes both, as the files about reading and writing do.
            inherited: [process.inherited, process.own + process.inherited, 0, 0],
        })
    }
}

/// Looks at the tree as the source does: members from the root down, then those known that have lost their parents.
/// Between any two readings `meanwhile` goes on.
fn look(model: &mut Model, ledger: &mut Ledger, mut meanwhile: impl FnMut(&mut Model)) -> [u64; 4] {
    let known: Vec<usize> = ledger.members().iter().map(|member| member.pid as usize).collect();
    let mut members: Vec<Member> = vec![model.member(ROOT).unwrap()];
    let (mut next, mut orphan) = (0, 0);
    loop {
        while next < members.len() {
            meanwhile(model);
            for child in model.children(members[next].pid as usize) {
                meanwhile(model);
                if members.iter().all(|member| member.pid as usize != child) {
                    members.extend(model.member(child));
                }
            }
            next += 1;
        }
        let Some(&pid) = known.get(orphan) else { break };
        orphan += 1;
        meanwhile(model);
        if members.iter().all(|member| member.pid as usize != pid) {
            members.extend(model.member(pid));
        }
    }
    ledger.enter(&members)
}

fn steps(well_behaved: bool) -> impl Strategy<Value = Vec<Step>> {
    let any_index = any::<Index>;
    let rare = u32::from(!well_behaved);
    let step = prop_oneof![
        4 => any_index().prop_map(Step::Fork),
        6 => (any_index(), 1..1_000_u64).prop_map(|(index, amount)| Step::Burn(index, amount)),
        3 => any_index().prop_map(Step::Exit),
        4 => any_index().prop_map(Step::Wait),
        rare => any_index().prop_map(Step::Ignore),
        rare => any_index().prop_map(Step::Adopt),
    ];
    proptest::collection::vec(step, 0..12)
}

/// For each look: what happens before it, and what happens while it reads.
fn looks(well_behaved: bool) -> impl Strategy<Value = Vec<(Vec<Step>, Vec<Step>)>> {
    proptest::collection::vec((steps(well_behaved), steps(well_behaved)), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn p33_the_time_of_a_tree_never_goes_back_and_is_never_more_than_was_used(looks in looks(false)) {
        let (mut model, mut ledger) = (Model::new(), Ledger::default());
        let mut before = [0; 4];
        for (earlier, during) in &looks {
            earlier.iter().for_each(|step| model.take(step));
            let mut during = during.iter();
            let sum = look(&mut model, &mut ledger, |model| {
                if let Some(step) = during.next() {
                    model.take(step);
                }
            });
            during.for_each(|step| model.take(step));
            prop_assert!(sum[0] >= before[0] && sum[1] >= before[1], "{sum:?} after {before:?}: {model:?}");
            prop_assert!(sum[0] <= model.burnt && sum[1] <= model.burnt, "{sum:?}: {model:?}");
            before = sum;
        }
    }

    #[test]
    fn p33_where_parents_wait_for_their_children_the_time_of_a_tree_is_exact(looks in looks(true)) {
        let (mut model, mut ledger) = (Model::new(), Ledger::default());
        let mut before = 0;
        // Whoever ends has no children left: then everything is inherited within the tree.
        fn take(model: &mut Model, step: &Step) {
            if let Step::Exit(index) = step
                && !model.children(model.alive(*index)).is_empty()
            {
                return;
            }
            model.take(step);
        }
        for (earlier, during) in &looks {
            earlier.iter().for_each(|step| take(&mut model, step));
            let begun = model.burnt;
            let mut during = during.iter();
            let sum = look(&mut model, &mut ledger, |model| {
                if let Some(step) = during.next() {
                    take(model, step);
                }
            });
            prop_assert!((before..=model.burnt).contains(&sum[0]), "{sum:?} of {begun}, {model:?}");
            before = sum[0];
            if during.len() > 0 {
                continue;
            }
            // In peace, one more look finds everything.
            let sum = look(&mut model, &mut ledger, |_| ());
            prop_assert_eq!((sum[0], sum[1]), (model.burnt, model.burnt), "{:?}", model);
            before = sum[0];
        }
    }

    #[test]
    fn p42_whatever_the_counters_do_nothing_overflows(
        looks in proptest::collection::vec(
            proptest::collection::vec((0..6_u32, 0..2_u64, any::<[u64; 4]>(), any::<[u64; 4]>()), 0..8),
            1..10,
        ),
    ) {
        let mut ledger = Ledger::default();
        for look in looks {
            let members: Vec<Member> = look
                .into_iter()
                .map(|(pid, start_ticks, own, inherited)| Member { pid, start_ticks, own, inherited })
                .collect();
            ledger.enter(&members);
        }
    }
}

#[test]
fn p33_a_child_that_goes_between_the_readings_is_neither_lost_nor_counted_twice() {
    let member =
        |pid, own, inherited| Member { pid, start_ticks: 0, own: [own, 0, 0, 0], inherited: [inherited, 0, 0, 0] };
    let mut ledger = Ledger::default();
    assert_eq!(ledger.enter(&[member(1, 5, 0), member(2, 10, 0)])[0], 15);
    // The parent was read, then waited for the child; the child was not found.
    assert_eq!(ledger.enter(&[member(1, 5, 0)])[0], 15);
    assert_eq!(ledger.enter(&[member(1, 5, 12)])[0], 17);
    assert_eq!(ledger.enter(&[member(1, 5, 12)])[0], 17);
}
