"""torch.backends: settings of the libraries behind torch. XLA chooses its kernels itself: what is set is kept, no more.

What is available is told truly: `cuda` and `mps` when JAX has such devices; cuDNN, MKL and their like are never called
by jtorch.

https://docs.pytorch.org/docs/stable/backends.html
"""

from jtorch.backends import cpu as cpu
from jtorch.backends import cuda as cuda
from jtorch.backends import cudnn as cudnn
from jtorch.backends import cusparselt as cusparselt
from jtorch.backends import kleidiai as kleidiai
from jtorch.backends import mha as mha
from jtorch.backends import miopen as miopen
from jtorch.backends import mkl as mkl
from jtorch.backends import mkldnn as mkldnn
from jtorch.backends import mps as mps
from jtorch.backends import nnpack as nnpack
from jtorch.backends import openmp as openmp
from jtorch.backends import opt_einsum as opt_einsum
from jtorch.backends import quantized as quantized

fp32_precision = "none"
