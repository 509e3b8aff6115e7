//! A small service whose requests are traced: `cargo run -p mtaio-monitoring --example profiler`.

use std::time::Duration;

use mtaio_monitoring::profiler::{Profile, Trace};
use mtaio_monitoring::{Profiler, trace};

struct Service {
    profiler: Profiler,
}

impl Service {
    #[trace(profiler = self.profiler, fields(page = page), err)]
    async fn handle(&self, page: u64) -> Result<usize, String> {
        let rows = self.query(page).await;
        if rows.is_empty() {
            return Err(format!("page {page} is empty"));
        }
        Ok(self.render(&rows).len())
    }

    #[trace(profiler = self.profiler)]
    async fn query(&self, page: u64) -> Vec<u64> {
        tokio::time::sleep(Duration::from_millis(5)).await;
        (0..page * 1_000).collect()
    }

    #[trace(profiler = self.profiler)]
    fn render(&self, rows: &[u64]) -> String {
        rows.iter().map(|row| format!("<li>{row}")).collect()
    }
}

#[tokio::main]
async fn main() {
    let profiler = Profiler::new();
    let requests: Vec<_> = (0..4)
        .map(|page| {
            let service = Service { profiler: profiler.clone() };
            profiler.spawn("request", async move { service.handle(page).await })
        })
        .collect();
    for request in requests {
        match request.await.expect("no request panics") {
            Ok(bytes) => println!("{bytes} bytes"),
            Err(error) => println!("404: {error}"),
        }
    }
    print(&profiler.profile());
}

fn print(profile: &Profile) {
    println!("\n{:<10} {:>5} {:>10} {:>10} {:>10}", "name", "calls", "total ms", "run ms", "p99 ms");
    for name in ["request", "handle", "query", "render"] {
        let of = profile.metrics(Some(name));
        let p99 = of.percentiles.get(&99).copied().unwrap_or_default();
        let [total, run, p99] = [of.total_time, of.run_time, p99].map(|seconds| seconds * 1e3);
        println!("{name:<10} {:>5} {total:>10.3} {run:>10.3} {p99:>10.3}", of.call_count);
    }
    println!();
    for root in profile.traces().filter(|trace| trace.parent_id().is_none()) {
        tree(profile, &root, 0);
    }
}

fn tree(profile: &Profile, trace: &Trace<'_>, depth: usize) {
    let milliseconds = trace.duration() * 1e3;
    println!("{}{} {} {milliseconds:.3} ms", "  ".repeat(depth), trace.name(), trace.status().name());
    for child in profile.traces().filter(|child| child.parent_id() == Some(trace.trace_id())) {
        tree(profile, &child, depth + 1);
    }
}
