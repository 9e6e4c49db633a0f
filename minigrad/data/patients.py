"""442 patients with diabetes, and how it went on (diabetes.txt says where they come from)."""

import numpy as np

from minigrad.data.shipped import table
from minigrad.ops.creation import from_numpy
from minigrad.tensor import Tensor


def diabetes(scaled: bool = True) -> tuple[Tensor, Tensor]:
    """Measurements (442, 10) and the progression of the disease a year later (442,), float32.

    `scaled`: each column has mean 0 and standard deviation 1.  The columns are age, sex, body mass
    index, blood pressure and six measurements of the blood.
    """
    rows = np.array(table("diabetes"), np.float64)
    features, progression = rows[:, :10], rows[:, 10]
    if scaled:
        features = (features - features.mean(axis=0)) / features.std(axis=0)
    return from_numpy(features.astype(np.float32)), from_numpy(progression.astype(np.float32))
