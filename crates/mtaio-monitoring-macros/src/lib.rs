//! The `#[trace]` attribute of `mtaio-monitoring`, which re-exports it: write `mtaio_monitoring::trace`.

mod function;
mod options;

use proc_macro::TokenStream;
use syn::parse_macro_input;

use function::Function;
use options::Options;

/// Makes each run of a function a trace: of an `async fn` from its first poll until it is ready or dropped, of a `fn`
/// from its call until it returns.
///
/// ```ignore (the core's documentation runs it: this crate does not see the core)
/// use mtaio_monitoring::{Profiler, trace};
///
/// struct Shop {
///     profiler: Profiler,
/// }
///
/// impl Shop {
///     #[trace(profiler = self.profiler, fields(article = article), err)]
///     async fn price(&self, article: u32) -> Result<u32, String> {
///         article.checked_mul(3).ok_or_else(|| "too dear".to_owned())
///     }
/// }
///
/// let shop = Shop { profiler: Profiler::new() };
/// assert_eq!(shop.price(14).await, Ok(42));
/// let profile = shop.profiler.profile();
/// let price = profile.traces().next().unwrap();
/// assert_eq!((price.name(), &price.metadata()["article"]), ("price", &14.into()));
/// ```
///
/// # Options
///
/// - `profiler = EXPRESSION`: what records, a `Profiler` or a reference to one. Without it, the process's own:
///   `Profiler::global()`, which is disabled until `Profiler::set_global`.
/// - `name = "…"`: the trace's name. Without it, the function's own, be it free or a method.
/// - `err`: an `Err` that it returns makes the trace one that failed, with the error's `Display`.
/// - `fields(key = EXPRESSION, …)`: names and values that the trace carries; whatever turns into a `serde_json::Value`.
///   They are evaluated before the function runs, also where the profiler is disabled.
///
/// Expressions see the function's arguments. Of a traced `async fn` the future stays as it was: it borrows what it
/// borrowed, and can be sent between threads where it could before.
#[proc_macro_attribute]
pub fn trace(options: TokenStream, item: TokenStream) -> TokenStream {
    let options = parse_macro_input!(options as Options);
    let function = parse_macro_input!(item as Function);
    function.traced(&options).unwrap_or_else(syn::Error::into_compile_error).into()
}
