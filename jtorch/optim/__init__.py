"""Optimizers and learning rate schedules: ``torch.optim``."""

from jtorch.optim import lr_scheduler as lr_scheduler
from jtorch.optim.adam import Adam as Adam
from jtorch.optim.adamw import AdamW as AdamW
from jtorch.optim.optimizer import Optimizer as Optimizer
from jtorch.optim.sgd import SGD as SGD
from jtorch.optim.sparse_adam import SparseAdam as SparseAdam
