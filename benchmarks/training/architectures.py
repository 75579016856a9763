"""Three templates as a person writes them: a recurrent network, a transformer and a U-Net."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SpokenDigits(nn.Module):
    """As lstm_spoken_digits: an LSTM over the columns of a spectrogram, the mean of its states, one layer."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(40, 64, batch_first=True)
        self.fc = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.lstm(x.squeeze(1).transpose(1, 2))
        return self.fc(states.mean(1))


class Encoder(nn.Module):
    """One block of a transformer, normalised before attention and network."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm2 = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, hidden)
        self.gelu = nn.GELU()
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.fc2(self.gelu(self.fc1(self.norm2(x))))


class VisionTransformer(nn.Module):
    """As vision_transformer: patches of 7 × 7 as tokens, a class token, learned positions, three blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, 48, 7, stride=7)
        self.class_token = nn.Parameter(torch.zeros(1, 1, 48))
        self.positions = nn.Parameter(0.02 * torch.randn(17, 48))
        self.blocks = nn.ModuleList(Encoder(48, 4, 96) for _ in range(3))
        self.norm = nn.LayerNorm(48)
        self.fc = nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_token.expand(len(x), -1, -1), x], dim=1) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.fc(self.norm(x)[:, 0])


def _convolutions(inside: int, outside: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (inside, outside):
        layers += [nn.Conv2d(channels, outside, 3, padding=1, bias=False), nn.BatchNorm2d(outside), nn.ReLU()]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """As unet: two steps down, two up, and a wire across at each height."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2, self.bottom = _convolutions(1, 8), _convolutions(8, 16), _convolutions(16, 32)
        self.up2, self.up1 = _convolutions(32, 16), _convolutions(16, 8)
        self.grow2 = nn.ConvTranspose2d(32, 16, 2, stride=2)
        self.grow1 = nn.ConvTranspose2d(16, 8, 2, stride=2)
        self.pool = nn.MaxPool2d(2)
        self.classes = nn.Conv2d(8, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        one = self.down1(x)
        two = self.down2(self.pool(one))
        y = self.grow2(self.bottom(self.pool(two)))
        y = self.grow1(self.up2(torch.cat([two, y], dim=1)))
        return self.classes(self.up1(torch.cat([one, y], dim=1)))


# template: the same by hand, the shape of a sample, the shape of its target, and how many classes there are
TEMPLATES: dict[str, tuple[type[nn.Module], tuple[int, ...], tuple[int, ...], int]] = {
    "lstm_spoken_digits": (SpokenDigits, (1, 40, 50), (), 10),
    "vision_transformer": (VisionTransformer, (1, 28, 28), (), 10),
    "unet": (UNet, (1, 32, 32), (32, 32), 4),
}
