"""The server: settings, database, ingest, reading, pages and API. Never imports torch."""
