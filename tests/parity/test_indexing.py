"""What stands between brackets, read and written, side by side with torch."""

from typing import Any

import numpy as np
import pytest

from tests.parity.compare import LIBRARIES, outcome, same_error, same_results, same_tensor

# Keys for a (3, 4) matrix x and a (2, 3, 4) cube b; i and j are index tensors, m is a mask of x.
ALL_KEYS = """
    x[[[0,1],[1,0]]] x[[True,False,True]] x[[0,slice(None)]] x[[slice(0,1),slice(0,2)]]
    x[[None,0]] x[[i,i]] x[[i,0]] x[[0,Ellipsis]] x[[]] x[[[]]] x[()] x[np.array([0,1])]
    x[np.array([[0,1],[1,0]])] x[np.array([True,False,True])] x[np.int64(1)] x[np.array(1)]
    x[np.array(True)] x[np.array([0.0,1.0])] x[[0.5]] x[0.5] x['a'] x[torch.tensor(1)]
    x[torch.tensor(1),i] x[torch.tensor(1.0)] x[1:0:-1] x[::0] x[torch.tensor(1):] x[1.5:]
    b[0,:,i] b[:,0,i] b[i-1,:,i] b[0,None,i] b[...,i] b[None,...,i,None] b[i[:1]*0,...,0]
    b[...,True] b[0,True] b[True,i*0] b[i*0,True] b[i*0,None,i] b[i*0,:,None,i]
    b[True,False] b[m] b[:,m] b[0,m] b[m,0] b[(b>4)[:,:,0],1] b[(b>4)[:,:,0],i]
    b[range(1,2),0] b[((0,1),(1,2))] b[[0,1],(1,2)] b[5] b[0,0,0,0] x[i,j]
    x[[],[0,1]] x[{}] x[1,[0]] x[2**63] x[[(0,1),(1,0)]]
    x[[np.array([0,1]),np.array([1,0])]]
"""
KEYS = ALL_KEYS.split()

VALUES = ["2.5", "True", "torch.tensor(2.5)", "torch.ones(1,1,4)", "torch.ones(2)", "None"]


def names(library: Any) -> dict[str, Any]:
    x = library.arange(12.0).reshape(3, 4)
    return {
        "torch": library,
        "np": np,
        "x": x.requires_grad_(),
        "b": library.arange(24.0).reshape(2, 3, 4),
        "i": library.tensor([2, 0]),
        "j": library.tensor([0, 1, 2]),
        "m": library.tensor([[True, False, True, False], [False] * 4, [True] * 4]),
    }


def read(library: Any, key: str) -> Any:
    return eval(key, names(library))


def written(library: Any, key: str, value: str) -> Any:
    given = names(library)
    target = given["x"] = given["x"].detach()
    exec(f"{key} = {value}", given)
    return target if key.startswith("x") else given["b"]


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence")
@pytest.mark.parametrize("key", KEYS)
def test_read(key: str) -> None:
    (theirs, wrong), (ours, error) = (outcome(read, library, key) for library in LIBRARIES)
    if wrong is not None:
        same_error(wrong, error)
        return
    assert error is None, error
    same_results(theirs, ours)


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence")
@pytest.mark.parametrize("key", KEYS)
def test_write(key: str) -> None:
    for value in VALUES:
        (theirs, wrong), (ours, error) = (
            outcome(written, library, key, value) for library in LIBRARIES
        )
        if wrong is not None:
            same_error(wrong, error)
            continue
        assert error is None, (value, error)
        same_tensor(theirs, ours, f"{key} = {value}")


@pytest.mark.parametrize("dtype", ["int64", "bool", "float16"])
@pytest.mark.parametrize("key", ["x[i]", "x[i,i]", "x[m]", "x[0]"])
@pytest.mark.parametrize("number", [2.7, 3, True])
def test_a_number_takes_the_dtype_of_what_it_is_written_to(
    key: str, number: float, dtype: str
) -> None:
    theirs, ours = (assigned(library, key, number, dtype) for library in LIBRARIES)
    same_tensor(theirs, ours)


def assigned(library: Any, key: str, number: float, dtype: str) -> Any:
    given = names(library)
    given["x"] = given["x"].detach().to(getattr(library, dtype))
    exec(f"{key} = {number}", given)
    return given["x"]


@pytest.mark.parametrize("key", ["x[m]", "b[:,m]", "x[[True,False,True]]", "x[i]", "x[m,None]"])
def test_a_mask_takes_a_number_of_any_dtype(key: str) -> None:
    (theirs, wrong), (ours, error) = (
        outcome(written, library, key, "torch.tensor(2)") for library in LIBRARIES
    )
    if wrong is not None:
        same_error(wrong, error)
        return
    assert error is None, error
    same_tensor(theirs, ours)
