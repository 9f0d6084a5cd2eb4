"""A reader on HTTP: one scan at a time over a kept-alive connection (docs/readers.md, chapter 10)."""

from __future__ import annotations

import time

import gevent
from locust import FastHttpUser, constant_pacing, task

from loadtests.load.comeback import REFUSED_SECONDS, Comeback
from loadtests.load.rows import HTTP_DECISION
from loadtests.load.scan import Scan, fault_of, new_scan
from loadtests.load.stage import Stage

REPEAT = frozenset({0, 500, 502, 504})  # 0: no answer
DEFAULT_RETRY_SECONDS = 1.0


class HttpReader(FastHttpUser):
    """A request that fails on the way is made again with the same scanId, after a while; each try is counted."""

    stage: Stage
    insecure = False  # certificates are checked
    max_redirects = 0
    max_retries = 0
    connection_timeout = network_timeout = 5.0

    def on_start(self) -> None:
        self.door = self.stage.any_door()
        self.comeback = Comeback(self.stage.chance)
        gevent.sleep(self.stage.chance.uniform(0, 1 / self.stage.options.http_rate))

    def wait_time(self) -> float:
        return constant_pacing(1 / self.stage.options.http_rate)(self)

    @task
    def scan(self) -> None:
        scan = new_scan(self.door, self.stage.options.denied_share, time.perf_counter(), self.stage.chance)
        while (wait := self._ask(scan)) is not None:
            gevent.sleep(wait)

    def _ask(self, scan: Scan) -> float | None:
        """None: this scan is done with. Else it is to be asked again after so many seconds."""
        with self.client.post(
            "/api/v1/passes/verify",
            json={"qrCode": scan.code.text, "scanId": scan.scan_id},
            headers={"Authorization": f"Bearer {self.door.key}"},
            name=HTTP_DECISION,
            catch_response=True,
        ) as response:
            status = response.status_code
            if status == 200:
                answer = response.json()
                fault = fault_of(scan, answer)
                if fault is not None:
                    response.failure(fault)
                self.stage.kept.note(self.door.school, scan, answer.get("reason"))
                self.comeback.settled()
                return None
            response.failure(f"status {status}" if status else f"no answer: {response.error}")
            if status == 503:
                return float(response.headers.get("Retry-After") or DEFAULT_RETRY_SECONDS)
            if status == 401:
                return REFUSED_SECONDS
            return self.comeback.after_refusal(None) if status in REPEAT else None
