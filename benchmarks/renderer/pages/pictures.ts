import { chooseRenderer } from "../../../web/src/map/choose";
import { Scene } from "../../../web/src/map/scene";
import { perLayer, type SpriteSize } from "../../../web/src/map/sprites";
import { HEIGHT, makePoints, nextFrame, WIDTH } from "./side";

const ITEMS = 100_000;
const ZOOM = 6;
const FRAMES = 240;
const LATENCY_MS = 60;

/** A mosaic as the server would send it, decoded: every item a gradient of its own colour. */
async function mosaic(size: SpriteSize, ids: readonly number[]): Promise<{ image: ImageData; missing: Set<number> }> {
  const across = 1024 / size;
  const image = new ImageData(1024, Math.ceil(Math.min(ids.length, perLayer(size)) / across) * size);
  const words = new Uint32Array(image.data.buffer);
  ids.forEach((id, cell) => {
    const colour = Math.imul(id + 1, 2654435761) >>> 8;
    const first = Math.floor(cell / across) * size * 1024 + (cell % across) * size;
    for (let y = 0; y < size; y += 1)
      for (let x = 0; x < size; x += 1) words[first + y * 1024 + x] = 0xff000000 | ((colour + x * 0x010203 + y * 0x020100) & 0xffffff);
  });
  await new Promise((resolve) => setTimeout(resolve, LATENCY_MS));
  return { image, missing: new Set() };
}

async function pictures(): Promise<object> {
  const canvas = document.createElement("canvas");
  document.body.append(canvas);
  const { renderer } = chooseRenderer(canvas, () => undefined);
  const scene = new Scene(renderer!, mosaic);
  scene.resize(WIDTH, HEIGHT, 1);
  const { x, y } = makePoints(ITEMS);
  scene.setMap(1, { ids: Uint32Array.from(x, (_, id) => id), x, y, aspect: new Float32Array(ITEMS).fill(1) });
  const scale = scene.camera.fitScale * ZOOM;
  const sharp = (): boolean => {
    const { wanted, sharp: here } = scene.sharpness();
    return wanted > 0 && here >= 0.95 * wanted;
  };
  const begin = performance.now();
  let firstSharp = NaN;
  const intervals: number[] = [];
  let last = await nextFrame();
  for (let i = 0; i < FRAMES; i += 1) {
    const angle = (2 * Math.PI * i) / FRAMES;
    scene.camera.set({ cx: 0.5 + 0.25 * Math.sin(angle), cy: 0.5 + 0.15 * Math.sin(2 * angle), scale });
    scene.moved();
    const now = await nextFrame();
    intervals.push(now - last);
    last = now;
    if (Number.isNaN(firstSharp) && sharp()) firstSharp = now - begin;
  }
  const end = performance.now();
  while (!sharp()) await nextFrame();
  const settled = performance.now();
  const sorted = intervals.toSorted((a, b) => a - b);
  return {
    items: ITEMS,
    zoom: ZOOM,
    latency_ms: LATENCY_MS,
    frames: FRAMES,
    p50_ms: sorted[FRAMES >> 1],
    p95_ms: sorted[Math.floor(0.95 * FRAMES)],
    over_50_ms: intervals.filter((ms) => ms > 50).length / FRAMES,
    wanted: scene.sharpness().wanted,
    sharp_ms: Number.isNaN(firstSharp) ? settled - begin : firstSharp,
    settle_ms: settled - end,
  };
}

Object.assign(window, { bench: { pictures } });
