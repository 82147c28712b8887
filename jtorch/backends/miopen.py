"""torch.backends.miopen: a kept setting."""

from jtorch.backends._kept import flags_of

immediate = False
set_flags, flags = flags_of(globals(), "immediate")
