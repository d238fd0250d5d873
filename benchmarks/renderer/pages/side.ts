/** What is drawn, and how a drawing library is made to draw it: the same for every side of the comparison. */

/** Positions in the unit square. */
export interface Points {
  x: Float32Array<ArrayBuffer>;
  y: Float32Array<ArrayBuffer>;
}

/** The middle of a view in the unit square, and px per unit. */
export interface View {
  cx: number;
  cy: number;
  scale: number;
}

export interface Side {
  /** Show the points; done when all of them have been drawn once. */
  start(host: HTMLElement, points: Points, view: View): Promise<void>;
  /** Show another view with the browser's next frame. */
  view(view: View): void;
}

export const WIDTH = 1280;
export const HEIGHT = 800;

/** The same seeded clusters for every side: 60 of them, normal, of unlike sizes. */
export function makePoints(n: number): Points {
  let state = 7;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  const clusters = Array.from({ length: 60 }, () => [0.1 + 0.8 * next(), 0.1 + 0.8 * next(), 0.005 + 0.04 * next()] as const);
  const points = { x: new Float32Array(n), y: new Float32Array(n) };
  for (let i = 0; i < n; i += 1) {
    const [x, y, spread] = clusters[Math.floor(next() * clusters.length)]!;
    const radius = spread * Math.sqrt(-2 * Math.log(next()));
    const angle = 2 * Math.PI * next();
    points.x[i] = Math.min(1, Math.max(0, x + radius * Math.cos(angle)));
    points.y[i] = Math.min(1, Math.max(0, y + radius * Math.sin(angle)));
  }
  return points;
}

export function nextFrame(): Promise<number> {
  return new Promise((resolve) => requestAnimationFrame(resolve));
}
