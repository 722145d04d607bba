//! Prometheus' text format, version 0.0.4: as little of it as is needed.

use std::{
    fmt::{Display, Write as _},
    time::Duration,
};

/// What kind of numbers a family has.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Only ever grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How numbers are spread.
    Histogram,
}

/// The text so far. Every family is written at once, as the format demands.
#[derive(Default)]
pub(super) struct Text {
    done: String,
    /// The family that samples belong to.
    family: &'static str,
}

impl Text {
    /// Begins a family. The explanation is one line without backslashes.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &'static str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.family = name;
        let _ = write!(self.done, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// One number of the family.
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.line("", labels, None, value);
    }

    /// One histogram of the family, by the numbers in each bucket; the last of them lies behind all bounds.
    pub(super) fn histogram(
        &mut self,
        labels: &[(&str, &str)],
        bounds: &[f64],
        buckets: &[u64],
        sum: Duration,
    ) {
        let ends = bounds.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
        let mut count = 0;
        for (end, number) in ends.zip(buckets) {
            count += number;
            self.line("_bucket", labels, Some(&end), count);
        }
        self.line("_sum", labels, None, sum.as_secs_f64());
        self.line("_count", labels, None, count);
    }

    pub(super) fn end(self) -> String {
        self.done
    }

    // Writing to a string cannot fail.
    fn line(&mut self, suffix: &str, labels: &[(&str, &str)], end: Option<&str>, value: impl Display) {
        let _ = write!(self.done, "{}{suffix}", self.family);
        let all = labels.iter().copied().chain(end.map(|it| ("le", it)));
        let mut before = '{';
        for (name, value) in all {
            let _ = write!(self.done, "{before}{name}=\"{}\"", escaped(value));
            before = ',';
        }
        let close = if before == ',' { "}" } else { "" };
        let _ = writeln!(self.done, "{close} {value}");
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_its_head_and_its_samples() {
        let mut text = Text::default();
        text.family("x_total", Kind::Counter, "Things.");
        text.sample(&[], 3);
        text.sample(&[("name", "a\"b\\c\nd"), ("other", "ä")], 0.5);
        assert_eq!(
            text.end(),
            "# HELP x_total Things.\n# TYPE x_total counter\nx_total 3\nx_total{name=\"a\\\"b\\\\c\\nd\",other=\"ä\"} \
             0.5\n"
        );
    }

    #[test]
    fn buckets_are_cumulative() {
        let mut text = Text::default();
        text.family("y_seconds", Kind::Histogram, "Spread.");
        text.histogram(&[("of", "z")], &[0.5, 1.0], &[1, 0, 2], Duration::from_millis(4500));
        let lines: Vec<_> = text.done.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "y_seconds_bucket{of=\"z\",le=\"0.5\"} 1",
                "y_seconds_bucket{of=\"z\",le=\"1\"} 1",
                "y_seconds_bucket{of=\"z\",le=\"+Inf\"} 3",
                "y_seconds_sum{of=\"z\"} 4.5",
                "y_seconds_count{of=\"z\"} 3",
            ]
        );
    }
}
