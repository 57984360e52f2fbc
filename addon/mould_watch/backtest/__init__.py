"""`mould-watch backtest`: what would have been said over a recorded series."""
