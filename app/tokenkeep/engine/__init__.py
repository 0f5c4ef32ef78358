"""The engine: asyncio, no Qt; commands go in, immutable snapshots and events come out."""
