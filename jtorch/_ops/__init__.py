"""Layer 3: the bodies of torch.*, from arrays to arrays, by the headings of torch's reference."""

from jtorch._ops import creation as creation
