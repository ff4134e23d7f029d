/**
 * What a model, or whoever writes to it, may send to hurt who looks at it: in a page, and in a terminal.
 *
 * Every text says where it stands, so that a test can look for it as text, and so that what ran, if anything did,
 * names its way in.
 */

/** No request may ever go there. The name cannot be resolved (RFC 6761). */
export const elsewhere = 'pwned.invalid';

/**
 * The markup of a text that stands at `where`: what a page must show letter by letter.
 * @param {string} where
 */
export const shownMarkup = (where) => `<script>window.__pwned='${where}'</script>`;

/**
 * Markup that runs, loads, frames or leads elsewhere, if anything treats it as markup.
 * @param {string} where
 * @returns {string[]}
 */
export function markup(where) {
  const run = `window.__pwned='${where}'`;
  return [
    shownMarkup(where),
    `<img src=x onerror="${run}">`,
    `<img src="http://${elsewhere}/${where}.png" alt="picture">`,
    `<svg onload="${run}"><a xlink:href="javascript:${run}"><text>svg</text></a></svg>`,
    `<svg><animate onbegin="${run}" attributeName=x dur=1s></svg>`,
    `<iframe srcdoc="<script>parent.${run}</script>"></iframe>`,
    `<iframe src="http://${elsewhere}/frame"></iframe><object data="http://${elsewhere}/o"></object><embed src="http://${elsewhere}/e">`,
    `<input autofocus onfocus="${run}"><details open ontoggle="${run}">more</details>`,
    `<form action="http://${elsewhere}/form"><button formaction="javascript:${run}">sign in again</button></form>`,
    `<style>@import 'http://${elsewhere}/style'; body { display: none }</style>`,
    `<link rel=stylesheet href="http://${elsewhere}/css"><meta http-equiv=refresh content="0;url=http://${elsewhere}/"><base href="http://${elsewhere}/">`,
    `"><img src=x onerror="${run}">' onmouseover='${run}' x='`,
    `</textarea></title></style></script><script>${run}</script>`,
    `--><script>${run}</script><!--`,
    `&lt;img src=x onerror=${run}&gt; &#60;script&#62;${run}&#60;/script&#62;`,
    `<math><mtext><table><mglyph><style><img src=x onerror="${run}"></style></mglyph></table></mtext></math>`,
  ];
}

/**
 * Markdown whose links and images run, or tell somebody that they were looked at.
 * @param {string} where
 * @returns {string[]}
 */
export function markdown(where) {
  const run = `window.__pwned='${where}'`;
  return [
    `[click me](javascript:${run})`,
    `[and me](JaVaScRiPt&colon;${run}) [or me](data:text/html,<script>${run}</script>) [or me](vbscript:x)`,
    `[reference][evil] ![picture][evil]`,
    `![tracker](http://${elsewhere}/${where}.gif) ![x](x" onerror="${run})`,
    `[![both](http://${elsewhere}/both.png)](javascript:${run})`,
    `<javascript:${run}> <http://${elsewhere}/auto>`,
    `[trusted.example](http://user:word@${elsewhere}/)`,
    `**<b onclick="${run}">bold</b>** \`<script>${run}</script>\``,
    `| <img src=x onerror="${run}"> | table |\n| --- | --- |\n| [cell](javascript:${run}) | x |`,
    `> ${'> '.repeat(60)}deep`,
    `[evil]: javascript:${run} "title"`,
  ];
}

/** Escape sequences that colour, move, name a window, link, answer and clear. */
export const escapes = [
  '\u001b[31mred\u001b[0m',
  '\u001b[2J\u001b[H',
  '\u001b]0;another title\u0007',
  `\u001b]8;;http://${elsewhere}/\u001b\\link\u001b]8;;\u001b\\`,
  '\u001b]52;c;cHduZWQ=\u0007',
  '\u001b[6n\u001bc\u001b(0',
  '\u009b31mC1\u009d0;title\u009c',
  'over\rwritten\b\b\b\u0000\u0007\u007f',
].join(' ');

/** Directions turned, letters hidden, marks piled, and names that look like others. */
export const disguises = [
  '\u202egpj.exe\u202c and \u2066isolated\u2069 \u200fright\u200e \u061c',
  'ad\u200bm\u2060in\ufeff p\u00adayp\u034fal',
  `Z${'\u0301\u0316\u0489'.repeat(150)}algo`,
  '\u2028a line\u2029 a paragraph\u0085 next',
  '\u{e0041}\u{e0042}\u{e007f} tags \ufff9note\ufffa\ufffb',
  'рaypal \u0391dmin \uff41dmin',
  '\ud83d\udc68\u200d\ud83d\udc69\u200d\ud83d\udc67 \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627',
  '__proto__ constructor toString [object Object] NaN undefined null',
].join(' ');

/**
 * All of it, for a field that holds many lines.
 * @param {string} where
 */
export function all(where) {
  return [...markup(where), ...markdown(where), escapes, disguises].join('\n\n');
}

/**
 * A field that is one short line, such as a title.
 * @param {string} where
 */
export function short(where) {
  return `${shownMarkup(where)}<img src=x onerror="window.__pwned='${where}'">\u001b[31m\u202e\u200bZ${'\u0301'.repeat(40)}`;
}

/**
 * Text without end: one word, and then lines.
 * @param {number} bytes
 * @param {string} where
 */
export function huge(bytes, where) {
  const begin = `${shownMarkup(where)} `;
  const word = 'W'.repeat(20_000);
  const line = `${short(where)} and on and on\n`;
  const rest = bytes - begin.length - word.length;
  return begin + word + line.repeat(Math.floor(rest / Buffer.byteLength(line)));
}
