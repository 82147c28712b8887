"""torch.amp: mixed precision.

    with torch.autocast("cuda"):
        loss = model(x).square().mean()

https://docs.pytorch.org/docs/stable/amp.html
"""

from jtorch.amp.autocast_mode import autocast as autocast
from jtorch.amp.autocast_mode import custom_bwd as custom_bwd
from jtorch.amp.autocast_mode import custom_fwd as custom_fwd
from jtorch.amp.autocast_mode import is_autocast_available as is_autocast_available
from jtorch.amp.grad_scaler import GradScaler as GradScaler
