import type { Drawn, Scene } from "./scene";

declare global {
  interface Window {
    /** For tests only: what was last drawn, and where an item lies on the screen. */
    __shoal?: { drawn: Drawn | null; screenOf: (id: number) => { x: number; y: number } | null };
  }
}

/** Tell tests when a picture of the map is complete: `shoal:drawn` on the window. Returns how to stop. */
export function announce(scene: Scene): () => void {
  const screenOf = (id: number): { x: number; y: number } | null =>
    scene.points.has(id)
      ? { x: scene.camera.screenX(scene.points.x(id)), y: scene.camera.screenY(scene.points.y(id)) }
      : null;
  const told: NonNullable<Window["__shoal"]> = { drawn: null, screenOf };
  window.__shoal = told;
  scene.onDrawn = (drawn) => {
    told.drawn = drawn;
    window.dispatchEvent(new CustomEvent("shoal:drawn", { detail: drawn }));
  };
  return () => {
    scene.onDrawn = () => undefined;
    delete window.__shoal;
  };
}
