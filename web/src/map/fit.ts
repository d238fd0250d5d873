import type { Place } from "./camera";
import { cornerOf } from "./pointer";
import type { Scene } from "./scene";

/** Where a map lies in the window, and how large it is, in px. */
export interface Fit {
  corner: Place;
  width: number;
  height: number;
}

/** Give a scene the size and the corner of its canvas, now and whenever the size changes; returns how to stop. */
export function fit(scene: Scene, canvas: HTMLCanvasElement, fitted: (to: Fit) => void): () => void {
  const observer = new ResizeObserver(([entry]) => {
    if (!entry) return;
    const { width, height } = entry.contentRect;
    const corner = cornerOf(canvas);
    scene.resize(width, height, devicePixelRatio, corner);
    fitted({ corner, width, height });
  });
  observer.observe(canvas.parentElement!);
  return () => observer.disconnect();
}
