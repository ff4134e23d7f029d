/** The one door to Preact and htm: no other module imports them from `vendor/`. */
export {
  h,
  html,
  render,
  Component,
  createContext,
  useState,
  useReducer,
  useEffect,
  useLayoutEffect,
  useRef,
  useMemo,
  useCallback,
  useContext,
  useErrorBoundary,
} from '../vendor/htm-preact.js';
