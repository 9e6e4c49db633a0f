"""Smaller things that people do with PyTorch: curves by hand, LBFGS, a plateau, an ensemble,
a recurrent network, hooks, a loss of one's own."""

import argparse
import collections

import numpy as np
import torch
from torch import nn
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, Dataset, TensorDataset, random_split


class CosineDistance(torch.autograd.Function):
    """1 - cos of an angle, with a derivative of one's own."""

    @staticmethod
    def forward(ctx, angle):
        ctx.save_for_backward(angle)
        return 1 - angle.cos()

    @staticmethod
    def backward(ctx, grad_output):
        (angle,) = ctx.saved_tensors
        return grad_output * angle.sin()


def by_hand():
    """A polynomial by gradient descent without any optimizer."""
    x = torch.linspace(-3.0, 3.0, 50, dtype=torch.float64)
    y = torch.sin(x)
    weights = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    powers = x.unsqueeze(-1).pow(torch.arange(4))
    for _ in range(200):
        loss = (powers @ weights - y).pow(2).mean()
        loss.backward()
        with torch.no_grad():
            weights -= 2e-3 * weights.grad
            weights.grad.zero_()
    print(f"by hand {loss.item():.6f} {[round(w, 4) for w in weights.tolist()]}")


def second_order():
    """LBFGS with a closure, and a Hessian."""
    point = torch.tensor([-1.2, 1.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([point], lr=1, max_iter=20, line_search_fn="strong_wolfe")

    def rosenbrock(p):
        return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2

    def closure():
        optimizer.zero_grad()
        loss = rosenbrock(point)
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)
    print(f"LBFGS {rosenbrock(point).item():.8f}")
    hessian = torch.autograd.functional.hessian(rosenbrock, point.detach())
    print(f"determinant of the Hessian {torch.linalg.det(hessian).item():.3f}")


class Waves(Dataset):
    def __init__(self, count, length):
        rng = np.random.default_rng(3)
        phases = rng.uniform(0, 6.28, (count, 1))
        grid = np.arange(length + 1)[None] * 0.3
        self.series = np.sin(grid + phases).astype("float32")

    def __len__(self):
        return len(self.series)

    def __getitem__(self, i):
        s = torch.from_numpy(self.series[i]).unsqueeze(-1)
        return {"input": s[:-1], "target": s[1:], "index": i}


class Recurrent(nn.Module):
    def __init__(self, kind, hidden=12):
        super().__init__()
        self.rnn = kind(1, hidden, num_layers=2, batch_first=True)
        self.out = nn.Linear(hidden, 1)
        rng = np.random.default_rng(5)
        for name, p in self.named_parameters():
            bound = 0.3 if "weight" in name else 0.0
            p.data.copy_(torch.tensor(rng.uniform(-bound, bound, tuple(p.shape))))

    def forward(self, x):
        out, _ = self.rnn(x)
        return self.out(out)


def sequences(kind):
    loader = DataLoader(Waves(24, 20), batch_size=8)
    model = Recurrent(kind)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.005, alpha=0.95, momentum=0.5)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    criterion = nn.SmoothL1Loss()
    for _ in range(6):
        running = 0.0
        for batch in loader:
            optimizer.zero_grad()
            loss = criterion(model(batch["input"]), batch["target"])
            loss.backward()
            nn.utils.clip_grad_value_(model.parameters(), 0.5)
            optimizer.step()
            running += loss.item()
        scheduler.step(running)
    print(f"{kind.__name__} {running / len(loader):.5f} lr {optimizer.param_groups[0]['lr']:.5f}")


def tabular(checkpoint):
    rng = np.random.default_rng(7)
    X = torch.tensor(rng.normal(size=(90, 4)), dtype=torch.float32)
    weights = torch.tensor([[1.0], [-2.0], [0.5], [0.0]])
    y = (X @ weights + 0.1 * X[:, :1] ** 2 > 0).float()
    train, valid = random_split(TensorDataset(X, y), [60, 30])
    train = TensorDataset(X[:60], y[:60])
    model = nn.Sequential(
        collections.OrderedDict(
            [("hidden", nn.Linear(4, 8)), ("act", nn.Tanh()), ("out", nn.Linear(8, 1))]
        )
    )
    for p in model.parameters():
        p.data = torch.tensor(rng.normal(0, 0.4, tuple(p.shape)), dtype=torch.float32)
    seen = []
    handle = model.act.register_forward_hook(lambda module, args, out: seen.append(out.shape))
    criterion = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([1.5]))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9, nesterov=True)
    scheduler = lr_scheduler.MultiStepLR(optimizer, milestones=[4, 8], gamma=0.3)
    ema = torch.optim.swa_utils.AveragedModel(model, avg_fn=lambda a, b, n: 0.9 * a + 0.1 * b)
    for _ in range(10):
        for xb, yb in DataLoader(train, batch_size=20):
            loss = criterion(model(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            ema.update_parameters(model)
        scheduler.step()
    handle.remove()
    with torch.inference_mode():
        right = ((model(X).sigmoid() > 0.5).float() == y).float().mean()
        averaged = criterion(ema(X), y)
    print(f"tabular {loss.item():.5f} right {right.item():.3f} averaged {averaged.item():.5f}")
    print(f"{len(seen)} batches seen, {len(valid)} kept apart")
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, checkpoint)
    state = torch.load(checkpoint, weights_only=True)
    print(sorted(state["optimizer"]["param_groups"][0]), list(state["model"]))


def angles():
    angle = torch.tensor([0.5, 2.0, -1.0], dtype=torch.double, requires_grad=True)
    print(torch.autograd.gradcheck(CosineDistance.apply, (angle,)))
    (g,) = torch.autograd.grad(CosineDistance.apply(angle).sum(), angle, create_graph=True)
    g.pow(2).sum().backward()
    print([round(v, 5) for v in angle.grad.tolist()])


def main(argv):
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkpoint", required=True)
    args = parser.parse_args(argv)
    torch.manual_seed(0)
    by_hand()
    second_order()
    for kind in (nn.RNN, nn.GRU, nn.LSTM):
        sequences(kind)
    tabular(args.checkpoint)
    angles()


if __name__ == "__main__":
    main(None)
