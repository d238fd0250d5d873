import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Changes } from "./changes";

interface FakeSocket {
  onopen?: () => void;
  onmessage?: () => void;
  onclose?: () => void;
  close: () => void;
}
let sockets: FakeSocket[];
const connect = (): WebSocket => {
  const socket: FakeSocket = { close: () => undefined };
  sockets.push(socket);
  return socket as unknown as WebSocket;
};

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
});
afterEach(() => void vi.useRealTimers());

test("polls at the interval and refreshes on a hint", async () => {
  const refresh = vi.fn(async () => undefined);
  const changes = new Changes(refresh, () => 2000, connect);
  changes.start();
  await vi.advanceTimersByTimeAsync(0);
  expect(refresh).toHaveBeenCalledTimes(1);
  sockets[0]!.onmessage?.();
  await vi.advanceTimersByTimeAsync(0);
  expect(refresh).toHaveBeenCalledTimes(2);
  await vi.advanceTimersByTimeAsync(2000);
  expect(refresh).toHaveBeenCalledTimes(3);
  changes.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(refresh).toHaveBeenCalledTimes(3);
});

test("hints during a refresh make one more, not many", async () => {
  let finish: () => void = () => undefined;
  const refresh = vi.fn(() => new Promise<void>((done) => (finish = done)));
  const changes = new Changes(refresh, () => 9e6, connect);
  changes.start();
  for (let i = 0; i < 5; i += 1) sockets[0]!.onmessage?.();
  expect(refresh).toHaveBeenCalledTimes(1);
  finish();
  await vi.advanceTimersByTimeAsync(0);
  finish();
  await vi.advanceTimersByTimeAsync(0);
  expect(refresh).toHaveBeenCalledTimes(2);
  changes.stop();
});

test("a closed socket is opened again, ever slower; polling goes on", async () => {
  const refresh = vi.fn(async () => undefined);
  const changes = new Changes(refresh, () => 5000, connect);
  changes.start();
  for (const wait of [1000, 2000, 4000, 8000, 10_000]) {
    sockets.at(-1)!.onclose?.();
    const before = sockets.length;
    await vi.advanceTimersByTimeAsync(wait - 1);
    expect(sockets.length).toBe(before);
    await vi.advanceTimersByTimeAsync(1);
    expect(sockets.length).toBe(before + 1);
  }
  expect(refresh.mock.calls.length).toBeGreaterThan(4);
  changes.stop();
});
