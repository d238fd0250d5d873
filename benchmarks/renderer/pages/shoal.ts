import { chooseRenderer } from "../../../web/src/map/choose";
import { Scene } from "../../../web/src/map/scene";
import { offer } from "./drive";
import { HEIGHT, type Points, type Side, type View, WIDTH } from "./side";

/** The scene of the page, with no server behind it: every thumbnail is missing. */
class Shoal implements Side {
  private scene: Scene | null = null;

  async start(host: HTMLElement, { x, y }: Points, view: View): Promise<void> {
    const canvas = document.createElement("canvas");
    host.append(canvas);
    const { renderer } = chooseRenderer(canvas, () => undefined);
    const scene = new Scene(renderer!, async (_, ids) => ({
      image: new ImageData(1, 1),
      missing: new Set(ids.map((_, cell) => cell)),
    }));
    this.scene = scene;
    scene.reducedMotion = true; // no fading in: the first picture is the whole one
    scene.resize(WIDTH, HEIGHT, 1);
    const done = new Promise<void>((resolve) => (scene.onDrawn = ({ points }) => points > 0 && resolve()));
    scene.camera.set(view);
    scene.setMap(1, { ids: Uint32Array.from(x, (_, id) => id), x, y, aspect: new Float32Array(x.length).fill(1) });
    scene.camera.set(view);
    // As the page does for every map: everybody's style.
    const none = { colours: new Int32Array(0), table: new Uint8Array(0), selected: new Uint8Array(0), passed: null };
    scene.setStyles(none);
    await done;
  }

  view(view: View): void {
    this.scene!.camera.set(view);
    this.scene!.moved();
  }
}

offer(new Shoal());
