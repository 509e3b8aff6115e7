//! What charts show of the past.

use mtaio_monitoring::metrics::Labels;
use mtaio_monitoring::metrics::catalogue::Kind;

use super::Simulation;

fn range(simulation: &Simulation, of: &[&str], points: usize) -> mtaio_monitoring::monitor::Range {
    simulation.monitor.range(of, None, None, points).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn each_sample_by_itself_where_there_is_room_for_all() {
    let simulation = Simulation::started();
    for percent in [10, 20, 30, 40] {
        simulation.tick_at(percent);
    }
    let seen = range(&simulation, &["cpu_usage", "host_cpu_usage_percent"], 600);
    assert_eq!(seen.step_seconds, 1.0);
    assert_eq!(seen.times.len(), 4);
    assert!(seen.times.is_sorted_by(|one, next| (next - one - 1.0).abs() < 1e-6), "{:?}", seen.times);
    for column in &seen.columns {
        assert_eq!(column.mean, [10.0, 20.0, 30.0, 40.0].map(Some));
        assert_eq!((&column.min, &column.max), (&column.mean, &column.mean));
    }
    // Some of it, both ends included.
    let monitor = &simulation.monitor;
    let some = monitor.range(&["cpu_usage"], Some(seen.times[1]), Some(seen.times[2]), 600).expect("known");
    assert_eq!(some.times, seen.times[1..3]);
    assert_eq!(some.columns[0].mean, [Some(20.0), Some(30.0)]);
    let none = monitor.range(&["cpu_usage"], Some(seen.times[3] + 1.0), None, 600).expect("known");
    assert_eq!((none.times.len(), none.columns[0].mean.len()), (0, 0));
}

#[test]
fn where_there_is_not_a_step_has_the_mean_the_lowest_and_the_highest() {
    let simulation = Simulation::started();
    for at in 0..100 {
        simulation.tick_at(if at % 9 == 4 { 90 } else { 10 });
    }
    let seen = range(&simulation, &["cpu_usage"], 10);
    assert!((seen.step_seconds - 9.9).abs() < 1e-6, "{}", seen.step_seconds);
    assert!((10..=11).contains(&seen.times.len()), "{}", seen.times.len());
    assert!(
        seen.times.is_sorted_by(|one, next| (next - one - seen.step_seconds).abs() < 1e-6),
        "{:?}",
        seen.times
    );
    let column = &seen.columns[0];
    let middle = 1..seen.times.len() - 1;
    assert!(column.min[middle.clone()].iter().all(|min| *min == Some(10.0)));
    assert!(column.max[middle.clone()].iter().all(|max| *max == Some(90.0)));
    for mean in &column.mean[middle] {
        assert!((mean.expect("measured") - 19.0).abs() < 9.0, "{mean:?}");
    }
}

#[test]
fn where_it_did_not_run_there_are_no_times() {
    let simulation = Simulation::started();
    simulation.ticks(10);
    simulation.hand.advance(1000.0);
    simulation.start_again();
    simulation.ticks(10);
    for (points, times) in [(5_000, 20..=24), (300, 6..=9)] {
        let seen = range(&simulation, &["cpu_usage"], points);
        let longest = seen.times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
        assert!((990.0..1_010.0).contains(&longest), "{longest}");
        assert!(times.contains(&seen.times.len()), "{}", seen.times.len());
    }
}

#[test]
fn what_was_recorded_is_there_as_well() {
    let simulation = Simulation::started();
    let (counter, gauge, histogram) = (Kind::Counter, Kind::Gauge, Kind::Histogram);
    let requests = simulation.monitor.declare(counter, "requests", "", "").expect("a name");
    let depth = simulation.monitor.declare(gauge, "depth", "", "").expect("a name");
    simulation.monitor.declare(histogram, "duration", "s", "").expect("a name");
    simulation.tick();
    for second in 1..=5 {
        simulation.monitor.record_bound(&requests, 6.0);
        let route = Labels::new([("route", if second < 4 { "/cart" } else { "/pay" })]);
        simulation.monitor.record_with("duration", f64::from(second), &route).expect("a name");
        if second == 2 {
            simulation.monitor.record_bound(&depth, 3.0);
            simulation.monitor.record_bound(&depth, 7.0);
        }
        simulation.tick();
    }
    let of = [
        "depth",
        "requests:sum",
        "requests:rate",
        "duration:max",
        r#"duration{route="/cart"}:count"#,
        "duration:count / requests:sum",
    ];
    let seen = range(&simulation, &of, 600);
    assert_eq!(seen.times.len(), 6);
    let column = |at: usize| &seen.columns[at];
    assert_eq!(column(0).mean, [None, None, Some(5.0), Some(5.0), Some(5.0), Some(5.0)], "a value stands");
    assert_eq!((column(0).min[2], column(0).max[2]), (Some(3.0), Some(7.0)));
    assert_eq!(column(1).mean, [0.0, 6.0, 12.0, 18.0, 24.0, 30.0].map(Some));
    let rate = column(2).mean[5].expect("recorded");
    assert!((4.9..=5.0).contains(&rate), "30 in six seconds: {rate}");
    assert_eq!(column(3).mean, [None, Some(1.0), Some(2.0), Some(3.0), Some(4.0), Some(5.0)]);
    assert_eq!(column(4).mean, [0.0, 1.0, 2.0, 3.0, 3.0, 3.0].map(Some));
    assert_eq!(column(5).mean[1..], [1.0 / 6.0; 5].map(Some));
    assert_eq!(column(5).mean[0], None, "nothing by nothing");
}

#[test]
fn a_minute_is_looked_back_on_and_not_more() {
    let simulation = Simulation::started();
    simulation.monitor.record("m", 1.0).expect("a name");
    simulation.ticks(90);
    let seen = range(&simulation, &["m:count"], 1_000);
    let counts: Vec<_> = seen.columns[0].mean.iter().flatten().copied().collect();
    assert_eq!(counts.len(), 90);
    assert!(counts[..59].iter().all(|count| *count == 1.0), "{:?}", &counts[..59]);
    assert!(counts[61..].iter().all(|count| *count == 0.0), "{:?}", &counts[55..65]);
}

#[test]
fn a_name_may_be_any_text() {
    let simulation = Simulation::started();
    for name in ["<img src=\"x\">", "a / b", "c:p50", "ratio by (d)"] {
        simulation.monitor.record(name, 2.0).expect("a name");
        simulation.monitor.record(name, 4.0).expect("a name");
        simulation.tick();
        for (aggregate, value) in [("", 4.0), (":count", 2.0), (":min", 2.0), (":p100", f64::NAN)] {
            let asked = format!("{name}{aggregate}");
            if value.is_nan() {
                assert!(simulation.monitor.range(&[&asked], None, None, 600).is_err(), "{asked}");
                continue;
            }
            let seen = range(&simulation, &[&asked], 600);
            let newest = seen.columns[0].max.last().copied().flatten().expect("it was recorded");
            assert!((newest - value).abs() < 0.05, "{asked}: {newest}");
        }
    }
}

#[test]
fn questions_that_cannot_be_answered_say_why() {
    let simulation = Simulation::started();
    let error = |of: &[&str], start, points| {
        simulation.monitor.range(of, start, None, points).expect_err("no answer").to_string()
    };
    assert!(error(&[], None, 0).starts_with("points must be a whole number from 1 to 10000, got 0"));
    assert!(error(&["cpu_usage"; 201], None, 1).starts_with("expressions must be at most 200, got 201"));
    assert!(error(&["cpu_usage"; 21], None, 10_000).starts_with("points must be at most 200000 together, of all"));
    assert!(error(&[], Some(f64::NAN), 1).starts_with("start must be seconds since the epoch"));
    for of in ["cpu_usage:max", "m by (route)"] {
        assert!(error(&[of], None, 1).contains("without `by`"), "{of}");
    }
    assert!(error(&["cpu_usag"], None, 1).contains("cpu_usage"), "did you mean");
    assert!(error(&["m:p101"], None, 1).contains('^'));
}
