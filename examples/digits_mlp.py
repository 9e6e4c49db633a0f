"""A multilayer perceptron reads handwritten digits (1,797 real ones, 8 x 8 pixels).

    python examples/digits_mlp.py

Full size: 98.3% of the held-out digits right after 30 epochs, in 3 s on one core of a laptop.
"""

from bookkeeping import Training, options

import minigrad
from minigrad import nn, optim
from minigrad.data import digits_split
from minigrad.nn import functional as F
from minigrad.utils.data import DataLoader, TensorDataset


class MLP(nn.Module):
    """64 pixels in, ten scores out."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(64, hidden),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(hidden, 10),
        )

    def forward(self, images: minigrad.Tensor) -> minigrad.Tensor:
        return self.layers(images)


@minigrad.no_grad()
def accuracy(model: nn.Module, data: TensorDataset, device: str) -> float:
    model.eval()
    images, labels = (x.to(device) for x in data.tensors)
    return (model(images).argmax(dim=1) == labels).float().mean().item()


def main(argv: list[str] | None = None) -> float:
    parser = options(__doc__.splitlines()[0], epochs=30, batch_size=32)
    parser.add_argument("--hidden", type=int, default=256)
    args = parser.parse_args(argv)

    minigrad.manual_seed(args.seed)
    training, held_out = digits_split()
    training = TensorDataset(*(x[: args.limit] for x in training.tensors))
    loader = DataLoader(training, batch_size=args.batch_size, shuffle=True)

    model = MLP(args.hidden).to(args.device)
    optimizer = optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs)

    run = Training(args, model=model, optimizer=optimizer, scheduler=scheduler)
    for _ in run.epochs():
        model.train()
        for images, labels in run.batches(loader):
            images, labels = images.to(args.device), labels.to(args.device)
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            run.losses.append(loss.item())
        scheduler.step()
        run.report(held_out=accuracy(model, held_out, args.device))
    return accuracy(model, held_out, args.device)


if __name__ == "__main__":
    main()
