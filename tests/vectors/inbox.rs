//! `inbox.json`: fetching and acknowledging Welcomes, on the local listener.

use serde_json::{Value, json};

use super::{corpus::Corpus, file::Vector, tls::Tls};

const CLIENT: [u8; 16] = [0xc1; 16];
const NUMBER: u64 = 1_700_000_000_550;

/// An entry with that Welcome, and a tree or none.
fn entry(corpus: &Corpus, hub: &str, welcome: &str, tree: Option<&str>) -> (Tls, Value) {
    let bytes = Tls::new().u64(NUMBER).vector(hub).u64(1_700_000_000_400).raw(corpus.bytes(welcome));
    let bytes = match tree {
        Some(tree) => bytes.present(corpus.bytes(tree)),
        None => bytes.absent(),
    };
    let fields = json!({
        "number": NUMBER, "hub": hub, "arrived_ms": 1_700_000_000_400_u64, "welcome": welcome, "ratchet_tree": tree,
    });
    (bytes, fields)
}

fn acknowledge(outcome: u8) -> Tls {
    Tls::new().raw(CLIENT).u64(NUMBER).u8(outcome)
}

pub(crate) fn vectors(corpus: &Corpus) -> Vec<Vector> {
    let client = hex::encode(CLIENT);
    let tree = Some("heads.json#ratchet_tree_blank");
    let (small, small_fields) = entry(corpus, "hub.example", "heads.json#welcome_one", tree);
    let (real, real_fields) = entry(corpus, "third.example", "messages.json#public/welcome_two", None);
    let request = |after: u64| Tls::new().raw(CLIENT).u64(after);
    let group_info_instead =
        Tls::new().u64(NUMBER).vector("hub.example").u64(0).u16(1).u16(4).raw(corpus.bytes("heads.json#key_package"));
    vec![
        Vector::good("InboxRequest", "from_the_beginning", request(0), json!({ "client_id": client, "after": 0 })),
        Vector::good("InboxRequest", "behind_one", request(NUMBER), json!({ "client_id": client, "after": NUMBER })),
        Vector::good(
            "InboxRequest",
            "behind_all",
            request(u64::MAX),
            json!({ "client_id": client, "after": u64::MAX }),
        ),
        Vector::good("InboxEntry", "with_tree", &small, small_fields.clone()),
        Vector::good("InboxEntry", "real_without_tree", &real, real_fields.clone()),
        Vector::bad(
            "InboxEntry",
            "hub_in_capitals",
            entry(corpus, "Hub.example", "heads.json#welcome_one", None).0,
            "Fault(ServiceProviderId)",
        ),
        Vector::bad("InboxEntry", "group_info_instead", group_info_instead, "Fault(WireFormat)"),
        Vector::good(
            "InboxResponse",
            "two_and_more",
            Tls::new().list([&small, &real]).u8(1),
            json!({ "entries": [small_fields, real_fields], "more": true }),
        ),
        Vector::good("InboxResponse", "none", Tls::new().vector([]).u8(0), json!({ "entries": [], "more": false })),
        Vector::bad("InboxResponse", "flag_two", Tls::new().vector([]).u8(2), "Fault(EnumValue)"),
        Vector::bad(
            "InboxResponse",
            "entry_is_cut",
            Tls::new().vector(Tls::without_last(small.as_ref())).u8(0),
            "Truncated",
        ),
        Vector::good("InboxOutcome", "joined", [1], json!("joined")),
        Vector::good("InboxOutcome", "dropped", [2], json!("dropped")),
        Vector::bad("InboxOutcome", "zero", [0], "Fault(EnumValue)"),
        Vector::bad("InboxOutcome", "three", [3], "Fault(EnumValue)"),
        Vector::good(
            "InboxAckRequest",
            "joined",
            acknowledge(1),
            json!({ "client_id": client, "number": NUMBER, "outcome": "joined" }),
        ),
        Vector::good(
            "InboxAckRequest",
            "dropped",
            acknowledge(2),
            json!({ "client_id": client, "number": NUMBER, "outcome": "dropped" }),
        ),
        Vector::bad("InboxAckRequest", "outcome_zero", acknowledge(0), "Fault(EnumValue)"),
    ]
}
