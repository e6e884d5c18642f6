//! `INSERT INTO t (id, password) VALUES (1, '…')`: a column's value stands at the same place in another list.
//!
//! Limits: the two lists stand on one line, the columns in at most 512 bytes on either side of the key, the value at
//! most 4,096 bytes behind it; only the first row of values is read.

use super::syntax::{Found, Name, Parsed, Tie};

/// How far the list of columns reaches on either side of the key, in bytes.
const LONGEST_COLUMNS: usize = 512;
/// How far behind the key the value ends at most, in bytes.
const FARTHEST: usize = 4096;

/// Why nothing was read.
#[derive(Debug, PartialEq, Eq)]
enum Stop {
    /// The line ends here, or goes on too far.
    Cut,
    /// It is something else.
    Other,
}

/// The value of the column `name`; none if it stands in no list of columns before values.
pub(super) fn parse(line: &[u8], name: &Name) -> Option<Parsed> {
    let (start, at) = (name.whole.start, name.whole.end);
    let next = line[at..].iter().find(|b| !matches!(b, b' ' | b'"' | b'`' | b']' | b'\\'));
    if !matches!(next, None | Some(b',' | b')')) {
        return None;
    }
    let columns = line[start.saturating_sub(LONGEST_COLUMNS)..start].iter().rev();
    let columns: usize = columns.take_while(|b| is_column(b)).count();
    let open = start - columns;
    if open == 0 || line[open - 1] != b'(' {
        return None;
    }
    let place = memchr::memchr_iter(b',', &line[open..start]).count();
    let text = &line[..line.len().min(at + FARTHEST)];
    match value(text, at, place) {
        Ok(found) => Some(Parsed::Value(found)),
        Err(Stop::Cut) if text.len() == line.len() => Some(Parsed::Incomplete),
        Err(_) => None,
    }
}

fn is_column(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_ \t,`\"[].$".contains(byte)
}

/// The value at `place` of the list behind the columns that go on at `at`.
fn value(line: &[u8], mut at: usize, place: usize) -> Result<Found, Stop> {
    let columns = line[at..].iter().take(LONGEST_COLUMNS).take_while(|b| is_column(b)).count();
    at += columns;
    if columns == LONGEST_COLUMNS {
        return Err(Stop::Other);
    }
    expect(line, &mut at, b")")?;
    expect(line, &mut at, b"values")?;
    expect(line, &mut at, b"(")?;
    for _ in 0..place {
        at = value_end(line, at)?;
        expect(line, &mut at, b",")?;
    }
    skip_blanks(line, &mut at);
    // National and other character sets: N'…', E'…'.
    at += usize::from(line.get(at).is_some_and(u8::is_ascii_alphabetic));
    let quote = match line.get(at) {
        None => return Err(Stop::Cut),
        Some(quote @ (b'\'' | b'"')) => *quote,
        Some(_) => return Err(Stop::Other),
    };
    let from = at + 1;
    let end = quoted_end(line, from, quote)?;
    Ok(Found {
        span: from..end,
        tie: Tie::Assigned,
        quoted: true,
        element: false,
        assigned_by_equals: false,
        whole_line: false,
        complete: true,
    })
}

fn skip_blanks(line: &[u8], at: &mut usize) {
    *at += line[*at..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
}

/// Goes on behind blanks and `word`, in any case.
fn expect(line: &[u8], at: &mut usize, word: &[u8]) -> Result<(), Stop> {
    skip_blanks(line, at);
    let here = &line[*at..line.len().min(*at + word.len())];
    if !word[..here.len()].eq_ignore_ascii_case(here) {
        return Err(Stop::Other);
    }
    *at += here.len();
    if here.len() < word.len() { Err(Stop::Cut) } else { Ok(()) }
}

/// Where the value that begins at `at` ends: at a comma or parenthesis outside quotes and parentheses.
fn value_end(line: &[u8], mut at: usize) -> Result<usize, Stop> {
    let mut depth = 0;
    while let Some(byte) = line.get(at) {
        match byte {
            b'\'' | b'"' => at = quoted_end(line, at + 1, *byte)?,
            b'(' => depth += 1,
            b')' | b',' if depth == 0 => return Ok(at),
            b')' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    Err(Stop::Cut)
}

/// Where the text that begins at `at` ends: at a quote that is neither doubled nor behind a backslash.
fn quoted_end(line: &[u8], mut at: usize, quote: u8) -> Result<usize, Stop> {
    while let Some(byte) = line.get(at) {
        match byte {
            b'\\' => at += 1,
            b if *b == quote && line.get(at + 1) == Some(&quote) => at += 1,
            b if *b == quote => return Ok(at),
            _ => {}
        }
        at += 1;
    }
    Err(Stop::Cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Parsed> {
        let start = line.find("password").unwrap();
        let (whole, key) = (start..start + 8, start..start + 8);
        parse(line.as_bytes(), &Name { whole, key, hump: true })
    }

    #[test]
    fn the_value_stands_at_the_place_of_its_column() {
        for line in [
            "INSERT INTO t (id, `password`, x) VALUES (1, 'a''b', 'y')",
            "insert into t(password,id)values(N'a''b');",
            "INSERT INTO t(id, \"x\", \"password\") VALUES (f(1, ')'), 'it''s', 'a''b')",
        ] {
            let Some(Parsed::Value(found)) = read(line) else { panic!("{line}") };
            assert_eq!(&line[found.span], "a''b", "{line}");
        }
    }

    #[test]
    fn lists_without_values_are_none() {
        for (line, wanted) in [
            ("f(a, password, b) = c", None),
            ("SELECT (id, password) FROM t", None),
            ("INSERT INTO t (id, password) VALUES (1, ?)", None),
            ("INSERT INTO t (id, password) SELECT 'a'", None),
            ("INSERT INTO t (id, password) VALUES (1", Some(Parsed::Incomplete)),
            ("INSERT INTO t (id, password) VAL", Some(Parsed::Incomplete)),
            ("password, x) VALUES ('a', 'b')", None),
        ] {
            assert_eq!(read(line), wanted, "{line}");
        }
    }
}
