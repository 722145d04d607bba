//! Lines for people on one of the standard streams: such that stay, and on a terminal some below them that are
//! rewritten.

use std::io::{self, IsTerminal as _, Write as _};

use terminal_size::{Height, Width, terminal_size_of};
use unicode_width::UnicodeWidthStr as _;

use crate::config::Environment;

/// What a terminal is taken for that does not tell its size.
const COLUMNS: u16 = 80;
const LINES: u16 = 24;

/// One of the standard streams.
pub(super) struct Screen {
    /// Standard error; or else standard output.
    error: bool,
    /// Whether lines can be rewritten.
    pub(super) live: bool,
    pub(super) colours: bool,
    /// How many columns each line takes that can be rewritten and stands below those that stay.
    drawn: Vec<usize>,
}

impl Screen {
    /// Standard output; standard error if that one is for something else.
    pub(super) fn new(error: bool, environment: &Environment) -> Self {
        let terminal = if error { io::stderr().is_terminal() } else { io::stdout().is_terminal() };
        let live = terminal && environment.get("TERM").is_some_and(|it| it != "dumb");
        // https://no-color.org: set and not empty, whatever it says.
        let colours = live && environment.get("NO_COLOR").is_none();
        Self { error, live, colours, drawn: Vec::new() }
    }

    /// Columns and lines at this moment: somebody may change the size of a window.
    pub(super) fn size(&self) -> (usize, usize) {
        let size = if self.error { terminal_size_of(io::stderr()) } else { terminal_size_of(io::stdout()) };
        let (Width(columns), Height(lines)) = size.unwrap_or((Width(COLUMNS), Height(LINES)));
        // A terminal that has no size yet says 0.
        let or = |size: u16, other: u16| usize::from(if size == 0 { other } else { size });
        (or(columns, COLUMNS), or(lines, LINES))
    }

    /// Writes lines that stay. What could be rewritten is gone until it is drawn anew.
    pub(super) fn keep(&mut self, text: &str) {
        let mut out = self.cleared();
        out.push_str(text);
        if !text.ends_with('\n') {
            out.push('\n');
        }
        self.write(&out);
    }

    /// Rewrites the lines below those that stay. They have to be shorter than the terminal is wide; `columns` counts
    /// without colours.
    pub(super) fn draw(&mut self, lines: &[String]) {
        let mut out = self.cleared();
        for line in lines {
            out.push_str(line);
            out.push('\n');
            self.drawn.push(columns(line));
        }
        self.write(&out);
    }

    /// What moves the cursor to the first line that can be rewritten, and removes all from there.
    fn cleared(&mut self) -> String {
        // A terminal that has become narrower has broken the lines that were there into several.
        let (width, _) = self.size();
        let rows: usize = self.drawn.iter().map(|it| it.div_ceil(width).max(1)).sum();
        self.drawn.clear();
        if rows == 0 { String::new() } else { format!("\u{1b}[{rows}A\r\u{1b}[J") }
    }

    /// In one piece, so that nothing flickers. That nobody reads it any more (`| head`), or that the disk is full, must
    /// not end the run: its exit code and its reports say the same.
    fn write(&self, text: &str) {
        let _ = if self.error {
            let mut out = io::stderr().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        } else {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        };
    }
}

/// How many columns a line takes that may have colours.
fn columns(line: &str) -> usize {
    let mut rest = line;
    let mut columns = 0;
    while let Some((text, behind)) = rest.split_once("\u{1b}[") {
        columns += text.width();
        rest = behind.split_once('m').map_or("", |(_, rest)| rest);
    }
    columns + rest.width()
}

#[cfg(test)]
mod tests {
    use super::columns;

    #[test]
    fn colours_take_no_room() {
        assert_eq!(columns("\u{1b}[31mapi\u{1b}[0m  1 of 2"), 11);
        assert_eq!(columns("日本"), 4);
        assert_eq!(columns(""), 0);
    }
}
