"""What keeps the service up: logs, health, metrics, error reports, backups."""
