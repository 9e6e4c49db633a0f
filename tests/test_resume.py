"""A run that goes on from a file equals one that was never stopped, bit for bit."""

import inspect
import io
from pathlib import Path
from typing import Any

import pytest

import minigrad
from minigrad import nn, optim
from minigrad.nn import functional as F
from minigrad.optim import lr_scheduler
from minigrad.utils.data import DataLoader, TensorDataset

OPTIMIZERS = {
    name: kind
    for name, kind in inspect.getmembers(optim, inspect.isclass)
    if issubclass(kind, optim.Optimizer) and kind is not optim.Optimizer
}
SCHEDULERS: dict[str, Any] = {
    "StepLR": lambda o: lr_scheduler.StepLR(o, 2),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=30),
    "CosineAnnealingWarmRestarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o,
        [lr_scheduler.LinearLR(o, total_iters=3), lr_scheduler.ExponentialLR(o, 0.9)],
        milestones=[3],
    ),
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 0.95**epoch),
}


class Run:
    """A model with dropout and running statistics, its optimizer, scheduler and shuffled data."""

    def __init__(self, seed: int, optimizer: Any, scheduler: Any) -> None:
        minigrad.manual_seed(seed)
        data = minigrad.arange(48.0).reshape(16, 3).sin()
        self.loader = DataLoader(TensorDataset(data, data.sum(1)), batch_size=4, shuffle=True)
        self.model = nn.Sequential(
            nn.Linear(3, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(0.3), nn.Linear(5, 1)
        )
        self.optimizer = optimizer(self.model.parameters(), lr=0.01)
        self.scheduler = scheduler(self.optimizer)

    def epoch(self) -> None:
        for x, y in self.loader:

            def closure(x: Any = x, y: Any = y) -> Any:
                self.optimizer.zero_grad()
                loss = F.mse_loss(self.model(x).squeeze(1), y)
                loss.backward()
                return loss

            self.optimizer.step(closure)
        self.scheduler.step()

    def state(self) -> dict[str, Any]:
        parts = {"model": self.model, "optimizer": self.optimizer, "scheduler": self.scheduler}
        states = {name: part.state_dict() for name, part in parts.items()}
        return {**states, "random": minigrad.get_rng_state()}

    def load(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        minigrad.set_rng_state(state["random"])

    def bits(self) -> bytes:
        file = io.BytesIO()
        minigrad.save(self.state(), file)
        return file.getvalue()


COMBINATIONS = [(name, "StepLR") for name in OPTIMIZERS]
COMBINATIONS += [("AdamW", name) for name in SCHEDULERS if name != "StepLR"]


@pytest.mark.parametrize(("optimizer", "scheduler"), COMBINATIONS)
def test_a_resumed_run_equals_an_uninterrupted_one(
    optimizer: str, scheduler: str, tmp_path: Path
) -> None:
    kinds = OPTIMIZERS[optimizer], SCHEDULERS[scheduler]
    whole = Run(0, *kinds)
    for epoch in range(4):
        whole.epoch()
        if epoch == 1:
            minigrad.save(whole.state(), tmp_path / "last.pt")
    expected = whole.bits()

    resumed = Run(1, *kinds)  # other weights, another order
    assert resumed.bits() != expected
    resumed.load(minigrad.load(tmp_path / "last.pt"))
    for _ in range(2):
        resumed.epoch()
    assert resumed.bits() == expected
