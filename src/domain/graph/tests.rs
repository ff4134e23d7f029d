use proptest::prelude::*;

use super::*;

fn name(text: &str) -> AgentName {
    AgentName::new(text).expect("a name")
}

fn list(names: &[&str]) -> ReadList {
    ReadList::try_from(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).expect("names")
}

fn member(name_: &str, reads: &[&str], sends: Option<&[&str]>) -> Member {
    Member { name: name(name_), reads: list(reads), sends: sends.map(list), enabled: true, woken_by_mail: true }
}

fn texts<'a>(names: impl IntoIterator<Item = &'a AgentName>) -> Vec<&'a str> {
    names.into_iter().map(AgentName::as_str).collect()
}

/// What the rule says, straight: may mail of one reach the other at once?
fn goes(from: &Member, to: &Member) -> bool {
    from.name != to.name
        && from.enabled
        && to.enabled
        && to.reads.allows(&from.name)
        && from.sends.as_ref().is_none_or(|sends| sends.allows(&to.name))
}

/// The shortest ways between all pairs, by trying every agent in between. Source: Floyd and Warshall.
fn distances(members: &[Member], let_in: impl Fn(&Member) -> bool) -> Vec<Vec<Option<usize>>> {
    let count = members.len();
    let mut steps = vec![vec![None; count]; count];
    for (i, from) in members.iter().enumerate() {
        for (j, to) in members.iter().enumerate() {
            steps[i][j] = (let_in(from) && let_in(to) && goes(from, to)).then_some(1);
        }
    }
    for by in 0..count {
        for i in 0..count {
            for j in 0..count {
                if let (Some(first), Some(second)) = (steps[i][by], steps[by][j]) {
                    steps[i][j] = Some(steps[i][j].unwrap_or(usize::MAX).min(first + second));
                }
            }
        }
    }
    steps
}

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

fn names_or_all() -> impl Strategy<Value = ReadList> {
    let names = proptest::sample::subsequence(&NAMES[..], 0..=4);
    (names, proptest::bool::weighted(0.2)).prop_map(|(mut names, all)| {
        names.extend(all.then_some("*"));
        list(&names)
    })
}

fn organisations() -> impl Strategy<Value = Vec<Member>> {
    let agent = (names_or_all(), proptest::option::of(names_or_all()), proptest::bool::weighted(0.85), any::<bool>());
    proptest::collection::vec(agent, 0..=NAMES.len()).prop_map(|agents| {
        let member = |(at, (reads, sends, enabled, woken_by_mail)): (&&str, _)| Member {
            name: name(at),
            reads,
            sends,
            enabled,
            woken_by_mail,
        };
        NAMES.iter().zip(agents).map(member).collect()
    })
}

proptest! {
    #[test]
    fn whom_mail_reaches_is_what_the_rule_says_however_it_is_asked(members in organisations()) {
        let graph = Graph::new(members.clone());
        let steps = distances(&members, |_| true);
        let degrees = graph.degrees();
        let mut ways = 0;
        for (i, member) in members.iter().enumerate() {
            let at_once = |j: &usize| goes(member, &members[*j]);
            let to: Vec<&str> = (0..members.len()).filter(at_once).map(|j| NAMES[j]).collect();
            prop_assert_eq!(texts(graph.hearers(&member.name)), to.clone());
            let from: Vec<&str> =
                (0..members.len()).filter(|j| goes(&members[*j], member)).map(|j| NAMES[j]).collect();
            prop_assert_eq!(texts(graph.heard(&member.name)), from.clone());
            prop_assert_eq!(degrees[i], Degree { hearers: to.len(), heard: from.len() });
            ways += to.len();
            let reach: Vec<(&str, usize)> =
                (0..members.len()).filter(|j| *j != i).filter_map(|j| Some((NAMES[j], steps[i][j]?))).collect();
            let found: Vec<(&str, usize)> =
                graph.reach(&member.name).into_iter().map(|(name, steps)| (name.as_str(), steps)).collect();
            prop_assert_eq!(found, reach);
            let back: Vec<&str> = (0..members.len()).filter(|j| *j != i && steps[*j][i].is_some()).map(|j| NAMES[j]).collect();
            prop_assert_eq!(texts(graph.reached_by(&member.name).into_keys()), back);
        }
        prop_assert_eq!(graph.ways().count(), ways);
    }

    #[test]
    fn a_loop_is_a_set_of_agents_that_mail_wakes_and_whose_mail_comes_back(members in organisations()) {
        let graph = Graph::new(members.clone());
        let steps = distances(&members, |member| member.woken_by_mail);
        let mut sets: Vec<Vec<&str>> = Vec::new();
        for (i, from) in steps.iter().enumerate() {
            let set: Vec<&str> = (0..members.len())
                .filter(|j| *j == i || (from[*j].is_some() && steps[*j][i].is_some()))
                .map(|j| NAMES[j])
                .collect();
            if set.len() > 1 && !sets.contains(&set) {
                sets.push(set);
            }
        }
        sets.sort_unstable();
        let found: Vec<Vec<&str>> = graph.loops().into_iter().map(texts).collect();
        prop_assert_eq!(found, sets);
    }
}

#[test]
fn permissions_that_only_one_side_gives_lead_nowhere_and_are_named() {
    let graph = Graph::new([
        member("ada", &["bob", "ghost"], Some(&["cyd", "human"])),
        member("bob", &["human"], Some(&[])),
        member("cyd", &["*"], Some(&["ghost"])),
    ]);
    assert_eq!(texts(graph.hearers(&name("ada"))), ["cyd"]);
    let (ada, bob, cyd, ghost) = (&name("ada"), &name("bob"), &name("cyd"), &name("ghost"));
    assert_eq!(
        graph.gaps(),
        [Gap::ReadsNobody(ada, ghost), Gap::SendsToNobody(cyd, ghost), Gap::NotAddressed(ada, bob)]
    );
    let graph = Graph::new([member("ada", &[], Some(&["bob"])), member("bob", &[], None)]);
    assert_eq!(graph.gaps(), [Gap::NotRead(ada, bob)]);
}

#[test]
fn a_hundred_thousand_agents_that_all_read_each_other_are_quick_to_look_through() {
    let many = (0..100_000).map(|i| member(&format!("a{i}"), &["*"], None));
    let graph = Graph::new(many);
    assert_eq!(graph.degrees()[17], Degree { hearers: 99_999, heard: 99_999 });
    assert_eq!(graph.reach(&name("a5")).len(), 99_999);
    assert_eq!(graph.loops().len(), 1);
}

#[test]
fn a_long_chain_is_walked_without_a_deep_stack() {
    let chain = (0..50_000_usize).map(|i| {
        let before = format!("a{}", (i + 49_999) % 50_000);
        member(&format!("a{i}"), &[before.as_str()], None)
    });
    let graph = Graph::new(chain);
    assert_eq!(graph.reach(&name("a0"))[&name("a49999")], 49_999);
    assert_eq!(graph.loops()[0].len(), 50_000);
}
