"""How a workspace's map is made: the choices, checked before anything is stored."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from shoal.backbones.tuned import full_name, open_backbone, require_backbone
from shoal.projectors import PROJECTORS
from shoal.types import Projector, ShoalError
from shoal.workspace import Workspace

DEFAULT_BACKBONE = "efficientnet_lite0"
DEFAULT_PROJECTOR = "tsne"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a map is made. `layer` None is the backbone's last; `fast` trades exactness for speed."""

    backbone: str = DEFAULT_BACKBONE
    layer: str | None = None
    projector: str = DEFAULT_PROJECTOR
    fast: bool = False
    seed: int = 0

    @classmethod
    def of(cls, workspace: Workspace) -> "Recipe":
        """Read the recipe that the workspace was made with; what it lacks takes the default."""
        stored = workspace.settings()
        return cls(
            backbone=stored.get("backbone", DEFAULT_BACKBONE),
            layer=stored.get("layer") or None,
            projector=stored.get("projector", DEFAULT_PROJECTOR),
            fast=bool(stored.get("fast")),
            seed=int(stored.get("seed", "0")),
        )

    def changed(
        self,
        *,
        backbone: str | None = None,
        layer: str | None = None,
        projector: str | None = None,
        fast: bool | None = None,
    ) -> "Recipe":
        """Return the recipe with what is given put in its place; None keeps what was."""
        return Recipe(
            backbone=full_name(backbone) if backbone else self.backbone,
            layer=layer or self.layer,
            projector=projector or self.projector,
            fast=self.fast if fast is None else fast,
            seed=self.seed,
        )

    def check(self, workspace: Workspace) -> None:
        """Raise `ShoalError` when this workspace cannot be gone on with in this way; nothing is changed."""
        require_backbone(self.backbone)
        PROJECTORS.require(self.projector)
        stored = workspace.backbone()
        before = Recipe.of(workspace)
        if stored and (self.backbone, self.fast) != (before.backbone, before.fast):
            raise ShoalError(
                f"{workspace.path} holds vectors of {_described(before)} and cannot go on with "
                f"{_described(self)}: leave the option out, or make another workspace with --into."
            )
        if self.layer is None:
            return
        layers = (
            workspace.layers
            if stored
            else [layer.name for layer in open_backbone(self.backbone, fast=self.fast).layers()]
        )
        if self.layer not in layers:
            raise ShoalError(f"{self.backbone} has no layer {self.layer!r}. There are: {', '.join(layers)}.")

    def save(self, workspace: Workspace) -> None:
        """Write the recipe into the workspace, so that a later run goes on in the same way; checked first."""
        self.check(workspace)
        settings = workspace.settings()
        texts = {
            "backbone": self.backbone,
            "layer": self.layer or "",
            "projector": self.projector,
            "fast": "yes" if self.fast else "",
            "seed": str(self.seed),
        }
        for key, value in texts.items():
            if settings.get(key) != value:
                workspace.set_setting(key, value)

    def layer_of(self, workspace: Workspace) -> str:
        """Return the layer that the map is drawn of."""
        own = workspace.backbone()
        if self.layer or own is None:
            return self.layer or ""
        return own.layers[-1]

    def make_projector(self) -> Projector:
        """Return the projector."""
        projector: Projector = PROJECTORS.load(self.projector)(seed=self.seed)
        return projector


def _described(recipe: Recipe) -> str:
    return f"{recipe.backbone} with --fast" if recipe.fast else recipe.backbone


@dataclass(frozen=True, slots=True)
class Task:
    """What a job shall do, written into the workspace so that the job needs nothing else.

    No `piles` means all of the workspace's sources; `retry` tries again what was skipped before.
    """

    piles: Sequence[str] = ()
    retry: bool = False

    def save(self, workspace: Workspace) -> None:
        """Write the task down."""
        workspace.set_setting("task", json.dumps({"piles": list(self.piles), "retry": self.retry}))

    @classmethod
    def of(cls, workspace: Workspace) -> "Task":
        """Read the task that was written last."""
        stored = json.loads(workspace.settings().get("task", "{}"))
        return cls(piles=stored.get("piles", []), retry=bool(stored.get("retry", False)))
