"""Layer 3: the bodies of torch.*, from arrays to arrays, by the headings of torch's reference."""

from jtorch._ops import bitwise as bitwise
from jtorch._ops import comparison as comparison
from jtorch._ops import complex_parts as complex_parts
from jtorch._ops import conversion as conversion
from jtorch._ops import counting as counting
from jtorch._ops import creation as creation
from jtorch._ops import cumulative as cumulative
from jtorch._ops import einsum as einsum
from jtorch._ops import elementary as elementary
from jtorch._ops import facts as facts
from jtorch._ops import indexing as indexing
from jtorch._ops import joining as joining
from jtorch._ops import masking as masking
from jtorch._ops import matmul as matmul
from jtorch._ops import numerical as numerical
from jtorch._ops import pointwise as pointwise
from jtorch._ops import random as random
from jtorch._ops import recurrent as recurrent
from jtorch._ops import reduction as reduction
from jtorch._ops import scattering as scattering
from jtorch._ops import sorting as sorting
from jtorch._ops import splitting as splitting
from jtorch._ops import structure as structure
from jtorch._ops import view_scatter as view_scatter
from jtorch._ops import views as views
