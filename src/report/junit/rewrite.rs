//! XML in, XML out: what stands between a report and the disk.

use quick_xml::{
    Reader, Writer, XmlVersion,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};

use super::JunitError;
use crate::redact::Redactor;

/// Attributes of one element, in order, with their values as a reader sees them.
pub(super) type Attributes = Vec<(String, String)>;

/// Removes what the redactor knows from every text and every attribute of the XML.
///
/// The redactor sees each of them alone and unescaped. Over the XML as a whole its patterns could reach across a
/// quotation mark into the next attribute, and a secret such as `failure` would take the element's name with it.
///
/// # Errors
/// If the text is no well-formed XML.
pub fn redacted(xml: &str, redactor: &Redactor) -> Result<String, JunitError> {
    let clean = |text: String| redactor.clean(&text).into_owned();
    rewrite(
        xml,
        |_, _, attributes| Some(attributes.into_iter().map(|(name, value)| (name, clean(value))).collect()),
        |_, text| clean(text),
    )
}

/// Copies the XML. `element` is asked with the names of the parent (empty for the root) and of the element for the
/// attributes to write; `None` leaves the element out with all that is in it. `text` is asked for every text, with
/// the name of its element; an empty one is not written. Comments and white space between elements are not kept.
pub(super) fn rewrite(
    xml: &str,
    mut element: impl FnMut(&str, &str, Attributes) -> Option<Attributes>,
    text: impl Fn(&str, String) -> String,
) -> Result<String, JunitError> {
    let mut reader = Reader::from_str(xml);
    let mut out = Out::new()?;
    // A text comes in pieces, one for each entity; a secret may span them.
    let mut pending = String::new();
    let mut root_seen = false;
    loop {
        let event = reader.read_event().map_err(unreadable)?;
        match &event {
            Event::Text(piece) => pending.push_str(&piece.xml10_content().map_err(unreadable)?),
            Event::CData(piece) => pending.push_str(&piece.xml10_content().map_err(unreadable)?),
            Event::GeneralRef(reference) => {
                let name = reference.decode().map_err(unreadable)?;
                match reference.resolve_char_ref().map_err(unreadable)? {
                    Some(character) => pending.push(character),
                    None => pending.push_str(
                        quick_xml::escape::resolve_predefined_entity(&name)
                            .ok_or_else(|| unreadable(format!("unknown entity `{name}`")))?,
                    ),
                }
            }
            Event::Start(start) | Event::Empty(start) => {
                out.text(&mut pending, &text)?;
                if out.open.is_empty() && root_seen {
                    return Err(unreadable("a second root element"));
                }
                root_seen = true;
                let is_empty = matches!(event, Event::Empty(_));
                let name = start.name();
                let name = utf8(name.as_ref())?;
                let parent = out.open.last().map_or("", String::as_str);
                match element(parent, name, attributes_of(start)?) {
                    Some(kept) => {
                        out.start(name, &kept)?;
                        if is_empty {
                            out.end()?;
                        }
                    }
                    None if parent.is_empty() => return Err(unreadable(format!("`{name}` is no report"))),
                    None if is_empty => {}
                    None => {
                        reader.read_to_end(start.name()).map_err(unreadable)?;
                    }
                }
            }
            Event::End(_) => {
                out.text(&mut pending, &text)?;
                out.end()?;
            }
            Event::Eof => break,
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    out.text(&mut pending, &text)?;
    if !out.open.is_empty() || !root_seen {
        return Err(unreadable("it ends before its root element does"));
    }
    let mut out = utf8(&out.writer.into_inner())?.to_owned();
    out.push('\n');
    Ok(out)
}

struct Out {
    writer: Writer<Vec<u8>>,
    /// Names of the elements that have begun and not ended.
    open: Vec<String>,
    /// The innermost of them while nothing stands in it yet: it may turn out to be empty.
    held: Option<BytesStart<'static>>,
}

impl Out {
    fn new() -> Result<Self, JunitError> {
        let writer = Writer::new_with_indent(Vec::new(), b' ', 4);
        let mut out = Self { writer, open: Vec::new(), held: None };
        out.put(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        Ok(out)
    }

    fn start(&mut self, name: &str, attributes: &Attributes) -> Result<(), JunitError> {
        self.settle()?;
        let mut start = BytesStart::new(name.to_owned());
        start.extend_attributes(attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        self.held = Some(start);
        self.open.push(name.to_owned());
        Ok(())
    }

    /// Writes the text gathered so far, unless it is only what stands between two elements.
    fn text(
        &mut self,
        pending: &mut String,
        text: &impl Fn(&str, String) -> String,
    ) -> Result<(), JunitError> {
        let whole = std::mem::take(pending);
        if whole.trim().is_empty() {
            return Ok(());
        }
        let element = self.open.last().ok_or_else(|| unreadable("text outside of the root element"))?;
        let whole = text(element, whole);
        if whole.is_empty() {
            return Ok(());
        }
        self.settle()?;
        self.put(Event::Text(BytesText::new(&whole)))
    }

    fn end(&mut self) -> Result<(), JunitError> {
        let name = self.open.pop().ok_or_else(|| unreadable("an end without a start"))?;
        match self.held.take() {
            Some(start) => self.put(Event::Empty(start)),
            None => self.put(Event::End(BytesEnd::new(name))),
        }
    }

    fn settle(&mut self) -> Result<(), JunitError> {
        match self.held.take() {
            Some(start) => self.put(Event::Start(start)),
            None => Ok(()),
        }
    }

    fn put(&mut self, event: Event<'_>) -> Result<(), JunitError> {
        self.writer.write_event(event).map_err(|error| JunitError::Write(error.to_string()))
    }
}

fn attributes_of(start: &BytesStart<'_>) -> Result<Attributes, JunitError> {
    start
        .attributes()
        .map(|attribute| {
            let attribute = attribute.map_err(unreadable)?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(unreadable)?;
            Ok((utf8(attribute.key.as_ref())?.to_owned(), value.into_owned()))
        })
        .collect()
}

fn utf8(bytes: &[u8]) -> Result<&str, JunitError> {
    std::str::from_utf8(bytes).map_err(unreadable)
}

fn unreadable(error: impl ToString) -> JunitError {
    JunitError::Read(error.to_string())
}
