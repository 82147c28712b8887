"""torch.testing: comparing what a test computed with what it should be, and making tensors to test with.

https://docs.pytorch.org/docs/stable/testing.html
"""

from jtorch.testing.comparison import assert_allclose as assert_allclose
from jtorch.testing.comparison import assert_close as assert_close
from jtorch.testing.creation import make_tensor as make_tensor
