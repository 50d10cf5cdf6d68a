//! Tests of the walk over RFC 9420's structures: annotated bytes, and the same messages read by mls-rs.

mod annotated;
pub(crate) mod clients;
mod differential;
mod outsiders;
pub(crate) mod random;
mod welcomes;

use std::fs;

use self::clients::Structure;

/// The published messages (`specs/vectors/`) that are well-formed, real ones and small ones.
fn fixtures() -> Vec<(Structure, Vec<u8>)> {
    let mut fixtures = Vec::new();
    for file in ["messages.json", "heads.json"] {
        let path = format!("{}/specs/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
        let file: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        for vector in file["vectors"].as_array().unwrap().iter().filter(|vector| vector.get("fields").is_some()) {
            let structure = match vector["structure"].as_str().unwrap() {
                "GroupMessage" => Structure::Message,
                "Welcome" => Structure::Welcome,
                "GroupInfo" => Structure::GroupInfo,
                "KeyPackage" => Structure::KeyPackage,
                "RatchetTree" => Structure::RatchetTree,
                other => panic!("structure {other}"),
            };
            fixtures.push((structure, hex::decode(vector["hex"].as_str().unwrap()).unwrap()));
        }
    }
    fixtures
}
