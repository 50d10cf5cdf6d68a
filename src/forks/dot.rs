//! A picture in the language of Graphviz.

use super::{
    layout::above,
    picture::{Node, Picture, Shape},
    wording::{date, epochs, remarks, sign, title, users},
};

/// The whole picture: `dot -Tpng` draws it.
pub fn draw(picture: &Picture) -> Vec<String> {
    let mut lines = vec![
        "digraph group {".to_owned(),
        format!("  label={};", quoted(&[title(picture)])),
        "  node [shape=box, fontname=\"monospace\", fontsize=10];".to_owned(),
    ];
    for (at, node) in picture.nodes.iter().enumerate() {
        lines.push(format!("  n{at} [label={}{}];", quoted(&label(node, picture)), style(node)));
    }
    for (at, node) in picture.nodes.iter().enumerate() {
        if let Some(above) = above(&picture.nodes, at) {
            let weight = if node.is_dominant { " [weight=10, penwidth=2]" } else { "" };
            lines.push(format!("  n{above} -> n{at}{weight};"));
        }
    }
    lines.push("}".to_owned());
    lines
}

/// What stands in a node, line by line.
pub(super) fn label(node: &Node, picture: &Picture) -> Vec<String> {
    let mut lines = vec![format!("{}  {}", node.key, epochs(node))];
    lines.extend(remarks(node));
    if !matches!(node.shape, Shape::Unused { .. }) {
        lines.push(users(&node.users, picture.at_ms));
    }
    if let Some(ended) = &node.terminated {
        lines.push(format!("terminated {}", date(ended.at_ms)));
    }
    lines.extend(node.evidence.iter().map(|shown| format!("! {}", sign(shown))));
    lines
}

fn style(node: &Node) -> &'static str {
    match node {
        Node { terminated: Some(_), .. } => ", style=\"dashed\", color=gray50, fontcolor=gray50",
        Node { evidence, is_dominant, .. } if !evidence.is_empty() => {
            if *is_dominant {
                ", color=red3, penwidth=2, style=bold"
            } else {
                ", color=red3"
            }
        }
        Node { is_dominant: true, .. } => ", penwidth=2, style=bold",
        Node { epoch: None, .. } => ", style=dotted",
        Node { .. } => "",
    }
}

/// A string of the language, each line to the left.
fn quoted(lines: &[String]) -> String {
    let escaped = lines.iter().map(|line| line.replace('\\', "\\\\").replace('"', "\\\"") + "\\l");
    format!("\"{}\"", escaped.collect::<String>())
}
