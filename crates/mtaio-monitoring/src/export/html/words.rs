//! Numbers as the page writes them; `page.js` has the same.

/// Three significant digits of nanoseconds, in the unit that fits.
pub(in crate::export) fn time(ns: f64) -> String {
    if ns <= 0.0 {
        return "0".to_owned();
    }
    if ns >= 60e9 {
        let seconds = (ns / 1e9) as u64;
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        return if hours > 0 { format!("{hours} h {minutes} min") } else { format!("{minutes} min {seconds} s") };
    }
    let (divisor, unit) = match ns {
        ns if ns >= 999.5e6 => (1e9, "s"),
        ns if ns >= 999.5e3 => (1e6, "ms"),
        ns if ns >= 999.5 => (1e3, "µs"),
        _ => (1.0, "ns"),
    };
    let value = ns / divisor;
    let digits = match value {
        _ if divisor == 1.0 => 0,
        value if value >= 99.95 => 0,
        value if value >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.digits$} {unit}")
}

/// A change of memory.
pub(in crate::export) fn bytes(change: i64) -> String {
    if change == 0 {
        return "0".to_owned();
    }
    let sign = if change < 0 { '−' } else { '+' };
    let mut size = change.unsigned_abs() as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit < 4 {
        size /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && size < 100.0);
    format!("{sign}{size:.digits$} {}", ["B", "KiB", "MiB", "GiB", "TiB"][unit])
}

/// A whole number with commas.
pub(in crate::export) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
