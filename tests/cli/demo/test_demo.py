"""The demo itself, as a user starts it: told whole, agreeing at its end, and gone without a trace when interrupted."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cli.demo.acts import ACTS
from cli.demo.region import region
from tests.harness.postgres import assert_names_no_patient
from tests.harness.processes import heed_ctrl_c

pytestmark = pytest.mark.xdist_group("demo")

SECONDS = 240


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """`fastlakare demo` with its temporary files in the folder, and settings of the caller's that it must not heed."""
    folder.chmod(0o755)
    environment = os.environ | {"TMPDIR": str(folder), "FASTLAKARE_PARTITIONS": "7", "FASTLAKARE_NO_SUCH": "1"}
    command = [sys.executable, "-m", "cli.main", "demo", *words]
    return subprocess.Popen(
        command,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=heed_ctrl_c,
    )


def left(folder: Path) -> list[str]:
    """What is left of it. A server that removed its last file may need a moment more to end."""
    deadline = time.monotonic() + 10
    while (found := _found(folder)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _found(folder: Path) -> list[str]:
    """Files in the folder, and processes whose command line or environment names it."""
    found = [path.name for path in folder.iterdir()]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in words:
            found.append(process.name)
    return found


@pytest.fixture(scope="module")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, list[str]]:
    """Exit code, output and what is left of a whole run."""
    folder, kept = tmp_path_factory.mktemp("demo"), tmp_path_factory.mktemp("kept") / "log"
    process = start(folder)
    keeping = threading.Thread(target=_keep_log, args=(process, folder, kept))
    keeping.start()
    output, _ = process.communicate(timeout=SECONDS)
    keeping.join()
    assert_names_no_patient(kept)
    return process.returncode, output, left(folder)


def _keep_log(process: subprocess.Popen[str], folder: Path, kept: Path) -> None:
    """A second name for the log of the demo's database server, so that it outlives the demo's folder."""
    while process.poll() is None and not (logs := list(folder.glob("fastlakare-demo-*/data/log"))):
        time.sleep(0.05)
    kept.hardlink_to(logs[0])


def test_the_demo_ends_well_and_leaves_nothing(demo_run: tuple[int, str, list[str]]) -> None:
    code, output, remains = demo_run
    assert (code, remains) == (0, []), output[-3000:]


def test_every_act_is_told(demo_run: tuple[int, str, list[str]]) -> None:
    assert [title for title, _ in ACTS if title not in demo_run[1]] == []


def test_it_ends_with_a_comparison_in_numbers(demo_run: tuple[int, str, list[str]]) -> None:
    verdict = demo_run[1].splitlines()[-1]
    assert re.fullmatch(
        r"✔ 1177 knows exactly what the database holds: "
        r"[\d ]+ records, 20 000 patients, [1-9][\d ]* links, 0 differences \(\d+ s\)",
        verdict,
    )


def test_the_service_was_killed_in_the_middle(demo_run: tuple[int, str, list[str]]) -> None:
    counted = re.search(r"([\d ]+) events were heard before the kill, ([\d ]+) after it; (\d+) of them", demo_run[1])
    assert counted is not None
    before, after, wrong = (int(text.replace(" ", "")) for text in counted.groups())
    assert before > 0
    assert after > 0
    assert wrong == 0


def test_a_refusal_is_told_in_swedish(demo_run: tuple[int, str, list[str]]) -> None:
    assert "Patienten är inte listad" in demo_run[1]
    assert "Personnummer matchar inte vårdcentral vårdval" in demo_run[1]


def test_no_personnummer_and_no_control_code_is_on_the_screen(demo_run: tuple[int, str, list[str]]) -> None:
    output = demo_run[1]
    numbers = set(re.findall(r"\d{10}", output.replace("-", ""))) | set(re.findall(r"\d{6}[-+]\d{4}", output))
    patients = {form for one in region().residents for form in (one.patient_id[2:], one.patient_id[:10])}
    assert not numbers & patients
    assert not re.search(r"\d{6}[-+ ]?23[89]\d", output)
    assert "\x1b" not in output


def printed_until(process: subprocess.Popen[str], words: str) -> str:
    """What it printed up to the line that holds these words; a failure where it ends without them."""
    printed = ""
    assert process.stdout is not None
    for line in process.stdout:
        printed += line
        if words in line:
            return printed
    pytest.fail(printed[-3000:])


def test_kept_it_goes_on_with_its_addresses_until_ctrl_c_and_leaves_nothing(tmp_path: Path) -> None:
    process = start(tmp_path, "--keep")
    watchdog = threading.Timer(SECONDS, process.kill)
    watchdog.start()
    try:
        printed = printed_until(process, "HTTP")
        assert re.search(r"Kafka +127\.0\.0\.1:\d+", printed), printed[-3000:]
        assert re.search(r"database +postgresql://\S+@127\.0\.0\.1:\d+/", printed)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
    assert (process.returncode, left(tmp_path)) == (0, [])


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_in_the_middle_it_leaves_nothing(tmp_path: Path, ending: signal.Signals) -> None:
    process = start(tmp_path)
    watchdog = threading.Timer(SECONDS, process.kill)
    watchdog.start()
    try:
        printed_until(process, "Links come in")
        process.send_signal(ending)
        remaining, _ = process.communicate(timeout=60)
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
    assert "Traceback" not in remaining, remaining[-3000:]
    assert (process.returncode, left(tmp_path)) == (130, []), remaining[-3000:]
