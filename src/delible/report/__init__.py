"""Pure renderers: records in, documents out; no clock, no environment, no store."""
