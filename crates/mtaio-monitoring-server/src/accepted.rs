//! Which of the formats of a scrape a client would rather have.

use mtaio_monitoring::export::Exposition;

/// A format of the scrape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scrape {
    Text(Exposition),
    Protobuf,
}

/// Of the value of an `Accept` header: protocol buffers or OpenMetrics where one of them is liked better than the others, else
/// Prometheus' own text, which everybody reads.
pub(crate) fn scrape(accept: &str) -> Scrape {
    let (mut protobuf, mut open, mut plain) = (0.0_f64, 0.0_f64, 0.0_f64);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default().to_ascii_lowercase();
        let is_protobuf = media == "application/vnd.google.protobuf";
        let (mut liked, mut is_known) = (1.0, true);
        // Messages of one sort, each after its length; who says neither means other ones.
        let mut missing = if is_protobuf { 2 } else { 0 };
        for parameter in parts {
            match parameter.split_once('=').map(|(name, value)| (name.trim(), value.trim().trim_matches('"'))) {
                Some(("q" | "Q", share)) => {
                    liked = share.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share)).unwrap_or(0.0);
                }
                // Of OpenMetrics there is 1.0.0 to be had here.
                Some(("version", version)) if media == "application/openmetrics-text" => {
                    is_known = version == "1.0.0";
                }
                Some(("proto", "io.prometheus.client.MetricFamily") | ("encoding", "delimited"))
                    if is_protobuf =>
                {
                    missing -= 1;
                }
                Some(("proto" | "encoding", _)) => is_known = false,
                _ => {}
            }
        }
        match &*media {
            "application/vnd.google.protobuf" if is_known && missing == 0 => protobuf = protobuf.max(liked),
            "application/openmetrics-text" if is_known => open = open.max(liked),
            "text/plain" | "text/*" | "*/*" => plain = plain.max(liked),
            _ => {}
        }
    }
    if protobuf > open.max(plain) {
        Scrape::Protobuf
    } else if open > plain {
        Scrape::Text(Exposition::OpenMetrics)
    } else {
        Scrape::Text(Exposition::Prometheus)
    }
}

#[cfg(test)]
mod tests {
    use mtaio_monitoring::export::Exposition;

    use super::Scrape::{Protobuf, Text};

    #[test]
    fn a_client_gets_what_it_likes_better() {
        let (open_metrics, prometheus) = (Text(Exposition::OpenMetrics), Text(Exposition::Prometheus));
        for (accept, expected) in [
            ("", prometheus),
            ("*/*", prometheus),
            ("text/plain", prometheus),
            ("text/html,application/xhtml+xml,*/*;q=0.8", prometheus),
            ("application/openmetrics-text", open_metrics),
            ("application/openmetrics-text; version=1.0.0; charset=utf-8", open_metrics),
            ("application/openmetrics-text;version=0.0.1,text/plain;version=0.0.4;q=0.5", prometheus),
            // Prometheus 2.42.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                open_metrics,
            ),
            // The same with --enable-feature=native-histograms.
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,\
                 application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Protobuf,
            ),
            (
                "text/plain;q=0.5, application/vnd.google.protobuf; encoding=\"delimited\"; q=0.6; \
                 proto=\"io.prometheus.client.MetricFamily\"",
                Protobuf,
            ),
            ("application/vnd.google.protobuf", prometheus),
            ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily", prometheus),
            ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text", prometheus),
            ("application/vnd.google.protobuf;proto=other.Family;encoding=delimited", prometheus),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.1,\
                 application/openmetrics-text",
                open_metrics,
            ),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,text/plain",
                prometheus,
            ),
            ("application/*", prometheus),
            ("application/openmetrics-text;q=0.4,text/plain;q=0.9", prometheus),
            ("application/openmetrics-text;q=0", prometheus),
            ("application/openmetrics-text;q=nan,text/plain;q=0.1", prometheus),
        ] {
            assert_eq!(super::scrape(accept), expected, "{accept:?}");
        }
    }
}
