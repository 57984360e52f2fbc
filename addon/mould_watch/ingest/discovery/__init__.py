"""Home Assistant's MQTT discovery: sensors that say themselves where and how they report."""
