/** The colours of the theme, for canvases, which know no style sheets. */

const NAMES = /** @type {const} */ ([
  'back',
  'surface',
  'sunken',
  'line',
  'line-strong',
  'text',
  'text-2',
  'text-3',
  'accent',
  'accent-soft',
  'ok',
  'ok-soft',
  'warn',
  'warn-soft',
  'bad',
  'bad-soft',
  'info',
  'info-soft',
  'quiet',
  'quiet-soft',
  'fill-accent',
  'fill-ok',
  'fill-warn',
  'fill-bad',
  'fill-info',
  'fill-quiet',
]);

/** @typedef {Record<(typeof NAMES)[number], string> & { isDark: boolean, font: string }} Palette */

/**
 * @param {Element} element
 * @returns {Palette}
 */
export function paletteOf(element) {
  const style = getComputedStyle(element);
  const colours = /** @type {any} */ ({});
  for (const name of NAMES) colours[name] = style.getPropertyValue(`--${name}`).trim();
  colours.isDark = style.colorScheme === 'dark';
  colours.font = style.fontFamily;
  return colours;
}

/**
 * Tells when the theme changes. Returns what ends it.
 * @param {() => void} run
 */
export function onTheme(run) {
  const query = matchMedia('(prefers-color-scheme: dark)');
  query.addEventListener('change', run);
  const watcher = new MutationObserver(run);
  watcher.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
  return () => {
    query.removeEventListener('change', run);
    watcher.disconnect();
  };
}
