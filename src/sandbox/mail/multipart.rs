//! Bodies of several parts: a batch of calls, or a mail that is uploaded with what is said of it.

/// One part.
pub(super) struct Part<'b> {
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: &'b [u8],
}

impl<'b> Part<'b> {
    /// Headers, an empty line, and the rest. Lines may end with LF alone, as those of Google's client for Python do [T].
    pub(super) fn read(bytes: &'b [u8]) -> Part<'b> {
        let mut part = Part { headers: Vec::new(), body: bytes };
        loop {
            let (line, rest) = first_line(part.body);
            part.body = rest;
            let line = String::from_utf8_lossy(line);
            if let Some((name, value)) = line.split_once(':') {
                part.headers.push((name.trim().to_lowercase(), value.trim().to_owned()));
            }
            if line.is_empty() || rest.is_empty() {
                return part;
            }
        }
    }

    /// The value of a header, whose name is in lower case; empty if there is none.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }
}

/// The parts of a body whose `Content-Type` is given; `None` if it is not of several parts, or has no end.
pub(super) fn parts<'b>(content_type: &str, body: &'b [u8]) -> Option<Vec<Part<'b>>> {
    let boundary = boundary(content_type)?;
    let (between, end) = (format!("--{boundary}"), format!("--{boundary}--"));
    let mut parts = Vec::new();
    let mut begun: Option<usize> = None;
    let mut at = 0;
    while at < body.len() {
        let (line, rest) = first_line(&body[at..]);
        let next = body.len() - rest.len();
        let line = line.trim_ascii_end();
        if line == between.as_bytes() || line == end.as_bytes() {
            // The end of the line before belongs to the boundary.
            let part = begun.map(|begin| without_line_end(&body[begin..at]));
            parts.extend(part.map(Part::read));
            if line == end.as_bytes() {
                return Some(parts);
            }
            begun = Some(next);
        }
        at = next;
    }
    None
}

fn boundary(content_type: &str) -> Option<&str> {
    if !content_type.get(..10)?.eq_ignore_ascii_case("multipart/") {
        return None;
    }
    let parameter = content_type.split(';').map(str::trim).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.eq_ignore_ascii_case("boundary").then(|| value.trim_matches('"'))
    });
    parameter.filter(|boundary| !boundary.is_empty())
}

/// The first line without its end, and what follows.
pub(super) fn first_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (without_line_end(&bytes[..=end]), &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}

fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}
