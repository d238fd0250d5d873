/** A frame that takes longer than this, in ms, draws too much. */
const LONG_MS = 26;
/** A frame that takes less draws too little. */
const SHORT_MS = 20;
const LEAST = 5_000;
const MOST = 4_000_000;

/** How many dots a frame may draw, learned from when the graphics processor was done with the frames before.
 *
 * The drawing commands return at once wherever they take their time, and so do the frames of the browser: only a
 * fence behind the commands tells when they are done. While one has not been passed, nothing more is sent, or a
 * slow processor would lag ever farther behind the hand that moves the map.
 */
export class Pace {
  dots = 200_000;
  private sent: { fence: WebGLSync; at: number; dots: number } | null = null;

  constructor(private readonly gl: WebGL2RenderingContext) {}

  /** Whether the frame before is still being drawn. */
  isBusy(now = performance.now()): boolean {
    const { sent, gl } = this;
    if (!sent) return false;
    if (gl.getSyncParameter(sent.fence, gl.SYNC_STATUS) !== gl.SIGNALED && !gl.isContextLost()) return true;
    gl.deleteSync(sent.fence);
    this.sent = null;
    this.learn(now - sent.at, sent.dots);
    return false;
  }

  /** Say that a frame with so many dots has been sent. */
  mark(dots: number, now = performance.now()): void {
    const { gl } = this;
    const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    if (fence) this.sent = { fence, at: now, dots };
  }

  /** A frame took so long, counted to the browser's next one: adapt, gently upwards. */
  learn(ms: number, dots: number): void {
    if (ms > LONG_MS) this.dots = Math.max(LEAST, Math.min(this.dots, dots) * Math.max(0.4, SHORT_MS / ms));
    else if (ms < SHORT_MS && dots >= this.dots) this.dots = Math.min(MOST, this.dots * 1.3);
  }
}
