"""A FHIR Bulk Data server on loopback: versions 1 to 4, SMART token exchange, and misbehavior on demand."""
