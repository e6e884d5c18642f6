//! Where a value begins and ends: its quotes, or what ends it without them.
//!
//! A line that is nothing but an assignment gives its value up to the next blank, any other text also ends it at punctuation.

use std::ops::Range;

use super::Memo;
use super::classes::{LINE_STOP, STOP, find};
use super::syntax::{Found, Name, Parsed, Tie, blanks, closers};

const LONGEST_INDENT: usize = 128;
/// The longest value, in bytes.
const LONGEST_VALUE: usize = 4096;
/// The longest value in which a `&` may stand without quotes, in bytes.
const LONGEST_WITH_SIGNS: usize = 128;
/// The longest value whose repetition is looked for, in bytes.
const LONGEST_REPEATED: usize = 1024;

/// Whether a value stands a second time behind a `|`.
pub(crate) enum Repetition {
    None,
    At(Range<usize>),
    /// The line ends before that is clear.
    Cut,
}

/// The quote at the start of `text`, with the backslashes before it.
pub(super) fn opening_quote(text: &[u8]) -> Option<&[u8]> {
    let entities: &[&[u8]] = match text.first()? {
        b'&' => &[b"&quot;", b"&#34;", b"&#39;", b"&apos;"],
        b'%' => &[b"%22", b"%27"],
        b'\'' => &[b"'''"],
        b'"' => &[b"\"\"\""],
        b'`' | b'\\' => &[],
        _ => return None,
    };
    if let Some(entity) = entities.iter().find(|entity| text.starts_with(entity)) {
        return Some(&text[..entity.len()]);
    }
    let slashes = text.iter().take(8).take_while(|b| **b == b'\\').count();
    matches!(text.get(slashes), Some(b'"' | b'\'' | b'`')).then(|| &text[..=slashes])
}

pub(super) fn quoted_value(line: &[u8], from: usize, quote: &[u8], tie: Tie) -> Parsed {
    let cap = line.len().min(from + LONGEST_VALUE);
    let text = &line[from..cap];
    let slashes = quote.iter().take_while(|b| **b == b'\\').count();
    let found = |end: usize, complete: bool| {
        Parsed::Value(Found {
            span: from..end,
            tie,
            quoted: true,
            element: false,
            assigned_by_equals: false,
            whole_line: false,
            complete,
        })
    };
    let mut at = 0;
    while let Some(next) = find_quote(&text[at..], quote) {
        let end = at + next;
        // A quote behind more backslashes than the opening one is part of the value.
        let before = text[..end].iter().rev().take_while(|b| **b == b'\\').count();
        if slashes > 0 || before % 2 == 0 {
            return found(from + end, true);
        }
        at = end + quote.len();
    }
    let open = text.iter().position(|b| b.is_ascii_whitespace()).unwrap_or(text.len());
    // Without its closing quote, a value ends at the first blank; until the line is over, the quote may still come.
    found(from + open, text.len() == LONGEST_VALUE)
}

/// Where the next such quote begins; they are too short to set up a search for.
fn find_quote(text: &[u8], quote: &[u8]) -> Option<usize> {
    let last = *quote.last()?;
    let ends = memchr::memchr_iter(last, text).map(|at| at + 1);
    ends.filter(|end| text[..*end].ends_with(quote)).map(|end| end - quote.len()).next()
}

pub(super) fn bare_value(
    line: &[u8],
    name: &Name,
    from: usize,
    operator: u8,
    element: bool,
    tie: Tie,
    memo: &mut Memo,
) -> Parsed {
    let cap = line.len().min(from + LONGEST_VALUE);
    let whole_line = operator != b'%' && tie == Tie::Assigned && is_whole_line(line, name);
    let (end, decided) = if element {
        let end = memchr::memchr(b'<', &line[from..cap]).map_or(cap, |n| from + n);
        (end, end)
    } else if whole_line {
        let end = config_value_end(line, from, cap);
        (end, end)
    } else {
        past_signs(line, from, punctuated_end(line, from, cap, memo))
    };
    // What is stripped belongs to the value if more follows.
    let complete = decided < line.len();
    let mut span = from..end;
    while whole_line && !element && matches!(line[from..span.end], [.., b',' | b';']) {
        span.end -= 1;
    }
    while matches!(line[from..span.end], [.., b'.' | b':' | b'\r' | b' ']) {
        span.end -= 1;
    }
    if element && span.len() > 2 && line[span.start] == b'{' && line[span.end - 1] == b'}' {
        span = span.start + 1..span.end - 1;
    }
    Parsed::Value(Found {
        span,
        tie,
        quoted: false,
        element,
        assigned_by_equals: operator == b'=',
        whole_line,
        complete,
    })
}

/// Whether the line is nothing but an assignment: the identifier stands first, but for indentation and list or export signs.
pub(super) fn is_whole_line(line: &[u8], name: &Name) -> bool {
    // Deeper indentation is not looked through: a long line's start may be gone.
    name.whole.start <= LONGEST_INDENT
        && matches!(
            line[..name.whole.start].trim_ascii(),
            b"" | b"-"
                | b"export"
                | b"set"
                | b"ENV"
                | b"env"
                | b"setx"
                | b"#"
                | b"*"
                | b"+"
                | b"> "
        )
}

fn config_value_end(line: &[u8], from: usize, cap: usize) -> usize {
    let text = &line[from..cap];
    from + find(text, LINE_STOP).unwrap_or(text.len())
}

fn punctuated_end(line: &[u8], from: usize, cap: usize, memo: &mut Memo) -> usize {
    let address = line.as_ptr() as usize;
    let (known, start, end) = memo.run;
    if known == address && start <= from && from < end && end <= cap {
        return end;
    }
    let end = find(&line[from..cap], STOP).map_or(cap, |n| from + n);
    memo.run = (address, from, end);
    end
}

/// Where a value ends whose punctuation begins at `end`, and where what decides that ends: a `&` that neither a parameter nor an
/// entity follows is part of a value that is not too long.
fn past_signs(line: &[u8], from: usize, mut end: usize) -> (usize, usize) {
    let most = line.len().min(from + LONGEST_WITH_SIGNS);
    let mut decided = end;
    while end < most && line[end] == b'&' {
        let stop = find(&line[end + 1..most], STOP);
        decided = stop.map_or(most, |n| end + 1 + n);
        let more = &line[end + 1..decided];
        let is_flag = more.iter().all(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b'-'));
        let is_long = stop.is_none() && most < line.len();
        let has_sign = more.iter().any(|b| matches!(b, b'=' | b':' | b'%'));
        if is_flag || is_long || has_sign || line.get(decided) == Some(&b';') {
            break;
        }
        end = decided;
    }
    (end, decided)
}

/// Looks for the same value behind a `|`, as in `token = 'x' | 'x'`.
pub(crate) fn repetition(line: &[u8], found: &Found) -> Repetition {
    let value = &line[found.span.clone()];
    if value.len() > LONGEST_REPEATED {
        return Repetition::None;
    }
    let mut at = found.span.end;
    closers(line, &mut at);
    blanks(line, &mut at);
    match line.get(at) {
        None => return Repetition::Cut,
        Some(b'|') => at += 1,
        Some(_) => return Repetition::None,
    }
    blanks(line, &mut at);
    at += usize::from(matches!(line.get(at), Some(b'"' | b'\'' | b'`')));
    let rest = &line[at..];
    if rest.starts_with(value) {
        Repetition::At(at..at + value.len())
    } else if value.starts_with(rest) {
        Repetition::Cut
    } else {
        Repetition::None
    }
}
