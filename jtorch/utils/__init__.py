"""``torch.utils``: data loading, and the handles of hooks."""

from . import data as data
from . import hooks as hooks
