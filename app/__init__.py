"""首善学堂: a township's learning service inside WeChat, with a learning credit bank."""

import gc

__version__ = "0.1.0"

# Schemas, mappers and routes are hundreds of thousands of objects that stay: at Python's own pace
# (700 new ones) the collector looks through them again and again, a fifth of every start.
gc.set_threshold(50_000, 20, 20)
