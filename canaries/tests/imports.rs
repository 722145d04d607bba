//! The rules that hold the house together, read off the sources: imports point down, values and engine do no I/O, the
//! library does not know the product, the sandbox does not know the library.
//!
//! They are about code. Comments may link upwards and speak of an imaginary API with keys and ledgers, and tests may
//! use whatever they like.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The library's modules, from the bottom up. A module may use those of its own layer and of those before it.
const LAYERS: &[(&str, &[&str])] = &[
    (
        "values",
        &["clock", "ensure", "failure", "operations", "policy", "record", "redact", "secret", "verdict"],
    ),
    ("engine", &["suite"]),
    ("hands", &["config", "http", "inbox", "journal", "surface", "world"]),
    ("views", &["harness", "report", "trace"]),
    ("service", &["alert", "pages", "schedule", "server", "service", "store"]),
    ("commands", &["cli", "drill"]),
];

/// What stands in `lib.rs` itself, or is given out there again: all of it values.
const OF_THE_ROOT: &[&str] = &["ensure_eq", "nearest", "Failure", "Result"];

/// What the two lowest layers must not touch.
const IO: &[&str] = &[
    "std::fs",
    "std::net",
    "std::process",
    "tokio::fs",
    "tokio::net",
    "tokio::process",
    "axum",
    "hyper",
    "hyper_util",
    "reqwest",
];

/// Words of the product that no code of the library has a use for.
const OF_THE_PRODUCT: &[&str] = &["sequence", "ledger", "flavor", "transact", "dashboard"];

/// Its names, which do not even belong into a comment.
const NAMES_OF_THE_PRODUCT: &[&str] =
    &["Sequence", "SEQUENCE", "seq.com", "seq_code", "SEQ0", "SEQ9", "Chain-Request-Id", "chain-request-id"];

struct Source {
    /// From the workspace's folder.
    path: PathBuf,
    /// Without comments and tests.
    code: String,
    /// With comments, without tests.
    prose: String,
}

impl Source {
    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(workspace().join(&path)).unwrap();
        // Tests stand last in a file.
        let prose = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
        let code = prose.lines().map(without_comment).collect::<Vec<_>>().join("\n");
        Self { path, code, prose }
    }

    /// The module of the library that it belongs to.
    fn module(&self) -> String {
        let below = self.path.strip_prefix("src").unwrap();
        let first = below.components().next().unwrap().as_os_str().to_string_lossy();
        first.trim_end_matches(".rs").to_owned()
    }

    /// All that it names with a path: imports, taken apart, and paths in the code.
    fn paths(&self) -> BTreeSet<String> {
        let mut paths = BTreeSet::new();
        let mut rest = self.code.as_str();
        while let Some((before, after)) = rest.split_once("use ") {
            let Some((import, behind)) = after.split_once(';') else { break };
            let is_word = before.chars().next_back().is_none_or(char::is_whitespace);
            if is_word {
                flatten("", import, &mut paths);
            }
            rest = if is_word { behind } else { after };
        }
        let is_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
        let words = self.code.split(|c| !is_path(c)).filter(|it| it.contains("::"));
        paths.extend(words.map(|it| it.trim_matches(':').to_owned()));
        paths
    }
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`.
fn flatten(before: &str, import: &str, paths: &mut BTreeSet<String>) {
    let import = import.trim();
    match import.split_once('{') {
        None => {
            let name = import.split(" as ").next().unwrap_or_default().trim();
            paths.insert(format!("{before}{name}"));
        }
        Some((start, group)) => {
            let group = group.rsplit_once('}').map_or(group, |(group, _)| group);
            let (mut depth, mut from) = (0, 0);
            for (at, c) in group.char_indices().chain([(group.len(), ',')]) {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        if !group[from..at].trim().is_empty() {
                            flatten(&format!("{before}{}", start.trim()), &group[from..at], paths);
                        }
                        from = at + 1;
                    }
                    _ => (),
                }
            }
        }
    }
}

fn without_comment(line: &str) -> &str {
    let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
    comment.map_or(line, |(at, _)| &line[..at])
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// All sources below a folder of the workspace but those that are tests.
fn sources(folder: &str) -> Vec<Source> {
    let files = crate::program::files_below(&workspace().join(folder));
    let relative = files.into_iter().map(|it| it.strip_prefix(workspace()).unwrap().to_owned());
    let code = relative.filter(|path| {
        let is_test = path.components().any(|it| it.as_os_str() == "tests" || it.as_os_str() == "tests.rs");
        path.extension().is_some_and(|it| it == "rs") && !is_test
    });
    code.map(Source::read).collect()
}

/// The library's sources.
fn library() -> Vec<Source> {
    sources("src").into_iter().filter(|it| it.module() != "sandbox").collect()
}

/// The height of a module.
fn layer(module: &str) -> usize {
    if OF_THE_ROOT.contains(&module) {
        return 0;
    }
    let layer = LAYERS.iter().position(|(_, modules)| modules.contains(&module));
    layer.unwrap_or_else(|| panic!("give the module `{module}` a place in the table of layers"))
}

fn expect_none(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

#[test]
fn imports_point_down() {
    let mut broken = Vec::new();
    let mut seen = 0;
    for source in library().iter().filter(|it| it.module() != "lib") {
        let module = source.module();
        for path in source.paths() {
            let Some(used) = path.strip_prefix("crate::").and_then(|it| it.split("::").next()) else {
                continue;
            };
            seen += 1;
            if layer(used) > layer(&module) {
                broken.push(format!("{}: {path}", source.path.display()));
            }
        }
    }
    assert!(seen > 100, "there are imports to look at, found {seen}");
    expect_none("a module may only use its own layer and those below", &broken);
}

#[test]
fn values_and_engine_do_no_input_or_output() {
    let mut broken = Vec::new();
    for source in library().iter().filter(|it| it.module() != "lib" && layer(&it.module()) <= 1) {
        let is_value = layer(&source.module()) == 0;
        for path in source.paths() {
            let does = |module: &str| path == module || path.starts_with(&format!("{module}::"));
            if IO.iter().any(|it| does(it)) || (is_value && does("tokio")) {
                broken.push(format!("{}: {path}", source.path.display()));
            }
        }
    }
    expect_none("no network, no disk, and in values no runtime", &broken);
}

#[test]
fn the_library_does_not_know_the_product() {
    let mut broken = Vec::new();
    for source in library() {
        let code = source.code.to_lowercase();
        let words = OF_THE_PRODUCT.iter().filter(|it| code.contains(**it));
        let names = NAMES_OF_THE_PRODUCT.iter().filter(|it| source.prose.contains(**it));
        broken.extend(words.chain(names).map(|it| format!("{}: {it}", source.path.display())));
    }
    expect_none("coalmine is for any product", &broken);
}

#[test]
fn the_sandbox_does_not_know_the_library() {
    let sources = sources("src/sandbox");
    assert!(sources.len() > 20, "there are sources to look at, found {}", sources.len());
    let uses = sources.iter().filter(|it| it.paths().iter().any(|path| path.starts_with("coalmine::")));
    expect_none("no imports", &uses.map(|it| it.path.display().to_string()).collect::<Vec<_>>());
    let manifest = fs::read_to_string(workspace().join("src/sandbox/Cargo.toml")).unwrap();
    assert!(!manifest.lines().any(|it| it.starts_with("coalmine")), "no dependency either");
}

#[test]
fn environment_and_time_are_read_in_one_file_each() {
    let mut broken = Vec::new();
    for source in sources("src").into_iter().chain(sources("canaries")) {
        // A benchmark measures with the machine's clock by its nature.
        let is_clock = source.path.file_name().is_some_and(|it| it == "clock.rs")
            || source.path.components().any(|it| it.as_os_str() == "benches");
        for path in source.paths() {
            let environment = path.contains("env::var");
            let time =
                ["Instant::now", "SystemTime::now", "Timestamp::now"].iter().any(|it| path.ends_with(it));
            if (environment && source.path != Path::new("src/config/environment.rs")) || (time && !is_clock) {
                broken.push(format!("{}: {path}", source.path.display()));
            }
        }
    }
    expect_none("the environment is read in config/environment.rs, time in clock.rs", &broken);
}

#[test]
fn imports_are_taken_apart() {
    let mut paths = BTreeSet::new();
    flatten("", "crate::{a, b::{self, c as d},\n    e::f,\n}", &mut paths);
    assert_eq!(
        paths.into_iter().collect::<Vec<_>>(),
        ["crate::a", "crate::b::c", "crate::b::self", "crate::e::f"]
    );
    assert_eq!(without_comment("let a = \"https://b\"; // c"), "let a = \"https://b\"; ");
}
