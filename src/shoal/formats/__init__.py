"""Labels out to files and in from files: one file and one row for every form."""

from collections.abc import Sequence
from pathlib import Path

from shoal.formats.matching import match_paths
from shoal.formats.rows import Export, Import, LabelPair, LabelRow
from shoal.registry import Registry
from shoal.types import ShoalError

__all__ = [
    "EXPORTS",
    "IMPORTS",
    "Export",
    "Import",
    "LabelPair",
    "LabelRow",
    "form_of",
    "match_paths",
    "read_labels",
]

EXPORTS = Registry(
    "export",
    {
        "csv": "shoal.formats.csv:CsvExport",
        "parquet": "shoal.formats.parquet:ParquetExport",
        "jsonl": "shoal.formats.jsonl:JsonlExport",
        "imagefolder": "shoal.formats.imagefolder:ImageFolderExport",
    },
)

IMPORTS = Registry(
    "import",
    {
        "csv": "shoal.formats.csv:CsvImport",
        "jsonl": "shoal.formats.jsonl:JsonlImport",
    },
)


def form_of(target: str) -> str:
    """Return the export whose form `target` has: by its suffix; a folder or no suffix means imagefolder.

    Raises `ShoalError` naming the choices where the suffix says nothing.
    """
    path = Path(target)
    if target.endswith("/") or not path.suffix or path.is_dir():
        return "imagefolder"
    return _by_suffix(
        path, EXPORTS.names(), "exports to", "; a folder of images is asked for by a trailing '/'"
    )


def read_labels(path: Path) -> tuple[list[LabelPair], list[str]]:
    """Read a file of labels in the form its suffix says; return the labels and what is wrong, by line.

    Of two lines with one path the later one counts, and a contradiction is listed as a problem. Raises
    `ShoalError` where the file cannot be read, its suffix is unknown, or nothing in it can be understood.
    """
    reader: Import = IMPORTS.load(_by_suffix(path, IMPORTS.names(), "imports from", ""))()
    try:
        lines = list(reader.read(path))
    except OSError as error:
        raise ShoalError(f"the labels in {path} cannot be read: {error}.") from error
    pairs: dict[str, LabelPair] = {}
    problems: list[str] = []
    for number, line in lines:
        if isinstance(line, str):
            problems.append(f"line {number}: {line}")
            continue
        before = pairs.get(line.path)
        if before is not None and before.class_name != line.class_name:
            problems.append(
                f"line {number}: {line.path!r} was {before.class_name!r} before; this line counts"
            )
        pairs[line.path] = line
    return list(pairs.values()), problems


def _by_suffix(path: Path, names: Sequence[str], verb: str, more: str) -> str:
    files = [name for name in names if name != "imagefolder"]
    suffix = path.suffix.lower().removeprefix(".")
    if suffix in files:
        return suffix
    allowed = ", ".join(f".{name}" for name in files)
    raise ShoalError(f"no format {verb} {path.name!r}: its suffix must be one of {allowed}{more}.")
