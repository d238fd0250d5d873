"""The demo from industry: photographs of solar cells, some of them broken."""

from pathlib import Path, PurePosixPath

from shoal.demos.archives import files
from shoal.demos.clients import pip_download
from shoal.demos.pile import Draft, Pile, Say, kept
from shoal.types import ShoalError

_PACKAGE = "elpv-dataset==1.0.0.post1"
_CLASSES = {"0.00": "sound", "0.33": "probably sound", "0.67": "probably defective", "1.00": "defective"}
"""The experts' probability of a defect, which takes four values only."""


class Solar:
    """Electroluminescence photographs of solar cells; the truth is how sure experts were of a defect."""

    name = "solar"
    licence = (
        "CC BY-NC-SA 4.0: not for commercial use; name the authors (Deitsch et al., Segmentation of "
        "photovoltaic module cells in uncalibrated electroluminescence images, 2021); share alike"
    )
    description = "2,624 inspection photographs of solar cells, 4 degrees of defect; 91 MB to download"

    def fetch(self, folder: Path, say: Say) -> Pile:
        """Return the pile, fetched into `folder` unless it is there; raise `ShoalError` where that fails."""
        say(f"licence of the solar pictures: {self.licence}")

        def build(draft: Draft) -> None:
            say(f"downloading {self.description} (PyPI {_PACKAGE})")
            self._build(draft)

        return kept(folder, "solar-1.0.0", build)

    def _build(self, draft: Draft) -> None:
        table, licence, names = b"", b"", set()
        for path, data in files(pip_download(_PACKAGE, draft.downloads / "wheel")):
            place = PurePosixPath(path)
            if path == "elpv_dataset/data/labels.csv":
                table = data
            elif place.name.upper().startswith("LICENSE"):
                licence = data
            elif place.match("elpv_dataset/data/images/*.png"):
                draft.add(place.name, data)
                names.add(place.name)
        truth = _truth(table.decode(errors="replace"))
        if not names or set(truth) != names:
            raise ShoalError(
                f"the package {_PACKAGE} is not as expected: {len(names)} pictures, {len(truth)} labelled."
            )
        draft.finish(truth, f"{self.licence}\n\n{licence.decode(errors='replace')}")


def _truth(table: str) -> dict[str, str]:
    """Read lines of path, probability and kind of cell, parted by spaces."""
    rows = [line.split() for line in table.splitlines() if line.strip()]
    try:
        return {PurePosixPath(path).name: _CLASSES[f"{float(chance):.2f}"] for path, chance, _ in rows}
    except (ValueError, KeyError) as error:
        raise ShoalError(f"the labels of {_PACKAGE} cannot be read: {error}.") from error
