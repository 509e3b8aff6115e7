//! A profile in a cell of a notebook: a small table and a still flame graph, as HTML without a script.

use std::fmt::Write;

use crate::profiler::{Profile, ProfileMetrics};

use super::html::words::{bytes, count, time};
use super::html::{escape, hue_of};
use super::tree::CallTree;

/// Rows of the table, and of the flame graph.
const MOST_NAMES: usize = 20;
const MOST_DEPTH: u32 = 12;

/// What is narrower, in percent of the width, is not drawn.
const THINNEST: f64 = 0.15;

/// How high a row of the flame graph is, in pixels.
const ROW: u32 = 20;

impl Profile {
    /// A small fragment of HTML for a notebook: the names that took longest, and a flame graph. It has no script, and
    /// whatever others named stands in it as text.
    ///
    /// ```
    /// use mtaio_monitoring::Profiler;
    ///
    /// let profiler = Profiler::new();
    /// drop(profiler.enter("<b>parse</b>"));
    /// let fragment = profiler.profile().notebook();
    /// assert!(fragment.contains("&lt;b&gt;parse&lt;/b&gt;") && !fragment.contains("<b>parse"));
    /// ```
    #[must_use]
    pub fn notebook(&self) -> String {
        let mut html = String::from("<div class=\"mtaio-profile\" style=\"max-width:1000px;line-height:1.4\">");
        head(self, &mut html);
        table(self, &mut html);
        flame(self, &mut html);
        html.push_str("</div>");
        html
    }
}

fn head(profile: &Profile, html: &mut String) {
    let all = profile.metrics(None);
    let mut facts = vec![format!("<b>{}</b>", time(profile.total_time() * 1e9))];
    let more = [
        (all.call_count, "traces"),
        (profile.tasks().count() as u64, "tasks"),
        (all.error_count, "errors"),
        (profile.open_traces().len() as u64, "still open"),
        (profile.let_go(), "let go"),
        (profile.dropped(), "not recorded"),
    ];
    facts.extend(more.iter().filter(|(number, _)| *number > 0).map(|(number, word)| {
        let word = if *number == 1 { word.trim_end_matches('s') } else { word };
        format!("{} {word}", count(*number))
    }));
    let _ = write!(html, "<p style=\"margin:0 0 6px\">{}</p>", facts.join(" · "));
}

fn table(profile: &Profile, html: &mut String) {
    const NUMBERS: [&str; 10] = ["calls", "total", "run", "wait", "mean", "p50", "p90", "p99", "memory", "errors"];
    const CELL: &str = "text-align:right;padding:2px 8px;white-space:nowrap";
    const LEFT: &str = "text-align:left;padding:2px 8px;font-family:monospace;overflow-wrap:anywhere;min-width:180px;max-width:420px";
    let by_name = profile.metrics_by_name();
    let mut rows: Vec<(&str, &ProfileMetrics)> =
        by_name.iter().map(|(name, metrics)| (&**name, metrics)).collect();
    rows.sort_by(|(_, one), (_, other)| other.total_time.total_cmp(&one.total_time));
    html.push_str("<div style=\"overflow-x:auto\"><table style=\"border-collapse:collapse;color:inherit;font-size:inherit;font-variant-numeric:tabular-nums\"><thead><tr>");
    let _ = write!(html, "<th scope=\"col\" style=\"{LEFT}\">name</th>");
    for column in NUMBERS {
        let _ = write!(html, "<th scope=\"col\" style=\"{CELL}\">{column}</th>");
    }
    html.push_str("</tr></thead><tbody>");
    for (name, metrics) in rows.iter().take(MOST_NAMES) {
        let known = |seconds: f64| if metrics.run_count > 0 { time(seconds * 1e9) } else { "–".to_owned() };
        let percentile =
            |percent: u8| metrics.percentiles.get(&percent).map_or("–".to_owned(), |it| time(it * 1e9));
        let numbers = [
            count(metrics.call_count),
            time(metrics.total_time * 1e9),
            known(metrics.run_time),
            known(metrics.wait_time),
            time(metrics.avg_time * 1e9),
            percentile(50),
            percentile(90),
            percentile(99),
            bytes(metrics.memory_total),
            count(metrics.error_count),
        ];
        let _ = write!(html, "<tr><th scope=\"row\" style=\"{LEFT};font-weight:normal\">{}</th>", escape(name));
        for number in numbers {
            let _ = write!(html, "<td style=\"{CELL}\">{number}</td>");
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></div>");
    if let Some(more) = rows.len().checked_sub(MOST_NAMES).filter(|more| *more > 0) {
        let names = if more == 1 { "name" } else { "names" };
        let _ = write!(html, "<p style=\"margin:4px 8px\">and {} more {names}</p>", count(more as u64));
    }
}

/// Rectangles as wide as the time, in percent, so that the text in them keeps its size in a cell of any width.
fn flame(profile: &Profile, html: &mut String) {
    let tree = CallTree::of(profile);
    let all: u64 = tree.roots.iter().map(|root| tree.nodes[*root as usize].total).sum();
    if all == 0 {
        return;
    }
    let mut frames = String::new();
    let mut deepest = 0;
    // A node, and its place and width in percent.
    let mut waiting: Vec<(u32, f64, f64)> = Vec::new();
    let lay = |waiting: &mut Vec<(u32, f64, f64)>, nodes: &[u32], mut left: f64, width: f64, inside: u64| {
        for place in nodes {
            let share = tree.nodes[*place as usize].total as f64 / inside.max(1) as f64 * width;
            if share >= THINNEST {
                waiting.push((*place, left, share));
            }
            left += share;
        }
    };
    lay(&mut waiting, &tree.roots, 0.0, 100.0, all);
    while let Some((place, left, width)) = waiting.pop() {
        let node = &tree.nodes[place as usize];
        deepest = deepest.max(node.depth);
        let name = escape(node.name);
        let calls = if node.calls == 1 { "call" } else { "calls" };
        let _ = write!(
            frames,
            "<svg x=\"{left:.3}%\" y=\"{}\" width=\"{width:.3}%\" height=\"{}\"><title>{name}: {}, {} {calls}</title>\
             <rect width=\"100%\" height=\"100%\" rx=\"2\" fill=\"hsl({} 62% 80%)\" stroke=\"#fff\"/>",
            node.depth * ROW,
            ROW,
            time(node.total as f64),
            count(node.calls),
            hue_of(node.name),
        );
        if width > 2.0 {
            let _ = write!(frames, "<text x=\"5\" y=\"14\" fill=\"#14181d\">{name}</text>");
        }
        frames.push_str("</svg>");
        if node.depth + 1 < MOST_DEPTH {
            let below: u64 = node.children.iter().map(|child| tree.nodes[*child as usize].total).sum();
            // What ran at once is drawn to fit.
            lay(&mut waiting, &node.children, left, width, node.own.saturating_add(below));
        }
    }
    let height = (deepest + 1) * ROW;
    let _ = write!(
        html,
        "<svg role=\"img\" aria-label=\"Flame graph\" width=\"100%\" height=\"{height}\" \
         style=\"display:block;margin-top:8px;font:12px monospace\">{frames}</svg>",
    );
}
