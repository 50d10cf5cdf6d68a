//! `bans.json`: whom a hub bans, and complaints.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{file::Vector, tls::Tls};

const SALT: [u8; 32] = [0x5a; 32];

/// The first half of SHA-256(salt ‖ user id), and the byte of the sanction.
fn entry(user: &str, sanction: u8) -> [u8; 17] {
    let digest = Sha256::new().chain_update(SALT).chain_update(user).finalize();
    let mut entry = [sanction; 17];
    entry[..16].copy_from_slice(&digest[..16]);
    entry
}

fn list(entries: &[[u8; 17]]) -> Tls {
    Tls::new().raw(SALT).list(entries)
}

fn report(group: &[u8], reason: u8) -> Tls {
    Tls::new().vector(group).vector("third.example").u8(reason)
}

pub(crate) fn vectors() -> Vec<Vector> {
    let salt = hex::encode(SALT);
    let mut both = [entry("mallory", 2), entry("mallet", 1)];
    both.sort_unstable();
    let users = both.map(|entry| {
        json!({ "tag": hex::encode(&entry[..16]), "sanction": if entry[16] == 2 { "banned" } else { "muted" } })
    });
    let two = json!({ "salt": salt, "users": users });
    let mut vectors = vec![
        Vector::good("Sanction", "muted", [1], json!("muted")),
        Vector::good("Sanction", "banned", [2], json!("banned")),
        Vector::bad("Sanction", "none", [0], "Fault(EnumValue)"),
        Vector::good("BanTag", "mallory", &entry("mallory", 2)[..16], json!(hex::encode(&entry("mallory", 2)[..16]))),
        Vector::good("BanSalt", "salt", SALT, json!(salt)),
        Vector::good(
            "BannedUser",
            "mallory",
            entry("mallory", 2),
            json!({ "tag": hex::encode(&entry("mallory", 2)[..16]), "sanction": "banned" }),
        ),
        Vector::good("BansRequest", "none_known", [0; 32], json!({ "known": "00".repeat(32) })),
        Vector::good(
            "BansRequest",
            "known",
            Sha256::digest(list(&both).bytes()),
            json!({ "known": hex::encode(Sha256::digest(list(&both).bytes())) }),
        ),
        Vector::good("BanList", "two", list(&both), two.clone()),
        Vector::good("BanList", "nobody", list(&[]), json!({ "salt": salt, "users": [] })),
        Vector::bad("BanList", "not_sorted", list(&[both[1], both[0]]), "Fault(Repetition)"),
        Vector::bad("BanList", "somebody_twice", list(&[entry("x", 1), entry("x", 2)]), "Fault(Repetition)"),
        Vector::good("BansResponse", "two", Tls::new().present(list(&both)), json!({ "list": two })),
        Vector::good("BansResponse", "as_it_was", Tls::new().absent(), json!({ "list": null })),
        Vector::bad("BansResponse", "presence_of_two", Tls::new().u8(2), "InvalidPresence"),
        Vector::bad("ReportReason", "zero", [0], "Fault(EnumValue)"),
        Vector::bad("ReportReason", "six", [6], "Fault(EnumValue)"),
        Vector::bad(
            "ReportRequest",
            "about_nobody",
            Tls::new().vector("g").vector("").u8(1),
            "Fault(ServiceProviderId)",
        ),
    ];
    for (value, name) in (1..).zip(["banned_user", "flooding", "policy_violation", "misdelivery", "fork"]) {
        vectors.push(Vector::good("ReportReason", name, [value], json!(name)));
        vectors.push(Vector::good(
            "ReportRequest",
            name,
            report(b"g", value),
            json!({ "group_id": "67", "about": "third.example", "reason": name }),
        ));
    }
    vectors
}
