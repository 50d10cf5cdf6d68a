//! Histories of the groups whose messages are published, and their states as they stand on disk.

use restante::{
    mls::{ContentType, PublicState, WireFormat, WireGroupInfo, WireMessage, WireRatchetTree},
    wire,
};

use super::{
    corpus::Corpus,
    parts,
    vectors::{Vector, published},
};

/// More than any commit of theirs refers to.
const REFERENCES: usize = 100;

pub(crate) fn add(corpus: &mut Corpus) {
    let vectors = published();
    let of = |structure: &'static str| vectors.iter().filter(move |vector| vector.structure == structure);
    let tree = of("RatchetTree").find(|vector| vector.name == "public/ratchet_tree_1").unwrap();
    let messages: Vec<(&Vector, WireMessage)> =
        of("GroupMessage").map(|vector| (vector, wire::decode(&vector.bytes).unwrap())).collect();
    let (mut states, mut histories) = (0, 0);
    for info in of("GroupInfo") {
        let group_info = wire::decode::<WireGroupInfo>(&info.bytes).unwrap();
        let beside = (!group_info.has_ratchet_tree()).then(|| wire::decode::<WireRatchetTree>(&tree.bytes).unwrap());
        let Ok(state) = PublicState::observe(&group_info, beside.as_ref()) else { continue };
        let start = [info.bytes.clone(), beside.map(|tree| tree.bytes().to_vec()).unwrap_or_default()];
        corpus.add("checkpoint", &info.name, state.save());
        states += 1;
        let here = |message: &WireMessage| message.group_id() == state.group_id() && message.epoch() == state.epoch();
        let public =
            messages.iter().filter(|(_, message)| here(message) && message.wire_format() == WireFormat::PublicMessage);
        let (commits, proposals): (Vec<_>, Vec<_>) =
            public.partition(|(_, message)| message.content_type() == ContentType::Commit);
        let proposals: Vec<WireMessage> = proposals.into_iter().map(|(_, message)| message.clone()).collect();
        for (vector, commit) in commits {
            let Ok(step) = state.follow(&proposals, commit) else { continue };
            let refers = commit.proposal_refs(REFERENCES).is_some_and(|references| !references.is_empty());
            let mut history = start.to_vec();
            if refers {
                history.extend(proposals.iter().map(|proposal| proposal.bytes().to_vec()));
            }
            history.push(vector.bytes.clone());
            corpus.add("public_state", &format!("{}-{}", info.name, vector.name), parts::join(&history));
            corpus.add("checkpoint", &format!("{}-{}", info.name, vector.name), step.next.save());
            histories += 1;
        }
    }
    assert!(states >= 3 && histories >= 10, "{states} states, {histories} histories");
}
