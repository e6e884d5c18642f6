//! What stands below the name of a value: the value alone on a line, or something else that is said of the name.

/// Whether a line says something else of a variable of Terraform, whose default may follow.
pub(super) fn is_about_variable(text: &[u8]) -> bool {
    let names: [&[u8]; 4] = [b"type ", b"description ", b"sensitive ", b"nullable "];
    let behind = names.iter().find_map(|name| text.strip_prefix(*name));
    behind.is_some_and(|rest| rest.trim_ascii_start().starts_with(b"="))
}

/// Elements of XML that hold the value of the name before them.
const ELEMENTS: [(&str, &str); 3] =
    [("<string>", "</string>"), ("<value>", "</value>"), ("<param-value>", "</param-value>")];

/// The value in a line that is nothing else, or `value: …`, or `default = "…"`, or `<string>…</string>`, or PHP's `string(4) "…"`.
pub(super) fn lone_value(text: &[u8]) -> &[u8] {
    for (open, close) in ELEMENTS {
        if let Some(inside) = text.strip_prefix(open.as_bytes()) {
            return inside.strip_suffix(close.as_bytes()).unwrap_or(text);
        }
    }
    if let Some(inside) = text.strip_prefix(b"string(") {
        let digits = inside.iter().take_while(|b| b.is_ascii_digit()).count();
        let quoted = inside[digits..].strip_prefix(b") \"").and_then(|v| v.strip_suffix(b"\""));
        return quoted.unwrap_or(text);
    }
    let keys: [&[u8]; 4] = [b"value:", b"Value:", b"\"value\":", b"\"Value\":"];
    let behind = keys.iter().find_map(|key| text.strip_prefix(*key));
    let assigned = || {
        let names: [&[u8]; 2] = [b"default", b"value"];
        let rest = names.iter().find_map(|name| text.strip_prefix(*name))?;
        rest.trim_ascii_start().strip_prefix(b"=").filter(|v| v.ends_with(b"\""))
    };
    let Some(value) = behind.or_else(assigned) else { return text };
    let value = value.trim_ascii();
    let value = value.strip_suffix(b",").unwrap_or(value);
    match value {
        [b'"', inside @ .., b'"'] | [b'\'', inside @ .., b'\''] => inside,
        _ => value,
    }
}
