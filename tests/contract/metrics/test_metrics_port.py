"""The port of the metrics of `sellout serve`: which worker serves it, and when it cannot be used."""

import os
import shutil
import signal
import socket
from pathlib import Path

import httpx2
import pytest

from tests.contract.command.test_workers import readiness, running_server, wait_until_logged, workers_of
from tests.contract.metrics.test_metrics import Series, series_of, value
from tests.contract.support.command import Run, assert_fails
from tests.servers.ports import free_port

PAGE = {"method": "GET", "route": "/product/all/{num_page}", "status": "200"}


def scraped(port: int, requests: int, workers: int) -> Series:
    """The series as soon as so many requests of the page and living workers are counted. Connections may be refused
    until another worker serves the port.
    """
    while True:
        try:
            series = series_of(httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=60))
        except httpx2.TransportError:
            continue
        pages = series.get(("sellout_requests_total", frozenset(PAGE.items())), 0)
        if (pages, value(series, "sellout_workers")) == (requests, workers):
            return series


def test_the_metrics_outlive_every_worker(tmp_path: Path) -> None:
    """The first worker to die may be the one that serves the port."""
    port = free_port()
    with running_server(tmp_path, 2, SELLOUT_METRICS_PORT=str(port)) as (process, url):
        for _ in range(20):
            assert httpx2.get(f"{url}/product/all/1").status_code == 200
        series = scraped(port, 20, 2)
        assert value(series, "sellout_worker_restarts_total") == 0
        for deaths in (1, 2):
            os.kill(workers_of(process)[0], signal.SIGKILL)
            wait_until_logged(process, b"worker replaced")
            series = scraped(port, 20, 2)
            assert value(series, "sellout_worker_restarts_total") == deaths
        readiness(url)
        process.terminate()
        process.communicate(timeout=60)
        assert process.returncode == 0


def test_the_folder_of_the_figures_is_deleted_at_the_end(tmp_path: Path) -> None:
    variables = {"SELLOUT_METRICS_PORT": str(free_port()), "TMPDIR": str(tmp_path)}
    with running_server(tmp_path, 1, **variables) as (process, _):
        [folder] = tmp_path.glob("sellout-metrics-*")
        assert folder.stat().st_mode & 0o777 == 0o700
        process.terminate()
        process.communicate(timeout=60)
    assert not folder.exists()


def test_a_shop_without_the_folder_of_the_figures_is_served(tmp_path: Path) -> None:
    variables = {"SELLOUT_METRICS_PORT": str(free_port()), "TMPDIR": str(tmp_path)}
    with running_server(tmp_path, 1, **variables) as (process, url):
        [folder] = tmp_path.glob("sellout-metrics-*")
        shutil.rmtree(folder)
        os.kill(workers_of(process)[0], signal.SIGKILL)
        wait_until_logged(process, b"worker replaced")
        wait_until_logged(process, b'"event":"failed"')
        assert readiness(url).status_code == 200


def test_a_port_in_use_is_an_error_at_the_start(sellout: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = sellout("serve", "--port", str(free_port()), SELLOUT_METRICS_PORT=port)
    assert_fails(done, f"port {port} on 127.0.0.1 is in use", done.returncode)
    assert done.returncode != 0


def test_the_port_of_the_shop_is_no_port_for_metrics(sellout: Run) -> None:
    port = str(free_port())
    done = sellout("serve", "--port", port, SELLOUT_METRICS_PORT=port)
    assert_fails(done, "SELLOUT_METRICS_PORT must not be the port of the shop")


@pytest.mark.parametrize(
    ("variable", "sent"), [("METRICS_PORT", "0"), ("METRICS_PORT", "x"), ("METRICS_HOST", "shop.example")]
)
def test_a_bad_setting_is_named(sellout: Run, variable: str, sent: str) -> None:
    assert_fails(sellout("serve", **{f"SELLOUT_{variable}": sent}), f"SELLOUT_{variable} must be")


def test_without_the_package_the_message_names_the_extra(sellout: Run, tmp_path: Path) -> None:
    """A package of the same name that cannot be imported takes the place of the real one."""
    hidden = tmp_path / "prometheus_client.py"
    hidden.write_text("raise ModuleNotFoundError('no such module', name='prometheus_client')")
    done = sellout("serve", "--port", str(free_port()), SELLOUT_METRICS_PORT=str(free_port()))
    assert_fails(
        done, "SELLOUT_METRICS_PORT cannot be used: prometheus-client is not installed: pip install 'sellout[metrics]'"
    )
