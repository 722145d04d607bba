//! How long a step took over time.

use jiff::Timestamp;
use maud::{Markup, html};

use crate::{
    report::html::{
        run_path,
        text::{full, near, time},
    },
    store::{StepPoint, StepStatistics},
    verdict::Verdict,
};

/// The drawing's size in its own units. It is stretched to the room there is; lines and dots keep their width, and
/// labels stand beside it, so that they are readable on any screen.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 240.0;

/// From how many times the median on one slow run would press all others to the ground.
const SPREAD: f64 = 20.0;

/// The vertical axis.
#[derive(Clone, Copy)]
enum Scale {
    Linear {
        top: f64,
    },
    /// In steps of ten times.
    Decades {
        bottom: f64,
        top: f64,
    },
}

impl Scale {
    fn over(points: &[&StepPoint], statistics: Option<&StepStatistics>) -> Self {
        let times = || points.iter().map(|it| it.duration_ms).filter(|it| it.is_finite() && *it > 0.0);
        let highest = times().chain(statistics.map(|it| it.p99_ms)).fold(1.0, f64::max);
        let mut sorted: Vec<_> = times().collect();
        sorted.sort_by(f64::total_cmp);
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or(highest);
        if highest < median * SPREAD {
            return Self::Linear { top: above(highest) };
        }
        let lowest = sorted.first().copied().unwrap_or(1.0).max(1.0);
        Self::Decades {
            bottom: 10_f64.powf(lowest.log10().floor()),
            top: 10_f64.powf(highest.log10().ceil()),
        }
    }

    /// How far down a time stands.
    fn y(self, milliseconds: f64) -> f64 {
        let share = match self {
            Self::Linear { top } => milliseconds / top,
            Self::Decades { bottom, top } => {
                (milliseconds.max(bottom).log10() - bottom.log10()) / (top.log10() - bottom.log10())
            }
        };
        HEIGHT * (1.0 - share.clamp(0.0, 1.0))
    }

    /// Times with a line, from the top.
    fn ticks(self) -> Vec<f64> {
        match self {
            Self::Linear { top } => (0..=4).rev().map(|it| top * f64::from(it) / 4.0).collect(),
            Self::Decades { bottom, top } => {
                let mut ticks: Vec<_> = std::iter::successors(Some(bottom), |it| Some(it * 10.0))
                    .take_while(|it| *it <= top * 1.001)
                    .collect();
                ticks.reverse();
                ticks
            }
        }
    }
}

/// The next round number: 1, 2, 4 or 8 with zeros.
fn above(value: f64) -> f64 {
    let decade = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 4.0, 8.0, 10.0].iter().map(|it| it * decade).find(|it| *it >= value).unwrap_or(value)
}

/// A dot per run, failed ones as squares, lines for the percentiles.
pub(super) fn chart(points: &[StepPoint], statistics: Option<&StepStatistics>, now: Timestamp) -> Markup {
    // What is blocked or left out took no time.
    let mut points: Vec<&StepPoint> =
        points.iter().filter(|it| !matches!(it.verdict, Verdict::Blocked | Verdict::Skipped)).collect();
    points.sort_by_key(|it| it.started);
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return html! { p.dim { "There are no runs to draw." } };
    };
    let scale = Scale::over(&points, statistics);
    let span = last.started.duration_since(first.started).as_secs_f64();
    let x = |moment: Timestamp| {
        if span <= 0.0 {
            return WIDTH / 2.0;
        }
        // Dots at the very edge would be cut.
        12.0 + (WIDTH - 24.0) * moment.duration_since(first.started).as_secs_f64() / span
    };
    let ticks = scale.ticks();
    let percentiles = statistics
        .filter(|it| it.p50_ms > 0.0)
        .map(|it| [("p50", it.p50_ms), ("p90", it.p90_ms), ("p99", it.p99_ms)]);
    let middle = Timestamp::from_second(i64::midpoint(first.started.as_second(), last.started.as_second()));
    let line: Vec<_> = points
        .iter()
        .filter(|it| it.verdict == Verdict::Passed)
        .map(|it| format!("{:.1},{:.1}", x(it.started), scale.y(it.duration_ms)))
        .collect();
    // Within minutes all moments would read the same.
    let moment = |moment: Timestamp| {
        if span < 600.0 {
            html! { (moment.strftime("%H:%M:%S")) " UTC" }
        } else {
            near(moment, now)
        }
    };
    html! {
        figure.chart {
            div.plot {
                div.ticks aria-hidden="true" { @for tick in &ticks { span { (time(*tick)) } } }
                svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="group"
                    aria-label="Latency over time" {
                    @for tick in &ticks { path.grid d={ "M0 " (unit(scale.y(*tick))) "H" (WIDTH) } {} }
                    @for (name, value) in percentiles.iter().flatten() {
                        path class={ "percentile " (name) } d={ "M0 " (unit(scale.y(*value))) "H" (WIDTH) } {
                            title { (name) ": " (time(*value)) }
                        }
                    }
                    polyline.line points=(line.join(" ")) {}
                    @for point in &points {
                        @let is_bad = point.verdict != Verdict::Passed;
                        @let mark = if point.flaky { "flaky" } else { point.verdict.as_str() };
                        @let (left, down) = (unit(x(point.started)), unit(scale.y(point.duration_ms)));
                        a class={ "dot " (mark) } href=(run_path(&point.run)) tabindex=[(!is_bad).then_some("-1")] {
                            title {
                                (full(point.started)) ": " (point.verdict)
                                @if point.flaky { ", flaky" }
                                ", " (time(point.duration_ms))
                            }
                            // A line without length has round ends: a dot, however the drawing is stretched.
                            path d={ "M" (left) " " (down) "h0" } {}
                        }
                    }
                }
                div.moments aria-hidden="true" {
                    span { (moment(first.started)) }
                    @if span > 0.0 {
                        @if let Ok(middle) = middle { span { (moment(middle)) } }
                        span { (moment(last.started)) }
                    }
                }
            }
            figcaption {
                span.key.dot-passed { "passed" } " " span.key.dot-failed { "did not pass" }
                @for (name, value) in percentiles.iter().flatten() {
                    " " span class={ "key line-" (name) } { (name) " " (time(*value)) }
                }
                @if matches!(scale, Scale::Decades { .. }) { " · each line is ten times the one below" }
            }
        }
    }
}

fn unit(length: f64) -> String {
    format!("{length:.1}")
}
