"""Settings of the sources that hold FHIR resources: how resources are read, and where a folder of them lies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

CENSUS_TRACT = "http://hl7.org/fhir/StructureDefinition/iso21090-ADXP-censusTract"


class FhirReading(BaseModel):
    """What a server leaves open. Extensions are named by their URL; `race_standard`: None means by what is recorded.

    `registry_episode_type` is a code or the text of `EpisodeOfCare.type`: such an episode is the time in which the
    registry follows the person.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    race_standard: Literal["omb1997", "omb2024"] | None = None
    tract_extension: Annotated[str, Field(min_length=1)] = CENSUS_TRACT
    tract_vintage: Literal[2010, 2020] | None = None
    tract_vintage_extension: Annotated[str, Field(min_length=1)] = "urn:equity:tract-vintage"
    registry_episode_type: Annotated[str, Field(min_length=1)] = "registry-enrolment"


class FhirFilesSource(FhirReading):
    """An EHR registry as FHIR resources in NDJSON files (R4 or R5), as a bulk export is often handed over."""

    type: Literal["fhir_files"] = "fhir_files"
    name: str = "registry"
    path: Path
