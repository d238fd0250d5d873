/** Which cells of a long grid lie in view, so that only those exist. */
export interface GridWindow {
  columns: number;
  /** The first and one past the last index to draw. */
  from: number;
  to: number;
  /** px above the first drawn row, and of the whole grid. */
  top: number;
  height: number;
}

/** Lay `count` square cells of at least `cell` px into `width` px and cut out what a scroll position shows. */
export function gridWindow(
  count: number,
  { width, height, scroll, cell, gap }: { width: number; height: number; scroll: number; cell: number; gap: number },
): GridWindow & { side: number } {
  const columns = Math.max(1, Math.floor((width + gap) / (cell + gap)));
  const side = Math.max(1, (width - gap * (columns - 1)) / columns);
  const row = side + gap;
  const rows = Math.ceil(count / columns);
  const first = Math.max(0, Math.min(rows - 1, Math.floor(scroll / row) - 1));
  const last = Math.min(rows, Math.ceil((scroll + height) / row) + 1);
  return {
    columns,
    side,
    from: first * columns,
    to: Math.min(count, Math.max(first, last) * columns),
    top: first * row,
    height: Math.max(0, rows * row - gap),
  };
}
