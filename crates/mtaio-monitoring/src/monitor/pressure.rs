//! Being woken by pressure: by the kernel where it lets itself be asked, else by the samples.
//!
//! All triggers of a monitor are waited for on one thread of its own, which is there only while there is one. It does
//! nothing but wait, and put what it is told into the outbox.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;

use crate::alerts::{OnceAWindow, PressureEvent, PressureRule, PressureSource};
use crate::lock::Mutex;
use crate::rates::PressureWindow;
use crate::sampling::{
    OpenTriggers, PressureScope, RawPressures, RawSample, Resource, StallKind, Told, Trigger, TriggerBell,
    TriggerPoll,
};

use super::outbox::Event;
use super::shared::{Control, Shared};

const NOT_RUNNING: &str = "the monitor does not run";
const NOT_READ: &str = "its file could not be read in the newest sample (see the sections of health)";

/// Where an [`super::MonitorCore::add_pressure_rule`] gets its news from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PressureMode {
    /// The kernel wakes the monitor.
    Kernel,
    /// The share is computed at each sample.
    Sampled,
    /// Nobody will tell.
    Unavailable,
}

impl PressureMode {
    /// `"kernel"`, `"sampled"` or `"unavailable"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Sampled => "sampled",
            Self::Unavailable => "unavailable",
        }
    }
}

/// How one pressure rule is served.
#[derive(Clone, Debug, PartialEq)]
pub struct PressureTriggerHealth {
    /// What tasks wait for.
    pub resource: Resource,
    /// Whether one of them does, or all that are not idle.
    pub kind: StallKind,
    /// The share of the window, 0–1.
    pub threshold: f64,
    /// The window in use: the kernel may take a longer one only.
    pub window_seconds: f64,
    /// Who tells.
    pub mode: PressureMode,
    /// Whose pressure it is; `None` before that is known.
    pub scope: Option<PressureScope>,
    /// Why it is not the kernel, or not the window that was asked for.
    pub reason: Option<String>,
}

/// The pressure rules of one monitor.
#[derive(Default)]
pub(super) struct Pressure {
    /// Beside the watches, to be read without a lock after a fork.
    rules: ArcSwap<Vec<(u64, PressureRule)>>,
    /// The number of the next rule: a number is never given twice.
    next: AtomicU64,
    /// Taken after the lock of [`Control`], by those who take both.
    watches: Mutex<Vec<PressureWatch>>,
    /// Of the thread that waits, while there is one.
    desk: Mutex<Option<Arc<Desk>>>,
}

/// A rule, and who serves it.
struct PressureWatch {
    number: u64,
    rule: PressureRule,
    mode: PressureMode,
    /// `None` where the source could not say: then the own cgroup's, if it is there in the sample.
    scope: Option<PressureScope>,
    /// The window that the kernel took.
    kernel_window_ns: u64,
    /// Why the kernel does not serve it, or not with the window that was asked for.
    refusal: Option<String>,
    /// What the health report says: the refusal, or worse.
    reason: Option<String>,
    window: PressureWindow,
    /// The cgroup that the window is of.
    generation: u64,
    told: OnceAWindow,
    /// Whether the log has said that samples serve it, and that nobody does.
    said: [bool; 2],
}

impl PressureWatch {
    fn new(number: u64, rule: PressureRule) -> Self {
        Self {
            number,
            rule,
            mode: PressureMode::Unavailable,
            scope: None,
            kernel_window_ns: rule.window_ns,
            refusal: None,
            reason: Some(NOT_RUNNING.to_owned()),
            window: PressureWindow::new(rule.window_ns),
            generation: 0,
            told: OnceAWindow::default(),
            said: [false; 2],
        }
    }

    /// Asks the kernel; what it does not take is left to the samples.
    fn arm(&mut self, triggers: Option<&dyn OpenTriggers>) -> Option<Trigger> {
        self.window.forget();
        let Some(triggers) = triggers else {
            self.mode = PressureMode::Sampled;
            self.reason = Some("this source of readings knows no triggers of a kernel".to_owned());
            return None;
        };
        match triggers.open(&self.rule.request()) {
            Ok(opened) => {
                self.mode = PressureMode::Kernel;
                self.scope = Some(opened.scope);
                self.kernel_window_ns = opened.window_us.saturating_mul(1_000);
                self.reason = opened.remark;
                Some(opened.trigger)
            }
            Err(refused) => {
                let served = if refused.is_readable { PressureMode::Sampled } else { PressureMode::Unavailable };
                self.scope = Some(refused.scope);
                self.mode = served;
                self.reason = Some(refused.reason);
                None
            }
        }
    }

    /// The sentence for the log, the first time that the kernel does not serve it.
    fn remark(&mut self) -> Option<Event> {
        let (index, what) = match self.mode {
            PressureMode::Kernel => return None,
            PressureMode::Sampled => (0, "is served by samples and not by the kernel"),
            PressureMode::Unavailable => (1, "cannot be served"),
        };
        if std::mem::replace(&mut self.said[index], true) {
            return None;
        }
        let reason = self.reason.as_deref().unwrap_or_default();
        Some(Event::Notice(format!("{} {what}: {reason}", self.rule)))
    }

    /// Takes a sample, if samples serve it.
    fn observe(&mut self, machine: &RawPressures, own: &RawPressures, now_ns: u64) -> Option<(f64, PressureScope)> {
        let PressureRule { resource, kind, .. } = self.rule;
        let container = || own.total(PressureScope::Container, resource, kind).zip(Some(PressureScope::Container));
        let host = || machine.total(PressureScope::Host, resource, kind).zip(Some(PressureScope::Host));
        let found = match self.scope {
            Some(PressureScope::Container) => container(),
            Some(PressureScope::Host) => host(),
            None => container().or_else(host),
        };
        let Some(((read_at_ns, total_us), scope)) = found else {
            self.window.forget();
            if self.mode == PressureMode::Sampled {
                self.mode = PressureMode::Unavailable;
                self.refusal = self.reason.replace(NOT_READ.to_owned());
            }
            return None;
        };
        if self.mode == PressureMode::Unavailable {
            self.mode = PressureMode::Sampled;
            self.reason = self.refusal.take().or_else(|| self.reason.take());
        }
        let generation = if scope == PressureScope::Container { own.generation } else { machine.generation };
        if std::mem::replace(&mut self.generation, generation) != generation {
            self.window.forget();
        }
        let share = self.window.observe(read_at_ns, total_us)?;
        self.told.observe(&self.rule, share, now_ns).then_some((share, scope))
    }

    fn event(&self, source: PressureSource, value: Option<f64>, scope: PressureScope, timestamp: f64) -> Event {
        let window_ns = match source {
            PressureSource::Kernel => self.kernel_window_ns,
            PressureSource::Sampled => self.rule.window_ns,
        };
        let event = PressureEvent {
            resource: self.rule.resource,
            kind: self.rule.kind,
            threshold: self.rule.share,
            window_seconds: window_ns as f64 / 1e9,
            value,
            scope,
            source,
            timestamp,
        };
        Event::Pressure { rule: self.number, event }
    }

    fn health(&self) -> PressureTriggerHealth {
        let window_ns = if self.mode == PressureMode::Kernel { self.kernel_window_ns } else { self.rule.window_ns };
        PressureTriggerHealth {
            resource: self.rule.resource,
            kind: self.rule.kind,
            threshold: self.rule.share,
            window_seconds: window_ns as f64 / 1e9,
            mode: self.mode,
            scope: self.scope,
            reason: self.reason.clone(),
        }
    }
}

/// What the thread that waits is told.
struct Desk {
    bell: Arc<TriggerBell>,
    orders: Mutex<Vec<Order>>,
    is_over: AtomicBool,
}

enum Order {
    Add { number: u64, trigger: Trigger, window_ns: u64 },
    Remove(u64),
}

impl Desk {
    fn order(&self, order: Order) {
        self.orders.lock().push(order);
        self.bell.ring();
    }

    fn end(&self) {
        self.is_over.store(true, Ordering::Release);
        self.bell.ring();
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }
}

impl Pressure {
    /// In the child of a fork: the same rules, each with its number, and nothing of what served them.
    pub(super) fn inherit(&self, parent: &Self) {
        let rules = parent.rules.load_full();
        *self.watches.lock() = rules.iter().map(|&(number, rule)| PressureWatch::new(number, rule)).collect();
        self.rules.store(rules);
        self.next.store(parent.next.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// The thread that waits is to end. The triggers go with it.
    pub(super) fn end(&self) {
        if let Some(desk) = self.desk.lock().take() {
            desk.end();
        }
        for watch in self.watches.lock().iter_mut() {
            watch.mode = PressureMode::Unavailable;
            watch.reason = Some(NOT_RUNNING.to_owned());
        }
    }

    pub(super) fn health(&self) -> Vec<PressureTriggerHealth> {
        self.watches.lock().iter().map(PressureWatch::health).collect()
    }
}

impl Shared {
    /// Adds a rule, or finds the same one, and gives its number.
    pub(super) fn add_pressure_rule(self: &Arc<Self>, rule: PressureRule) -> u64 {
        let mut control = self.control.lock();
        let mut watches = self.pressure.watches.lock();
        if let Some(watch) = watches.iter().find(|watch| watch.rule == rule) {
            return watch.number;
        }
        let number = self.pressure.next.fetch_add(1, Ordering::Relaxed);
        let mut watch = PressureWatch::new(number, rule);
        if control.current.is_some() {
            self.arm(&mut control, &mut watch);
        }
        watches.push(watch);
        self.list_pressure_rules(&watches);
        number
    }

    /// Takes a rule away and says whether it was there.
    pub(super) fn remove_pressure_rule(&self, number: u64) -> bool {
        let mut watches = self.pressure.watches.lock();
        let before = watches.len();
        watches.retain(|watch| watch.number != number);
        self.list_pressure_rules(&watches);
        if let Some(desk) = self.pressure.desk.lock().as_ref() {
            desk.order(Order::Remove(number));
        }
        watches.len() < before
    }

    fn list_pressure_rules(&self, watches: &[PressureWatch]) {
        self.pressure.rules.store(Arc::new(watches.iter().map(|watch| (watch.number, watch.rule)).collect()));
    }

    /// Asks the kernel for every rule, at the start.
    pub(super) fn arm_all(self: &Arc<Self>, control: &mut Control) {
        for watch in self.pressure.watches.lock().iter_mut() {
            self.arm(control, watch);
        }
    }

    fn arm(self: &Arc<Self>, control: &mut Control, watch: &mut PressureWatch) {
        let trigger = watch.arm(self.pressure_triggers.as_deref());
        if let Some(trigger) = trigger {
            match self.desk(control) {
                Ok(desk) => {
                    let window_ns = watch.kernel_window_ns;
                    desk.order(Order::Add { number: watch.number, trigger, window_ns });
                }
                Err(error) => {
                    watch.mode = PressureMode::Sampled;
                    watch.reason = Some(format!("the thread that waits for the kernel could not be started: {error}"));
                }
            }
        }
        // What the samples have to say comes with them.
        if self.pressure_triggers.is_some() {
            watch.remark().into_iter().for_each(|event| self.outbox.push(event));
            self.outbox.wake();
        }
    }

    /// The thread that waits, started if need be.
    fn desk(self: &Arc<Self>, control: &mut Control) -> std::io::Result<Arc<Desk>> {
        let mut current = self.pressure.desk.lock();
        if let Some(desk) = current.as_ref() {
            return Ok(Arc::clone(desk));
        }
        let bell = Arc::new(TriggerBell::new()?);
        let desk = Arc::new(Desk { bell, orders: Mutex::default(), is_over: AtomicBool::new(false) });
        let (shared, own) = (Arc::clone(self), Arc::clone(&desk));
        crate::thread::spawn("mtaio-pressure", move || shared.wait_for_pressure(&own))?;
        control.alive += 1;
        *current = Some(Arc::clone(&desk));
        Ok(desk)
    }

    /// The thread that waits for the kernel.
    fn wait_for_pressure(&self, desk: &Desk) {
        let mut poll = TriggerPoll::new(Arc::clone(&desk.bell));
        let mut told = Vec::new();
        while !desk.is_over() {
            for order in desk.orders.lock().drain(..) {
                match order {
                    Order::Add { number, trigger, window_ns } => poll.add(number, trigger, window_ns),
                    Order::Remove(number) => poll.remove(number),
                }
            }
            let waited = self.guarded(|| poll.wait(self.config.clock(), &mut told));
            if let Some(Err(error)) = waited {
                self.give_up_waiting(desk, &error);
                break;
            }
            for told in told.drain(..) {
                self.guarded(|| self.hear(desk, told));
            }
        }
        // The kernel forgets the triggers before anybody hears that the thread has ended.
        drop(poll);
        desk.orders.lock().clear();
        self.control.lock().alive -= 1;
        self.changed.notify_all();
    }

    /// What the kernel told.
    fn hear(&self, desk: &Desk, told: Told) {
        let (Told::Stalled(number) | Told::Gone(number)) = told;
        let timestamp = self.epoch_seconds();
        let mut watches = self.pressure.watches.lock();
        let watch = watches.iter_mut().find(|watch| watch.number == number);
        // Stopped, or removed, while the kernel spoke: nobody is to hear of it now.
        let Some(watch) = watch.filter(|_| !desk.is_over()) else { return };
        let event = match told {
            Told::Stalled(_) => {
                let scope = watch.scope.unwrap_or(PressureScope::Host);
                Some(watch.event(PressureSource::Kernel, None, scope, timestamp))
            }
            Told::Gone(_) => {
                watch.mode = PressureMode::Sampled;
                watch.reason = Some("the kernel has taken the trigger back: its cgroup was removed".to_owned());
                watch.remark()
            }
        };
        event.into_iter().for_each(|event| self.outbox.push(event));
        drop(watches);
        self.outbox.wake();
    }

    /// The system has no memory to wait with.
    fn give_up_waiting(&self, desk: &Desk, error: &std::io::Error) {
        let mut watches = self.pressure.watches.lock();
        let mut current = self.pressure.desk.lock();
        if desk.is_over() {
            return;
        }
        desk.is_over.store(true, Ordering::Release);
        *current = None;
        for watch in watches.iter_mut().filter(|watch| watch.mode == PressureMode::Kernel) {
            watch.mode = PressureMode::Sampled;
            watch.reason = Some(format!("waiting for the kernel failed: {error}"));
            watch.remark().into_iter().for_each(|event| self.outbox.push(event));
        }
        self.outbox.wake();
    }

    /// Shows a sample to the rules that the kernel does not serve.
    pub(super) fn observe_pressure(&self, sample: &PressureSample, after_gap: bool, now_ns: u64, timestamp: f64) {
        let mut watches = self.pressure.watches.lock();
        for watch in watches.iter_mut().filter(|watch| watch.mode != PressureMode::Kernel) {
            if after_gap {
                // Time that nobody saw.
                watch.window.forget();
            }
            let found = watch.observe(&sample.host, &sample.container, now_ns);
            watch.remark().into_iter().for_each(|event| self.outbox.push(event));
            if let Some((share, scope)) = found {
                self.outbox.push(watch.event(PressureSource::Sampled, Some(share), scope, timestamp));
            }
        }
    }
}

/// The totals of a reading: what a window that samples serve is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PressureSample {
    /// Of the machine.
    pub host: RawPressures,
    /// Of this process's own cgroup.
    pub container: RawPressures,
}

impl From<&RawSample> for PressureSample {
    fn from(raw: &RawSample) -> Self {
        Self { host: raw.pressure, container: raw.container_pressure }
    }
}
