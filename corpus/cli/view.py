"""The command that shows a finished corpus in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corpus.cli.options import KeyOption, LocalCorpusArgument
from corpus.errors import CorpusError


def view(
    out: LocalCorpusArgument,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="the port to listen on; 0: any free one")
    ] = 0,
    dumps: Annotated[
        str | None, typer.Option("--dumps", help="the folder where the dumps are now")
    ] = None,
    key: KeyOption = None,
) -> None:
    """Open a finished corpus in a browser: search posts, try other thresholds. It changes nothing.

    Only this machine can open the page: it listens on the loopback address, and the address that
    is printed contains a random token. Ctrl-C ends it.
    """
    from corpus.maintenance.replay import BuiltCorpus
    from corpus.tasks.stop_requests import StopRequested
    from corpus.view.pages import Pages
    from corpus.view.server import ViewServer

    folder = Path(out)
    BuiltCorpus(folder)  # an error now, not on the page
    try:
        server = ViewServer(Pages(folder, key, dumps), port)
    except OSError as error:
        raise CorpusError(f"cannot listen on port {port}: {error.strerror}; give another") from None
    with server:
        print(f"open    {server.address}")
        print("Ctrl-C ends it; the corpus is not changed", flush=True)
        try:
            server.serve_forever()
        except StopRequested:
            print("closed")
