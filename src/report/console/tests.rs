use super::*;

/// A run that has one of everything.
const RECORD: &str = r#"{"version":1,"suite":"s","canary":"onboarding","run":"r7","trace":"t","target":"https://api.example.com",
    "location":"ci","started":"2026-01-31T12:00:00Z","duration_ms":72300,"verdict":"failed",
    "steps":[
      {"name":"inbox","kind":"fixture","verdict":"passed"},
      {"name":"sign_up","verdict":"passed","flaky":true,"attempts":[
        {"number":1,"started_ms":0,"duration_ms":1,"verdict":"failed",
         "failure":{"message":"expected 200, got 502","cause":"assertion","text":"expected 200, got 502"}},
        {"number":2,"started_ms":2,"duration_ms":1,"verdict":"passed"}]},
      {"name":"confirm_email","verdict":"failed","promise":"the code arrives within a minute","runbook":"https://wiki/confirm",
       "failure":{"message":"the code is refused","causes":["expected 200, got 503"],"cause":"assertion","exchange":1,
                  "remedy":"look at the sign-up queue","text":"not shown"},
       "attempts":[{"number":1,"started_ms":5,"duration_ms":400,"verdict":"failed","exchanges":[
         {"method":"GET","url":"https://x/","status":200},
         {"method":"POST","url":"https://x/confirm","status":503,"duration_ms":120.4,"request_id":"q-1",
          "response_body":"{\"error\":\n \"busy\u001b[2J\"}"}]}]},
      {"name":"team","verdict":"blocked","root":"confirm_email"},
      {"name":"ledger","verdict":"blocked","root":"confirm_email"},
      {"name":"mail","kind":"fixture","verdict":"inconclusive",
       "failure":{"message":"the mailbox does not answer","cause":"mail_provider","text":"x"},
       "attempts":[{"number":1,"started_ms":5,"duration_ms":1,"verdict":"inconclusive"},
                   {"number":2,"started_ms":6,"duration_ms":1,"verdict":"inconclusive"}]},
      {"name":"invite","verdict":"blocked","root":"mail"},
      {"name":"leave","verdict":"skipped","reason":"not yet"}],
    "cleanup":[{"kind":"account","name":"a-1","duration_ms":1},
               {"kind":"key","name":"k-1","duration_ms":1,"error":"DELETE answered 500"}]}"#;

const PASSED: &str = r#"{"version":1,"suite":"s","canary":"api","run":"r8","trace":"t","target":"https://api.example.com",
    "location":"ci","started":"2026-01-31T12:00:00Z","duration_ms":850,"verdict":"passed","filtered":true,
    "steps":[{"name":"keys","verdict":"passed"},{"name":"accounts","verdict":"passed"}]}"#;

fn record(json: &str) -> RunRecord {
    RunRecord::from_json(json).unwrap()
}

#[test]
fn the_whole_page() {
    assert_eq!(
        summary(&[record(PASSED), record(RECORD)], &[], false),
        "\
api: passed in 850 ms (2 passed, some steps only), run r8 from ci on https://api.example.com
onboarding: failed in 1 min 12 s (1 passed, 1 of them flaky, 1 failed, 1 inconclusive, 3 blocked, 1 skipped), run r7 from ci on https://api.example.com
  confirm_email failed (assertion)
    the code is refused
    caused by: expected 200, got 503
    promise: the code arrives within a minute
    exchange: POST https://x/confirm -> 503 in 120 ms, request id q-1
    answered: {\"error\": \"busy\"}
    blocks: team, ledger
    remedy: look at the sign-up queue
    runbook: https://wiki/confirm
    repeat: cargo test --test canaries -- --exact onboarding::confirm_email
  fixture mail inconclusive after 2 attempts (mail_provider)
    the mailbox does not answer
    blocks: invite
    repeat: cargo test --test canaries -- --exact onboarding::invite
  sign_up passed only at attempt 2; before: expected 200, got 502
  left behind: key k-1: DELETE answered 500

overall: failed, 1 of 2 canaries
"
    );
}

#[test]
fn nothing_checked_is_said() {
    assert_eq!(summary(&[], &[], false), "overall: skipped, nothing was checked\n");
    let empty = RunRecord { steps: Vec::new(), verdict: Verdict::Skipped, filtered: false, ..record(PASSED) };
    assert_eq!(
        summary(&[empty], &[], false),
        "api: skipped in 850 ms (no steps), run r8 from ci on https://api.example.com\n\
         overall: skipped, nothing was checked\n"
    );
}

#[test]
fn colours_only_when_asked() {
    assert_eq!(
        summary(&[record(PASSED)], &[], true),
        "api: \u{1b}[32mpassed\u{1b}[0m in 850 ms (2 passed, some steps only), run r8 from ci on \
         https://api.example.com\noverall: \u{1b}[32mpassed\u{1b}[0m, 1 of 1 canary\n"
    );
}

#[test]
fn many_dependents_are_counted() {
    let names = |count: usize| (1..=count).map(|it| format!("s{it}")).collect::<Vec<_>>();
    assert_eq!(shortened(&names(6)), "s1, s2, s3, s4, s5, s6");
    assert_eq!(shortened(&names(8)), "s1, s2, s3, s4, s5 and 3 more");
}

#[test]
fn a_message_cannot_move_the_cursor_or_fill_the_screen() {
    let mut hostile = record(RECORD);
    hostile.canary = "\u{1b}[2Jonboarding\nforged: passed".into();
    hostile.steps[2].failure.as_mut().unwrap().message = "m\n".repeat(500_000);
    let page = summary(&[hostile], &[], true);
    assert!(!page.contains("[2J") && !page.contains("\nforged"), "{page}");
    assert!(page.len() < 5000, "{} bytes", page.len());
}
