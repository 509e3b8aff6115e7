//! `#[trace]` on what it may stand on, one picture a case.

use std::fmt::Display;
use std::sync::LazyLock;

use mtaio_monitoring::{Profiler, trace};

use super::check;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

struct Shop<T> {
    profiler: Profiler,
    stock: Vec<T>,
}

trait Sells<T> {
    async fn sell(&mut self) -> Option<T>;
    fn count(&self) -> usize;
}

impl<T: Clone + Display> Shop<T> {
    fn new(stock: Vec<T>) -> Self {
        Self { profiler: Profiler::new(), stock }
    }

    /// Borrows itself and its argument.
    #[trace(profiler = self.profiler, fields(at = at, label = label))]
    async fn find<'a>(&'a self, at: usize, label: &str) -> Option<&'a T> {
        tokio::task::yield_now().await;
        let _ = label;
        self.stock.get(at)
    }

    #[trace(profiler = &self.profiler, name = "put it back")]
    fn put(&mut self, what: T) -> &mut Self {
        self.stock.push(what);
        self
    }

    #[trace(profiler = self.profiler, err)]
    fn first(&self) -> Result<&T, String> {
        let first = self.stock.first().ok_or("nothing left")?;
        Ok(first)
    }

    #[trace(profiler = self.profiler, err)]
    async fn close(self) -> Result<usize, Box<dyn std::error::Error>> {
        let wanted: usize = "three".parse()?;
        Ok(self.stock.len() - wanted)
    }
}

impl<T: Clone + Display> Sells<T> for Shop<T> {
    #[trace(profiler = self.profiler)]
    async fn sell(&mut self) -> Option<T> {
        let sold = self.find(0, "sold").await.cloned();
        self.stock.clear();
        sold
    }

    #[trace(profiler = self.profiler)]
    fn count(&self) -> usize {
        self.stock.len()
    }
}

#[test]
fn methods_of_types_and_of_traits() {
    let mut shop = Shop::new(vec!["pear"]);
    let profiler = shop.profiler.clone();
    assert_eq!(block_on(shop.sell()), Some("pear"));
    assert_eq!(shop.count(), 0);
    shop.first().unwrap_err();
    assert_eq!(shop.put("plum").put("fig").first(), Ok(&"plum"));
    block_on(shop.close()).unwrap_err();
    let profile = profiler.profile();
    check(
        &profile,
        "sell ok\n  find ok\ncount ok\nfirst error\nput it back ok\nput it back ok\nfirst ok\nclose error",
    );
    let find = profile.traces().find(|trace| trace.name() == "find").unwrap();
    assert_eq!((&find.metadata()["at"], &find.metadata()["label"]), (&0.into(), &"sold".into()));
    let errors: Vec<_> = profile.traces().filter_map(|trace| trace.error().map(str::to_owned)).collect();
    assert_eq!(errors, ["nothing left", "invalid digit found in string"]);
}

static SHARED: LazyLock<Profiler> = LazyLock::new(Profiler::new);

/// What the process does.
#[trace(profiler = SHARED)]
fn squares<'a, const N: usize>(of: &'a [u64; N]) -> impl Iterator<Item = u64> + 'a {
    of.iter().map(|number| number * number)
}

#[trace(profiler = SHARED)]
async fn r#loop(times: u32) -> u32 {
    if times == 0 {
        return 0;
    }
    Box::pin(r#loop(times - 1)).await + 1
}

#[test]
fn free_functions_with_generics_and_recursion() {
    assert_eq!(squares(&[2, 3]).sum::<u64>(), 13);
    assert_eq!(block_on(r#loop(2)), 2);
    check(&SHARED.profile(), "squares ok\nloop ok\n  loop ok\n    loop ok");
}

#[trace]
async fn unrecorded(of: std::rc::Rc<u32>) -> u32 {
    *of
}

#[test]
fn a_traced_future_is_as_it_was() {
    fn is_send<T: Send>(future: T) -> T {
        future
    }
    let shop = Shop::new(vec![1_u8]);
    assert_eq!(block_on(is_send(shop.find(0, "here"))), Some(&1));
    assert_eq!(block_on(unrecorded(7.into())), 7, "what cannot be sent need not be");
}
