//! Loops: agents that wake each other.
//!
//! Only mail makes them run, and the mail of each comes back to it. Nothing ends such a conversation but an agent that
//! falls silent, `limits.max_hops`, or their credits.

use super::Graph;
use crate::domain::name::AgentName;

/// A node on the way of the search.
#[derive(Debug, Clone, Copy)]
struct Frame {
    node: usize,
    /// Which of its ways comes next.
    way: usize,
}

impl Graph {
    /// The sets of agents that wake each other, each by name: any two of a set can, by mail that is passed on within it.
    #[must_use]
    pub fn loops(&self) -> Vec<Vec<&AgentName>> {
        let wakes = |node: usize| self.members.get(node).is_none_or(|member| member.enabled && member.woken_by_mail);
        let mut found: Vec<Vec<&AgentName>> = Vec::new();
        for set in self.components(wakes) {
            let mut names: Vec<&AgentName> =
                set.into_iter().filter_map(|node| self.members.get(node)).map(|member| &member.name).collect();
            if names.len() > 1 {
                names.sort_unstable();
                found.push(names);
            }
        }
        found.sort_unstable();
        found
    }

    /// The strongly connected components of the nodes that are let in. Source: R. Tarjan, "Depth-first search and
    /// linear graph algorithms", 1972; with a stack of its own, since chains of agents may be long.
    fn components(&self, let_in: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
        let mut index: Vec<Option<usize>> = vec![None; self.next.len()];
        let mut low = vec![0; self.next.len()];
        let mut is_open = vec![false; self.next.len()];
        let (mut open, mut found, mut counter) = (Vec::new(), Vec::new(), 0);
        for root in (0..self.next.len()).filter(|node| let_in(*node)) {
            if index[root].is_some() {
                continue;
            }
            let mut path = vec![Frame { node: root, way: 0 }];
            while let Some(Frame { node, way }) = path.pop() {
                if way == 0 {
                    index[node] = Some(counter);
                    low[node] = counter;
                    counter += 1;
                    open.push(node);
                    is_open[node] = true;
                }
                if let Some(to) = self.next[node].get(way).copied() {
                    path.push(Frame { node, way: way + 1 });
                    match index[to] {
                        _ if !let_in(to) => {}
                        None => path.push(Frame { node: to, way: 0 }),
                        Some(seen) if is_open[to] => low[node] = low[node].min(seen),
                        Some(_) => {}
                    }
                    continue;
                }
                if let Some(above) = path.last() {
                    low[above.node] = low[above.node].min(low[node]);
                }
                if index[node] == Some(low[node]) {
                    let from = open.iter().rposition(|open| *open == node).unwrap_or(0);
                    let set = open.split_off(from);
                    set.iter().for_each(|node| is_open[*node] = false);
                    found.push(set);
                }
            }
        }
        found
    }
}
