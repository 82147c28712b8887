"""``torch.utils``: data loading, checkpoints, and the handles of hooks."""

from . import _pytree as _pytree
from . import checkpoint as checkpoint
from . import data as data
from . import dlpack as dlpack
from . import hooks as hooks
