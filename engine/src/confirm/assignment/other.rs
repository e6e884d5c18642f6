//! What an assigned value plainly is, other than a secret: a reference to a variable, program text, a place, a hash.
//!
//! Each function looks at the value alone and is linear in its length. [`super::judge`] weighs what they say against the
//! key: program text is looked for only where there are no quotes.

use crate::confirm::words;

/// Brackets nested deeper than this are not followed.
const DEEPEST: usize = 96;

/// `$X`, `${X}`, `{{ x }}`, `%(x)s`, `#{x}`, `<x>`, `@x@`, `!ref`.
pub(crate) fn is_reference(value: &[u8]) -> bool {
    let closed = |open: &[u8], close: &[u8]| {
        memchr::memmem::find(value, open).is_some_and(|at| {
            let name = &value[at + open.len()..];
            let len = name
                .iter()
                .take(96)
                .take_while(|b| b.is_ascii_alphanumeric() || b"_-. :/[]'\"$?".contains(b))
                .count();
            len > 0 && name[len..].starts_with(close)
        })
    };
    let last = value[value.len() - 1];
    match value {
        [b'$', next, rest @ ..] => {
            let plain = |b: &u8| b.is_ascii_alphanumeric() || b"_:.->'[]\"/#".contains(b);
            next.is_ascii_alphabetic() && rest.iter().all(plain)
                || matches!(next, b'{' | b'(' | b'_' | b'$')
        }
        [b'{', ..] => last == b'}',
        [b'<', ..] => last == b'>' || value.len() < 24,
        [b'(' | b'[', ..] => matches!(last, b')' | b']'),
        [b'!', next, ..] if next.is_ascii_alphabetic() => memchr::memchr(b' ', value).is_some(),
        [b'#' | b'%', b'{' | b'(' | b's' | b'd' | b'v', ..] => true,
        [b'@', .., b'@'] | [b'%', .., b'%'] | [b'_', b'_', .., b'_', b'_'] => true,
        _ => {
            // Looked for only where one of them can stand.
            memchr::memchr2(b'{', b'(', value).is_some()
                && (closed(b"${", b"}")
                    || closed(b"{{", b"}}")
                    || closed(b"$(", b")")
                    || closed(b"#{", b"}"))
        }
    }
}

/// Whether brackets close what was not opened, or in another order, and text follows: neither code nor a template.
pub(crate) fn is_tangled(value: &[u8]) -> bool {
    let mut open = [0; DEEPEST];
    let mut depth = 0;
    for (at, byte) in value.iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => {
                if depth == open.len() {
                    return false;
                }
                open[depth] = *byte;
                depth += 1;
            }
            b')' | b']' | b'}' => {
                let opened = depth > 0
                    && matches!(
                        (open[depth - 1], byte),
                        (b'(', b')') | (b'[', b']') | (b'{', b'}')
                    );
                if !opened {
                    return value[at..].iter().any(u8::is_ascii_alphanumeric);
                }
                depth -= 1;
            }
            _ => {}
        }
    }
    false
}

/// A call, an index, a member access, a number or a bare variable of program text.
pub(crate) fn is_code(value: &[u8]) -> bool {
    if value.iter().any(|b| matches!(b, b'(' | b'[' | b'{' | b'<')) || is_number(value) {
        return true;
    }
    let identifier = |s: &[u8]| {
        s.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
            && s.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':'))
    };
    let pointer = matches!(value, [b'*' | b'&', rest @ ..] if identifier(rest));
    if pointer || identifier(value) && memchr::memmem::find(value, b"::").is_some() {
        return true;
    }
    value.contains(&b'.')
        && value.split(|b| *b == b'.').all(|s| {
            s.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
                && s.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
                && !words::is_random(s)
        })
}

/// A literal number of program text: `0x80310000`, `33554432u32`, `4096L`.
fn is_number(value: &[u8]) -> bool {
    if let [b'0', b'x' | b'X', hex @ ..] = value {
        return hex.len() <= 16 && hex.iter().all(u8::is_ascii_hexdigit);
    }
    let digits = value.iter().take_while(|b| b.is_ascii_digit()).count();
    let suffixes: [&[u8]; 12] = [
        b"u8", b"u16", b"u32", b"u64", b"i8", b"i16", b"i32", b"i64", b"usize", b"L", b"UL", b"ms",
    ];
    digits > 0 && suffixes.contains(&&value[digits..])
}

/// A path, an address, a file, a route or a selector.
pub(crate) fn is_location(value: &[u8]) -> bool {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"/._-~ @".contains(b);
    let path = |rest: &[u8]| rest.iter().all(plain) && !words::is_random(rest);
    match value {
        [b'/', b'/', ..] => true,
        [b'/', rest @ ..] if has_known_root(rest) => rest.iter().all(plain),
        [b'/', rest @ ..] | [b'.', b'/', rest @ ..] | [b'~', b'/', rest @ ..] => path(rest),
        [drive, b':', b'\\', ..] if drive.is_ascii_alphabetic() => true,
        // A selector of a style sheet, a fragment of a page.
        [b'#', rest @ ..] if rest.iter().all(|b| b.is_ascii_lowercase() || *b == b'-') => true,
        _ => {
            let head = &value[..value.len().min(32)];
            let route = |b: &u8| b.is_ascii_lowercase() || b"/#._-".contains(b);
            memchr::memchr_iter(b':', head).any(|at| head[at..].starts_with(b"://"))
                || is_file(value)
                // `sites/passwords#edit`
                || value.contains(&b'/') && value.iter().all(route) && !words::is_random(value)
        }
    }
}

/// Whether a path, behind its first slash, begins as the paths of systems do: names in it may look drawn at random.
fn has_known_root(path: &[u8]) -> bool {
    const ROOTS: &[&str] = &[
        "home/", "root/", "Users/", "etc/", "var/", "usr/", "opt/", "run/", "srv/", "tmp/", "mnt/",
        "proc/", "dev/",
    ];
    ROOTS.iter().any(|root| path.starts_with(root.as_bytes()))
}

/// A file name by its extension.
fn is_file(value: &[u8]) -> bool {
    const EXTENSIONS: &[&str] = &[
        "cer", "cfg", "conf", "crt", "css", "csv", "env", "go", "html", "ini", "java", "jks", "js",
        "json", "key", "log", "md", "p12", "pem", "pfx", "php", "png", "pub", "py", "rb", "rs",
        "sh", "svg", "toml", "ts", "txt", "xml", "yaml", "yml",
    ];
    let Some(dot) = value.iter().rposition(|b| *b == b'.') else { return false };
    let extension = &value[dot + 1..];
    dot > 0 && EXTENSIONS.iter().any(|e| e.as_bytes() == extension)
}

/// Modular crypt format (`$2b$…`, `$6$…`): a hash, found by a rule of its own where it stands for an account.
pub(crate) fn is_crypt_hash(value: &[u8]) -> bool {
    let Some(rest) = value.strip_prefix(b"$") else { return false };
    let id = rest.iter().take(12).take_while(|b| b.is_ascii_alphanumeric() || **b == b'-').count();
    id > 0 && rest.get(id) == Some(&b'$') && value.len() > 12
}
