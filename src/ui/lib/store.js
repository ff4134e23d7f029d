/**
 * Signals, and the one hook by which a component follows them.
 *
 * State that more than one page needs is a signal in a module of `lib/`; everything else is state of a component.
 */
import { useEffect, useReducer } from './preact.js';
import { batch, computed, effect, signal, untracked } from '../vendor/signals-core.js';

export { batch, computed, effect, signal, untracked };

/**
 * @template T
 * @typedef {import('../vendor/signals-core.js').ReadonlySignal<T>} Readable
 */

/**
 * The present value of a signal; the component is drawn again when it changes.
 * @template T
 * @param {Readable<T>} source
 * @returns {T}
 */
export function useSignal(source) {
  const [, redraw] = useReducer((/** @type {number} */ n) => n + 1, 0);
  useEffect(() => {
    const drawn = source.peek();
    let first = true;
    return effect(() => {
      const now = source.value;
      // The first run only subscribes, unless the value moved between drawing and this effect.
      if (!first || now !== drawn) redraw(undefined);
      first = false;
    });
  }, [source]);
  return source.peek();
}
