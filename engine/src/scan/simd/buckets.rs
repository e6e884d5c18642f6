//! Which windows share a bucket: clustering by what it costs in false alarms.
//!
//! The kernels look at four bytes at a time and tell 32 *buckets* apart. A bucket's classes are, position by position, the
//! union of its windows' classes, so unlike windows in one bucket make it hit everywhere. [`assign`] merges the pair of
//! clusters that adds the fewest expected hits until 32 are left. Expected hits come from a sample of log text
//! (`sample.log`) and, because a sample cannot show what is rare, from byte frequencies.
//!
//! `build.rs` runs this for the default rules and embeds the outcome, one byte per window; other rule sets are clustered
//! at start.

use std::collections::HashMap;

use crate::rule::byte_set::ByteSet;
use crate::rule::frequency::byte_probability;
use crate::scan::simd::windows::Window;

/// How many bytes of a window the kernels look at.
pub(crate) const HEAD: usize = 4;
/// How many buckets there are: four sets of eight bits.
pub(crate) const BUCKETS: usize = 32;
/// Windows beyond this number join the bucket that suits them, instead of being clustered.
const MOST_CLUSTERED: usize = 1000;
const SAMPLES: usize = 2048;
const WORDS: usize = SAMPLES / 64;
/// How much the frequencies of single bytes weigh beside the sample.
const INDEPENDENT: f64 = 0.3;

/// The head of a window: its first four classes.
pub(crate) type Head = [ByteSet; HEAD];

/// The log text that expected hits are estimated on: made-up lines in the forms of common logs.
pub(crate) const SAMPLE: &[u8] = include_bytes!("sample.log");

/// The first four classes of a window, filled up with any byte.
pub(crate) fn head(window: &[ByteSet]) -> Head {
    std::array::from_fn(|k| window.get(k).copied().unwrap_or(ByteSet::FULL))
}

/// A bucket number for each window; windows of equal heads get equal numbers. Windows whose bucket is `known` keep it, and
/// if there are any, the others join the bucket that suits them.
pub(crate) fn assign(windows: &[Window], known: &[Option<u8>]) -> Vec<u8> {
    let model = Model::new(SAMPLE);
    let mut index: HashMap<Head, usize> = HashMap::new();
    let mut distinct: Vec<(Head, Option<u8>)> = Vec::new();
    let cluster_of: Vec<usize> = windows
        .iter()
        .enumerate()
        .map(|(i, window)| {
            let head = head(&window.classes);
            let at = *index.entry(head).or_insert_with(|| {
                distinct.push((head, None));
                distinct.len() - 1
            });
            distinct[at].1 = distinct[at].1.or(known.get(i).copied().flatten());
            at
        })
        .collect();
    let mut clusters: Vec<Cluster> = Vec::new();
    let mut rest: Vec<usize> = Vec::new();
    if distinct.iter().any(|(_, bucket)| bucket.is_some()) {
        clusters.resize_with(BUCKETS, Cluster::default);
        for (i, (head, bucket)) in distinct.iter().enumerate() {
            match bucket {
                Some(bucket) => {
                    let joined =
                        model.merged(&clusters[usize::from(*bucket)], &model.cluster(*head, i));
                    clusters[usize::from(*bucket)] = joined;
                }
                None => rest.push(i),
            }
        }
    } else {
        let first = distinct.len().min(MOST_CLUSTERED);
        clusters
            .extend(distinct[..first].iter().enumerate().map(|(i, (h, _))| model.cluster(*h, i)));
        merge_down(&model, &mut clusters);
        rest.extend(first..distinct.len());
    }
    for i in rest {
        let single = model.cluster(distinct[i].0, i);
        let added = |c: &Cluster| model.merged_cost(c, &single) - c.cost;
        let best = (0..clusters.len())
            .min_by(|a, b| added(&clusters[*a]).total_cmp(&added(&clusters[*b])));
        match best {
            Some(c) => clusters[c] = model.merged(&clusters[c], &single),
            None => clusters.push(single),
        }
    }
    let mut bucket_of = vec![0u8; distinct.len()];
    for (bucket, cluster) in clusters.iter().enumerate() {
        cluster.members.iter().for_each(|m| bucket_of[*m] = bucket as u8);
    }
    cluster_of.into_iter().map(|c| bucket_of[c]).collect()
}

#[derive(Default)]
struct Cluster {
    sets: Head,
    /// By position: which samples have a byte of the class there.
    bits: Box<[[u64; WORDS]; HEAD]>,
    cost: f64,
    members: Vec<usize>,
}

struct Model {
    /// By byte of a class's bit set and its value: the probability of those bytes.
    partial: Vec<[f32; 256]>,
    /// By position and byte: which samples have that byte there.
    samples: Vec<[u64; WORDS]>,
}

impl Model {
    fn new(text: &[u8]) -> Model {
        let mut samples = vec![[0u64; WORDS]; HEAD * 256];
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let last = text.len().saturating_sub(HEAD).max(1);
        for i in 0..SAMPLES {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let at = (state % last as u64) as usize;
            for (k, byte) in text[at..].iter().take(HEAD).enumerate() {
                samples[k * 256 + usize::from(*byte)][i / 64] |= 1 << (i % 64);
            }
        }
        let partial = (0..32)
            .map(|byte| {
                let of_bit = |bit: usize| byte_probability((byte * 8 + bit) as u8) as f32;
                std::array::from_fn(|value| {
                    (0..8).filter(|bit| value >> bit & 1 == 1).map(of_bit).sum()
                })
            })
            .collect();
        Model { partial, samples }
    }

    fn cluster(&self, sets: Head, member: usize) -> Cluster {
        let bits = std::array::from_fn(|k| {
            let mut bits = [0u64; WORDS];
            for byte in sets[k].iter() {
                let of_byte = &self.samples[k * 256 + usize::from(byte)];
                bits.iter_mut().zip(of_byte).for_each(|(b, s)| *b |= s);
            }
            bits
        });
        let mut cluster = Cluster { sets, bits: Box::new(bits), cost: 0.0, members: vec![member] };
        cluster.cost = self.expected_hits(&cluster.bits, &cluster.sets, 1);
        cluster
    }

    fn merged(&self, a: &Cluster, b: &Cluster) -> Cluster {
        let sets = std::array::from_fn(|k| a.sets[k].union(&b.sets[k]));
        let bits =
            Box::new(std::array::from_fn(|k| std::array::from_fn(|w| a.bits[k][w] | b.bits[k][w])));
        let members: Vec<usize> = a.members.iter().chain(&b.members).copied().collect();
        let cost = self.expected_hits(&bits, &sets, members.len());
        Cluster { sets, bits, cost, members }
    }

    /// The cost of the two as one, without making it.
    fn merged_cost(&self, a: &Cluster, b: &Cluster) -> f64 {
        let sampled: u32 = (0..WORDS)
            .map(|w| (0..HEAD).fold(!0, |all, k| all & (a.bits[k][w] | b.bits[k][w])).count_ones())
            .sum();
        let sets = std::array::from_fn(|k| a.sets[k].union(&b.sets[k]));
        self.cost_of(sampled, &sets, a.members.len() + b.members.len())
    }

    fn expected_hits(&self, bits: &[[u64; WORDS]; HEAD], sets: &Head, members: usize) -> f64 {
        let sampled: u32 =
            (0..WORDS).map(|w| (0..HEAD).fold(!0, |all, k| all & bits[k][w]).count_ones()).sum();
        self.cost_of(sampled, sets, members)
    }

    fn cost_of(&self, sampled: u32, sets: &Head, members: usize) -> f64 {
        let independent: f64 = sets.iter().map(|set| f64::from(self.probability(set))).product();
        // A hit of a crowded bucket is compared with more windows.
        let crowd = (members as f64).powi(2) * 1e-8;
        f64::from(sampled) / SAMPLES as f64 + INDEPENDENT * independent + crowd
    }

    fn probability(&self, set: &ByteSet) -> f32 {
        let words = set.0.iter().flat_map(|word| word.to_le_bytes());
        words
            .zip(&self.partial)
            .map(|(value, partial)| partial[usize::from(value)])
            .sum::<f32>()
            .min(1.0)
    }
}

/// Merges the cheapest pair until [`BUCKETS`] clusters are left.
fn merge_down(model: &Model, clusters: &mut Vec<Cluster>) {
    let added = |a: &Cluster, b: &Cluster| model.merged_cost(a, b) - a.cost - b.cost;
    // By cluster: its cheapest partner of a lower index.
    let mut partner: Vec<(f64, usize)> =
        (0..clusters.len()).map(|i| cheapest(i, clusters, &added)).collect();
    while clusters.len() > BUCKETS {
        let (i, j) = (1..clusters.len())
            .map(|i| (partner[i].0, i, partner[i].1))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, i, j)| (i, j))
            .expect("there are at least two clusters");
        // `j` < `i`: the merged cluster takes the place of `j`, the last one that of `i`.
        clusters[j] = model.merged(&clusters[i], &clusters[j]);
        clusters.swap_remove(i);
        partner.pop();
        let moved = clusters.len();
        for c in 0..clusters.len() {
            let stale = c == i || c == j || [i, j, moved].contains(&partner[c].1);
            if stale {
                partner[c] = cheapest(c, clusters, &added);
            } else if j < c {
                let cost = added(&clusters[c], &clusters[j]);
                if cost < partner[c].0 {
                    partner[c] = (cost, j);
                }
            }
        }
    }
}

fn cheapest(
    i: usize,
    clusters: &[Cluster],
    added: &impl Fn(&Cluster, &Cluster) -> f64,
) -> (f64, usize) {
    (0..i)
        .map(|j| (added(&clusters[i], &clusters[j]), j))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .unwrap_or((f64::INFINITY, usize::MAX))
}
