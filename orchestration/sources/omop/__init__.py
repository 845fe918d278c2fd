"""Reads an OMOP CDM 5.4 instance into the registry layout: one SELECT per table of the layout."""
