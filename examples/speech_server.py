"""Writes down what many callers say at the same time: a TCP server of one process.

    python examples/speech_server.py --port 9000
    arecord -q -f S16_LE -r 16000 -c 1 -t raw | nc 127.0.0.1 9000

A caller sends 16-bit samples, mono, and gets a line of JSON whenever the text of what it says has
changed, with "final": true after each utterance. When it stops, the last one is written.
"""

import argparse
import asyncio
import contextlib
import json
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import zoo


class Server:
    """Streams of one model for all callers.

    Args:
        model: a recogniser that streams.
        rate: samples a second that callers send.
        callers: how many are heard at the same time; others are told to come again.
        patience: seconds without a sample after which a caller is gone.
    """

    def __init__(self, model, rate=16_000, callers=50, patience=30.0):
        self.model, self.rate, self.patience = model, rate, patience
        self.free = callers
        self.chunk = 2 * (rate // 10)  # bytes of a tenth of a second
        # ONNX Runtime works beside Python: a thread for each core, one core for each step.
        self.workers = ThreadPoolExecutor(os.cpu_count())

    async def call(self, reader, writer):
        """Hear one caller to the end."""
        self.free -= 1
        try:
            if self.free < 0:
                await self.tell(writer, error="all lines are busy, try again later")
            else:
                await self.hear(reader, writer)
        except (ConnectionError, TimeoutError):
            pass  # the caller is gone
        finally:
            self.free += 1
            writer.close()

    async def hear(self, reader, writer):
        """Feed what comes to a stream of its own, and tell what it writes."""
        stream = self.model.open_stream(sample_rate=self.rate, beam_size=1)
        told = ""
        while data := await asyncio.wait_for(self.read(reader), self.patience):
            await self.work(stream.feed, np.frombuffer(data, "<i2"))
            if stream.endpoint:
                result = await self.work(stream.flush)
                await self.tell(writer, text=result.text, final=True)
                told = ""
            elif (text := stream.partial()) != told:
                await self.tell(writer, text=text, final=False)
                told = text
        result = await self.work(stream.finish)
        await self.tell(writer, text=result.text, final=True)

    async def read(self, reader):
        """The next tenth of a second in whole samples, or what is left of it at the end."""
        try:
            return await reader.readexactly(self.chunk)
        except asyncio.IncompleteReadError as end:
            return end.partial[: len(end.partial) // 2 * 2]

    async def work(self, action, *arguments):
        """Do something in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self.workers, action, *arguments)

    async def tell(self, writer, **line):
        """Send a line; a caller that reads none for long is gone too."""
        writer.write(json.dumps(line).encode() + b"\n")
        await asyncio.wait_for(writer.drain(), self.patience)


async def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="ctc_lstm.an4")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000)
    arguments = parser.parse_args()
    server = Server(zoo.load_model(arguments.model))
    async with await asyncio.start_server(server.call, arguments.host, arguments.port) as listening:
        print("listening on port", listening.sockets[0].getsockname()[1], flush=True)
        await listening.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
