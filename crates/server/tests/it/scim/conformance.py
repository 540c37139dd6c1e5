"""Runs every check of scim2-tester against a server, and writes what it found as lines: status, check, kind of resource, reason.

Words: the address of SCIM, and a bearer token.
"""

import sys

import httpx2
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import check_server

address, token = sys.argv[1:]
# No proxy of the environment: the server is on this machine.
client = httpx2.Client(
    base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=60, trust_env=False
)
for result in check_server(SyncSCIMClient(client)):
    words = (result.status.name, result.title, result.resource_type, result.reason)
    print("\t".join(" ".join(str(word or "").split()) for word in words))
