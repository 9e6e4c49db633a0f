"""Every scheduler beside torch's: rates and momenta by epoch, resumed, and what is refused."""

import copy
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import minigrad

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity

EPOCHS = 35
LRS = (0.5, 0.125)  # of two groups

Make = Callable[[Any, Any], Any]  # of torch.optim.lr_scheduler, or ours, and an optimizer


class Halving:
    """A schedule that is an object: its attributes are saved."""

    def __init__(self, rate: float = 0.5):
        self.rate = rate

    def __call__(self, epoch: int) -> float:
        return self.rate ** (epoch // 4)


SCHEDULES: dict[str, Make] = {
    "LambdaLR": lambda s, o: s.LambdaLR(o, lambda epoch: 0.95**epoch),
    "LambdaLR of each": lambda s, o: s.LambdaLR(o, [Halving(), lambda epoch: 1 / (1 + epoch)]),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, lambda epoch: 1 - epoch / 100),
    "StepLR": lambda s, o: s.StepLR(o, 3),
    "StepLR gamma": lambda s, o: s.StepLR(o, step_size=10, gamma=0.5),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [2, 5, 5, 30], gamma=0.3),
    "ConstantLR": lambda s, o: s.ConstantLR(o),
    "ConstantLR factor": lambda s, o: s.ConstantLR(o, factor=0.25, total_iters=11),
    "LinearLR": lambda s, o: s.LinearLR(o),
    "LinearLR down": lambda s, o: s.LinearLR(o, 1.0, 0.1, total_iters=20),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, gamma=0.9),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o),
    "PolynomialLR power": lambda s, o: s.PolynomialLR(o, total_iters=20, power=2.0),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 8),
    "CosineAnnealingLR eta_min": lambda s, o: s.CosineAnnealingLR(o, T_max=50, eta_min=0.01),
    "warm restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 4),
    "warm restarts T_mult": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 2, eta_min=0.02),
    "CyclicLR": lambda s, o: s.CyclicLR(o, 0.1, 0.9, step_size_up=4),
    "CyclicLR triangular2": lambda s, o: s.CyclicLR(
        o, [0.1, 0.2], [0.9, 0.8], 4, 3, "triangular2", base_momentum=0.7, max_momentum=0.95
    ),
    "CyclicLR exp_range": lambda s, o: s.CyclicLR(
        o, 0.1, 0.9, 5, mode="exp_range", gamma=0.97, cycle_momentum=False
    ),
    "CyclicLR scale_fn": lambda s, o: s.CyclicLR(o, 0.1, 0.9, 5, scale_fn=Halving(0.75)),
    "CyclicLR iterations": lambda s, o: s.CyclicLR(
        o, 0.1, 0.9, 5, scale_fn=lambda x: 1 / (1 + x), scale_mode="iterations"
    ),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, 1.0, total_steps=EPOCHS),
    "OneCycleLR three phases": lambda s, o: s.OneCycleLR(
        o, [1.0, 0.5], epochs=4, steps_per_epoch=10, three_phase=True, anneal_strategy="linear"
    ),
    "OneCycleLR factors": lambda s, o: s.OneCycleLR(
        o, 1.0, 40, pct_start=0.4, div_factor=10.0, final_div_factor=100.0, cycle_momentum=False
    ),
    "SequentialLR": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.1, 3), s.ExponentialLR(o, 0.9), s.LinearLR(o)], [4, 20]
    ),
    "SequentialLR warmup": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, total_iters=5), s.CosineAnnealingLR(o, 30)], milestones=[5]
    ),
    "SequentialLR of other kinds": lambda s, o: s.SequentialLR(
        o,
        [
            s.LambdaLR(o, lambda epoch: 1 + epoch),
            s.CosineAnnealingWarmRestarts(o, 4),
            s.StepLR(o, 3),
            s.MultiStepLR(o, [2, 3]),
            s.PolynomialLR(o),
        ],
        [3, 10, 20, 26],
    ),
    "ChainedScheduler": lambda s, o: s.ChainedScheduler(
        [s.ConstantLR(o, 0.1, 4), s.ExponentialLR(o, 0.9), s.MultiStepLR(o, [10, 20])]
    ),
    "ChainedScheduler of a sequence": lambda s, o: s.ChainedScheduler(
        [s.SequentialLR(o, [s.LinearLR(o), s.StepLR(o, 2)], [6]), s.ExponentialLR(o, 0.95)], o
    ),
    "SWALR": lambda s, o: swa(s).SWALR(o, swa_lr=0.05),
    "SWALR linear": lambda s, o: swa(s).SWALR(o, [0.05, 0.3], 5, anneal_strategy="linear"),
    "SWALR at once": lambda s, o: swa(s).SWALR(o, 0.05, anneal_epochs=0),
}
RULES: dict[str, dict[str, Any]] = {"SGD": {"momentum": 0.9}, "Adam": {}}


def swa(schedulers: Any) -> Any:
    ours = schedulers is minigrad.optim.lr_scheduler
    return (minigrad if ours else torch).optim.swa_utils


def optimizer_of(library: Any, rule: str = "SGD") -> Any:
    params = [library.nn.Parameter(library.ones(2)) for _ in LRS]
    groups = [{"params": [param], "lr": lr} for param, lr in zip(params, LRS, strict=True)]
    return getattr(library.optim, rule)(groups, **RULES[rule])


def options(optimizer: Any) -> list[float]:
    """The rates and the momenta."""
    groups = optimizer.param_groups
    momenta = [g["betas"][0] if "betas" in g else g["momentum"] for g in groups]
    return [*[group["lr"] for group in groups], *momenta]


def course(optimizer: Any, scheduler: Any, epochs: int) -> Iterator[list[float]]:
    for _ in range(epochs):
        optimizer.step()
        scheduler.step()
        yield [*options(optimizer), *scheduler.get_last_lr()]


@pytest.fixture(autouse=True)
def quietly() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def both(make: Make, rule: str) -> list[tuple[Any, Any]]:
    pairs = []
    for library in (minigrad, torch):
        optimizer = optimizer_of(library, rule)
        pairs.append((optimizer, make(library.optim.lr_scheduler, optimizer)))
    return pairs


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_and_momenta(name: str, rule: str) -> None:
    (ours, our_scheduler), (theirs, their_scheduler) = both(SCHEDULES[name], rule)
    assert options(ours) == pytest.approx(options(theirs), rel=1e-12)
    pairs = zip(
        course(ours, our_scheduler, EPOCHS), course(theirs, their_scheduler, EPOCHS), strict=True
    )
    for epoch, (mine, other) in enumerate(pairs):
        assert mine == pytest.approx(other, rel=1e-12, abs=1e-15), epoch


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_resumed_course_goes_on(name: str) -> None:
    optimizer = optimizer_of(minigrad)
    scheduler = SCHEDULES[name](minigrad.optim.lr_scheduler, optimizer)
    list(course(optimizer, scheduler, 9))
    saved = copy.deepcopy((optimizer.state_dict(), scheduler.state_dict()))
    expected = list(course(optimizer, scheduler, 20))
    again = optimizer_of(minigrad)
    scheduler = SCHEDULES[name](minigrad.optim.lr_scheduler, again)
    again.load_state_dict(saved[0])
    scheduler.load_state_dict(saved[1])
    assert list(course(again, scheduler, 20)) == expected


def plain(state: Any) -> Any:
    """A state_dict with the details of torch's own bookkeeping left out."""
    if isinstance(state, dict):
        own = ("_scale_fn_ref", "_anneal_strategy", "anneal_func")
        return {name: plain(value) for name, value in state.items() if name not in own}
    return [plain(value) for value in state] if isinstance(state, list | tuple) else state


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_state_dict_of_torchs_goes_on_here(name: str) -> None:
    (ours, our_scheduler), (theirs, their_scheduler) = both(SCHEDULES[name], "SGD")
    list(course(theirs, their_scheduler, 9))
    state = copy.deepcopy(their_scheduler.state_dict())
    list(course(ours, our_scheduler, 9))
    mine = plain(our_scheduler.state_dict())
    assert mine.keys() == plain(state).keys()
    again = optimizer_of(minigrad)
    scheduler = SCHEDULES[name](minigrad.optim.lr_scheduler, again)
    again.load_state_dict(theirs.state_dict())
    scheduler.load_state_dict(state)
    pairs = zip(course(again, scheduler, 20), course(theirs, their_scheduler, 20), strict=True)
    for mine, other in pairs:
        assert mine == pytest.approx(other, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", [n for n in SCHEDULES if "Chained" not in n and "Seq" not in n])
@pytest.mark.parametrize("last_epoch", [0, 4, 9])
def test_last_epoch(name: str, last_epoch: int) -> None:
    """As torch does it: with the optimizer's state as it was after that epoch."""
    results = []
    for library in (minigrad, torch):
        optimizer = optimizer_of(library)
        scheduler = SCHEDULES[name](library.optim.lr_scheduler, optimizer)
        list(course(optimizer, scheduler, last_epoch))

        class At:
            """The schedulers' module, whose schedulers begin after `last_epoch`."""

            def __init__(self, module: Any):
                self.module = module

            def __getattr__(self, what: str) -> Any:
                kind = getattr(self.module, what)
                return lambda *args, **named: kind(*args, **named, last_epoch=last_epoch)

        schedulers = At(library.optim.lr_scheduler)
        if "SWALR" in name:
            kind = At(library.optim.swa_utils).SWALR
            scheduler = kind(optimizer, swa_lr=0.05)
        else:
            scheduler = SCHEDULES[name](schedulers, optimizer)
        results.append([options(optimizer), *course(optimizer, scheduler, 5)])
    for mine, other in zip(*results, strict=True):
        assert mine == pytest.approx(other, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", [n for n in SCHEDULES if "Chained" not in n and "Seq" not in n])
def test_a_given_epoch(name: str) -> None:
    """step(epoch), deprecated."""
    results = []
    for pair in both(SCHEDULES[name], "SGD"):
        optimizer, scheduler = pair
        values = []
        for epoch in (3, 7, 2, 0, 20):
            scheduler.step(epoch)
            values.append(options(optimizer))
        results.append(values)
    for mine, other in zip(*results, strict=True):
        assert mine == pytest.approx(other, rel=1e-12, abs=1e-15)


METRICS = [1.0, 0.9, 0.95, 0.94, 0.93, 0.92, 0.5, 0.51, 0.52, 0.499, 0.5, 0.5, 0.5] * 3


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"patience": 2},
        {"mode": "max", "patience": 1, "factor": 0.5},
        {"patience": 1, "threshold": 0.01, "threshold_mode": "abs", "cooldown": 2},
        {"patience": 0, "mode": "max", "threshold_mode": "abs", "min_lr": [0.01, 0.1]},
        {"patience": 0, "min_lr": 0.001, "eps": 0.05},
    ],
)
def test_plateau(arguments: dict[str, Any]) -> None:
    results, states = [], []
    for library in (minigrad, torch):
        optimizer = optimizer_of(library)
        scheduler = library.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **arguments)
        values = []
        for metric in METRICS:
            scheduler.step(library.tensor(metric))
            values.append([*options(optimizer), *scheduler.get_last_lr()])
        results.append(values)
        states.append(scheduler.state_dict())
    for mine, other in zip(*results, strict=True):
        assert mine == pytest.approx(other, rel=1e-12)
    ours, theirs = ({k: v for k, v in s.items() if k[:4] not in ("min_", "_las")} for s in states)
    assert ours == theirs


REFUSED: dict[str, Make] = {
    "no optimizer": lambda s, o: s.ExponentialLR(1, 0.5),
    "no optimizer to cycle": lambda s, o: s.CyclicLR(1, 0.1, 0.2),
    "no optimizer for one cycle": lambda s, o: s.OneCycleLR(1, 0.1, 10),
    "no initial rate": lambda s, o: s.StepLR(o, 3, last_epoch=4),
    "lambdas": lambda s, o: s.LambdaLR(o, [lambda epoch: 1.0]),
    "no function": lambda s, o: s.MultiplicativeLR(o, 0.5),
    "constant": lambda s, o: s.ConstantLR(o, factor=1.5),
    "linear start": lambda s, o: s.LinearLR(o, start_factor=0),
    "linear end": lambda s, o: s.LinearLR(o, end_factor=2),
    "T_0": lambda s, o: s.CosineAnnealingWarmRestarts(o, 0),
    "T_mult": lambda s, o: s.CosineAnnealingWarmRestarts(o, 1, 0),
    "eta_min": lambda s, o: s.CosineAnnealingWarmRestarts(o, 1, 1, "low"),
    "negative epoch": lambda s, o: s.CosineAnnealingWarmRestarts(o, 4).step(-1),
    "base_lr": lambda s, o: s.CyclicLR(o, [0.1], 0.5),
    "mode": lambda s, o: s.CyclicLR(o, 0.1, 0.5, mode="square"),
    "total_steps": lambda s, o: s.OneCycleLR(o, 0.1, 0),
    "epochs": lambda s, o: s.OneCycleLR(o, 0.1, epochs=0, steps_per_epoch=3),
    "steps_per_epoch": lambda s, o: s.OneCycleLR(o, 0.1, epochs=3, steps_per_epoch=0.5),
    "no steps": lambda s, o: s.OneCycleLR(o, 0.1),
    "pct_start": lambda s, o: s.OneCycleLR(o, 0.1, 10, pct_start=2.0),
    "anneal_strategy": lambda s, o: s.OneCycleLR(o, 0.1, 10, anneal_strategy="up"),
    "too many steps": lambda s, o: [x.step() for x in [s.OneCycleLR(o, 0.1, 2)] * 4],
    "plateau factor": lambda s, o: s.ReduceLROnPlateau(o, factor=1.0),
    "plateau mode": lambda s, o: s.ReduceLROnPlateau(o, "mean"),
    "plateau threshold": lambda s, o: s.ReduceLROnPlateau(o, threshold_mode="x"),
    "plateau min_lr": lambda s, o: s.ReduceLROnPlateau(o, min_lr=[0.1]),
    "no schedulers": lambda s, o: s.SequentialLR(o, [], []),
    "milestones": lambda s, o: s.SequentialLR(o, [s.StepLR(o, 2)], [3]),
    "no scheduler": lambda s, o: s.SequentialLR(o, [s], []),
    "plateau in a sequence": lambda s, o: s.SequentialLR(o, [s.ReduceLROnPlateau(o)], []),
    "nothing chained": lambda s, o: s.ChainedScheduler([]),
    "plateau in a chain": lambda s, o: s.ChainedScheduler([s.ReduceLROnPlateau(o)]),
    "swa_lr": lambda s, o: swa(s).SWALR(o, [0.1]),
    "swa strategy": lambda s, o: swa(s).SWALR(o, 0.1, anneal_strategy="up"),
    "swa epochs": lambda s, o: swa(s).SWALR(o, 0.1, anneal_epochs=-1),
}
KEY_WORDS = 20  # characters of torch's message


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    errors = []
    for library in (torch, minigrad):
        optimizer = optimizer_of(library)
        with pytest.raises(Exception, match=" ") as caught:
            REFUSED[name](library.optim.lr_scheduler, optimizer)
        errors.append(caught)
    theirs, ours = errors
    assert ours.type is theirs.type
    words = str(theirs.value).replace("torch", "minigrad")[:KEY_WORDS]
    assert str(ours.value).startswith(words)


@pytest.mark.parametrize("momentum", [False, True])
def test_an_optimizer_without_momentum(momentum: bool) -> None:
    for library in (torch, minigrad):
        optimizer = library.optim.Adagrad([library.nn.Parameter(library.ones(1))])
        for make in ("CyclicLR", "OneCycleLR"):
            kind = getattr(library.optim.lr_scheduler, make)
            arguments = (0.1, 0.2) if make == "CyclicLR" else (0.1, 10)
            if momentum:
                with pytest.raises(ValueError, match="must support momentum or beta1"):
                    kind(optimizer, *arguments)
            else:
                kind(optimizer, *arguments, cycle_momentum=False)


def warned(library: Any, program: Callable[[Any, Any], None]) -> list[str]:
    optimizer = optimizer_of(library)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        program(library.optim.lr_scheduler, optimizer)
    return [str(warning.message)[:KEY_WORDS] for warning in caught]


def wrong_order(s: Any, o: Any) -> None:
    scheduler = s.StepLR(o, 2)
    scheduler.step()
    o.step()
    scheduler.step()


def right_order(s: Any, o: Any) -> None:
    scheduler = s.StepLR(o, 2)
    o.step()
    scheduler.step()


def a_step_before_the_scheduler(s: Any, o: Any) -> None:
    o.step()
    s.StepLR(o, 2).step()


def overridden(s: Any, o: Any) -> None:
    scheduler = s.StepLR(o, 2)
    o.step = lambda: None
    scheduler.step()


def asked_for_rates(s: Any, o: Any) -> None:
    s.StepLR(o, 2).get_lr()


def a_chain(s: Any, o: Any) -> None:
    chain = s.ChainedScheduler([s.StepLR(o, 2), s.ExponentialLR(o, 0.5)])
    chain.step()
    chain.step()


def an_epoch(s: Any, o: Any) -> None:
    scheduler = s.StepLR(o, 2)
    o.step()
    scheduler.step(3)


@pytest.mark.parametrize(
    "program",
    [
        wrong_order,
        right_order,
        a_step_before_the_scheduler,
        overridden,
        asked_for_rates,
        a_chain,
        an_epoch,
    ],
)
def test_warnings(program: Callable[[Any, Any], None]) -> None:
    assert warned(minigrad, program) == warned(torch, program)
