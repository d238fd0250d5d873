"""What a workspace holds, as plain data and as sentences: the content of `shoal info`."""

from typing import Any

from shoal.workspace import Workspace
from shoal.workspace.round_list import round_lines


def gather_facts(workspace: Workspace) -> dict[str, Any]:
    """Return everything `shoal info --json` prints."""
    counts = workspace.counts()
    backbone = workspace.backbone()
    return {
        "workspace": str(workspace.path),
        "storage": workspace.storage,
        "sources": workspace.sources(),
        "items": {
            "total": counts.total,
            "embedded": counts.embedded,
            "pending": counts.pending,
            "skipped": counts.skipped,
            "removed": counts.removed,
        },
        "skipped": [{"name": name, "reason": reason} for name, reason in workspace.skipped()],
        "backbone": backbone.name if backbone else None,
        "layers": list(workspace.layers),
        "maps": [_map_facts(row) for row in workspace.maps()],
        "round": next((line.row.id for line in round_lines(workspace) if line.current), None),
        "labels": {
            "labelled": sum(row.count for row in workspace.log.classes()),
            "classes": {row.name: row.count for row in workspace.log.classes()},
            "events": workspace.log.seq(),
        },
    }


def _map_facts(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "items": row.items,
        "final": row.final,
        "projector": row.origin.projector,
        "layer": row.origin.layer,
        "parent": row.origin.parent,
    }


def facts_as_text(facts: dict[str, Any], *, skipped_shown: int = 20) -> str:
    """Say the facts to a person; long lists are cut and say so."""
    items, labels = facts["items"], facts["labels"]
    lines = [
        f"{facts['workspace']}",
        f"  items    {items['total']:,}: {items['embedded']:,} embedded, {items['pending']:,} pending, "
        f"{items['skipped']:,} skipped, {items['removed']:,} removed",
        f"  layers   {facts['backbone'] or 'none yet'}: {', '.join(facts['layers'])}",
        f"  maps     {', '.join(_map_text(row) for row in facts['maps'][-3:]) or 'none yet'}",
        f"  round    {'none' if facts['round'] is None else facts['round']}",
        f"  labels   {labels['labelled']:,} of {items['total']:,} items in {len(labels['classes'])} classes",
    ]
    lines += [f"    {count:>9,}  {name}" for name, count in labels["classes"].items()]
    shown = facts["skipped"][:skipped_shown]
    lines += [f"  skipped  {row['name']}: {row['reason']}" for row in shown]
    if hidden := len(facts["skipped"]) - len(shown):
        lines.append(f"  skipped  ... and {hidden:,} more (--json lists all)")
    return "\n".join(lines)


def _map_text(row: dict[str, Any]) -> str:
    kind = "final" if row["final"] else "draft"
    return f"{row['id']} ({row['projector']} of {row['layer']}, {row['items']:,} items, {kind})"
