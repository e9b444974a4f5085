"""What a run prints: reports, reasons and logs, for people and for programs."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from airssys_wasm.application.reports import Report
from airssys_wasm.cli.logs import set_up
from airssys_wasm.cli.progress import live_line
from airssys_wasm.cli.reports import chain_text, plain, show
from airssys_wasm.supervision.events import GaveUp, chain_of


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def root_logger_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


REPORT = Report.of("orders", {"read": 10_000, "orders a second": 51234.56}, ["line 7: trapped"])


def test_a_report_is_aligned_text_where_there_is_no_terminal() -> None:
    out = io.StringIO()
    show([REPORT], out)
    assert out.getvalue() == (
        "orders\n  read               10,000\n  orders a second  51,234.6\n  line 7: trapped\n"
    )


def test_a_report_is_a_table_on_a_terminal() -> None:
    out = Terminal()
    show([REPORT], out)
    assert all(word in out.getvalue() for word in ("orders", "10,000", "51,234.6", "line 7"))


def test_a_report_cannot_steer_the_terminal() -> None:
    report = Report.of("\x1b[31m", {"\x1b[2J": "\x1b]0;x\x07"}, ["\x1b[1m[red]"])
    assert "\x1b" not in plain(report)
    out = Terminal()
    show([report], out)
    assert "\x1b[2J" not in out.getvalue()
    assert "[red]" in out.getvalue()


def test_a_failure_is_told_from_the_root_down_to_its_cause() -> None:
    inner = GaveUp("workers", "job", "boom", None, 3, 5.0)
    outer = GaveUp("root", "workers", "shutdown", inner, 1, 5.0)
    assert chain_text(tuple(chain_of(outer))).splitlines() == [
        "the system failed:",
        f"  {outer}",
        f"    because {inner}",
        "      because boom",
    ]


def test_a_log_is_json_lines_where_there_is_no_terminal() -> None:
    out = io.StringIO()
    assert set_up("auto", out, debug=False) is None
    try:
        raise ValueError("boom")
    except ValueError:
        logging.getLogger("shop").exception("it %s", "failed", extra={"actor": "store"})
    logging.getLogger("shop").debug("not this")
    (line,) = out.getvalue().splitlines()
    entry = json.loads(line)
    assert entry["time"].endswith("Z")
    assert "ValueError: boom" in entry["exception"]
    assert {key: entry[key] for key in ("level", "logger", "message", "actor")} == {
        "level": "error",
        "logger": "shop",
        "message": "it failed",
        "actor": "store",
    }


def test_what_a_crash_report_tells_is_in_fields_of_its_line() -> None:
    out = io.StringIO()
    set_up("json", out, debug=False)
    report = GaveUp("root", "job", ("boom", 3), None, 1, 5.0)
    logging.getLogger("shop").error(str(report), extra={"cause": report})
    entry = json.loads(out.getvalue())
    assert entry["message"].startswith("root gave up")
    assert entry["cause"]["child"] == "job"


def test_a_log_is_for_people_on_a_terminal_and_where_asked_for() -> None:
    terminal, file = Terminal(), io.StringIO()
    assert set_up("auto", terminal, debug=False) is not None
    logging.getLogger("shop").warning("it [bold]failed")
    assert "it [bold]failed" in terminal.getvalue()
    assert set_up("text", file, debug=True) is None
    logging.getLogger("shop").debug("it failed")
    assert file.getvalue().endswith("DEBUG   shop: it failed\n")


def test_progress_is_a_line_on_a_terminal_and_nothing_elsewhere() -> None:
    terminal = Terminal()
    console = set_up("auto", terminal, debug=False)
    with live_line("shop [x]", console) as tell:
        assert tell is not None
        tell("read 5 of 10 [y]")
    assert "shop [x]" in terminal.getvalue()
    assert "read 5 of 10 [y]" in terminal.getvalue()
    with live_line("shop", None) as tell:
        assert tell is None
