//! Which windows share a bucket: clustering by what it costs in false alarms.
//!
//! The kernels look at [`HEAD`] bytes at a time and tell 32 *buckets* apart. What a bucket lets through is, feature by
//! feature, the union of what its windows' heads have there, so unlike windows in one bucket make it hit everywhere.
//! [`assign`] puts each window where it adds the fewest expected hits, then moves single windows as long as that helps.
//! Expected hits come from a sample of log text (`rule/sample.log`) and, because a sample cannot show what is rare, from byte
//! frequencies.
//!
//! Kernels that see fine features and those that see coarse ones need not have the same buckets, and do better without.
//! `build.rs` runs this for the default rules and embeds the outcome, one byte per window; other rule sets are clustered
//! at start, with less effort.

use std::collections::HashMap;

use crate::rule::frequency::{SAMPLE, byte_probability};
use crate::scan::simd::features::{FEATURES, Grain, HEAD, Head, head, ones};
use crate::scan::simd::windows::Window;

/// How many buckets there are: four sets of eight bits.
pub(crate) const BUCKETS: usize = 32;
/// How much the frequencies of single bytes weigh beside the sample.
const INDEPENDENT: f64 = 1.0;

/// How long to look for better buckets.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// At how many places the sample is looked at, in 64.
    pub(crate) words: usize,
    /// How often all windows are tried elsewhere at most.
    pub(crate) passes: usize,
}

impl Effort {
    /// For a start; `build.rs` takes its time.
    pub(crate) const START: Effort = Effort { words: 64, passes: 3 };
}

/// A bucket number for each window; windows of equal heads get equal numbers. Windows whose bucket is `known` keep it, and
/// if there are any, the others join the bucket that suits them.
pub(crate) fn assign(
    grain: Grain,
    windows: &[Window],
    known: &[Option<u8>],
    effort: Effort,
) -> Vec<u8> {
    let mut index: HashMap<Head, usize> = HashMap::new();
    let mut heads: Vec<(Head, Option<u8>)> = Vec::new();
    let head_of: Vec<usize> = windows
        .iter()
        .enumerate()
        .map(|(i, window)| {
            let head = head(&window.classes);
            let at = *index.entry(head).or_insert_with(|| {
                heads.push((head, None));
                heads.len() - 1
            });
            heads[at].1 = heads[at].1.or(known.get(i).copied().flatten());
            at
        })
        .collect();
    let mut bucket_of: Vec<Option<u8>> = heads.iter().map(|(_, bucket)| *bucket).collect();
    if bucket_of.iter().any(Option::is_none) {
        let model = Model::new(grain, effort.words);
        let features: Vec<_> = heads.iter().map(|(head, _)| grain.features(head)).collect();
        let mut buckets: Vec<_> = (0..BUCKETS).map(|_| Bucket::new(&model)).collect();
        for (features, bucket) in features.iter().zip(&bucket_of) {
            if let Some(bucket) = bucket {
                buckets[usize::from(*bucket)].add(&model, features);
            }
        }
        buckets.iter_mut().for_each(|bucket| bucket.cost = model.cost(bucket, None));
        let all_new = bucket_of.iter().all(Option::is_none);
        for (features, bucket) in features.iter().zip(&mut bucket_of) {
            if bucket.is_none() {
                *bucket = Some(join(&model, &mut buckets, features));
            }
        }
        let passes = if all_new { effort.passes } else { 0 };
        for _ in 0..passes {
            let mut moved = false;
            for (features, bucket) in features.iter().zip(bucket_of.iter_mut().flatten()) {
                let from = *bucket;
                buckets[usize::from(from)].remove(&model, features);
                *bucket = join(&model, &mut buckets, features);
                moved |= *bucket != from;
            }
            if !moved {
                break;
            }
        }
    }
    head_of.into_iter().filter_map(|head| bucket_of[head]).collect()
}

/// Adds a window to the bucket where it costs least.
fn join(model: &Model, buckets: &mut [Bucket], features: &[u64; FEATURES]) -> u8 {
    let bits = model.bits(features);
    let costs = buckets.iter().map(|bucket| model.cost(bucket, Some((features, &bits))));
    let added = (0..).zip(costs.zip(&*buckets)).map(|(i, (cost, b))| (cost - b.cost, i, cost));
    let best = added.min_by(|a, b| a.0.total_cmp(&b.0)).expect("there are buckets");
    let (_, number, cost) = best;
    let bucket = &mut buckets[usize::from(number)];
    bucket.add(model, features);
    bucket.cost = cost;
    number
}

/// Of all samples, those with some feature: a bit each.
type Bits = Box<[u64]>;

/// A bucket in the making.
struct Bucket {
    /// By feature and value: how many of its windows have it there.
    counts: Box<[[u32; 64]; FEATURES]>,
    /// By feature: the values that some window has.
    values: [u64; FEATURES],
    /// By feature: which samples have one of them there.
    bits: [Bits; FEATURES],
    cost: f64,
}

impl Bucket {
    fn new(model: &Model) -> Bucket {
        let none = || vec![0; model.words].into_boxed_slice();
        Bucket {
            counts: Box::new([[0; 64]; FEATURES]),
            values: [0; FEATURES],
            bits: std::array::from_fn(|_| none()),
            cost: 0.0,
        }
    }

    /// Adds a window; what the bucket costs with it is left to the caller.
    fn add(&mut self, model: &Model, features: &[u64; FEATURES]) {
        for (feature, values) in features.iter().enumerate() {
            ones(*values).for_each(|v| self.counts[feature][usize::from(v)] += 1);
            let new = values & !self.values[feature];
            self.values[feature] |= new;
            model.unite(feature, new, &mut self.bits[feature]);
        }
    }

    fn remove(&mut self, model: &Model, features: &[u64; FEATURES]) {
        for (feature, values) in features.iter().enumerate() {
            ones(*values).for_each(|v| self.counts[feature][usize::from(v)] -= 1);
            let gone = ones(*values).filter(|v| self.counts[feature][usize::from(*v)] == 0);
            let gone = gone.fold(0, |gone, v| gone | 1 << v);
            if gone != 0 {
                self.values[feature] &= !gone;
                self.bits[feature].fill(0);
                model.unite(feature, self.values[feature], &mut self.bits[feature]);
            }
        }
        self.cost = model.cost(self, None);
    }
}

struct Model {
    /// How many values a feature has.
    size: usize,
    words: usize,
    /// By symbol: its probability.
    frequency: [f64; 64],
    /// By feature and value: which samples have it there.
    samples: Vec<Vec<Bits>>,
}

impl Model {
    /// A model that looks at the sample at 64 × `words` places.
    fn new(grain: Grain, words: usize) -> Model {
        let size = grain.size();
        let none = vec![0u64; words].into_boxed_slice();
        let mut samples = vec![vec![none; size]; FEATURES];
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let last = SAMPLE.len().saturating_sub(HEAD).max(1);
        for i in 0..64 * words {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let at = (state % last as u64) as usize;
            for (feature, value) in grain.of_text(&SAMPLE[at..]).into_iter().enumerate() {
                samples[feature][usize::from(value)][i / 64] |= 1 << (i % 64);
            }
        }
        let mut frequency = [0.0; 64];
        (0..=255).for_each(|b| frequency[usize::from(grain.symbol(b))] += byte_probability(b));
        Model { size, words, frequency, samples }
    }

    /// Adds the samples that have one of the values to `bits`.
    fn unite(&self, feature: usize, values: u64, bits: &mut Bits) {
        for value in ones(values) {
            let more = &self.samples[feature][usize::from(value)];
            bits.iter_mut().zip(more).for_each(|(bits, more)| *bits |= more);
        }
    }

    fn bits(&self, features: &[u64; FEATURES]) -> [Bits; FEATURES] {
        std::array::from_fn(|feature| {
            let mut bits = vec![0; self.words].into_boxed_slice();
            self.unite(feature, features[feature], &mut bits);
            bits
        })
    }

    /// What a bucket costs, with one window more if there is one: expected hits per position of text.
    fn cost(&self, bucket: &Bucket, more: Option<(&[u64; FEATURES], &[Bits; FEATURES])>) -> f64 {
        let values = |k: usize| bucket.values[k] | more.map_or(0, |(values, _)| values[k]);
        if (0..FEATURES).any(|k| values(k) == 0) {
            return 0.0;
        }
        let of_word = |w: usize| {
            let bits = |k: usize| bucket.bits[k][w] | more.map_or(0, |(_, bits)| bits[k][w]);
            (0..FEATURES).fold(!0, |all, k| all & bits(k)).count_ones()
        };
        let sampled: u32 = (0..self.words).map(of_word).sum();
        let independent: f64 = (0..HEAD).map(|k| self.probability(values(k))).product();
        let share = |k: usize| f64::from(values(k).count_ones()) / self.size as f64;
        let pairs: f64 = (HEAD..FEATURES).map(share).product();
        f64::from(sampled) / (64 * self.words) as f64 + INDEPENDENT * independent * pairs
    }

    fn probability(&self, symbols: u64) -> f64 {
        ones(symbols).map(|s| self.frequency[usize::from(s)]).sum::<f64>().min(1.0)
    }
}
