"""Learning rate schedules: ``torch.optim.lr_scheduler``."""

from jtorch.optim.lr_scheduler.base import LRScheduler as LRScheduler
from jtorch.optim.lr_scheduler.cosine import CosineAnnealingLR as CosineAnnealingLR
from jtorch.optim.lr_scheduler.cosine import CosineAnnealingWarmRestarts as CosineAnnealingWarmRestarts
from jtorch.optim.lr_scheduler.factors import ConstantLR as ConstantLR
from jtorch.optim.lr_scheduler.factors import ExponentialLR as ExponentialLR
from jtorch.optim.lr_scheduler.factors import LambdaLR as LambdaLR
from jtorch.optim.lr_scheduler.factors import LinearLR as LinearLR
from jtorch.optim.lr_scheduler.factors import MultiplicativeLR as MultiplicativeLR
from jtorch.optim.lr_scheduler.factors import MultiStepLR as MultiStepLR
from jtorch.optim.lr_scheduler.factors import PolynomialLR as PolynomialLR
from jtorch.optim.lr_scheduler.factors import StepLR as StepLR
from jtorch.optim.lr_scheduler.one_cycle import OneCycleLR as OneCycleLR
from jtorch.optim.lr_scheduler.plateau import ReduceLROnPlateau as ReduceLROnPlateau
from jtorch.optim.lr_scheduler.sequential import ChainedScheduler as ChainedScheduler
from jtorch.optim.lr_scheduler.sequential import SequentialLR as SequentialLR

_LRScheduler = LRScheduler  # its name before PyTorch 2.0
