//! The scanner `hyperscan` gives the bytes of `regex` on all texts, and says why when it is not used.

#[cfg(feature = "hyperscan")]
mod with_libhs {
    use std::sync::{Arc, LazyLock, Mutex};

    use redact_stream::{
        Confidence, DatabaseCache, Engine, EngineBuilder, RuleSet, ScannerKind, StreamRedactor,
        lint,
    };

    fn builder(kind: ScannerKind) -> EngineBuilder {
        let rules = RuleSet::builtin();
        let groups: Vec<String> = rules.iter().map(|rule| rule.group().to_owned()).collect();
        let builder = Engine::builder().rules(rules).groups(groups);
        builder.confidence(Confidence::Low).scanner(kind).scanner_strict(true)
    }

    /// All rules, by both scanners.
    static ENGINES: LazyLock<[Arc<Engine>; 2]> = LazyLock::new(|| {
        let engines =
            [ScannerKind::Regex, ScannerKind::Hyperscan].map(|k| builder(k).build().unwrap());
        assert!(engines[1].scanner_name().starts_with("hyperscan ("));
        engines
    });

    fn examples() -> Vec<String> {
        let rules = RuleSet::builtin();
        let texts = |rule| -> Vec<String> {
            let rule: &redact_stream::Rule = rule;
            rule.matches().chain(rule.rejects()).map(|text| lint::expand(rule, text)).collect()
        };
        rules.iter().flat_map(texts).collect()
    }

    #[track_caller]
    fn assert_same(text: &[u8]) {
        let [regex, hyperscan] = &*ENGINES;
        let (wanted, got) = (regex.find(text), hyperscan.find(text));
        let differ = wanted.iter().zip(&got).find(|(a, b)| a != b);
        assert!(wanted == got, "{} and {} findings, {differ:?}", wanted.len(), got.len());
        assert!(regex.redact(text) == hyperscan.redact(text));
    }

    struct SplitMix(u64);

    impl SplitMix {
        fn below(&mut self, bound: usize) -> usize {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) % bound as u64) as usize
        }
    }

    #[test]
    fn all_examples() {
        let examples = examples();
        examples.chunks(50).for_each(|some| assert_same(some.join("\n").as_bytes()));
        examples.chunks(50).for_each(|some| assert_same(some.join("\r\n").as_bytes()));
        // In one line, one right behind the other.
        examples.chunks(10).for_each(|some| assert_same(some.concat().as_bytes()));
    }

    #[test]
    fn random_text_with_planted_examples() {
        let examples = examples();
        let pieces =
            [" ", "\n", "\r\n", "=", ": ", "\"", "'", ",", "x", "_", "-", "\t", "\u{e9}", "0"];
        let mut random = SplitMix(1);
        for _ in 0..60 {
            let mut text = Vec::new();
            for _ in 0..60 {
                (0..random.below(12)).for_each(|_| text.push(random.below(256) as u8));
                text.extend_from_slice(pieces[random.below(pieces.len())].as_bytes());
                if random.below(3) == 0 {
                    let example = examples[random.below(examples.len())].as_bytes();
                    let cut = random.below(4) == 0;
                    let len = if cut { random.below(example.len() + 1) } else { example.len() };
                    text.extend_from_slice(&example[..len]);
                }
            }
            assert_same(&text);
        }
    }

    #[test]
    fn base64_hex_and_repeats() {
        let mut random = SplitMix(2);
        let base64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for (alphabet, width) in
            [(&base64[..], 76), (&base64[..], 4000), (&b"0123456789abcdef"[..], 500)]
        {
            let mut text: Vec<u8> =
                (0..20_000).map(|_| alphabet[random.below(alphabet.len())]).collect();
            text.chunks_mut(width).for_each(|line| *line.last_mut().unwrap() = b'\n');
            assert_same(&text);
        }
        for unit in
            ["token=", "ghp_", "password: ", "-----BEGIN ", "a", "https://u:p@", "key\n", "AKIA"]
        {
            assert_same(unit.repeat(4000 / unit.len()).as_bytes());
        }
    }

    #[test]
    fn streams_with_flushes_in_all_places() {
        let [regex, hyperscan] = &*ENGINES;
        let text = examples().into_iter().take(60).collect::<Vec<_>>().join(" \n");
        for size in [1, 3, 50] {
            let run = |engine: &Arc<Engine>| {
                let mut stream = StreamRedactor::new(Arc::clone(engine));
                let mut steps = Vec::new();
                for piece in text.as_bytes().chunks(size) {
                    let mut out = Vec::new();
                    let Ok(()) = stream.push(piece, &mut out).and_then(|()| stream.flush(&mut out));
                    steps.push(out);
                }
                let mut out = Vec::new();
                let Ok(()) = stream.finish(&mut out);
                steps.push(out);
                steps
            };
            assert!(run(regex) == run(hyperscan), "pieces of {size}");
        }
    }

    #[derive(Debug, Default)]
    struct MemoryCache {
        bytes: Mutex<Option<Vec<u8>>>,
        stored: Mutex<usize>,
    }

    impl DatabaseCache for MemoryCache {
        fn load(&self, key: &str) -> Option<Vec<u8>> {
            assert_eq!(key.len(), 32);
            self.bytes.lock().unwrap().clone()
        }

        fn store(&self, _: &str, bytes: &[u8]) {
            *self.bytes.lock().unwrap() = Some(bytes.to_vec());
            *self.stored.lock().unwrap() += 1;
        }
    }

    #[test]
    fn a_database_is_kept_and_rebuilt_if_it_is_damaged() {
        let cache = Arc::new(MemoryCache::default());
        let build = || {
            let shared: Arc<dyn DatabaseCache> = Arc::<MemoryCache>::clone(&cache);
            builder(ScannerKind::Hyperscan).hyperscan_cache(shared).build().unwrap()
        };
        assert!(build().scanner_notes().is_empty());
        assert!(build().scanner_notes().is_empty());
        assert_eq!(*cache.stored.lock().unwrap(), 1);
        let middle = |bytes: &mut Vec<u8>| {
            let at = bytes.len() / 2;
            bytes[at] ^= 0x40;
        };
        middle(cache.bytes.lock().unwrap().as_mut().unwrap());
        let engine = build();
        assert_eq!(engine.scanner_notes(), ["hyperscan: cached database rebuilt: it is damaged"]);
        assert_eq!(*cache.stored.lock().unwrap(), 2);
        let text = examples().swap_remove(0);
        assert_eq!(engine.find(text.as_bytes()), ENGINES[0].find(text.as_bytes()));
    }
}

#[cfg(not(feature = "hyperscan"))]
mod without_libhs {
    use redact_stream::{Engine, ScannerKind};

    #[test]
    fn asking_for_it_falls_back_with_a_note_or_is_an_error() {
        let engine = Engine::builder().scanner(ScannerKind::Hyperscan).build().unwrap();
        assert_eq!(engine.scanner_name(), "regex");
        assert!(engine.scanner_notes()[0].contains("feature `hyperscan`"));
        let strict = Engine::builder().scanner(ScannerKind::Hyperscan).scanner_strict(true).build();
        assert!(strict.unwrap_err().to_string().contains("feature `hyperscan`"));
    }
}

#[test]
fn names_are_parsed_back() {
    use redact_stream::ScannerKind;
    for kind in ScannerKind::ALL {
        assert_eq!(ScannerKind::parse(kind.name()), Some(*kind));
    }
    assert_eq!(ScannerKind::parse("perl"), None);
}
