"""Print the OpenAPI document: `python -m shoal.server.openapi > web/openapi.json`."""

import json
import sys

from shoal.server.app import routes_app


def document() -> str:
    """Return the document as JSON with sorted keys, the same on every machine, ending in a newline."""
    return json.dumps(routes_app().openapi(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
