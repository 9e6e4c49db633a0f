"""A training script as people write them for PyTorch: images, a network, checkpoints, a schedule.

It prints what it measures.  Weights and data come from NumPy, so that it prints the same whichever
library trains.
"""

import argparse
import copy
import random

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim
from torch.nn.utils import clip_grad_norm_
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR
from torch.utils.data import DataLoader, Dataset, Subset


class Shapes(Dataset):
    """Pictures of 12 x 12 pixels with a bar, a block or a cross in them."""

    def __init__(self, count, seed):
        rng = np.random.default_rng(seed)
        self.labels = rng.integers(0, 3, count)
        self.images = rng.normal(0, 0.3, (count, 1, 12, 12)).astype(np.float32)
        for image, label in zip(self.images, self.labels, strict=True):
            row, column = rng.integers(2, 8, 2)
            if label == 0:
                image[0, row, column - 2 : column + 3] += 1
            elif label == 1:
                image[0, row : row + 3, column : column + 3] += 1
            else:
                image[0, row - 2 : row + 3, column] += 1
                image[0, row, column - 2 : column + 3] += 1

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return torch.from_numpy(self.images[index]), int(self.labels[index])


class Block(nn.Module):
    """Two convolutions with a way around them."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)), inplace=True)
        out = self.bn2(self.conv2(out))
        out += x
        return F.relu(out)


class Net(nn.Module):
    def __init__(self, channels=8, classes=3):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, channels, 3, padding=1), nn.GELU())
        self.blocks = nn.ModuleList(Block(channels) for _ in range(2))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(channels, classes)
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    def forward(self, x):
        if self.training:
            self.seen += x.size(0)
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
            x = F.max_pool2d(x, 2)
        return self.head(torch.flatten(self.pool(x), 1))


def init_weights(model, seed):
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith("bias"):
                p.zero_()
            elif p.dim() > 1:
                scale = 1.0 / np.sqrt(np.prod(p.shape[1:]))
                p.copy_(torch.from_numpy(rng.normal(0, scale, tuple(p.shape)).astype(np.float32)))


def train_one_epoch(model, loader, criterion, optimizer, device):
    model.train()
    total, correct, count = 0.0, 0, 0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad(set_to_none=True)
        output = model(images)
        loss = criterion(output, labels)
        loss.backward()
        clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        total += loss.item() * images.size(0)
        correct += output.argmax(1).eq(labels).sum().item()
        count += labels.size(0)
    return total / count, correct / count


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    losses, correct = [], 0
    for images, labels in loader:
        logits = model(images.to(device))
        losses.append(F.cross_entropy(logits, labels.to(device), reduction="sum").item())
        _, predicted = torch.max(logits.data, 1)
        correct += (predicted == labels).sum().item()
    return sum(losses) / len(loader.dataset), 100.0 * correct / len(loader.dataset)


def main(argv):
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--lr", type=float, default=0.02)
    parser.add_argument("--checkpoint", required=True)
    args = parser.parse_args(argv)

    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(0)
    device = torch.device("cpu")

    dataset = Shapes(160, seed=0)
    order = np.random.permutation(len(dataset)).tolist()
    train_loader = DataLoader(Subset(dataset, order[:120]), batch_size=30, drop_last=True)
    test_loader = DataLoader(Subset(dataset, order[120:]), batch_size=64, shuffle=False)

    model = Net().to(device)
    init_weights(model, seed=1)
    n_params = sum(p.numel() for p in model.parameters() if p.requires_grad)
    print(f"parameters {n_params}")

    decay = [p for p in model.parameters() if p.ndim > 1]
    no_decay = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decay, "weight_decay": 0.01}, {"params": no_decay, "weight_decay": 0.0}]
    optimizer = optim.AdamW(groups, lr=args.lr, betas=(0.9, 0.99))
    warmup = LinearLR(optimizer, start_factor=0.5, total_iters=2)
    cosine = CosineAnnealingLR(optimizer, T_max=args.epochs)
    scheduler = SequentialLR(optimizer, [warmup, cosine], milestones=[2])
    criterion = nn.CrossEntropyLoss(label_smoothing=0.05)

    best, best_state = 0.0, None
    for epoch in range(1, args.epochs + 1):
        loss, accuracy = train_one_epoch(model, train_loader, criterion, optimizer, device)
        test_loss, test_accuracy = evaluate(model, test_loader, device)
        lr = scheduler.get_last_lr()[0]
        print(f"epoch {epoch} lr {lr:.5f} loss {loss:.5f} accuracy {accuracy:.3f}")
        print(f"  test loss {test_loss:.5f} accuracy {test_accuracy:.1f}")
        scheduler.step()
        if test_accuracy >= best:
            best, best_state = test_accuracy, copy.deepcopy(model.state_dict())
        torch.save(
            {
                "epoch": epoch,
                "model_state_dict": model.state_dict(),
                "optimizer_state_dict": optimizer.state_dict(),
                "loss": loss,
            },
            args.checkpoint,
        )

    checkpoint = torch.load(args.checkpoint, map_location=device)
    restored = Net()
    print(restored.load_state_dict(checkpoint["model_state_dict"]))
    print(f"restored {evaluate(restored, test_loader, device)[0]:.5f} after {restored.seen.item()}")
    model.load_state_dict(best_state)
    print(f"best {evaluate(model, test_loader, device)[1]:.1f}")
    print(model)
    return model


if __name__ == "__main__":
    main(None)
