//! What may stand between a key and its value besides an operator and quotes.
//!
//! People and programs put a remark behind the key (`Password [required]: x`), lead over to the value with words, dots or a
//! type (`the password for alice is x`, `password ....: x`), and wrap it in a bracket, a call or a pointer
//! (`password=[x]`, `= env("x")`, `= 0x7ffd "x"`). Each function here skips one of these and leaves everything else.
//!
//! Limits: each looks at no more than [`LONGEST_WAY`] bytes. A line that may go on must give the same answer as the whole line, so what
//! decides stands at most [`END_OF_LINE`](super::judge::END_OF_LINE) bytes behind what would be the value otherwise, or the answer is
//! "incomplete".

use std::ops::Range;

use super::classes::{NAME, SIGN, STOP, TYPE, find, is, run};
use super::syntax::{Name, Tie, blanks, closers};
use crate::confirm::words;

/// How far behind a key what leads over to its value is looked for, in bytes.
const LONGEST_WAY: usize = 64;
/// The longest remark behind a key, in bytes.
const LONGEST_REMARK: usize = 24;
/// The shortest noise that is a value between angle brackets or as a bare argument, in bytes.
const LEAST_WRAPPED: usize = 16;

/// Skips a remark, if an operator follows it: `(again)`, `[required]`, `(len=12)`.
pub(super) fn skip_remark(line: &[u8], at: &mut usize) {
    let close = match line.get(*at) {
        Some(b'(') => b')',
        Some(b'[') => b']',
        _ => return,
    };
    let inside = |b: &&u8| b.is_ascii_alphanumeric() || b"= _-".contains(b);
    let length = line[*at + 1..].iter().take(LONGEST_REMARK).take_while(inside).count();
    if let [end, b':' | b'=', ..] = line[*at + 1 + length..]
        && end == close
        && length > 0
    {
        *at += length + 2;
    }
}

/// Skips leaders (`password ......: x`); how many bytes they are.
pub(super) fn skip_leaders(line: &[u8], at: &mut usize) -> usize {
    let dots = line[*at..].iter().take(LONGEST_WAY).take_while(|b| **b == b'.').count();
    if dots < 3 {
        return 0;
    }
    *at += dots;
    dots + blanks(line, at)
}

/// Skips the end of what emphasises the key in Markdown: `**Password:** x`.
pub(super) fn skip_emphasis(line: &[u8], head: &[u8], at: &mut usize) {
    let signs = [b"**", b"__"].into_iter().find(|signs| head.ends_with(*signs));
    if signs.is_some_and(|signs| line[*at..].starts_with(signs)) {
        *at += 2;
        blanks(line, at);
    }
}

/// Skips the address that debuggers print before a text: `0x7ffd "x"`.
pub(super) fn skip_pointer(line: &[u8], at: &mut usize) {
    let Some(digits) = line[*at..].strip_prefix(b"0x") else { return };
    let length = digits.iter().take(16).take_while(|b| b.is_ascii_hexdigit()).count();
    if length > 0 && digits[length..].starts_with(b" \"") {
        *at += length + 3;
    }
}

/// The value at `at` inside brackets: a list of one (`=[x]`), a template that was filled in (`<x>`), a bare argument (`(x)`), quotes
/// of Perl (`q{x}`). Where program text and placeholders stand too, only noise is a value.
pub(super) fn bracketed(line: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = &line[at..];
    let (open, close) = match rest {
        [b'[', ..] => (1, b']'),
        [b'<', ..] => (1, b'>'),
        [b'(', ..] => (1, b')'),
        [b'q', b'{', ..] => (2, b'}'),
        [b'q', b'q', b'{', ..] => (3, b'}'),
        _ => return None,
    };
    let inside = &rest[open..rest.len().min(open + LONGEST_WAY)];
    let length = find(inside, STOP).filter(|end| inside[*end] == close)?;
    let value = &inside[..length];
    let is_value = match close {
        b']' => {
            let next = rest.get(open + length + 1);
            next.is_none_or(|b| b" ,;)}\"&\r".contains(b))
                && value.first().is_some_and(u8::is_ascii_alphanumeric)
                && !is_class(value)
        }
        b'}' => !value.is_empty(),
        _ => {
            length >= LEAST_WRAPPED
                && value.iter().all(u8::is_ascii_alphanumeric)
                && value.iter().any(u8::is_ascii_digit)
                && words::is_random(value)
        }
    };
    is_value.then_some(at + open..at + open + length)
}

/// A class of a regular expression: `[A-Za-z0-9]`.
fn is_class(inside: &[u8]) -> bool {
    inside.windows(3).any(|w| matches!(w, b"a-z" | b"A-Z" | b"0-9"))
}

/// Whether a key behind `head` is followed by its value: `ENV` of a Dockerfile, `setx` of Windows, `setq` and `def` of Lisps.
pub(super) fn is_definition(head: &[u8]) -> bool {
    let words: [&[u8]; 6] = [b"ENV ", b"setx ", b"(setq ", b"(def ", b"(setf ", b"(define "];
    words.iter().any(|word| head.ends_with(word))
}

/// What may stand between a key and a value side by side: `-`, `is`, `was`, a type and `=`, whom it is for; none if the line
/// ends before that is clear.
///
/// `names` says that the key is quoted or the first word of its line.
pub(super) fn beside(line: &[u8], at: usize, names: bool, tie: &mut Tie) -> Option<usize> {
    let rest = &line[at..];
    let is_quote = |b: Option<&u8>| matches!(b, Some(b'"' | b'\'' | b'`'));
    // `"password" "x"` of Valve's format, `storePassword "x"` of Gradle's.
    if names && is_quote(rest.first()) {
        *tie = Tie::Assigned;
        return Some(0);
    }
    if rest.starts_with(b"- ") || rest.starts_with(b"| ") || rest.starts_with(b"~ ") {
        return Some(2);
    }
    if rest.starts_with(b"|") {
        return Some(1);
    }
    for word in [&b"is "[..], b"to "] {
        if rest.starts_with(word) {
            if is_quote(rest.get(3)) {
                *tie = Tie::Assigned;
            }
            return Some(3);
        }
    }
    const WITH: &[u8] = b"with value ";
    if rest.starts_with(WITH) {
        if is_quote(rest.get(WITH.len())) {
            *tie = Tie::Assigned;
        }
        return Some(WITH.len());
    }
    if !rest.is_empty() && WITH.starts_with(rest) {
        return None;
    }
    if rest.starts_with(b"is: ") || rest.starts_with(b"was ") {
        return Some(4);
    }
    if rest.starts_with(b"for ") || rest.starts_with(b"FOR ") || rest.starts_with(b"of ") {
        return behind_owner(rest);
    }
    let word = rest
        .iter()
        .take(24)
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'$'))
        .count();
    if word > 0 && rest[word..].starts_with(b" = ") {
        *tie = Tie::Assigned;
        return Some(word + 3);
    }
    // What messages say of a value that they then repeat.
    let said: [&[u8]; 6] = [b"provided", b"supplied", b"received", b"given", b"used", b"created"];
    if said.contains(&&rest[..word]) && rest[word..].starts_with(b": ") {
        return Some(word + 2);
    }
    Some(0)
}

/// The length of `for alice = `, `of user alice: `, `for alice is `; 0 if it is something else.
fn behind_owner(rest: &[u8]) -> Option<usize> {
    let mut at = rest.iter().position(|b| *b == b' ')? + 1;
    for _ in 0..3 {
        let is_name = |b: &&u8| b.is_ascii_alphanumeric() || b"._@'%-".contains(b);
        let name = rest[at..].iter().take(LONGEST_WAY).take_while(is_name).count();
        at += name;
        let [sign, blank, ..] = rest[at..] else { return None };
        if name > 0 && matches!((sign, blank), (b':' | b'=', b' ')) {
            return Some(at + 2);
        }
        if name == 0 || sign != b' ' {
            return Some(0);
        }
        at += 1;
        match &rest[at..] {
            [b'i', b's', b' ', ..] => return Some(at + 3),
            [b'=' | b':', b' ', ..] => return Some(at + 2),
            // One of these may be about to come.
            [] | [b'i'] | [b'i', b's'] | [b'=' | b':'] => return None,
            _ => {}
        }
    }
    Some(0)
}

/// The length of `</key><string>` at `at`, behind a key of a property list; of `</name><value>`, as Hadoop and servlets have it.
pub(super) fn property_list(line: &[u8], name: &Name, at: usize) -> Option<usize> {
    const NAMES: [(&str, &str, &str); 3] = [
        ("<key>", "</key>", "<string>"),
        ("name>", "</name>", "<value>"),
        ("<param-name>", "</param-name>", "<param-value>"),
    ];
    let head = &line[..name.whole.start];
    NAMES.iter().find_map(|(open, close, value)| {
        let mut end = at + line[at..].strip_prefix(close.as_bytes()).map(|_| close.len())?;
        blanks(line, &mut end);
        let known = head.ends_with(open.as_bytes()) && line[end..].starts_with(value.as_bytes());
        known.then_some(end + value.len() - at)
    })
}

/// Enters an element that wraps the text of the key's: `<AdministratorPassword><Value>x`.
pub(super) fn enter_element(line: &[u8], at: &mut usize) {
    const TAG: &[u8] = b"<value>";
    let rest = &line[*at..];
    if rest.len() >= TAG.len() && rest[..TAG.len()].eq_ignore_ascii_case(TAG) {
        *at += TAG.len();
    }
}

/// Whether what opens at `at` may yet turn out to wrap a value, if the line goes on.
pub(super) fn may_open(line: &[u8], at: usize) -> bool {
    let rest = &line[at..];
    match rest.first() {
        Some(b'<') => rest.len() <= LONGEST_WAY && rest[1..].iter().all(u8::is_ascii_alphanumeric),
        Some(b'{') => rest.len() <= LONGEST_REMARK && !rest[1..].iter().any(|b| b",:}".contains(b)),
        _ => false,
    }
}

/// Enters an object that wraps a value in its type, as databases' interfaces do: `{"S": "x"}`, `{"stringValue": "x"}`; and the
/// block of a variable of Terraform: `{ default = "x"`.
pub(super) fn enter_object(line: &[u8], at: &mut usize, tie: &mut Tie) {
    const TYPES: [&str; 7] = ["S", "string", "stringValue", "value", "_value", "Value", "$value"];
    let Some(inside) = line[*at..].strip_prefix(b"{") else { return };
    let inside = inside.trim_ascii_start();
    if let Some(value) = inside.strip_prefix(b"default")
        && let Some(value) = value.trim_ascii_start().strip_prefix(b"=")
    {
        let start = line.len() - value.trim_ascii_start().len();
        if start - *at <= LONGEST_REMARK {
            *tie = Tie::Assigned;
            *at = start;
        }
        return;
    }
    let Some(name) = inside.strip_prefix(b"\"") else { return };
    let is_type = |t: &&str| name.strip_prefix(t.as_bytes()).is_some_and(|n| n.starts_with(b"\":"));
    let Some(found) = TYPES.iter().find(|t| is_type(t)) else { return };
    let mut start = line.len() - name.len() + found.len() + 2;
    blanks(line, &mut start);
    // Without a quote, the object is the value; the end of the line is the end of either.
    if matches!(line.get(start), None | Some(b'"')) {
        *at = start;
    }
}

/// `token: String = "…"`: skips a type between the colon and the equals sign.
pub(super) fn skip_type(line: &[u8], at: &mut usize) {
    let starts = line.get(*at).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'&');
    if !starts {
        return;
    }
    let mut end = *at + run(&line[*at..], 40, TYPE);
    if end > *at {
        blanks(line, &mut end);
        if line.get(end) == Some(&b'=')
            && matches!(line.get(end + 1), Some(b' ' | b'\t' | b'"' | b'\''))
        {
            *at = end + 1;
            blanks(line, at);
        }
    }
}

/// `name="password" value="…"`, `{"name": "PASSWORD", "value": "…"}`, `android:value`, `ParameterValue`: skips the second key.
pub(super) fn skip_value_key(line: &[u8], name: &Name, at: &mut usize, tie: &mut Tie) {
    let mut start = *at;
    let from = name.whole.start.saturating_sub(16);
    let head = line[from..name.whole.start].trim_ascii_end();
    let head =
        head.strip_suffix(b"\"").or(head.strip_suffix(b"'")).unwrap_or(head).trim_ascii_end();
    if !matches!(head.last(), Some(b'=' | b':')) {
        return;
    }
    closers(line, &mut start);
    let second = run(&line[start..], LONGEST_REMARK, NAME | SIGN);
    let word = line[start..start + second].trim_ascii_end();
    let word = word.strip_suffix(b":").or(word.strip_suffix(b"=")).unwrap_or(word);
    if word.len() < 5 || !word[word.len() - 5..].eq_ignore_ascii_case(b"value") {
        return;
    }
    start += word.len();
    closers(line, &mut start);
    blanks(line, &mut start);
    if matches!(line.get(start), Some(b'=' | b':')) {
        start += 1;
        blanks(line, &mut start);
        *tie = Tie::Assigned;
        *at = start;
    }
}

/// `= Buffer.from("…`, `= env("…`: goes on behind the parenthesis, up to twice.
pub(super) fn enter_call(line: &[u8], at: &mut usize, tie: &mut Tie) {
    let mut start = *at;
    for _ in 0..2 {
        if line[start..].starts_with(b"new ") {
            start += 4;
        }
        let rest = &line[start..];
        let word = rest.iter().take(40).take_while(|b| is(**b, NAME) || **b == b':').count();
        if rest.get(word) != Some(&b'(') {
            return;
        }
        start += word + 1;
        let mut quote = start;
        quote += usize::from(line.get(start) == Some(&b'b'));
        if matches!(line.get(quote), Some(b'"' | b'\'' | b'`' | b'\\')) {
            *tie = Tie::Called;
            *at = quote;
            return;
        }
    }
}
