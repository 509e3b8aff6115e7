//! Being woken by pressure: by the kernel where it lets itself be asked, else by the samples.
//!
//! All triggers of a monitor are waited for on one thread of its own, which is there only while there is one. It does
//! nothing but wait, and put what it is told into the outbox.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;

use crate::alerts::{PressureRule, PressureSource};
use crate::lock::Mutex;
use crate::sampling::{PressureScope, Told, Trigger, TriggerBell, TriggerPoll};

use super::pressure_watch::{NOT_RUNNING, PressureMode, PressureSample, PressureTriggerHealth, PressureWatch};
use super::shared::{Control, Shared};

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
                    watch.reason =
                        Some(format!("the thread that waits for the kernel could not be started: {error}"));
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
