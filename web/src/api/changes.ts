/** Calls `refresh` when the server hints at a change over the WebSocket, and regularly in any case. */
export class Changes {
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running: Promise<void> | null = null;
  private again = false;
  private stopped = false;
  private reconnect = 500;

  /** `refresh` never rejects; `interval` says how many ms to wait until the next one without a hint. */
  constructor(
    private readonly refresh: () => Promise<void>,
    private readonly interval: () => number,
    private readonly connect: () => WebSocket = () =>
      new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/changes`),
  ) {}

  start(): void {
    this.open();
    void this.now();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.socket?.close();
  }

  /** Refresh at once; a call during a refresh makes exactly one more follow. Resolves when all is fresh. */
  now(): Promise<void> {
    if (this.running) this.again = true;
    else this.running = this.run();
    return this.running;
  }

  private async run(): Promise<void> {
    clearTimeout(this.timer);
    do {
      this.again = false;
      await this.refresh();
    } while (this.again && !this.stopped);
    this.running = null;
    if (!this.stopped) this.timer = setTimeout(() => void this.now(), this.interval());
  }

  private open(): void {
    if (this.stopped) return;
    const socket = this.connect();
    this.socket = socket;
    socket.onopen = () => (this.reconnect = 500);
    socket.onmessage = () => void this.now();
    socket.onclose = () => {
      this.reconnect = Math.min(10_000, this.reconnect * 2);
      setTimeout(() => this.open(), this.reconnect);
    };
  }
}
