"""The measurements behind every claim of performance, and the large reporting schema that they run on."""
