import { Deck, OrthographicView } from "@deck.gl/core";
import { ScatterplotLayer } from "@deck.gl/layers";
import { offer } from "./drive";
import { HEIGHT, type Points, type Side, type View, WIDTH } from "./side";

class DeckGl implements Side {
  private deck: Deck<OrthographicView> | null = null;

  async start(host: HTMLElement, { x, y }: Points, view: View): Promise<void> {
    const places = new Float32Array(2 * x.length);
    for (let i = 0; i < x.length; i += 1) {
      places[2 * i] = x[i]!;
      places[2 * i + 1] = y[i]!;
    }
    await new Promise<void>((resolve) => {
      this.deck = new Deck({
        parent: host as HTMLDivElement,
        width: WIDTH,
        height: HEIGHT,
        useDevicePixels: 1,
        views: new OrthographicView({}),
        viewState: this.state(view),
        layers: [
          new ScatterplotLayer({
            id: "dots",
            data: { length: x.length, attributes: { getPosition: { value: places, size: 2 } } },
            getRadius: 1,
            radiusUnits: "pixels",
            getFillColor: [120, 140, 160, 160],
          }),
        ],
        onAfterRender: () => this.deck?.isInitialized && resolve(),
      });
    });
  }

  view(view: View): void {
    this.deck!.setProps({ viewState: this.state(view) });
  }

  private state({ cx, cy, scale }: View): { target: [number, number, number]; zoom: number } {
    return { target: [cx, cy, 0], zoom: Math.log2(scale) };
  }
}

offer(new DeckGl());
