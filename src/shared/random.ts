/** A draw in [0, 1), as a parameter: `Math.random` in the daemon, a fixed sequence in tests. */
export type Random = () => number;
