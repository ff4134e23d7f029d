/** The graph as the picture needs it: agents by number, and one link for a pair, whichever ways it leads. */

/**
 * @typedef {Object} Node
 * @property {number} index
 * @property {string} name
 * @property {string} title
 * @property {string} doing
 * @property {number[]} links numbers of its links
 * @property {number} leastRadius how small its disc may become on the screen, in CSS pixels
 */

/**
 * A pair of which at least one hears the other.
 * @typedef {Object} Link
 * @property {number} index
 * @property {number} a
 * @property {number} b
 * @property {boolean} forward what `a` says reaches `b`
 * @property {boolean} back what `b` says reaches `a`
 */

/**
 * @typedef {Object} Model
 * @property {string} key the same for the same agents and permissions
 * @property {Node[]} nodes
 * @property {Link[]} links
 * @property {Map<string, Node>} byName
 * @property {number} permissions how many ways there are
 */

/**
 * @param {import('../types.js').Graph} graph
 * @param {import('../types.js').Agent[]} roster
 * @returns {Model}
 */
export function modelOf(graph, roster) {
  const known = new Map(roster.map((agent) => [agent.name, agent]));
  const names = new Set([...graph.nodes.map((node) => node.name), ...Object.keys(graph.broken ?? {})]);
  const titles = new Map(graph.nodes.map((node) => [node.name, node.title]));
  const nodes = [...names].sort().map((name, index) => ({
    index,
    name,
    title: known.get(name)?.title ?? titles.get(name) ?? '',
    doing: graph.broken?.[name] ? 'broken' : known.get(name)?.doing ?? 'idle',
    links: /** @type {number[]} */ ([]),
    leastRadius: names.size <= MOST_CARDS ? 11 : names.size <= 150 ? 7.5 : 5.5,
  }));
  const byName = new Map(nodes.map((node) => [node.name, node]));
  /** @type {Map<number, Link>} */
  const pairs = new Map();
  let permissions = 0;
  for (const edge of graph.edges) {
    const from = byName.get(edge.from)?.index;
    const to = byName.get(edge.to)?.index;
    // An agent that reads itself needs no line.
    if (from === undefined || to === undefined || from === to) continue;
    const a = Math.min(from, to);
    const b = Math.max(from, to);
    const id = a * nodes.length + b;
    let link = pairs.get(id);
    if (!link) {
      link = { index: pairs.size, a, b, forward: false, back: false };
      pairs.set(id, link);
    }
    if (from === a || edge.both) link.forward = true;
    if (from === b || edge.both) link.back = true;
  }
  // In one order, however the edges were told: the layout follows from it.
  const links = [...pairs.values()].sort((one, other) => one.a - other.a || one.b - other.b);
  links.forEach((link, index) => {
    link.index = index;
    nodes[link.a].links.push(index);
    nodes[link.b].links.push(index);
    permissions += Number(link.forward) + Number(link.back);
  });
  const key = `${nodes.map((node) => node.name).join()}\n${links.map((l) => `${l.a}${l.forward ? '>' : ''}${l.back ? '<' : ''}${l.b}`).join()}`;
  return { key, nodes, links, byName, permissions };
}

/**
 * The link between two, if there is one.
 * @param {Model} model
 * @param {string} from
 * @param {string} to
 * @returns {Link | null}
 */
export function linkBetween(model, from, to) {
  const a = model.byName.get(from);
  const b = model.byName.get(to);
  if (!a || !b) return null;
  const found = a.links.find((index) => model.links[index].a === b.index || model.links[index].b === b.index);
  return found === undefined ? null : model.links[found];
}

/** Up to so many agents each is drawn as a card with its name and state; more are discs. */
export const MOST_CARDS = 48;

/** @param {Model} model */
export function hasCards(model) {
  return model.nodes.length <= MOST_CARDS;
}
