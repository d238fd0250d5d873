import { Pace } from "./pace";
import { chosenDot, type Rgb } from "./palette";
import type { PointStore } from "./points";
import { type Frame, type Progress, type Renderer, type SpriteBatch, STRIDE } from "./renderer";
import { DOT_FRAGMENT, DOT_VERTEX, SPRITE_FRAGMENT, SPRITE_VERTEX } from "./shaders";
import { LAYER, LAYERS, place, type SpriteSize } from "./sprites";
import type { IdRange } from "./styles";

interface Program {
  program: WebGLProgram;
  uniform: (name: string) => WebGLUniformLocation | null;
}

/** What is lost with the context and made again when it comes back. */
interface Resources {
  dots: Program;
  sprites: Program;
  dotArray: WebGLVertexArrayObject;
  spriteArray: WebGLVertexArrayObject;
  before: WebGLBuffer;
  now: WebGLBuffer;
  style: WebGLBuffer;
  instances: WebGLBuffer;
  textures: Map<SpriteSize, WebGLTexture>;
  /** The dots of a view that stands still, added to frame by frame. */
  sheet: { framebuffer: WebGLFramebuffer; texture: WebGLTexture };
  pace: Pace;
}

/** Draws dots as points and thumbnails as instanced quads from texture arrays. */
export class WebGlRenderer implements Renderer {
  readonly kind = "webgl2";
  readonly mostPixels = Infinity;
  private made: Resources | null = null;
  private count = 0;
  /** How many items the style buffer has room for. */
  private room = 0;
  /** Counts what was uploaded, so that a sheet of dots is known to be old. */
  private version = 0;
  /** What the last frame's dots depended on, and the first id that the sheet lacks; null: there is no sheet. */
  private last = "";
  private next: number | null = null;

  /** Return null where this browser has no WebGL2; `restored` is called when a lost context came back empty. */
  static create(canvas: HTMLCanvasElement, restored: () => void): WebGlRenderer | null {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, stencil: false });
    return gl ? new WebGlRenderer(gl, canvas, restored) : null;
  }

  private constructor(
    private readonly gl: WebGL2RenderingContext,
    private readonly canvas: HTMLCanvasElement,
    private readonly restored: () => void,
  ) {
    canvas.addEventListener("webglcontextlost", this.onLost);
    canvas.addEventListener("webglcontextrestored", this.onRestored);
    this.made = makeResources(gl);
  }

  resize(width: number, height: number): void {
    this.canvas.width = width;
    this.canvas.height = height;
    this.version += 1;
    if (this.made) makeSheet(this.gl, this.made.sheet, width, height);
  }

  positions(points: PointStore): void {
    this.version += 1;
    if (!this.made) return;
    this.fill(this.made.before, points.a.subarray(0, 2 * points.size));
    this.fill(this.made.now, points.b.subarray(0, 2 * points.size));
    this.count = points.size;
  }

  styles(words: Uint32Array, changed: readonly IdRange[]): void {
    this.version += 1;
    if (!this.made) return;
    const { gl } = this;
    if (this.room !== words.length) {
      this.room = words.length;
      return this.fill(this.made.style, words);
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, this.made.style);
    for (const { from, to } of changed) gl.bufferSubData(gl.ARRAY_BUFFER, 4 * from, words, from, to - from);
  }

  upload(size: SpriteSize, slot: number, mosaic: ImageData, cell: number): void {
    if (!this.made) return;
    const { gl } = this;
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.texture(this.made, size));
    const to = place(size, slot);
    const from = place(size, cell);
    gl.pixelStorei(gl.UNPACK_ROW_LENGTH, mosaic.width);
    const pixels = new Uint8Array(mosaic.data.buffer);
    const first = (from.y * mosaic.width + from.x) * 4;
    gl.texSubImage3D(
      gl.TEXTURE_2D_ARRAY, 0, to.x, to.y, to.layer, size, size, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixels, first,
    );
  }

  draw(frame: Frame): Progress {
    const { gl, made } = this;
    if (!made || gl.isContextLost()) return "complete";
    if (made.pace.isBusy()) return "skipped";
    const view = this.viewOf(frame);
    const stays = view === this.last;
    this.last = view;
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    const drawn = stays ? this.drawMore(made, frame) : this.drawSample(made, frame);
    for (const batch of frame.batches) this.drawSprites(made, frame, batch);
    gl.bindVertexArray(null);
    made.pace.mark(drawn);
    return (this.next ?? drawn) >= this.count ? "complete" : "partial";
  }

  dispose(): void {
    this.canvas.removeEventListener("webglcontextlost", this.onLost);
    this.canvas.removeEventListener("webglcontextrestored", this.onRestored);
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
    this.made = null;
  }

  /** A view that moves: as many dots as a frame allows, straight onto the screen. Return how many. */
  private drawSample(made: Resources, frame: Frame): number {
    this.next = null;
    const dots = Math.min(this.count, Math.round(made.pace.dots));
    this.clear(frame);
    this.drawDots(made, frame, 0, dots);
    return dots;
  }

  /** A view that stands: add as many dots to the sheet, and lay the sheet onto the screen. Return how many. */
  private drawMore(made: Resources, frame: Frame): number {
    const { gl, canvas } = this;
    const from = this.next ?? 0;
    const dots = Math.min(this.count - from, Math.round(made.pace.dots));
    gl.bindFramebuffer(gl.FRAMEBUFFER, made.sheet.framebuffer);
    if (this.next === null) this.clear(frame);
    this.drawDots(made, frame, from, dots);
    this.next = from + dots;
    gl.bindFramebuffer(gl.DRAW_FRAMEBUFFER, null);
    // A screen that was shown is emptied before the next drawing into it, and Chromium takes a copy for none:
    // without this clearing the thumbnails, drawn next, would wipe the dots away.
    this.clear(frame);
    const [width, height] = [canvas.width, canvas.height];
    gl.blitFramebuffer(0, 0, width, height, 0, 0, width, height, gl.COLOR_BUFFER_BIT, gl.NEAREST);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    return dots;
  }

  private clear(frame: Frame): void {
    const [r, g, b] = unit(frame.theme.background);
    this.gl.clearColor(r, g, b, 1);
    this.gl.clear(this.gl.COLOR_BUFFER_BIT);
  }

  /** What the dots of a frame depend on, as one text. */
  private viewOf({ camera, density, t, dotSize, dim, theme }: Frame): string {
    const { cx, cy, scale } = camera;
    return [this.version, cx, cy, scale, density, t, dotSize, dim, theme.background, theme.dot].join();
  }

  private drawDots(made: Resources, frame: Frame, first: number, dots: number): void {
    if (dots <= 0) return;
    const { gl } = this;
    gl.useProgram(made.dots.program);
    this.common(made.dots, frame);
    gl.uniform1f(made.dots.uniform("u_size"), frame.dotSize * frame.density);
    gl.uniform3fv(made.dots.uniform("u_dot"), unit(frame.theme.dot));
    gl.uniform3fv(made.dots.uniform("u_chosen"), unit(chosenDot(frame.theme)));
    gl.bindVertexArray(made.dotArray);
    gl.drawArrays(gl.POINTS, first, dots);
  }

  private drawSprites(made: Resources, frame: Frame, batch: SpriteBatch): void {
    if (batch.count === 0) return;
    const { gl } = this;
    const { program, uniform } = made.sprites;
    gl.useProgram(program);
    this.common(made.sprites, frame);
    gl.uniform1f(uniform("u_size"), frame.spriteSize * frame.density);
    gl.uniform1f(uniform("u_cell"), batch.size);
    gl.uniform1f(uniform("u_still"), frame.still ? 1 : 0);
    gl.uniform3fv(uniform("u_background"), unit(frame.theme.background));
    gl.uniform3fv(uniform("u_ring"), unit(frame.theme.ring));
    gl.uniform1f(uniform("u_apart"), frame.apart ? 1 : 0);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.texture(made, batch.size));
    gl.bindVertexArray(made.spriteArray);
    this.fill(made.instances, batch.data.subarray(0, batch.count * STRIDE));
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, batch.count);
  }

  private common({ uniform }: Program, frame: Frame): void {
    const { gl } = this;
    gl.uniform2f(uniform("u_middle"), frame.camera.cx, frame.camera.cy);
    gl.uniform1f(uniform("u_scale"), frame.camera.scale * frame.density);
    gl.uniform2f(uniform("u_viewport"), this.canvas.width, this.canvas.height);
    gl.uniform1f(uniform("u_t"), frame.t);
    gl.uniform1f(uniform("u_density"), frame.density);
    gl.uniform1f(uniform("u_dim"), frame.dim ? 1 : 0);
  }

  private fill(buffer: WebGLBuffer, data: Float32Array | Uint32Array): void {
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, buffer);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, data, this.gl.DYNAMIC_DRAW);
  }

  /** Texture arrays are made when first needed: most visits never come near enough for the large ones. */
  private texture(made: Resources, size: SpriteSize): WebGLTexture {
    const known = made.textures.get(size);
    if (known) return known;
    const { gl } = this;
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
    gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, gl.RGBA8, LAYER, LAYER, LAYERS[size]);
    for (const [name, value] of [
      [gl.TEXTURE_MIN_FILTER, gl.LINEAR],
      [gl.TEXTURE_MAG_FILTER, gl.LINEAR],
      [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE],
      [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE],
    ] as const)
      gl.texParameteri(gl.TEXTURE_2D_ARRAY, name, value);
    made.textures.set(size, texture);
    return texture;
  }

  private readonly onLost = (event: Event): void => {
    event.preventDefault(); // otherwise the browser never gives it back
    this.made = null;
  };

  private readonly onRestored = (): void => {
    this.made = makeResources(this.gl);
    makeSheet(this.gl, this.made.sheet, this.canvas.width, this.canvas.height);
    this.room = 0;
    this.version += 1;
    this.restored();
  };
}

function makeResources(gl: WebGL2RenderingContext): Resources {
  const made = {
    dots: makeProgram(gl, DOT_VERTEX, DOT_FRAGMENT),
    sprites: makeProgram(gl, SPRITE_VERTEX, SPRITE_FRAGMENT),
    dotArray: gl.createVertexArray(),
    spriteArray: gl.createVertexArray(),
    before: gl.createBuffer(),
    now: gl.createBuffer(),
    style: gl.createBuffer(),
    instances: gl.createBuffer(),
    textures: new Map<SpriteSize, WebGLTexture>(),
    sheet: { framebuffer: gl.createFramebuffer(), texture: gl.createTexture() },
    pace: new Pace(gl),
  };
  gl.bindVertexArray(made.dotArray);
  attribute(gl, made.before, { location: 0, size: 2 });
  attribute(gl, made.now, { location: 1, size: 2 });
  gl.bindBuffer(gl.ARRAY_BUFFER, made.style);
  gl.enableVertexAttribArray(2);
  gl.vertexAttribPointer(2, 4, gl.UNSIGNED_BYTE, true, 0, 0);

  gl.bindVertexArray(made.spriteArray);
  const corners = gl.createBuffer();
  gl.bindBuffer(gl.ARRAY_BUFFER, corners);
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]), gl.STATIC_DRAW);
  attribute(gl, corners, { location: 0, size: 2 });
  for (let i = 0; i < 4; i += 1) {
    attribute(gl, made.instances, { location: i + 1, size: 4, stride: STRIDE * 4, offset: i * 16 });
    gl.vertexAttribDivisor(i + 1, 1);
  }
  gl.bindVertexArray(null);
  return made;
}

/** Give the sheet of dots the canvas's size. */
function makeSheet(gl: WebGL2RenderingContext, sheet: Resources["sheet"], width: number, height: number): void {
  gl.deleteTexture(sheet.texture);
  sheet.texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, sheet.texture);
  gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, Math.max(1, width), Math.max(1, height));
  gl.bindFramebuffer(gl.FRAMEBUFFER, sheet.framebuffer);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, sheet.texture, 0);
  gl.bindFramebuffer(gl.FRAMEBUFFER, null);
}

function attribute(
  gl: WebGL2RenderingContext,
  buffer: WebGLBuffer,
  { location, size, stride = 0, offset = 0 }: { location: number; size: number; stride?: number; offset?: number },
): void {
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  gl.enableVertexAttribArray(location);
  gl.vertexAttribPointer(location, size, gl.FLOAT, false, stride, offset);
}

function makeProgram(gl: WebGL2RenderingContext, vertex: string, fragment: string): Program {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]] as const) {
    const shader = gl.createShader(kind)!;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
    gl.deleteShader(shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    const logs = gl.getAttachedShaders(program)?.map((shader) => gl.getShaderInfoLog(shader));
    throw new Error(`renderer: a shader does not compile: ${gl.getProgramInfoLog(program)} ${logs?.join(" ")}`);
  }
  const places = new Map<string, WebGLUniformLocation | null>();
  const uniform = (name: string): WebGLUniformLocation | null => {
    if (!places.has(name)) places.set(name, gl.getUniformLocation(program, name));
    return places.get(name) ?? null;
  };
  return { program, uniform };
}

function unit([r, g, b]: Rgb): [number, number, number] {
  return [r / 255, g / 255, b / 255];
}
