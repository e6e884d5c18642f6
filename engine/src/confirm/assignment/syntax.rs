//! Where a key's value stands: identifier, operator, quotes, value.
//!
//! One small reader covers JSON (escaped or not), logfmt, YAML, INI, shell, properties, XML, HTTP headers, URL queries,
//! command-line flags and the usual program text, because all of them write a key, an operator and a value. What differs
//! is where a bare value ends ([`super::extent`]).

use std::ops::Range;

use super::Memo;
use super::between::{
    beside, bracketed, enter_call, enter_element, enter_object, is_definition, may_open,
    property_list, skip_emphasis, skip_leaders, skip_pointer, skip_remark, skip_type,
    skip_value_key,
};
use super::classes::{NAME, SIGN, is, run};
use super::extent::{bare_value, is_whole_line, opening_quote, quoted_value};
use super::kind::is_uuid;
use crate::confirm::words;

const LONGEST_IDENTIFIER: usize = 96;
const LONGEST_BLANK: usize = 48;
/// The least noise that is a value behind a mere dash, in bytes: 80 bits in hex digits.
const LEAST_JOINED: usize = 20;

/// The identifier around a key word.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    /// The whole identifier, such as `DB_PASSWORD_FILE`.
    pub(crate) whole: Range<usize>,
    /// The key word in it.
    pub(crate) key: Range<usize>,
    /// The key word starts a word of the identifier.
    pub(crate) hump: bool,
}

/// How key and value are tied: what the judge may conclude from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tie {
    /// `=`, `:`, `=>`, `--flag value`, `<tag>value</tag>` and so on.
    Assigned,
    /// `key == value`.
    Compared,
    /// `f("key", "value")`, `key("value")`.
    Called,
    /// `key value`, `key - value`, `key is value`.
    Beside,
}

/// A value and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) span: Range<usize>,
    pub(crate) tie: Tie,
    pub(crate) quoted: bool,
    /// The text of an XML element.
    pub(crate) element: bool,
    /// The operator is `=`.
    pub(crate) assigned_by_equals: bool,
    /// Nothing but the assignment stands on the line before the value.
    pub(crate) whole_line: bool,
    /// Something ends the value before the line does.
    pub(crate) complete: bool,
}

/// What stands behind an identifier.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    Value(Found),
    /// The line ends where the assignment could go on.
    Incomplete,
    None,
}

/// The identifier around the key word at `key`, which may include signs on both sides; none if it is part of another word.
pub(crate) fn identifier(line: &[u8], mut key: Range<usize>) -> Option<Name> {
    while key.start < key.end && !line[key.start].is_ascii_alphanumeric() {
        key.start += 1;
    }
    while key.start < key.end && !line[key.end - 1].is_ascii_alphanumeric() {
        key.end -= 1;
    }
    if key.is_empty() {
        return None;
    }
    let left = &line[key.start.saturating_sub(LONGEST_IDENTIFIER)..key.start];
    let left = left.iter().rev().position(|b| !is(*b, NAME)).unwrap_or(left.len());
    let start = key.start - left;
    let mut end = key.end + run(&line[key.end..], LONGEST_IDENTIFIER, NAME);
    // A full stop or a dash at the end belongs to the sentence or the arrow.
    while end > key.end && matches!(line[end - 1], b'.' | b'-') {
        end -= 1;
    }
    // `api-key-3c0c39…`: the noise is what the key names.
    if end > key.end + 1 && line[key.end] == b'-' && is_joined_noise(&line[key.end + 1..end]) {
        end = key.end;
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
    let hump = start == key.start
        || !line[key.start - 1].is_ascii_alphabetic()
        || line[key.start].is_ascii_uppercase()
            && (line[key.start - 1].is_ascii_lowercase() || line[key.end - 1].is_ascii_lowercase());
    Some(Name { whole: start..end, key, hump })
}

/// One long piece of noise, or a UUID.
fn is_joined_noise(tail: &[u8]) -> bool {
    is_uuid(tail)
        || tail.len() >= LEAST_JOINED
            && tail.iter().all(u8::is_ascii_alphanumeric)
            && words::is_random(tail)
}

/// Reads the value assigned to `name`.
pub(crate) fn parse(line: &[u8], name: &Name, memo: &mut Memo) -> Parsed {
    let mut at = name.whole.end;
    let quoted_key = closers(line, &mut at);
    escapes(line, &mut at);
    let mut blank = blanks(line, &mut at);
    if blank > 0 {
        skip_remark(line, &mut at);
    }
    blank += skip_leaders(line, &mut at);
    let Some(&first) = line.get(at) else { return Parsed::Incomplete };
    let head = &line[..name.whole.start];
    // `arn:…:secret:name` is a list, not an assignment.
    if first == b':' && head.last() == Some(&b':') && line.get(at + 1) != Some(&b' ') {
        return Parsed::None;
    }
    let is_flag = head.ends_with(b"--")
        || line[name.whole.start..].starts_with(b"--")
        || line[name.whole.start] == b'-'
            && matches!(head.last(), None | Some(b' ' | b'"' | b'\''));
    let mut tie = Tie::Assigned;
    let in_tag = is_tag(line, name);
    // `<property name="password">…`: the key is the value of an attribute.
    // `{name: PASSWORD, value: …}` of YAML.
    let listed = quoted_key || head.ends_with(b"name: ");
    let attribute = quoted_key && (head.ends_with(b"=\"") || head.ends_with(b"='"));
    if (in_tag || attribute) && first != b'>' && blank > 0 {
        // Attributes.
        let tag = line[at..].iter().take(LONGEST_IDENTIFIER).position(|b| matches!(b, b'<' | b'>'));
        let is_open = |n: &usize| line[at + n] == b'>' && line[at + n - 1] != b'/';
        at += tag.filter(|n| *n > 0 && is_open(n)).unwrap_or(0);
    }
    let Some(&first) = line.get(at) else { return Parsed::Incomplete };
    if let Some(from) = fallback(line, at) {
        return match opening_quote(&line[from..]) {
            Some(quote) => quoted_value(line, from + quote.len(), quote, Tie::Assigned),
            None if from >= line.len() => Parsed::Incomplete,
            None => Parsed::None,
        };
    }
    let element = first == b'>' && (in_tag || attribute);
    if let Some(length) = operator(&line[at..], &mut tie) {
        at += length;
    } else if element {
        at += 1;
        enter_element(line, &mut at);
    } else if let Some(length) = property_list(line, name, at) {
        at += length;
        return bare_value(line, name, at, first, true, tie, memo);
    } else if first == b'-' && name.whole.end == name.key.end && blank == 0 {
        tie = Tie::Beside;
        at += 1;
    } else if is_flag && blank > 0 {
        // The value follows.
    } else if let Some(span) = (first == b'(').then(|| bracketed(line, at)).flatten() {
        return Parsed::Value(in_brackets(span, Tie::Beside, first));
    } else if is_binary_behind_comma(line, at) {
        at += 1;
    } else if first == b'(' || first == b',' && listed || first == b';' && attribute {
        tie = Tie::Called;
        at += 1;
    } else if first == b'&' && head.ends_with(b"&lt;") && line[at..].starts_with(b"&gt;") {
        at += 4;
    } else if blank > 0 || first == b'|' && (quoted_key || head.ends_with(b"|")) {
        tie = if is_definition(head) { Tie::Assigned } else { Tie::Beside };
        match beside(line, at, quoted_key || is_whole_line(line, name), &mut tie) {
            Some(length) => at += length,
            None => return Parsed::Incomplete,
        }
    } else {
        return Parsed::None;
    }
    escapes(line, &mut at);
    blanks(line, &mut at);
    escapes(line, &mut at);
    if first == b':' {
        skip_emphasis(line, head, &mut at);
        skip_type(line, &mut at);
    } else if first == b'=' && line[at..].starts_with(b"string(") {
        // PHP's `var_dump`: `["password"]=> string(11) "…"`.
        let length = line[at + 7..].iter().take(6).take_while(|b| b.is_ascii_digit()).count();
        if line[at + 7 + length..].starts_with(b") \"") {
            at += 7 + length + 2;
        }
    }
    if listed {
        skip_value_key(line, name, &mut at, &mut tie);
    }
    enter_call(line, &mut at, &mut tie);
    if at >= line.len() {
        return Parsed::Incomplete;
    }
    if may_open(line, at) {
        return Parsed::Incomplete;
    }
    // Erlang's binaries: `<<"…">>`.
    if line[at..].starts_with(b"<<\"") {
        at += 2;
    }
    match line[at] {
        b'0' => skip_pointer(line, &mut at),
        b'{' if quoted_key => enter_object(line, &mut at, &mut tie),
        b'[' | b'<' | b'q' => {
            if let Some(span) = bracketed(line, at) {
                return Parsed::Value(in_brackets(span, tie, first));
            }
        }
        _ => {}
    }
    if at >= line.len() {
        return Parsed::Incomplete;
    }
    if matches!(line[at], b'b' | b'f' | b'r' | b'u' | b'@' | b'L')
        && matches!(line.get(at + 1), Some(b'"' | b'\''))
    {
        at += 1;
    }
    let parsed = match opening_quote(&line[at..]) {
        Some(quote) => quoted_value(line, at + quote.len(), quote, tie),
        None if tie == Tie::Called => return Parsed::None,
        None => bare_value(line, name, at, first, element, tie, memo),
    };
    if first == b','
        && let Parsed::Value(found) = &parsed
        && is_key(line, found.span.end)
    {
        return Parsed::None;
    }
    parsed
}

/// Whether a comma and one of Erlang's binaries follow, as in `{password,<<"…">>}`.
fn is_binary_behind_comma(line: &[u8], at: usize) -> bool {
    let rest = line[at..].strip_prefix(b",").unwrap_or_default();
    rest.strip_prefix(b" ").unwrap_or(rest).starts_with(b"<<\"")
}

/// A value that brackets end.
fn in_brackets(span: Range<usize>, tie: Tie, operator: u8) -> Found {
    Found {
        span,
        tie,
        quoted: false,
        element: false,
        assigned_by_equals: operator == b'=',
        whole_line: false,
        complete: true,
    }
}

/// Where the value begins that stands for a missing one, as in `env.PASSWORD || "…"` and `environ.get("PASSWORD") or "…"`.
fn fallback(line: &[u8], mut at: usize) -> Option<usize> {
    if line[at] == b')' {
        at += 1;
        blanks(line, &mut at);
    }
    let signs: [&[u8]; 4] = [b"||", b"??", b"?:", b"or "];
    at += signs.iter().find(|sign| line[at..].starts_with(sign))?.len();
    blanks(line, &mut at);
    Some(at)
}

/// The length of the operator at the start of `text`.
fn operator(text: &[u8], tie: &mut Tie) -> Option<usize> {
    let signs = run(text, 4, SIGN);
    let length = match &text[..signs] {
        [b'=', b'=', b'=', ..] | [b'!', b'=', b'=', ..] => {
            *tie = Tie::Compared;
            3
        }
        [b'=' | b'!', b'=', ..] => {
            *tie = Tie::Compared;
            2
        }
        [b':', b':', b':', b'=', ..] => 4,
        [b':', b':', b'=', ..] | [b'|', b'|', b'=', ..] => 3,
        [b'=', b'>', ..] | [b':' | b'?' | b'.' | b'+' | b'~', b'=', ..] | [b'-', b'>', ..] => 2,
        // R, and the assembly of others.
        [b'<', b'-'] if text.get(2) == Some(&b' ') => 2,
        // A scope such as `token::Kind` is none.
        [b':', b':', ..] => return None,
        [b'=' | b':', ..] => 1,
        // Arrows and the colon of full width, in UTF-8.
        [] if matches!(text, [0xe2, 0x86 | 0x87, 0x92, ..] | [0xef, 0xbc, 0x9a | 0x9d, ..]) => 3,
        [b'%', ..] if matches!(text, [b'%', b'3', b'D' | b'd' | b'A' | b'a', ..]) => 3,
        _ => return None,
    };
    Some(length)
}

/// Skips what closes a quoted, indexed or escaped key; true if there was a quote.
pub(super) fn closers(line: &[u8], at: &mut usize) -> bool {
    let mut quoted = false;
    if let Some(b'[') = line.get(*at) {
        let digits = line[*at + 1..].iter().take(6).take_while(|b| b.is_ascii_digit()).count();
        if line.get(*at + 1 + digits) == Some(&b']') {
            *at += digits + 2;
        }
    }
    for _ in 0..6 {
        match line.get(*at) {
            Some(b'"' | b'\'' | b'`') => quoted = true,
            Some(b'&')
                if line[*at..].starts_with(b"&quot;") || line[*at..].starts_with(b"&#34;") =>
            {
                quoted = true;
                *at += line[*at..].iter().take(5).take_while(|b| **b != b';').count();
            }
            Some(b']' | b'\\' | b'*') => {}
            _ => break,
        }
        *at += 1;
    }
    quoted
}

pub(super) fn blanks(line: &[u8], at: &mut usize) -> usize {
    let n =
        line[*at..].iter().take(LONGEST_BLANK).take_while(|b| matches!(b, b' ' | b'\t')).count();
    *at += n;
    n
}

fn is_tag(line: &[u8], name: &Name) -> bool {
    matches!(line[..name.whole.start].last(), Some(b'<' | b':'))
}

/// Skips colours and other escape sequences of terminals (ECMA-48 CSI), also where a program wrote the escape character
/// as `\u001b` and the like, however often that was escaped again.
#[inline]
fn escapes(line: &[u8], at: &mut usize) {
    let is_begin = |at: usize| matches!(line.get(at), Some(0x1b | b'\\'));
    if is_begin(*at) || *at > 0 && line.get(*at - 1) == Some(&b'\\') {
        skip_escapes(line, at);
    }
}

fn skip_escapes(line: &[u8], at: &mut usize) {
    for _ in 0..4 {
        let start = *at + written_escape(line, *at);
        let Some(rest) = line.get(start..).and_then(|rest| {
            rest.strip_prefix(b"\x1b[").or(rest.strip_prefix(b"[").filter(|_| start > *at))
        }) else {
            return;
        };
        let parameters = rest.iter().take(24).take_while(|b| matches!(b, 0x20..=0x3f)).count();
        if !rest.get(parameters).is_some_and(|b| matches!(b, 0x40..=0x7e)) {
            return;
        }
        *at = line.len() - rest.len() + parameters + 1;
    }
}

/// The length of an escape character that is written as text at `at`, perhaps behind its backslashes; 0 if there is none.
fn written_escape(line: &[u8], at: usize) -> usize {
    let rest = line.get(at..).unwrap_or_default();
    let slashes = rest.iter().take(32).take_while(|b| **b == b'\\').count();
    if slashes == 0 && line[..at.min(line.len())].last() != Some(&b'\\') {
        return 0;
    }
    let forms: [&[u8]; 4] = [b"u001b", b"x1b", b"033", b"e"];
    let name = &rest[slashes..];
    let form = forms
        .iter()
        .find(|form| name.len() > form.len() && name[..form.len()].eq_ignore_ascii_case(form));
    form.map_or(0, |form| slashes + form.len())
}

/// Whether the quoted text that ends at `end` is itself a key.
fn is_key(line: &[u8], end: usize) -> bool {
    let mut at = end;
    closers(line, &mut at) && {
        blanks(line, &mut at);
        matches!(line.get(at), Some(b':'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(line: &str, key: &str) -> Option<String> {
        let at = line.find(key).unwrap();
        let name = identifier(line.as_bytes(), at..at + key.len())?;
        match parse(line.as_bytes(), &name, &mut Memo::default()) {
            Parsed::Value(found) => Some(line[found.span].to_owned()),
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
            ("<password>{x abc}</password>", "x abc"),
            ("<password encoding=\"base64\">abc</password>", "abc"),
            ("GET /?password=abc&x=1", "abc"),
            ("run --password abc --x", "abc"),
            ("Connect -password 'abc'", "abc"),
            ("let password: String = \"abc\";", "abc"),
            ("var password string = \"abc\"", "abc"),
            ("char password[25] = \"abc\";", "abc"),
            ("map.put(\"password\", \"abc\")", "abc"),
            ("setpassword(\"abc\")", "abc"),
            ("password = Buffer.from('abc', 'hex')", "abc"),
            ("{password => 'abc', x => 1}", "abc"),
            ("$password .= \"abc\"", "abc"),
            ("password ::= abc", "abc"),
            ("if (password === \"abc\")", "abc"),
            ("User{name:x password:abc}", "abc"),
            ("User(name=x, password=abc)", "abc"),
            ("<add key=\"password\" value=\"abc\"/>", "abc"),
            ("{\"name\": \"password\", \"value\": \"abc\"}", "abc"),
            ("Bind: name=\"password\"; value=\"abc\"", "abc"),
            ("variable \"password\" { default = \"abc\" }", "abc"),
            ("env: [{name: password, value: abc}]", "abc"),
            ("SET password FOR 'x'@'%' = 'abc'", "abc"),
            ("Property 'password' with value 'abc' is bad", "abc"),
            ("{&quot;password&quot;: &quot;abc&quot;}", "abc"),
            ("password := `abc`", "abc"),
            ("\x1b[32mset\x1b[0m password=\x1b[33mabc\x1b[0m", "abc"),
            ("\x1b[1mpassword\x1b[0m: abc", "abc"),
            (r"\u001b[1mpassword\u001b[0m=\u001b[33mabc\u001b[0m", "abc"),
            (r"\\\u001b[1mpassword\\\u001B[0m=abc\\\n", "abc"),
            ("the password is abc", "abc"),
            ("password - 'abc'", "abc"),
            ("body=password%3Dabc%26", "abc%26"),
            ("password <- \"abc\"", "abc"),
            ("env.password || 'abc'", "abc"),
            ("environ.get('password') or \"abc\"", "abc"),
            ("setx password \"abc\"", "abc"),
            ("<key>password</key> <string>abc</string>", "abc"),
            ("password [required]: abc", "abc"),
            ("new password (again): abc", "abc"),
            ("password (len=3): \"abc\"", "abc"),
            ("password......: abc", "abc"),
            ("**password:** `abc`", "abc"),
            ("p password $1 = 0x7ffd5e8a \"abc\"", "abc"),
            ("params: password=[abc], x=1", "abc"),
            ("my $password = q{abc};", "abc"),
            ("token, password(9f86d081884c7d65)", "9f86d081884c7d65"),
            ("password=<9f86d081884c7d65>", "9f86d081884c7d65"),
            ("\"password\" \"abc\"", "abc"),
            ("\"password\"|\"abc\"", "abc"),
            ("|password|abc|", "abc"),
            ("<name>db.password</name><value>abc</value>", "abc"),
            ("<password><Value>abc</Value>", "abc"),
            ("{\"password\": {\"S\": \"abc\"}}", "abc"),
            ("    password \"abc\"", "abc"),
            ("Setting variable password to \"abc\"", "abc"),
            ("password for user alice = abc", "abc"),
            ("password of alice is abc", "abc"),
            ("password provided: abc", "abc"),
            ("password → abc", "abc"),
            ("password ~ abc", "abc"),
            ("&lt;password&gt;abc&lt;/password&gt;", "abc"),
            ("<Parameter name=\"password\" type=\"string\">abc</Parameter>", "abc"),
            ("<m android:name=\"password\" android:value=\"abc\" />", "abc"),
            ("\"ParameterKey\": \"password\", \"ParameterValue\": \"abc\"", "abc"),
        ] {
            assert_eq!(value(line, "password").as_deref(), Some(wanted), "{line}");
        }
    }

    #[test]
    fn what_is_no_assignment_has_no_value() {
        for (line, key) in [
            ("tokenizer=abc", "token"),
            ("method: \"password\", \"user\": \"abc\"", "password"),
            ("password::Kind", "password"),
            ("f(password)", "password"),
        ] {
            assert_eq!(value(line, key), None, "{line}");
        }
    }
}
