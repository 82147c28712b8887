"""What of `torch._dynamo` libraries and users name: errors, limits, `reset`, `disable`, `OptimizedModule`."""

from jtorch._compile.function import limits as config
from jtorch._compile.function import reset as reset
from jtorch._dynamo import eval_frame as eval_frame
from jtorch._dynamo import exc as exc
from jtorch._dynamo.eval_frame import OptimizedModule as OptimizedModule
from jtorch._dynamo.eval_frame import disable as disable
from jtorch._dynamo.eval_frame import is_compiling as is_compiling
from jtorch._dynamo.eval_frame import list_backends as list_backends

__all__ = ["OptimizedModule", "config", "disable", "eval_frame", "exc", "is_compiling", "list_backends", "reset"]
