//! One counter for a whole tree of processes, made of the counters of its members: it never goes back, and what a
//! process used is in it once, however the process ends.
//!
//! A process's counters move: when it has ended and its parent has waited for it, they are added to what the parent
//! has *inherited* (`cutime`, `cstime`; `/proc/PID/io` has own and inherited in one). The sum over all members is the
//! same before and after, which is why a plain sum almost works. It fails in two ways, and the ledger is for them:
//!
//! - *Seen in between.* The members are read one after the other. Parents are read before their children, so a child
//!   that is waited for in between is missing in both and never present in both. What it had as last seen stays in the
//!   sum as *pending*, until the next look finds it inherited.
//! - *Never inherited.* Nobody waited for the child (`SIGCHLD` ignored), or it had lost its parent, and its counters
//!   went to init. The kernel hands counters on before a process is gone from `/proc`, so by the next look somebody has
//!   them; and unless he is gone himself by then, and has handed them on, they are seen. What is still pending after a
//!   look that misses nobody never will be inherited: it is *settled*, and stays in the sum for good.
//!
//! Who inherits is not asked: the parent does, or an ancestor of its that adopts orphans (`PR_SET_CHILD_SUBREAPER`), and
//! taking one for the other would count twice. What the members have inherited together pays for what is pending.
//!
//! What is lost: what a process used after the last look at it, if its counters never reach a member, and so all of one
//! that no look ever saw; and where members inherit from such a one while another's counters are lost, the one pays for
//! the other. So the sum may be too small. It is never too large.

use std::mem;

/// Processor nanoseconds, bytes read, bytes written, bytes of these that were cancelled.
pub type Counters = [u64; 4];

/// A process of the tree, as it was just read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// Its number, which another may have had before.
    pub pid: u32,
    /// When it started: with the number, its identity (P30).
    pub start_ticks: u64,
    /// What it used itself.
    pub own: Counters,
    /// What it has of children that it waited for; counters that mix both stand here.
    pub inherited: Counters,
}

/// See the module's own words.
#[derive(Debug, Default)]
pub struct Ledger {
    members: Vec<Member>,
    /// Those of the look before; kept for its memory.
    before: Vec<Member>,
    /// `(pid, place among the members)`, in order.
    numbers: Vec<(u32, usize)>,
    /// Whether each of `before` is still there.
    remains: Vec<bool>,
    /// What those had who have gone, as far as nobody has been seen to inherit it yet.
    pending: Counters,
    /// What nobody will inherit.
    settled: Counters,
}

impl Ledger {
    /// The members of the last look, parents first.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member of this number in the last look.
    #[must_use]
    pub fn member(&self, pid: u32) -> Option<&Member> {
        find(&self.numbers, pid).map(|place| &self.members[place])
    }

    /// Enters a look at the tree: its members, each read after its parent. A counter that could not be read is 0, and
    /// stands where it was. Returns what the tree has used.
    pub fn enter(&mut self, members: &[Member]) -> Counters {
        mem::swap(&mut self.members, &mut self.before);
        self.members.clear();
        self.remains.clear();
        self.remains.resize(self.before.len(), false);
        let mut inherited = Counters::default();
        let mut sum = Counters::default();
        for member in members {
            let mut member = *member;
            let place = find(&self.numbers, member.pid);
            if let Some(place) = place.filter(|&place| self.before[place].start_ticks == member.start_ticks) {
                let before = &self.before[place];
                self.remains[place] = true;
                // The kernel's do not go back; an imitation's might.
                member.own = each(member.own, before.own, u64::max);
                member.inherited = each(member.inherited, before.inherited, u64::max);
                let newly = each(member.inherited, before.inherited, u64::saturating_sub);
                inherited = each(inherited, newly, u64::saturating_add);
            }
            sum = each(sum, each(member.own, member.inherited, u64::saturating_add), u64::saturating_add);
            self.members.push(member);
        }
        let mut gone = Counters::default();
        for (before, _) in self.before.iter().zip(&self.remains).filter(|(_, remains)| !**remains) {
            gone = each(gone, each(before.own, before.inherited, u64::saturating_add), u64::saturating_add);
        }
        self.pending = each(each(self.pending, gone, u64::saturating_add), inherited, u64::saturating_sub);
        if self.remains.iter().all(|remains| *remains) {
            self.settled = each(self.settled, mem::take(&mut self.pending), u64::saturating_add);
        }

        self.numbers.clear();
        self.numbers.extend(self.members.iter().enumerate().map(|(place, member)| (member.pid, place)));
        self.numbers.sort_unstable();
        each(sum, each(self.pending, self.settled, u64::saturating_add), u64::saturating_add)
    }
}

fn find(numbers: &[(u32, usize)], pid: u32) -> Option<usize> {
    let place = numbers.binary_search_by_key(&pid, |(number, _)| *number).ok()?;
    Some(numbers[place].1)
}

fn each(a: Counters, b: Counters, join: fn(u64, u64) -> u64) -> Counters {
    std::array::from_fn(|index| join(a[index], b[index]))
}
