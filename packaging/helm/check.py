"""Renders the chart as its users would and holds what comes out against Kubernetes' own schemas.

Run by `cargo xtask packages`, with helm-python-sdk (Helm's own library) and kubernetes-validate on the path.
"""

import sys
import tempfile
from pathlib import Path

import helm_python as helm
import kubernetes_validate
import yaml

CHART = Path(__file__).parent / "rehome"
# The oldest that Chart.yaml names, and the newest whose schemas are there.
VERSIONS = ["1.25", "1.34"]
ELSEWHERE = {
    "database": {"existingSecret": "rehome-db"},
    "storage": {"type": "s3", "journal": True, "s3": {"bucket": "rehome", "prefix": "eu", "endpoint": "https://s3.example.com"}},
}
GOOD = {
    "one server on a volume": {},
    "several, with everything": {
        **ELSEWHERE,
        "replicaCount": 3,
        "image": {"repository": "r.example/rehome", "digest": "sha256:" + "0" * 64},
        "ingress": {"enabled": True, "className": "nginx", "host": "r.example", "tlsSecretName": "r-tls"},
        "tls": {"enabled": True, "secretName": "own"},
        "autoscaling": {"enabled": True},
        "networkPolicy": {"enabled": True},
        "metrics": {
            "serviceMonitor": {"enabled": True},
            "prometheusRule": {"enabled": True},
            "dashboard": {"enabled": True},
        },
        "migrations": {"job": {"enabled": True}},
        "publicUrl": "https://r.example",
        "trustedProxies": ["10.0.0.0/8"],
        "otlpEndpoint": "http://collector:4318",
        "config": "requests_per_minute = 120\nbackups_per_day = 24",
        "extraEnv": [{"name": "TZ", "value": "UTC"}],
        "extraEnvFrom": [{"secretRef": {"name": "more"}}],
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
        ],
        "nodeSelector": {"kubernetes.io/os": "linux"},
    },
    "a volume that is there": {"persistence": {"existingClaim": "old"}, "serviceAccount": {"create": False}},
}
BAD = {
    "several on one volume each": ({"replicaCount": 2}, "several replicas"),
    "a bucket without a name": ({"storage": {"type": "s3"}}, "bucket is empty"),
    "no such storage": ({"storage": {"type": "ftp"}}, "storage"),
    "no replica": ({"replicaCount": 0}, "replicaCount"),
}


def rendered(values):
    with helm.Chart.load(str(CHART)) as chart:
        chart.validate_schema(values)
        return chart.render(values, name="demo", namespace="prod")


def check(name, values, folder):
    kinds = []
    for template, text in rendered(values).items():
        for document in yaml.safe_load_all(text) if template.endswith(".yaml") else []:
            if not document:
                continue
            kinds.append(document["kind"])
            if document["apiVersion"].startswith("monitoring.coreos.com"):
                continue  # resources of the Prometheus operator: Kubernetes has no schema of them
            for version in VERSIONS:
                kubernetes_validate.validate(document, version, strict=True)
            if "server.toml" in document.get("data", {}):
                # The program itself says whether it takes it.
                (folder / f"{name.replace(' ', '-')}.toml").write_text(document["data"]["server.toml"])
    print(f"{name}: {', '.join(sorted(kinds))}")


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())
    for name, values in GOOD.items():
        check(name, values, folder)
    for name, (values, wanted) in BAD.items():
        try:
            rendered(values)
        except Exception as error:  # the library has one type for all refusals
            if wanted not in str(error):
                raise
            print(f"{name}: refused")
            continue
        sys.exit(f"{name}: was rendered")


main()
