/** The sections of a prompt. */

/**
 * @typedef {Object} Section
 * @property {string} id
 * @property {string} role
 * @property {string} title
 * @property {string} text
 */

/**
 * A prompt is cut where the engine puts a heading of the first level. What agents wrote may have such a line as well:
 * it is only shown in a part of its own, nothing depends on it.
 * @param {{ role: string, content: string }[]} messages
 * @returns {Section[]}
 */
export function sectionsOf(messages) {
  /** @type {Section[]} */
  const sections = [];
  messages.forEach((message, m) => {
    const parts = String(message.content ?? '').split(/(?:^|\n)(?=# )/);
    parts.forEach((part, p) => {
      if (!part.trim()) return;
      const head = /^# (.*)(?:\n|$)/.exec(part);
      sections.push({
        id: `${m}-${p}`,
        role: message.role,
        title: head ? head[1].trim() : m === 0 ? 'How it works' : 'Beginning',
        text: (head ? part.slice(head[0].length) : part).trim(),
      });
    });
  });
  return sections;
}
