import { EmbeddingView } from "embedding-atlas";
import { drew, offer } from "./drive";
import { HEIGHT, nextFrame, type Points, type Side, type View, WIDTH } from "./side";

/** The last version with a WebGL2 renderer; every point is drawn, as by the others, not a density. */
class EmbeddingAtlas implements Side {
  private shown: EmbeddingView | null = null;

  async start(host: HTMLElement, { x, y }: Points, view: View): Promise<void> {
    this.shown = new EmbeddingView(host, {
      data: { x, y },
      width: WIDTH,
      height: HEIGHT,
      pixelRatio: 1,
      viewportState: this.state(view),
      config: { mode: "points", pointSize: 2, autoLabelEnabled: false, downsampleMaxPoints: null },
    } as never);
    // Its canvas is there, and draws, before its points are.
    while (!drew(x.length)) await nextFrame();
    for (let i = 0; i < 3; i += 1) await nextFrame();
  }

  view(view: View): void {
    this.shown!.update({ viewportState: this.state(view) } as never);
  }

  private state({ cx, cy, scale }: View): { x: number; y: number; scale: number } {
    return { x: cx, y: cy, scale: (2 * scale) / HEIGHT };
  }
}

offer(new EmbeddingAtlas());
