"""Makes teacher.safetensors: a convolutional network that tells six kinds of drawn strokes apart.

Run it to make the file again: python examples/digits/make_teacher.py
"""

import numpy as np
import torch
from digits_model import HERE, PIXEL_RANGE, Teacher
from safetensors.torch import save_file
from torch import nn

SIDE = 8
ROWS = 6000


def draw(kind: int, rng: np.random.Generator) -> np.ndarray:
    """Draw one blurred stroke, (8, 8) in [0, 16]: a bar, a slope, a ring, an arc, a cross or a hook."""
    across, down = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    u, v = across - 3.5 + rng.normal(0, 0.7), down - 3.5 + rng.normal(0, 0.7)
    angle = rng.normal(0, 0.25)
    u, v = u * np.cos(angle) - v * np.sin(angle), u * np.sin(angle) + v * np.cos(angle)
    radius = np.hypot(u, v)
    away = [
        np.abs(u) + 0.3 * np.maximum(np.abs(v) - 3, 0),
        np.abs(u - v) / 1.4,
        np.abs(radius - 2.4),
        np.abs(radius - 2.6) + 2 * (u < 0),
        np.minimum(np.abs(u), np.abs(v)) + 0.3 * np.maximum(radius - 3, 0),
        np.minimum(np.abs(u + 1.5), np.abs(v - 2.0)) + 0.5 * np.maximum(radius - 3.5, 0),
    ][kind]
    width = rng.uniform(0.6, 1.1)
    image = PIXEL_RANGE * np.exp(-((away / width) ** 2)) + rng.normal(0, 0.6, (SIDE, SIDE))
    return np.clip(np.rint(image), 0, PIXEL_RANGE)


def main() -> None:
    """Draw, train, save."""
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    kinds = rng.integers(0, 6, ROWS)
    images = torch.tensor(np.stack([draw(kind, rng) for kind in kinds]), dtype=torch.float32)[:, None]
    labels = torch.tensor(kinds)
    teacher = Teacher()
    optimiser = torch.optim.Adam(teacher.parameters(), lr=2e-3)
    for epoch in range(6):
        for rows in torch.randperm(ROWS).split(64):
            loss = nn.functional.cross_entropy(teacher(images[rows]), labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        print(f"epoch {epoch}: loss {loss.item():.3f}")
    save_file(teacher.state_dict(), HERE / "teacher.safetensors")


if __name__ == "__main__":
    main()
