"""Runs a notebook's cells in the TypeScript kernel: run-notebook.py NOTEBOOK SECONDS_A_CELL [OUTPUT].

Prints one JSON object a line: {"cells": n}, then {"started": i} for each code cell, and {"failed": i, "error": text} if
one fails (exit code 1). With OUTPUT the executed notebook is written there: a whole one or none, and none after a failure.
"""

import json
import os
import sys

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError


def say(**event):
    print(json.dumps(event), flush=True)


def main(path, seconds, output=None):
    notebook = nbformat.read(path, as_version=4)
    code = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code" and cell.source.strip()]
    number = {index: k + 1 for k, index in enumerate(code)}
    current = {"index": None}

    def on_start(cell, cell_index):
        if cell_index in number:
            current["index"] = cell_index
            say(started=number[cell_index])

    # Without times in the metadata, an unchanged notebook executes to an unchanged file.
    client = NotebookClient(
        notebook,
        kernel_name="tslab",
        timeout=seconds,
        startup_timeout=120,
        record_timing=False,
        on_cell_execute=on_start,
        resources={"metadata": {"path": os.path.dirname(os.path.abspath(path))}},
    )
    say(cells=len(code))
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        index = current["index"]
        if isinstance(error, CellExecutionError):
            text = f"{error.ename}: {error.evalue}"
        elif isinstance(error, CellTimeoutError):
            text = f"it did not end within {seconds} seconds"
        else:
            text = "the kernel died (out of memory?)"
        say(failed=number.get(index), error=text)
        return 1
    if output is not None:
        temporary = f"{output}.{os.getpid()}.tmp"
        nbformat.write(notebook, temporary)
        os.replace(temporary, output)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:4]))
