//! Step 3 of 5: resolve. From overlapping hits to disjoint spans, total and deterministic.
//!
//! Hits that share a byte become one span; it is named by the leftmost, then longest, then surest rule. No byte of any hit
//! is left outside a span. A span grows to at most [`LONGEST`] bytes by merging; what overlaps it then starts a new span
//! at its end, so that memory is bounded however long a chain of overlaps is.
//!
//! Before: [`crate::confirm`]; after: [`crate::mask`].

use crate::confirm::{Compiled, Hit};

/// The longest span that merging makes, plus one match.
const LONGEST: usize = 32 << 10;

/// Sorts `hits` and merges them in place into disjoint spans in order.
pub(crate) fn resolve(rules: &[Compiled], hits: &mut Vec<Hit>) {
    if hits.len() < 2 {
        return;
    }
    let surest = |hit: &Hit| std::cmp::Reverse(rules[hit.rule as usize].rule.confidence);
    hits.sort_unstable_by_key(|h| (h.start, std::cmp::Reverse(h.end), surest(h), h.rule));
    let mut kept = 0;
    for i in 1..hits.len() {
        let next = hits[i];
        let last = &mut hits[kept];
        if next.start >= last.end {
            kept += 1;
            hits[kept] = next;
        } else if next.end <= last.end {
            // Inside.
        } else if next.end - last.start <= LONGEST {
            last.end = next.end;
        } else {
            let start = last.end;
            kept += 1;
            hits[kept] = Hit { start, ..next };
        }
    }
    hits.truncate(kept + 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(start: usize, end: usize, rule: u32) -> Hit {
        Hit::new(start..end, rule)
    }

    fn resolved(mut hits: Vec<Hit>) -> Vec<(usize, usize, u32)> {
        let set = crate::RuleSet::parse(
            "t",
            "[[rule]]\nid='a'\npattern='aaaa'\n[[rule]]\nid='b'\npattern='bbbb'\nconfidence='high'",
        );
        let rules: Vec<_> = set.unwrap().into_rules().into_iter().map(Compiled::new).collect();
        resolve(&rules, &mut hits);
        hits.iter().map(|h| (h.start, h.end, h.rule)).collect()
    }

    #[test]
    fn leftmost_then_longest_then_surest_names_the_span() {
        assert_eq!(resolved(vec![hit(5, 9, 0), hit(2, 6, 1)]), [(2, 9, 1)]);
        assert_eq!(resolved(vec![hit(2, 6, 1), hit(2, 9, 0)]), [(2, 9, 0)]);
        assert_eq!(resolved(vec![hit(2, 6, 0), hit(2, 6, 1)]), [(2, 6, 1)]);
    }

    #[test]
    fn touching_spans_stay_apart() {
        assert_eq!(resolved(vec![hit(2, 6, 0), hit(6, 9, 1)]), [(2, 6, 0), (6, 9, 1)]);
    }

    #[test]
    fn a_long_chain_is_cut_without_losing_a_byte() {
        let chain: Vec<_> = (0..100).map(|i| hit(i * 1000, i * 1000 + 1500, 0)).collect();
        let spans = resolved(chain);
        assert!(spans.len() > 1 && spans.windows(2).all(|w| w[0].1 == w[1].0));
        assert_eq!((spans[0].0, spans.last().unwrap().1), (0, 100_500));
    }
}
