"""The Home Assistant Supervisor: its broker, its discovery."""
