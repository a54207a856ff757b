"""The databases: addresses, dialects, table definitions."""
