//! What a suite's author is told before the first request: the whole text of every problem.

use std::time::{Duration, Instant};

use coalmine::{
    AlertPolicy, Canary, Context, Ends, Failure, FromContext, Needs, Out, Resources, Result, Suite,
    suite::{DEFAULT_TIMEOUT, Plan},
};

struct Account;
struct Basket;
struct Receipt;
struct Fact<const N: usize>;

mod elsewhere {
    pub(crate) struct Account;
}

/// The shop's client, built from what the run is given.
struct Shop;

impl FromContext for Shop {
    fn needs(needs: &mut Needs) {
        needs.resource::<Resources>();
    }

    fn from_context(_: &Context) -> Self {
        Self
    }
}

async fn look() -> Result<()> {
    Ok(())
}

async fn sign_up() -> Result<Account> {
    Ok(Account)
}

async fn fill(_: Out<Account>) -> Result<Basket> {
    Ok(Basket)
}

async fn pay(_: Out<Basket>) -> Result<Receipt> {
    Ok(Receipt)
}

async fn close(_: Ends<Account>) -> Result<()> {
    Ok(())
}

fn front() -> Canary {
    Canary::new("front")
}

fn shop(canary: Canary) -> Suite {
    Suite::new("shop").canary(canary)
}

/// The suite has exactly these problems, each with exactly this text.
#[track_caller]
fn check<const N: usize>(suite: Suite, expected: [&str; N]) {
    let Err(error) = suite.plan() else { panic!("expected {expected:#?}") };
    let texts: Vec<_> = error.problems.iter().map(ToString::to_string).collect();
    assert_eq!(texts, expected);
}

#[test]
fn a_suite_without_canaries() {
    check(Suite::new("shop"), ["the suite `shop` has no canary; add one with `.canary(..)`"]);
}

#[test]
fn a_canary_without_steps() {
    check(shop(front()), ["the canary `front` has no step; add one with `.step(..)`"]);
    check(
        shop(front().fixture("account", sign_up)),
        ["the canary `front` has no step; add one with `.step(..)`"],
    );
}

#[test]
fn names_that_are_no_keys() {
    check(
        shop(Canary::new("the front").step("a::b", look).step("", look)),
        [
            "`the front` is no good name: use letters, digits, `_`, `-` and `.`",
            "`the front::a::b` is no good name: use letters, digits, `_`, `-` and `.`",
            "`the front::` is no good name: use letters, digits, `_`, `-` and `.`",
        ],
    );
}

#[test]
fn two_canaries_of_one_name() {
    check(
        shop(front().step("look", look)).canary(front().step("look", look)),
        ["two canaries are called `front`; rename one"],
    );
}

#[test]
fn two_steps_of_one_name() {
    let (file, first) = (file!(), line!() + 1);
    let canary = front().step("look", look);
    let canary = canary.step("look", look);
    let second = first + 1;
    check(
        shop(canary),
        [&format!(
            "two steps are called `front::look`; rename one\n  {file}:{first}:26\n  {file}:{second}:25"
        )],
    );
}

#[test]
fn a_fixture_and_a_step_of_one_name() {
    let Err(error) = shop(front().fixture("look", sign_up).step("look", look)).plan() else { panic!() };
    assert!(error.to_string().contains("two steps are called `front::look`; rename one\n"), "{error}");
}

#[test]
fn options_before_the_first_step() {
    check(
        shop(front().covers("look-up").timeout(DEFAULT_TIMEOUT).step("look", look)),
        [
            "`.covers(..)` stands before the first step of `front`; put it behind its step",
            "`.timeout(..)` stands before the first step of `front`; put it behind its step",
        ],
    );
}

#[test]
fn nobody_returns_it() {
    check(
        shop(front().step("pay", pay)),
        ["`front::pay` needs `Basket`, which no step returns\n  \
          add the step that does, or take one of these: `Receipt` from `pay`"],
    );
    check(
        shop(front().step("close", close)),
        ["`front::close` needs `Account`, which no step returns\n  \
          no step returns anything yet: add the one that does"],
    );
    check(
        shop(
            front()
                .step("sign_up", sign_up)
                .fixture("page", || async { Ok::<_, Failure>(7_u8) })
                .step("pay", pay),
        ),
        ["`front::pay` needs `Basket`, which no step returns\n  \
          add the step that does, or take one of these: `Account` from `sign_up`, `u8` from `page`, `Receipt` from `pay`"],
    );
}

#[test]
fn nobody_returns_it_and_there_is_much_to_choose_from() {
    macro_rules! many {
        ($($number:literal)*) => {
            front()$(.step(concat!("make_", $number), || async { Ok::<_, Failure>([0_u8; $number]) }))*
        };
    }
    check(
        shop(many!(1 2 3 4 5 6 7 8 9 10 11 12 13 14).step("close", close)),
        [
            "`front::close` needs `Account`, which no step returns\n  add the step that does, or take one of these: \
          `[u8; 1]` from `make_1`, `[u8; 2]` from `make_2`, `[u8; 3]` from `make_3`, `[u8; 4]` from `make_4`, \
          `[u8; 5]` from `make_5`, `[u8; 6]` from `make_6`, `[u8; 7]` from `make_7`, `[u8; 8]` from `make_8`, \
          `[u8; 9]` from `make_9`, `[u8; 10]` from `make_10`, `[u8; 11]` from `make_11`, \
          `[u8; 12]` from `make_12` and 2 more",
        ],
    );
}

#[test]
fn somebody_returns_another_type_of_the_same_name() {
    check(
        shop(front().step("sign_up", || async { Ok::<_, Failure>(elsewhere::Account) }).step("close", close)),
        [
            "`front::close` needs `Account`, which no step returns\n  `sign_up` returns another type of that name: \
          `main::plan::elsewhere::Account`, not `main::plan::Account`",
        ],
    );
}

#[test]
fn a_step_of_another_canary_returns_it() {
    check(
        shop(front().step("sign_up", sign_up)).canary(Canary::new("back").step("close", close)),
        ["`back::close` needs `Account`, which no step returns\n  \
          `front::sign_up` returns it, but a step can only take from steps of its own canary"],
    );
}

#[test]
fn several_return_it() {
    check(
        shop(front().step("sign_up", sign_up).step("sign_up_again", sign_up).step("close", close)),
        ["`front::close` needs `Account`, which several steps return: sign_up, sign_up_again\n  \
          say which with `.pick::<Account>(\"sign_up\")`, or wrap one in a type of its own"],
    );
    let pair = |_: Out<(Account, Vec<Basket>)>| look();
    let make = || async { Ok::<_, Failure>((Account, vec![Basket])) };
    check(
        shop(front().step("one", make).step("two", make).step("use", pair)),
        [
            "`front::use` needs `(main::plan::Account, alloc::vec::Vec<main::plan::Basket>)`, which several steps \
          return: one, two\n  say which with \
          `.pick::<(main::plan::Account, alloc::vec::Vec<main::plan::Basket>)>(\"one\")`, or wrap one in a type of \
          its own",
        ],
    );
}

#[test]
fn picks_that_do_not_fit() {
    check(
        shop(
            front()
                .step("sign_up", sign_up)
                .step("fill", fill)
                .pick::<Account>("look")
                .step("look", look)
                .step("close", close)
                .pick::<Account>("sign_in")
                .step("pay", pay)
                .pick::<Account>("sign_up"),
        ),
        [
            "`front::fill` picks `Account` from `look`, which returns `()`; name the step that returns it",
            "`front::close` names `sign_in`, but the canary has no such step; correct the name",
            "`front::pay` picks `Account`, but does not need it; remove the `.pick`",
        ],
    );
}

#[test]
fn after_a_step_that_is_not_there() {
    check(
        shop(front().step("look", look).after("sign_up")),
        ["`front::look` names `sign_up`, but the canary has no such step; correct the name"],
    );
}

#[test]
fn several_end_it() {
    check(
        shop(front().step("sign_up", sign_up).step("close", close).step("delete", close).step("drop", close)),
        ["several steps take `Ends<Account>`, but only one can destroy it: front::close, front::delete, \
          front::drop; let the others take `Out`"],
    );
}

#[test]
fn steps_in_a_circle() {
    check(
        shop(front().step("sign_up", sign_up).after("pay").step("fill", fill).step("pay", pay)),
        ["steps wait for one another, each for the next: front::sign_up -> front::pay -> front::fill -> \
          front::sign_up; break the circle"],
    );
}

#[test]
fn every_circle_is_found() {
    check(
        shop(
            front()
                .step("a", look)
                .after("b")
                .step("b", look)
                .after("a")
                .step("c", look)
                .after("a")
                .step("d", look)
                .after("c")
                .after("e")
                .step("e", look)
                .after("d"),
        ),
        [
            "steps wait for one another, each for the next: front::a -> front::b -> front::a; break the circle",
            "steps wait for one another, each for the next: front::d -> front::e -> front::d; break the circle",
        ],
    );
}

#[test]
fn a_step_that_waits_for_itself() {
    check(
        shop(front().step("renew", |_: Out<Account>| sign_up()).step("look", look).after("look")),
        [
            "`front::renew` waits for itself: it takes what it returns, or comes `.after` itself; remove that",
            "`front::look` waits for itself: it takes what it returns, or comes `.after` itself; remove that",
        ],
    );
}

#[test]
fn a_reader_that_needs_what_ending_it_gives() {
    check(
        shop(
            front()
                .step("sign_up", sign_up)
                .step("close", |_: Ends<Account>| async { Ok::<_, Failure>(Receipt) })
                .step("look_back", |_: Out<Account>, _: Out<Receipt>| look()),
        ),
        [
            "steps wait for one another, each for the next: front::close -> front::look_back -> front::close; break \
          the circle\n  `front::close` waits for `front::look_back` because it ends what that one takes",
        ],
    );
}

#[test]
fn operations_and_their_provers() {
    let canary = front()
        .step("look", look)
        .covers("list-goods")
        .covers("list-good")
        .step("look_again", look)
        .covers("list-goods")
        .step("look_twice", look)
        .covers("close-shop")
        .covers("close-shop");
    let back = Canary::new("back").fixture("account", sign_up).covers("sign-up").step("close", close);
    check(
        shop(canary).canary(back).operations(["list-goods", "sign-up", "pay", "close-shop"]),
        [
            "`front::look` covers `list-good`, which is no operation of the product; correct the name",
            "`back::fixture account` covers `sign-up`, but a fixture is no test case; let a step cover it",
            "the operation `list-goods` has several provers: front::look, front::look_again; let one of them cover \
             it and the others take its output",
            "the operation `pay` has no prover; add `.covers(\"pay\")` to the step that is responsible for it",
        ],
    );
}

#[test]
fn alert_policies_that_are_not_there_or_make_no_sense() {
    let policy = AlertPolicy::default;
    let named = |name: &str| shop(front().alert(name).step("look", look));
    check(
        named("patiant").policy("patient", policy().open(3, 5)),
        ["the canary `front` alerts by `patiant`, which is no policy of the suite; did you mean `patient`?"],
    );
    check(
        named("nightly"),
        ["the canary `front` alerts by `nightly`, which is no policy of the suite; add it with \
          `.policy(\"nightly\", ..)`, or correct the name"],
    );
    check(
        named("hasty").policy("hasty", policy()).policy("hasty", policy().close(0)),
        [
            "two policies are called `hasty`; rename one",
            "the alert policy `hasty` makes no sense: it closes after 0 passes; let it be at least 1",
        ],
    );
    let own = |policy: AlertPolicy| shop(front().alert(policy).step("look", look));
    let says = |mistake: &str| format!("the alert policy of the canary `front` makes no sense: {mistake}");
    let bounds = "let the first be at least 1 and at most the second";
    check(own(policy().open(3, 2)), [&says(&format!("it opens after 3 of 2 runs; {bounds}"))]);
    check(own(policy().open(0, 2)), [&says(&format!("it opens after 0 of 2 runs; {bounds}"))]);
    check(own(policy().open(1, 101)), [&says("it looks at 101 runs; look at 100 at most")]);
    check(
        own(policy().remind(Duration::from_secs(59))),
        [&says("it reminds more often than every minute; remind less often")],
    );
    // There is always a default.
    assert!(named("default").plan().is_ok());
}

#[test]
fn resources_that_the_run_was_not_given() {
    let plan =
        shop(front().step("look", |_: Shop| look()).fixture("account", |_: Shop| sign_up())).plan().unwrap();
    let error = plan.check_resources(&Resources::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the suite has 2 problems:\n\
         - `front::look` takes `Resources`, but the run was not given one; add it to `Resources` where the target is \
         set up\n\
         - `front::fixture account` takes `Resources`, but the run was not given one; add it to `Resources` where the \
         target is set up"
    );
    assert!(plan.check_resources(&Resources::new().with(Resources::new())).is_ok());
}

#[test]
fn all_problems_are_reported_at_once() {
    let suite = shop(
        front()
            .retry(1)
            .step("pay", pay)
            .step("look", look)
            .after("nobody")
            .step("renew", |_: Out<Account>| sign_up()),
    )
    .canary(Canary::new("back"))
    .operations(["pay"]);
    assert_eq!(
        suite.plan().err().unwrap().to_string(),
        "the suite has 6 problems:\n\
         - the operation `pay` has no prover; add `.covers(\"pay\")` to the step that is responsible for it\n\
         - `.retry(..)` stands before the first step of `front`; put it behind its step\n\
         - `front::pay` needs `Basket`, which no step returns\n  \
           add the step that does, or take one of these: `Receipt` from `pay`, `Account` from `renew`\n\
         - `front::look` names `nobody`, but the canary has no such step; correct the name\n\
         - `front::renew` waits for itself: it takes what it returns, or comes `.after` itself; remove that\n\
         - the canary `back` has no step; add one with `.step(..)`"
    );
    let one = Suite::new("shop").plan().err().unwrap();
    assert_eq!(
        one.to_string(),
        "the suite has a problem:\n- the suite `shop` has no canary; add one with `.canary(..)`"
    );
}

/// A chain of so many steps, each of which takes the output of the one before; built from two types in turn, so that
/// `.pick` says which step is meant.
fn chain(length: usize) -> Canary {
    let mut canary = front().step("step_0", || async { Ok::<_, Failure>(Fact::<0>) });
    for number in 1..length {
        let (name, before) = (format!("step_{number}"), format!("step_{}", number - 1));
        canary = if number % 2 == 0 {
            canary
                .step(&name, |_: Out<Fact<1>>| async { Ok::<_, Failure>(Fact::<0>) })
                .pick::<Fact<1>>(&before)
        } else {
            canary
                .step(&name, |_: Out<Fact<0>>| async { Ok::<_, Failure>(Fact::<1>) })
                .pick::<Fact<0>>(&before)
        };
    }
    canary
}

fn planned(suite: Suite) -> Plan {
    suite.plan().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_large_sound_suite_has_no_problems() {
    let mut suite = Suite::new("shop").operations((0..500).map(|it| format!("operation-{it}")));
    for canary in 0..5 {
        let mut built = Canary::new(&format!("canary_{canary}"))
            .fixture("account", sign_up)
            .step("fill", fill)
            .step("pay", pay)
            .step("close", close);
        for step in 0..100 {
            built = built
                .step(&format!("step_{step}"), |_: Out<Account>, _: Out<Basket>| look())
                .covers(&format!("operation-{}", canary * 100 + step))
                .after(if step == 0 { "pay" } else { "step_0" });
        }
        suite = suite.canary(built);
    }
    let plan = planned(suite);
    assert_eq!(plan.canaries.len(), 5);
    assert_eq!(plan.operations.len(), 500);
    assert_eq!(plan.canary("canary_3").unwrap().cases().count(), 103);
    assert!(plan.canary("canary_5").is_none());
}

#[test]
fn a_chain_of_ten_thousand_is_planned_and_measured_at_once() {
    let begun = Instant::now();
    let plan = planned(shop(chain(10_000)));
    let canary = &plan.canaries[0];
    assert_eq!(canary.time_limit(), DEFAULT_TIMEOUT * 10_000);
    assert!(canary.closure([9_999]).iter().all(|&it| it));
    assert_eq!(canary.closure([99]).iter().filter(|&&it| it).count(), 100);
    assert!(begun.elapsed() < Duration::from_secs(20), "took {:?}", begun.elapsed());
}

#[test]
fn a_circle_of_ten_thousand_is_found() {
    let mut canary = front();
    for number in 0..10_000 {
        canary =
            canary.step(&format!("step_{number}"), look).after(&format!("step_{}", (number + 1) % 10_000));
    }
    let error = shop(canary).plan().err().unwrap();
    assert_eq!(error.problems.len(), 1);
    assert!(error.to_string().ends_with("front::step_9999 -> front::step_0; break the circle"));
}

#[test]
fn ten_thousand_readers_and_one_that_ends_it_are_planned_at_once() {
    let begun = Instant::now();
    let mut canary = front().step("sign_up", sign_up).step("close", close);
    for number in 0..10_000 {
        canary = canary.step(&format!("reader_{number}"), |_: Out<Account>| look());
    }
    assert_eq!(planned(shop(canary)).canaries[0].time_limit(), DEFAULT_TIMEOUT * 3);
    assert!(begun.elapsed() < Duration::from_secs(20), "took {:?}", begun.elapsed());
}

#[test]
fn the_time_limit_is_the_longest_chain_with_its_retries_unless_the_canary_says_otherwise() {
    let seconds = Duration::from_secs;
    let canary = || {
        front()
            .step("sign_up", sign_up)
            .timeout(seconds(10))
            .step("fill", fill)
            .timeout(seconds(5))
            .retry(2)
            .step("alone", look)
            .timeout(seconds(24))
            .step("last", look)
            .after("fill")
            .timeout(seconds(1))
    };
    let limit = |canary| planned(shop(canary)).canaries[0].time_limit();
    assert_eq!(limit(canary()), seconds(26));
    assert_eq!(limit(canary().deadline(seconds(7))), seconds(7));
    assert_eq!(limit(canary().step("for_ever", look).timeout(Duration::MAX).retry(u32::MAX)), Duration::MAX);
}
