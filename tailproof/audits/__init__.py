"""An audit as one document: findings, the report that lists them, the page that shows it, the archive that it can be
made from again."""
