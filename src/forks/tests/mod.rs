//! Drawings of groups: that they can be read, however long or wide a group is, and say what is so.

mod grove;

use self::grove::{Grove, HOUR, MINUTE, START, forked, key};
use super::{layout::layout, *};
use crate::{
    sequencer::{BranchOutcome, Forgotten, GroupKey, Policy, Sign, UnixMillis},
    wire::MaskedPartitionKey,
};

const NOW: UnixMillis = START + 6 * HOUR;

fn picture(grove: &Grove) -> Picture {
    survey(&grove.0, NOW)
}

#[test]
fn a_forked_group_is_understood_at_a_glance() {
    let drawn = text::draw(&picture(&forked())).join("\n");
    let expected = include_str!("../testdata/forked.txt");
    if std::env::var_os("RESTANTE_WRITE_SNAPSHOTS").is_some() {
        let path = format!("{}/src/forks/testdata/forked.txt", env!("CARGO_MANIFEST_DIR"));
        std::fs::write(path, drawn + "\n").unwrap();
        return;
    }
    assert_eq!(drawn, expected.trim_end(), "\n{drawn}\n");
}

#[test]
fn a_long_chain_is_a_few_lines() {
    let mut grove = Grove::new();
    grove.chain(0, 1, 20_000, "north");
    let drawn = picture(&grove);
    assert_eq!(drawn.partitions, 20_001);
    assert_eq!(drawn.nodes.len(), 3, "the root, what lies between, and the head");
    let Shape::Run { partitions, last_epoch, .. } = drawn.nodes[1].shape else { panic!("no run") };
    assert_eq!((partitions, drawn.nodes[1].epoch, last_epoch), (19_999, Some(1), Some(19_999)));
    assert!(drawn.nodes.iter().all(|node| node.is_dominant));
    assert!(text::draw(&drawn).len() < 12);
}

#[test]
fn a_wide_fork_is_a_few_lines_as_long_as_nobody_follows() {
    let mut grove = Grove::new();
    for number in 1..=500 {
        grove.announce(0, number, "east", START + u64::from(number));
    }
    let drawn = picture(&grove);
    assert_eq!(drawn.nodes.len(), 3, "the root, the first, and all others");
    let Shape::Unused { partitions, committers } = &drawn.nodes[1].shape else { panic!("{:?}", drawn.nodes[1]) };
    assert_eq!((*partitions, committers.as_slice()), (499, &["east.example".to_owned()][..]));
    // Whoever uses one makes it worth a line.
    grove.use_by(77, "north", START + HOUR);
    let drawn = picture(&grove);
    assert!(drawn.nodes.iter().any(|node| node.shape == Shape::Partition && node.key == partition_name(&key(77))));
}

/// Forks that leave forks: the heaviest way stays in its column, so that there are few.
#[test]
fn branches_of_branches_need_few_columns() {
    let mut grove = Grove::new();
    let mut next = 1;
    let mut above = 0;
    for _level in 0..200 {
        let (side, deeper) = (next, next + 1);
        next += 2;
        for child in [side, deeper] {
            grove.announce(above, child, "east", START + u64::from(child));
            grove.say(child, "east", START + u64::from(child));
        }
        above = deeper;
    }
    let drawn = picture(&grove);
    let columns = layout(&drawn).iter().map(|placed| placed.column).max().unwrap();
    assert!(columns <= 2, "{columns} columns for 401 partitions");
    assert_eq!(layout(&drawn).len(), drawn.nodes.len(), "each is drawn once");
}

/// Retention has been there: what is counted can still be read.
#[test]
fn messages_that_are_gone_are_not_counted() {
    let mut grove = Grove::new();
    grove.announce(0, 1, "east", START);
    for number in [0, 1] {
        for _message in 0..5 {
            grove.say(number, "east", START);
        }
        grove.change(number, |partition| partition.first_index = 4);
    }
    let drawn = picture(&grove);
    assert_eq!(drawn.nodes.iter().map(|node| node.messages).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(drawn.branches[0].messages, 3);
    assert_eq!(notice(&grove.0, &key(1), &Policy::default(), NOW).unwrap().messages, 1);
    // Nor are the indexes that restores have passed over.
    grove.0.forgotten = Forgotten { until_ms: NOW, indexes: 2 * Forgotten::GAP };
    for number in [0, 1] {
        grove.change(number, |partition| partition.next_index += 2 * Forgotten::GAP);
    }
    assert_eq!(picture(&grove).branches[0].messages, 3);
    assert_eq!(notice(&grove.0, &key(1), &Policy::default(), NOW).unwrap().messages, 1);
}

/// Whoever makes branches might make thousands: the group is still to be seen, and nothing is left uncounted.
#[test]
fn a_bush_hides_nothing() {
    let mut grove = Grove::new();
    grove.announce(0, 1, "east", START);
    grove.use_by(1, "east", START);
    for number in 2..2_048 {
        grove.announce(number / 2, number, "east", START + u64::from(number));
        grove.use_by(number, "east", START + u64::from(number));
    }
    for name in ["hub", "north"] {
        grove.use_by(0, name, START - 1);
    }
    grove.announce(0, 5_000, "north", START + HOUR);
    for name in ["hub", "north"] {
        grove.use_by(5_000, name, START + HOUR);
    }
    let drawn = picture(&grove);
    assert!(drawn.nodes.len() < 450, "{} places", drawn.nodes.len());
    assert!(drawn.nodes.iter().any(|node| node.is_dominant && node.is_head && node.key == partition_name(&key(5_000))));
    let counted = |node: &Node| match &node.shape {
        Shape::Partition => 1,
        Shape::Run { partitions, .. } | Shape::Rest { partitions } | Shape::Unused { partitions, .. } => *partitions,
    };
    assert_eq!(drawn.nodes.iter().map(counted).sum::<u64>(), drawn.partitions);
    assert!(text::draw(&drawn).iter().any(|line| line.contains("not drawn one by one")));
    assert_eq!(svg::draw(&drawn).join("").matches("<circle ").count(), drawn.nodes.len());
}

/// Keys are chosen by members, and eight bytes of a hash collide by some work.
#[test]
fn what_begins_alike_is_named_with_more_digits() {
    let mut grove = Grove::new();
    grove.announce(0, 1, "east", START);
    let mut twin = *key(1).as_bytes();
    twin[9] = 0xff;
    let record = grove.0.partitions[&key(1)].clone();
    grove.0.partitions.insert(MaskedPartitionKey::new(twin), record);
    let names = [key(0), key(1), MaskedPartitionKey::new(twin)].map(|key| grove.0.name(&key));
    assert_eq!(names, ["00000000feedbeef", "00000001feedbeef0000", "00000001feedbeef00ff"]);
    assert!(names.iter().all(|name| parse_name(name).is_some()));
}

#[test]
fn every_drawing_is_well_formed() {
    let mut picture = picture(&forked());
    // Ids of providers have no such letters, and a damaged server's answer may.
    picture.nodes[0].users[0].provider = "<&\"\\".to_owned();
    let svg = svg::draw(&picture).join("\n");
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
    assert!(svg.contains("&lt;&amp;&quot;\\") && !svg.contains("<&"));
    for tag in ["text", "title"] {
        assert_eq!(svg.matches(&format!("<{tag}")).count(), svg.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    assert_eq!(svg.matches("<circle ").count(), picture.nodes.len());
    let edges = picture.nodes.iter().filter(|node| node.above.is_some()).count();
    assert_eq!(svg.matches("<path ").count(), edges);
    let dot = dot::draw(&picture);
    assert_eq!(dot.iter().filter(|line| line.contains(" -> ")).count(), edges);
    for line in &dot {
        let bare = line.replace("\\\\", "").replace("\\\"", "");
        assert!(bare.matches('"').count() % 2 == 0, "{line}");
    }
}

#[test]
fn a_picture_travels_as_json() {
    let picture = picture(&forked());
    let answer = Answer::Picture(Box::new(picture));
    let text = serde_json::to_string(&answer).unwrap();
    assert!(text.contains("\"rival-children\"") && text.contains("\"run\""));
    assert_eq!(serde_json::from_str::<Answer>(&text).unwrap(), answer);
    assert!(serde_json::from_str::<Answer>(&text.replace("rival-children", "something-else")).is_err());
}

#[test]
fn it_is_said_what_it_would_mean_to_end_a_branch() {
    let mut grove = forked();
    let policy = Policy::default();
    let beside = notice(&grove.0, &key(201), &policy, NOW).unwrap();
    assert_eq!((beside.epoch, beside.partitions, beside.heads, beside.is_dominant), (Some(101), 6, 1, false));
    assert_eq!(beside.newest, Some(partition_name(&key(109))), "nothing changes for those on the dominant branch");
    assert_eq!(beside.until_ms, NOW + policy.restore_ms);
    // East has used other partitions since. Had it not, it would have nothing else; that it reads again what is above the
    // branch, as whoever follows a commit does, changes nothing.
    assert_eq!(beside.stranded, Vec::<String>::new());
    for number in [105, 108, 400] {
        grove.change(number, |partition| partition.uses.retain(|a_use| a_use.provider.as_str() != "east.example"));
    }
    grove.use_by(100, "east", NOW);
    let beside = notice(&grove.0, &key(201), &policy, NOW).unwrap();
    assert_eq!(beside.stranded, ["east.example"]);
    let sentences = text::notice(&beside).join("\n");
    assert!(sentences.contains("only this branch and what leads to it: east.example"), "{sentences}");

    let dominant = notice(&grove.0, &key(101), &policy, NOW).unwrap();
    assert!(dominant.is_dominant);
    assert_eq!(dominant.newest, Some(partition_name(&key(206))), "the other branch would be the dominant one");
    assert!(text::notice(&dominant).join("\n").contains("THIS IS THE DOMINANT BRANCH"));

    assert!(text::notice(&dominant).join("\n").starts_with("Terminating the branch that begins with"));

    let unused = text::notice(&notice(&grove.0, &key(310), &policy, NOW).unwrap()).join("\n");
    assert!(unused.contains("Nobody has used it."), "{unused}");

    let refused = |number| notice(&grove.0, &key(number), &policy, NOW).unwrap_err();
    assert_eq!(refused(0), BranchOutcome::NotABranch);
    assert_eq!(refused(500), BranchOutcome::NotABranch);
    assert_eq!(refused(400), BranchOutcome::AlreadyTerminated { top: key(400) });
    assert_eq!(refused(9_999), BranchOutcome::NotThere);
}

/// A terminal of 80 columns breaks no line of the list, whatever a group has shown; and a sign stands below its group.
#[test]
fn the_list_fits_a_terminal() {
    let signs = [
        Sign::OtherEpoch,
        Sign::NoEdge,
        Sign::LateHandshake,
        Sign::RivalChildren,
        Sign::SharedOrphan,
        Sign::RivalHeads,
    ];
    let evidence = signs.map(|sign| Shown { sign, since_ms: UnixMillis::MAX }).to_vec();
    let group = group_name(&GroupKey::new([0xfe; 32]));
    let widest = Listed { group, evidence, evident_ms: Some(UnixMillis::MAX), terminated: u32::MAX };
    let quiet = Listed { group: "0123456789abcdef".to_owned(), evidence: Vec::new(), evident_ms: None, terminated: 1 };
    let lines = text::list(&[widest, quiet]);
    assert!(lines.iter().all(|line| line.len() <= 80), "{lines:#?}");
    assert_eq!(lines.len(), 1 + 1 + signs.len() + 1);
    let end = "Fri, 31 Dec 9999 23:59:59 GMT";
    assert_eq!(lines[1], format!("fefefefefefefefe  {end}  4294967295"));
    assert_eq!(lines[4], format!("  ! late handshake since {end}"));
    assert_eq!(lines[8], format!("0123456789abcdef  {:<29}  {:>10}", "-", 1));
}

#[test]
fn a_group_that_was_deleted_says_so_first() {
    let mut grove = Grove::new();
    assert!(!text::draw(&picture(&grove))[0].contains("DELETED"));
    grove.0.group.deleted_ms = Some(NOW);
    let drawn = picture(&grove);
    assert_eq!(drawn.deleted_ms, Some(NOW));
    let first = text::draw(&drawn).remove(0);
    assert!(first.starts_with(&format!("group {}: DELETED ", drawn.group)), "{first}");
    assert!(first.contains("takes nothing any more"), "{first}");
    let dot = dot::draw(&drawn);
    assert!(dot.iter().any(|line| line.contains("label=\"group ") && line.contains("DELETED ")), "{dot:?}");
    let svg = svg::draw(&drawn);
    assert!(svg.iter().any(|line| line.starts_with("<text ") && line.contains("DELETED ")), "{svg:?}");
}

/// What comes from a disk or a server may be wrong: drawing ends, and nothing is drawn twice.
#[test]
fn circles_and_gaps_do_not_confuse_the_drawing() {
    let mut grove = Grove::new();
    grove.chain(0, 1, 5, "north");
    let first = grove.0.partitions[&key(0)].children[0];
    grove.change(5, |partition| partition.children.push(first));
    grove.0.partitions.remove(&key(3));
    let picture = picture(&grove);
    assert!(picture.nodes.len() <= 5);
    let mut wrong = picture.clone();
    for node in &mut wrong.nodes {
        node.above = Some(7_777);
    }
    assert_eq!(layout(&wrong).len(), wrong.nodes.len());
    assert!(!text::draw(&wrong).is_empty() && !svg::draw(&wrong).is_empty() && !dot::draw(&wrong).is_empty());
}

#[test]
fn names_are_the_beginnings_of_hashes() {
    let name = partition_name(&key(0xa1b2_c3d4));
    assert_eq!(name, "a1b2c3d4feedbeef");
    assert_eq!(parse_name(&name), Some(vec![0xa1, 0xb2, 0xc3, 0xd4, 0xfe, 0xed, 0xbe, 0xef]));
    for wrong in ["", "a1b2c3d4feedbee", "a1b2c3d4feedbeefa", "a1b2c3d4feedbeeg", &"ab".repeat(33)] {
        assert_eq!(parse_name(wrong), None, "{wrong}");
    }
    assert!(picture(&forked()).nodes.iter().all(|node| node.key.len() == NAME_DIGITS));
    assert_eq!(MINUTE, 60_000);
}

/// Retention takes what is old, the root at last.
#[test]
fn a_group_whose_beginning_is_gone_is_drawn_from_what_is_left() {
    let mut grove = forked();
    for gone in 0..50 {
        grove.0.partitions.remove(&key(gone));
    }
    let drawn = picture(&grove);
    assert!(drawn.nodes[0].is_dominant && drawn.nodes[0].key == partition_name(&key(50)));
    let dominant = &drawn.branches[0];
    assert!(dominant.is_dominant && dominant.top == partition_name(&key(50)));
    assert_eq!(dominant.newest, partition_name(&key(109)));
}
