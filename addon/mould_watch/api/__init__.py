"""HTTP and WebSocket: what Home Assistant sees and says."""
