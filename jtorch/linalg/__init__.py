"""torch.linalg: decompositions, solvers, norms. Each function is in the file of its heading on torch's page.

https://docs.pytorch.org/docs/stable/linalg.html
"""

from jtorch._declare import registry as _registry
from jtorch.linalg import decompositions as decompositions
from jtorch.linalg import householder as householder
from jtorch.linalg import inverses as inverses
from jtorch.linalg import ldl_factors as ldl_factors
from jtorch.linalg import lowrank as lowrank
from jtorch.linalg import lu_factors as lu_factors
from jtorch.linalg import older as older
from jtorch.linalg import products as products
from jtorch.linalg import properties as properties
from jtorch.linalg import solvers as solvers
from jtorch.linalg.checks import LinAlgError as LinAlgError

globals().update(_registry.namespace("torch.linalg"))
