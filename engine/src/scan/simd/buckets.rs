//! Which windows share a bucket: clustering by what it costs in false alarms.
//!
//! The kernels look at [`HEAD`] bytes at a time and tell 32 *buckets* apart. A bucket's classes are, position by position, the
//! union of its windows' classes, so unlike windows in one bucket make it hit everywhere. [`assign`] merges the pair of
//! clusters that adds the fewest expected hits until 32 are left. Expected hits come from a sample of log text
//! (`rule/sample.log`) and, because a sample cannot show what is rare, from byte frequencies.
//!
//! `build.rs` runs this for the default rules and embeds the outcome, one byte per window; other rule sets are clustered
//! at start.

use std::collections::HashMap;

use crate::rule::frequency::{SAMPLE, byte_probability};
use crate::scan::simd::features::{FEATURES, HEAD, Head, coarse_features, coarse_of, head, ones};
use crate::scan::simd::symbols::{COARSE, coarse};
use crate::scan::simd::windows::Window;

/// How many buckets there are: four sets of eight bits.
pub(crate) const BUCKETS: usize = 32;
/// Windows beyond this number join the bucket that suits them, instead of being clustered.
const MOST_CLUSTERED: usize = 1000;
const SAMPLES: usize = 4096;
const WORDS: usize = SAMPLES / 64;
/// How much the frequencies of single bytes weigh beside the sample.
const INDEPENDENT: f64 = 1.0;

/// A bucket number for each window; windows of equal heads get equal numbers. Windows whose bucket is `known` keep it, and
/// if there are any, the others join the bucket that suits them.
pub(crate) fn assign(windows: &[Window], known: &[Option<u8>]) -> Vec<u8> {
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
    if distinct.iter().all(|(_, bucket)| bucket.is_some()) {
        return cluster_of.into_iter().filter_map(|c| distinct[c].1).collect();
    }
    let model = Model::new(SAMPLE);
    let mut clusters: Vec<Cluster> = Vec::new();
    let mut rest: Vec<usize> = Vec::new();
    if distinct.iter().any(|(_, bucket)| bucket.is_some()) {
        clusters.resize_with(BUCKETS, Cluster::empty);
        for (i, (head, bucket)) in distinct.iter().enumerate() {
            match bucket {
                Some(bucket) => model.add(&mut clusters[usize::from(*bucket)], head, i),
                None => rest.push(i),
            }
        }
        for cluster in &mut clusters {
            cluster.cost = model.cost(cluster);
        }
    } else {
        let first = distinct.len().min(MOST_CLUSTERED);
        clusters
            .extend(distinct[..first].iter().enumerate().map(|(i, (h, _))| model.cluster(h, i)));
        merge_down(&model, &mut clusters);
        rest.extend(first..distinct.len());
    }
    for i in rest {
        let single = model.cluster(&distinct[i].0, i);
        let added = |c: &Cluster| model.merged_cost(c, &single) - c.cost;
        let costs = clusters.iter().map(added).enumerate();
        let best = costs.min_by(|(_, a), (_, b)| a.total_cmp(b));
        match best {
            Some((c, _)) => clusters[c] = model.merged(&clusters[c], &single),
            None => clusters.push(single),
        }
    }
    let mut bucket_of = vec![0u8; distinct.len()];
    for (bucket, cluster) in clusters.iter().enumerate() {
        cluster.members.iter().for_each(|m| bucket_of[*m] = bucket as u8);
    }
    cluster_of.into_iter().map(|c| bucket_of[c]).collect()
}

/// A bucket in the making: by feature, which values its windows have there.
struct Cluster {
    values: [u32; FEATURES],
    /// By feature: which samples have one of them there.
    bits: Box<[[u64; WORDS]; FEATURES]>,
    cost: f64,
    members: Vec<usize>,
}

impl Cluster {
    fn empty() -> Cluster {
        Cluster {
            values: [0; FEATURES],
            bits: Box::new([[0; WORDS]; FEATURES]),
            cost: 0.0,
            members: Vec::new(),
        }
    }
}

struct Model {
    /// By symbol: its probability.
    frequency: [f64; COARSE],
    /// By feature and value: which samples have it there.
    samples: Vec<[[u64; WORDS]; COARSE]>,
}

impl Model {
    fn new(text: &[u8]) -> Model {
        let mut samples = vec![[[0u64; WORDS]; COARSE]; FEATURES];
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let last = text.len().saturating_sub(HEAD).max(1);
        for i in 0..SAMPLES {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let at = (state % last as u64) as usize;
            for (feature, value) in coarse_of(&text[at..]).into_iter().enumerate() {
                samples[feature][usize::from(value)][i / 64] |= 1 << (i % 64);
            }
        }
        let mut frequency = [0.0; COARSE];
        (0..=255).for_each(|b| frequency[usize::from(coarse(b))] += byte_probability(b));
        Model { frequency, samples }
    }

    fn cluster(&self, sets: &Head, member: usize) -> Cluster {
        let mut cluster = Cluster::empty();
        self.add(&mut cluster, sets, member);
        cluster.cost = self.cost(&cluster);
        cluster
    }

    /// Adds a window; what the cluster costs with it is left to the caller.
    fn add(&self, cluster: &mut Cluster, sets: &Head, member: usize) {
        cluster.members.push(member);
        for (feature, values) in coarse_features(sets).into_iter().enumerate() {
            let new = values as u32 & !cluster.values[feature];
            cluster.values[feature] |= new;
            for value in ones(new.into()) {
                let of_value = &self.samples[feature][usize::from(value)];
                cluster.bits[feature].iter_mut().zip(of_value).for_each(|(b, s)| *b |= s);
            }
        }
    }

    fn cost(&self, cluster: &Cluster) -> f64 {
        self.merged_cost(cluster, &Cluster::empty())
    }

    fn merged(&self, a: &Cluster, b: &Cluster) -> Cluster {
        let both = |k: usize| std::array::from_fn(|w| a.bits[k][w] | b.bits[k][w]);
        Cluster {
            values: std::array::from_fn(|k| a.values[k] | b.values[k]),
            bits: Box::new(std::array::from_fn(both)),
            cost: self.merged_cost(a, b),
            members: a.members.iter().chain(&b.members).copied().collect(),
        }
    }

    /// The cost of the two as one, without making it: expected hits per position of text.
    fn merged_cost(&self, a: &Cluster, b: &Cluster) -> f64 {
        let in_word =
            |w: usize| (0..FEATURES).fold(!0, |all, k| all & (a.bits[k][w] | b.bits[k][w]));
        let sampled: u32 = (0..WORDS).map(|w| in_word(w).count_ones()).sum();
        let independent: f64 =
            (0..HEAD).map(|k| self.probability(a.values[k] | b.values[k])).product();
        let pairs: f64 = (HEAD..FEATURES)
            .map(|k| f64::from((a.values[k] | b.values[k]).count_ones()) / COARSE as f64)
            .product();
        // A hit of a crowded bucket is compared with more windows.
        let crowd = ((a.members.len() + b.members.len()) as f64).powi(2) * 1e-8;
        f64::from(sampled) / SAMPLES as f64 + INDEPENDENT * independent * pairs + crowd
    }

    fn probability(&self, symbols: u32) -> f64 {
        let of = |s: usize| if symbols >> s & 1 == 1 { self.frequency[s] } else { 0.0 };
        (0..COARSE).map(of).sum::<f64>().min(1.0)
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
