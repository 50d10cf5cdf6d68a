//! `banned.json`: the GroupContext extension 0xF0D5.

use serde_json::json;

use super::{file::Vector, tls::Tls};

pub(crate) fn vectors() -> Vec<Vector> {
    let user = "mimi://b.example/u/mallory";
    vec![
        Vector::good("Identity", "user", Tls::new().vector(user), json!(hex::encode(user))),
        Vector::good("Identity", "empty", Tls::new().vector(""), json!("")),
        Vector::bad("Identity", "length_in_two_bytes", Tls::new().raw([0x40, 1, b'm']), "NonMinimalLength"),
        Vector::good(
            "Banned",
            "two",
            Tls::new().names([user, "x"]),
            json!({ "banned": [hex::encode(user), hex::encode("x")] }),
        ),
        Vector::good("Banned", "nobody", Tls::new().vector(""), json!({ "banned": [] })),
        Vector::bad("Banned", "identity_beyond_the_list", Tls::new().vector([5, b'm']).raw([0; 4]), "Truncated"),
    ]
}
