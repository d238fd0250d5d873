/** How long a slice of work may take, in ms: little beside a frame. */
const SLICE_MS = 5;

/** Do long work without holding up the page: at once what one slice can, the rest between the browser's own tasks.
 *
 * `advance` works for about so many milliseconds and says whether all is done; `done` is called then. Returns how
 * to give up.
 */
export function inSlices(advance: (ms: number) => boolean, done: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const slice = (): void => {
    if (advance(SLICE_MS)) done();
    else timer = setTimeout(slice);
  };
  slice();
  return () => clearTimeout(timer);
}
