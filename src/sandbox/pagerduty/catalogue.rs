//! Every fault of the sandbox's PagerDuty. They are no faults of the product: who pages must live with them.

/// Every fault of PagerDuty, with what it does while it is on. Those of the REST API begin with `pagerduty_api_`; all
/// others are of the Events API, except that nobody is let in at all while PagerDuty is down.
pub const CATALOGUE: &[(&str, &str)] = &[
    ("pagerduty_down", "PagerDuty, all of it, resets every connection"),
    ("pagerduty_slow", "an event is taken at once and answered much later"),
    ("pagerduty_rate_limited", "every event is answered with 429 and not taken"),
    ("pagerduty_error", "every event is answered with 503 and a page of HTML, and not taken"),
    ("pagerduty_error_after_accepting", "every event is taken and answered with 500"),
    ("pagerduty_cut_before_ingesting", "the connection is cut when an event was read; it is not taken"),
    ("pagerduty_cut_after_reading", "the connection is cut when an event was read; it is taken"),
    ("pagerduty_swallows", "nobody is on call: triggers are answered with 202 and open no incident"),
    (
        "pagerduty_maintenance",
        "the service is in maintenance: triggers are answered with 202 and open no incident",
    ),
    ("pagerduty_refuses", "an event with custom details is answered with 400; without them it is taken"),
    ("pagerduty_refuses_all", "every event is answered with 400"),
    ("pagerduty_api_down", "the REST API cuts every connection"),
    ("pagerduty_api_refuses", "the REST API accepts no token"),
];
