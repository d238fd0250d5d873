import { HEIGHT, makePoints, nextFrame, type Side, type View, WIDTH } from "./side";

/** What one path of the camera cost: the intervals in ms between frames in which something was drawn (a side that
 * skips frames would look quick), and how long all took until the last was done. */
interface Run {
  intervals: number[];
  total: number;
  frames: number;
}

const FIT: View = { cx: 0.5, cy: 0.5, scale: HEIGHT * 0.9 };

/** Every call that draws is counted, and every context remembered, whoever makes it. */
let calls = 0;
/** The most vertices, over all instances, that one call has drawn. */
let most = 0;
const contexts = new Set<WebGLRenderingContext | WebGL2RenderingContext>();

function count(prototype: object, names: readonly string[]): void {
  for (const name of names) {
    const original = (prototype as Record<string, ((...args: unknown[]) => unknown) | undefined>)[name];
    if (!original) continue;
    Object.defineProperty(prototype, name, {
      value(this: WebGL2RenderingContext, ...args: unknown[]) {
        calls += 1;
        most = Math.max(most, drawnBy(name, args));
        if (!(this instanceof CanvasRenderingContext2D)) contexts.add(this);
        return original.apply(this, args);
      },
    });
  }
}
/** drawArrays(mode, first, count, instances), drawElements(mode, count, type, offset, instances). */
function drawnBy(name: string, args: unknown[]): number {
  const [count, instances] = name.startsWith("drawArrays") ? [args[2], args[3]] : [args[1], args[4]];
  return Number(count ?? 0) * Number(instances ?? 1);
}

/** Whether at least n points have been drawn by one call. */
export function drew(n: number): boolean {
  return most >= n;
}

const DRAWS = ["drawArrays", "drawElements", "drawArraysInstanced", "drawElementsInstanced"];
count(WebGLRenderingContext.prototype, DRAWS);
count(WebGL2RenderingContext.prototype, DRAWS);
count(CanvasRenderingContext2D.prototype, ["putImageData"]);

/** Wait until the graphics interface has done everything that it was told. */
function finish(): void {
  for (const gl of contexts) gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
}

async function follow(side: Side, path: (t: number) => View, frames: number, mostMs: number): Promise<Run> {
  side.view(path(0));
  for (let i = 0; i < 3; i += 1) await nextFrame();
  finish();
  const run: Run = { intervals: [], total: 0, frames: 0 };
  const begin = performance.now();
  let last = await nextFrame();
  while (run.frames < frames && (performance.now() - begin < mostMs || run.frames < 4)) {
    calls = 0;
    run.frames += 1;
    side.view(path(run.frames / frames));
    const now = await nextFrame();
    if (calls === 0) continue;
    run.intervals.push(now - last);
    last = now;
  }
  finish();
  await nextFrame();
  run.total = performance.now() - begin;
  return run;
}

/** From left to right and back, everything in view. */
const PAN = (t: number): View => ({ ...FIT, cx: 0.5 + 0.3 * Math.sin(2 * Math.PI * t) });
/** Into the middle by a factor of 30, and out again. */
const ZOOM = (t: number): View => ({ cx: 0.5, cy: 0.5, scale: FIT.scale * 30 ** Math.sin(Math.PI * t) });

/** Let the Python side ask this page for what it measures. */
export function offer(side: Side): void {
  const host = document.createElement("div");
  Object.assign(host.style, { position: "relative", width: `${WIDTH}px`, height: `${HEIGHT}px`, overflow: "hidden" });
  document.body.append(host);
  Object.assign(window, {
    bench: {
      async start(n: number): Promise<number> {
        const points = makePoints(n);
        await nextFrame();
        const begin = performance.now();
        await side.start(host, points, FIT);
        finish();
        await nextFrame();
        return performance.now() - begin;
      },
      pan: (frames: number, mostMs: number) => follow(side, PAN, frames, mostMs),
      zoom: (frames: number, mostMs: number) => follow(side, ZOOM, frames, mostMs),
    },
  });
}
