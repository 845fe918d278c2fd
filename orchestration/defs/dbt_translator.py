"""How dbt's models, seeds and sources look in Dagster: group, owner, description. Keys stay the tables' names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dagster_dbt import DagsterDbtTranslator

from orchestration.defs.owners import DATA_ENGINEERING, OWNERS, SEEDS

UNIQUE_ID = "dagster_dbt/unique_id"


class Translator(DagsterDbtTranslator):
    """Groups by layer, owners by dbt's own groups."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The layer: the folder under models/, or seeds."""
        if dbt_resource_props["resource_type"] == "seed":
            return SEEDS
        folders: list[str] = dbt_resource_props["fqn"][1:-1]
        return folders[0] if folders else None

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str] | None:
        """The team that owns the model's dbt group, as `team:…`; else the layer's."""
        group = dbt_resource_props.get("group")
        owner = group.get("owner", {}).get("name") if isinstance(group, Mapping) else None
        if owner:
            return [f"team:{'-'.join(str(owner).lower().split())}"]
        return [OWNERS.get(self.get_group_name(dbt_resource_props) or "", DATA_ENGINEERING)]

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The model's own description, without its SQL: that is in the repository."""
        name = str(dbt_resource_props["name"])
        return str(dbt_resource_props.get("description") or f"`{name}` ({dbt_resource_props['original_file_path']}).")
