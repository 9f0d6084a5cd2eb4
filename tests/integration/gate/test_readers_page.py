"""What docs/readers.md shows first is run as it stands there."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any

from tests.integration.gate.place import Gate

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "readers.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


async def test_the_program_reads_codes_and_survives_a_cut(gate: Gate) -> None:
    (program,) = blocks("python")
    environment = {**os.environ, "PASSHUB_URL": gate.url, "PASSHUB_KEY": gate.place.keys["gate"]}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdin=pipe, stdout=pipe, stderr=pipe, env=environment
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(120):
            for what, said in (("granted", "granted None"), ("revoked_pass", "denied revoked_pass")):
                process.stdin.write(gate.place.codes[what].encode() + b"\n")
                assert (await process.stdout.readline()).decode().strip() == said
                for place in list(gate.worker.connections._by_device.values()):
                    place.connection._transport.abort()  # type: ignore[attr-defined]
            process.stdin.write(b"nonsense\n")
            assert (await process.stdout.readline()).decode().strip() == "denied malformed_code"
            assert len(await gate.place.rows(3)) == 3
            await gate.place.execute("UPDATE device_keys SET revoked_at = now()")
            assert await process.wait() == 1
            assert process.stderr is not None
            assert (await process.stderr.read()).decode().strip() == "the hub closed with 4001"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_the_curl_lines_are_answered(gate: Gate) -> None:
    answers = [await perform(gate, line) for line in blocks("sh")]
    shown = json.loads(blocks("json")[0])
    assert {**answers[0], "scanId": "", "accessPointId": "", "accessTime": ""} == {
        **shown,
        "scanId": "",
        "accessPointId": "",
        "accessTime": "",
    }
    assert answers[1]["items"][0]["result"] == "recorded"


async def perform(gate: Gate, line: str) -> dict[str, Any]:
    """What curl would: there may be none on this machine."""
    line = line.replace("$PASSHUB_URL", gate.url).replace("$PASSHUB_KEY", gate.place.keys["gate"])
    curl, silent, url, flag, header, data, body = shlex.split(line)
    assert (curl, silent, flag, data) == ("curl", "-s", "-H", "-d")
    name, _, value = header.partition(": ")
    async with gate.http.post(url, headers={name: value}, data=body.encode()) as response:
        assert response.status == 200
        answer = await response.json()
        assert isinstance(answer, dict)
        return answer
