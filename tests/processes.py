"""The program in processes of its own, forked from one that has imported it already, so that they start in a moment."""

import multiprocessing
import os
import signal
import sys
from time import monotonic, sleep

from aggregator.rules import load

NEEDED = [
    "circulars", "cli", "commands.collect", "commands.mailing", "commands.serve", "console", "deliver", "gather.fetch",
    "links", "poll", "schedule", "store", "web.render",
]  # fmt: skip

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload([f"aggregator.{name}" for name in NEEDED])


def follow(folder, sources):
    """Make *folder* an instance in which only *sources* (name, URL, kind) are followed."""
    (folder / "sites").mkdir(exist_ok=True)
    for name in load(None).sites:
        off = f'university = "无"\n[[source]]\nname = "off-{name}"\ntitle = "无"\nurl = "http://off.invalid/"\n'
        (folder / "sites" / f"{name}.toml").write_text(off + "enabled = false\n", "utf-8")
    own = "".join(
        f'[[source]]\nname = "{name}"\ntitle = "{name}"\nurl = "{url}"\nkind = "{kind}"\n'
        for name, url, kind in sources
    )
    (folder / "sites" / "own.toml").write_text(f'university = "海棠大学"\ntags = ["海棠大学"]\n{own}', "utf-8")


class Program:
    """``aggregator <arguments>`` in *folder*; *before* is called in its process first."""

    def __init__(self, folder, *arguments, before=None, **env):
        self._log = folder / f"{'-'.join(arguments)}-{len(list(folder.glob('*.log')))}.log"
        env = {
            "AGGREGATOR_INSTANCE": str(folder),
            "AGGREGATOR_FETCH__ALLOW_PRIVATE_NETWORKS": "true",
            "AGGREGATOR_FETCH__PER_HOST_DELAY_SECONDS": "0",
            **{f"AGGREGATOR_{name.upper()}": str(value) for name, value in env.items()},
        }
        self._process = context.Process(target=_work, args=(arguments, env, str(self._log), before), daemon=True)
        self._process.start()

    @property
    def pid(self):
        return self._process.pid

    @property
    def is_alive(self):
        return self._process.is_alive()

    @property
    def output(self):
        """What it has printed and logged so far."""
        return self._log.read_text("utf-8") if self._log.exists() else ""

    def wait(self, seconds=30):
        """Its exit code, when it ends by itself."""
        self._process.join(seconds)
        assert self._process.exitcode is not None, f"it did not end within {seconds} s: {self.output}"
        return self._process.exitcode

    def stop(self, number=signal.SIGTERM, seconds=10):
        """Its exit code after a signal."""
        if self._process.is_alive():
            os.kill(self.pid, number)
        return self.wait(seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.join()


def until(found, seconds=120):
    """What *found* gives as soon as it gives something."""
    end = monotonic() + seconds
    while monotonic() < end:
        if answer := found():
            return answer
        sleep(0.02)
    raise AssertionError("it never happened")


def _work(arguments, env, log, before):
    os.environ.update(env)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    if before:
        before()
    from aggregator.cli import main

    sys.argv = ["aggregator", *arguments]
    main()
