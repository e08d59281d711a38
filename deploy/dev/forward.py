"""Passes TCP connections on port 8069 on to HOST:PORT: the way in to an Odoo that has no way out."""

import asyncio
import contextlib
import sys


async def copy(reader, writer):
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def forward(reader, writer):
    host, port = sys.argv[1].rsplit(":", 1)
    try:
        inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
    except OSError as problem:
        print(f"{sys.argv[1]} does not answer: {problem}", file=sys.stderr, flush=True)
        writer.close()
        return
    await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))


async def main():
    server = await asyncio.start_server(forward, "0.0.0.0", 8069)
    async with server:
        await server.serve_forever()


asyncio.run(main())
