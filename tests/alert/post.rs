//! Delivery: tables of what is begun after each event, and random histories against a model of PagerDuty.

mod model;
mod script;

use std::time::Duration;

use coalmine::alert::{
    log::{Happened, OutcomeWord},
    notifier::Action,
    post::{Post, Route, Why},
};
use jiff::SignedDuration;
use script::{Desk, attempt, incident, outcome, route, start};

fn check(routes: &[&str], script: &str) {
    let routes: Vec<_> = routes.iter().map(|it| route(it)).collect();
    Desk::new(&routes, None).play(script);
}

/// With a second that is told nothing else.
fn check_with_second(routes: &[&str], script: &str) {
    let mut routes: Vec<_> = routes.iter().map(|it| route(it)).collect();
    routes.push(Route { on_call: false, ..route("mail") });
    Desk::new(&routes, Some("mail")).play(script);
}

#[test]
fn what_is_wanted_is_told_and_what_is_over_is_resolved() {
    check(
        &["pd"],
        "open x1   | pd trigger x1
         accepted
         close x1  | pd resolve x1
         accepted
         +59
         +1        | pd resolve x1
         accepted
         +3600",
    );
}

#[test]
fn everybody_of_the_audience_is_told() {
    check(
        &["pd", "slack"],
        "open x1   | pd trigger x1, slack trigger x1
         accepted pd
         away slack
         close x1  | pd resolve x1 | not told x1 slack
         accepted",
    );
    check(&["pd"], "open x1 owners");
}

#[test]
fn the_old_is_resolved_before_the_new_is_told() {
    check(
        &["pd"],
        "open x1   | pd trigger x1
         accepted
         close x1  | pd resolve x1
         open x2
         away
         +2        | pd resolve x1
         maybe
         +3        | pd resolve x1
         accepted  | pd trigger x2
         accepted
         +60",
    );
}

#[test]
fn a_resolve_that_is_refused_does_not_stand_before_the_new() {
    check(
        &["pd"],
        "open x1   | pd trigger x1
         accepted
         close x1  | pd resolve x1
         open x2
         refused   | pd resolve x1 minimal
         refused   | pd trigger x2",
    );
}

#[test]
fn what_closed_before_anything_could_arrive_is_history() {
    check(
        &["pd"],
        "open x1   | pd trigger x1
         close x1
         away      | | not told x1 pd
         +3600",
    );
    check(
        &["pd"],
        "open x1   | pd trigger x1
         away
         close x1  | | not told x1 pd
         +3600",
    );
    check(
        &["pd"],
        "open x1   | pd trigger x1
         refused   | pd trigger x1 minimal
         close x1
         refused   | | not told x1 pd
         +3600",
    );
}

#[test]
fn what_may_have_arrived_is_resolved() {
    check(
        &["pd"],
        "open x1   | pd trigger x1
         maybe
         close x1
         +2        | pd resolve x1
         accepted",
    );
    check(
        &["pd"],
        "open x1   | pd trigger x1
         close x1
         maybe
         +2        | pd resolve x1",
    );
    check(
        &["pd"],
        "open x1   | pd trigger x1
         maybe
         +2        | pd trigger x1
         close x1
         away
         +3        | pd resolve x1",
    );
    check(
        &["pd"],
        "open x1   | pd trigger x1
         restart   | pd trigger x1
         close x1
         away
         +3        | pd resolve x1",
    );
}

#[test]
fn an_unknown_outcome_is_tried_again_without_end_only_where_it_is_absorbed() {
    let mut desk = Desk::new(&[route("pd"), route("slack")], None);
    desk.act("open x1");
    let mut sent = Vec::new();
    for _ in 0..20 {
        sent.extend(desk.due().iter().map(attempt));
        desk.act("maybe");
        desk.pass(31);
        if desk.post.lines().any(|it| it.notifier == "slack" && it.rest.is_some()) {
            break;
        }
    }
    assert_eq!(sent.iter().filter(|it| it.starts_with("slack")).count(), 3, "{sent:?}");
    assert_eq!(sent.iter().filter(|it| it.starts_with("pd")).count(), 3, "{sent:?}");
    let rests: Vec<_> = desk.post.lines().map(|it| it.rest.as_ref().map(|it| it.why)).collect();
    assert_eq!(rests, [None, Some(Why::MayBeTold)]);
    desk.play(
        "+31              | pd trigger x1
         accepted
         remind x1        | pd trigger x1 r2, slack trigger x1 r2
         accepted
         close x1         | pd resolve x1 r2, slack resolve x1 r2",
    );
}

#[test]
fn attempts_wait_longer_and_longer() {
    let mut desk = Desk::new(&[route("pd")], None);
    desk.act("open x1");
    let mut waits = Vec::new();
    desk.due();
    for _ in 0..8 {
        desk.act("away");
        let wake = desk.post.wake(desk.now).unwrap();
        waits.push(wake.duration_since(desk.now).as_secs_f64());
        desk.now = wake - SignedDuration::from_millis(1);
        assert!(desk.due().is_empty());
        desk.now = wake;
        assert_eq!(desk.due().len(), 1);
    }
    assert_eq!(waits, [1.5, 3.0, 6.0, 12.0, 24.0, 30.0, 30.0, 30.0]);
}

#[test]
fn a_notifier_says_when_to_come_again_up_to_five_minutes() {
    check(
        &["slack"],
        "open x1   | slack trigger x1
         later:90
         +89
         +1        | slack trigger x1
         later:9000
         +299      | | escalated x1 slack>nobody
         +1        | slack trigger x1
         later:0
         +5
         +1        | slack trigger x1",
    );
}

#[test]
fn who_is_away_is_probed_and_tells_all_when_it_is_back() {
    let mut desk = Desk::new(&[route("pd")], None);
    for number in 0..1000 {
        let id = format!("{}1", letters(number));
        desk.act(&format!("open {id}"));
    }
    let end = desk.now + SignedDuration::from_hours(1);
    let (mut requests, mut first) = (0, true);
    while desk.now < end {
        let begun = desk.due().len();
        assert!(begun <= if first { 20 } else { 1 }, "{begun}");
        first = false;
        requests += begun;
        if begun > 0 {
            desk.act("away");
        }
        desk.now = desk.post.wake(desk.now).unwrap();
    }
    assert!(requests < 150, "{requests} requests in an hour");
    assert_eq!(desk.due().len(), 1, "another probe");
    desk.act("accepted");
    let begun = desk.due();
    assert_eq!(begun.len(), 19, "as many as the bucket holds, without the probe");
}

fn letters(number: usize) -> String {
    let digit = |at: usize| char::from(b'a' + u8::try_from(at % 26).expect("less than 26"));
    [digit(number / 676), digit(number / 26), digit(number)].iter().collect()
}

#[test]
fn who_is_back_is_told_everything_at_once() {
    check(
        &["pd"],
        "open x1   | pd trigger x1
         away
         open y1   | pd trigger y1
         later:200
         open z1   | pd trigger z1
         later:200
         open w1
         +2        | pd trigger w1
         accepted  | pd trigger x1, pd trigger y1, pd trigger z1",
    );
}

#[test]
fn a_line_that_nobody_can_take_does_not_stand_before_others() {
    check(
        &["pd"],
        "open x1   | pd trigger x1
         maybe
         +30       | pd trigger x1
         maybe
         +30       | pd trigger x1
         maybe
         open y1 warning
         +30       | pd trigger y1
         maybe
         +30       | pd trigger x1",
    );
}

#[test]
fn tokens_go_to_what_is_most_urgent_and_oldest() {
    let mut pd = route("pd");
    (pd.manner.burst, pd.manner.per_minute) = (3, 60);
    let mut desk = Desk::new(&[pd], None);
    desk.play(
        "open r1                          | pd trigger r1
         accepted
         open a1                          | pd trigger a1
         accepted
         open e1                          | pd trigger e1
         accepted",
    );
    desk.pass(1);
    for event in ["remind r1", "ack a1", "close e1", "open w1 warning", "open d1", "open c1"] {
        desk.act(event);
        desk.now += SignedDuration::from_millis(1);
    }
    let mut order = Vec::new();
    for _ in 0..6 {
        let begun = desk.due();
        assert_eq!(begun.len(), 1, "{begun:?} {order:?}");
        order.extend(begun.iter().map(attempt));
        desk.act("accepted");
        desk.pass(1);
    }
    assert_eq!(
        order,
        [
            "pd trigger d1",
            "pd trigger c1",
            "pd trigger w1",
            "pd resolve e1",
            "pd acknowledge a1",
            "pd trigger r1 r2"
        ]
    );
}

#[test]
fn no_minute_sees_more_than_burst_and_rate() {
    let mut desk = Desk::new(&[route("pd")], None);
    for number in 0..300 {
        desk.act(&format!("open {}1", letters(number)));
    }
    let mut times = Vec::new();
    while let Some(wake) = desk.post.wake(desk.now) {
        desk.now = desk.now.max(wake);
        let begun = desk.due();
        times.extend(begun.iter().map(|_| desk.now));
        if !begun.is_empty() {
            desk.act("accepted");
        }
    }
    assert_eq!(times.len(), 300);
    for (at, time) in times.iter().enumerate() {
        let minute = times[at..].iter().take_while(|it| it.duration_since(*time).as_secs() < 60).count();
        assert!(minute <= 80, "{minute}");
    }
    let took = times[299].duration_since(times[0]);
    assert!(took.as_secs() <= 281, "{took}");
}

#[test]
fn repeats_leave_half_the_burst_to_others() {
    let mut desk = Desk::new(&[route("pd")], None);
    let keys: Vec<String> = (0..100).map(letters).collect();
    desk.post.sweep(keys.iter().map(String::as_str), desk.now);
    assert_eq!(desk.due().len(), 11, "of 20, until less than 10 are left");
    assert!(desk.rows.is_empty(), "a sweep is not worth keeping");
    desk.act("accepted");
    for number in 200..209 {
        desk.act(&format!("open {}1", letters(number)));
    }
    assert_eq!(desk.due().len(), 9);
    desk.restart();
    desk.post.sweep(keys.iter().map(String::as_str), desk.now);
    let begun = desk.due();
    assert_eq!(begun.len(), 9, "of half a burst, nothing is left for repeats");
    assert!(begun.iter().all(|it| it.action == Action::Trigger));
}

#[test]
fn green_keys_are_swept_and_what_is_wanted_is_not() {
    check(
        &["pd", "slack"],
        "open x1   | pd trigger x1, slack trigger x1
         accepted
         sweep x y | pd resolve y
         open y1   | slack trigger y1
         accepted  | pd trigger y1
         accepted
         +3600",
    );
}

#[test]
fn a_repeat_waits_while_something_is_wanted() {
    check(
        &["pd"],
        "open x1   | pd trigger x1
         accepted
         close x1  | pd resolve x1
         accepted
         open x2   | pd trigger x2
         +60
         away
         close x2  | | not told x2 pd
         +60       | pd resolve x1
         accepted
         +3600",
    );
}

#[test]
fn what_is_refused_is_told_in_short_and_then_by_the_second() {
    check_with_second(
        &["pd"],
        "open x1      | pd trigger x1
         refused      | pd trigger x1 minimal
         refused      | mail trigger x1 instead | escalated x1 pd>mail
         accepted
         +599
         +1           | pd trigger x1 minimal
         refused pd
         +599
         remind x1    | pd trigger x1 r2, mail trigger x1 r2 instead
         accepted mail
         refused pd   | pd trigger x1 r2 minimal
         accepted pd
         close x1     | pd resolve x1 r2, mail resolve x1 r2",
    );
    check_with_second(
        &["pd"],
        "open x1      | pd trigger x1
         refused      | pd trigger x1 minimal
         refused      | mail trigger x1 instead | escalated x1 pd>mail
         accepted
         remind x1    | pd trigger x1 r2, mail trigger x1 r2 instead
         accepted mail
         refused pd   | pd trigger x1 r2 minimal
         refused
         close x1     | mail resolve x1 r2 | not told x1 pd",
    );
}

#[test]
fn what_is_undelivered_for_five_minutes_is_told_by_the_second_once() {
    check_with_second(
        &["pd"],
        "open x1         | pd trigger x1
         away
         +299            | pd trigger x1
         +1              | mail trigger x1 instead | escalated x1 pd>mail
         accepted mail
         away pd
         +3600           | pd trigger x1
         accepted
         close x1        | pd resolve x1, mail resolve x1
         accepted",
    );
    check_with_second(
        &["pd"],
        "open x1         | pd trigger x1
         away
         +300            | pd trigger x1, mail trigger x1 instead | escalated x1 pd>mail
         away
         close x1        | | not told x1 pd, not told x1 mail
         +3600",
    );
}

#[test]
fn the_second_may_have_been_told_anyway() {
    check(
        &["pd", "slack"],
        "open x1         | pd trigger x1, slack trigger x1
         accepted slack
         away pd
         +300            | pd trigger x1 | escalated x1 pd>slack",
    );
    check(&["pd"], "open x1 | pd trigger x1\n +300 | | escalated x1 pd>nobody");
}

#[test]
fn owners_matters_do_not_wake_the_engineer_on_call() {
    let owners = Route { on_call: false, owners: true, ..route("slack") };
    Desk::new(&[route("pd"), owners.clone()], Some("pd")).play(
        "open x1 owners | slack trigger x1
         +300           | | escalated x1 slack>nobody",
    );
    let nobodys = Route { on_call: false, ..route("mail") };
    Desk::new(&[route("pd"), owners, nobodys], Some("mail")).play(
        "open x1 owners | slack trigger x1
         +300           | mail trigger x1 instead | escalated x1 slack>mail",
    );
}

#[test]
fn silences_hold_what_is_not_told_and_leave_what_is() {
    check(
        &["pd"],
        "open x1 held
         +3600
         release x1  | pd trigger x1
         accepted
         hold x1
         remind x1
         +3600
         release x1  | pd trigger x1 r2
         accepted
         pause x1
         close x1    | pd resolve x1 r2",
    );
    check(
        &["pd"],
        "open x1     | pd trigger x1
         away
         hold x1
         +3600
         release x1  | pd trigger x1
         +299
         +1          | | escalated x1 pd>nobody",
    );
    check(
        &["pd"],
        "open x1     | pd trigger x1
         maybe
         hold x1
         +3600
         close x1    | pd resolve x1",
    );
}

#[test]
fn what_was_resolved_there_rests_until_the_next_round() {
    check(
        &["pd", "slack"],
        "open x1         | pd trigger x1, slack trigger x1
         accepted
         +120
         list pd         |  | gone x1
         resolved pd x1  |  | resolved x1 pd
         human x1
         +3600
         list pd
         remind x1
         release x1      | pd trigger x1 r2, slack trigger x1 r2
         accepted
         +120
         list pd         |  | gone x1
         resolved pd x1  |  | resolved x1 pd
         close x1        | slack resolve x1 r2",
    );
}

#[test]
fn what_is_open_ends_what_was_repeated_before() {
    check(
        &["pd"],
        "open x1         | pd trigger x1
         accepted
         close x1        | pd resolve x1
         accepted
         open x2         | pd trigger x2
         accepted
         resolved pd x2  |  | resolved x2 pd
         close x2
         +3600",
    );
}

#[test]
fn what_was_swallowed_is_told_by_the_second_at_once() {
    check_with_second(
        &["pd"],
        "open x1          | pd trigger x1
         accepted
         +30
         list pd
         +30
         list pd          | | gone x1
         swallowed pd x1  | mail trigger x1 instead | swallowed x1 pd, escalated x1 pd>mail
         accepted
         +599
         +1               | pd trigger x1
         accepted pd
         remind x1        | pd trigger x1 r2, mail trigger x1 r2 instead
         accepted
         close x1         | pd resolve x1 r2, mail resolve x1 r2",
    );
    check(
        &["pd"],
        "open x1          | pd trigger x1
         accepted
         swallowed pd x1  | | swallowed x1 pd, escalated x1 pd>nobody
         +120
         list pd x        | | confirmed x1 pd
         +3600
         close x1         | pd resolve x1",
    );
    // Whatever has swallowed it may be over, and there is nobody else.
    check(
        &["pd"],
        "open x1          | pd trigger x1
         accepted
         swallowed pd x1  | | swallowed x1 pd, escalated x1 pd>nobody
         +599
         +1               | pd trigger x1
         accepted
         +60
         list pd x        | | confirmed x1 pd
         close x1         | pd resolve x1",
    );
}

#[test]
fn what_timed_out_there_is_told_anew() {
    check(
        &["pd"],
        "open x1          | pd trigger x1
         accepted
         +20000
         timed_out pd x1  | pd trigger x1
         away
         close x1
         +3600",
    );
}

#[test]
fn acknowledgements_go_both_ways() {
    check(
        &["pd", "slack"],
        "open x1          | pd trigger x1, slack trigger x1
         ack x1
         accepted         | pd acknowledge x1
         accepted
         +120
         list pd x*       | | confirmed x1 pd
         list pd x*",
    );
    check(
        &["pd"],
        "open x1          | pd trigger x1
         accepted
         +120
         list pd x*       | | ack x1 by bob, confirmed x1 pd
         ack x1
         list pd x*
         +3600",
    );
}

#[test]
fn ghosts_are_resolved() {
    check(
        &["pd"],
        "list pd x   | pd resolve x
         accepted
         +30
         list pd x
         +60         | pd resolve x
         list pd x
         accepted",
    );
    check(
        &["pd"],
        "open x1     | pd trigger x1
         list pd x
         accepted
         list pd
         +120
         list pd x y | pd resolve y | confirmed x1 pd",
    );
}

#[test]
fn who_forgets_is_told_again_and_again() {
    check(
        &["am"],
        "open x1   | am trigger x1
         accepted
         +59
         +1        | am trigger x1
         accepted
         hold x1
         +60       | am trigger x1
         away
         release x1
         +30       | am trigger x1
         accepted
         close x1  | am resolve x1
         accepted
         +60       | am resolve x1
         accepted
         +60       | am resolve x1
         accepted
         +60       | am resolve x1
         accepted
         +60       | am resolve x1
         accepted
         +60       | am resolve x1
         accepted
         +3600",
    );
    check(
        &["am"],
        "open x1   | am trigger x1
         accepted
         +60       | am trigger x1
         away
         +299      | am trigger x1
         +1        | | escalated x1 am>nobody",
    );
}

#[test]
fn notifiers_come_and_go_with_the_configuration() {
    check(
        &["pd"],
        "open x1          | pd trigger x1
         accepted
         routes pd slack
         restart          | slack trigger x1
         accepted
         routes slack
         restart          | | not told x1 pd
         close x1         | slack resolve x1",
    );
}

#[test]
fn what_was_closed_while_nobody_ran_is_resolved() {
    let mut desk = Desk::new(&[route("pd")], None);
    desk.play("open x1 | pd trigger x1\n accepted");
    desk.incidents.get_mut("x1").unwrap().closed = script::closed(desk.now);
    desk.play("restart | pd resolve x1");
}

#[test]
fn a_clock_that_goes_back_makes_nothing_wait() {
    check(
        &["pd"],
        "open x1   | pd trigger x1
         away
         -86400
         +1
         +1        | pd trigger x1
         accepted
         close x1  | pd resolve x1
         accepted
         -86400
         +59
         +1        | pd resolve x1",
    );
    let mut desk = Desk::new(&[route("pd")], None);
    desk.play("open x1 | pd trigger x1\n accepted\n close x1 | pd resolve x1\n accepted");
    desk.pass(-86_400);
    desk.play("restart\n +60 | pd resolve x1\n accepted\n +3600");

    let mut desk = Desk::new(&[route("pd")], None);
    for number in 0..25 {
        desk.act(&format!("open {}1", letters(number)));
    }
    assert_eq!(desk.due().len(), 20);
    desk.pass(-86_400);
    assert_eq!(desk.due().len(), 0);
    desk.pass(2);
    assert_eq!(desk.due().len(), 2, "the bucket fills as before");
}

#[test]
fn undelivered_is_what_nobody_has_confirmed() {
    let mut desk = Desk::new(&[route("pd"), route("slack")], None);
    let since = desk.now;
    desk.play("open x1 | pd trigger x1, slack trigger x1\n +10");
    assert_eq!(desk.post.undelivered(desk.now), Some((since, 1)));
    desk.play("maybe slack");
    assert_eq!(desk.post.undelivered(desk.now), Some((since, 1)));
    let health = desk.post.health(desk.now);
    assert_eq!((health[1].waiting, health[1].oldest, health[1].failures), (1, Some(since), 1));
    desk.play("accepted pd\n");
    assert_eq!(desk.post.undelivered(desk.now), None);
    let health = desk.post.health(desk.now);
    assert_eq!((health[0].waiting, health[0].last_accepted, health[0].failures), (0, Some(desk.now), 0));
    let reminded = desk.now;
    desk.play("remind x1 | pd trigger x1 r2");
    assert_eq!(desk.post.undelivered(desk.now), Some((reminded, 1)));
    desk.play("hold x1");
    assert_eq!(desk.post.undelivered(desk.now), None, "nobody is to be told");
}

#[test]
fn the_log_of_a_long_outage_is_short() {
    let mut desk = Desk::new(&[route("pd")], None);
    desk.act("open x1");
    for _ in 0..1000 {
        assert_eq!(desk.due().len(), 1);
        desk.act("away");
        desk.pass(31);
    }
    desk.due();
    desk.act("accepted");
    let more: Vec<u32> = desk
        .log
        .iter()
        .filter_map(|it| match it.what {
            Happened::More { attempts, .. } => Some(attempts),
            _ => None,
        })
        .collect();
    assert_eq!((more.len(), more.iter().sum::<u32>()), (20, 980));
    let sent = desk.log.iter().filter(|it| matches!(it.what, Happened::Sent { .. })).count();
    assert_eq!((sent, desk.log.len()), (21, 42), "and one for the escalation");
    let taken =
        |it: &Happened| matches!(it, Happened::Sent { outcome: OutcomeWord::Accepted, attempt: 1001, .. });
    assert!(desk.log.last().is_some_and(|it| taken(&it.what)));
}

#[test]
fn what_is_wanted_again_changes_nothing() {
    let mut desk = Desk::new(&[route("pd")], None);
    desk.play("open x1 | pd trigger x1\n accepted");
    desk.want("x1");
    assert!(desk.post.dirty().is_empty());
    desk.act("close x1");
    desk.due();
    desk.act("accepted");
    desk.keep();
    desk.want("x1");
    assert!(desk.post.dirty().is_empty());
}

#[test]
fn an_end_that_nobody_waits_for_is_no_harm() {
    let mut desk = Desk::new(&[route("pd")], None);
    desk.act("open x1");
    let first = desk.due();
    desk.act("maybe");
    let now = desk.now;
    assert!(desk.post.ended(&first[0], &outcome("accepted").unwrap(), Duration::ZERO, now).is_empty());
    assert!(desk.post.undelivered(now).is_some());
}

#[test]
fn thousands_of_lines_are_no_burden() {
    let mut pd = route("pd");
    (pd.manner.burst, pd.manner.per_minute) = (10_000, 1);
    let mut post = Post::new(vec![pd], None);
    let begun = std::time::Instant::now();
    for number in 0..5000 {
        let mut new = incident("x1", start());
        (new.id, new.key) = (format!("i-{number}"), format!("key/{number}"));
        post.want(&new, start());
    }
    let attempts = post.due(start());
    assert_eq!((attempts.len(), post.dirty().len()), (5000, 5000));
    for attempt in &attempts {
        post.ended(attempt, &outcome("accepted").unwrap(), Duration::ZERO, start());
    }
    assert_eq!((post.due(start()).len(), post.wake(start()), post.undelivered(start())), (0, None, None));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
