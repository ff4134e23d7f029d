/** Shapes of states on a grid of 12: they say what colours say, to who does not tell colours apart. */
export const SHAPES = {
  dot: 'M6 2.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7z',
  ring: 'M6 1.500a4.500 4.500 0 1 0 0 9 4.500 4.500 0 0 0 0-9zm0 2.500a2 2 0 1 1 0 4 2 2 0 0 1 0-4z',
  square: 'M2.500 2.500h7v7h-7z',
  triangle: 'M6 1.500l5 9H1z',
  diamond: 'M6 .8 11.200 6 6 11.200.8 6z',
  bars: 'M2.500 2h2.500v8H2.500zM7 2h2.500v8H7z',
  cross: 'M2 3.400 3.400 2 6 4.600 8.600 2 10 3.400 7.400 6 10 8.600 8.600 10 6 7.400 3.400 10 2 8.600 4.600 6z',
};
