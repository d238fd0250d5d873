"""The page's typed client is made from web/openapi.json: it must be what the server offers."""

import json
from pathlib import Path

from shoal.server.openapi import document

COMMITTED = Path(__file__).parents[2] / "web" / "openapi.json"


def test_the_committed_document_is_current():
    assert COMMITTED.read_text() == document(), "run: python -m shoal.server.openapi > web/openapi.json"


def test_no_address_takes_a_path_or_a_url():
    for address, operations in json.loads(document())["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "header":
                    continue
                schema = parameter["schema"]
                assert schema.get("type") == "integer" or "enum" in schema, f"{address}: {parameter['name']}"


def test_every_refusal_is_a_problem():
    for operations in json.loads(document())["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if status.startswith(("4", "5")):
                    schema = answer["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/Problem"}
