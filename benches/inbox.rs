//! How long it takes from the mail server's 250 until the step that waits goes on, and what that costs of the quota.
//!
//! `cargo bench -p coalmine --bench inbox [-- MAILS [SECONDS]]`: so many single mails of each kind, 300 if nothing is
//! said, and eight mailboxes for so many seconds, 90. The mail goes to the sandbox over SMTP and is read from its Gmail
//! API over TLS, all in this process.

use std::{
    error::Error,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use coalmine::{
    Canary, Failure, Redactor, Resources, RunRecord, Secret, Suite, Verdict,
    inbox::{Address, GmailConfig, Inbox, Mailbox, UserCredential},
    suite::{Run, RunOptions},
};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use sandbox::{Options, Sandbox};

/// The goals for half and for 99 of 100, in milliseconds.
const GOALS: (f64, f64) = (100.0, 300.0);
/// Of quota units that Google grants a user each minute.
const QUOTA: u64 = 6_000;
const PROCESSES: usize = 8;
const AT_ONCE: usize = 100;
const LONG: Duration = Duration::from_secs(600);
/// For a sandbox that nobody shares.
const PLENTY: u32 = 600_000;
/// What one process takes if nothing is said.
const SHARE: u32 = 750;

type Outcome<T> = Result<T, Box<dyn Error>>;
type Smtp = AsyncSmtpTransport<Tokio1Executor>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` runs this too, and wants nothing of it.
    if !arguments.iter().any(|it| it == "--bench") {
        return Ok(());
    }
    let mut numbers = arguments.iter().filter_map(|it| it.parse().ok());
    let (mails, seconds) = (numbers.next().unwrap_or(300), numbers.next().unwrap_or(90));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let sandbox = Sandbox::start(Options::default())?;
        println!(
            "goal: from 250 to the step's going on: half within {} ms, 99 of 100 within {} ms",
            GOALS.0, GOALS.1
        );
        singles(&sandbox, usize::try_from(mails)?, false).await?;
        singles(&sandbox, usize::try_from(mails)?, true).await?;
        at_once(&sandbox).await?;
        processes(&sandbox, Duration::from_secs(seconds)).await
    })
}

/// What was measured of one mail, in milliseconds.
#[derive(Clone, Copy)]
struct Took {
    /// From the server's 250 until the step went on.
    all: f64,
    /// From the beginning of the poll that saw it until it was read: the rest is the interval's.
    reading: f64,
}

/// One mail after the other, in ten mailboxes side by side if the step waits for a while before the mail is sent.
async fn singles(sandbox: &Sandbox, mails: usize, waits_first: bool) -> Outcome<()> {
    let (lanes, what) = if waits_first {
        (10, "waited for 0 to 3 s before it is sent")
    } else {
        (1, "sent, then waited for")
    };
    let mut running = Vec::new();
    for _ in 0..lanes {
        let (mailbox, redactor) = mailbox(sandbox, PLENTY)?;
        let took: Arc<Mutex<Vec<f64>>> = Arc::default();
        let (kept, smtp, count) = (Arc::clone(&took), smtp(sandbox), mails / lanes);
        let body = move |inbox: Inbox| {
            let (took, smtp) = (Arc::clone(&kept), smtp.clone());
            async move {
                for number in 0..count {
                    let address = inbox.address(&format!("single-{number}")).await?;
                    let waits = async {
                        inbox.wait_for(&address).within(LONG).await?;
                        Ok::<_, Failure>(Instant::now())
                    };
                    let (accepted, went_on) = if waits_first {
                        let sends = async {
                            tokio::time::sleep(Duration::from_millis(fastrand::u64(..3_000))).await;
                            send(&smtp, &address).await
                        };
                        tokio::try_join!(sends, waits)?
                    } else {
                        (send(&smtp, &address).await?, waits.await?)
                    };
                    keep(&took, millis(went_on.saturating_duration_since(accepted)));
                }
                Ok(())
            }
        };
        running.push(tokio::spawn(async move { (run(mailbox, redactor, body).await, took) }));
    }
    let mut all = Vec::new();
    for lane in running {
        let (record, took) = lane.await?;
        all.extend(measured(&record, &took)?);
    }
    println!("\nsingle mails, {what}: n = {}", all.len());
    print(&all, true, true);
    Ok(())
}

/// A hundred who wait at once.
async fn at_once(sandbox: &Sandbox) -> Outcome<()> {
    let (mailbox, redactor) = mailbox(sandbox, PLENTY)?;
    let took: Arc<Mutex<Vec<f64>>> = Arc::default();
    let (kept, smtp, own) = (Arc::clone(&took), smtp(sandbox), mailbox.clone());
    let whole: Arc<Mutex<Vec<f64>>> = Arc::default();
    let all = Arc::clone(&whole);
    let body = move |inbox: Inbox| {
        let (took, smtp, all) = (Arc::clone(&kept), smtp.clone(), Arc::clone(&all));
        async move {
            let mut waiting = Vec::new();
            let mut addresses = Vec::new();
            for number in 0..AT_ONCE {
                let address = inbox.address(&format!("many-{number}")).await?;
                let wait = inbox.wait_for(&address).within(LONG).into_future();
                waiting.push(tokio::spawn(async move { wait.await.map(|_| Instant::now()) }));
                addresses.push(address);
            }
            fastrand::shuffle(&mut addresses);
            let began = Instant::now();
            let mut accepted = Vec::new();
            for address in &addresses {
                accepted.push((address.to_string(), send(&smtp, address).await?));
            }
            let mut went_on = Vec::new();
            for wait in waiting {
                went_on.push(wait.await??);
            }
            keep(&all, millis(went_on.iter().max().map_or(Duration::ZERO, |last| *last - began)));
            // In the order in which they were made.
            for (number, at) in went_on.into_iter().enumerate() {
                let role = format!("-many-{number}@");
                let sent = accepted.iter().find(|(to, _)| to.contains(&role)).map(|it| it.1);
                keep(&took, millis(sent.map_or(LONG, |sent| at.saturating_duration_since(sent))));
            }
            Ok(())
        }
    };
    let before = own.usage();
    let record = run(mailbox, redactor, body).await;
    passed(&record)?;
    let times = took.lock().map_err(|error| error.to_string())?.clone();
    let all: Vec<Took> = times.into_iter().map(|all| Took { all, reading: 0.0 }).collect();
    println!("\n{AT_ONCE} at once, sent one after the other: n = {}", all.len());
    print(&all, true, false);
    let usage = own.usage();
    println!(
        "  from the first to the last: {:.0} ms; units: {} for {} polls and {} mails",
        whole.lock().map_err(|error| error.to_string())?.first().copied().unwrap_or_default(),
        usage.units - before.units,
        usage.polls,
        usage.read,
    );
    Ok(())
}

/// Eight mailboxes that share nothing but the account, as eight processes do, each with the usual share.
async fn processes(sandbox: &Sandbox, lasts: Duration) -> Outcome<()> {
    let over = Arc::new(AtomicBool::new(false));
    let (mut running, mut mailboxes) = (Vec::new(), Vec::new());
    for _ in 0..PROCESSES {
        let (mailbox, redactor) = mailbox(sandbox, SHARE)?;
        mailboxes.push(mailbox.clone());
        let took: Arc<Mutex<Vec<f64>>> = Arc::default();
        let (kept, smtp, over) = (Arc::clone(&took), smtp(sandbox), Arc::clone(&over));
        let body = move |inbox: Inbox| {
            let (took, smtp, over) = (Arc::clone(&kept), smtp.clone(), Arc::clone(&over));
            async move {
                let mut number = 0;
                while !over.load(Ordering::Relaxed) {
                    number += 1;
                    let address = inbox.address(&format!("shared-{number}")).await?;
                    let accepted = send(&smtp, &address).await?;
                    inbox.wait_for(&address).within(LONG).await?;
                    keep(&took, millis(accepted.elapsed()));
                }
                Ok(())
            }
        };
        running.push(tokio::spawn(async move { (run(mailbox, redactor, body).await, took) }));
    }
    // Units so far, as Gmail counts them, and when that was.
    let mut samples: Vec<(Instant, u64)> = Vec::new();
    let began = Instant::now();
    while began.elapsed() < lasts {
        samples.push((Instant::now(), sandbox.gmail_units()));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    over.store(true, Ordering::Relaxed);
    let minute = lasts.min(Duration::from_secs(60));
    let since = |from: &(Instant, u64)| {
        let within = samples.iter().filter(|it| it.0 >= from.0 && it.0 - from.0 <= minute);
        within.map(|it| it.1 - from.1).max().unwrap_or_default()
    };
    let worst = samples.iter().map(since).max().unwrap_or_default();
    let polls: u64 = mailboxes.iter().map(|it| it.usage().polls).sum();
    let mut all = Vec::new();
    for lane in running {
        let (record, took) = lane.await?;
        all.extend(measured(&record, &took)?);
    }
    println!(
        "\n{PROCESSES} mailboxes of one account with {SHARE} units a minute each, all busy for {lasts:?}: in the worst \
         {minute:?} {worst} units; goal {QUOTA}: {}",
        if worst <= QUOTA { "met" } else { "MISSED" }
    );
    println!("  {polls} polls; each mailbox sees the mails of all, n = {}", all.len());
    print(&all, false, false);
    Ok(())
}

fn mailbox(sandbox: &Sandbox, units_per_minute: u32) -> Outcome<(Mailbox, Redactor)> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(sandbox.ca_pem().as_bytes())?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mail = sandbox.mail();
    let root = format!("https://localhost:{}", sandbox.mail_api().port());
    let credential = UserCredential {
        client_id: mail.client_id.clone().ok_or("no client")?,
        client_secret: Secret::new(mail.client_secret.clone().ok_or("no client")?),
        refresh_token: Secret::new(mail.refresh_token.clone().ok_or("no token")?),
        token_uri: Some(format!("{root}/token")),
    };
    let config = GmailConfig { api_root: root, units_per_minute, ..GmailConfig::new(credential, tls) };
    let redactor = Redactor::new();
    Ok((Mailbox::new(config, &redactor), redactor))
}

async fn run<F>(
    mailbox: Mailbox,
    redactor: Redactor,
    body: impl Fn(Inbox) -> F + Send + Sync + 'static,
) -> Result<RunRecord, String>
where
    F: Future<Output = coalmine::Result<()>> + Send + 'static,
{
    let canary = Canary::new("mail").step("receives", body).promise("mail comes").timeout(LONG);
    let plan = Suite::new("bench").canary(canary).plan().map_err(|error| error.to_string())?;
    let options = RunOptions { redactor, ..RunOptions::new("sandbox", Resources::new().with(mailbox)) };
    Ok(Run::new(Arc::clone(&plan.canaries[0]), options).finish().await)
}

fn smtp(sandbox: &Sandbox) -> Smtp {
    let at = sandbox.smtp();
    Smtp::builder_dangerous(at.ip().to_string()).port(at.port()).build()
}

/// Sends a mail; tells when the server had taken it.
async fn send(smtp: &Smtp, to: &Address) -> coalmine::Result<Instant> {
    let message = Message::builder()
        .from("Shop <no-reply@shop.test>".parse()?)
        .to(to.to_string().parse()?)
        .subject("Confirm your address")
        .body("Your code:\n\n482913\n".to_owned())?;
    smtp.send(message).await?;
    Ok(Instant::now())
}

fn keep(list: &Mutex<Vec<f64>>, value: f64) {
    if let Ok(mut list) = list.lock() {
        list.push(value);
    }
}

fn passed(record: &Result<RunRecord, String>) -> Outcome<&RunRecord> {
    let record = record.as_ref().map_err(Clone::clone)?;
    if record.verdict != Verdict::Passed {
        let failure = record.steps.iter().find_map(|it| it.failure.as_ref());
        return Err(failure.map_or("no pass", |it| &it.text).into());
    }
    Ok(record)
}

/// The times of a lane, with what its notes say of the reading.
fn measured(record: &Result<RunRecord, String>, took: &Mutex<Vec<f64>>) -> Outcome<Vec<Took>> {
    let record = passed(record)?;
    let attempts = record.steps.iter().flat_map(|it| &it.attempts);
    let read = attempts.flat_map(|it| &it.notes).filter_map(|note| {
        let (_, read) = note.rsplit_once(", read in ")?;
        read.trim_end_matches(" s").parse::<f64>().ok()
    });
    let took = took.lock().map_err(|error| error.to_string())?;
    Ok(took.iter().zip(read).map(|(all, read)| Took { all: *all, reading: read * 1e3 }).collect())
}

/// Prints the figures, beside the goals if they hold for them, and split if it is known how.
fn print(all: &[Took], has_goal: bool, is_split: bool) {
    let (half, most) = GOALS;
    let (median, p99, worst) = figures(all.iter().map(|it| it.all));
    let met = |value, goal| match () {
        () if !has_goal => "no goal",
        () if value <= goal => "met",
        () => "MISSED",
    };
    println!(
        "  250 to the step's going on: median {median:.1} ms ({}), p99 {p99:.1} ms ({}), worst {worst:.1} ms",
        met(median, half),
        met(p99, most)
    );
    if is_split {
        let (median, p99, worst) = figures(all.iter().map(|it| (it.all - it.reading).max(0.0)));
        println!(
            "  of that until the poll that saw it began: median {median:.1} ms, p99 {p99:.1} ms, worst {worst:.1} ms"
        );
        let (median, p99, worst) = figures(all.iter().map(|it| it.reading));
        println!(
            "  from that poll's beginning until it was read: median {median:.0} ms, p99 {p99:.0} ms, worst {worst:.0} ms"
        );
    }
}

/// Median, 99 of 100, worst.
fn figures(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at =
        |hundredths: usize| values.get((values.len() * hundredths / 100).min(values.len().saturating_sub(1)));
    (
        at(50).copied().unwrap_or_default(),
        at(99).copied().unwrap_or_default(),
        values.last().copied().unwrap_or_default(),
    )
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
