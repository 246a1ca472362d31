"""`benchmark.py data`: how fast batches come, domain by domain."""

from mixupe.benchmark import graphs, images, speech, streaming
from mixupe.benchmark.options import Options
from mixupe.benchmark.report import Report


def measure(options: Options, report: Report) -> None:
    """Batches of images, graphs and recordings in memory, then images streamed from files."""
    images.measure(options, report)
    graphs.measure(options, report)
    speech.measure(options, report)
    streaming.measure(options, report)
