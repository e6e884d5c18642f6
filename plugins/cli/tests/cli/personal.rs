//! `--pii`: personal data, which is looked for only when it is asked for.

use super::support::{DIRTY, Folder};

const LINE: &str =
    "alice@example.com from 192.0.2.7 read /home/alice/x, card 4111 1111 1111 1111\n";

#[test]
fn personal_data_stays_unless_it_is_asked_for() {
    let folder = Folder::new();
    assert_eq!(folder.run(&[], LINE).ok().out, LINE);
    let masked = "[REDACTED:email] from [REDACTED:ip-address] read /home/[REDACTED:user]/x, \
                  card [REDACTED:payment-card]\n";
    assert_eq!(folder.run(&["--pii"], LINE).ok().out, masked);
    // Secrets are still found, and the output is a fixed point.
    assert!(folder.run(&["--pii"], DIRTY).ok().out.contains("[REDACTED:url-credential]"));
    assert_eq!(folder.run(&["--pii"], masked).ok().out, masked);
}

#[test]
fn groups_of_personal_data_can_be_chosen() {
    let folder = Folder::new();
    let masked = LINE.replace("/alice/", "/[REDACTED:user]/");
    assert_eq!(folder.run(&["--only", "secrets,paths"], LINE).ok().out, masked);
    assert_eq!(folder.run(&["--pii", "--except", "pii"], LINE).ok().out, masked);
    // `--only` says what else is looked for.
    let done = folder.run(&["--pii", "--only", "jwt"], DIRTY).ok();
    assert_eq!(done.out, DIRTY);
    assert_eq!(folder.run(&["--pii", "--only", "jwt", "--except", "pii"], LINE).ok().out, masked);
    folder.write("redact.toml", "pii = true\nexcept = ['pii']\n");
    assert_eq!(folder.run(&[], LINE).ok().out, masked);
    assert_eq!(folder.run(&["--no-pii"], LINE).ok().out, LINE);
}
