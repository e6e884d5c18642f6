//! Rules of many shapes, text in which they nearly match, and rules of random shape.

use std::sync::LazyLock;

use proptest::prelude::*;
use redact_tests::Setup;

/// One rule of every shape, over a small alphabet so that they meet, overlap and nearly match all the time.
pub(crate) const SHAPES: &str = r#"
[[rule]]
id = "fixed"
pattern = '\bacme_[0-9a-f]{8}\b'
[[rule]]
id = "variable"
pattern = 'zap-[A-Za-z0-9_-]{4,20}'
confidence = "high"
[[rule]]
id = "group"
pattern = '(?i:x-key)[:=] ?(?P<secret>[^\s"]{4,16})'
[[rule]]
id = "group-inside"
pattern = 'pre-(?P<secret>[a-f0-9]{4,8})-post'
[[rule]]
id = "inner"
pattern = '[0-9]{3,6}:QQ[a-z]{4}'
[[rule]]
id = "alternatives"
pattern = '(?:sk_t_|rk_live_)[a-z0-9]{5,9}'
[[rule]]
id = "optional-group"
pattern = 'tok~(?:v1\.(?P<secret>[0-9]{3,5})|v2\.[0-9]{3,5})'
[[rule]]
id = "keyword"
keywords = ["datafox", "dfx-"]
near = 20
pattern = '\b[0-9a-f]{12}\b'
[[rule]]
id = "entropy"
pattern = 'ent_[a-d]{8}'
entropy = 2.2
[[rule]]
id = "allow"
pattern = 'alw_[a-z]{3,9}'
allow = ['^alw_test', 'zz$']
[[rule]]
id = "self-overlap"
pattern = 'aab[ab]{0,4}aab'
[[rule]]
id = "line-anchors"
pattern = '^BEGIN:[a-z]{3,8}$'
[[rule]]
id = "end-anchor"
pattern = 'zq_[0-9]{2,6}$'
[[rule]]
id = "no-boundary"
pattern = '\Bqqz[0-9]{2,4}'
[[rule]]
id = "lazy"
pattern = 'lzy[a-z]{1,8}?z'
[[rule]]
id = "refused-hides-nothing"
pattern = 'foo[a-z]{3,30}'
entropy = 2.8
[[rule]]
id = "word-inside"
pattern = 'nova-token-[0-9a-f]{8}'
[[rule]]
id = "word-behind"
pattern = '(?P<secret>vega[0-9]{6})~(?:key|token)'
[[rule]]
id = "prefix-short"
pattern = 'acme_[0-9a-f]{4}'
confidence = "low"
[[rule]]
id = "checked"
pattern = '\bcc[0-9]{8}'
check = "luhn"
on_check_fail = "refuse"
[[rule]]
id = "json-number"
pattern = '"pin": ?(?P<secret>[0-9]{4,9})'
[[rule]]
id = "bytes"
pattern = 'bin(?-u:[\x80-\xff]{2,6})'
[[rule]]
id = "label-eater"
pattern = 'ED:fixed\][0-9]{2,4}'
"#;

/// [`SHAPES`] with label masks.
pub(crate) fn setup() -> Setup {
    static SETUP: LazyLock<Setup> = LazyLock::new(|| Setup::new(SHAPES).named("shapes"));
    SETUP.clone()
}

/// What random text is made of.
pub(crate) const FRAGMENTS: &[&str] = &[
    "nova-",
    "token-",
    "nova-token-0123abcd",
    "vega123456",
    "~key",
    "vega123456~token",
    "acme_",
    "0123abcd",
    "deadbeef",
    "acme_0123abcd",
    "acme_00ff",
    "zap-",
    "zap-abcd_efg-1",
    "x-key:",
    "X-Key= ",
    "x-key=s3cret!",
    "pre-",
    "abcd12",
    "-post",
    "pre-00ff00-post",
    "123",
    "4567:",
    "QQabcd",
    "1234:QQwxyz",
    "sk_t_",
    "rk_live_",
    "abc12",
    "sk_t_zz9zz9",
    "tok~v1.1234",
    "tok~v2.1234",
    "tok~",
    "v1.",
    "datafox",
    "DataFox ",
    "dfx-",
    "0123456789ab",
    "datafox 0123456789ab",
    "ent_",
    "abcdabcd",
    "ent_aabbccdd",
    "ent_abcdabdc",
    "alw_",
    "alw_test",
    "alw_abczz",
    "alw_hello",
    "aab",
    "aabab",
    "ab",
    "aabaabaab",
    "\nBEGIN:",
    "BEGIN:abcde\n",
    "zq_12",
    "zq_1234\r\n",
    "qqz12",
    "xqqz123",
    "lzy",
    "lzyabzz",
    "foo",
    "foofoo",
    "fooabcdefghij",
    "fooaaaaaaaaaaaaa",
    "cc",
    "cc41111111",
    "cc12345674",
    "12345678",
    "{\"pin\": ",
    "1234",
    "{\"pin\": 12345, \"a\": [1]}\n",
    "bin",
    "bin\u{fc}\u{fc}",
    "\u{fc}",
    "\u{20ac}",
    "[REDACTED:fixed]",
    "[REDACTED",
    "]",
    "*",
    "****",
    "MASKED",
    " ",
    " ",
    "  ",
    "\n",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "\"",
    ":",
    "=",
    ",",
    "-",
    "_",
    "a",
    "z",
    "0",
    "\u{0}",
    "the quick brown fox ",
    "INFO ",
];

/// Text of fragments, stray bytes and whole characters.
pub(crate) fn text() -> impl Strategy<Value = Vec<u8>> {
    text_of(FRAGMENTS)
}

/// Text of these fragments, stray bytes and whole characters.
pub(crate) fn text_of(fragments: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        30 => prop::sample::select(fragments).prop_map(|f| f.as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|b| vec![b]),
        1 => any::<char>().prop_map(|c| c.to_string().into_bytes()),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

/// What the built-in generic rules are about.
pub(crate) const GENERIC: &[&str] = &[
    "password=",
    "PASSWORD: ",
    "\"password\":\"",
    "\"secret\": ",
    "api_key=",
    "--token ",
    "token=",
    "secret",
    "pwd",
    "s3cr3tValue",
    "hunter2",
    "'pa ss'",
    "abc\\\"def",
    "\"",
    "'",
    "\\\"",
    ",",
    ";",
    "&",
    "}",
    "{",
    "{\"a\":1,",
    "12345678",
    "Authorization: Bearer ",
    "0a1b2c3d4e5f60718293",
    "Cookie: sid=",
    "; theme=dark",
    "postgres://app:",
    "@db:5432/x",
    "://",
    ":",
    "@",
    "eyJhbGciOiJIUzI1NiJ9",
    ".",
    "eyJzdWIiOiJ4In0abcdef",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln",
    "Server=x;Password=",
    ";",
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
    "-----BEGIN RSA PRIVATE KEY-----\n",
    "-----END RSA PRIVATE KEY-----\n",
    "TUlJRW5vdGFyZWFsa2V5bm90YXJlYWxrZXk=",
    "aB3=",
    "\\n",
    "\\r\\n",
    "PuTTY-User-Key-File-3: ssh-ed25519\n",
    "Private-MAC: 00",
    "svc | ",
    "[REDACTED:secret]",
    "[REDACTED]",
    "=",
    " ",
    " ",
    "\n",
    "\n",
    "\r\n",
    "INFO ",
    "the quick brown fox",
    "\u{20ac}",
    "\u{0}",
    "$X",
    "null",
    "%3D",
];

/// Rules of random shape: two or three patterns from a small grammar, rare enough for the engine to take most.
pub(crate) fn random_rules() -> impl Strategy<Value = String> {
    prop::collection::vec((pattern(), condition()), 1..4).prop_map(|rules| {
        let one = |(i, (pattern, condition)): (usize, (String, String))| {
            format!("[[rule]]\nid = 'r{i}'\npattern = '''{pattern}'''\n{condition}\n")
        };
        rules.into_iter().enumerate().map(one).collect()
    })
}

/// Text in which random rules often match.
pub(crate) const RANDOM_FRAGMENTS: &[&str] = &[
    "QZ",
    "Q",
    "Z",
    "x_",
    "_",
    "7",
    "77",
    "q",
    "z",
    "QZx_",
    "x_QZ",
    "ZQ7",
    "a",
    "ab",
    "b",
    "aab",
    " ",
    "\n",
    "\r\n",
    "-",
    "KEYWORD",
    "keyword ",
    "QZQZ",
    "x_x_",
    "7Q7Z",
    "\u{fc}",
    "[REDACTED:r0]",
];

fn condition() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just(String::new()),
        1 => Just("entropy = 1.8".to_owned()),
        1 => Just("keywords = ['keyword']\nnear = 12".to_owned()),
        1 => Just("allow = ['QZ7']".to_owned()),
        1 => Just("confidence = 'high'".to_owned()),
    ]
}

fn pattern() -> impl Strategy<Value = String> {
    let literal = prop::sample::select(vec!["QZ", "x_", "ZQ7", "Qz", "_7Q", "x_QZ", "QZx_"]);
    let class = prop::sample::select(vec![
        "[QZ]", "[a-z]", "[0-9]", "[7x_]", "[^\\s]", "[ab]", "\\w", "[^a]",
    ]);
    let atom = prop_oneof![
        4 => literal.prop_map(str::to_owned),
        3 => class.prop_map(str::to_owned),
        2 => (prop::sample::select(vec!["[QZ]", "[a-z7]", "[^\\s]", "(?:QZ|x_)", "(?:ab?)"]), 0u8..3, 0u8..4, any::<bool>())
            .prop_map(|(c, lo, more, lazy)| format!("{c}{{{lo},{}}}{}", lo + more, if lazy { "?" } else { "" })),
        1 => prop::sample::select(vec!["\\b", "\\B", "^", "$"]).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["(?:QZ|x_7)", "(?:ZQ7|ab|Q)", "(?i:qzx)", "(?:x_)?", "(?:QZ)?"]).prop_map(str::to_owned),
    ];
    (prop::collection::vec(atom, 2..6), any::<prop::sample::Index>(), 0..3usize).prop_map(
        |(mut atoms, at, grouped)| {
            if grouped == 0 {
                let at = at.index(atoms.len());
                atoms[at] = format!("(?P<secret>{})", atoms[at]);
            }
            atoms.concat()
        },
    )
}
