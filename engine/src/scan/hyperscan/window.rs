//! What Hyperscan is asked to look for: the windows of the rules' anchors, as expressions.
//!
//! A rule's pattern could be handed to libhs almost as it is. The window of its anchor ([`crate::rule`]) is the better
//! question: it is a short row of byte classes, so that libhs compiles a thousand rules eight times faster, refuses none,
//! scans real logs as fast and others up to four times faster, and reports one end per hit where a pattern that ends in
//! `{36,255}` reports 220. What follows the window is the confirmer's business, as with every scanner.
//!
//! Rules that share a window (`apikey`) share its expression.

use std::collections::HashMap;

use crate::rule::Rule;
use crate::rule::byte_set::ByteSet;

/// One expression, and the rules that it stands for.
pub(super) struct Window {
    /// In Hyperscan's syntax, pure ASCII, byte values as `\xNN`.
    pub(super) text: String,
    /// The classes of its bytes.
    classes: Vec<ByteSet>,
    /// What an end of it means.
    pub(super) targets: Vec<Target>,
}

/// Where the matches of a rule start, counted from an end of its window.
pub(super) struct Target {
    /// The index of the rule.
    pub(super) rule: u32,
    /// The least distance in bytes from the start of a match to the end; negative if the match starts behind.
    pub(super) min: i64,
    /// The greatest such distance.
    pub(super) max: i64,
}

/// The windows of all rules but those that are `left_out`; each only once.
pub(super) fn windows(rules: &[&Rule], left_out: &[bool]) -> Vec<Window> {
    let mut windows: Vec<Window> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (index, rule) in rules.iter().enumerate().filter(|(index, _)| !left_out[*index]) {
        for anchor in rule.anchors.iter() {
            let classes = anchor.window.to_vec();
            let text = print(&classes, anchor.lo < 0 && anchor.hi == -1);
            let len = classes.len() as i64;
            let at = *known.entry(text).or_insert_with_key(|text| {
                windows.push(Window { text: text.clone(), classes, targets: Vec::new() });
                windows.len() - 1
            });
            windows[at].targets.push(Target {
                rule: index as u32,
                min: len + i64::from(anchor.lo),
                max: len + i64::from(anchor.hi),
            });
        }
    }
    windows
}

/// With `before`, the first class is the byte in front of a match, and the start of the text may stand for it.
fn print(classes: &[ByteSet], before: bool) -> String {
    let mut out = String::new();
    for (i, class) in classes.iter().enumerate() {
        if i == 0 && before && class.contains(b'\n') {
            out.push_str("(?:^|");
            print_class(*class, &mut out);
            out.push(')');
        } else {
            print_class(*class, &mut out);
        }
    }
    out
}

fn print_class(set: ByteSet, out: &mut String) {
    let bytes: Vec<u8> = set.iter().collect();
    if let [one] = bytes[..] {
        return print_byte(one, out);
    }
    out.push('[');
    let mut rest = bytes.as_slice();
    while let [first, ..] = *rest {
        let run = rest.iter().zip(first..=255).take_while(|(b, n)| *b == n).count();
        print_byte(first, out);
        if run > 1 {
            out.push('-');
            print_byte(rest[run - 1], out);
        }
        rest = &rest[run..];
    }
    out.push(']');
}

fn print_byte(byte: u8, out: &mut String) {
    match byte.is_ascii_alphanumeric() {
        true => out.push(char::from(byte)),
        false => out.push_str(&format!("\\x{byte:02x}")),
    }
}

impl Window {
    /// Appends bytes that the window matches, others for each state of the generator.
    pub(super) fn sample(&self, random: &mut SplitMix, out: &mut Vec<u8>) {
        for class in &self.classes {
            let count: u32 = class.0.iter().map(|word| word.count_ones()).sum();
            let mut nth = random.below(count.max(1));
            let byte = class.0.iter().zip(0u32..).find_map(|(word, base)| {
                let ones = word.count_ones();
                if nth >= ones {
                    nth -= ones;
                    return None;
                }
                let rest = (0..nth).fold(*word, |word, _| word & (word - 1));
                Some((base * 64 + rest.trailing_zeros()) as u8)
            });
            out.extend(byte);
        }
    }
}

/// The splitmix64 generator: samples need to differ, not to be secret.
pub(super) struct SplitMix(pub(super) u64);

impl SplitMix {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % u64::from(bound)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RuleSet;

    fn of(pattern: &str) -> Vec<Window> {
        let text = format!("[[rule]]\nid = 'x'\npattern = '{pattern}'\nkeywords = ['acme']");
        let rules = RuleSet::parse("test", &text).unwrap();
        windows(&rules.iter().collect::<Vec<_>>(), &[false])
    }

    #[test]
    fn a_boundary_is_a_class_or_the_start_of_the_text() {
        let windows = of(r"\bzqj[^z]{4}");
        assert_eq!(windows.len(), 1);
        let before = r"(?:^|[\x00-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\xff])";
        let after = r"[\x00-y\x7b-\xff]".repeat(4);
        assert_eq!(windows[0].text, format!("{before}zqj{after}"));
        let target = &windows[0].targets[0];
        assert_eq!((target.min, target.max), (7, 7));
    }

    #[test]
    fn a_match_starts_behind_a_keyword() {
        let windows = of("[0-9A-Za-z]{32}");
        assert_eq!(windows[0].text, "[Aa][Cc][Mm][Ee]");
        let target = &windows[0].targets[0];
        assert_eq!((target.min, target.max), (-44, 0));
    }

    #[test]
    fn samples_match_their_window() {
        for rule in RuleSet::builtin().iter() {
            for window in windows(&[rule], &[false]) {
                let mut sample = Vec::new();
                window.sample(&mut SplitMix(7), &mut sample);
                assert_eq!(sample.len(), window.classes.len(), "{}", rule.id());
                assert!(sample.iter().zip(&window.classes).all(|(b, class)| class.contains(*b)));
            }
        }
    }
}
