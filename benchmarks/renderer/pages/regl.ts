import createScatterplot from "regl-scatterplot";
import { offer } from "./drive";
import { HEIGHT, type Points, type Side, type View, WIDTH } from "./side";

class ReglScatterplot implements Side {
  private plot: ReturnType<typeof createScatterplot> | null = null;

  async start(host: HTMLElement, points: Points, view: View): Promise<void> {
    const canvas = document.createElement("canvas");
    Object.assign(canvas.style, { width: `${WIDTH}px`, height: `${HEIGHT}px` });
    host.append(canvas);
    this.plot = createScatterplot({ canvas, width: WIDTH, height: HEIGHT, pointSize: 2, performanceMode: true });
    const [x, y] = [points.x, points.y].map((column) => column.map((value) => 2 * value - 1));
    this.view(view);
    await this.plot.draw({ x: x!, y: y! } as never);
  }

  view({ cx, cy, scale }: View): void {
    void this.plot!.set({ cameraTarget: [2 * cx - 1, 2 * cy - 1], cameraDistance: HEIGHT / scale } as never);
  }
}

offer(new ReglScatterplot());
