"""torch.nn.functional: layers without state. Each function is in the file of its heading on torch's page.

https://docs.pytorch.org/docs/stable/nn.functional.html
"""

from jtorch._declare import registry as _registry
from jtorch.nn.functional import activation as _activation
from jtorch.nn.functional import attention as _attention
from jtorch.nn.functional import conv as _conv
from jtorch.nn.functional import distance as _distance
from jtorch.nn.functional import dropout as _dropout
from jtorch.nn.functional import embedding as _embedding
from jtorch.nn.functional import linear as _linear
from jtorch.nn.functional import loss as _loss
from jtorch.nn.functional import loss_class as _loss_class
from jtorch.nn.functional import normalization as _normalization
from jtorch.nn.functional import padding as _padding
from jtorch.nn.functional import pooling as _pooling
from jtorch.nn.functional import pooling_mean as _pooling_mean
from jtorch.nn.functional import sampling as _sampling
from jtorch.nn.functional import vision as _vision

globals().update(_registry.namespace("torch.nn.functional"))
