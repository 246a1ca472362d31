from mixupe.streams import generator, stream_seed  # temporary

__all__ = ["generator", "stream_seed"]
