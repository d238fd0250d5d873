"""The data sets: each loader reads the real thing where it lies, or says that it is not here.

They lie in $SHOAL_DATA, or in `../shared/data` beside the project; Fashion-MNIST in Debian's package.
"""

from experiments.data.cifar import cifar100
from experiments.data.idx import fashion, mnist
from experiments.data.photographs import caltech101, cub
from experiments.data.pictures import Pictures, data_folder, stand_in

__all__ = ["Pictures", "caltech101", "cifar100", "cub", "data_folder", "fashion", "mnist", "stand_in"]
