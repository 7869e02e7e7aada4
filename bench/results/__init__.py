"""`make results`: trains what docs/results/ shows, reads the journals and writes the pages and measured bands."""
