"""The workspace: the folder that holds it all, as one object."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, insert, select

from shoal.folders import user_name
from shoal.types import NONE_OF_THESE, Embedding, Layer, Map, Shard, ShardResult, Source
from shoal.workspace import backbone, locks, maps, reconcile, rounds, shards, verify
from shoal.workspace.backbone import BackboneRow
from shoal.workspace.catalogue import FILE_NAME, Catalogue
from shoal.workspace.classes import NONE_NAME, checked_name
from shoal.workspace.columns import ColumnStore
from shoal.workspace.errors import WorkspaceError
from shoal.workspace.events import Written
from shoal.workspace.files import remove_stale, sync_folder
from shoal.workspace.items import EMBEDDED, Counts, FileFacts, ItemRow, Items, ItemTable
from shoal.workspace.jobs import Jobs
from shoal.workspace.labelled import LabelledItem, is_label, labelled_items
from shoal.workspace.labels import LabelLog
from shoal.workspace.maps import MapRow, MapStore
from shoal.workspace.reconcile import ScanReport
from shoal.workspace.rounds import Predictions, RoundStore
from shoal.workspace.shards import ShardStore
from shoal.workspace.standing import standing
from shoal.workspace.tables import settings, sources

FOLDERS = (*shards.FOLDERS, maps.FOLDER, rounds.FOLDER)


class Workspace:
    """Items, vectors, thumbnails, maps, labels and jobs of one pile of images.

    Several processes and threads may have it open. What a method has saved when it returns survives a
    `kill -9` and, where the disk honours fsync, a power cut.
    """

    def __init__(self, path: Path, catalogue: Catalogue) -> None:
        self.path = path
        self._catalogue = catalogue
        self._items = ItemTable(catalogue)
        self._shards = ShardStore(catalogue, self._items, path)
        self._maps = MapStore(catalogue, path)
        self.rounds = RoundStore(catalogue, self._maps, path)
        self.log = LabelLog(catalogue, self._items)
        self.jobs = Jobs(catalogue)
        self.columns = ColumnStore(catalogue)

    @classmethod
    def open(cls, path: str | Path, *, create: bool = False) -> Self:
        """Open the workspace at `path`; with `create`, make it where there is none.

        Raises `WorkspaceError` when there is none, when the folder holds something else, when a newer Shoal
        wrote it, or when it cannot be read.
        """
        root = Path(path).absolute()
        if create and not (root / FILE_NAME).exists():
            _make_folders(root)
        elif not (root / FILE_NAME).is_file():
            raise WorkspaceError(
                f"{root} is not a workspace: it has no {FILE_NAME}. `shoal map PILE --into {root}` makes one."
            )
        catalogue = Catalogue(root)
        try:
            if create:
                catalogue.create()
            catalogue.check_schema()
            catalogue.upgrade()
            for folder in FOLDERS:  # a workspace of an older Shoal lacks some
                (root / folder).mkdir(exist_ok=True)
            workspace = cls(root, catalogue)
            workspace._collect_garbage()
        except BaseException:
            catalogue.close()
            raise
        return workspace

    def close(self) -> None:
        """Close the catalogue; the object is of no use afterwards."""
        self._catalogue.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def name(self) -> str:
        """The folder's name without `.shoal`, for people."""
        return self.path.name.removesuffix(".shoal") or self.path.name

    @property
    def uuid(self) -> str:
        """What tells this workspace from every other, wherever its folder is moved."""
        return self._catalogue.uuid()

    @property
    def storage(self) -> str:
        """Which SQLite stores the catalogue, and how safely, in one line."""
        return self._catalogue.storage

    def revision(self) -> int:
        """Return a number that grows with every change to items, maps, labels or jobs, by any process."""
        return self._catalogue.revision()

    # items

    def reconcile(self, *piles: Source, seed: int = 0, retry_skipped: bool = False) -> ScanReport:
        """Scan the piles and bring the items in line with them, in one transaction.

        New items of all piles are shuffled together by `seed`. Changed files go back to pending under the
        same id and label; missing ones become removed and return with their label; a moved file keeps both.
        Skipped items are tried again when their file changes, or all of them with `retry_skipped`.
        """
        return reconcile.reconcile(self._catalogue, piles, seed=seed, retry_skipped=retry_skipped)

    def sources(self) -> list[str]:
        """List the URIs of every source that was ever reconciled, in that order."""
        with self._catalogue.read() as connection:
            return list(connection.scalars(select(sources.c.uri).order_by(sources.c.id)))

    @property
    def items(self) -> Items:
        """Every item ever found: iterate over its rows, or read its columns by item id."""
        return self._items.items()

    def item(self, id: int) -> ItemRow:
        """Return one item; raises `WorkspaceError` when there is none with this id."""
        return self._items.item(id)

    def counts(self) -> Counts:
        """Count the items by status."""
        return self._items.counts()

    def skipped(self) -> list[tuple[str, str]]:
        """List (display name, reason) of undecodable items and of things that never became items."""
        return self._items.skipped()

    def sizes(self) -> NDArray[np.int32]:
        """Return width and height in px by item id (N, 2); 0 where unknown."""
        columns = self._items.columns()
        return np.stack([columns.width, columns.height], axis=1)

    def files(self) -> FileFacts:
        """Return size and time of every item's file, by item id, as of the last scan."""
        return self._items.files()

    # embedding

    def backbone(self) -> BackboneRow | None:
        """Return what the stored vectors are made with, or None before the first `use_backbone`."""
        return next(iter(self.backbones()), None)

    def backbones(self) -> list[BackboneRow]:
        """List the backbone of `use_backbone` and then those of `add_backbone`, oldest first."""
        with self._catalogue.read() as connection:
            return backbone.read_backbones(connection)

    def use_backbone(self, name: str, fingerprint: str, layers: Sequence[Layer]) -> None:
        """Store the backbone; raise `WorkspaceError` when this workspace holds vectors of another one."""
        backbone.use_backbone(self._catalogue, self.path, name, fingerprint, layers)

    def add_backbone(self, name: str, fingerprint: str, layers: Sequence[Layer]) -> None:
        """Store layers of another backbone, a file `name` in this folder, beside those that there are.

        From now on `commit_shard` takes vectors of all; what was committed before is in `lacking_shards`.
        Raises `WorkspaceError` before `use_backbone`, and for layers whose names are taken.
        """
        backbone.add_backbone(self._catalogue, name, fingerprint, layers)

    def lacking_shards(self) -> list[Shard]:
        """List the committed shards that lack vectors of an added backbone."""
        return self._shards.lacking()

    def fill_shard(self, shard: Shard, result: ShardResult) -> None:
        """Save a lacking shard's vectors of the added layers; zeros for items that `result` does not have."""
        self._shards.add(shard, result)

    def pending_shards(self) -> list[Shard]:
        """List the work that is left, shard by shard; boundaries were fixed when the items were found."""
        return self._shards.pending()

    def commit_shard(self, shard: Shard, result: ShardResult) -> None:
        """Save what embedding one shard gave; nothing happens when it is committed already.

        Raises `WorkspaceError` when the result does not fit the shard or the disk refuses; then the shard
        stays pending.
        """
        self._shards.commit(shard, result)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that are stored, early to late, one backbone after the other; at first empty."""
        return tuple(layer for row in self.backbones() for layer in row.layers)

    def embedding(self, layer: str | None = None, ids: NDArray[np.integer] | None = None) -> Embedding:
        """Return the vectors (N, D) float16 of one layer (default: the own backbone's last), ids ascending.

        Without `ids`: of all items that are embedded and not removed. Raises `WorkspaceError` for an unknown
        layer, for ids without vectors, and for a damaged file, naming it.
        """
        return self._shards.embedding(layer, ids)

    def shards_of(self, ids: NDArray[np.integer]) -> NDArray[np.int32]:
        """Return the number of the shard that holds each item's vectors (N,); a later one is higher."""
        numbers: NDArray[np.int32] = self._items.columns().shard[ids]
        return numbers

    def thumbnails(self, ids: Sequence[int] | NDArray[np.integer], size: int) -> list[bytes | None]:
        """Return each item's JPEG or WebP in the box of `size` px; None where missing or damaged."""
        return self._shards.thumbnails(ids, size)

    def embedding_lock(self) -> AbstractContextManager[None]:
        """Hold the right to embed into this workspace; raises `WorkspaceError` naming who holds it."""
        return locks.embedding_lock(self.path)

    # maps

    def save_map(self, map: Map, *, final: bool, instead_of: int | None = None) -> int:
        """Save a map and return its id; of the drafts the newest three stay, and those that labels name.

        Raises `SupersededError` when `instead_of` is given and not the `main_map` any more.
        """
        return self._maps.save(map, final=final, instead_of=instead_of)

    def map(self, id: int | None = None) -> Map | None:
        """Return one map, or without `id` the current one, None when there is none.

        The current map is the one chosen by `choose_map`, or else the newest that does not lie aside.
        Raises `WorkspaceError` for an unknown id and for a damaged file. The arrays are read-only.
        """
        return self._maps.read(id)

    def choose_map(self, id: int) -> None:
        """Show map `id` until another is chosen or made; raises `WorkspaceError` when there is none."""
        self._maps.choose(id)

    def current_map(self) -> MapRow | None:
        """Return the current map without its positions, None when there is none."""
        return self._maps.current()

    def main_map(self) -> MapRow | None:
        """Return the map that work goes on from: the current one, or what it came from where it lies aside.

        None when there is none.
        """
        return self._maps.main()

    def is_behind(self, row: MapRow) -> bool:
        """Return whether a map lacks something of what is embedded now, or shows what is removed.

        A draft is left to whoever draws it, and one that lies aside is a look at those items that it shows.
        """
        if row.origin.aside or not row.final:
            return False
        columns = self._items.columns()
        shards = columns.shard[columns.status == EMBEDDED]
        newest = row.origin.shard  # below 0: a map of long ago does not say
        return len(shards) != row.items or bool(newest >= 0 and (shards > newest).any())

    def maps(self) -> list[MapRow]:
        """List the maps, oldest first."""
        return self._maps.rows()

    def predictions(self, round_id: int) -> Predictions:
        """Return what a round predicts, read as of now: a merged class as what it became.

        Of a deleted class, and of one that an item was said not to be of, there is no prediction: -1, with
        confidence 0. Raises `WorkspaceError` as `RoundStore.predictions` does.
        """
        return standing(self.rounds.predictions(round_id), self.log)

    # labels

    def labels(self) -> dict[int, str]:
        """Return the class name of every labelled item by id; `log` knows who gave it, when and how.

        The answer "none of these" stands where a name would; what was put aside has no label.
        """
        names, current = self._names(), self.log.current()
        ids = np.flatnonzero(is_label(current)).tolist()
        return {item: names[int(current[item])] for item in ids}

    def label(self, ids: Iterable[int], class_name: str | None) -> Written:
        """Give items a class, made when there is none of this name, as one gesture of the current user.

        None takes their label away. Raises `WorkspaceError` as `LabelLog.label` does.
        """
        return self.log.label(ids, class_name, user=user_name(), how="python")

    def put_aside(self, ids: Iterable[int]) -> Written:
        """Skip items: they have no label and are not asked about again. Raises as `label` does."""
        return self.log.answer(ids, "skip", user=user_name(), how="python")

    def class_id(self, name: str) -> int:
        """Return the id of the class of this name; raises `WorkspaceError` naming those there are."""
        known: dict[str, int] = {row.name: row.id for row in self.log.classes()}
        wanted = checked_name(name)
        if wanted not in known:
            there = ", ".join(sorted(known)) or "none"
            raise WorkspaceError(f"there is no class {wanted!r}. There are: {there}.")
        return known[wanted]

    def rename_class(self, name: str, new_name: str) -> Written:
        """Give a class another name, as one gesture; raises `WorkspaceError` when either name will not do."""
        return self.log.rename_class(self.class_id(name), new_name, user=user_name())

    def merge_classes(self, name: str, into: str) -> Written:
        """Make one class of two: the items of `name` count to `into`; raises `WorkspaceError` as above."""
        return self.log.merge_classes(self.class_id(name), self.class_id(into), user=user_name())

    def delete_class(self, name: str) -> Written:
        """Take a class away and its items' labels with it; raises `WorkspaceError` when there is none."""
        return self.log.delete_class(self.class_id(name), user=user_name())

    def undo(self) -> Written | None:
        """Take back the current user's latest gesture; None when there is nothing to undo."""
        return self.log.undo(user=user_name())

    def redo(self) -> Written | None:
        """Give back what the current user undid last; None when there is nothing to redo."""
        return self.log.redo(user=user_name())

    def labelled(self) -> list[LabelledItem]:
        """List the labelled items that are not removed, by id, each with the event that decided it."""
        return labelled_items(self.log, self._items.items(), self._names())

    # settings and health

    def settings(self) -> dict[str, str]:
        """Return everything that `set_setting` stored."""
        with self._catalogue.read() as connection:
            return {key: value for key, value in connection.execute(select(settings.c.key, settings.c.value))}

    def set_setting(self, key: str, value: str) -> None:
        """Store a text under a key."""
        with self._catalogue.write() as connection:
            connection.execute(delete(settings).where(settings.c.key == key))
            connection.execute(insert(settings), [{"key": key, "value": value}])

    def verify(self) -> list[str]:
        """List every damaged or missing file with what it holds; empty: all is well."""
        return verify.verify(self._catalogue, self.log, self.path)

    def leftovers(self) -> list[str]:
        """List files that no row names: a killed or a running process left them, and they go in time."""
        return verify.leftovers(self._catalogue, self.path, FOLDERS)

    def repair(self) -> int:
        """Set damaged vectors, thumbnails and maps aside, to be made anew; return how many there were."""
        with self.embedding_lock():
            return verify.repair(self._catalogue, self.path)

    def _names(self) -> dict[int, str]:
        return {row.id: row.name for row in self.log.classes()} | {NONE_OF_THESE: NONE_NAME}

    def _collect_garbage(self) -> None:
        """Delete files that no row names and nobody has touched for an hour, unless somebody embeds."""
        try:
            with locks.embedding_lock(self.path, patience_s=0):
                remove_stale(self.path, self.leftovers())
        except WorkspaceError:
            return


def _make_folders(root: Path) -> None:
    """Make the workspace's folders; refuse a folder that holds anything else."""
    ours = {*FOLDERS, locks.FILE_NAME}
    try:
        root.mkdir(parents=True, exist_ok=True)
        strange = sorted(entry.name for entry in root.iterdir() if entry.name not in ours)
        if strange:
            raise WorkspaceError(
                f"{root} is not a workspace and not empty (it holds {strange[0]!r}). Name a new folder."
            )
        for folder in FOLDERS:
            (root / folder).mkdir(exist_ok=True)
        sync_folder(root)
        sync_folder(root.parent)
    except OSError as error:
        raise WorkspaceError(f"cannot make a workspace at {root}: {error.strerror or error}.") from error
