import { CanvasRenderer } from "./canvas";
import type { Renderer } from "./renderer";
import { WebGlRenderer } from "./webgl";

/** What WebGL calls itself where no graphics processor is behind it. */
const PROGRAMS = /swiftshader|llvmpipe|softpipe|lavapipe|software|basic render/i;
/** Where a person, or a test, may name the renderer: "webgl2" or "canvas". */
const WISH = "shoal-renderer";

/** Why the map is drawn the way it is. */
export type Way = "webgl2" | "processor" | "no-webgl" | "none";

/** Make what draws the map fastest here; null where there is nothing to draw with. */
export function chooseRenderer(
  canvas: HTMLCanvasElement,
  restored: () => void,
): { renderer: Renderer | null; way: Way } {
  const wish = wished();
  const kind = graphics();
  const quick = kind === "processor" ? wish === "webgl2" : kind !== "none" && wish !== "canvas";
  const renderer = (quick ? WebGlRenderer.create(canvas, restored) : null) ?? CanvasRenderer.create(canvas);
  if (!renderer) return { renderer, way: "none" };
  return { renderer, way: renderer.kind === "webgl2" ? "webgl2" : kind === "none" ? "no-webgl" : "processor" };
}

/** What is behind this browser's WebGL2, asked on a canvas of its own: a canvas keeps the first context it gives. */
function graphics(): "graphics" | "processor" | "none" {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) return "none";
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const name: unknown = gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return PROGRAMS.test(String(name)) ? "processor" : "graphics";
}

function wished(): string | null {
  try {
    return localStorage.getItem(WISH);
  } catch {
    return null; // a browser that keeps nothing has no wish either
  }
}
