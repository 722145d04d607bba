//! What a product's document costs: time and memory to read it, and how many answers are checked per second.
//!
//! `cargo bench --bench surface [DOCUMENT …]`. Without documents a large one is made. Memory is measured in processes
//! of its own, so that peaks do not mix.

use std::{
    error::Error,
    fmt::Write as _,
    fs,
    hint::black_box,
    process::Command,
    time::{Duration, Instant},
};

use coalmine::surface::Surface;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

/// How often each thing is done before the median is taken.
const TIMES: usize = 15;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with("--")).collect();
    if let [what, file] = arguments.as_slice()
        && what == "memory"
    {
        let text = fs::read_to_string(file)?;
        let before = peak()?;
        black_box(Surface::parse(&text)?);
        println!("{}", peak()? - before);
        return Ok(());
    }
    let made = tempfile::NamedTempFile::new()?;
    fs::write(made.path(), large_document(1_000))?;
    let made = made.path().display().to_string();
    let files: Vec<_> = std::iter::once(&made).chain(&arguments).collect();
    println!(
        "{:<28} {:>9} {:>7} {:>10} {:>10} {:>12}",
        "document", "size", "ops", "read", "peak", "all schemas"
    );
    for file in files {
        let text = fs::read_to_string(file)?;
        let surface = Surface::parse(&text)?;
        let operations = surface.operations().iter().count();
        let begun = Instant::now();
        surface.compile()?;
        let compiled = begun.elapsed();
        let read = median(|| black_box(Surface::parse(&text)).map(drop))?;
        let child = Command::new(std::env::current_exe()?).args(["memory", file]).output()?;
        let memory: f64 = String::from_utf8(child.stdout)?.trim().parse()?;
        let name = if *file == made { "made for this" } else { file.rsplit('/').next().unwrap_or(file) };
        let size = format!("{:.1} MB", text.len() as f64 / 1e6);
        println!("{name:<28} {size:>9} {operations:>7} {read:>10.1?} {memory:>6.1} MiB {compiled:>12.1?}");
    }
    checks(&fs::read_to_string(&made)?)
}

/// Answers of a typical size, right and wrong.
fn checks(document: &str) -> Result<(), Box<dyn Error>> {
    const ROUNDS: u32 = 2_000;
    let surface = Surface::parse(document)?;
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let good = answer(12);
    let bad = good.replacen("\"amount\":100", "\"amount\":\"x\"", 1);
    println!("\n{:<28} {:>9} {:>12} {:>14}", "answer", "size", "per check", "per second");
    for (name, status, body) in
        [("right", 200, &good), ("wrong", 200, &bad), ("undocumented status", 302, &good)]
    {
        let check = || surface.check("GET", "/v1/things-500/7", status, &headers, body.as_bytes());
        assert_eq!(check().is_ok(), name == "right", "{:?}", check());
        let time = median(|| {
            for _ in 0..ROUNDS {
                let _ = black_box(check());
            }
            Ok::<_, Box<dyn Error>>(())
        })? / ROUNDS;
        let size = format!("{} B", body.len());
        println!("{name:<28} {size:>9} {time:>12.2?} {:>14.0}", 1.0 / time.as_secs_f64());
    }
    Ok(())
}

fn median<T, E>(mut what: impl FnMut() -> Result<T, E>) -> Result<Duration, E> {
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let begun = Instant::now();
        what()?;
        times.push(begun.elapsed());
    }
    times.sort();
    Ok(times[TIMES / 2])
}

/// A document with so many kinds of things, two operations each.
fn large_document(kinds: usize) -> String {
    let mut text = String::from(
        r#"{"openapi":"3.0.3","info":{"title":"large","version":"1"},"servers":[{"url":"https://x/v1"}],"paths":{"#,
    );
    for kind in 0..kinds {
        let comma = if kind == 0 { "" } else { "," };
        let _ = write!(
            text,
            r##"{comma}"/things-{kind}/{{id}}":{{"get":{{"operationId":"read-{kind}","summary":"{}","responses":{{
            "200":{{"description":"","content":{{"application/json":{{"schema":{{"$ref":"#/components/schemas/List{kind}"}}}}}}}},
            "4XX":{{"description":"","content":{{"application/json":{{"schema":{{"$ref":"#/components/schemas/Error"}}}}}}}}}}}},
            "put":{{"operationId":"write-{kind}","responses":{{"204":{{"description":""}}}}}}}}"##,
            "what this does, in many words. ".repeat(10),
        );
    }
    text.push_str(r#"},"components":{"schemas":{"Error":{"type":"object","required":["code"],"properties":{"code":{"type":"string"}}}"#);
    for kind in 0..kinds {
        let _ = write!(
            text,
            r##","List{kind}":{{"type":"object","required":["items"],"properties":{{"next":{{"type":"string","nullable":true}},
            "items":{{"type":"array","items":{{"$ref":"#/components/schemas/Thing{kind}"}}}}}}}},
            "Thing{kind}":{{"type":"object","required":["id","amount","created"],"properties":{{
            "id":{{"type":"string","pattern":"^[a-z0-9]+$"}},"amount":{{"type":"integer","minimum":0}},
            "created":{{"type":"string","format":"date-time"}},"state":{{"type":"string","enum":["open","done"]}},
            "tags":{{"type":"object","additionalProperties":{{"type":"string"}}}},
            "owner":{{"allOf":[{{"$ref":"#/components/schemas/Error"}}],"nullable":true}}}}}}"##
        );
    }
    text.push_str("}}}");
    text
}

fn answer(items: usize) -> String {
    let item = r#"{"id":"a1b2c3","amount":100,"created":"2026-01-31T12:00:00Z","state":"open","tags":{"kind":"gold","place":"vault"},"owner":{"code":"x"}}"#;
    format!(r#"{{"next":null,"items":[{}]}}"#, vec![item; items].join(","))
}

/// The most memory that this process ever held, in mebibytes.
fn peak() -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM in the status")?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes / 1024.0)
}
