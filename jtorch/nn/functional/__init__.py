"""torch.nn.functional: layers without state. Each function is in the file of its heading on torch's page.

https://docs.pytorch.org/docs/stable/nn.functional.html
"""

from jtorch._declare import registry as _registry
from jtorch.nn.functional import activation as activation
from jtorch.nn.functional import aten_layers as aten_layers
from jtorch.nn.functional import attention as attention
from jtorch.nn.functional import conv as conv
from jtorch.nn.functional import distance as distance
from jtorch.nn.functional import dropout as dropout
from jtorch.nn.functional import embedding as embedding
from jtorch.nn.functional import grouped as grouped
from jtorch.nn.functional import linear as linear
from jtorch.nn.functional import loss as loss
from jtorch.nn.functional import loss_class as loss_class
from jtorch.nn.functional import loss_linear as loss_linear
from jtorch.nn.functional import missing as missing
from jtorch.nn.functional import multi_head as multi_head
from jtorch.nn.functional import native as native
from jtorch.nn.functional import normalization as normalization
from jtorch.nn.functional import overrides as overrides
from jtorch.nn.functional import padding as padding
from jtorch.nn.functional import pooling as pooling
from jtorch.nn.functional import pooling_fractional as pooling_fractional
from jtorch.nn.functional import pooling_mean as pooling_mean
from jtorch.nn.functional import sampling as sampling
from jtorch.nn.functional import sequence as sequence
from jtorch.nn.functional import spectral as spectral
from jtorch.nn.functional import vision as vision

globals().update(_registry.namespace("torch.nn.functional"))
