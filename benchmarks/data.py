"""`benchmark.py data`: how fast batches come, ours against each domain's own library."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader as GraphLoader
from torchaudio.transforms import MelSpectrogram
from torchvision.transforms import v2

from benchmarks import streaming
from benchmarks.contest import against_loader
from benchmarks.epoch import random_images
from benchmarks.options import Options
from benchmarks.report import Report
from mixupe.data.graphs.flat import FlatGraphs
from mixupe.data.images.tensor_images import TensorImages
from mixupe.data.speech.log_mel import FLOOR, LogMel
from mixupe.data.speech.waveforms import Waveforms

BATCH, GRAPH_BATCH = 100, 32
RATE, MELS = 16_000, 40
# About those of MUTAG's molecules.
NODES, EDGES, FEATURES = 18, 40, 7


def measure(options: Options, report: Report) -> None:
    """Batches of images, graphs and recordings in memory, then images streamed from files."""
    count = options.size(cpu=2000, gpu=20_000, quick=40)
    images, workers = random_images(count), options.threads if options.on_gpu else 0
    how = f"{count} images of 32x32, batch {BATCH}, torchvision with {workers} worker processes"
    torchvision, draws = _loader(_TransformedImages(images), options, workers), torch.Generator().manual_seed(0)
    against_loader("images_vs_torchvision", images, torchvision, BATCH, how, options, report, augment=draws)

    count = options.size(cpu=2000, gpu=2000, quick=40)
    graphs = random_graphs(count)
    how = f"{count} graphs of about {NODES} nodes, batch {GRAPH_BATCH}"
    pyg = GraphLoader(as_list(graphs), batch_size=GRAPH_BATCH, shuffle=True, pin_memory=options.on_gpu)
    against_loader("graphs_vs_pyg", graphs, pyg, GRAPH_BATCH, how, options, report)

    count = options.size(cpu=1000, gpu=5000, quick=20)
    recordings = random_recordings(count)
    how = f"{count} recordings of 1 s, batch {BATCH}, torchaudio with {workers} worker processes"
    torchaudio = _loader(_Clips(recordings), options, workers)
    against_loader("speech_vs_torchaudio", recordings, torchaudio, BATCH, how, options, report)

    streaming.measure(options, report)


def _loader(dataset: Dataset[Any], options: Options, workers: int) -> DataLoader[Any]:
    return DataLoader(
        dataset,
        batch_size=BATCH,
        shuffle=True,
        num_workers=workers,
        pin_memory=options.on_gpu,
        persistent_workers=workers > 0,
    )


class _TransformedImages(Dataset[tuple[Tensor, int]]):
    """The same images as users of torchvision have them: on the CPU, transformed one at a time."""

    def __init__(self, images: TensorImages) -> None:
        self.images = images
        self.transform = v2.Compose(
            [
                v2.RandomCrop(images.pixels.shape[-1], padding=images.crop_padding),
                v2.RandomHorizontalFlip(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(images.mean.tolist(), images.std.tolist()),
            ]
        )

    def __len__(self) -> int:
        return len(self.images.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.images.pixels[index]), int(self.images.targets[index])


class _Clips(Dataset[tuple[Tensor, int]]):
    """The same recordings as users of torchaudio have them: on the CPU, one spectrogram at a time."""

    def __init__(self, recordings: Waveforms) -> None:
        self.recordings = recordings
        self.mel = MelSpectrogram(RATE, n_fft=512, win_length=400, hop_length=160, n_mels=MELS)

    def __len__(self) -> int:
        return len(self.recordings.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        spectrogram = (self.mel(self.recordings.waveforms[index : index + 1].float() / 32768) + FLOOR).log()
        normalised = (spectrogram - self.recordings.mean[:, None]) / self.recordings.std[:, None]
        return normalised, int(self.recordings.targets[index])


def random_recordings(count: int) -> Waveforms:
    """Noise of one second, on the CPU."""
    draws = torch.Generator().manual_seed(0)
    noise = torch.randint(-8000, 8000, (count, RATE), dtype=torch.int16, generator=draws)
    targets = torch.randint(10, (count,), generator=draws)
    return Waveforms(noise, targets, torch.zeros(MELS), torch.ones(MELS), LogMel(RATE, MELS))


def random_graphs(count: int) -> FlatGraphs:
    """Graphs of 9 to 26 nodes and twice as many edges or more, on the CPU."""
    draws = torch.Generator().manual_seed(0)
    nodes = torch.randint(NODES // 2, NODES + NODES // 2, (count,), generator=draws)
    edges = nodes * EDGES // NODES
    most = torch.repeat_interleave(nodes, edges)
    ends = (torch.rand(2, len(most), generator=draws) * most).long()
    return FlatGraphs(
        x=torch.rand(int(nodes.sum()), FEATURES, generator=draws),
        edge_index=ends,
        edge_attr=None,
        node_offsets=F.pad(nodes.cumsum(0), (1, 0)),
        edge_offsets=F.pad(edges.cumsum(0), (1, 0)),
        targets=torch.randint(2, (count,), generator=draws),
    )


def as_list(graphs: FlatGraphs) -> list[Data]:
    """The same graphs as PyTorch Geometric keeps them."""
    single = (graphs.gather(torch.tensor([number])) for number in range(len(graphs.targets)))
    return [Data(x=graph.x, edge_index=graph.edge_index, y=graphs.targets[i : i + 1]) for i, graph in enumerate(single)]
