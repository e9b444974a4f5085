"""The same work done by others: asyncio itself, other actor libraries, other languages."""
