"""Decoding in processes of its own: a picture that crashes, hangs or swells costs itself and nothing else."""

import threading
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self

from shoal.images.supervisor import Outcome, PoolError, Worker
from shoal.types import ImageInput, ItemError, Source

MEMORY_BYTES = 640 * 1024**2
"""What a worker may allocate on top of its own code: the largest image allowed, its file, and room."""

_READ_AHEAD_BYTES = 16 * 1024**2

Read = Callable[[bytes], bytes]


class DecodePool:
    """Decodes the items of a source in worker processes; a context manager.

    `read` is a source, or a function from an item's key to the bytes of its file, called in threads. Each
    file may take `timeout_s` seconds and `memory_bytes` of memory. At most `prefetch` images are decoded
    ahead of the one that is being consumed. Raise `PoolError` when `workers` is less than one.
    """

    def __init__(
        self,
        read: Source | Read,
        image_input: ImageInput,
        *,
        workers: int = 2,
        timeout_s: float = 20.0,
        memory_bytes: int = MEMORY_BYTES,
        prefetch: int = 64,
    ) -> None:
        if workers < 1:
            raise PoolError(f"the decode pool needs at least one worker, not {workers}")
        self._read: Read = read if callable(read) else read.read
        self._prefetch = max(prefetch, workers)
        self._largest = memory_bytes // 2
        self._closed = False
        self._run: _Run | None = None
        self._workers = [
            Worker(image_input, timeout_s=timeout_s, memory_bytes=memory_bytes) for _ in range(workers)
        ]

    def __enter__(self) -> Self:
        """Return the pool, whose workers are already starting."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the pool."""
        self.close()

    def close(self) -> None:
        """End the workers; a call of `decode` that is not consumed raises `PoolError` from now on."""
        self._closed = True
        for worker in self._workers:
            worker.retire()
        if self._run is not None:
            self._run.stop()
        for worker in self._workers:
            worker.close()

    def decode(self, keys: Sequence[bytes]) -> Iterator[tuple[int, Outcome]]:
        """Yield for each key, in order, its position and the decoded image, or the reason why there is none.

        Raise `PoolError` when the pool is closed, when another call is not consumed yet, or when no worker
        can be started; and whatever `read` raises besides `ItemError` and `OSError`.
        """
        if self._closed:
            raise PoolError("the decode pool is closed; open a new one")
        if self._run is not None:
            raise PoolError("the decode pool is at work for another call; consume or close that one first")
        self._run = _Run(keys, self._read, self._workers, prefetch=self._prefetch, largest=self._largest)
        try:
            yield from self._run.outcomes()
        finally:
            self._run.stop()
            self._run = None


class _Run:
    """One call of `decode`: a thread a worker takes the next key, reads it, has it decoded, hands it over."""

    def __init__(
        self, keys: Sequence[bytes], read: Read, workers: Sequence[Worker], *, prefetch: int, largest: int
    ) -> None:
        self._keys = keys
        self._read = read
        self._largest = largest
        self._prefetch = prefetch
        self._changed = threading.Condition()
        self._taken = 0
        self._given = 0
        self._done: dict[int, Outcome] = {}
        self._error: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._serve, args=(worker,), daemon=True) for worker in workers
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Take no further key, and wait until no thread is at work."""
        with self._changed:
            self._error = self._error or PoolError("the decode pool was closed while it was at work")
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def outcomes(self) -> Iterator[tuple[int, Outcome]]:
        """Yield every outcome in order as soon as it is there."""
        for position in range(len(self._keys)):
            with self._changed:
                while position not in self._done:
                    if self._error is not None:
                        raise self._error
                    self._changed.wait()
                outcome = self._done.pop(position)
                self._given = position + 1
                self._changed.notify_all()
            yield position, outcome

    def _serve(self, worker: Worker) -> None:
        try:
            item = self._fetch(wait=True)
            while item is not None:
                position, data = item
                worker.send(data)
                # Read on while the worker decodes, but do not gather large files.
                item = self._fetch(wait=False) if len(data) < _READ_AHEAD_BYTES else None
                self._put(position, worker.receive())
                item = item or self._fetch(wait=True)
        except BaseException as error:  # carried to whoever consumes
            worker.kill()  # what it may still answer belongs to nobody
            with self._changed:
                self._error = self._error or error
                self._changed.notify_all()

    def _fetch(self, *, wait: bool) -> tuple[int, bytes] | None:
        """Return the next position and its file, past those that cannot be read; None when there is none."""
        while (position := self._take(wait=wait)) is not None:
            try:
                data = self._read(self._keys[position])
            except (ItemError, OSError) as error:
                self._put(position, str(error))
                continue
            if len(data) <= self._largest:
                return position, data
            self._put(position, f"{len(data):,} bytes are more than a decoder may hold ({self._largest:,})")
        return None

    def _take(self, *, wait: bool) -> int | None:
        with self._changed:
            while self._error is None and self._taken < len(self._keys):
                if self._taken < self._given + self._prefetch:
                    self._taken += 1
                    return self._taken - 1
                if not wait:
                    return None
                self._changed.wait()
            return None

    def _put(self, position: int, outcome: Outcome) -> None:
        with self._changed:
            self._done[position] = outcome
            self._changed.notify_all()
