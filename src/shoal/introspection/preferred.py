"""What a unit sees: the image that excites it most, found by climbing its activation."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from shoal.arrays import is_number, is_whole
from shoal.introspection.checked import Floats, IntrospectionError, array_of
from shoal.introspection.modules import check_network
from shoal.networks import evaluating, in_its_precision, up_to, watching
from shoal.types import Progress, Watch

WHERE = ("everywhere", "centre")
FIRST = 0.01
"""The deviation of the first image's spectrum: almost grey."""
TINY = 1e-12
LEAK = 0.01
"""The slope of a ReLU where it is flat, for units that nothing else moves."""


@dataclass(frozen=True, slots=True)
class Preferred:
    """The images (U, H, W, C) float32 in [0, 1] that units like, and what they say to them.

    `before` (U,) is what they say to the almost grey image that the climb began with, `after` to these.
    """

    images: Floats
    before: Floats
    after: Floats


@dataclass(frozen=True, slots=True)
class Climb:
    """How to climb a unit's activation: everything besides network, layer and unit that decides the image.

    shape: the image (C, H, W) that the network takes, on the scale from 0 to 1 (put a layer that converts
    before a network of another scale). where: "everywhere", the mean over the unit's map, or "centre", its
    middle position, which shows what lies within its field of view (with jitter=0: exactly where).
    steps of AdamW at `rate`. jitter: each step shows the image shifted by up to so many px. smooth: what the
    total variation weighs against the unit's pull. fade: how fast what the unit does not mind turns grey.
    """

    shape: tuple[int, int, int] = (3, 128, 128)
    where: str = "everywhere"
    steps: int = 192
    rate: float = 0.05
    jitter: int = 8
    smooth: float = 0.05
    fade: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if self.where not in WHERE:
            raise IntrospectionError(f"a climb got where={self.where!r}; it takes one of {WHERE}.")
        shaped = isinstance(self.shape, Sequence) and len(self.shape) == 3
        whole = shaped and all(map(is_whole, (*self.shape, self.steps, self.jitter, self.seed)))
        real = whole and all(map(is_number, (self.rate, self.smooth, self.fade)))
        counts = real and min(self.shape) >= 1 and self.steps >= 1 and self.seed >= 0
        if not counts or self.rate <= 0 or min(self.jitter, self.smooth, self.fade) < 0:
            raise IntrospectionError(
                f"{self} is no climb: shape is (C, H, W), steps and rate are above 0, the rest at least 0; "
                "shape, steps, jitter and seed are whole numbers."
            )


def preferred_image(
    network: nn.Module, layer: str, unit: int, climb: Climb | None = None, *, device: str = "cpu"
) -> Floats:
    """Return the image (H, W, C) float32 in [0, 1] that one unit likes; see `preferred_images`."""
    image: Floats = preferred_images(network, layer, [unit], climb, device=device).images[0]
    return image


def preferred_images(
    network: nn.Module,
    layer: str,
    units: Sequence[int],
    climb: Climb | None = None,
    *,
    device: str = "cpu",
    watch: Watch = lambda _: None,
) -> Preferred:
    """Return the image that each unit of a layer likes, by gradient ascent on its activation.

    Erhan et al. (2009), with the regularisers of Olah et al. (2017): the image is a spectrum in which
    each frequency moves in proportion to its wavelength, and it is shown at a random place in each step.
    `layer` is a module's name, `units` are channels of its maps (B, C, h, w) or columns of its rows (B, D).

    The same arguments give the same image, whichever units are asked for together. The network is in
    evaluation mode meanwhile; its parameters, their gradients and its mode stay as they were. Raises
    `NetworkError` for a layer and `IntrospectionError` for a unit that there is not.
    """
    climb = climb or Climb()
    check_network("preferred_images()", network, [layer], device)
    units = _checked_units(units)
    network = up_to(network, [layer]).to(device)
    generator = torch.Generator().manual_seed(climb.seed)
    scale = _wavelengths(*climb.shape[1:]).to(device)
    begin = FIRST * torch.randn((1, climb.shape[0], *scale.shape, 2), generator=generator)
    spectrum = begin.to(device).repeat(len(units), 1, 1, 1, 1).requires_grad_()
    # the slope is about 1 a pixel: what is a thousand times less is the transform's rounding, not the unit's
    optimiser = torch.optim.AdamW([spectrum], lr=climb.rate, weight_decay=climb.fade, eps=1e-3)
    with _frozen(network), watching(network, [layer]) as seen:

        def say(images: Tensor) -> Tensor:
            network(in_its_precision(network, images))
            return _reading(seen, layer, units, climb.where).float()

        with torch.no_grad():
            begun = _paint(spectrum, scale, climb.shape).clamp(0, 1)
            try:
                before = say(begun)
            except RuntimeError as problem:
                raise IntrospectionError(
                    f"the network does not take pictures of shape {tuple(begun.shape)}: {problem}"
                ) from problem
        for step in range(climb.steps):
            shift = torch.randint(-climb.jitter, climb.jitter + 1, (2,), generator=generator).tolist()
            images = _paint(spectrum, scale, climb.shape)
            optimiser.zero_grad()
            shown = images.detach().clamp(0, 1)
            pull = _pull(say, torch.roll(shown, shift, (2, 3)), network).roll([-k for k in shift], (2, 3))
            slope = climb.smooth * _roughness(shown) - pull
            # what is white or black can become no more so, but always return
            stuck = ((images > 1) & (slope < 0)) | ((images < 0) & (slope > 0))
            torch.autograd.backward(images, slope.masked_fill(stuck, 0))
            optimiser.step()
            watch(Progress(step + 1, climb.steps, f"climbing {layer}"))
        with torch.no_grad():
            images = _paint(spectrum, scale, climb.shape).clamp(0, 1)
            after = say(images)
    return Preferred(_array(images.permute(0, 2, 3, 1)), _array(before), _array(after))


def _checked_units(units: ArrayLike) -> list[int]:
    numbers = array_of("preferred_images()", "units", units)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or not len(numbers):
        raise IntrospectionError(
            f"preferred_images() got units of shape {numbers.shape} and {numbers.dtype}; it takes one whole "
            "number or more."
        )
    return [int(unit) for unit in numbers]


def _pull(say: Callable[[Tensor], Tensor], images: Tensor, network: nn.Module) -> Tensor:
    """Return where each unit wants its image (U, C, H, W) to go, all equally hard whatever their layer."""
    images.requires_grad_()
    (pull,) = torch.autograd.grad(say(images).sum(), images)
    strength = pull.abs().mean(dim=(1, 2, 3), keepdim=True)
    if not bool((strength > 0).all()):
        # a unit that is silent, or can say no more, has no slope: Olah et al. (2017) let its ReLUs leak
        with _leaking(network):
            (leaked,) = torch.autograd.grad(say(images).sum(), images)
        pull = torch.where(strength > 0, pull, leaked)
        strength = pull.abs().mean(dim=(1, 2, 3), keepdim=True)
    return pull / strength.clamp_min(TINY)


def _roughness(images: Tensor) -> Tensor:
    """Return the slope of the total variation of images (U, C, H, W), whose edges meet."""
    images = images.clone().requires_grad_()
    down, right = (images - torch.roll(images, 1, side) for side in (2, 3))
    variation = (down.square() + right.square() + 1e-6).sqrt().sum()
    (slope,) = torch.autograd.grad(variation, images)
    return slope


@contextmanager
def _leaking(network: nn.Module) -> Iterator[None]:
    """Give every ReLU module a slope where it is flat; what it says stays the same."""

    def leak(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return output + LEAK * (inputs[0] - inputs[0].detach())

    relus = [module for module in network.modules() if isinstance(module, nn.ReLU | nn.ReLU6)]
    handles = [module.register_forward_hook(leak, prepend=True) for module in relus]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _reading(seen: dict[str, Tensor], layer: str, units: Sequence[int], where: str) -> Tensor:
    """Return what each unit says to its own image (U,)."""
    if layer not in seen:
        raise IntrospectionError(f"the network never runs its layer {layer!r}; choose another.")
    output = seen[layer]
    width = output.shape[1] if output.ndim > 1 else 0
    if min(units) < 0 or max(units) >= width:
        raise IntrospectionError(
            f"preferred_images() got the units {list(units)[:9]}; the layer {layer!r} has the units 0 to "
            f"{width - 1}."
        )
    own = output[torch.arange(len(units)), torch.as_tensor(units)]
    if own.ndim == 1:
        return own
    if where == "everywhere":
        return own.flatten(1).mean(dim=1)
    for side in own.shape[1:]:
        own = own[:, side // 2]
    return own


def _paint(spectrum: Tensor, scale: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Return the images (U, C, H, W) of spectra (U, C, H, W // 2 + 1, 2); 0.5 is grey, none is cut yet."""
    waves = torch.view_as_complex(spectrum) * scale
    images: Tensor = 0.5 + torch.fft.irfft2(waves, s=shape[1:], norm="ortho") / 4
    return images


def _wavelengths(height: int, width: int) -> Tensor:
    """Return each frequency's wavelength in px (H, W // 2 + 1), that of the mean as the longest side."""
    frequencies = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None])
    return 1.0 / frequencies.clamp_min(1.0 / max(height, width))


@contextmanager
def _frozen(network: nn.Module) -> Iterator[None]:
    """Keep the network in evaluation mode and its parameters without gradients."""
    wanted = [(one, one.requires_grad) for one in network.parameters()]
    with evaluating(network):
        try:
            for one, _ in wanted:
                one.requires_grad_(False)
            yield
        finally:
            for one, before in wanted:
                one.requires_grad_(before)


def _array(tensor: Tensor) -> Floats:
    array: Floats = np.ascontiguousarray(tensor.detach().float().cpu().numpy())
    return array
