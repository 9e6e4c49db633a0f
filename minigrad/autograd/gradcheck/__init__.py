"""gradcheck: compare the derivatives that are computed with finite differences.

check.py        the public functions, and the order of the checks
subject.py      what is checked: a function at a point
jacobians.py    Jacobians by finite differences and by backward; forward.py by forward mode
compare.py      the one against the other
demands.py      what backward must do besides giving the right numbers; batched.py many at once
message.py      what is said of a mismatch; hints.py which usual mistake it looks like
"""

from minigrad.autograd.gradcheck.check import gradcheck, gradgradcheck
from minigrad.autograd.gradcheck.error import GradcheckError

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]
