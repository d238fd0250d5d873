"""What a network in training sees of its images: crops, mirrored; edges instead of colours."""

import torch
from torch import Tensor, nn

from shoal.types import ShoalError

_HORIZONTAL = [[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]]


class Sobel(nn.Module):
    """Grey (the mean of the channels), then its two Sobel derivatives; fixed, as in Caron et al. (2018), 3.4.

    Put it before the network: `nn.Sequential(Sobel(), network)`, whose first layer then takes 2 channels.
    """

    kernels: Tensor

    def __init__(self) -> None:
        super().__init__()
        across = torch.tensor(_HORIZONTAL)
        # The signs are those of facebookresearch/deepcluster, models/alexnet.py.
        self.register_buffer("kernels", torch.stack([across, across.T])[:, None], persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return (B, 2, H, W): the change to the left and upwards in images (B, C, H, W), zeros outside."""
        grey = images.mean(dim=1, keepdim=True)
        return nn.functional.conv2d(grey, self.kernels.to(grey.dtype), padding=1)


class CropAndFlip(nn.Module):
    """A random part of each image, scaled to the image's size, mirrored half the time if `mirror`.

    The part's share of the area is uniform in [`least`, 1], the logarithm of its aspect ratio in
    [log 3/4, log 4/3]: torchvision's RandomResizedCrop and RandomHorizontalFlip, for a whole batch at once.
    """

    def __init__(self, least: float = 0.08, *, mirror: bool = True) -> None:
        super().__init__()
        self.least, self.mirror = least, mirror

    def extra_repr(self) -> str:
        """Say the settings."""
        return f"least={self.least}, mirror={self.mirror}"

    def forward(self, images: Tensor) -> Tensor:
        """Return one view (B, C, H, W) of each of images (B, C, H, W), by torch's random numbers.

        Raises `ShoalError` for anything but images of that shape.
        """
        if images.ndim != 4:
            raise ShoalError(
                f"CropAndFlip got the shape {tuple(images.shape)}; it takes images (B, C, H, W). For other "
                "items hand in another augmentation, or None."
            )
        n, device = len(images), images.device
        area = self.least + (1 - self.least) * torch.rand(n, device=device)
        aspect = torch.exp(torch.log(torch.tensor(4 / 3)) * (2 * torch.rand(n, device=device) - 1))
        width, height = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)
        mirrored = 1 - 2 * torch.randint(1 + self.mirror, (n,), device=device)
        matrix = torch.zeros(n, 2, 3, device=device)
        matrix[:, 0, 0], matrix[:, 1, 1] = width * mirrored, height
        matrix[:, 0, 2] = (1 - width) * (2 * torch.rand(n, device=device) - 1)
        matrix[:, 1, 2] = (1 - height) * (2 * torch.rand(n, device=device) - 1)
        grid = nn.functional.affine_grid(matrix, list(images.shape), align_corners=False)
        return nn.functional.grid_sample(images, grid, align_corners=False, padding_mode="border")
