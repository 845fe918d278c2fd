"""FHIR Bulk Data: asks a server for an export, waits, downloads it, keeps it, and hands its files on to be landed."""
