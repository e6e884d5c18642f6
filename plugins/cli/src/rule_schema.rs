//! For editors and authors: the JSON Schema of rule files, and a template of one.
//!
//! The schema says what fields there are and what each means; what only the engine can judge (bounds and anchors of a
//! pattern, distinct ids) is left to `redact rules lint`. A test holds it against the engine's parser.

use serde_json::{Value, json};

use crate::error::Error;

/// The schema, as it stands in `docs/rules.schema.json`.
pub(crate) fn text() -> String {
    format!("{:#}\n", schema())
}

fn schema() -> Value {
    let text = |about: &str| json!({ "type": "string", "description": about });
    let texts = |about: &str| json!({ "type": "array", "items": { "type": "string" }, "description": about });
    let kebab = |about: &str| json!({ "type": "string", "pattern": "^[a-z0-9-]{1,64}$", "description": about });
    let one_of = |names: &[&str], about: &str| json!({ "enum": names, "description": about });
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Rules of redact",
        "description": "A rule file: what secrets look like, and what must hold around them.",
        "type": "object",
        "additionalProperties": false,
        "properties": { "rule": { "type": "array", "items": { "$ref": "#/definitions/rule" } } },
        "definitions": { "rule": {
            "type": "object",
            "additionalProperties": false,
            "required": ["id", "pattern"],
            "properties": {
                "id": kebab("Unique; 1 to 64 lower-case letters, digits and hyphens; provider first."),
                "pattern": text(
                    "A regular expression in the syntax of the crate regex, bytes mode, without Unicode. Every repetition has \
                     an upper bound. The group `secret`, if there is one, is what is masked."
                ),
                "label": kebab("What the mask says: [REDACTED:label]. The id if it is left out."),
                "provider": text("Who issues the secret."),
                "description": text("One line on what the secret is."),
                "reference": text("The page that describes the form."),
                "confidence": one_of(&["low", "medium", "high"],
                    "high: the form says what it is; medium: known but loose, or context and shape; low: shape only."),
                "group": text("`secrets` is on by default; other groups are switched on by name."),
                "keywords": {
                    "type": "array",
                    "items": { "type": "string", "minLength": 3, "maxLength": 256 },
                    "description": "One of these words must stand before the match, on the same line; ASCII case plays no part."
                },
                "near": { "type": "integer", "minimum": 0, "maximum": 256, "default": 48,
                    "description": "How many bytes before the match a keyword may start." },
                "entropy": { "type": "number", "minimum": 0, "maximum": 8, "default": 0,
                    "description": "The least Shannon entropy of the secret, in bits per byte." },
                "check": one_of(&CHECKS, "A named test of the secret's structure."),
                "on_check_fail": one_of(&["lower", "refuse"],
                    "lower: a failed check lowers the confidence a step; refuse: no finding."),
                "allow": texts("Patterns; a secret in which one matches is no finding."),
                "value": one_of(&["match", "assignment"],
                    "assignment: the pattern is a key, and the value assigned to it is the secret."),
                "block": one_of(&["pem", "ppk", "element"], "The pattern begins a secret of several lines."),
                "matches": texts("Examples that must be found. {hex:32} and the like are filled in."),
                "rejects": texts("Near-misses that must not be found.")
            }
        } }
    })
}

const CHECKS: [&str; 25] = [
    "github-crc32",
    "npm-crc32",
    "grafana-crc32",
    "atlassian-crc32",
    "confluent-crc32",
    "jwt",
    "base64-json",
    "basic-credentials",
    "luhn",
    "iban",
    "aws-key-id",
    "uuid",
    "noise",
    "password",
    "strong-password",
    "url-password",
    "payment-card",
    "phone",
    "ipv4",
    "ipv6",
    "mac",
    "us-ssn",
    "es-nif",
    "it-codice-fiscale",
    "fr-nir",
];

/// A rule file to start from.
///
/// # Errors
/// The id is none.
pub(crate) fn template(id: &str) -> Result<String, Error> {
    let kebab = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if id.is_empty() || id.len() > 64 || !id.bytes().all(kebab) {
        let problem = "an id is 1 to 64 lower-case letters, digits and hyphens";
        return Err(Error::new(problem).hint("for example: redact rules new acme-api-token"));
    }
    Ok(TEMPLATE.replace("acme-token", id))
}

const TEMPLATE: &str = r##"# Rules for redact. Try them:
#   redact rules lint FILE                  errors, failing examples, advice
#   redact rules explain --rules FILE -     which rules come near the text on standard input, and why
#   redact --rules FILE app.log             use them
# For completion and checks in an editor: redact rules schema > redact-rules.schema.json, and un-comment:
##:schema ./redact-rules.schema.json

[[rule]]
# Unique: lower-case letters, digits and hyphens, provider first. The mask shows it, unless there is a `label`.
id = "acme-token"
provider = "Acme"
description = "API token"
# The page that describes the form.
reference = "https://docs.example.com/tokens"
# high: the form says what it is; medium: context and shape; low: shape only, off by default.
confidence = "high"
# Every repetition needs an upper bound, and something rare, such as a prefix, must stand in a match.
# The group `secret` is what is masked; without it the whole match is.
pattern = '''\bacme_(?P<secret>[0-9a-f]{32})\b'''
# Found in examples; {hex:32}, {alnum:20}, {b64:40} and others are filled in, so that none looks like a live secret.
matches = ["ACME_TOKEN=acme_{hex:32}"]
# Near-misses that must stay.
rejects = ["acme_{hex:31}", "pacme_{hex:32}"]

# Where the form alone says too little:
# keywords = ["acme"]          # one of these words within `near` bytes before the match
# near = 48
# entropy = 3.0                # bits per byte, at least
# allow = ['^0{32}$']          # values that are no secrets
# check = "luhn"               # a named test of the structure; the schema lists them
# on_check_fail = "refuse"     # or "lower": the confidence drops a step
# value = "assignment"         # the pattern is a key; what is assigned to it is the secret
# group = "acme"               # off unless --only names it; the default is "secrets"
"##;

#[cfg(test)]
mod tests {
    use redact_stream::RuleSet;

    use super::*;

    /// The names that the parser lists when it refuses `line`.
    fn parsers(line: &str) -> Vec<String> {
        let error = RuleSet::parse("t", &format!("[[rule]]\n{line}\n")).unwrap_err().to_string();
        let names = error.split("expected ").nth(1).unwrap_or_else(|| panic!("{error}"));
        let mut names: Vec<_> = names.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        names.sort();
        names
    }

    fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn the_schema_has_the_parsers_fields_and_values() {
        let schema = schema();
        let fields = schema["definitions"]["rule"]["properties"].as_object().unwrap();
        assert_eq!(sorted(fields.keys().cloned()), parsers("no_such_field = 1"));
        for field in ["confidence", "check", "on_check_fail", "value", "block"] {
            let values = fields[field]["enum"].as_array().unwrap().iter();
            let values = sorted(values.map(|v| v.as_str().unwrap().to_owned()));
            let line = format!("id = 'x'\npattern = 'xyz'\n{field} = 'no-such-value'");
            assert_eq!(values, parsers(&line), "{field}");
        }
    }
}
