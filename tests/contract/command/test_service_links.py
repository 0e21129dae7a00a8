"""The variables that Kubernetes and Docker links set for a service named `sellout`. They are no settings and are
ignored.
"""

import os
from pathlib import Path

import pytest

from sellout_http.settings.model import read_settings
from sellout_http.settings.signing_key import BadSettings
from tests.contract.support.command import Run, assert_fails, running_server
from tests.contract.support.command import environment as clean

KUBERNETES = {
    "SELLOUT_SERVICE_HOST": "10.0.0.1",
    "SELLOUT_SERVICE_PORT": "8000",
    "SELLOUT_SERVICE_PORT_HTTP_API": "8000",
    "SELLOUT_PORT": "tcp://10.0.0.1:8000",
    "SELLOUT_PORT_8000_TCP": "tcp://10.0.0.1:8000",
    "SELLOUT_PORT_8000_TCP_PROTO": "tcp",
    "SELLOUT_PORT_8000_TCP_PORT": "8000",
    "SELLOUT_PORT_8000_TCP_ADDR": "10.0.0.1",
    "SELLOUT_PORT_53_UDP": "udp://10.0.0.1:53",
    "SELLOUT_PORT_53_UDP_PROTO": "udp",
    "SELLOUT_PORT_9_SCTP": "sctp://[fd00::1]:9",
    "SELLOUT_PORT_9_SCTP_ADDR": "fd00::1",
}
DOCKER = {
    "SELLOUT_NAME": "/front/sellout",
    "SELLOUT_PORT": "tcp://172.17.0.5:8000",
    "SELLOUT_PORT_8000_TCP": "tcp://172.17.0.5:8000",
    "SELLOUT_PORT_8000_TCP_START": "tcp://172.17.0.5:8000",
    "SELLOUT_PORT_8000_TCP_PORT_START": "8000",
    "SELLOUT_PORT_8000_TCP_END": "tcp://172.17.0.5:8002",
    "SELLOUT_PORT_8000_TCP_PORT_END": "8002",
    "SELLOUT_ENV_DATABASE_URL": "postgresql://somewhere",
    "SELLOUT_ENV_PYTHON_VERSION": "",
}


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in set(os.environ) - set(clean()):
        monkeypatch.delenv(name)


@pytest.mark.parametrize("links", [KUBERNETES, DOCKER], ids=["kubernetes", "docker"])
def test_the_variables_of_a_service_named_sellout_are_ignored(
    monkeypatch: pytest.MonkeyPatch, invoke: Run, links: dict[str, str]
) -> None:
    assert invoke("export", "a.jsonl", **links).returncode == 0
    without = read_settings()
    for name, value in links.items():
        monkeypatch.setenv(name, value)
    assert read_settings() == without
    assert read_settings({"port": "81"}).port == 81


@pytest.mark.parametrize("family", ["tcp", "udp", "sctp"])
@pytest.mark.parametrize("address", ["10.0.0.1:8000", "[fd00::1]:8000"])
def test_the_port_may_be_of_any_protocol_and_family(monkeypatch: pytest.MonkeyPatch, family: str, address: str) -> None:
    monkeypatch.setenv("SELLOUT_PORT", f"{family}://{address}")
    assert read_settings().port == 8000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SELLOUT_PORT", "80x0"),
        ("SELLOUT_PORT", "tcp://10.0.0.1"),
        ("SELLOUT_PORT", "tcp://10.0.0.1:80x0"),
        ("SELLOUT_PORT", "tcp://10.0.0.1:0"),
        ("SELLOUT_PORT", "tcp://10.0.0.1:65536"),
        ("SELLOUT_PORT", "tcp://10.0.0.256:8000"),
        ("SELLOUT_PORT", "tcp://shop.example:8000"),
        ("SELLOUT_PORT", "tcp://fd00::1:8000"),
        ("SELLOUT_PORT", "tcp://[10.0.0.1]:8000"),
        ("SELLOUT_PORT", "http://10.0.0.1:8000"),
        ("SELLOUT_PORT", "tcp://10.0.0.1:8000/"),
        ("SELLOUT_PORT", "tcp://10.0.0.1:8000\n"),
        ("SELLOUT_PORT", "tcp://10.0.0.1:٨"),
        ("SELLOUT_SERVICE_HOST", "shop.example"),
        ("SELLOUT_SERVICE_PORT", "http"),
        ("SELLOUT_SERVICE_PORT_HTTP", "80x0"),
        ("SELLOUT_SERVICE_PORT_", "8000"),
        ("SELLOUT_SERVICE_PORT_http", "8000"),
        ("SELLOUT_SERVICE", "sellout"),
        ("SELLOUT_SERVICE_NAME", "sellout"),
        ("SELLOUT_PORT_8000_TCP", "tcp://10.0.0.1:8001"),
        ("SELLOUT_PORT_8000_TCP", "udp://10.0.0.1:8000"),
        ("SELLOUT_PORT_8000_TCP", "8000"),
        ("SELLOUT_PORT_80x0_TCP", "tcp://10.0.0.1:8000"),
        ("SELLOUT_PORT_65536_TCP", "tcp://10.0.0.1:65536"),
        ("SELLOUT_PORT_8000", "tcp://10.0.0.1:8000"),
        ("SELLOUT_PORT_8000_HTTP", "http://10.0.0.1:8000"),
        ("SELLOUT_PORT_8000_TCP_PROTO", "udp"),
        ("SELLOUT_PORT_8000_TCP_PORT", "8001"),
        ("SELLOUT_PORT_8000_TCP_ADDR", "here"),
        ("SELLOUT_PORT_8000_TCP_HOST", "10.0.0.1"),
        ("SELLOUT_PORT_8000_TCP_START", "tcp://10.0.0.1:8001"),
        ("SELLOUT_PORT_8000_TCP_PORT_START", "8001"),
        ("SELLOUT_PORT_8000_TCP_END", "tcp://10.0.0.1:8000"),
        ("SELLOUT_PORT_8000_TCP_END", "udp://10.0.0.1:8001"),
        ("SELLOUT_PORT_8000_TCP_END", "8001"),
        ("SELLOUT_PORT_8000_TCP_PORT_END", "7999"),
        ("SELLOUT_PORT_8000_TCP_PORT_END", "80x0"),
        ("SELLOUT_NAME", "sellout"),
        ("SELLOUT_NAME", "/front/other"),
        ("SELLOUT_ENV", "production"),
        ("SELLOUT_ENV_", "production"),
        ("SELLOUT_HOST", "tcp://10.0.0.1:8000"),
        ("SELLOUT_THREADS", "tcp://10.0.0.1:8000"),
    ],
)
def test_every_other_form_is_an_error(invoke: Run, name: str, value: str) -> None:
    done = invoke("export", **{name: value})
    assert_fails(done, f"{name} ")
    assert "must be" in done.stderr or "is not a setting" in done.stderr


def test_links_beside_a_mistyped_setting_do_not_hide_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**KUBERNETES, "SELLOUT_PROT": "8000"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings) as caught:
        read_settings()
    assert str(caught.value) == "SELLOUT_PROT is not a setting"


def test_a_pod_of_a_service_named_sellout_serves(tmp_path: Path) -> None:
    """Each worker loads the settings from the environment again."""
    with running_server(tmp_path, **KUBERNETES) as (server, _):
        assert server.request("GET", "/product/all/1")[0] == 200
        assert server.stop()[0] == 0
