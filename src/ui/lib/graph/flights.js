/** Messages under way along the links, for as long as they are seen. */

/**
 * @typedef {Object} Flight
 * @property {number | null} from null: a person, or who is not in the graph
 * @property {number | null} to null: a person
 * @property {number} begin in ms of `performance.now()`
 * @property {number} duration in ms
 * @property {'accent' | 'warn'} tone
 */

/** So many at once can be followed by no eye; further ones only light up their ends. */
const MOST = 240;

/**
 * The flights of one message: one for each who hears it.
 * @param {import('./model.js').Model} model
 * @param {{ from: string, to: string[] | null, importance?: string }} message
 * @param {number} begin
 * @param {number} duration
 * @returns {Flight[]}
 */
export function flightsOf(model, message, begin, duration) {
  const tone = message.importance === 'critical' || message.importance === 'high' ? 'warn' : 'accent';
  const from = model.byName.get(message.from);
  const names = message.to ?? (from ? heardBy(model, from) : model.nodes.map((node) => node.name));
  /** @type {Flight[]} */
  const flights = [];
  for (const name of names.slice(0, MOST)) {
    const to = model.byName.get(name);
    if (!from && !to) continue;
    flights.push({ from: from?.index ?? null, to: to?.index ?? null, begin, duration, tone });
  }
  return flights;
}

/**
 * @param {import('./model.js').Model} model
 * @param {import('./model.js').Node} node
 */
function heardBy(model, node) {
  return node.links
    .map((index) => model.links[index])
    .filter((link) => (link.a === node.index ? link.forward : link.back))
    .map((link) => model.nodes[link.a === node.index ? link.b : link.a].name);
}
