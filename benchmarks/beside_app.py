"""What `mtaio run` runs in its benchmark: `python -m benchmarks.beside_app uvloop|asyncio|aiohttp|jobs`.

The first three serve until their input ends. `jobs` is a script: workers on a queue, tasks of their own each, and then
the processor time of its jobs on the output.
"""

import asyncio
import socket
import sys
import threading
import time


def uvloop() -> None:
    """The FastAPI service of T9, without tracing."""
    from benchmarks.service_app import plain, serve

    serve(plain(), "uvloop")


def on_asyncio() -> None:
    """The same on asyncio's own loop."""
    from benchmarks.service_app import plain, serve

    serve(plain(), "asyncio")


def aiohttp() -> None:
    """An aiohttp server, which makes a task for each connection and not for each request."""
    from aiohttp import web

    async def order(request: web.Request) -> web.Response:
        await asyncio.sleep(0)
        return web.json_response({"order": int(request.match_info["number"]), "lines": list(range(20))})

    async def main() -> None:
        app = web.Application()
        app.router.add_get("/orders/{number}", order)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        listener = socket.create_server(("127.0.0.1", 0))
        await web.SockSite(runner, listener).start()
        ended, loop = asyncio.Event(), asyncio.get_running_loop()

        def end_with_input() -> None:
            sys.stdin.buffer.read()
            loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=end_with_input, daemon=True).start()
        print(listener.getsockname()[1], flush=True)
        await ended.wait()
        await runner.cleanup()

    asyncio.run(main())


def jobs() -> None:
    """Twenty workers, 4000 jobs, each of three steps at once."""

    async def step(number: int) -> int:
        await asyncio.sleep(0)
        return sum(one * one % 7 for one in range(number % 50 + 250))

    async def work(queue: "asyncio.Queue[int]") -> None:
        while True:
            number = await queue.get()
            await asyncio.gather(*(step(number + one) for one in range(3)))
            queue.task_done()

    async def main() -> float:
        queue: asyncio.Queue[int] = asyncio.Queue(100)
        workers = [asyncio.create_task(work(queue)) for _ in range(20)]
        begun = time.process_time()
        for number in range(4_000):
            await queue.put(number)
        await queue.join()
        took = time.process_time() - begun
        for worker in workers:
            worker.cancel()
        return took

    print(asyncio.run(main()))


if __name__ == "__main__":
    {"uvloop": uvloop, "asyncio": on_asyncio, "aiohttp": aiohttp, "jobs": jobs}[sys.argv[1]]()
