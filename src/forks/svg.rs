//! A picture as SVG: a line for each node, as in the text, with its way to the one that it hangs on.

use super::{
    dot::label,
    layout::{Placed, above, layout},
    picture::{Node, Picture, Shape},
    wording::title,
};

const COLUMN: usize = 22;
const LINE: usize = 16;
const MARGIN: usize = 14;
/// About the width of a character.
const CHARACTER: usize = 7;

/// The whole picture, as a document that stands alone: it loads nothing and runs nothing.
pub fn draw(picture: &Picture) -> Vec<String> {
    let places = places(picture);
    let height = 2 * MARGIN + LINE + LINE * places.iter().map(|place| place.lines.len()).sum::<usize>() + LINE;
    let longest = places.iter().map(|place| {
        place.placed.column * COLUMN
            + CHARACTER * place.lines.iter().map(|line| line.chars().count()).max().unwrap_or(0)
    });
    let longest = longest.chain([CHARACTER * title(picture).chars().count()]);
    let width = 2 * MARGIN + COLUMN + longest.max().unwrap_or(0);
    let mut lines = vec![
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"monospace\" font-size=\"11\">"
        ),
        format!("<title>{}</title>", escaped(&title(picture))),
        "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>".to_owned(),
        format!("<text x=\"{MARGIN}\" y=\"{MARGIN}\" fill=\"#222\">{}</text>", escaped(&title(picture))),
    ];
    let mut place_of = vec![None; picture.nodes.len()];
    for place in &places {
        place_of[place.placed.node] = Some((place.x, place.y));
    }
    lines.extend(places.iter().filter_map(|place| edge(picture, &place_of, place)));
    for place in &places {
        lines.extend(drawn(place, &picture.nodes[place.placed.node]));
    }
    lines.push("</svg>".to_owned());
    lines
}

/// A node in its place, in pixels.
struct Place {
    placed: Placed,
    x: usize,
    y: usize,
    lines: Vec<String>,
}

fn places(picture: &Picture) -> Vec<Place> {
    // Below the title.
    let mut y = MARGIN + LINE + LINE / 2;
    let mut places = Vec::with_capacity(picture.nodes.len());
    for placed in layout(picture) {
        let lines = label(&picture.nodes[placed.node], picture);
        let x = MARGIN + placed.column * COLUMN;
        let height = lines.len() * LINE;
        places.push(Place { placed, x, y, lines });
        y += height;
    }
    places
}

/// The way from the node that this one hangs on.
fn edge(picture: &Picture, place_of: &[Option<(usize, usize)>], place: &Place) -> Option<String> {
    let (from_x, from_y) = place_of[above(&picture.nodes, place.placed.node)?]?;
    let node = &picture.nodes[place.placed.node];
    let color = if node.terminated.is_some() { "#999" } else { "#333" };
    let width = if node.is_dominant { 3 } else { 1 };
    let dash =
        if matches!(node.shape, Shape::Run { .. } | Shape::Rest { .. }) { " stroke-dasharray=\"2 3\"" } else { "" };
    let (x, y) = (place.x, place.y);
    Some(format!(
        "<path d=\"M {from_x} {from_y} V {y} H {x}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\"{dash}/>"
    ))
}

fn drawn(place: &Place, node: &Node) -> Vec<String> {
    let fill = match node {
        Node { terminated: Some(_), .. } => "#bbb",
        Node { epoch: None, .. } => "#e8c468",
        Node { is_dominant: true, .. } => "#2a7d3f",
        Node { .. } => "#6b8fb5",
    };
    let ring = if node.evidence.is_empty() { "#333" } else { "#c22" };
    let mut lines = vec![format!(
        "<circle cx=\"{}\" cy=\"{}\" r=\"5\" fill=\"{fill}\" stroke=\"{ring}\" stroke-width=\"2\"/>",
        place.x, place.y
    )];
    for (at, line) in place.lines.iter().enumerate() {
        let color = if line.starts_with("! ") { "#c22" } else { "#222" };
        let (x, y) = (place.x + COLUMN / 2, place.y + 4 + at * LINE);
        lines.push(format!("<text x=\"{x}\" y=\"{y}\" fill=\"{color}\">{}</text>", escaped(line)));
    }
    lines
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
