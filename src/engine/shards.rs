//! Shards: where the due agents of a tick may be cut into independent parts. Pure.

use std::collections::BTreeMap;

use crate::domain::name::AgentName;
use crate::domain::org::Visibility;
use crate::domain::resume::ReadList;

/// Cuts the due agents, given in canonical order with whom they read, into shards of about `size`.
///
/// In ordered mode no cut parts an agent from one ranked before it that it reads. A part that
/// cannot be cut stays whole, however large.
pub(super) fn cut(due: &[(&AgentName, &ReadList)], visibility: Visibility, size: usize) -> Vec<Vec<AgentName>> {
    let mut parts = Parts::new(due.len());
    if visibility == Visibility::Ordered {
        let ranks: BTreeMap<&AgentName, usize> = due.iter().enumerate().map(|(i, (name, _))| (*name, i)).collect();
        // Everyone up to here is one part already, for somebody reads everybody.
        let mut joined = 0;
        for (i, (_, reads)) in due.iter().enumerate() {
            if reads.is_everybody() {
                for other in joined..i {
                    parts.join(i, other);
                }
                if joined > 0 {
                    parts.join(i, 0);
                }
                joined = i;
            }
            for name in reads.names() {
                match ranks.get(name) {
                    Some(other) if *other < i => parts.join(i, *other),
                    _ => {}
                }
            }
        }
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for i in 0..due.len() {
        members.entry(parts.first_of(i)).or_default().push(i);
    }
    let mut shards: Vec<Vec<usize>> = Vec::new();
    for part in members.into_values() {
        match shards.last_mut() {
            Some(shard) if shard.len() + part.len() <= size => shard.extend(part),
            _ => shards.push(part),
        }
    }
    let named = shards.into_iter().map(|mut shard| {
        shard.sort_unstable();
        shard.into_iter().map(|i| due[i].0.clone()).collect()
    });
    named.collect()
}

/// Sets of indexes, each known by its lowest member.
struct Parts(Vec<usize>);

impl Parts {
    fn new(n: usize) -> Self {
        Self((0..n).collect())
    }

    fn first_of(&mut self, mut i: usize) -> usize {
        while self.0[i] != i {
            self.0[i] = self.0[self.0[i]];
            i = self.0[i];
        }
        i
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.first_of(a), self.first_of(b));
        self.0[a.max(b)] = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(n: usize) -> Vec<AgentName> {
        (0..n).map(|i| AgentName::new(format!("a{i}")).expect("name")).collect()
    }

    #[test]
    fn agents_that_read_nobody_before_them_are_cut_at_the_size() {
        let names = names(5);
        let reads = ReadList::default();
        let due: Vec<_> = names.iter().map(|n| (n, &reads)).collect();
        let sizes: Vec<usize> = cut(&due, Visibility::Ordered, 2).iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 2, 1]);
    }

    #[test]
    fn a_reader_of_everybody_joins_all_before_it_in_ordered_mode_only() {
        let names = names(4);
        let (nobody, everybody) = (ReadList::default(), ReadList::everybody());
        let due = [(&names[0], &nobody), (&names[1], &nobody), (&names[2], &everybody), (&names[3], &nobody)];
        assert_eq!(cut(&due, Visibility::Ordered, 1).iter().map(Vec::len).collect::<Vec<_>>(), [3, 1]);
        assert_eq!(cut(&due, Visibility::Snapshot, 1).len(), 4);
    }

    proptest! {
        #[test]
        fn no_cut_parts_a_reader_from_an_earlier_author(
            reads in prop::collection::vec((any::<bool>(), prop::collection::vec(0usize..12, 0..4)), 1..12),
            size in 1usize..5,
        ) {
            let names = names(reads.len());
            let lists: Vec<ReadList> = reads
                .iter()
                .map(|(all, list)| if *all && list.len() == 3 { ReadList::everybody() } else {
                    ReadList::of(list.iter().filter(|i| **i < names.len()).map(|i| names[*i].clone()).collect())
                })
                .collect();
            let due: Vec<_> = names.iter().zip(&lists).collect();
            let shards = cut(&due, Visibility::Ordered, size);
            let mut all: Vec<_> = shards.concat();
            all.sort();
            let mut expected = names.clone();
            expected.sort();
            prop_assert_eq!(all, expected);
            let shard_of = |name: &AgentName| shards.iter().position(|s| s.contains(name));
            for (i, (name, list)) in due.iter().enumerate() {
                for earlier in &names[..i] {
                    if list.allows(earlier) {
                        prop_assert_eq!(shard_of(name), shard_of(earlier));
                    }
                }
            }
        }
    }
}
