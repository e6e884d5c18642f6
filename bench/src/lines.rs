//! Log lines of common programs, invented: syslog, nginx, Kubernetes, Java, Go and CI, and the same as JSON.
//!
//! They hold what makes real logs hard: ids, hashes, UUIDs, paths, addresses, numbers, and words such as `token` and `key`
//! where no secret follows. They hold no secret.

use std::io::Write as _;

use redact_tests::random::Random;

const HEX: &str = "0123456789abcdef";
const WORDS: &[&str] = &[
    "request",
    "connection",
    "timeout",
    "retry",
    "worker",
    "shard",
    "replica",
    "commit",
    "index",
    "cache",
    "session",
    "started",
    "finished",
    "queue",
    "message",
    "offset",
    "partition",
    "upload",
    "bytes",
    "flush",
    "compaction",
    "leader",
    "election",
    "snapshot",
    "metrics",
    "handler",
    "closed",
    "accepted",
    "scheduled",
];
const HOSTS: &[&str] =
    &["web-01", "web-02", "db-primary", "cache-3", "node-17", "edge-fra-2", "build-9"];
const USERS: &[&str] = &["deploy", "alice", "bob", "www-data", "postgres", "ci-runner"];
const PATHS: &[&str] = &[
    "/api/v1/orders",
    "/healthz",
    "/static/js/app.9f3c2b.js",
    "/login",
    "/api/v2/users/1842/sessions",
    "/metrics",
    "/search?q=red+shoes&page=3",
    "/favicon.ico",
    "/api/v1/tokens/refresh",
];
const AGENTS: &[&str] = &[
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "curl/8.5.0",
    "kube-probe/1.29",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
];
const CLASSES: &[&str] = &[
    "com.example.billing.InvoiceService",
    "org.example.http.ConnectionPool",
    "com.example.auth.LoginFilter",
    "org.example.kafka.ConsumerGroup",
    "com.example.search.IndexWriter",
];
const CRATES: &[&str] =
    &["serde v1.0.219", "memchr v2.7.4", "tokio v1.45.0", "libc v0.2.172", "syn v2.0.101"];

/// What a line says, before it has a form.
struct Event {
    seconds: usize,
    millis: usize,
}

impl Event {
    fn next(random: &mut Random) -> Event {
        Event { seconds: random.below(86_400), millis: random.below(1000) }
    }

    fn clock(&self) -> String {
        let s = self.seconds;
        format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
    }
}

/// A few words, as a message.
pub(crate) fn message(random: &mut Random, out: &mut Vec<u8>) {
    for i in 0..3 + random.below(5) {
        if i > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(random.pick(WORDS).as_bytes());
    }
}

/// Appends one line with its line feed.
pub(crate) fn log(random: &mut Random, out: &mut Vec<u8>) {
    let event = Event::next(random);
    // Writing to memory does not fail.
    let done = match random.below(12) {
        0 | 1 => syslog(&event, random, out),
        2..=4 => nginx(&event, random, out),
        5 | 6 => kubernetes(&event, random, out),
        7 | 8 => java(&event, random, out),
        9 | 10 => go(&event, random, out),
        _ => ci(&event, random, out),
    };
    debug_assert!(done.is_ok());
    out.push(b'\n');
}

/// Appends one line of JSON with its line feed.
pub(crate) fn json(random: &mut Random, out: &mut Vec<u8>) {
    let event = Event::next(random);
    let (level, host) = (random.pick(&["info", "info", "debug", "warn"]), random.pick(HOSTS));
    let (request, path) = (uuid(random), random.pick(PATHS));
    let (status, took) = (random.pick(&["200", "204", "304", "404"]), random.below(900_000));
    let clock = event.clock();
    let millis = event.millis;
    let done = write!(
        out,
        r#"{{"ts":"2026-03-14T{clock}.{millis:03}Z","level":"{level}","host":"{host}","request_id":"{request}","method":"GET","path":"{path}","status":{status},"duration_us":{took},"msg":""#
    );
    debug_assert!(done.is_ok());
    message(random, out);
    let trace = random.word(HEX, 32);
    let done =
        write!(out, r#"","trace_id":"{trace}","user":null,"tags":["a","b"],"cached":true}}"#);
    debug_assert!(done.is_ok());
    out.push(b'\n');
}

fn syslog(event: &Event, random: &mut Random, out: &mut Vec<u8>) -> std::io::Result<()> {
    let (clock, host, process) = (event.clock(), random.pick(HOSTS), random.below(60_000));
    write!(out, "Mar 14 {clock} {host} ")?;
    match random.below(4) {
        0 => {
            let (user, address, port) = (random.pick(USERS), address(random), random.below(65_535));
            write!(
                out,
                "sshd[{process}]: Accepted publickey for {user} from {address} port {port} ssh2"
            )
        }
        1 => {
            let user = random.pick(USERS);
            write!(
                out,
                "CRON[{process}]: pam_unix(cron:session): session opened for user {user}(uid=0) by (uid=0)"
            )
        }
        2 => {
            let stamp = random.below(9_000_000);
            write!(
                out,
                "kernel: [{}.{:06}] eth0: link up, 10000 Mbps, full duplex, lpa 0x{}",
                stamp,
                event.millis * 997,
                random.word(HEX, 4)
            )
        }
        _ => {
            write!(out, "systemd[1]: Started Session {process} of user ")?;
            write!(out, "{}.", random.pick(USERS))
        }
    }
}

fn nginx(event: &Event, random: &mut Random, out: &mut Vec<u8>) -> std::io::Result<()> {
    let (clock, address, path) = (event.clock(), address(random), random.pick(PATHS));
    let (method, status) =
        (random.pick(&["GET", "GET", "POST", "HEAD"]), random.pick(&["200", "301", "404", "502"]));
    let (bytes, agent) = (random.below(90_000), random.pick(AGENTS));
    write!(
        out,
        r#"{address} - - [14/Mar/2026:{clock} +0000] "{method} {path} HTTP/1.1" {status} {bytes} "https://www.example.com/" "{agent}""#
    )
}

fn kubernetes(event: &Event, random: &mut Random, out: &mut Vec<u8>) -> std::io::Result<()> {
    let (clock, micros, line) = (event.clock(), event.millis * 997, random.below(2000));
    let pod = format!(
        "api-{}-{}",
        random.word("bcdfghjklmnpqrstvwxz2456789", 10),
        random.word("bcdfghjklmnpqrstvwxz2456789", 5)
    );
    let id = uuid(random);
    write!(
        out,
        r#"I0314 {clock}.{micros:06}    1843 kubelet.go:{line}] "SyncLoop (PLEG): event for pod" pod="prod/{pod}" event={{"ID":"{id}","Type":"ContainerStarted"}}"#
    )
}

fn java(event: &Event, random: &mut Random, out: &mut Vec<u8>) -> std::io::Result<()> {
    if random.below(6) == 0 {
        let class = random.pick(CLASSES);
        return write!(
            out,
            "\tat {class}.process({}.java:{})",
            random.pick(&["Main", "Worker"]),
            random.below(900)
        );
    }
    let (clock, class, thread) = (event.clock(), random.pick(CLASSES), random.below(64));
    let level = random.pick(&["INFO ", "WARN ", "DEBUG"]);
    write!(
        out,
        "2026-03-14 {clock},{:03} {level} [pool-3-thread-{thread}] {class} - ",
        event.millis
    )?;
    message(random, out);
    write!(
        out,
        " took {} ms (id={}, tokenCount={})",
        random.below(5000),
        random.below(1 << 30),
        random.below(4096)
    )
}

fn go(event: &Event, random: &mut Random, out: &mut Vec<u8>) -> std::io::Result<()> {
    let clock = event.clock();
    let level = random.pick(&["info", "warn", "debug"]);
    write!(out, "time=2026-03-14T{clock}.{:03}Z level={level} msg=\"", event.millis)?;
    message(random, out);
    let (caller, address) =
        (random.pick(&["store.go", "raft/log.go", "http/server.go"]), address(random));
    write!(
        out,
        "\" caller={caller}:{} peer={address}:2380 took={}ms rev={}",
        random.below(900),
        random.below(900),
        random.word(HEX, 40)
    )
}

fn ci(event: &Event, random: &mut Random, out: &mut Vec<u8>) -> std::io::Result<()> {
    let clock = event.clock();
    write!(out, "2026-03-14T{clock}.{:03}0000Z ", event.millis)?;
    match random.below(5) {
        0 => write!(out, "   Compiling {}", random.pick(CRATES)),
        1 => write!(out, "##[group]Run actions/checkout@v4"),
        2 => write!(out, "test suite::case_{} ... ok", random.below(9000)),
        3 => write!(out, " ---> {}", random.word(HEX, 12)),
        _ => write!(
            out,
            "HEAD is now at {} Merge pull request #{}",
            random.word(HEX, 9),
            random.below(9000)
        ),
    }
}

fn address(random: &mut Random) -> String {
    format!("10.{}.{}.{}", random.below(256), random.below(256), random.below(256))
}

fn uuid(random: &mut Random) -> String {
    let hex = random.word(HEX, 32);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
