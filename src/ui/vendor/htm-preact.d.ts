/* Types for the part of htm/preact/standalone that the dashboard uses. */
export interface VNode { type: unknown; props: Record<string, unknown>; key: unknown }
/** Whatever may stand as a child. */
export type Node = VNode | string | number | boolean | bigint | null | undefined | Node[];
export type Ref<T> = { current: T };
export function h(type: unknown, props?: Record<string, unknown> | null, ...children: unknown[]): VNode;
export function html(parts: TemplateStringsArray, ...values: unknown[]): any;
export function render(node: Node, parent: Element): void;
export class Component<P = {}, S = {}> {
  constructor(props?: P);
  props: P;
  state: S;
  setState(patch: Partial<S>): void;
  forceUpdate(): void;
  componentDidCatch?(error: unknown): void;
  componentDidMount?(): void;
  componentWillUnmount?(): void;
  render(props?: P, state?: S): any;
}
export interface Context<T> { Provider: any; Consumer: any; readonly _?: T }
export function createContext<T>(value: T): Context<T>;
export function useState<T>(initial: T | (() => T)): [T, (next: T | ((previous: T) => T)) => void];
export function useReducer<S, A>(reduce: (state: S, action: A) => S, initial: S): [S, (action: A) => void];
export function useEffect(run: () => void | (() => void), inputs?: readonly unknown[]): void;
export function useLayoutEffect(run: () => void | (() => void), inputs?: readonly unknown[]): void;
export function useRef<T>(initial: T): Ref<T>;
export function useMemo<T>(make: () => T, inputs?: readonly unknown[]): T;
export function useCallback<T extends (...args: any[]) => unknown>(callback: T, inputs?: readonly unknown[]): T;
export function useContext<T>(context: Context<T>): T;
export function useErrorBoundary(report?: (error: unknown) => void): [unknown, () => void];
