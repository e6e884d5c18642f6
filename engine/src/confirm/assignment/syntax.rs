//! Where a key's value stands: identifier, operator, quotes, value.
//!
//! One small reader covers JSON (escaped or not), logfmt, YAML, INI, shell, properties, XML, HTTP headers, URL queries,
//! command-line flags and the usual program text, because all of them write a key, an operator and a value. What differs
//! is where a bare value ends: a line that is nothing but an assignment gives its value up to the next blank, any other text
//! also ends it at punctuation.

use std::ops::Range;

use super::Memo;

const LONGEST_IDENTIFIER: usize = 96;
const LONGEST_BLANK: usize = 48;
/// The longest value, in bytes.
const LONGEST_VALUE: usize = 4096;

/// The identifier around a key word.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    /// The whole identifier, such as `DB_PASSWORD_FILE`.
    pub(crate) whole: Range<usize>,
    /// The key word in it.
    pub(crate) key: Range<usize>,
}

/// What stands behind an identifier.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    Value {
        span: Range<usize>,
        quoted: bool,
        /// Something ends the value before the line does.
        complete: bool,
    },
    /// The line ends where the assignment could go on.
    Incomplete,
    None,
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// The identifier around the key word at `key`; none if the key word is only part of another word.
pub(crate) fn identifier(line: &[u8], key: Range<usize>) -> Option<Name> {
    let left = line[..key.start].iter().rev().take(LONGEST_IDENTIFIER).take_while(|b| is_name(**b));
    let start = key.start - left.count();
    let right = line[key.end..].iter().take(LONGEST_IDENTIFIER).take_while(|b| is_name(**b));
    let mut end = key.end + right.count();
    // A full stop or a dash at the end belongs to the sentence or the arrow.
    while end > key.end && matches!(line[end - 1], b'.' | b'-') {
        end -= 1;
    }
    let last = line[key.end - 1];
    if let Some(next) = line[key.end..end].first()
        && next.is_ascii_alphabetic()
        && (next.is_ascii_lowercase() || last.is_ascii_uppercase())
    {
        let plural = *next | 0x20 == b's'
            && (key.end + 1 == end || !line[key.end + 1].is_ascii_alphabetic());
        if !plural {
            return None;
        }
    }
    Some(Name { whole: start..end, key })
}

/// Reads the value assigned to `name`.
pub(crate) fn parse(line: &[u8], name: &Name, memo: &mut Memo) -> Parsed {
    let mut at = name.whole.end;
    let quoted_key = closers(line, &mut at);
    let blank = blanks(line, &mut at);
    let is_flag =
        line[..name.whole.start].ends_with(b"--") || line[name.whole.start..].starts_with(b"--");
    let Some(first) = line.get(at) else { return Parsed::Incomplete };
    let operator = match (first, line.get(at + 1)) {
        (b'=', Some(b'>')) | (b':', Some(b'=')) | (b'-', Some(b'>')) | (b'=', Some(b'=')) => 2,
        (b'?' | b'+', Some(b'=')) => 2,
        (b'|', Some(b'|')) if line.get(at + 2) == Some(&b'=') => 3,
        (b'%', Some(b'3')) if matches!(line.get(at + 2), Some(b'D' | b'd' | b'A' | b'a')) => 3,
        (b'=' | b':', _) => 1,
        (b'>', _) if is_tag(line, name) => 1,
        (b',', _) if quoted_key => 1,
        (b'(', Some(b'"' | b'\'')) => 1,
        _ if is_flag && blank > 0 => 0,
        _ => return Parsed::None,
    };
    at += operator;
    blanks(line, &mut at);
    if *first == b':' {
        skip_type(line, &mut at);
    }
    if at >= line.len() {
        return Parsed::Incomplete;
    }
    if matches!(line[at], b'b' | b'f' | b'r' | b'u' | b'@' | b'L')
        && matches!(line.get(at + 1), Some(b'"' | b'\''))
    {
        at += 1;
    }
    match opening_quote(&line[at..]) {
        Some(quote) => quoted_value(line, at + quote.len(), quote),
        None => bare_value(line, name, at, *first, memo),
    }
}

/// Skips what closes a quoted, indexed or escaped key; true if there was a quote.
fn closers(line: &[u8], at: &mut usize) -> bool {
    let mut quoted = false;
    for _ in 0..6 {
        match line.get(*at) {
            Some(b'"' | b'\'' | b'`') => quoted = true,
            Some(b']' | b'\\') => {}
            _ => break,
        }
        *at += 1;
    }
    quoted
}

fn blanks(line: &[u8], at: &mut usize) -> usize {
    let n =
        line[*at..].iter().take(LONGEST_BLANK).take_while(|b| matches!(b, b' ' | b'\t')).count();
    *at += n;
    n
}

fn is_tag(line: &[u8], name: &Name) -> bool {
    matches!(line[..name.whole.start].last(), Some(b'<' | b':'))
}

/// `token: String = "…"`: skips a type between the colon and the equals sign.
fn skip_type(line: &[u8], at: &mut usize) {
    let is_type = |b: &u8| {
        b.is_ascii_alphanumeric() || matches!(b, b'_' | b'<' | b'>' | b'?' | b'&' | b'\'' | b'.')
    };
    let mut end = *at + line[*at..].iter().take(40).take_while(|b| is_type(b)).count();
    if end > *at {
        blanks(line, &mut end);
        if line.get(end) == Some(&b'=') {
            *at = end + 1;
            blanks(line, at);
        }
    }
}

/// The quote at the start of `text`, with the backslashes before it.
fn opening_quote(text: &[u8]) -> Option<&[u8]> {
    for entity in [&b"&quot;"[..], b"&#34;", b"&#39;", b"&apos;", b"%22", b"%27"] {
        if text.starts_with(entity) {
            return Some(&text[..entity.len()]);
        }
    }
    let slashes = text.iter().take(8).take_while(|b| **b == b'\\').count();
    matches!(text.get(slashes), Some(b'"' | b'\'' | b'`')).then(|| &text[..=slashes])
}

fn quoted_value(line: &[u8], from: usize, quote: &[u8]) -> Parsed {
    let cap = line.len().min(from + LONGEST_VALUE);
    let text = &line[from..cap];
    let slashes = quote.iter().take_while(|b| **b == b'\\').count();
    let mut at = 0;
    while let Some(found) = memchr::memmem::find(&text[at..], quote) {
        let end = at + found;
        // A quote behind more backslashes than the opening one is part of the value.
        let before = text[..end].iter().rev().take_while(|b| **b == b'\\').count();
        if slashes > 0 || before % 2 == 0 {
            return Parsed::Value { span: from..from + end, quoted: true, complete: true };
        }
        at = end + quote.len();
    }
    let open = text.iter().position(|b| b.is_ascii_whitespace()).unwrap_or(text.len());
    // Without its closing quote, a value ends at the first blank; until the line is over, the quote may still come.
    let complete = text.len() == LONGEST_VALUE;
    Parsed::Value { span: from..from + open, quoted: true, complete }
}

fn bare_value(line: &[u8], name: &Name, from: usize, operator: u8, memo: &mut Memo) -> Parsed {
    let cap = line.len().min(from + LONGEST_VALUE);
    let tag = operator == b'>';
    let end = if tag {
        line[from..cap].iter().position(|b| *b == b'<').map_or(cap, |n| from + n)
    } else if operator != b'%' && is_whole_line(line, name) {
        config_value_end(line, from, cap)
    } else {
        punctuated_end(line, from, cap, memo)
    };
    let mut value = from..end;
    while value.end > value.start
        && matches!(line[value.end - 1], b'.' | b':' | b'?' | b'!' | b'\r' | b' ')
    {
        value.end -= 1;
    }
    Parsed::Value { span: value, quoted: false, complete: end < line.len() }
}

/// Whether the line is nothing but an assignment: the identifier stands first, but for indentation and list or export signs.
fn is_whole_line(line: &[u8], name: &Name) -> bool {
    let head = line[..name.whole.start].trim_ascii();
    matches!(
        head,
        b"" | b"-" | b"export" | b"set" | b"ENV" | b"env" | b"setx" | b"#" | b"*" | b"+" | b"> "
    )
}

fn config_value_end(line: &[u8], from: usize, cap: usize) -> usize {
    let text = &line[from..cap];
    let end = text
        .iter()
        .position(|b| b.is_ascii_whitespace() || matches!(b, b'"' | b'\''))
        .unwrap_or(text.len());
    let mut end = from + end;
    while end > from && matches!(line[end - 1], b',' | b';') {
        end -= 1;
    }
    end
}

fn punctuated_end(line: &[u8], from: usize, cap: usize, memo: &mut Memo) -> usize {
    let address = line.as_ptr() as usize;
    let (known, start, end) = memo.run;
    if known == address && start <= from && from < end && end <= cap {
        return end;
    }
    let stops = |b: &u8| {
        b.is_ascii_whitespace()
            || matches!(
                b,
                b'"' | b'\''
                    | b'`'
                    | b','
                    | b';'
                    | b'<'
                    | b'>'
                    | b')'
                    | b'}'
                    | b']'
                    | b'&'
                    | b'|'
                    | b'\\'
            )
    };
    let end = line[from..cap].iter().position(stops).map_or(cap, |n| from + n);
    memo.run = (address, from, end);
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(line: &str, key: &str) -> Option<String> {
        let at = line.find(key).unwrap();
        let name = identifier(line.as_bytes(), at..at + key.len())?;
        match parse(line.as_bytes(), &name, &mut Memo::default()) {
            Parsed::Value { span, .. } => Some(line[span].to_owned()),
            _ => None,
        }
    }

    #[test]
    fn values_are_read_in_every_syntax() {
        for (line, wanted) in [
            (r#"{"password": "a\"b c", "x": 1}"#, r#"a\"b c"#),
            (r#"{\"password\":\"abc\",\"x\":1}"#, "abc"),
            ("level=info password=abc user=x", "abc"),
            ("  password: a&b;c  # note", "a&b;c"),
            ("export DB_password='a b'", "a b"),
            ("<db.password>abc</db.password>", "abc"),
            ("GET /?password=abc&x=1", "abc"),
            ("run --password abc --x", "abc"),
            ("let password: String = \"abc\";", "abc"),
            ("map.put(\"password\", \"abc\")", "abc"),
            ("{password => 'abc', x => 1}", "abc"),
            ("User{name:x password:abc}", "abc"),
            ("User(name=x, password=abc)", "abc"),
            ("password := `abc`", "abc"),
            ("body=password%3Dabc%26", "abc%26"),
        ] {
            assert_eq!(value(line, "password").as_deref(), Some(wanted), "{line}");
        }
    }

    #[test]
    fn part_of_another_word_is_no_key() {
        assert_eq!(value("tokenizer=abc", "token"), None);
        assert_eq!(value("the password is weak", "password"), None);
    }
}
