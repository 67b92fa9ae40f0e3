"""A small convolutional teacher, and a student that re-uses its frozen features to read handwritten digits.

The teacher is public: it was trained on drawn strokes by make_teacher.py. The student keeps its two convolutions as
they are and trains a new head.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from casemate import Dataset

HERE = Path(__file__).parent
PIXEL_RANGE = 16.0
EPOCHS = 20
BATCH = 64


class Teacher(nn.Module):
    """Two convolutions and a linear layer over images (n, 1, 8, 8) with pixels in [0, 16]."""

    def __init__(self, classes: int = 6) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1, stride=2)
        self.features = nn.Identity()  # names the place where students cut
        self.head = nn.Linear(32 * 4 * 4, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (n, classes)."""
        x = torch.relu(self.conv1(x / PIXEL_RANGE))
        x = torch.relu(self.conv2(x))
        return self.head(self.features(x).flatten(1))


class Student(nn.Module):
    """The teacher's frozen convolutions under a head of its own."""

    def __init__(self, teacher: Teacher, classes: int) -> None:
        super().__init__()
        self.teacher = teacher
        self.teacher.head = nn.Identity()
        self.head = nn.Sequential(nn.Linear(32 * 4 * 4, 64), nn.ReLU(), nn.Linear(64, classes))
        for weight in self.teacher.parameters():
            weight.requires_grad = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (n, classes)."""
        return self.head(self.teacher(x))


def make_teacher() -> Teacher:
    """Return an untrained teacher; Casemate loads its public weights."""
    return Teacher()


def train(data: Dataset, seed: int) -> Student:
    """Train a student's head on the rows that Casemate hands over, with its seed."""
    torch.manual_seed(seed)
    teacher = make_teacher()
    teacher.load_state_dict(load_file(HERE / "teacher.safetensors"))
    student = Student(teacher, data.classes)
    images = torch.tensor(data.X, dtype=torch.float32).reshape(-1, 1, 8, 8)
    labels = torch.tensor(data.y)
    with torch.no_grad():
        features = student.teacher(images)  # frozen: once is enough
    optimiser = torch.optim.Adam(student.head.parameters(), lr=2e-3)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(labels)).split(BATCH):
            loss = nn.functional.cross_entropy(student.head(features[rows]), labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return student.eval()
