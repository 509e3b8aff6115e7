//! Collapsed stacks: one line a path of names, with the nanoseconds in which its last call had no other one open.

use crate::profiler::Profile;

use super::tree::CallTree;

/// The stacks, the widest first.
pub(super) fn write(profile: &Profile) -> String {
    let tree = CallTree::of(profile);
    let mut text = String::new();
    let mut path = String::new();
    // Depth first, without recursion: a node and the length of the path above it.
    let mut waiting: Vec<(u32, usize)> = tree.roots.iter().rev().map(|root| (*root, 0)).collect();
    while let Some((place, length)) = waiting.pop() {
        let node = &tree.nodes[place as usize];
        path.truncate(length);
        if length > 0 {
            path.push(';');
        }
        push_escaped(&mut path, node.name);
        if node.own > 0 {
            text.push_str(&path);
            text.push(' ');
            text.push_str(&node.own.to_string());
            text.push('\n');
        }
        waiting.extend(node.children.iter().rev().map(|child| (*child, path.len())));
    }
    text
}

/// Percent-encodes what has a meaning in the format: semicolons part the names, a line feed the lines, and of blanks
/// readers take now the first, now the last one for the border of the number.
fn push_escaped(path: &mut String, name: &str) {
    if name.is_empty() {
        path.push_str("%00");
    }
    for character in name.chars() {
        if character == ';' || character == '%' || character.is_whitespace() || character.is_control() {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                path.push_str(&format!("%{byte:02X}"));
            }
        } else {
            path.push(character);
        }
    }
}
