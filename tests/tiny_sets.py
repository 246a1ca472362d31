"""A tiny set of each domain, made in seconds."""

from pathlib import Path

import numpy as np
import soundfile


def tiny_sets(folder: Path) -> dict[str, list[str]]:
    """Overrides that choose a tiny set of each domain; what they need is written below `folder`."""
    return {
        "images": ["dataset=digits", "dataset.train_size=300", "model.width=4", "optimizer.lr=0.02"],
        "tabular": ["dataset=tabular/wine", "trainer.batch_size=20"],
        "speech": [*write_tones(folder / "tones"), "trainer.batch_size=10"],
        "graphs": [*write_rings_and_stars(folder / "RINGS"), "trainer.batch_size=10"],
    }


def write_tones(folder: Path) -> list[str]:
    """Three classes of tones, in one folder a class."""
    random = np.random.default_rng(0)
    for label, hertz in {"low": 200, "middle": 800, "high": 3000}.items():
        (folder / label).mkdir(parents=True)
        for number in range(24):
            time = np.arange(8000) / 16000
            wave = 0.3 * np.sin(2 * np.pi * hertz * random.uniform(0.9, 1.1) * time) + 0.02 * random.normal(size=8000)
            soundfile.write(folder / label / f"{number}.wav", wave, 16000)
    return ["dataset=audio_folder", f"dataset.path={folder}", "dataset.seconds=0.5"]


def write_rings_and_stars(folder: Path) -> list[str]:
    """Two classes of graphs in the TUDataset format: rings and stars of 5 to 9 nodes."""
    folder.mkdir(parents=True)
    edges, indicator, labels, nodes = [], [], [], 0
    for graph in range(60):
        size, is_ring = 5 + graph % 5, graph % 2
        pairs = [(i, (i + 1) % size) for i in range(size)] if is_ring else [(0, i) for i in range(1, size)]
        edges += [f"{nodes + a + 1}, {nodes + b + 1}" for i, j in pairs for a, b in ((i, j), (j, i))]
        indicator += [str(graph + 1)] * size
        labels.append(str(is_ring))
        nodes += size
    for name, lines in {"A": edges, "graph_indicator": indicator, "graph_labels": labels}.items():
        (folder / f"{folder.name}_{name}.txt").write_text("\n".join(lines) + "\n")
    return ["dataset=tu", f"dataset.path={folder}"]
