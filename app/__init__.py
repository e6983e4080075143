"""首善学堂: a township's learning service inside WeChat, with a learning credit bank."""

__version__ = "0.1.0"
