//! Reads a page's tags, strictly: what is not closed, twice there or not quoted is an error.

use std::collections::BTreeSet;

pub(super) struct Tag {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
}

impl Tag {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }
}

const VOID: &[&str] = &["meta", "link", "input", "!DOCTYPE"];

/// All opening tags in order.
pub(super) fn tags(page: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = rest.find('>').expect("every tag ends");
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(
                open.pop().as_deref(),
                Some(name),
                "closed in order, before {:?}",
                &rest[..rest.len().min(80)]
            );
            continue;
        }
        let (name, mut behind) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut attributes = Vec::new();
        while !behind.trim().is_empty() {
            behind = behind.trim_start();
            let until = behind.find(['=', ' ']).unwrap_or(behind.len());
            let key = behind[..until].to_owned();
            behind = &behind[until..];
            let mut value = String::new();
            if let Some(quoted) = behind.strip_prefix("=\"") {
                let end = quoted.find('"').unwrap_or_else(|| panic!("quoted: {tag}"));
                value = quoted[..end].to_owned();
                behind = &quoted[end + 1..];
            }
            assert!(attributes.iter().all(|(it, _)| *it != key), "once: {tag}");
            attributes.push((key, value));
        }
        let name = name.to_owned();
        if matches!(name.as_str(), "style" | "script") {
            // Their text is no markup.
            let close = format!("</{name}>");
            rest = &rest[rest.find(&close).expect("it ends") + close.len()..];
        } else if !VOID.contains(&name.as_str()) {
            open.push(name.clone());
        }
        tags.push(Tag { name, attributes });
    }
    assert!(open.is_empty(), "left open: {open:?}");
    tags
}

/// What holds for every page.
pub(super) fn check(page: &str) -> Vec<Tag> {
    let tags = tags(page);
    let mut ids = BTreeSet::new();
    for tag in &tags {
        for (name, value) in &tag.attributes {
            assert!(!name.starts_with("on"), "no handlers: {} {name}", tag.name);
            assert_ne!(name, "style", "no inline styles: {}", tag.name);
            assert!(!value.trim_start().to_lowercase().starts_with("javascript:"), "{value}");
            if name == "id" {
                assert!(ids.insert(value.clone()), "{value} is there twice");
            }
        }
        if tag.name == "script" {
            assert!(tag.get("src").is_some() || page.contains("id=\"main\""), "{page}");
        }
    }
    for tag in &tags {
        if let Some(place) = tag.get("href").and_then(|it| it.strip_prefix('#')) {
            assert!(ids.contains(place), "nothing is at #{place}");
        }
        for list in ["aria-labelledby", "aria-describedby", "for"] {
            if let Some(id) = tag.get(list) {
                assert!(ids.contains(id), "{list}: {id}");
            }
        }
    }
    assert_eq!(tags.iter().filter(|it| it.name == "h1").count(), 1, "one heading of the first order");
    assert_eq!(tags.iter().filter(|it| it.name == "main").count(), 1);
    assert!(tags.iter().any(|it| it.get("name") == Some("viewport")));
    assert!(page.contains("<title>"));
    tags
}

/// The text without tags and with its characters again, white space as single spaces.
pub(super) fn text(page: &str) -> String {
    let mut out = String::new();
    let body = &page[page.find("<main").unwrap_or(0)..];
    let mut rest = body;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        out.push(' ');
        rest = &rest[at + rest[at..].find('>').expect("every tag ends") + 1..];
    }
    let out = out.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    let mut out = out.split_whitespace().collect::<Vec<_>>().join(" ");
    for end in [",", ";", ".", ")", ":", "%"] {
        out = out.replace(&format!(" {end}"), end);
    }
    out.replace("( ", "(").replace("%", " %")
}
