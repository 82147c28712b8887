"""Anomaly detection as a mode.

https://docs.pytorch.org/docs/stable/autograd.html#anomaly-detection
"""

from __future__ import annotations

from jtorch._engine import anomaly
from jtorch._types.user_frame import warn


class set_detect_anomaly:
    """Switches anomaly detection, at once and for a `with` block.

    >>> import jtorch as torch
    >>> with torch.autograd.set_detect_anomaly(True):
    ...     torch.is_anomaly_enabled()
    True
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = anomaly.state.enabled, anomaly.state.check_nan
        anomaly.set_anomaly_enabled(mode, check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        anomaly.set_anomaly_enabled(*self._before)


class detect_anomaly(set_detect_anomaly):
    """A block in which backward stops at the first gradient that is nan and names the function it was made in.

    >>> import jtorch as torch
    >>> x = torch.zeros(1, requires_grad=True)
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"), torch.autograd.detect_anomaly():
    ...     (x.sqrt() * 0).backward()
    Traceback (most recent call last):
    RuntimeError: Function 'SqrtBackward0' returned nan values in its 0th output.
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._before = anomaly.state.enabled, anomaly.state.check_nan
        self.check_nan = check_nan
        warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for "
            "debugging."
        )

    def __enter__(self) -> None:
        anomaly.set_anomaly_enabled(True, self.check_nan)
