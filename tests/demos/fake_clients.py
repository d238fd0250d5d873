"""A machine with a fake npm and a fake pip: they pack what the test lays out, and count their calls."""

import io
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

CLIENT = """#!/bin/sh
echo "$@" >> "{box}/calls"
if [ -e "{box}/broken" ]; then echo 'npm warn old' >&2; cat "{box}/broken" >&2; exit 7; fi
while [ $# -gt 1 ]; do
  case "$1" in
    --pack-destination|--dest) into="$2" ;;
    *@lobehub/*) file=pictures.tgz ;;
    unicode-emoji-json@*) file=categories.tgz ;;
  esac
  shift
done
case "$1" in elpv-dataset==*) file=elpv.whl ;; esac
case "$1" in *) [ -d "$1" ] && into="$1" ;; esac
cp "{box}/$file" "$into/"
"""


@dataclass
class Machine:
    """Where the fake clients take archives from (`box`)."""

    box: Path

    def calls(self) -> list[str]:
        log = self.box / "calls"
        return log.read_text().splitlines() if log.exists() else []

    def tgz(self, name: str, members: dict[str, bytes | tarfile.TarInfo]) -> Path:
        path = self.box / name
        with tarfile.open(path, "w:gz") as tar:
            for member, data in members.items():
                if isinstance(data, tarfile.TarInfo):
                    tar.addfile(data)
                else:
                    info = tarfile.TarInfo(member)
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
        return path

    def wheel(self, name: str, members: dict[str, bytes]) -> Path:
        path = self.box / name
        with zipfile.ZipFile(path, "w") as parcel:
            for member, data in members.items():
                parcel.writestr(member, data)
        return path
