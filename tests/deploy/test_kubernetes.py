"""The manifests as kustomize renders them: valid, and saying what the code, the image and gunicorn say."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from werkzeug.test import Client

from config.settings import VARIABLES, Settings, load_settings
from tickiti_query import VERSION
from tickiti_query.http import views
from tickiti_query.operations.health import Readiness, make_admin_app
from tickiti_query.replica.replica import OBSERVE_SECONDS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
OVERLAYS = ("sidecar", "standalone")
SCHEMAS = "1.35"
# One of which is no part of Kubernetes, so that there is no schema for it.
FOREIGN = {"ServiceMonitor"}
DEFAULT_GRACE_SECONDS = 30  # Kubernetes' own
MAX_CONNECTIONS = 100 - 3  # PostgreSQL's default, without those that superusers keep

OURS = Path(sys.executable).with_name("kubectl")
KUBECTL = str(OURS) if OURS.exists() else shutil.which("kubectl")
pytestmark = pytest.mark.skipif(
    KUBECTL is None, reason="no kubectl (script/kubectl installs it): the manifests were not rendered"
)

Document = dict[str, Any]


def build(folder: Path) -> list[Document]:
    """Return the documents that kustomize makes of a folder."""
    ran = subprocess.run([KUBECTL or "", "kustomize", folder], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    return list(yaml.safe_load_all(ran.stdout))


@cache
def render(overlay: str) -> list[Document]:
    return build(FOLDER / "overlays" / overlay)


def find(overlay: str, kind: str) -> Document:
    """The only one of its kind."""
    (found,) = [document for document in render(overlay) if document["kind"] == kind]
    return found


def find_pod(overlay: str) -> Document:
    template: Document = find(overlay, "Deployment")["spec"]["template"]
    return template


def find_container(overlay: str) -> Document:
    containers = find_pod(overlay)["spec"]["containers"]
    (found,) = [container for container in containers if container["name"] == "tickiti-query"]
    return dict(found)


def list_ports(overlay: str) -> dict[str, int]:
    return {port["name"]: port["containerPort"] for port in find_container(overlay)["ports"]}


def read_gunicorn(name: str) -> int:
    """A number that gunicorn's configuration sets."""
    for node in ast.parse((ROOT / "config" / "gunicorn.conf.py").read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return int(ast.literal_eval(node.value))
    raise AssertionError(name)


def is_selected(selector: dict[str, str], overlay: str) -> bool:
    return bool(selector) and selector.items() <= find_pod(overlay)["metadata"]["labels"].items()


each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


@each_overlay
def test_every_document_fits_its_schema(overlay: str) -> None:
    documents = render(overlay)
    assert documents
    for document in documents:
        if document["kind"] not in FOREIGN:
            kubernetes_validate.validate(document, SCHEMAS, strict=True)


def test_a_document_that_does_not_fit_is_seen() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"container": []}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pod, SCHEMAS, strict=True)


def test_each_arrangement_has_its_parts() -> None:
    shared = {"ConfigMap", "Deployment", "Ingress", "Service"}
    assert {document["kind"] for document in render("sidecar")} == shared
    assert {document["kind"] for document in render("standalone")} == shared | {
        "HorizontalPodAutoscaler",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "ServiceAccount",
    }


def find_block(start: str) -> str:
    """The only block of YAML in the docs that begins so."""
    text = (ROOT / "docs" / "kubernetes.md").read_text("utf-8")
    (block,) = re.findall(rf"```yaml\n({re.escape(start)}.*?)```", text, re.DOTALL)
    return str(block)


def place(start: str, folder: Path) -> Path:
    """A kustomization that the docs show, in a folder of its own beside a copy of ours."""
    shutil.copytree(FOLDER, folder / "deploy" / "kubernetes")
    own = folder / "own"
    own.mkdir()
    (own / "kustomization.yaml").write_text(find_block(start), "utf-8")
    return own


def test_the_kustomization_that_the_docs_show_adapts_what_it_says(tmp_path: Path) -> None:
    documents = {document["kind"]: document for document in build(place("# my-tickiti-query/", tmp_path))}
    assert (
        documents["ConfigMap"]["data"].items()
        >= {
            **find("standalone", "ConfigMap")["data"],
            "TICKITI_CACHE_TTL_SECONDS": "60",
        }.items()
    )
    (container,) = documents["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"registry.example.com/tickiti-query:{VERSION}"
    (source,) = container["envFrom"]
    assert source["configMapRef"]["name"] == documents["ConfigMap"]["metadata"]["name"]
    assert documents["Ingress"]["spec"]["rules"][0]["host"] == "help.your-company.example"
    assert {document["metadata"]["namespace"] for document in documents.values()} == {"tickiti"}


@each_overlay
def test_ports_are_those_that_are_bound(overlay: str) -> None:
    bound = Settings(replica_url="")
    assert list_ports(overlay) == {
        "query-api": int(bound.bind.rpartition(":")[2]),
        "query-ops": int(bound.admin_bind.rpartition(":")[2]),
    }
    service = find(overlay, "Service")["spec"]
    assert {port["targetPort"] for port in service["ports"]} == set(list_ports(overlay))
    assert is_selected(service["selector"], overlay)


@each_overlay
def test_probes_ask_the_operations_port_for_paths_that_it_has(overlay: str) -> None:
    unready = Readiness(lambda: None, lambda _work: (["gone"], [], []), lambda _checks: None)
    operations = Client(make_admin_app(unready, lambda: b""))
    container = find_container(overlay)
    paths = {}
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container[name]["httpGet"]
        assert asked["port"] == "query-ops"
        assert operations.get(asked["path"]).status_code in {200, 503}
        paths[name] = asked["path"]
    # What is unfit with the replica must never ask for a restart.
    assert (paths["startupProbe"], paths["livenessProbe"]) == ("/livez", "/livez")
    # In Tickiti's pod it must not take Tickiti away either.
    assert paths["readinessProbe"] == {"sidecar": "/livez", "standalone": "/readyz"}[overlay]
    assert container["readinessProbe"]["timeoutSeconds"] > 2 * OBSERVE_SECONDS


@each_overlay
def test_the_environment_is_one_that_the_service_starts_with(overlay: str) -> None:
    container = find_container(overlay)
    (source,) = container["envFrom"]
    settings = find(overlay, "ConfigMap")
    assert source["configMapRef"]["name"] == settings["metadata"]["name"]
    (secret,) = container["env"]
    assert {*settings["data"], secret["name"]} <= set(VARIABLES)
    given = load_settings({**settings["data"], secret["name"]: "postgresql://reader@replica/tickiti"})
    assert given.trusted_proxies == 1  # the Ingress
    assert not {"bind", "admin_bind"} & {VARIABLES[name][0] for name in settings["data"]}


@each_overlay
def test_the_secret_is_the_one_that_the_docs_make(overlay: str) -> None:
    text = (ROOT / "docs" / "kubernetes.md").read_text("utf-8")
    made = re.search(r"kubectl create secret generic (\S+)", text)
    keys = set(re.findall(r"--from-(?:literal|file)=([^=]+)=", text))
    (variable,) = find_container(overlay)["env"]
    asked = variable["valueFrom"]["secretKeyRef"]
    (volume,) = [volume["secret"] for volume in find_pod(overlay)["spec"]["volumes"] if "secret" in volume]
    assert made
    assert made[1] == asked["name"] == volume["secretName"]
    assert keys == {asked["key"], *(item["key"] for item in volume["items"])}
    assert volume["optional"] is True


@each_overlay
def test_the_container_may_do_as_little_as_it_needs(overlay: str) -> None:
    security = find_container(overlay)["securityContext"]
    user = re.search(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert user
    assert security == {
        "runAsNonRoot": True,
        "runAsUser": int(user[1]),
        "runAsGroup": int(user[2]),
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


@each_overlay
def test_a_pod_that_ends_has_the_time_that_gunicorn_takes(overlay: str) -> None:
    _, pause = find_container(overlay)["lifecycle"]["preStop"]["exec"]["command"]
    grace = find_pod(overlay)["spec"].get("terminationGracePeriodSeconds", DEFAULT_GRACE_SECONDS)
    assert grace >= int(pause) + read_gunicorn("graceful_timeout") + 5


@each_overlay
def test_the_image_is_of_this_version(overlay: str) -> None:
    assert find_container(overlay)["image"] == f"tickiti-query:{VERSION}"
    assert f"tickiti-query:{VERSION}" in (ROOT / "docs" / "kubernetes.md").read_text("utf-8")


@each_overlay
def test_one_path_is_ours_and_with_the_component_everything_else_is_tickitis(overlay: str, tmp_path: Path) -> None:
    (ours,) = find(overlay, "Ingress")["spec"]["rules"]
    documents = build_with(["catch-all"], overlay, tmp_path)
    ((rule,),) = [document["spec"]["rules"] for document in documents if document["kind"] == "Ingress"]
    assert ours["http"]["paths"] == rule["http"]["paths"][:1]
    service = find(overlay, "Service")
    ways = {
        (path["path"], path["pathType"]): (
            path["backend"]["service"]["name"],
            path["backend"]["service"]["port"],
        )
        for path in rule["http"]["paths"]
    }
    assert ways == {
        (views.PATH, "Exact"): (service["metadata"]["name"], {"name": "http"}),
        ("/", "Prefix"): ("tickiti", {"name": "http"}),
    }
    assert {port["name"]: port["targetPort"] for port in service["spec"]["ports"]}["http"] == "query-api"


def test_beside_tickiti_its_own_container_stays_as_it_was() -> None:
    (alone,) = yaml.safe_load_all((FOLDER / "overlays" / "sidecar" / "tickiti.yaml").read_text("utf-8"))
    together = find("sidecar", "Deployment")
    (tickiti,) = [c for c in find_pod("sidecar")["spec"]["containers"] if c["name"] == "tickiti"]
    assert [tickiti] == alone["spec"]["template"]["spec"]["containers"]
    assert together["spec"]["selector"] == alone["spec"]["selector"]
    assert alone["spec"]["template"]["metadata"]["labels"].items() <= find_pod("sidecar")["metadata"]["labels"].items()


def test_beside_a_tickiti_of_any_name_nothing_of_ours_is_forgotten(tmp_path: Path) -> None:
    own = place("# my-tickiti/", tmp_path)
    alone = yaml.safe_load((FOLDER / "overlays" / "sidecar" / "tickiti.yaml").read_text("utf-8"))
    alone["metadata"]["name"] = "help-desk-web"
    (own / "tickiti.yaml").write_text(yaml.safe_dump(alone), "utf-8")
    documents = {document["kind"]: document for document in build(own)}
    template = documents["Deployment"]["spec"]["template"]
    usual = find_pod("sidecar")
    (ours,) = [c for c in template["spec"]["containers"] if c["name"] == "tickiti-query"]
    assert documents["Deployment"]["metadata"]["name"] == "help-desk-web"
    assert ours.pop("image") == f"registry.example.com/tickiti-query:{VERSION}"
    assert ours == {key: value for key, value in find_container("sidecar").items() if key != "image"}
    assert ours["readinessProbe"]["httpGet"]["path"] == "/livez"
    assert template["spec"]["volumes"] == usual["spec"]["volumes"]
    assert template["metadata"]["labels"] == usual["metadata"]["labels"]


def test_commands_to_tickitis_pods_still_go_to_its_own_container() -> None:
    pod = find_pod("sidecar")
    assert pod["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"] == "tickiti"


@each_overlay
def test_prometheus_finds_the_pods(overlay: str, tmp_path: Path) -> None:
    monitor = find_monitor(tmp_path / "own", overlay)["spec"]
    service = find(overlay, "Service")
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,) = monitor["endpoints"]
    targets = {port["name"]: port["targetPort"] for port in service["spec"]["ports"]}
    assert (targets[endpoint["port"]], endpoint["path"]) == ("query-ops", "/metrics")
    # What the alerts call the job is the Service's name; without the operator, a scrape configuration says both.
    (scrape,) = yaml.safe_load(find_block("scrape_configs:"))["scrape_configs"]
    (rule,) = scrape["relabel_configs"]
    assert rule["regex"] == f"{service['metadata']['name']};{endpoint['port']}"
    assert scrape["job_name"] == service["metadata"]["name"]
    assert f'job="{scrape["job_name"]}"' in ALERTS.read_text("utf-8")


def test_the_alerts_become_a_rule_of_the_operator() -> None:
    text = (ROOT / "docs" / "kubernetes.md").read_text("utf-8")
    (block,) = [found for found in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "PrometheusRule" in found]
    ran = subprocess.run(["bash", "-ec", block], cwd=ROOT, capture_output=True, text=True, check=True)
    made = yaml.safe_load(ran.stdout)
    assert (made["kind"], made["spec"]) == ("PrometheusRule", yaml.safe_load(ALERTS.read_text("utf-8")))


def build_with(components: Sequence[str], overlay: str, folder: Path) -> list[Document]:
    """An overlay with components of ours, from a kustomization of its own."""
    shutil.copytree(FOLDER, folder / "deploy")
    (folder / "own").mkdir()
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [f"../deploy/overlays/{overlay}"],
        "components": [f"../deploy/components/{component}" for component in components],
    }
    (folder / "own" / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), "utf-8")
    return build(folder / "own")


@each_overlay
def test_a_cluster_without_the_operator_takes_every_document(overlay: str) -> None:
    assert not {document["kind"] for document in render(overlay)} & FOREIGN
    groups = {document["apiVersion"].partition("/")[0] for document in render(overlay)}
    assert groups <= {"v1", "apps", "autoscaling", "policy", "networking.k8s.io"}


@each_overlay
def test_each_component_adds_its_part_and_no_other(overlay: str, tmp_path: Path) -> None:
    both = build_with(["service-monitor", "catch-all"], overlay, tmp_path)
    plain = render(overlay)
    assert [each for each in both if each["kind"] in FOREIGN] == [find_monitor(tmp_path / "more", overlay)]
    changed = [each for each in both if each not in plain]
    assert {each["kind"] for each in changed} == {"Ingress", "ServiceMonitor"}


def find_monitor(folder: Path, overlay: str) -> Document:
    """The ServiceMonitor of its component."""
    folder.mkdir()
    documents = build_with(["service-monitor"], overlay, folder)
    (found,) = [document for document in documents if document["kind"] == "ServiceMonitor"]
    return found


@each_overlay
def test_no_pod_gets_variables_for_services(overlay: str) -> None:
    assert find_pod(overlay)["spec"]["enableServiceLinks"] is False


def test_every_selector_finds_the_standalone_pods() -> None:
    for kind, place in (
        ("Deployment", "selector"),
        ("PodDisruptionBudget", "selector"),
        ("NetworkPolicy", "podSelector"),
    ):
        assert is_selected(find("standalone", kind)["spec"][place]["matchLabels"], "standalone"), kind
    scaled = find("standalone", "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert scaled["name"] == find("standalone", "Deployment")["metadata"]["name"]
    # Its number of pods is the autoscaler's to say.
    assert "replicas" not in find("standalone", "Deployment")["spec"]


def test_the_network_lets_through_what_is_needed() -> None:
    policy = find("standalone", "NetworkPolicy")["spec"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert {port["port"] for rule in policy["ingress"] for port in rule["ports"]} == set(list_ports("standalone"))
    assert all(rule["from"] for rule in policy["ingress"])
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {53, 5432}


def test_the_service_account_can_do_nothing() -> None:
    account = find("standalone", "ServiceAccount")
    pod = find_pod("standalone")["spec"]
    assert account["automountServiceAccountToken"] is pod["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == account["metadata"]["name"]


def test_the_replica_has_connections_for_all_pods_of_a_rollout() -> None:
    settings = load_settings({**find("standalone", "ConfigMap")["data"], "TICKITI_REPLICA_URL": "postgresql://x"})
    rollout = find("standalone", "Deployment")["spec"]["strategy"]["rollingUpdate"]
    pods = find("standalone", "HorizontalPodAutoscaler")["spec"]["maxReplicas"] + rollout["maxSurge"]
    assert pods * settings.workers * settings.connections <= MAX_CONNECTIONS
