//! `welcome.json` (draft §4.3): Welcomes between providers.

use serde_json::json;

use super::{corpus::Corpus, file::Vector, tls::Tls};

const TICKET: [u8; 16] = *b"a welcome ticket";

pub(crate) fn vectors(corpus: &Corpus) -> Vec<Vector> {
    let reference = [0x4b; 32];
    let push = |ticket: &[u8], welcome: &str| Tls::new().vector(ticket).raw(corpus.bytes(welcome));
    let decisions = |decisions: &[u8]| Tls::new().vector(TICKET).vector(decisions);
    let ticket = hex::encode(TICKET);
    let mut vectors = vec![
        Vector::good("KeyPackageRef", "sha256", Tls::new().vector(reference), json!(hex::encode(reference))),
        Vector::good("KeyPackageRef", "sha512", Tls::new().vector([0x4c; 64]), json!(hex::encode([0x4c; 64]))),
        Vector::bad("KeyPackageRef", "length_reserved", Tls::new().raw([0xff]).raw(reference), "InvalidLength"),
        Vector::good(
            "WelcomeInitRequest",
            "two",
            Tls::new().names([&reference[..], &[0x4c; 48]]),
            json!({ "key_package_refs": [hex::encode(reference), hex::encode([0x4c; 48])] }),
        ),
        Vector::good("WelcomeInitRequest", "none", Tls::new().names([""; 0]), json!({ "key_package_refs": [] })),
        Vector::bad(
            "WelcomeInitRequest",
            "ref_beyond_the_list",
            Tls::new().vector(Tls::new().raw([33]).raw(reference)).u8(0),
            "Truncated",
        ),
    ];
    for (value, name) in [(1, "accepted"), (2, "unknown"), (3, "expired"), (4, "already_used"), (5, "refused")] {
        vectors.push(Vector::good("WelcomeDecision", name, [value], json!(name)));
    }
    vectors.extend([
        Vector::bad("WelcomeDecision", "zero", [0], "Fault(EnumValue)"),
        Vector::bad("WelcomeDecision", "six", [6], "Fault(EnumValue)"),
        Vector::bad("WelcomeDecision", "maximum", [255], "Fault(EnumValue)"),
        Vector::good(
            "WelcomeInitResponse",
            "every_decision",
            decisions(&[1, 2, 3, 4, 5]),
            json!({
                "welcome_ticket": ticket,
                "decisions": ["accepted", "unknown", "expired", "already_used", "refused"],
            }),
        ),
        Vector::good(
            "WelcomeInitResponse",
            "of_no_refs",
            decisions(&[]),
            json!({ "welcome_ticket": ticket, "decisions": [] }),
        ),
        Vector::bad("WelcomeInitResponse", "decision_zero", decisions(&[1, 0]), "Fault(EnumValue)"),
        Vector::bad("WelcomeInitResponse", "no_ticket", Tls::new().vector([]).vector([1]), "Fault(TokenLength)"),
        Vector::bad(
            "WelcomeInitResponse",
            "ticket_of_15",
            Tls::new().vector([0; 15]).vector([1]),
            "Fault(TokenLength)",
        ),
        Vector::bad(
            "WelcomeInitResponse",
            "ticket_of_17",
            Tls::new().vector([0; 17]).vector([1]),
            "Fault(TokenLength)",
        ),
        Vector::good(
            "WelcomePush",
            "with_tree",
            push(&TICKET, "heads.json#welcome_one").present(corpus.bytes("heads.json#ratchet_tree_blank")),
            json!({
                "welcome_ticket": ticket,
                "welcome": "heads.json#welcome_one",
                "ratchet_tree": "heads.json#ratchet_tree_blank",
            }),
        ),
        Vector::good(
            "WelcomePush",
            "real_with_tree",
            push(&TICKET, "messages.json#public/welcome_two")
                .present(corpus.bytes("messages.json#public/ratchet_tree_1")),
            json!({
                "welcome_ticket": ticket,
                "welcome": "messages.json#public/welcome_two",
                "ratchet_tree": "messages.json#public/ratchet_tree_1",
            }),
        ),
        Vector::good(
            "WelcomePush",
            "without_tree",
            push(&TICKET, "heads.json#welcome_three").absent(),
            json!({ "welcome_ticket": ticket, "welcome": "heads.json#welcome_three", "ratchet_tree": null }),
        ),
        Vector::bad(
            "WelcomePush",
            "long_ticket",
            push(&[0; 20], "heads.json#welcome_one").absent(),
            "Fault(TokenLength)",
        ),
        Vector::bad("WelcomePush", "presence_two", push(&TICKET, "heads.json#welcome_one").u8(2), "InvalidPresence"),
        Vector::bad(
            "WelcomePush",
            "key_package_instead",
            Tls::new().vector(TICKET).u16(1).u16(5).raw(corpus.bytes("heads.json#key_package")).absent(),
            "Fault(WireFormat)",
        ),
    ]);
    vectors
}
