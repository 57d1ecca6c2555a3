"""Run a pipeline without the plugin: ``python -m pipelines.plainly MODULE ROW...``.

16 rows run at once, on threads or as tasks. Prints the rows' outcomes as JSON.
"""

import asyncio
import importlib
import inspect
import json
import sys
from concurrent.futures import ThreadPoolExecutor

from pipelines.transcript import note_error

CONCURRENCY = 16


def main(module, rows):
    """Run the rows; returns what each ended with."""
    pipeline = importlib.import_module(f"pipelines.{module}")
    more = (pipeline.prepare(),) if hasattr(pipeline, "prepare") else ()
    if inspect.iscoroutinefunction(pipeline.run):
        return asyncio.run(_as_tasks(pipeline.run, rows, more))

    def outcome(row):
        try:
            return pipeline.run(row, *more)
        except Exception as error:
            note_error(row, error)
            return repr(error)

    with ThreadPoolExecutor(CONCURRENCY) as pool:
        return dict(zip(rows, pool.map(outcome, rows), strict=True))


async def _as_tasks(run, rows, more):
    gate = asyncio.Semaphore(CONCURRENCY)

    async def outcome(row):
        async with gate:
            try:
                return await run(row, *more)
            except Exception as error:
                note_error(row, error)
                return repr(error)

    return dict(zip(rows, await asyncio.gather(*map(outcome, rows)), strict=True))


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2:])))
