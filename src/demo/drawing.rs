//! Whether a drawing is one: enough of SVG and of Graphviz's language to tell.

/// How many nodes a document of one `svg` element shows, if its tags are closed in the order in which they were opened,
/// its attributes quoted, and nothing stands outside.
pub(super) fn svg_nodes(document: &str) -> Option<usize> {
    let (mut open, mut roots, mut nodes, mut rest) = (Vec::new(), 0, 0, document.trim());
    while let Some((text, tail)) = rest.split_once('<') {
        let (tag, after) = tail.split_once('>')?;
        let is_escaped = !text.contains('>') && text.split('&').skip(1).all(is_entity);
        if !is_escaped || (open.is_empty() && !text.is_empty()) || tag.matches('"').count() % 2 == 1 {
            return None;
        }
        roots += usize::from(open.is_empty());
        if let Some(name) = tag.strip_prefix('/') {
            (open.pop()? == name).then_some(())?;
        } else {
            let name = tag.split([' ', '/']).next()?;
            nodes += usize::from(name == "circle");
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
        rest = after;
    }
    (open.is_empty() && rest.is_empty() && roots == 1 && document.starts_with("<svg ")).then_some(nodes)
}

/// How many nodes a directed graph has, if it is one: each statement ends, and each edge joins two of the nodes.
pub(super) fn dot_nodes(graph: &str) -> Option<usize> {
    let statements = graph.trim().strip_prefix("digraph group {\n")?.strip_suffix("\n}")?;
    let (mut nodes, mut ends) = (Vec::new(), Vec::new());
    for line in statements.lines() {
        let statement = line.trim().strip_suffix(';')?;
        if statement.replace("\\\"", "").matches('"').count() % 2 == 1 {
            return None;
        }
        let subject = statement.split(" [").next()?;
        match subject.split_once(" -> ") {
            Some(edge) => ends.extend([edge.0, edge.1]),
            None if statement.starts_with('n') && statement.contains(" [label=") => nodes.push(subject),
            None => {}
        }
    }
    ends.iter().all(|end| nodes.contains(end)).then_some(nodes.len())
}

fn is_entity(text: &str) -> bool {
    ["lt;", "gt;", "amp;", "quot;"].iter().any(|entity| text.starts_with(entity))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_has_its_nodes() {
        let svg = "<svg a=\"b\">\n<g><circle r=\"5\"/>&lt;x&gt;</g><circle r=\"5\"/></svg>\n";
        assert_eq!(svg_nodes(svg), Some(2));
        let dot =
            "digraph group {\n  label=\"a \\\"b\\\"\";\n  n0 [label=\"x\"];\n  n1 [label=\"y\"];\n  n0 -> n1;\n}\n";
        assert_eq!(dot_nodes(dot), Some(2));
    }

    #[test]
    fn what_is_not_well_formed_is_none() {
        for svg in [
            "",
            "<svg a=\"b\">",
            "<svg a=\"b\"><g></svg></g>",
            "<svg a=\"b></svg>",
            "<svg a=\"b\">a & b</svg>",
            "<svg a=\"b\">a > b</svg>",
            "<svg a=\"b\"></svg>more",
            "<svg a=\"b\"></svg><svg></svg>",
            "<g></g>",
        ] {
            assert_eq!(svg_nodes(svg), None, "{svg}");
        }
        for dot in [
            "",
            "digraph group {\n  n0 [label=\"x\"];\n",
            "digraph group {\n  n0 [label=\"x\"]\n}",
            "digraph group {\n  n0 [label=\"x];\n}",
            "digraph group {\n  n0 [label=\"x\"];\n  n0 -> n1;\n}",
        ] {
            assert_eq!(dot_nodes(dot), None, "{dot}");
        }
    }
}
